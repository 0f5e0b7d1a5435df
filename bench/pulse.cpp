// Pulses on all cells of a 512 x 512 matrix: law, device spread, cycle noise, window, counters, energy and sums.
// Checked first against a plain loop in double over every pulse.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "crossbar/array.h"
#include "crossbar/device/integrate.h"
#include "crossbar/kernel/random_lanes.h"

namespace {

using namespace eqprop;

constexpr int kSide = 512;

/// 64 conductances x 33 quantiles of soft bounds with a scatter of two thirds of a step, skewed.
QuantileTable table() {
  QuantileData data{.conductances = 64, .quantiles = 33, .set = {}, .reset = {}};
  for (int i = 0; i < data.conductances; ++i)
    for (int k = 0; k < data.quantiles; ++k) {
      const double x = i / 63.0, u = k / 32.0, scatter = 2 * (u - 0.5) + 1.2 * (u * u - 1.0 / 3);
      data.set.push_back(0.8e-6 * (1.05 - x + 0.5 * scatter));
      data.reset.push_back(-0.8e-6 * (0.05 + x) + 0.4e-6 * scatter);
    }
  return QuantileTable(data);
}

/// Volts, window and noise of an integrated law.
DevicePreset integrated(DevicePreset d, const DeviceLaw& law) {
  d.law = law;
  d.G_min = 5e-3;
  d.G_max = 9e-3;
  d.set_volt = 0.5;
  d.reset_volt = -0.51;
  d.pulse_second = 2e-9;
  d.read_volt = 0.2;
  d.verify_tolerance = 1e-4;
  d.integrate_law();
  return d;
}

Vteam wall() {
  Vteam m;
  m.k_on = -0.01, m.k_off = 2e-3, m.v_off = 0.1, m.R_on = 100;
  return m;
}

DevicePreset device(const std::string& law) {
  DevicePreset d = preset("TaOx-180nm");
  if (law == "linear") d.law = LinearStep{.step_up = 0.7e-6f, .step_down = 0.7e-6f, .gamma_up = 0.4f, .gamma_down = 0.4f};
  if (law == "exponential")
    d.law = ExponentialStep{.step_up = 0.8e-6f, .step_down = 0.6e-6f, .A_up = 0.3f, .A_down = 0.2f, .gamma_up = 1.0f, .gamma_down = 1.5f};
  if (law == "power") d.law = PowerStep{.step_up = 0.9e-6f, .step_down = 0.8e-6f, .gamma_up = 1.4f, .gamma_down = 0.6f};
  if (law == "neurosim") {
    d.law = NeuroSimStep::from_trains(d.window(), {.pulses = 200, .A = 110}, {.pulses = 200, .A = 60});
    d.cycle_sd = 0;
    d.cycle_floor = 0.005;
  }
  if (law == "strachan") {
    StrachanStep step;
    step.edge_second = 0.2e-9;
    d = integrated(d, step);
  }
  if (law == "vteam") {
    VteamStep step;
    step.model = wall();
    d = integrated(d, step);
  }
  if (law == "table") {
    d.law = table();
    d.cycle_sd = 1;
  }
  return d;
}

/// Largest difference [S] after one pulse on every pair: `tile` is pulsed, `before` was not.
double largest_error(const Tile& before, const Tile& tile, const Eigen::MatrixXf& wanted, const DevicePreset& d, const RandomKey& key,
                     const Place& place) {
  double worst = 0;
  for (Eigen::Index i = 0; i < tile.lines(); ++i)
    for (Eigen::Index j = 0; j < tile.outputs(); ++j) {
      const bool set = before.plus.g(j, i) + before.minus.g(j, i) < static_cast<float>(d.G_min + d.G_max);
      const bool on_plus = (wanted(j, i) > 0) == set;
      const DevicePlane& plane = on_plus ? before.plus : before.minus;
      const float g = plane.g(j, i), low = plane.low(j, i), high = plane.high(j, i);
      const double factor = set ? plane.up(j, i) : plane.down(j, i);
      const double step = std::visit([&](const auto& law) { return double{law.mean_step(g, set, low, high)}; }, d.law);
      const auto index = static_cast<std::uint32_t>(i * kSide + j);
      double moved = 0;
      if (const auto* law = std::get_if<QuantileTable>(&d.law)) {
        moved = g + factor * double{law->view().drawn_step(g, set, low, high, static_cast<float>(d.cycle_sd), key.uniform(place, index))};
      } else {
        const double sd = d.cycle_sd * std::abs(step) + d.cycle_floor * d.window() + d.cycle_slope * (g - d.G_min);
        moved = g + factor * (step + (set ? sd : -sd) * key.normal(place, index));
      }
      const double expected = std::clamp(moved, double{plane.low(j, i)}, double{plane.high(j, i)});
      const DevicePlane& after = on_plus ? tile.plus : tile.minus;
      const DevicePlane& other = on_plus ? tile.minus : tile.plus;
      worst = std::max(
          {worst, std::abs(after.g(j, i) - expected), std::abs(double{other.g(j, i)} - (on_plus ? before.minus : before.plus).g(j, i))});
    }
  return worst;
}

void pulse(benchmark::State& state, const std::string& law) {
  ArrayOptions options;
  options.device = device(law);
  options.max_rows = options.max_cols = kSide;
  options.plan.mode = PulseMode::sign;
  Run run{.seed = 1};
  Eigen::MatrixXf wanted(kSide, kSide);
  RandomKey(1, Purpose::test).fill_normal({}, 0, wanted.data(), static_cast<std::size_t>(wanted.size()));
  Array array(options, 0, 0.05f * wanted, run);
  Ledger ledger;
  run.ledger = &ledger;

  const Tile before = array.tiles()[0];
  array.update(wanted, {.step = 1}, run);
  const double error = largest_error(before, array.tiles()[0], wanted, options.device, RandomKey(1, Purpose::cycle_noise, before.id),
                                     {.step = 1, .phase = kPhaseUpdate});
  if (!(error < 1e-7 * options.device.G_max)) {
    state.SkipWithError("a pulse differs from the plain loop");
    return;
  }
  std::uint32_t step = 1;
  for (auto _ : state) {
    wanted = -wanted;
    array.update(wanted, {.step = ++step}, run);
  }
  state.counters["pulses_per_second"] = benchmark::Counter(kSide * kSide, benchmark::Counter::kIsIterationInvariantRate);
}

/// Pulses integrated one by one for every device, no table: kSide x kSide states between 5 and 9 mS, with cycle noise of 0.3 of a step.
template <class Model>
void integrate(benchmark::State& state, const Model& model, double volt) {
  const PulseShape shape = PulseShape::pulse(volt, 2e-9, 0.2e-9);
  constexpr std::size_t kDevices = std::size_t{kSide} * kSide;
  const RandomKey key(1, Purpose::test);
  std::vector<float> start(kDevices), moves(kDevices), xi(kDevices);
  key.fill_uniform({}, 0, start.data(), kDevices);
  for (float& x : start) x = static_cast<float>(model.state(5e-3 + 4e-3 * double{x}, 0.2));
  pulse_moves<float>(model, shape, start, moves);
  const std::vector<double> some(start.begin(), start.begin() + 1000);
  std::vector<double> exact(some.size());
  pulse_moves<double>(model, shape, some, exact, {.relative = 1e-9, .absolute = 1e-13});
  for (std::size_t i = 0; i < some.size(); ++i)
    if (!(std::abs(moves[i] / exact[i] - 1) < 1e-3)) {
      state.SkipWithError("a pulse differs from one integrated in double");
      return;
    }
  std::vector<float> after(kDevices);
  std::uint32_t step = 1;
  for (auto _ : state) {
    pulse_moves<float>(model, shape, start, moves);
    random_lanes::fill_normal(key, {.step = ++step}, 0, xi.data(), kDevices);
    for (std::size_t i = 0; i < kDevices; ++i) {
      const float x = start[i] + moves[i] * (1.0f + 0.3f * xi[i]);
      after[i] = x < 0.0f ? 0.0f : x > 1.0f ? 1.0f : x;
    }
    benchmark::DoNotOptimize(after.data());
    benchmark::ClobberMemory();
  }
  state.counters["pulses_per_second"] = benchmark::Counter(kDevices, benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK_CAPTURE(integrate, strachan_set, Strachan{}, 0.5)->Name("pulse/integrated/strachan/set/threads:1");
BENCHMARK_CAPTURE(integrate, strachan_reset, Strachan{}, -0.51)->Name("pulse/integrated/strachan/reset/threads:1");
BENCHMARK_CAPTURE(integrate, vteam_set, wall(), 0.5)->Name("pulse/integrated/vteam/set/threads:1");
BENCHMARK_CAPTURE(integrate, vteam_reset, wall(), -0.5)->Name("pulse/integrated/vteam/reset/threads:1");
BENCHMARK_CAPTURE(pulse, linear, "linear")->Name("pulse/512x512/linear/threads:1");
BENCHMARK_CAPTURE(pulse, soft_bounds, "soft_bounds")->Name("pulse/512x512/soft_bounds/threads:1");
BENCHMARK_CAPTURE(pulse, exponential, "exponential")->Name("pulse/512x512/exponential/threads:1");
BENCHMARK_CAPTURE(pulse, power, "power")->Name("pulse/512x512/power/threads:1");
BENCHMARK_CAPTURE(pulse, neurosim, "neurosim")->Name("pulse/512x512/neurosim/threads:1");
BENCHMARK_CAPTURE(pulse, strachan, "strachan")->Name("pulse/512x512/strachan/threads:1");
BENCHMARK_CAPTURE(pulse, vteam, "vteam")->Name("pulse/512x512/vteam/threads:1");
BENCHMARK_CAPTURE(pulse, table, "table")->Name("pulse/512x512/quantile_table/threads:1");

}  // namespace
