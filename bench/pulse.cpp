// Pulses on all cells of a 512 x 512 matrix: law, device spread, cycle noise, window, counters, energy and sums.
// Checked first against a plain loop in double over every pulse.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>

#include "crossbar/array.h"

namespace {

using namespace eqprop;

constexpr int kSide = 512;

DevicePreset device(int law) {
  DevicePreset d = preset("TaOx-180nm");
  if (law == 0) d.law = LinearStep{.step_up = 0.7e-6f, .step_down = 0.7e-6f, .gamma_up = 0.4f, .gamma_down = 0.4f};
  if (law == 2)
    d.law = ExponentialStep{.step_up = 0.8e-6f, .step_down = 0.6e-6f, .A_up = 0.3f, .A_down = 0.2f, .gamma_up = 1.0f, .gamma_down = 1.5f};
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
      const double step =
          std::visit([&](const auto& law) { return double{law.mean_step(plane.g(j, i), set, plane.low(j, i), plane.high(j, i))}; }, d.law);
      const double xi = key.normal(place, static_cast<std::uint32_t>(i * kSide + j));
      const double moved = plane.g(j, i) + step * (set ? plane.up(j, i) : plane.down(j, i)) * (1 + d.cycle_sd * xi);
      const double expected = std::clamp(moved, double{plane.low(j, i)}, double{plane.high(j, i)});
      const DevicePlane& after = on_plus ? tile.plus : tile.minus;
      const DevicePlane& other = on_plus ? tile.minus : tile.plus;
      worst = std::max(
          {worst, std::abs(after.g(j, i) - expected), std::abs(double{other.g(j, i)} - (on_plus ? before.minus : before.plus).g(j, i))});
    }
  return worst;
}

void pulse(benchmark::State& state, int law) {
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
  if (!(error < 1e-11)) {
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

BENCHMARK_CAPTURE(pulse, linear, 0)->Name("pulse/512x512/linear/threads:1");
BENCHMARK_CAPTURE(pulse, soft_bounds, 1)->Name("pulse/512x512/soft_bounds/threads:1");
BENCHMARK_CAPTURE(pulse, exponential, 2)->Name("pulse/512x512/exponential/threads:1");

}  // namespace
