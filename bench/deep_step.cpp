// Epoch 1 of 784-1024-1024-1024-10 on MNIST, whole (on random images when EQPROP_DATA_DIR is not set; the label says which): centered EP, plain
// SGD, batch 16, one thread, a tolerance of 1e-3 per sample, 4e-4 in the nudged phases of the smaller beta. Before anything is timed, a
// fully settled step of the kernel is held against the same step of the general path. Eight times along the epoch, outside the time, the
// step that comes next is taken both at the tolerance and fully settled by the general path, from the same weights; times are the
// processor's.
//   samples_per_second  mean over the epoch                    first_tenth, last_tenth  of the epoch alone
//   gradient_cosine     of the probes' weight changes, stacked; the smallest of the couplings   gradient_cosine_worst  of a single probe
//   accuracy            of the answers while learning, last tenth; a dead or saturated net looks fast
//   share_of_limit      executed multiply-adds (padding and lists included, elementwise work not) over this core's peak
#include <benchmark/benchmark.h>

#include <array>
#include <cmath>
#include <ctime>
#include <string>
#include <vector>

#include "bench/images.h"
#include "bench/peak.h"
#include "eqprop/model/ideal_coupling.h"
#include "eqprop/train/trainer.h"

namespace {

using namespace eqprop;

constexpr std::uint32_t kSeed = 1;
constexpr int kBatch = 16;
constexpr int kCouplings = 4;
constexpr int kProbes = 8;

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

NetworkOptions network_options() {
  NetworkOptions options;
  options.layers = {{784, Activation::linear, 0}};
  for (int l = 0; l < 3; ++l) options.layers.push_back({1024, Activation::hard_sigmoid, 0});
  options.layers.push_back({10, Activation::hard_sigmoid, 0});
  options.initial_scale = 0.7;
  return options;
}

// what a run trains with
struct Recipe {
  double beta;
  double nudged_tolerance;  // at the tolerance of 1e-3 of the free phase: a smaller beta makes smaller differences
  std::vector<double> rates;
};

TrainOptions train_options(const Recipe& recipe, double tolerance, bool kernel) {
  TrainOptions options;
  options.epochs = 20;
  options.batch = kBatch;
  options.beta = recipe.beta;
  options.free.tolerance = tolerance;
  options.free.budget = tolerance < 1e-4 ? 1000 : 60;
  options.nudged = options.free;
  options.nudged.tolerance = std::min(tolerance, recipe.nudged_tolerance);
  options.rule.rates = recipe.rates;
  options.kernel = kernel;
  return options;
}

using Weights = std::vector<Matrix<float>>;  // lines and biases by turns

Weights copy_weights(Network<float>& network) {
  Weights out;
  for (int c = 0; c < kCouplings; ++c) {
    auto& coupling = dynamic_cast<IdealCoupling<float>&>(network.coupling(c));
    out.push_back(coupling.store());
    out.push_back(coupling.bias());
  }
  return out;
}

void restore_weights(const Weights& from, Network<float>& network) {
  for (int c = 0; c < kCouplings; ++c) {
    auto& coupling = dynamic_cast<IdealCoupling<float>&>(network.coupling(c));
    coupling.store() = from[2 * static_cast<std::size_t>(c)];
    coupling.bias() = from[2 * static_cast<std::size_t>(c) + 1];
  }
}

// two ways to take the same step from the same weights
class Probe {
 public:
  Probe(Network<float>& network, const TrainOptions& a, const TrainOptions& b) : network_(network), a_(a), b_(b) {}

  // takes the step on this batch both ways, from and back to the network's weights; the largest relative difference of a coupling's changes
  double compare(const Dataset& batch) {
    const Weights before = copy_weights(network_);
    const Weights a = change_of(a_, batch, before);
    const Weights b = change_of(b_, batch, before);
    double difference = 0;
    for (std::size_t c = 0; c < kCouplings; ++c) {
      const Matrix<double> x = a[2 * c].cast<double>();
      const Matrix<double> y = b[2 * c].cast<double>();
      const std::array<double, 3> here{x.cwiseProduct(y).sum(), x.squaredNorm(), y.squaredNorm()};
      for (std::size_t i = 0; i < 3; ++i) sums_[c][i] += here[i];
      difference = std::max(difference, (x - y).norm() / y.norm());
      worst_ = std::min(worst_, here[0] / std::sqrt(here[1] * here[2]));
    }
    return difference;
  }
  double worst() const { return worst_; }
  double cosine() const {
    double out = 1;
    for (const auto& sum : sums_) out = std::min(out, sum[0] / std::sqrt(sum[1] * sum[2]));
    return out;
  }

 private:
  Weights change_of(const TrainOptions& options, const Dataset& batch, const Weights& before) {
    EpochReport report;
    Trainer<float>(network_, options, kSeed, 1, batch.size()).run_epoch(batch, {}, report);
    Weights out = copy_weights(network_);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] -= before[i];
    restore_weights(before, network_);
    return out;
  }

  Network<float>& network_;
  TrainOptions a_, b_;
  std::array<std::array<double, 3>, kCouplings> sums_{};
  double worst_ = 1;
};

struct Tenth {
  double seconds = 0;
  EpochSums sums;
  double rate() const { return static_cast<double>(sums.samples) / seconds; }
};

void epoch(benchmark::State& state, const Recipe& recipe) {
  static const bench::Images images = bench::load_images(kSeed);
  const Dataset& data = images.train;
  const auto order = shuffled(data.size(), kSeed, 0);
  const auto rows_of = [&](std::size_t step) { return std::span<const std::uint32_t>(order).subspan(step * kBatch, kBatch); };
  Run run{kSeed, 1, nullptr, 0};
  Network<float> network = build_network<float>(network_options(), run);
  {
    Probe settled(network, train_options(recipe, 1e-6, true), train_options(recipe, 1e-6, false));
    const double difference = settled.compare(data.subset(rows_of(0)));
    state.counters["gradient_difference"] = difference;
    if (!(difference < 1e-2)) {
      state.SkipWithError(("the kernel's settled step differs from the general path's by " + std::to_string(difference)).c_str());
      return;
    }
  }
  const TrainOptions options = train_options(recipe, 1e-3, true);
  Probe probe(network, options, train_options(recipe, 1e-6, false));
  const auto trainer = make_kernel(network, options, 1);
  LostClasses lost(10);
  Buffer<float> output;
  Batch<float> batch;
  std::array<Tenth, 10> tenths;
  double multiply_adds = 0;
  const std::size_t steps = data.size() / kBatch;
  for (auto _ : state) {
    for (std::size_t step = 0; step < steps; ++step) {
      if (step % (steps / kProbes) == steps / kProbes / 2) {
        state.PauseTiming();
        probe.compare(data.subset(rows_of(step)));
        state.ResumeTiming();
      }
      Tenth& tenth = tenths[step * 10 / steps];
      const double start = processor_seconds();
      batch.fill(data, rows_of(step));
      const PhasePlan plan = make_plan(Estimator::centered, recipe.beta, kSeed, static_cast<std::uint32_t>(step));
      trainer->step(batch, plan, 1, tenth.sums, lost, output);
      tenth.seconds += processor_seconds() - start;
      tenth.sums.samples += kBatch;
      multiply_adds += trainer->multiply_adds();
      for (Index i = 0; i < kBatch; ++i) {
        Index answer = 0;
        output.block().col(i).maxCoeff(&answer);
        tenth.sums.correct += answer == batch.labels[static_cast<std::size_t>(i)] ? 1 : 0;
      }
    }
  }
  Tenth all;
  for (const Tenth& tenth : tenths) {
    all.seconds += tenth.seconds;
    all.sums.samples += tenth.sums.samples;
    all.sums.settles += tenth.sums.settles;
    all.sums.sweeps += tenth.sums.sweeps;
    all.sums.converged += tenth.sums.converged;
  }
  state.counters["samples_per_second"] = all.rate();
  state.counters["first_tenth"] = tenths.front().rate();
  state.counters["last_tenth"] = tenths.back().rate();
  state.counters["accuracy"] = static_cast<double>(tenths.back().sums.correct) / static_cast<double>(tenths.back().sums.samples);
  state.counters["sweeps_per_phase"] = static_cast<double>(all.sums.sweeps) / static_cast<double>(all.sums.settles);
  state.counters["converged"] = static_cast<double>(all.sums.converged) / static_cast<double>(all.sums.settles);
  state.counters["gradient_cosine"] = probe.cosine();
  state.counters["gradient_cosine_worst"] = probe.worst();
  state.counters["share_of_limit"] = 2 * multiply_adds / all.seconds / bench::peak_flops();
  state.SetLabel(images.name + ", whole epoch 1");
  // a dead or saturated net looks fast
  if (images.name == "MNIST" && !(state.counters["accuracy"] > 0.85)) state.SkipWithError("fewer than 85 % right in the last tenth");
  if (!(probe.cosine() >= 0.99)) state.SkipWithError(("gradient cosine " + std::to_string(probe.cosine()) + " below .99").c_str());
}

const Recipe kRecipes[] = {{0.5, 1e-3, {0.4, 0.1, 0.025, 0.01}}, {0.2, 4e-4, {0.4, 0.1, 0.02, 0.004}}};

const bool registered = [] {
  for (const Recipe& recipe : kRecipes) {
    const std::string name = "deep_step/784x1024x1024x1024x10/batch:16/tolerance:1e-3/beta:" + std::to_string(recipe.beta).substr(0, 3);
    benchmark::RegisterBenchmark((name + "/threads:1").c_str(), epoch, recipe)->Iterations(1)->Unit(benchmark::kSecond);
  }
  return true;
}();

}  // namespace
