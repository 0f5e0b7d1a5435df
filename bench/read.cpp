// Noisy reads of a 512 x 512 matrix on one tile, 8-bit converters. Checked first against the ideal product and the predicted noise.
#include <benchmark/benchmark.h>

#include <cmath>

#include "crossbar/array.h"

namespace {

using namespace eqprop;

constexpr int kSide = 512;
constexpr int kBatch = 64;

Eigen::MatrixXf normals(Eigen::Index rows, Eigen::Index cols, float scale, std::uint32_t draw) {
  Eigen::MatrixXf x(rows, cols);
  RandomKey(1, Purpose::test).fill_normal({.step = draw}, 0, x.data(), static_cast<std::size_t>(x.size()));
  return scale * x;
}

void read(benchmark::State& state, ReadNoise noise, Direction direction, ConverterDesign converters = {}) {
  ArrayOptions options;
  options.converters = converters;
  options.max_rows = options.max_cols = kSide + 1;
  options.read_noise = noise;
  Run run{.seed = 1};
  Array array(options, 0, normals(kSide, kSide + 1, 0.05f, 1), run);
  const Eigen::MatrixXf in = normals(kSide, kBatch, 0.3f, 2);
  const PartialSums sums = array.partial_sums(direction, in);
  array.set_adc_range(direction, 1.25 * sums.max);
  std::vector<std::uint32_t> ids(kBatch);
  for (int i = 0; i < kBatch; ++i) ids[static_cast<std::size_t>(i)] = static_cast<std::uint32_t>(i);
  Eigen::MatrixXf out = Eigen::MatrixXf::Zero(kSide, kBatch);
  Ledger ledger;
  run.ledger = &ledger;
  Place place{.phase = kPhaseFree};
  const auto once = [&] {
    direction == Direction::forward ? array.forward(in, out, ids, place, run) : array.backward(in, out, ids, place, run);
  };

  // the error of the first read has the size that the floor predicts
  Eigen::MatrixXf exact = Eigen::MatrixXf::Zero(kSide, kBatch);
  Eigen::MatrixXf converted = in;
  options.dac.convert(converted);
  const double rms = array.noise_rms(direction, converted);
  direction == Direction::forward ? array.forward_ideal(converted, exact) : array.backward_ideal(converted, exact);
  once();
  const double ratio = (out - exact).norm() / std::sqrt(static_cast<double>(out.size())) / array.read_floor(direction, rms).total_sd();
  if (!(std::abs(ratio - 1) < 0.05)) {
    state.SkipWithError("error of a read is not what the floor predicts");
    return;
  }
  for (auto _ : state) {
    ++place.step;
    once();
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["vectors_per_second"] = benchmark::Counter(kBatch, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["error_over_floor"] = ratio;
}

BENCHMARK_CAPTURE(read, noise : none / forward, ReadNoise{}, Direction::forward)->Name("read/512x512/batch:64/noise:none/forward");
BENCHMARK_CAPTURE(read, noise
                  : white / forward, ReadNoise{.white = 0.005}, Direction::forward)
    ->Name("read/512x512/batch:64/noise:white/forward");
BENCHMARK_CAPTURE(read, noise
                  : proportional / forward, ReadNoise{.proportional = 0.01}, Direction::forward)
    ->Name("read/512x512/batch:64/noise:proportional/forward");
BENCHMARK_CAPTURE(read, noise
                  : proportional / backward, ReadNoise{.proportional = 0.01}, Direction::backward)
    ->Name("read/512x512/batch:64/noise:proportional/backward");

// errors of each ADC, so small that the floor still holds
BENCHMARK_CAPTURE(read, noise
                  : none / forward / spread, ReadNoise{}, Direction::forward,
                    ConverterDesign{.adc = {.gain = 1e-4, .offset = 0.05, .inl = 0.05}})
    ->Name("read/512x512/batch:64/noise:none/forward/spread");
BENCHMARK_CAPTURE(read, noise
                  : white / forward / spread, ReadNoise{.white = 0.005}, Direction::forward,
                    ConverterDesign{.adc = {.gain = 1e-4, .offset = 0.05, .inl = 0.05}})
    ->Name("read/512x512/batch:64/noise:white/forward/spread");
BENCHMARK_CAPTURE(read, noise
                  : white / forward / serial, ReadNoise{.white = 0.005}, Direction::forward, ConverterDesign{.input = DriveInput::serial})
    ->Name("read/512x512/batch:64/noise:white/forward/serial");

// One tile of 128 word lines and 64 pairs, converters on: plain, and through effective matrices; with and without joules.
void read_wires(benchmark::State& state, WireModel model, bool joules) {
  constexpr int kLines = 128, kOutputs = 64;
  ArrayOptions options;
  options.max_rows = kLines;
  options.max_cols = kOutputs;
  options.wires.model = model;
  Run run{.seed = 1};
  Array array(options, 0, normals(kOutputs, kLines, 0.05f, 1), run);
  const Eigen::MatrixXf in = normals(kLines - 1, kBatch, 0.3f, 2).cwiseAbs();
  array.set_adc_range(Direction::forward, 1.25 * array.partial_sums(Direction::forward, in).max);
  std::vector<std::uint32_t> ids(kBatch);
  Eigen::MatrixXf out = Eigen::MatrixXf::Zero(kOutputs, kBatch), exact = out;
  Ledger ledger;
  Place place{.phase = kPhaseFree};
  Eigen::MatrixXf converted = in;
  array.options().dac.convert(converted);
  array.forward_ideal(converted, exact);
  array.forward(in, out, ids, place, run);
  const double step = array.read_floor(Direction::forward).adc_step;
  if (!(static_cast<double>((out - exact).cwiseAbs().maxCoeff()) <= 0.51 * step)) {
    state.SkipWithError("a read is further from its product than half an ADC code");
    return;
  }
  if (joules) run.ledger = &ledger;
  for (auto _ : state) {
    array.forward(in, out, ids, place, run);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["vectors_per_second"] = benchmark::Counter(kBatch, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK_CAPTURE(read_wires, plain, WireModel::none, false)->Name("read_tile/128x64/batch:64/plain");
BENCHMARK_CAPTURE(read_wires, plain_joules, WireModel::none, true)->Name("read_tile/128x64/batch:64/plain/joules");
BENCHMARK_CAPTURE(read_wires, wires, WireModel::effective, false)->Name("read_tile/128x64/batch:64/effective");
BENCHMARK_CAPTURE(read_wires, wires_joules, WireModel::effective, true)->Name("read_tile/128x64/batch:64/effective/joules");

}  // namespace
