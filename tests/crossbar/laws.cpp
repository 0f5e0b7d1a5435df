// Conformance of every law and every preset: window, signs, nominal step, noise, spread, and the fast path of a tile against a plain loop.
#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "crossbar/array.h"
#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"
#include "tests/energy/message.h"
#include "tests/oracle/device_laws.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

/// Every law, then every preset that can be trained.
std::vector<DevicePreset> all_devices() {
  std::vector<DevicePreset> out = device_of_every_law();
  for (const std::string& name : preset_names()) {
    DevicePreset d = preset(name);
    if (d.kind == DeviceKind::verify_only) continue;
    if (d.set_volt == 0) d.set_volt = 1, d.reset_volt = -1, d.pulse_second = 1e-7;
    out.push_back(d);
  }
  return out;
}

ArrayOptions options_of(const DevicePreset& device, PulseMode mode) {
  ArrayOptions o;
  o.device = device;
  o.plan.mode = mode;
  o.weight_max = 1;
  o.write.tolerance = device.verify_tolerance;
  o.write.max_pulses = 300;
  return o;
}

}  // namespace

TEST_CASE(
    "every law and preset: mean steps have their sign, the nominal step is half of up minus down at the middle, as the equations say") {
  const QuantileData data = sample_table();
  for (const DevicePreset& d : all_devices()) {
    CAPTURE(d.name, law_name(d.law));
    CHECK_NOTHROW(d.validate());
    for (int k = 0; k <= 200; ++k) {
      const double g = d.G_min + d.window() * k / 200;
      CAPTURE(g);
      const double up = d.mean_step(g, true), down = d.mean_step(g, false);
      CHECK(up >= 0);
      CHECK(down <= 0);
      if (k > 0 && k < 200) CHECK((up > 0 && down < 0));
      for (const bool set : {true, false})
        CHECK(d.mean_step(g, set) ==
              Approx(oracle::mean_step(d.law, data, g, set, d.G_min, d.G_max)).epsilon(1e-4).margin(1e-5 * d.nominal_step()));
    }
    const double middle = (d.G_min + d.G_max) / 2;
    CHECK(d.nominal_step() == Approx((d.mean_step(middle, true) - d.mean_step(middle, false)) / 2));
    CHECK(d.nominal_step() > 0);
  }
}

TEST_CASE("every law and preset: pulses of a tile are those of a plain loop, dense and sparse, and no device leaves its window") {
  const QuantileData data = sample_table();
  for (const DevicePreset& device : all_devices())
    for (const float threshold : {0.0f, 0.95f})  // whole lines, and pulses one by one
      for (const bool quiet : {false, true}) {
        DevicePreset d = device;
        if (quiet) d.cycle_sd = d.cycle_floor = d.cycle_slope = 0;
        CAPTURE(d.name, law_name(d.law), threshold, quiet);
        ArrayOptions o = options_of(d, PulseMode::sign);
        o.plan.sign_threshold = threshold;
        Run run{.seed = 31};
        constexpr Eigen::Index kOutputs = 37, kLines = 21;
        Array array(o, 0, Eigen::MatrixXf::Zero(kOutputs, kLines), run);
        double worst = 0;
        for (std::uint32_t step = 0; step < 40; ++step) {
          Tile before = array.tiles()[0];
          // drifts up, then down: bounds are met
          const Eigen::MatrixXf wish = (uniform(kOutputs, kLines, 1, step).array() + (step < 20 ? 0.6f : -0.6f)).matrix();
          array.update(wish, {.step = step}, run);
          Tile after = array.tiles()[0];
          const RandomKey key(run.seed, Purpose::cycle_noise, before.id);
          const Place place{.step = step, .phase = kPhaseUpdate};
          for (Eigen::Index i = 0; i < kLines; ++i)
            for (Eigen::Index j = 0; j < kOutputs; ++j) {
              const Eigen::Index at = i * kOutputs + j;
              double plus = before.plus.moved()(at), minus = before.minus.moved()(at);
              if (std::abs(wish(at)) > threshold) {
                const bool set = before.plus.g(at) + before.minus.g(at) < static_cast<float>(d.G_min + d.G_max);
                const bool on_plus = (wish(at) > 0) == set;
                const auto index = static_cast<std::uint32_t>(i * ((kOutputs + 3) / 4 * 4) + j);
                const bool uniform_draw = std::holds_alternative<QuantileTable>(d.law);
                const double random = uniform_draw ? key.uniform(place, index) : key.normal(place, index);
                (on_plus ? plus : minus) = oracle::pulsed(d, data, on_plus ? before.plus : before.minus, at, set, random);
              }
              worst = std::max({worst, std::abs(after.plus.moved()(at) - plus), std::abs(after.minus.moved()(at) - minus)});
            }
        }
        CHECK(worst < 1e-5 * d.window());
        for (const DevicePlane* plane : {&array.tiles()[0].plus, &array.tiles()[0].minus}) {
          CHECK((plane->g.array() >= plane->low.array()).all());
          CHECK((plane->g.array() <= plane->high.array()).all());
          CHECK((plane->low.array() < plane->high.array()).all());
          CHECK((plane->low.array() >= 0).all());
        }
      }
}

TEST_CASE("every law and preset: a pulse scatters from cycle to cycle about its mean step by step_sd", "[long]") {
  for (const DevicePreset& device : all_devices())
    for (const bool set : {true, false}) {
      DevicePreset d = device;
      if (d.cycle_sd + d.cycle_floor + d.cycle_slope == 0) continue;
      d.step_spread = d.bound_spread = d.low_spread = d.high_spread = d.asymmetry_spread = d.write_noise = 0;
      d.step_lognormal = false;
      CAPTURE(d.name, law_name(d.law), set);
      // no bound within five sd of the middle: the noise of coarse devices is brought down
      const double middle = (d.G_min + d.G_max) / 2;
      const double reach = std::abs(d.mean_step(middle, set)) + 5 * d.step_sd(middle, set);
      if (reach > 0.45 * d.window()) {
        const double less = (0.45 * d.window() - std::abs(d.mean_step(middle, set))) / (5 * d.step_sd(middle, set));
        d.cycle_sd *= less, d.cycle_floor *= less, d.cycle_slope *= less;
      }
      Run run{.seed = 3};
      ArrayOptions o = options_of(d, PulseMode::sign);
      Array array(o, 0, Eigen::MatrixXf::Zero(100, 100), run);
      Tile& tile = array.tiles()[0];
      // every pair at the middle; a hair off it decides for SET or RESET
      const auto start = static_cast<float>(middle * (set ? 0.9999 : 1.0001));
      tile.plus.g.setConstant(start);
      tile.minus.g.setConstant(start);
      array.update(Eigen::MatrixXf::Constant(100, 100, 1.0f), {.step = 1}, run);
      double mean = 0, square = 0;
      const Eigen::MatrixXf& moved = set ? tile.plus.g : tile.minus.g;
      CHECK(((set ? tile.minus.g : tile.plus.g).array() == start).all());
      const double sd = d.step_sd(start, set);
      for (Eigen::Index i = 0; i < moved.size(); ++i) {
        const double z = (double{moved(i)} - start - d.mean_step(start, set)) / sd;
        mean += z / 1e4, square += z * z / 1e4;
      }
      // five sd of the estimates at n = 10000
      CHECK(std::abs(mean) < 0.05);
      CHECK(std::sqrt(square) == Approx(1).epsilon(5 / std::sqrt(2e4)));
    }
}

TEST_CASE("every law and preset: steps and bounds scatter from device to device as the preset says") {
  for (const DevicePreset& d : all_devices()) {
    CAPTURE(d.name);
    const Tile tile(d, 5, 0, 200, 200, false, false);
    const double middle = (d.G_min + d.G_max) / 2, half = d.window() / 2, n = 40000;
    const Eigen::ArrayXXd factor = (tile.plus.up.cast<double>().array() + tile.plus.down.cast<double>().array()) / 2;
    const Eigen::ArrayXXd tilt = (tile.plus.up.cast<double>().array() - tile.plus.down.cast<double>().array()) / (2 * factor);
    const auto sd_of = [](const Eigen::ArrayXXd& x) { return std::sqrt((x - x.mean()).square().mean()); };
    // five sd of the estimates; a normal factor is cut at .1
    if (d.step_lognormal) {
      CHECK(std::abs(factor.log().mean()) < 5 * d.step_spread / std::sqrt(n));
      CHECK(sd_of(factor.log()) == Approx(d.step_spread).epsilon(5 / std::sqrt(2 * n)));
    } else {
      CHECK(std::abs(factor.mean() - 1) < 5 * d.step_spread / std::sqrt(n) + 1e-4);
      CHECK(sd_of(factor) == Approx(d.step_spread).epsilon(5 / std::sqrt(2 * n) + 0.002).margin(1e-6));
    }
    CHECK(sd_of(tilt) == Approx(d.asymmetry_spread / std::sqrt(3.0)).epsilon(0.02).margin(1e-6));
    CHECK(std::abs(tilt.mean()) < 5 * d.asymmetry_spread / std::sqrt(3 * n) + 1e-6);
    // of a normal cut at three sd the sd is .9975; bounds that fold at the middle by more than a few, or end at 0 S, scatter less
    const auto check_bound = [&](const Eigen::MatrixXf& bound, double at, double spread) {
      const Eigen::ArrayXXd z = (bound.cast<double>().array() - at) / half;
      if (spread == 0 || (spread * 3 < 1.06 && at - 3 * spread * half > 0)) {
        CHECK(std::abs(z.mean()) < 5 * spread / std::sqrt(n) + 1e-6);
        CHECK(sd_of(z) == Approx(0.9975 * spread).epsilon(5 / std::sqrt(2 * n)).margin(1e-6));
      } else {
        CHECK(sd_of(z) < spread);
        CHECK(sd_of(z) > 0.7 * spread);
      }
    };
    check_bound(tile.plus.low, d.G_min, d.low_spread > 0 ? d.low_spread : d.bound_spread * d.G_min / half);
    check_bound(tile.plus.high, d.G_max, d.high_spread > 0 ? d.high_spread : d.bound_spread * d.G_max / half);
    CHECK((tile.plus.low.array() <= middle).all());
    CHECK((tile.plus.high.array() >= middle).all());
  }
}

TEST_CASE("a power of 1 is soft bounds, a power of 0 a constant step") {
  const float low = 2e-6f, high = 150e-6f;
  const PowerStep one{.step_up = 1e-6f, .step_down = 2e-6f}, none{.step_up = 1e-6f, .step_down = 2e-6f, .gamma_up = 0, .gamma_down = 0};
  const SoftBounds soft{.step_up = 1e-6f, .step_down = 2e-6f};
  for (float g = low; g <= high; g += 3.7e-6f)
    for (const bool up : {true, false}) {
      CHECK(one.mean_step(g, up, low, high) == Approx(soft.mean_step(g, up, low, high)).epsilon(1e-5).margin(1e-12));
      CHECK(none.mean_step(g, up, low, high) == Approx(up ? 1e-6f : -2e-6f));
    }
}

TEST_CASE("NeuroSim: trains of its pulses follow G(P), cross the window in P_max, and nonlinearity labels are those of its table") {
  const double low = 3.1e-9, high = 38.5e-9, window = high - low;
  for (const double A_set : {48.0, 500.0, -60.0}) {
    CAPTURE(A_set);
    const NeuroSimTrain set{.pulses = 97, .A = A_set}, reset{.pulses = 100, .A = 20};
    const NeuroSimStep law = NeuroSimStep::from_trains(window, set, reset);
    const auto curve = [&](const NeuroSimTrain& t, double p) { return window * std::expm1(-p / t.A) / std::expm1(-t.pulses / t.A); };
    double g = low;
    for (int p = 1; p <= 97; ++p) {
      g += double{law.mean_step(static_cast<float>(g), true, static_cast<float>(low), static_cast<float>(high))};
      CHECK(g == Approx(low + curve(set, p)).epsilon(1e-4));
    }
    CHECK(g == Approx(high).epsilon(1e-4));
    for (int p = 1; p <= 100; ++p) {
      g += double{law.mean_step(static_cast<float>(g), false, static_cast<float>(low), static_cast<float>(high))};
      CHECK(g == Approx(high - curve(reset, p)).epsilon(1e-4));
    }
    CHECK(g == Approx(low).epsilon(1e-3));
  }
  // label, A / P_max as MLP_NeuroSim V3.0 prints it in formula.cpp
  for (const auto& [label, A] : {std::pair{0.01, 126.268958}, {1.0, 1.251653}, {2.4, 0.499181}, {4.88, 0.200303}, {5.0, 0.192406}})
    CHECK(neurosim_nonlinearity(label) == Approx(A).epsilon(2e-5));
  CHECK_THROWS_AS(neurosim_nonlinearity(10), std::logic_error);
}

TEST_CASE("a quantile table draws what its quantiles say, over the device's own window, and is refused when it makes no sense") {
  const QuantileData data = sample_table();
  const QuantileTable table(data);
  for (const float low : {2e-6f, 10e-6f})
    for (const double x : {0.0, 0.013, 0.5, 0.77, 1.0})
      for (const double u : {0.001, 0.25, 0.5, 0.93, 0.999})
        for (const bool up : {true, false}) {
          CAPTURE(low, x, u, up);
          const float high = 150e-6f, g = low + static_cast<float>(x) * (high - low);
          const double expected = oracle::table_step(data, up, x, u);
          CHECK(table.view().drawn_step(g, up, low, high, 1, static_cast<float>(u)) == Approx(expected).epsilon(1e-4).margin(1e-10));
        }
  const auto refused = [](QuantileData d) { return message_of([&] { QuantileTable{d}; }); };
  QuantileData bad = data;
  bad.set.pop_back();
  CHECK(has(refused(bad), "expected conductances x quantiles"));
  bad = data;
  std::swap(bad.set[0], bad.set[1]);
  CHECK(has(refused(bad), "row 1 decreases"));
  bad = data;
  std::swap(bad.set, bad.reset);
  CHECK(has(refused(bad), "wrong sign"));
  bad = data;
  bad.reset[3] = std::nan("");
  CHECK(has(refused(bad), "no number"));
  bad.conductances = 1;
  CHECK(has(refused(bad), "conductances"));
  DevicePreset d = preset("TaOx-180nm");
  d.law = QuantileTable();
  CHECK(has(message_of([&] { d.validate(); }), "has no table"));
}
