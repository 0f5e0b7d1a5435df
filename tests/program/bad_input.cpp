// Wrong input ends with the right exit code and error code, names the place, says what was expected or how to mend it, writes nothing and
// loses nothing.
#include "tests/program/bad_input.h"

#include <stdlib.h>
#include <sys/wait.h>

#include <map>

#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop;
using namespace eqprop::testing;
namespace fs = std::filesystem;

namespace {

/// Every file of a folder with its content, folders with none.
std::map<std::string, std::string> content_of(const fs::path& folder) {
  std::map<std::string, std::string> content;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = fs::relative(entry.path(), folder).string();
    if (name.starts_with("stdout-") || name.starts_with("stderr-")) continue;
    content[name] = entry.is_regular_file() ? read_file_text(entry.path()) : "";
  }
  return content;
}

int exit_code_of(Code code) { return static_cast<int>(code) < 100 ? 2 : 3; }

void check_case(const BadCase& bad, const fs::path& finished_run) {
  INFO(bad.title);
  const TemporaryFolder folder;
  write_file_text(folder / "good.toml", small_config("crossbar", 1));
  fs::copy(finished_run, folder / "run");
  bad.prepare(folder.path());
  const auto before = content_of(folder.path());
  const std::string data = bad.data_folder.empty() ? "" : (folder / bad.data_folder).string();
  const Outcome outcome = run_program(bad.arguments, folder.path(), data);
  INFO(outcome.err);
  CHECK(outcome.exit_code == exit_code_of(bad.code));
  CHECK(outcome.out.empty());
  CHECK(outcome.err.find("error: ") != std::string::npos);
  CHECK(outcome.err.find("[" + code_name(bad.code) + "]") != std::string::npos);
  // one error, one code
  CHECK(outcome.err.find("[EQ-") == outcome.err.rfind("[EQ-"));
  for (const std::string& part : bad.says) {
    INFO("must say " << part);
    CHECK(outcome.err.find(part) != std::string::npos);
  }
  CHECK(content_of(folder.path()) == before);
}

}  // namespace

std::string eqprop::testing::replaced(std::string text, const std::string& part, const std::string& by) {
  if (part.empty()) return text + by;
  const auto at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.replace(at, part.size(), by);
}

TEST_CASE("bad input is refused with a place, a code and a remedy; nothing is written, nothing is lost") {
  const TemporaryFolder folder;
  write_file_text(folder / "good.toml", small_config("crossbar", 1));
  REQUIRE(run_program({"train", "good.toml", "--out", "run"}, folder.path()).exit_code == 0);
  int cases = 0;
  for (const auto& table : {bad_configs(), bad_arguments(), bad_data(), bad_runs(), bad_studies()})
    for (const BadCase& bad : table) {
      check_case(bad, folder / "run");
      ++cases;
    }
  CHECK(cases >= 60);
}

TEST_CASE("a full disk ends the run with 3 and keeps the last checkpoint") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("crossbar", 2));
  REQUIRE(run_program({"train", "small.toml", "--out", "whole"}, folder.path()).exit_code == 0);
  const auto kilobytes = fs::file_size(folder / "whole/checkpoint.eqp") / 1024;
  fs::create_directory(folder / "disk");
  // a disk of its own, seen by this run alone: room for one checkpoint and a half, and a new one is written before the old one goes
  const std::string shell = "unshare -rm sh -c 'mount -t tmpfs -o size=" + std::to_string(kilobytes * 3 / 2) + "k tmpfs disk && { \"" +
                            program_path() +
                            "\" train small.toml --out disk/run >out.txt 2>err.txt; echo $? >code.txt; cp -r disk/run kept; }'";
  const std::string command = "cd '" + folder.path().string() + "' && " + shell + " 2>mount.txt";
  if (system(command.c_str()) != 0) {
    WARN("skipped: no disk can be mounted here: " << read_file_text(folder / "mount.txt"));
    return;
  }
  const std::string err = read_file_text(folder / "err.txt");
  INFO(err);
  CHECK(read_file_text(folder / "code.txt") == "3\n");
  CHECK(err.find("No space left on device") != std::string::npos);
  CHECK(err.find("[EQ-114]") != std::string::npos);
  CHECK(err.find("--out disk/run --resume") != std::string::npos);
  // what was saved before goes on elsewhere, to the same bits
  fs::remove_all(folder / "disk");
  REQUIRE(fs::exists(folder / "kept/checkpoint.eqp"));
  CHECK(run_program({"eval", "kept"}, folder.path()).exit_code == 0);
  const Outcome resumed = run_program({"train", "small.toml", "--out", "kept", "--resume"}, folder.path());
  INFO(resumed.err);
  CHECK(resumed.exit_code == 0);
  CHECK(read_file_text(folder / "kept/checkpoint.eqp") == read_file_text(folder / "whole/checkpoint.eqp"));
}

TEST_CASE("results that cannot be written are no success") {
  const TemporaryFolder folder;
  const std::string program = std::string("cd '") + folder.path().string() + "' && \"" + program_path() + "\" devices ";
  for (const std::string end : {">/dev/full", ">&-"}) {
    INFO(end);
    const int status = system((program + end + " 2>err.txt").c_str());
    CHECK(WEXITSTATUS(status) == 3);
    CHECK(read_file_text(folder / "err.txt").find("[EQ-114]") != std::string::npos);
  }
}
