// The shipped configs reach what they promise. Minutes, not seconds: label slow.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/program/process.h"
#include "tests/source_dir.h"

using namespace eqprop::testing;
using Json = nlohmann::json;

namespace {

const std::string kConfigs = source_dir() + "/experiments/config/";

}  // namespace

TEST_CASE("the main job learns the digits on noisy arrays, near to exact weights") {
  const TemporaryFolder folder;
  double mean[2] = {0, 0};
  const char* const configs[] = {"digits", "digits_ideal"};
  for (int i = 0; i < 2; ++i) {
    const Outcome outcome = run_program({"train", kConfigs + configs[i] + ".toml", "--seeds", "1..5", "--json"}, folder.path());
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    const Json result = Json::parse(outcome.last_line());
    REQUIRE(result["seed"] == Json({1, 2, 3, 4, 5}));
    REQUIRE(result["test_accuracy"].size() == 5);
    mean[i] = result["mean"]["test_accuracy"].get<double>();
  }
  CHECK(mean[0] >= 0.95);
  CHECK(mean[1] - mean[0] <= 0.02);
}

TEST_CASE("MNIST on exact weights", "[.mnist]") {
  const char* data = std::getenv("EQPROP_DATA_DIR");
  if (data == nullptr) {
    WARN("skipped: EQPROP_DATA_DIR is not set");
    return;
  }
  const TemporaryFolder folder;
  const Outcome outcome = run_program({"train", kConfigs + "mnist_ideal.toml", "--json"}, folder.path(), data);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json result = Json::parse(outcome.last_line());
  CHECK(result["epochs"].get<int>() <= 20);
  CHECK(result["test_accuracy"].get<double>() >= 0.98);
}
