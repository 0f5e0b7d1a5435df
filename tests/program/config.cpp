// The config's keys: read, written and read again; statistics of several seeds.
#include "experiments/config.h"

#include <cmath>
#include <filesystem>

#include "experiments/statistics.h"
#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop;
using namespace eqprop::testing;

TEST_CASE("a resolved config reads back to itself") {
  for (const std::string coupling : {"ideal", "crossbar"}) {
    const Config config = parse_config(small_config(coupling, 3), "test.toml");
    const std::string text = config_text(config);
    CHECK(config_text(parse_config(text, "resolved.toml")) == text);
  }
}

TEST_CASE("figures survive writing bit for bit") {
  const double third = 1.0 / 3.0;
  Config config = parse_config(small_config("crossbar", 3), "test.toml");
  config.train.beta = third;
  config.train.rule.rates = {third, 1e-7};
  config.crossbar.array.read_volt = third;
  config.crossbar.array.read_second = 1.23456789e-7;
  config.crossbar.array.write.tolerance = third * 1e-5;
  config.target.test_accuracy = third;
  config.prices = "a \"quoted\\path\".toml";
  const Config again = parse_config(config_text(config), "resolved.toml");
  CHECK(again.train.beta == third);
  CHECK(again.train.rule.rates == config.train.rule.rates);
  CHECK(again.crossbar.array.read_volt == third);
  CHECK(again.crossbar.array.read_second == config.crossbar.array.read_second);
  CHECK(again.crossbar.array.write.tolerance == config.crossbar.array.write.tolerance);
  CHECK(again.target.test_accuracy == third);
  CHECK(again.prices == config.prices);
  CHECK(config_text(parse_config(small_config("crossbar", 3), "test.toml")).find("read_voltage = \"200 mV\"") != std::string::npos);
}

TEST_CASE("--set overrides the file, bare words are texts") {
  Overrides overrides;
  overrides.sets = {"train.epochs=7",          "network.coupling=crossbar", "crossbar.read_voltage=150 mV",
                    "train.rates=[0.5, 0.25]", "network.hidden=\"tanh\"",   "train.kernel=false"};
  overrides.seed = 9;
  const Config config = parse_config(small_config("ideal", 3), "test.toml", overrides);
  CHECK(config.train.epochs == 7);
  CHECK(config.coupling == Substrate::crossbar);
  CHECK(config.crossbar.array.read_volt == 0.15);
  CHECK(config.train.rule.rates == std::vector<double>{0.5, 0.25});
  CHECK(config.hidden == Activation::tanh);
  CHECK_FALSE(config.train.kernel);
  CHECK(config.seed == 9);
}

TEST_CASE("the nudged phases settle as the free one unless told otherwise") {
  Overrides overrides;
  overrides.sets = {"settle.budget=33"};
  CHECK(parse_config(small_config("ideal", 1), "test.toml", overrides).train.nudged.budget == 33);
  overrides.sets.push_back("settle.nudged_budget=5");
  CHECK(parse_config(small_config("ideal", 1), "test.toml", overrides).train.nudged.budget == 5);
}

TEST_CASE("cross entropy takes the last layer out of the settling system") {
  Overrides overrides;
  overrides.sets = {"network.cost=cross_entropy"};
  const Config config = parse_config(small_config("ideal", 1), "test.toml", overrides);
  const NetworkOptions network = config.network();
  CHECK(network.layers.size() == 2);
  CHECK(network.classes == 10);
  CHECK(network.couplings() == 2);
}

TEST_CASE("the configs that come with the program are valid and say what they show") {
  int configs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(EQPROP_SOURCE_DIR "/experiments/config")) {
    INFO(entry.path().string());
    const Config config = read_config(entry.path());
    CHECK(config_text(parse_config(config_text(config), "again")) == config_text(config));
    const std::string text = read_file_text(entry.path());
    CHECK(text.substr(0, 2) == "# ");
    CHECK(text.find("eqprop ") != std::string::npos);
    ++configs;
  }
  CHECK(configs >= 4);
}

TEST_CASE("intervals by Student's t") {
  // quantiles from tables (Abramowitz & Stegun 26.10)
  CHECK(student_t(1) == Approx(12.706).margin(1e-3));
  CHECK(student_t(4) == Approx(2.776).margin(1e-3));
  CHECK(student_t(11) == Approx(2.201).margin(1e-3));
  CHECK(student_t(30) == Approx(2.042).margin(1e-3));
  const Estimate e = estimate({1, 2, 3, 4, 5});
  CHECK(e.mean == Approx(3));
  CHECK(e.half_width == Approx(2.7764 * std::sqrt(2.5 / 5)).epsilon(1e-4));
  CHECK(estimate({7}).half_width == 0);
}
