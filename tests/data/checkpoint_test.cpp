#include "eqprop/data/checkpoint.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "tests/catch.h"
#include "tests/data/temp_folder.h"

namespace eqprop {
namespace {

using test::contains;
using test::input_error;
using test::TempFolder;

std::vector<std::uint8_t> payload_of(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 + i / 256);
  return bytes;
}

TEST_CASE("a checkpoint gives back its payload") {
  const TempFolder folder;
  const auto path = folder / "checkpoint.eqp";
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1000}, std::size_t{3} << 20}) {
    const auto payload = payload_of(size);
    write_checkpoint(path, payload);
    CHECK(read_checkpoint(path) == payload);
    CHECK(std::filesystem::file_size(path) == size + 24);
    CHECK(folder.files() == 1);
  }
}

TEST_CASE("the container's bytes are as documented") {
  const TempFolder folder;
  write_checkpoint(folder / "c", std::vector<std::uint8_t>{'a', 'b'});
  const std::string head("EQPCKPT\0\1\0\0\0\2\0\0\0\0\0\0\0ab", 22);
  const std::string bytes = test::read_all(folder / "c");
  REQUIRE(bytes.size() == 26);
  CHECK(bytes.substr(0, 22) == head);
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(head.data()), 22);
  for (std::size_t i = 0; i < 4; ++i) CHECK(static_cast<std::uint8_t>(bytes[22 + i]) == static_cast<std::uint8_t>(crc >> (8 * i)));
}

TEST_CASE("every flipped bit, every truncation and every addition is noticed") {
  const TempFolder folder;
  write_checkpoint(folder / "good", payload_of(50));
  const std::string good = test::read_all(folder / "good");
  const auto damaged = [&](const std::string& bytes) {
    test::write_file(folder / "bad", bytes);
    const auto error = input_error([&] { read_checkpoint(folder / "bad"); });
    return error && error->kind() == InputKind::file && error->where().file == (folder / "bad").string();
  };
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      INFO("byte " << i << " bit " << bit);
      CHECK(damaged(bad));
    }
    CHECK(damaged(good.substr(0, i)));
  }
  CHECK(damaged(good + '\0'));
}

TEST_CASE("each kind of bad checkpoint is called by its name") {
  const TempFolder folder;
  write_checkpoint(folder / "good", payload_of(50));
  const std::string good = test::read_all(folder / "good");
  const auto message = [&](const std::string& name) {
    const auto error = input_error([&] { read_checkpoint(folder / name); });
    return error ? std::string(error->what()) : std::string();
  };
  const auto message_of = [&](const std::string& bytes) {
    test::write_file(folder / "bad", bytes);
    return message("bad");
  };
  std::string version = good, checksum = good;
  version[8] = 9;
  checksum[30] = static_cast<char>(checksum[30] ^ 1);
  CHECK(contains(message("none"), "no such checkpoint"));
  CHECK(contains(message_of(""), "not a checkpoint"));
  CHECK(contains(message_of("epoch,accuracy\n"), "not a checkpoint"));
  CHECK(contains(message_of(version), "version 9, expected 1"));
  CHECK(contains(message_of(good.substr(0, 5)), "truncated"));
  CHECK(contains(message_of(good.substr(0, 40)), "truncated"));
  CHECK(contains(message_of(good + "x"), "longer"));
  CHECK(contains(message_of(checksum), "checksum differs"));
  std::filesystem::create_directory(folder / "dir");
  CHECK(contains(message("dir"), "cannot read"));
}

TEST_CASE("text is written whole and replaces the old") {
  const TempFolder folder;
  const auto path = folder / "metrics.csv";
  write_text_atomic(path, "a long first line\n");
  write_text_atomic(path, "short\n");
  CHECK(test::read_all(path) == "short\n");
  write_text_atomic(path, "");
  CHECK(test::read_all(path).empty());
  CHECK(folder.files() == 1);
}

TEST_CASE("a failed write names the path, leaves the old file and no temporary") {
  const TempFolder folder;
  const auto path = folder / "checkpoint.eqp";
  write_checkpoint(path, payload_of(100));
  const auto failed = [&](const std::filesystem::path& to, std::size_t size) {
    const auto error = input_error([&] { write_checkpoint(to, payload_of(size)); });
    REQUIRE(error);
    CHECK(error->kind() == InputKind::file);
    CHECK(contains(error->what(), to.string()));
  };

  // a full disk, played by a limit on the size of files
  rlimit old{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &old) == 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  rlimit low = old;
  low.rlim_cur = 4096;
  REQUIRE(setrlimit(RLIMIT_FSIZE, &low) == 0);
  const auto error = input_error([&] { write_checkpoint(path, payload_of(100000)); });
  setrlimit(RLIMIT_FSIZE, &old);
  signal(SIGXFSZ, handler);
  REQUIRE(error);
  CHECK(contains(error->what(), path.string()));
  CHECK(folder.files() == 1);
  CHECK(read_checkpoint(path) == payload_of(100));

  failed(folder / "no-such-folder" / "c", 10);
  failed(path / "c", 10);  // a file where a folder should be
  std::filesystem::create_directory(folder / "dir");
  failed(folder / "dir", 10);
  CHECK(folder.files() == 2);
  if (geteuid() != 0) {  // the superuser may write anywhere
    REQUIRE(chmod((folder / "dir").c_str(), 0500) == 0);
    failed(folder / "dir" / "c", 10);
    REQUIRE(chmod((folder / "dir").c_str(), 0700) == 0);
  }
  CHECK(read_checkpoint(path) == payload_of(100));
}

}  // namespace
}  // namespace eqprop
