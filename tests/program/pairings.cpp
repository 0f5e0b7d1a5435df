// Every device that pulses, with every programming scheme and every noise, trains the digits from a config alone: two epochs of 64-16-10.
#include <cmath>
#include <map>

#include "base/check.h"
#include "crossbar/device/device.h"
#include "experiments/experiment.h"
#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

const std::vector<std::string> kSchemes = {"sign", "count", "threshold_accumulate", "coincidence", "tiki_taka"};

/// What comes on top of a device and a scheme.
struct Surrounding {
  std::string name;
  std::vector<std::string> sets;
};
const std::vector<Surrounding> kSurroundings = {
    {"white read noise", {"crossbar.read_noise=0.005", "crossbar.read_noise_proportional=0.01"}},
    {"slow noise and drift",
     {"crossbar.flicker=0.02", "crossbar.telegraph=0.05", "crossbar.telegraph_share=0.2", "device.drift_time=1 s",
      "device.drift_exponent=0.02", "device.drift_spread=0.01", "device.retention_time=1 d"}},
    {"slow noise behind wires",
     {"wires.model=effective", "wires.segment_resistance=2 Ohm", "crossbar.flicker=0.02", "crossbar.telegraph=0.05",
      "crossbar.telegraph_share=0.2"}},
    {"faults and spares",
     {"faults.yield=0.99", "faults.dead_lines=0.01", "faults.dead_columns=0.02", "faults.spare_columns=2", "crossbar.wear_out=true",
      "device.endurance_min=1e4", "device.endurance_max=1e6"}},
};

Config config_of(const DevicePreset& device, const std::string& scheme, const std::vector<std::string>& more) {
  Overrides overrides;
  overrides.sets = {"crossbar.device=" + device.name, "crossbar.programming=" + scheme, "crossbar.sign_threshold=0.002",
                    "crossbar.fast_gain=4", "crossbar.transfer_rate=0.2"};
  // what a source leaves open
  if (device.set_volt == 0) overrides.sets.push_back("device.set_voltage=1 V");
  if (device.reset_volt == 0) overrides.sets.push_back("device.reset_voltage=-1 V");
  if (device.pulse_second == 0) overrides.sets.push_back("device.pulse_time=100 ns");
  overrides.sets.insert(overrides.sets.end(), more.begin(), more.end());
  return parse_config(small_config("crossbar", 2), "pairing.toml", overrides);
}

struct Trained {
  double accuracy = 0;
  Wear wear;
  std::int64_t initial_pulses = 0;
  double half_joule = 0, wire_joule = 0;  // [J] of updates
  std::vector<std::uint8_t> bytes;
};

Trained train(const Config& config, int threads) {
  Experiment run(config, find_places(), threads);
  Trained out;
  out.initial_pulses = run.trainer().wear().pulses;
  EpochReport report;
  while (run.trainer().epochs_done() < config.train.epochs) run.trainer().run_epoch(run.train(), nullptr, report);
  out.accuracy = run.trainer().evaluate(run.test()).accuracy;
  out.wear = run.trainer().wear();
  for (int c = 0; c < run.network().coupling_count(); ++c) {
    out.half_joule += run.trainer().ledger().at(c, kPhaseUpdate, Event::half_select).joule;
    out.wire_joule += run.trainer().ledger().at(c, kPhaseUpdate, Event::wire_loss).joule;
  }
  for (int c = 0; c < run.network().coupling_count(); ++c) REQUIRE(run.network().coupling(c).read().allFinite());
  ByteWriter writer;
  run.trainer().save(writer);
  out.bytes = writer.bytes();
  return out;
}

}  // namespace

TEST_CASE("every device trains with every scheme under every noise", "[pairings]") {
  double best_sum = 0;
  int devices = 0;
  std::map<std::string, double> best_with;  // by scheme and noise, of any device
  for (const std::string& name : preset_names()) {
    const DevicePreset device = preset(name);
    if (device.kind == DeviceKind::verify_only) continue;
    double best = 0;
    for (const std::string& scheme : kSchemes)
      for (const Surrounding& around : kSurroundings) {
        INFO(name << ", " << scheme << ", " << around.name);
        const Trained trained = train(config_of(device, scheme, around.sets), 1);
        CHECK(trained.wear.pulses > trained.initial_pulses);
        best = std::max(best, trained.accuracy);
        double& with = best_with[scheme + ", " + around.name];
        with = std::max(with, trained.accuracy);
      }
    UNSCOPED_INFO(name << ": best " << best);
    CHECK(best > 0.2);  // ten classes: some scheme makes any device learn
    best_sum += best;
    ++devices;
  }
  CHECK(devices >= 10);
  CHECK(best_sum / devices > 0.5);
  for (const auto& [pairing, accuracy] : best_with) {
    INFO(pairing << ": best of all devices " << accuracy);
    CHECK(accuracy > 0.3);  // chance is 0.1
  }
}

TEST_CASE("every scheme learns on a device that suits it", "[pairings]") {
  for (const std::string name : {"TaOx-180nm", "ECRAM-Li"})
    for (const std::string& scheme : kSchemes) {
      INFO(name << ", " << scheme);
      Config config = config_of(preset(name), scheme, {"train.epochs=6", "crossbar.transfer_lines=8", "crossbar.transfer_rate=0.05"});
      CHECK(train(config, 2).accuracy > 0.3);  // chance is 0.1
    }
}

TEST_CASE("passive cells and write pulses behind lines train, with the same bits by any number of threads", "[pairings][write_scheme]") {
  for (const std::string& scheme : kSchemes)
    for (const std::string select : {"half", "third"}) {
      INFO(scheme << ", " << select);
      const Config config =
          config_of(preset("TaOx-180nm"), scheme,
                    {"train.epochs=1", "crossbar.half_select=" + select, "device.half_step=1e-4", "crossbar.write_nonlinearity=4",
                     "crossbar.write_segment_resistance=2 Ohm", "crossbar.write_driver_resistance=500 Ohm", "crossbar.write_passes=2"});
      const Trained one = train(config, 1);
      CHECK(one.bytes == train(config, 3).bytes);
      CHECK(one.wear.pulses > one.initial_pulses);
      CHECK(one.half_joule > 0);
      CHECK(one.wire_joule > 0);
      // stopped after the first of two epochs, and gone on with: the bits of two at once
      Config longer = config;
      longer.train.epochs = 2;
      EpochReport report;
      Experiment first(longer, find_places(), 3);
      first.trainer().run_epoch(first.train(), nullptr, report);
      ByteWriter stopped;
      first.trainer().save(stopped);
      Experiment again(longer, find_places(), 2);
      ByteReader reader(stopped.bytes(), "trainer");
      again.trainer().restore(reader);
      again.trainer().run_epoch(again.train(), nullptr, report);
      again.trainer().evaluate(again.test());
      ByteWriter writer;
      again.trainer().save(writer);
      CHECK(writer.bytes() == train(longer, 1).bytes);
    }
}

TEST_CASE("pairings: the same bits by any number of threads", "[pairings]") {
  for (const std::string& scheme : kSchemes)
    for (const Surrounding& around : kSurroundings) {
      INFO(scheme << ", " << around.name);
      const Config config = config_of(preset("TaOx-180nm"), scheme, around.sets);
      CHECK(train(config, 1).bytes == train(config, 3).bytes);
    }
}
