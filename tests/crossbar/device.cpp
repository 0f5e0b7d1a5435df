// Conformance: what every device law promises inside an array, and what presets promise.
#include "crossbar/device/device.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "crossbar/array.h"
#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"
#include "tests/energy/message.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

const Tile& tile_of(const Array& array) { return array.tiles()[0]; }

ArrayOptions by_sign(const DevicePreset& device) {
  ArrayOptions o;
  o.device = device;
  o.plan.mode = PulseMode::sign;
  o.weight_max = 1;
  return o;
}

}  // namespace

TEST_CASE("every law: SET raises, RESET lowers, the window holds") {
  for (const auto& device : device_of_every_law()) {
    CAPTURE(device.name);
    const auto low = static_cast<float>(device.G_min);
    const auto high = static_cast<float>(device.G_max);
    std::visit(
        [&](const auto& law) {
          for (int k = 0; k <= 100; ++k) {
            const float g = low + (high - low) * static_cast<float>(k) / 100;
            const float up = law.mean_step(g, true, low, high);
            const float down = law.mean_step(g, false, low, high);
            CHECK(up >= 0);
            CHECK(down <= 0);
            if (k > 0 && k < 100) CHECK((up > 0 && down < 0));
            CHECK(up < 0.1f * (high - low));
          }
        },
        device.law);
    Run run{.seed = 1};
    Array array(by_sign(device), 0, Eigen::MatrixXf::Zero(20, 31), run);
    for (std::uint32_t step = 0; step < 400; ++step)
      array.update(Eigen::MatrixXf::Constant(20, 31, step < 200 ? 1.0f : -1.0f), {.step = step}, run);
    for (const auto* plane : {&tile_of(array).plus, &tile_of(array).minus}) {
      CHECK((plane->g.array() >= plane->low.array()).all());
      CHECK((plane->g.array() <= plane->high.array()).all());
    }
  }
}

TEST_CASE("every law: an increase raises the weight in the mean, a decrease lowers it") {
  for (const auto& device : device_of_every_law())
    for (const PairRule rule : {PairRule::toward_middle, PairRule::alternate})
      for (const float sign : {1.0f, -1.0f}) {
        CAPTURE(device.name, sign);
        Run run{.seed = 2};
        ArrayOptions o = by_sign(device);
        o.plan.pair = rule;
        Array array(o, 0, uniform(30, 40, 0.5f, 1), run);
        const Eigen::MatrixXf before = array.weights();
        array.update(Eigen::MatrixXf::Constant(30, 40, sign), {.step = 1}, run);
        const Eigen::ArrayXXf moved = (array.weights() - before).array();
        CHECK(sign * moved.mean() > 0.3f * static_cast<float>(array.weight_step()));
        CHECK((moved * sign > 0).count() > 1150);  // cycle noise of sd .3 turns back one pulse in 2000
      }
}

TEST_CASE("every law: a step scatters from cycle to cycle by cycle_sd of itself, around the law's mean") {
  for (const auto& device : device_of_every_law()) {
    CAPTURE(device.name);
    DevicePreset d = quiet(device).device;
    d.cycle_sd = 0.3;
    Run run{.seed = 3};
    Array array(by_sign(d), 0, Eigen::MatrixXf::Zero(100, 100), run);
    const Eigen::MatrixXf plus = tile_of(array).plus.g, minus = tile_of(array).minus.g;
    array.update(Eigen::MatrixXf::Constant(100, 100, 1.0f), {.step = 1}, run);
    std::vector<double> xi;
    for (Eigen::Index i = 0; i < plus.size(); ++i) {
      const auto low = static_cast<float>(d.G_min), high = static_cast<float>(d.G_max);
      const bool set = tile_of(array).plus.g(i) != plus(i);
      const float before = set ? plus(i) : minus(i);
      const float after = set ? tile_of(array).plus.g(i) : tile_of(array).minus.g(i);
      const double mean = std::visit([&](const auto& law) { return double{law.mean_step(before, set, low, high)}; }, d.law);
      xi.push_back((double{after} - before) / mean - 1);
    }
    double mean = 0, square = 0;
    for (const double x : xi) mean += x / 1e4, square += x * x / 1e4;
    // five sd of the estimates at n = 10000
    CHECK(std::abs(mean) < 5 * 0.3 / 100);
    CHECK(std::sqrt(square) == Approx(0.3).epsilon(5 / std::sqrt(2e4)));
  }
}

TEST_CASE("every law: without noise and spread a pulse is the law, for every seed") {
  for (const auto& device : device_of_every_law()) {
    CAPTURE(device.name);
    const ArrayOptions o = [&] {
      ArrayOptions x = quiet(device);
      x.plan.mode = PulseMode::sign;
      return x;
    }();
    const Eigen::MatrixXf w = uniform(7, 9, 0.1f, 3);
    Eigen::MatrixXf results[2];
    for (std::uint32_t seed = 0; seed < 2; ++seed) {
      Run run{.seed = seed};
      Array array(o, 0, w, run);
      for (std::uint32_t step = 0; step < 20; ++step) array.update(w, {.step = step}, run);
      results[seed] = array.weights();
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0] != w);
  }
}

TEST_CASE("every law: pulses cost energy, counters equal the ledger, restore gives the same future") {
  for (const auto& device : device_of_every_law()) {
    CAPTURE(device.name);
    Ledger ledger;
    Run run{.seed = 4, .threads = 1, .ledger = &ledger};
    ArrayOptions o;
    o.device = device;
    o.device.write_noise = 0.5;
    const Eigen::MatrixXf w = uniform(13, 50, 0.1f, 1);
    Array array(o, 2, w, run);
    const auto pulses = [&](PhaseId phase) {
      return ledger.at(2, phase, Event::pulse_set).count + ledger.at(2, phase, Event::pulse_reset).count;
    };
    CHECK(pulses(kPhaseInitialWrite) == array.pulses());
    CHECK(array.initial_write().pulses == array.pulses());
    CHECK(ledger.at(2, kPhaseInitialWrite, Event::verify_read).count == array.initial_write().verify_reads);
    const auto step = static_cast<float>(array.weight_step());
    UpdateReport report;
    for (std::uint32_t s = 0; s < 10; ++s) report += array.update(uniform(13, 50, 4 * step, 10 + s), {.step = s}, run);
    CHECK(report.pulses == pulses(kPhaseUpdate));
    CHECK(array.pulses() == pulses(kPhaseUpdate) + pulses(kPhaseInitialWrite));
    CHECK(ledger.at(2, kPhaseUpdate, Event::write_circuit).count == report.pulses);
    CHECK(array.pulses_max() > 0);
    const Entry set = ledger.at(2, kPhaseUpdate, Event::pulse_set);
    const double per_pulse = set.joule / static_cast<double>(set.count);  // 1.2^2 V^2 x some G x 100 ns
    CHECK(per_pulse > 1.44 * device.G_min * 1e-7);
    CHECK(per_pulse < 1.44 * 1.2 * device.G_max * 1e-7);
    CHECK(ledger.at(2, kPhaseUpdate, Event::pulse_reset).joule > 0);

    const auto saved = bytes_of(array);
    Array other(o, 2, 2 * w, run);
    ByteReader reader(saved, "memory");
    other.restore(reader);
    CHECK(reader.done());
    CHECK(bytes_of(other) == saved);
    for (Array* a : {&array, &other}) a->update(uniform(13, 50, 4 * step, 77), {.step = 77}, run);
    CHECK(bytes_of(other) == bytes_of(array));
    CHECK(bytes_of(array) != saved);
  }
}

TEST_CASE("presets: listed, valid or saying why not, unknown names get a hint") {
  CHECK(preset_names().front() == "TaOx-180nm");
  for (const auto& name : preset_names()) {
    const DevicePreset d = preset(name);
    CHECK(d.name == name);
    CHECK_FALSE(d.reference.empty());
  }
  CHECK_NOTHROW(preset("TaOx-180nm").validate());
  CHECK_FALSE(preset("TaOx-180nm").assumed.empty());
  CHECK(has(message_of([] { preset("TaOx-180mn"); }), "did you mean `TaOx-180nm`"));
  CHECK_THROWS_AS(preset("x"), InputError);
  // no volts and seconds, no price
  Run run{.seed = 1};
  ArrayOptions o;
  o.device = preset("Sandia-cell");
  const Eigen::MatrixXf w = uniform(3, 4, 1, 1);
  CHECK(has(message_of([&] { Array(o, 0, w, run); }), "cannot be priced"));
  // 200 pulses per window: the first from the bottom moves a 200th of it
  const DevicePreset taox = preset("TaOx-180nm");
  const auto& law = std::get<SoftBounds>(taox.law);
  CHECK(law.mean_step(2e-6f, true, 2e-6f, 150e-6f) == Approx(taox.window() / 200));
  CHECK(taox.nominal_step() == Approx(taox.window() / 400));
}

TEST_CASE("a field that a user sets is no longer assumed, and is named once") {
  DevicePreset d = preset("TaOx-180nm");
  const auto names = [](const std::vector<std::string>& list, const std::string& name) {
    return std::count(list.begin(), list.end(), name);
  };
  CHECK(d.set.empty());
  REQUIRE(names(d.assumed, "pulse_second") == 1);
  const std::size_t assumed = d.assumed.size();
  d.mark_set("pulse_second");
  d.mark_set("stuck_low");  // was not assumed
  d.mark_set("pulse_second");
  CHECK(d.set == std::vector<std::string>{"pulse_second", "stuck_low"});
  CHECK(d.assumed.size() == assumed - 1);
  CHECK(names(d.assumed, "pulse_second") == 0);
  CHECK_THROWS_AS(d.mark_set("pulse_seconds"), std::logic_error);
}

TEST_CASE("a verify_only device is written and read, training it is an error") {
  Ledger ledger;
  Run run{.seed = 1, .threads = 1, .ledger = &ledger};
  ArrayOptions o = quiet();
  o.device = preset("HfOx-NeuRRAM");
  const Eigen::MatrixXf w = uniform(60, 80, 0.1f, 2);
  Array array(o, 0, w, run);
  const double per_device = (array.weights() - w).cast<double>().norm() / std::sqrt(2.0 * 60 * 80) * array.siemens_per_weight();
  CHECK(per_device ==
        Approx(2.35e-6).epsilon(0.15));  // sd at the middle of the window: 1.053 + .2374 g - .01167 g^2 + 1.536e-4 g^3, g = 19.65
  CHECK(ledger.total(Event::pulse_set).count == array.devices());
  CHECK(has(message_of([&] { array.update(w, {}, run); }), "verify_only"));
}
