// train.beta = "auto": found once, printed with its limits, kept as a word in the resolved config, and found again by whoever resumes.
#include "experiments/beta_auto.h"

#include <csignal>

#include "experiments/experiment.h"
#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

std::string line_with(const std::string& text, const std::string& part) {
  const auto at = text.find(part);
  return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
}

Config small(const std::string& coupling, const std::vector<std::string>& sets) {
  Overrides overrides;
  overrides.sets = sets;
  return parse_config(small_config(coupling, 1), "small.toml", overrides);
}

}  // namespace

TEST_CASE("beta auto is printed with its three limits, stays a word in the config, and is the same for a run that is resumed") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("crossbar", 3));
  const std::vector<std::string> whole = {"train", "small.toml", "--set", "train.beta=auto", "--out", "whole"};
  const Outcome straight = run_program(whole, folder.path());
  INFO(straight.err);
  REQUIRE(straight.exit_code == 0);
  const std::string line = line_with(straight.err, "beta auto: ");
  CHECK(straight.err.find("beta auto", straight.err.find(line) + line.size()) == std::string::npos);
  for (const char* limit : {"(floor ", "dead zone ", "curvature "}) CHECK(line.find(limit) != std::string::npos);
  CHECK(read_file_text(folder / "whole/config.toml").find("beta = \"auto\"") != std::string::npos);

  std::vector<std::string> cut = whole;
  cut.back() = "cut";
  {
    Program program(cut, folder.path());
    REQUIRE(program.wait_for("epoch 1/"));
    program.signal(SIGINT);
    REQUIRE(program.wait().exit_code == 130);
  }
  cut.push_back("--resume");
  const Outcome resumed = run_program(cut, folder.path());
  INFO(resumed.err);
  REQUIRE(resumed.exit_code == 0);
  CHECK(line_with(resumed.err, "beta auto: ") == line);
  CHECK(read_file_text(folder / "cut/checkpoint.eqp") == read_file_text(folder / "whole/checkpoint.eqp"));

  // and it is the number that the run learned with
  const auto number = line.substr(11, line.find(' ', 11) - 11);
  std::vector<std::string> given = whole;
  given[3] = "train.beta=" + number;
  given.back() = "given";
  REQUIRE(run_program(given, folder.path()).exit_code == 0);
  CHECK(read_file_text(folder / "given/ledger.json") == read_file_text(folder / "whole/ledger.json"));
}

TEST_CASE("looking for a beta leaves the network as it was written, converter ranges included; any number of threads finds the same") {
  const Config config = small("crossbar", {"train.beta=auto"});
  const Dataset data = load_config_data(config, find_places()).train;
  Run run{config.seed, 1, nullptr, 0};
  Network<float> network = build_network<float>(config.network(), run);
  const auto bytes = [&] {
    ByteWriter out;
    for (int c = 0; c < network.coupling_count(); ++c) network.coupling(c).save(out);
    return out.bytes();
  };
  const auto before = bytes();
  const NoiseBudget one = starting_budget(config, network, data, 1);
  CHECK(bytes() == before);
  CHECK(starting_budget(config, network, data, 3).chosen == one.chosen);
  CHECK(one.layers.front().step > 0);
}

TEST_CASE("the config keeps the word, refuses others, and estimators without a beta") {
  const Config config = small("ideal", {"train.beta=auto"});
  CHECK(config.beta_auto);
  CHECK(config_text(config).find("beta = \"auto\"") != std::string::npos);
  CHECK(parse_config(config_text(config), "again.toml").beta_auto);
  CHECK_FALSE(small("ideal", {"train.beta=0.3"}).beta_auto);
  for (const char* estimator : {"implicit", "backprop", "contrastive"}) {
    INFO(estimator);
    CHECK_THROWS_AS(small("ideal", {"train.beta=auto", std::string("train.estimator=") + estimator}), InputError);
  }
  for (const char* estimator : {"fourth_order", "coupled_p", "activity_difference", "continual"})
    CHECK(small("ideal", {"train.beta=auto", std::string("train.estimator=") + estimator}).beta_auto);
  try {
    small("ideal", {"train.beta=otto"});
    FAIL("no error");
  } catch (const InputError& error) {
    CHECK(error.code() == Code::wrong_type);
    CHECK(error.message().find("\"auto\"") != std::string::npos);
  }
}

TEST_CASE("gradcheck takes beta auto, by the file or the option") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("ideal", 1));
  const Outcome option = run_program({"gradcheck", "small.toml", "--beta", "auto"}, folder.path());
  const Outcome set = run_program({"gradcheck", "small.toml", "--set", "train.beta=auto"}, folder.path());
  INFO(option.err);
  CHECK(option.exit_code == 0);
  CHECK(option.out == set.out);
  CHECK(option.out.find("at beta 0.25,") == std::string::npos);  // which stands for a word that is not resolved
  const Outcome wrong = run_program({"gradcheck", "small.toml", "--beta", "otto"}, folder.path());
  CHECK(wrong.exit_code == 2);
  CHECK(wrong.err.find("a number or auto") != std::string::npos);
}
