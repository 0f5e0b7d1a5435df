// Interruption and resumption give the bits of an uninterrupted run; so does any number of threads.
#include <signal.h>

#include <algorithm>
#include <filesystem>

#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop::testing;
namespace fs = std::filesystem;

namespace {

const char* const kSameFiles[] = {"checkpoint.eqp", "ledger.json", "energy.json", "config.toml"};

void check_same(const fs::path& a, const fs::path& b) {
  for (const char* name : kSameFiles) {
    INFO(name);
    const std::string content = read_file_text(a / name);
    CHECK_FALSE(content.empty());
    CHECK(content == read_file_text(b / name));
  }
}

}  // namespace

TEST_CASE("an interrupted run resumes to the same bits") {
  const std::pair<std::string, int> cases[] = {{"ideal", SIGINT}, {"crossbar", SIGTERM}};
  for (const auto& [coupling, signal] : cases) {
    INFO(coupling << ", signal " << signal);
    const TemporaryFolder folder;
    const int epochs = coupling == "ideal" ? 30 : 4;
    write_file_text(folder / "small.toml", small_config(coupling, epochs));
    // the general path, so that an epoch lasts long enough to be met in its middle
    const std::vector<std::string> train = {"train", "small.toml", "--set", "train.kernel=false", "--out"};
    auto whole = train, cut = train;
    whole.push_back("whole");
    cut.push_back("cut");
    REQUIRE(run_program(whole, folder.path()).exit_code == 0);

    {
      Program program(cut, folder.path());
      REQUIRE(program.wait_for("epoch 1/"));
      program.signal(signal);
      const Outcome outcome = program.wait();
      INFO(outcome.err);
      REQUIRE(outcome.exit_code == 130);
      CHECK(outcome.err.find("--out cut --resume") != std::string::npos);
      CHECK(fs::exists(folder / "cut/metrics.csv"));
      CHECK(read_file_text(folder / "cut/checkpoint.eqp") != read_file_text(folder / "whole/checkpoint.eqp"));
    }
    // the test set is not touched before the run is finished
    const Outcome early = run_program({"eval", "cut", "--json"}, folder.path());
    CHECK(early.exit_code == 0);
    CHECK(early.err.find("validation only") != std::string::npos);
    CHECK(early.last_line().find("\"test_accuracy\":null") != std::string::npos);
    CHECK(run_program({"eval", "cut"}, folder.path()).out.find("test") == std::string::npos);

    cut.push_back("--resume");
    const Outcome resumed = run_program(cut, folder.path());
    INFO(resumed.err);
    REQUIRE(resumed.exit_code == 0);
    CHECK(resumed.err.find("going on after epoch") != std::string::npos);
    check_same(folder / "whole", folder / "cut");
    // metrics.csv has every epoch once
    const std::string metrics = read_file_text(folder / "cut/metrics.csv");
    CHECK(std::count(metrics.begin(), metrics.end(), '\n') == epochs + 1);
  }
}

TEST_CASE("a killed run resumes to the same bits") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("crossbar", 3));
  REQUIRE(run_program({"train", "small.toml", "--out", "whole"}, folder.path()).exit_code == 0);
  const std::string marks[] = {"training samples", "epoch 1/", "epoch 2/"};
  for (const std::string& mark : marks) {
    Program program({"train", "small.toml", "--out", "cut", "--resume"}, folder.path());
    program.wait_for(mark);
    program.signal(SIGKILL);
    program.wait();
  }
  REQUIRE(run_program({"train", "small.toml", "--out", "cut", "--resume"}, folder.path()).exit_code == 0);
  check_same(folder / "whole", folder / "cut");
}

TEST_CASE("with nothing to resume the run starts anew and says so") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("ideal", 1));
  fs::create_directory(folder / "empty");
  for (const std::string out : {"missing", "empty"}) {
    const Outcome outcome = run_program({"train", "small.toml", "--out", out, "--resume"}, folder.path());
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.err.find("nothing to resume in " + out + ": starting anew") != std::string::npos);
    CHECK(fs::exists(folder / out / "checkpoint.eqp"));
  }
  const Outcome again = run_program({"train", "small.toml", "--out", "empty", "--resume"}, folder.path());
  CHECK(again.err.find("nothing to resume") == std::string::npos);
}

TEST_CASE("resuming a finished run says so and changes nothing") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("ideal", 2));
  const Outcome first = run_program({"train", "small.toml", "--json"}, folder.path());
  REQUIRE(first.exit_code == 0);
  const std::string checkpoint = read_file_text(folder / "runs/small-seed1/checkpoint.eqp");
  const Outcome again = run_program({"train", "small.toml", "--json", "--resume"}, folder.path());
  CHECK(again.exit_code == 0);
  CHECK(again.err.find("finished") != std::string::npos);
  CHECK(read_file_text(folder / "runs/small-seed1/checkpoint.eqp") == checkpoint);
  CHECK(again.last_line().substr(0, 60) == first.last_line().substr(0, 60));
}

TEST_CASE("threads do not change a bit") {
  for (const std::string coupling : {"ideal", "crossbar"}) {
    const TemporaryFolder folder;
    write_file_text(folder / "small.toml", small_config(coupling, 1));
    for (const std::string threads : {"1", "2", "7"})
      REQUIRE(run_program({"train", "small.toml", "--set", "train.batch=48", "--threads", threads, "--out", "t" + threads}, folder.path())
                  .exit_code == 0);
    check_same(folder / "t1", folder / "t2");
    check_same(folder / "t1", folder / "t7");
  }
}
