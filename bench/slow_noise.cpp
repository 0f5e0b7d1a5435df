// What noise from phase to phase and drift cost a training step: 784-512-10 on simulated TaOx arrays in the digital loop, batch 32, centered EP.
// Steps with and without in turn, so that both meet the same load; before anything is timed, frames are held against the definition.
//   ratio   time of a step with 1/f noise, telegraph noise on 30 % of the devices and drift, over that without; best fifty steps in a row of each, one drift of all devices among them
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "bench/images.h"
#include "bench/peak.h"
#include "crossbar/fluctuation.h"
#include "eqprop/train/trainer.h"

namespace {

using namespace eqprop;

constexpr std::uint32_t kSeed = 1;
constexpr int kBatch = 32;
constexpr std::size_t kTick = 50;  // steps from one drift of all devices to the next

NetworkOptions network_options(bool noisy) {
  NetworkOptions options;
  options.layers = {{784, Activation::linear, 0}, {512, Activation::hard_sigmoid, 0}, {10, Activation::hard_sigmoid, 0}};
  options.substrate = Substrate::crossbar;
  options.crossbar.array.read_noise.white = 0.005;
  if (!noisy) return options;
  options.crossbar.array.slow_noise = {
      .flicker = 0.01, .telegraph = 0.02, .telegraph_share = 0.3, .slowest_second = 1e3, .step_second = 1e-3};
  options.crossbar.array.device.drift = {.second = 1, .exponent = {0.02, 0, 0.02, 0.02}, .spread = {0.01, 0, 0.01, 0.01}};
  return options;
}

TrainOptions train_options() {
  TrainOptions options;
  options.batch = kBatch;
  options.beta = 0.5;
  options.free = {1e-3, 40, 4, 1.5};
  options.nudged = options.free;
  options.rule.rates = {0.3, 0.1};
  return options;
}

struct Subject {
  Run run{kSeed, 1, nullptr, 0};
  Network<float> network;
  Trainer<float> trainer;
  Subject(bool noisy, std::size_t samples)
      : network(build_network<float>(network_options(noisy), run)), trainer(network, train_options(), kSeed, 1, samples) {}
  double step_second(const Dataset& data) {
    const double start = bench::seconds();
    EpochReport report;
    trainer.run_epoch(
        data, [](const Progress&) { return false; }, report);
    return bench::seconds() - start;
  }
};

bool frames_are_right() {
  const NetworkOptions options = network_options(true);
  Tile tile(options.crossbar.array.device, kSeed, 0, 40, 50, false, false);
  Fluctuation fluctuation(options.crossbar.array.slow_noise, kSeed, tile);
  Eigen::MatrixXf seen(40, 50);
  for (const std::int64_t slot : {17, 18, 70000})
    for (Eigen::Index block = 0; block < tile.blocks(); ++block) {
      fluctuation.at(tile, slot, block, seen);
      for (Eigen::Index line = block * kLineBlock; line < std::min<Eigen::Index>(50, (block + 1) * kLineBlock); ++line)
        for (Eigen::Index j = 0; j < 40; ++j)
          if (!(std::abs(seen(j, line) - fluctuation.pair_at(tile, slot, j, line)) < 1e-10)) return false;
    }
  return true;
}

void step_with_slow_noise(benchmark::State& state) {
  if (!frames_are_right()) return state.SkipWithError("frames of slow noise are not their definition");
  const bench::Images images = bench::load_images(kSeed);
  state.SetLabel(images.name);
  Subject plain(false, images.train.size()), noisy(true, images.train.size());
  std::vector<double> without, with;
  for (int i = 0; i < 5; ++i) {
    plain.step_second(images.train);
    noisy.step_second(images.train);
  }
  for (auto _ : state) {
    without.push_back(plain.step_second(images.train));
    with.push_back(noisy.step_second(images.train));
    state.SetIterationTime(with.back());
  }
  // by fifties: a tick of drift falls in each
  const auto best = [](const std::vector<double>& x) {
    double least = 1e300;
    for (std::size_t i = 0; i + kTick <= x.size(); i += kTick)
      least = std::min(
          least, std::accumulate(x.begin() + static_cast<std::ptrdiff_t>(i), x.begin() + static_cast<std::ptrdiff_t>(i + kTick), 0.0));
    return least / kTick;
  };
  state.counters["ratio"] = best(with) / best(without);
  state.counters["samples_per_second"] = kBatch / best(with);
  state.counters["samples_per_second_without"] = kBatch / best(without);
}

BENCHMARK(step_with_slow_noise)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(200);

}  // namespace
