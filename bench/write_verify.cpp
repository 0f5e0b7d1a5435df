// Write-verify of all devices of a 512 x 512 matrix from the fresh state, default tolerance. Checked first: all but the devices that miss
// within the pulse budget end within tolerance, as far as a noise-free read can tell, and the rest are as many as the report says.
#include <benchmark/benchmark.h>

#include <cmath>

#include "crossbar/array.h"

namespace {

using namespace eqprop;

constexpr int kSide = 512;

/// Devices of a tile whose conductance is further from its target than the tolerance.
std::int64_t outside(const Array& array, const Eigen::MatrixXf& target, double tolerance) {
  const auto& d = array.options().device;
  const double middle = (d.G_min + d.G_max) / 2;
  std::int64_t count = 0;
  for (Eigen::Index i = 0; i < target.cols(); ++i)
    for (Eigen::Index j = 0; j < target.rows(); ++j) {
      const double half = array.siemens_per_weight() / 2 * double{target(j, i)};
      const Tile& tile = array.tiles()[0];
      count += std::abs(tile.plus.g(j, i) - (middle + half)) > tolerance * 1.00001 ? 1 : 0;
      count += std::abs(tile.minus.g(j, i) - (middle - half)) > tolerance * 1.00001 ? 1 : 0;
    }
  return count;
}

void write_verify(benchmark::State& state) {
  ArrayOptions options;
  options.max_rows = options.max_cols = kSide;
  options.read_noise = {};
  Eigen::MatrixXf target(kSide, kSide);
  RandomKey(1, Purpose::test).fill_normal({}, 0, target.data(), static_cast<std::size_t>(target.size()));
  target *= 0.05f;
  Run run{.seed = 1};
  const Array written(options, 0, target, run);
  const WriteReport& report = written.initial_write();
  if (report.devices != written.devices() || outside(written, target, options.write.tolerance) != report.missed ||
      !(static_cast<double>(report.missed) < 0.001 * static_cast<double>(report.devices))) {
    state.SkipWithError("devices are not where write-verify says");
    return;
  }
  // the target changes sign every time: a typical device travels, as it does from the fresh state
  Array array = written;
  std::uint32_t step = 0;
  std::int64_t pulses = 0;
  for (auto _ : state) {
    target = -target;
    pulses = array.write_verify(target, options.write, kPhaseInitialWrite, {.step = ++step}, run).pulses;
  }
  const auto devices = static_cast<double>(report.devices);
  state.counters["devices_per_second"] = benchmark::Counter(devices, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["missed_share"] = static_cast<double>(report.missed) / devices;
  state.counters["pulses_per_device"] = static_cast<double>(pulses) / devices;
}

/// The whole array: devices drawn, then written from the lower bound.
void build(benchmark::State& state) {
  ArrayOptions options;
  options.max_rows = options.max_cols = kSide;
  Eigen::MatrixXf target(kSide, kSide);
  RandomKey(1, Purpose::test).fill_normal({}, 0, target.data(), static_cast<std::size_t>(target.size()));
  Run run{.seed = 0};
  double missed = 0, pulses = 0, devices = 0;
  for (auto _ : state) {
    ++run.seed;
    const Array array(options, 0, target, run);
    missed += static_cast<double>(array.initial_write().missed);
    pulses += static_cast<double>(array.initial_write().pulses);
    devices += static_cast<double>(array.initial_write().devices);
  }
  if (!(missed < 0.001 * devices)) state.SkipWithError("more devices missed than one in a thousand");
  state.counters["devices_per_second"] = benchmark::Counter(devices, benchmark::Counter::kIsRate);
  state.counters["pulses_per_device"] = pulses / devices;
}

BENCHMARK(write_verify)->Name("write_verify/512x512/turned/threads:1")->Unit(benchmark::kSecond);
BENCHMARK(build)->Name("write_verify/512x512/fresh/threads:1")->Unit(benchmark::kSecond);

}  // namespace
