// Weights on one device and weights in slices, from a config alone: training, checkpoints, import.
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "eqprop/data/npy.h"
#include "experiments/experiment.h"
#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

const std::vector<std::string> kSlices = {"crossbar.slices=2", "crossbar.slice_bits=2", "crossbar.carry_every=10"};

struct Trained {
  double accuracy = 0;
  std::int64_t devices = 0;
  std::vector<std::uint8_t> bytes;
};

/// Epochs from a config with these keys set; `resumed`: the second half by an experiment restored from the first's state.
Trained train(std::vector<std::string> sets, int threads, int epochs, bool resumed = false) {
  Overrides overrides;
  overrides.sets = std::move(sets);
  overrides.sets.emplace_back("crossbar.read_noise=0.005");
  const Config config = parse_config(small_config("crossbar", epochs), "mapping.toml", overrides);
  std::unique_ptr<Experiment> run = std::make_unique<Experiment>(config, find_places(), threads);
  EpochReport report;
  Trained out;
  while (run->trainer().epochs_done() < epochs) {
    run->trainer().run_epoch(run->train(), nullptr, report);
    if (!resumed || run->trainer().epochs_done() != epochs / 2) continue;
    ByteWriter saved;
    run->trainer().save(saved);
    run = std::make_unique<Experiment>(config, find_places(), threads);
    ByteReader in(saved.bytes(), "saved");
    run->trainer().restore(in);
  }
  out.accuracy = run->trainer().evaluate(run->test()).accuracy;
  out.devices = run->trainer().wear().devices;
  ByteWriter writer;
  run->trainer().save(writer);
  out.bytes = writer.bytes();
  return out;
}

std::vector<std::string> with(std::vector<std::string> sets, const std::vector<std::string>& more) {
  sets.insert(sets.end(), more.begin(), more.end());
  return sets;
}

}  // namespace

TEST_CASE("one device per weight and slices train the digits: same bits by any number of threads and from a checkpoint", "[mapping][long]") {
  const Trained plain = train({}, 2, 4);
  const std::vector<std::string> offset = {"crossbar.mapping=offset_column"};
  struct Case {
    std::string name;
    std::vector<std::string> sets;
    std::int64_t devices;
  };
  const std::int64_t pairs = 65 * 16 + 17 * 10;  // weights and biases
  REQUIRE(plain.devices == 2 * pairs);
  const std::int64_t singles = pairs + 65 + 17;
  for (const Case& one : std::vector<Case>{{"reference column", offset, singles},
                                           {"reference column, serial input", with(offset, {"crossbar.input=serial"}), singles},
                                           {"slices", kSlices, 4 * pairs},
                                           {"slices, serial input", with(kSlices, {"crossbar.input=serial"}), 4 * pairs},
                                           {"slices, trains", with(kSlices, {"crossbar.programming=coincidence"}), 4 * pairs},
                                           {"slices of reference columns", with(kSlices, offset), 2 * singles}}) {
    const Trained trained = train(one.sets, 1, 4);
    INFO(one.name << ": " << trained.accuracy << ", pairs on one array " << plain.accuracy);
    CHECK(trained.accuracy > plain.accuracy - 0.1);
    CHECK(trained.devices == one.devices);
    const bool same = train(one.sets, 3, 4, true).bytes == trained.bytes;  // no bytes in a message
    CHECK(same);
  }
}

TEST_CASE("an import is nearer with every slice that takes over what was missed", "[mapping]") {
  const TemporaryFolder folder;
  Eigen::MatrixXd w(20, 33);
  for (Eigen::Index i = 0; i < w.size(); ++i) w(i) = RandomKey(3, Purpose::test).normal({}, static_cast<std::uint32_t>(i));
  write_file_text(folder / "W.npy", npy(w));
  const auto import = [&](const std::vector<std::string>& sets) {
    std::vector<std::string> arguments = {"import", "W.npy", "--seed", "1", "--json"};
    for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
    const Outcome outcome = run_program(arguments, folder.path());
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return nlohmann::json::parse(outcome.last_line());
  };
  const auto one = import({}), two = import({"crossbar.slices=2", "crossbar.slice_bits=2"}),
             three = import({"crossbar.slices=3", "crossbar.slice_bits=2"}), single = import({"crossbar.mapping=offset_column"});
  const auto error = [](const nlohmann::json& report) { return report["error_relative"].get<double>(); };
  INFO(error(one) << " " << error(two) << " " << error(three));
  CHECK(error(two) < 0.6 * error(one));
  CHECK(error(three) < 0.6 * error(two));
  CHECK(two["devices"] == 2 * one["devices"].get<std::int64_t>());
  CHECK(single["devices"] == 34 * 21);
  CHECK(error(single) < 0.15);
}
