// Epoch 1 of 784-1024-1024-1024-10 on MNIST, whole (on random images when EQPROP_DATA_DIR is not set; the label says which): centered EP, plain
// SGD, batch 16, one thread, a tolerance of 1e-3 per sample. Before anything is timed, a fully settled step of the kernel is held against the
// same step of the general path. Eight times along the epoch, outside the time, a step at the tolerance is held against a fully settled one of
// the general path from the same weights; times are the processor's.
//   samples_per_second  mean over the epoch                    first_tenth, last_tenth  of the epoch alone
//   gradient_cosine     of the probes' weight changes, stacked; the smallest of the couplings   gradient_cosine_worst  of a single probe
//   accuracy            of the answers while learning, last tenth; a dead or saturated net looks fast
//   share_of_limit      executed multiply-adds (padding and lists included, elementwise work not) over this core's peak
#include <benchmark/benchmark.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "bench/peak.h"
#include "eqprop/data/sources.h"
#include "eqprop/model/ideal_coupling.h"
#include "eqprop/train/deep_trainer.h"

namespace {

using namespace eqprop;

constexpr std::uint32_t kSeed = 1;
constexpr int kBatch = 16;
constexpr int kCouplings = 4;
constexpr int kProbes = 8;

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

Dataset random_images(std::size_t count) {
  Dataset data{"random", 784, 10, {}, {}, {}};
  const RandomKey key(kSeed, Purpose::test);
  for (std::uint32_t i = 0; i < count; ++i) {
    Place place;
    place.sample = i;
    for (std::uint32_t f = 0; f < 784; ++f) {
      const float u = key.uniform(place, f);
      data.x.push_back(u < 0.19F ? u / 0.19F : 0.0F);
    }
    data.labels.push_back(static_cast<std::int32_t>(i % 10));
    data.ids.push_back(i);
  }
  return data;
}

NetworkOptions network_options() {
  NetworkOptions options;
  options.layers = {{784, Activation::linear, 0}};
  for (int l = 0; l < 3; ++l) options.layers.push_back({1024, Activation::hard_sigmoid, 0});
  options.layers.push_back({10, Activation::hard_sigmoid, 0});
  options.initial_scale = 0.7;
  return options;
}

TrainOptions train_options(double tolerance, bool kernel) {
  TrainOptions options;
  options.epochs = 20;
  options.batch = kBatch;
  options.beta = 0.5;
  options.free.tolerance = tolerance;
  options.free.budget = tolerance < 1e-4 ? 1000 : 60;
  options.nudged = options.free;
  options.rule.rates = {0.4, 0.1, 0.025, 0.01};
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

// two trainers on the same weights, each of which takes the next batch of the same order
class Probe {
 public:
  Probe(Network<float>& network, const TrainOptions& a, const TrainOptions& b, const Dataset& data)
      : network_(network), data_(data), a_(network, a, kSeed, 1, data.size()), b_(network, b, kSeed, 1, data.size()) {}

  // takes a step with each, from and back to the network's weights; the largest relative difference of a coupling's weight changes
  double compare() {
    const Weights before = copy_weights(network_);
    const Weights a = change_of(a_, before);
    const Weights b = change_of(b_, before);
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
  Weights change_of(Trainer<float>& trainer, const Weights& before) {
    EpochReport report;
    const auto stop = [](const Progress&) { return false; };
    trainer.run_epoch(data_, stop, report);
    Weights out = copy_weights(network_);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] -= before[i];
    restore_weights(before, network_);
    return out;
  }

  Network<float>& network_;
  const Dataset& data_;
  Trainer<float> a_, b_;
  std::array<std::array<double, 3>, kCouplings> sums_{};
  double worst_ = 1;
};

struct Tenth {
  double seconds = 0;
  EpochSums sums;
  double rate() const { return static_cast<double>(sums.samples) / seconds; }
};

void epoch(benchmark::State& state) {
  const char* folder = std::getenv("EQPROP_DATA_DIR");
  const Dataset data = folder != nullptr ? load_data("mnist", {{}, folder}).train : random_images(20000);
  Run run{kSeed, 1, nullptr, 0};
  Network<float> network = build_network<float>(network_options(), run);
  {
    Probe settled(network, train_options(1e-6, true), train_options(1e-6, false), data);
    const double difference = settled.compare();
    state.counters["gradient_difference"] = difference;
    if (!(difference < 1e-2)) {
      state.SkipWithError(("the kernel's settled step differs from the general path's by " + std::to_string(difference)).c_str());
      return;
    }
  }
  Probe probe(network, train_options(1e-3, true), train_options(1e-6, false), data);
  DeepTrainer<float> trainer(network, train_options(1e-3, true), 1);
  LostClasses lost(10);
  Buffer<float> output;
  Batch<float> batch;
  std::array<Tenth, 10> tenths;
  double multiply_adds = 0;
  const auto order = shuffled(data.size(), kSeed, 0);
  const std::size_t steps = data.size() / kBatch;
  for (auto _ : state) {
    for (std::size_t step = 0; step < steps; ++step) {
      if (step % (steps / kProbes) == steps / kProbes / 2) {
        state.PauseTiming();
        probe.compare();
        state.ResumeTiming();
      }
      Tenth& tenth = tenths[step * 10 / steps];
      const double start = processor_seconds();
      batch.fill(data, std::span<const std::uint32_t>(order).subspan(step * kBatch, kBatch));
      trainer.step(batch, make_plan(Estimator::centered, 0.5, kSeed, static_cast<std::uint32_t>(step)), 1, tenth.sums, lost, output);
      tenth.seconds += processor_seconds() - start;
      tenth.sums.samples += kBatch;
      multiply_adds += trainer.multiply_adds();
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
  state.SetLabel(folder != nullptr ? "MNIST, whole epoch 1" : "random images, whole epoch 1");
  if (!(probe.cosine() >= 0.99)) state.SkipWithError(("gradient cosine " + std::to_string(probe.cosine()) + " below .99").c_str());
}

const auto* const registered = benchmark::RegisterBenchmark("deep_step/784x1024x1024x1024x10/batch:16/tolerance:1e-3/threads:1", epoch)
                                   -> Iterations(1) -> Unit(benchmark::kSecond);

}  // namespace
