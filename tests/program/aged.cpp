// eval --after, and runs on arrays with known faults.
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop::testing;
using Json = nlohmann::json;

namespace {

void train(const TemporaryFolder& folder, const std::string& more, const std::string& out) {
  write_file_text(folder / (out + ".toml"), small_config("crossbar", 4) + more);
  const Outcome outcome = run_program({"train", out + ".toml", "--out", out}, folder.path());
  INFO(outcome.err);
  REQUIRE((outcome.exit_code == 0 || outcome.exit_code == 4));
}

}  // namespace

TEST_CASE("eval --after: drift costs accuracy, later more than sooner") {
  const TemporaryFolder folder;
  train(folder, "[device]\ndrift_time = \"1 s\"\ndrift_exponent = 0.05\ndrift_spread = 0.03\n", "run");
  const Outcome outcome = run_program({"eval", "run", "--after", "1 y,1 s", "--after", "1 h", "--json"}, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json json = Json::parse(outcome.last_line());
  REQUIRE(json["after"].size() == 3);
  CHECK(json["after"][0]["second"].get<double>() == 1);
  CHECK(json["after"][1]["second"].get<double>() == 3600);
  CHECK(json["after"][2]["after"].get<std::string>() == "1 y");
  const double now = json["test_accuracy"].get<double>(), hour = json["after"][1]["test_accuracy"].get<double>(),
               year = json["after"][2]["test_accuracy"].get<double>();
  CHECK(now > 0.6);
  CHECK(hour < now);
  CHECK(year < hour);
  CHECK(outcome.err.find("EQ-213") == std::string::npos);
  // an hour after is the same whether a second was looked at before
  const Json alone = Json::parse(run_program({"eval", "run", "--after", "1 h", "--json"}, folder.path()).last_line());
  CHECK(alone["after"][0]["test_accuracy"].get<double>() == Approx(hour).margin(0.01));
  CHECK(run_program({"eval", "run", "--after", "1 fortnight"}, folder.path()).exit_code == 2);
  CHECK(run_program({"eval", "run", "--after", "2000 y"}, folder.path()).exit_code == 2);
}

TEST_CASE("eval --after of what does not change says so") {
  const TemporaryFolder folder;
  train(folder, "", "run");
  const Outcome outcome = run_program({"eval", "run", "--after", "1 d"}, folder.path());
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err.find("EQ-213") != std::string::npos);
  CHECK(outcome.out.find("after 1 d") != std::string::npos);
}

TEST_CASE("a run keeps its fault maps, learns around them and says how many there are") {
  const TemporaryFolder folder;
  std::string map;  // a line in ten is open
  for (int line = 0; line < 65; ++line)
    for (int column = 0; column < 32; ++column)
      map += std::string(line % 10 == 3 ? "open" : column == 7 && line == 5 ? "1e-4" : "") + (column < 31 ? "," : "\n");
  write_file_text(folder / "map.csv", map);
  train(folder, "[faults]\nmaps = [\"map.csv\"]\n", "run");
  std::filesystem::remove(folder / "map.csv");
  const Outcome eval = run_program({"eval", "run", "--json"}, folder.path());
  INFO(eval.err);
  REQUIRE(eval.exit_code == 0);
  CHECK(Json::parse(eval.last_line())["test_accuracy"].get<double>() > 0.4);
  const Outcome again = run_program({"train", "run/config.toml", "--out", "again"}, folder.path());
  CHECK(again.out.find("faults") != std::string::npos);
  CHECK(read_file_text(folder / "run/checkpoint.eqp") == read_file_text(folder / "again/checkpoint.eqp"));
  write_file_text(folder / "small.csv", "ok,ok\n");
  write_file_text(folder / "small.toml", small_config("crossbar", 1) + "[faults]\nmaps = [\"small.csv\"]\n");
  const Outcome small = run_program({"train", "small.toml", "--out", "small"}, folder.path());
  CHECK(small.exit_code == 2);
  CHECK(small.err.find("1 x 2") != std::string::npos);
  CHECK(small.err.find("65 lines") != std::string::npos);
}
