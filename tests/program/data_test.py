"""`eqprop data` against a web server on this machine that cuts transfers, ignores ranges, or sends something else.

    data_test.py PROGRAM [unittest arguments]
"""
import gzip
import hashlib
import http.server
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PROGRAM = sys.argv.pop(1)


def idx(sizes, values):
    return bytes([0, 0, 8, len(sizes)]) + b"".join(struct.pack(">I", n) for n in sizes) + bytes(values)


def small_set():
    """Four files of MNIST's form: 200 + 50 images of 2x3 in 10 classes."""
    files = {}
    for part, count in (("train", 200), ("t10k", 50)):
        labels = [i % 10 for i in range(count)]
        pixels = [(37 * label + 11 * pixel) % 256 for label in labels for pixel in range(6)]
        files[part + "-images-idx3-ubyte.gz"] = gzip.compress(idx([count, 2, 3], pixels), mtime=0)
        files[part + "-labels-idx1-ubyte.gz"] = gzip.compress(idx([count], labels), mtime=0)
    return files


FILES = small_set()
BIG = "big.bin"
FILES[BIG] = b"".join(hashlib.sha256(struct.pack(">I", i)).digest() for i in range(32768))  # 1 MiB in which no part repeats
FIRST = "train-images-idx3-ubyte.gz"


class Handler(http.server.BaseHTTPRequestHandler):
    """/MODE/FILE; the mode says how the server behaves."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        _, mode, name = self.path.split("/", 2)
        asked = self.headers.get("Range")
        record = {"mode": mode, "name": name, "range": asked, "sent": 0}
        self.server.requests.append(record)
        body = FILES.get(name)
        if mode == "none" or body is None:
            self.send_error(404)
            return
        if mode == "wrong":
            body = bytes(len(body))
        if mode == "long":
            body += b"more"
        begin = 0
        if asked and mode != "norange":
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
            if mode == "refuse":
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        rest = body[begin:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        cut = mode in ("cut", "norange", "refuse") and not asked and not any(r is not record and r["name"] == name for r in self.server.requests)
        step = 16384
        for at in range(0, len(rest), step):
            if cut and at >= len(rest) / 2:
                break
            if mode == "slow":
                time.sleep(0.02)
            try:
                self.wfile.write(rest[at : at + step])
            except OSError:
                break
            record["sent"] += len(rest[at : at + step])
        if cut:
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that hangs up is what some of the tests are about."""


class DataTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="eqprop-data-")
        self.path = pathlib.Path(self.folder.name)
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.requests = []
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.catalogue = self.path / "catalogue.toml"
        self.write_catalogue(["ok"])
        self.data = self.path / "data"

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    def write_catalogue(self, modes, change=lambda text: text):
        mirrors = ", ".join(f'"{self.address}/{mode}"' for mode in modes)
        text = ""
        for name, files in (("mnist", [f for f in FILES if f != BIG]), ("big", [BIG])):
            text += f'[{name}]\ntitle = "small"\nsamples = [200, 50]\nfeatures = 6\nclasses = 10\nlicence = "none"\nhomepage = "here"\n'
            text += f"mirrors = [{mirrors}]\nfiles = [\n"
            for file in files:
                text += f'  {{ name = "{file}", bytes = {len(FILES[file])}, sha256 = "{hashlib.sha256(FILES[file]).hexdigest()}" }},\n'
            text += "]\n"
        self.catalogue.write_text(change(text))

    def environment(self):
        clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and k != "EQPROP_DATA_DIR"}
        return {**clean, "XDG_CACHE_HOME": str(self.path / "cache"), "HOME": str(self.path)}

    def run_program(self, *arguments, environment=None):
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, cwd=self.path, env=environment or self.environment(), timeout=60)

    def data_command(self, *arguments):
        return self.run_program("data", *arguments, "--folder", str(self.data), "--catalogue", str(self.catalogue))

    def says(self, outcome, code, *words):
        self.assertEqual(outcome.returncode, code, outcome.stderr)
        for word in words:
            self.assertIn(word, outcome.stderr)

    def file(self, name):
        return self.data / ("big" if name == BIG else "mnist") / name

    def test_fetch_list_verify_train(self):
        before = json.loads(self.data_command("list", "--json").stdout)
        self.assertEqual([s["state"] for s in before["sets"]], ["missing", "missing"])
        self.says(self.data_command("fetch", "mnist"), 0, "4 files", "checksum right")
        for name in FILES:
            if name != BIG:
                self.assertEqual(self.file(name).read_bytes(), FILES[name])
        self.assertEqual(len(self.server.requests), 4)
        self.assertEqual(list(self.data.rglob("*.part")), [])
        after = json.loads(self.data_command("list", "--json").stdout)
        self.assertEqual([s["state"] for s in after["sets"]], ["complete", "missing"])
        table = self.data_command("list").stdout
        self.assertIn("200 + 50 x 6", table)
        self.assertIn("complete", table)
        # all is here: nothing is asked of the server again
        self.says(self.data_command("fetch", "mnist"), 0, "is here")
        self.assertEqual(len(self.server.requests), 4)
        self.says(self.data_command("verify", "mnist"), 0)
        (self.path / "c.toml").write_text(
            'seed = 1\n[data]\nname = "mnist"\n[network]\nlayers = [6, 10]\n[train]\nepochs = 1\nbatch = 4\nrates = [0.1]\n'
        )
        self.says(self.run_program("train", "c.toml", environment={**self.environment(), "EQPROP_DATA_DIR": str(self.data)}), 0)

    def test_default_folder_and_the_command_for_missing_data(self):
        text = 'seed = 1\n[data]\nname = "mnist"\n[network]\nlayers = [6, 10]\n[train]\nepochs = 1\nbatch = 4\nrates = [0.1]\n'
        (self.path / "c.toml").write_text(text)
        for name in ("mnist", "fashion-mnist", "kmnist", "optdigits"):
            (self.path / "c.toml").write_text(text.replace('"mnist"', f'"{name}"'))
            missing = self.run_program("train", "c.toml")
            self.says(missing, 3, f"`eqprop data fetch {name}`", str(self.path / "cache/eqprop" / name), "EQ-115")
        (self.path / "c.toml").write_text(text)
        self.says(self.run_program("data", "fetch", "mnist", "--catalogue", str(self.catalogue)), 0)
        self.assertTrue((self.path / "cache/eqprop/mnist" / FIRST).exists())
        self.says(self.run_program("train", "c.toml"), 0)
        home = self.environment()
        del home["XDG_CACHE_HOME"]
        self.assertIn(str(self.path / ".cache/eqprop"), self.run_program("data", "list", environment=home).stdout)

    def test_cut_transfer_goes_on(self):
        self.write_catalogue(["cut"])
        self.says(self.data_command("fetch", "big"), 3, "of 1048576 bytes came", "go", "EQ-118")
        part = self.data / "big" / (BIG + ".part")
        had = part.stat().st_size
        self.assertTrue(0 < had < len(FILES[BIG]))
        self.assertIn("in parts", self.data_command("list").stdout)
        self.says(self.data_command("fetch", "big"), 0, f"after {had} of")
        last = self.server.requests[-1]
        self.assertEqual(last["range"], f"bytes={had}-")
        self.assertEqual(last["sent"], len(FILES[BIG]) - had)
        self.assertEqual(self.file(BIG).read_bytes(), FILES[BIG])
        self.assertFalse(part.exists())

    def test_server_without_ranges_begins_again(self):
        for mode, count in (("norange", 2), ("refuse", 3)):
            with self.subTest(mode):
                self.server.requests.clear()
                self.write_catalogue([mode])
                self.says(self.data_command("fetch", "big"), 3)
                self.says(self.data_command("fetch", "big"), 0)
                self.assertEqual(len(self.server.requests), count)
                self.assertEqual(self.server.requests[-1]["sent"], len(FILES[BIG]))
                self.assertEqual(self.file(BIG).read_bytes(), FILES[BIG])
                self.file(BIG).unlink()

    def test_a_part_file_of_other_bytes_is_found_out(self):
        part = self.data / "big" / (BIG + ".part")
        part.parent.mkdir(parents=True)
        part.write_bytes(b"nonsense")
        self.says(self.data_command("fetch", "big"), 3, "wrong checksum", "EQ-105")
        self.assertFalse(part.exists())
        part.write_bytes(bytes(len(FILES[BIG]) + 1))  # longer than the file
        self.says(self.data_command("fetch", "big"), 0)
        self.assertIsNone(self.server.requests[-1]["range"])

    def test_wrong_checksum(self):
        self.write_catalogue(["wrong"])
        wrong = hashlib.sha256(bytes(len(FILES[BIG]))).hexdigest()
        right = hashlib.sha256(FILES[BIG]).hexdigest()
        self.says(self.data_command("fetch", "big"), 3, f"expected sha256 {right}", f"got {wrong}", "EQ-105")
        self.assertEqual(list((self.data / "big").iterdir()), [])
        self.write_catalogue(["long"])
        self.says(self.data_command("fetch", "big"), 3, "more than the 1048576 bytes")
        self.assertEqual(list((self.data / "big").iterdir()), [])

    def test_second_mirror(self):
        for first in ("none", "wrong", "cut"):
            with self.subTest(first):
                self.server.requests.clear()
                self.write_catalogue([first, "ok"])
                self.says(self.data_command("fetch", "big"), 0, "warning", f"/{first}/{BIG}", "trying the next mirror", f"{self.address}/ok/")
                self.assertEqual(self.file(BIG).read_bytes(), FILES[BIG])
                self.assertEqual(self.server.requests[-1]["range"] is not None, first == "cut")
                self.file(BIG).unlink()

    def test_404_and_no_network(self):
        self.write_catalogue(["none"])
        self.says(self.data_command("fetch", "mnist"), 3, "404", FIRST, "--mirror", "EQ-118")
        self.assertEqual(list((self.data / "mnist").iterdir()), [])
        self.server.server_close()  # nobody listens any more
        self.says(self.data_command("fetch", "mnist", "--mirror", "http://127.0.0.1:9/"), 3, "127.0.0.1", "0 of", "EQ-118")

    def test_mirror_on_disk(self):
        (self.path / "usb").mkdir()
        (self.path / "usb" / BIG).write_bytes(FILES[BIG])
        part = self.data / "big" / (BIG + ".part")
        part.parent.mkdir(parents=True)
        part.write_bytes(FILES[BIG][:1000])
        self.says(self.data_command("fetch", "big", "--mirror", f"file://{self.path}/usb"), 0)
        self.assertEqual(self.file(BIG).read_bytes(), FILES[BIG])
        self.assertEqual(self.server.requests, [])
        self.file(BIG).unlink()
        self.says(self.data_command("fetch", "big", "--mirror", "ftp://127.0.0.1:9/"), 3, "ftp")

    def test_interrupted(self):
        self.write_catalogue(["slow"])
        command = [PROGRAM, "data", "fetch", "big", "--folder", str(self.data), "--catalogue", str(self.catalogue)]
        running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.environment())
        part = self.data / "big" / (BIG + ".part")
        deadline = time.monotonic() + 30
        while not (part.exists() and part.stat().st_size > 0) and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=30)
        self.assertEqual(running.returncode, 130, said)
        self.assertIn(f"eqprop data fetch big --folder '{self.data}'", said)
        had = part.stat().st_size
        self.assertTrue(0 < had < len(FILES[BIG]))
        self.says(self.data_command("fetch", "big"), 0)
        self.assertEqual(self.server.requests[-1]["range"], f"bytes={had}-")
        self.assertEqual(self.file(BIG).read_bytes(), FILES[BIG])

    def test_two_at_once(self):
        self.write_catalogue(["slow"])
        command = [PROGRAM, "data", "fetch", "big", "--folder", str(self.data), "--catalogue", str(self.catalogue)]
        first = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=self.environment())
        part = self.data / "big" / (BIG + ".part")
        deadline = time.monotonic() + 30
        while not (part.exists() and part.stat().st_size > 0) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.says(self.data_command("fetch", "big"), 3, "another program", "EQ-114")
        self.assertEqual(first.wait(timeout=30), 0)
        self.assertEqual(self.file(BIG).read_bytes(), FILES[BIG])

    def test_verify_finds_damage(self):
        self.says(self.data_command("fetch", "mnist"), 0)
        damaged = self.file(FIRST)
        data = bytearray(damaged.read_bytes())
        data[20] ^= 1
        damaged.write_bytes(data)
        outcome = self.data_command("verify", "mnist")
        self.says(outcome, 3, FIRST, "expected sha256", "EQ-105")
        self.assertEqual(outcome.stdout.count(": right"), 3)
        # the user's file is not overwritten
        self.says(self.data_command("fetch", "mnist"), 3, FIRST, "move it away")
        self.assertEqual(damaged.read_bytes(), bytes(data))
        damaged.write_bytes(data[:-1])
        self.assertIn("other size", self.data_command("list").stdout)
        damaged.unlink()
        self.says(self.data_command("verify", "mnist"), 3, FIRST, "missing", "eqprop data fetch mnist --folder", "EQ-115")

    def test_unknown_name(self):
        for verb in ("fetch", "verify"):
            self.says(self.data_command(verb, "mnits"), 2, "did you mean `mnist`?", "big", "EQ-007")
        self.says(self.run_program("data", "fetch", "kmnits"), 2, "did you mean `kmnist`?", "fashion-mnist")
        self.says(self.run_program("data"), 2)
        self.assertEqual(self.server.requests, [])

    def test_built_in_catalogue(self):
        sets = json.loads(self.run_program("data", "list", "--json").stdout)["sets"]
        self.assertEqual([s["name"] for s in sets], ["mnist", "fashion-mnist", "kmnist", "optdigits"])
        sums = [file["sha256"] for s in sets for file in s["files"]]
        self.assertEqual(len(set(sums)), 14)

    def test_bad_catalogue(self):
        for change, words in (
            (lambda t: t.replace("licence", "license", 1), ("catalogue.toml:1:1", "no `licence`", "EQ-004")),
            (lambda t: t.replace("features = 6", "features = 6\nyear = 1", 1), ("catalogue.toml:5:", "unknown key `year`", "EQ-003")),
            (lambda t: t.replace(FIRST, "../" + FIRST, 1), ("mnist.files", "`name`", "EQ-006")),
            (lambda t: t.replace('sha256 = "', 'sha256 = "x', 1), ("64 hexadecimal", "EQ-006")),
            (lambda t: t.replace("bytes = ", "bytes = -", 1), ("`bytes`", "1 or more", "EQ-006")),
            (lambda t: t.replace("[200, 50]", "[200]", 1), ("`samples`", "EQ-005")),
            (lambda t: t + "[", ("not valid TOML", "EQ-002")),
            (lambda t: "", ("no data set", "EQ-004")),
        ):
            self.write_catalogue(["ok"], change)
            self.says(self.data_command("list"), 2, *words)
        self.says(self.run_program("data", "list", "--catalogue", "none.toml"), 3, "none.toml")

    def test_folder_not_writable(self):
        fetch = ["data", "fetch", "big", "--catalogue", str(self.catalogue), "--folder"]
        self.says(self.run_program(*fetch, "/proc/nowhere"), 3, "/proc/nowhere", "EQ-114")
        if os.geteuid() != 0:  # root may write everywhere
            locked = self.path / "locked"
            locked.mkdir(mode=0o555)
            self.says(self.run_program(*fetch, str(locked)), 3, str(locked), "EQ-114")

    def test_disk_full(self):
        small = self.path / "small"
        small.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)], capture_output=True).returncode != 0:
            # in a name space of its own, where a user may mount
            script = f"mount -t tmpfs -o size=256k tmpfs '{small}' && exec \"$@\""
            inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
            if subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
                self.skipTest("a small file system cannot be mounted here")
        else:
            inside = []
        try:
            command = [*inside, PROGRAM, "data", "fetch", "big", "--catalogue", str(self.catalogue), "--folder", str(small)]
            outcome = subprocess.run(command, capture_output=True, text=True, env=self.environment(), timeout=60)
            self.says(outcome, 3, "No space left", "free some space", "EQ-114")
        finally:
            if not inside:
                subprocess.run(["umount", str(small)], check=True)


if __name__ == "__main__":
    unittest.main()
