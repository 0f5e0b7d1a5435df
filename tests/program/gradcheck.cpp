// The estimates against finite differences, through the program.
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/program/process.h"
#include "tests/source_dir.h"

using namespace eqprop::testing;
using Json = nlohmann::json;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const std::string kGradcheck = source_dir() + "/experiments/config/gradcheck.toml";

}  // namespace

TEST_CASE("the centered estimate is the gradient") {
  const TemporaryFolder folder;
  const Outcome outcome = run_program({"gradcheck", kGradcheck, "--json"}, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json result = Json::parse(outcome.last_line());
  REQUIRE(result["cosine"].size() == 3);
  REQUIRE(result["relative_error"].size() == 3);
  for (const Json& cosine : result["cosine"]) CHECK(cosine.get<double>() > 0.999);
  for (const Json& error : result["relative_error"]) CHECK(error.get<double>() < 0.05);
  REQUIRE(result["float32"]["cosine"].size() == 3);
  for (const Json& cosine : result["float32"]["cosine"]) CHECK(cosine.get<double>() > 0.99);

  // a smaller nudge is nearer, a one-sided estimate is farther
  const Json near = Json::parse(run_program({"gradcheck", kGradcheck, "--beta", "0.02", "--json"}, folder.path()).last_line());
  const Json far = Json::parse(
      run_program({"gradcheck", kGradcheck, "--estimator", "one_sided", "--set", "target.cosine=-1", "--json"}, folder.path()).last_line());
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(near["relative_error"][c].get<double>() < result["relative_error"][c].get<double>());
    CHECK(far["relative_error"][c].get<double>() > result["relative_error"][c].get<double>());
  }
}

TEST_CASE("gradcheck without a target checks nothing and says so; seed and threads as in train") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("ideal", 1));
  const Outcome one = run_program({"gradcheck", "small.toml", "--threads", "1", "--json"}, folder.path());
  INFO(one.err);
  CHECK(one.exit_code == 0);
  CHECK(has(one.err, "no [target] cosine: nothing checked"));
  const Outcome two = run_program({"gradcheck", "small.toml", "--threads", "2", "--json"}, folder.path());
  CHECK(two.last_line() == one.last_line());
  const Outcome other = run_program({"gradcheck", "small.toml", "--seed", "2", "--json"}, folder.path());
  CHECK(other.exit_code == 0);
  CHECK(other.last_line() != one.last_line());
}

TEST_CASE("gradcheck ends with 1 below its target, and checks crossbars on ideal weights") {
  const TemporaryFolder folder;
  const Outcome failed =
      run_program({"gradcheck", kGradcheck, "--estimator", "one_sided", "--beta", "0.9", "--set", "target.cosine=0.99999"}, folder.path());
  CHECK(failed.exit_code == 1);
  CHECK(has(failed.err, "check failed"));
  CHECK(has(failed.out, "cosine"));
  const Outcome crossbar = run_program({"gradcheck", kGradcheck, "--set", "network.coupling=crossbar"}, folder.path());
  CHECK(crossbar.exit_code == 0);
  CHECK(has(crossbar.err, "ideal couplings"));
}

TEST_CASE("gradcheck refuses weights that read differently backward: their exact gradient is not known") {
  const TemporaryFolder folder;
  const Outcome outcome = run_program({"gradcheck", kGradcheck, "--set", "network.backward_error=0.1"}, folder.path());
  CHECK(outcome.exit_code == 2);
  CHECK(has(outcome.err, "backward_error"));
  CHECK(outcome.out.empty());
}
