// What the rule of crossbar/wire_rule.h counts, on a tile of 128 word lines and 64 pairs, 1 ohm, TaOx conductances, residual 1e-6, one thread:
// a cold solve, a rebuild of effective matrices, matrices followed to first order, new cells behind the lines, a read by solving,
// cold and from the read before. Checked first: a read by solving is the product with the matrix.
#include <benchmark/benchmark.h>

#include "crossbar/array.h"

namespace {

using namespace eqprop;
using Eigen::Index;

constexpr int kLines = 128, kOutputs = 64;

ArrayOptions options_of(WireModel model) {
  ArrayOptions options;
  options.max_rows = kLines;
  options.max_cols = kOutputs;
  options.wires.model = model;
  return options;
}

Eigen::MatrixXf uniform(Index rows, Index columns, float size, std::uint32_t draw) {
  const RandomKey key(draw, Purpose::test);
  Eigen::MatrixXf out(rows, columns);
  for (Index j = 0; j < columns; ++j) {
    Place place;
    place.sample = static_cast<std::uint32_t>(j);
    for (Index i = 0; i < rows; ++i) out(i, j) = size * (2 * key.uniform(place, static_cast<std::uint32_t>(i)) - 1);
  }
  return out;
}

Array array_of(WireModel model) {
  Run run{.seed = 1};
  return Array(options_of(model), 0, uniform(kOutputs, kLines, 0.1F, 1), run);
}

void cold_solve(benchmark::State& state) {
  const Wires wires(cells_of(array_of(WireModel::none).tiles()[0]), options_of(WireModel::solve).wires.wires);
  WireState kept;
  const Eigen::VectorXd volt = uniform(kLines, 1, 0.2F, 2).cwiseAbs().cast<double>();
  Eigen::VectorXd ampere(2 * kOutputs);
  for (auto _ : state) {
    const WireReport report = wires.solve(Direction::forward, {volt.data(), kLines}, {ampere.data(), 2 * kOutputs}, {1e-6, 1000}, kept);
    if (!report.converged) state.SkipWithError("a solve has not converged");
    benchmark::DoNotOptimize(ampere.data());
  }
}

void rebuild(benchmark::State& state) {
  const Array array = array_of(WireModel::none);
  for (auto _ : state) {
    TileWires wires(options_of(WireModel::effective).wires, {1e-6, 0});
    wires.refresh(array.tiles()[0], 0);
    benchmark::DoNotOptimize(wires.toward(Direction::forward).matrix.data());
  }
  state.counters["seconds_per_solve"] =
      benchmark::Counter(kLines + kOutputs, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void follow(benchmark::State& state) {
  const Array array = array_of(WireModel::none);
  WireStage stage = options_of(WireModel::effective).wires;
  stage.stale_error = 1;  // rebuilt after 1, 2, 4 .. updates
  TileWires wires(stage, {1e-6, 0});
  for (int k = 0; k < 1 << 15; ++k) wires.refresh(array.tiles()[0], 0);
  for (auto _ : state) wires.refresh(array.tiles()[0], 0);
}

void set_circuits(benchmark::State& state) {
  const Array array = array_of(WireModel::none);
  Wires wires(cells_of(array.tiles()[0]), options_of(WireModel::solve).wires.wires);
  for (auto _ : state) wires.set(cells_of(array.tiles()[0]));
}

// range: -log10 of how far a read's drive is from the one before it, 0 for a read without one
void read_by_solving(benchmark::State& state) {
  const Array array = array_of(WireModel::solve), matrix = array_of(WireModel::effective);
  const Eigen::MatrixXf in = uniform(kLines - 1, 1, 1, 2).cwiseAbs();
  const bool warm = state.range(0) > 0;
  const float far = warm ? std::pow(10.0F, -static_cast<float>(state.range(0))) : 0;
  const Eigen::MatrixXf near = in + far * uniform(kLines - 1, 1, 1, 3);
  Eigen::MatrixXf out = Eigen::MatrixXf::Zero(kOutputs, 1), exact = out;
  const std::vector<std::uint32_t> ids{7};
  Run run{.seed = 1};
  Place place{.step = 1, .phase = kPhaseFree, .sweep = 0};
  array.forward(in, out, ids, place, run);
  matrix.forward(in, exact, ids, place, run);
  const float step = static_cast<float>(array.read_floor(Direction::forward).adc_step);
  if (!((out - exact).cwiseAbs().maxCoeff() <= 1.01F * step)) {
    state.SkipWithError("a solved read is further from the product than an ADC code");
    return;
  }
  for (auto _ : state) {
    ++place.sweep;
    if (!warm) place.sweep = 0;
    array.forward(place.sweep % 2 == 0 ? in : near, out, ids, place, run);
    benchmark::DoNotOptimize(out.data());
  }
}

BENCHMARK(cold_solve)->Name("tile_wires/cold_solve");
BENCHMARK(rebuild)->Name("tile_wires/rebuild");
BENCHMARK(follow)->Name("tile_wires/follow");
BENCHMARK(set_circuits)->Name("tile_wires/set_circuits");
BENCHMARK(read_by_solving)->Name("tile_wires/read/near")->Arg(0)->Arg(1)->Arg(2)->Arg(3);

}  // namespace
