// Interruption and resumption give the bits of an uninterrupted run; so does any number of threads.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop::testing;
namespace fs = std::filesystem;

namespace {

constexpr int kStepsPerEpoch = 76;  // 1212 training samples by 16

const char* const kSameFiles[] = {"checkpoint.eqp", "ledger.json", "energy.json", "config.toml"};

void check_same(const fs::path& a, const fs::path& b) {
  for (const char* name : kSameFiles) {
    INFO(name);
    const std::string content = read_file_text(a / name);
    CHECK_FALSE(content.empty());
    CHECK(content == read_file_text(b / name));
  }
}

std::string replaced(std::string text, const std::string& part, const std::string& by) {
  const auto at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.replace(at, part.size(), by);
}

// until a file is written anew, ten seconds at most
void wait_for_change(const fs::path& file) {
  std::error_code missing;
  const auto before = fs::last_write_time(file, missing);
  const bool was_there = !missing;
  for (int i = 0; i < 5000; ++i) {
    const auto now = fs::last_write_time(file, missing);
    if (!missing && (!was_there || now != before)) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
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

TEST_CASE("a run killed at 50 random points resumes to the same bits, and repeats no more than the work since its last checkpoint") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("crossbar", 40));
  REQUIRE(run_program({"train", "small.toml", "--out", "whole"}, folder.path()).exit_code == 0);
  const std::vector<std::string> resume = {"train", "small.toml", "--out", "cut", "--resume", "--checkpoint-every", "7"};
  std::mt19937 random(1);  // the moments are not named by the project's seeds: the clock decides them
  std::uniform_int_distribution<int> wait(0, 30);
  const fs::path checkpoint = folder / "cut/checkpoint.eqp";
  int killed = 0, resumed = 0, within = 0;
  std::set<long> kinds;
  long furthest = 0;
  for (int k = 0; k < 50; ++k) {
    Program program(resume, folder.path());
    // every fifth is killed while it starts, the others at work, however slow the machine is
    if (k % 5 != 0) wait_for_change(checkpoint);
    std::this_thread::sleep_for(std::chrono::milliseconds(wait(random)));
    program.signal(SIGKILL);
    const Outcome outcome = program.wait();
    killed += outcome.exit_code == 128 + SIGKILL ? 1 : 0;
    // "cut: going on after epoch 3, step 231": never further back than before, and at a step that is a multiple of 7 or the end of an epoch
    const auto at = outcome.err.find(", step ");
    if (at == std::string::npos) continue;
    const long step = std::stol(outcome.err.substr(at + 7));
    CHECK(step >= furthest);
    furthest = step;
    ++resumed;
    if (step % kStepsPerEpoch != 0) kinds.insert(step / 7 % 10);
    within += step % kStepsPerEpoch != 0 ? 1 : 0;
    CHECK((step % 7 == 0 || step % kStepsPerEpoch == 0));
  }
  INFO(killed << " killed, " << resumed << " of them had a checkpoint to go on with, " << within << " of these within an epoch");
  CHECK(killed >= 45);
  // saved every 7 steps, not at epochs or rarer: steps of many kinds were gone on from
  CHECK(kinds.size() >= 4);
  CHECK(resumed >= 20);
  CHECK(within >= 1);
  const Outcome last = run_program(resume, folder.path());
  INFO(last.err);
  REQUIRE(last.exit_code == 0);
  check_same(folder / "whole", folder / "cut");
  const std::string metrics = read_file_text(folder / "cut/metrics.csv");
  CHECK(std::count(metrics.begin(), metrics.end(), '\n') == 41);
  for (const auto& entry : fs::directory_iterator(folder / "cut")) {
    INFO(entry.path());
    CHECK(entry.path().filename().string().find(".tmp") == std::string::npos);
  }
}

TEST_CASE("two runs never train in one folder") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("crossbar", 2000));
  Program program({"train", "small.toml", "--out", "run"}, folder.path());
  REQUIRE(program.wait_for("epoch 1/"));
  const Outcome second = run_program({"train", "small.toml", "--out", "run", "--resume"}, folder.path());
  INFO(second.err);
  CHECK(second.exit_code == 2);
  CHECK(second.err.find("another process is training in this folder") != std::string::npos);
  CHECK(second.err.find("[EQ-013]") != std::string::npos);
}

TEST_CASE("a second signal ends the program at once") {
  const TemporaryFolder folder;
  // one step takes minutes: the first signal cannot be obeyed yet
  write_file_text(folder / "long.toml", replaced(replaced(small_config("crossbar", 3), "batch = 16", "batch = 1212"), "budget = 12",
                                                 "budget = 60000\ntolerance = 0\nnoise_window = 1000\nnoise_margin = 1e-6"));
  Program program({"train", "long.toml", "--out", "cut"}, folder.path());
  REQUIRE(program.wait_for("training samples"));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  program.signal(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  program.signal(SIGINT);
  const auto start = std::chrono::steady_clock::now();
  CHECK(program.wait().exit_code == 130);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
  CHECK_FALSE(fs::exists(folder / "cut/checkpoint.eqp"));
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
