// Training steps of 784-512-10 on MNIST in epoch 2 (on random images of the same density when EQPROP_DATA_DIR is not set; the label says which):
// centered EP, plain SGD, 45 sweeps fixed (15 free, 15 per nudged phase) or a tolerance of 1e-3. Before anything is timed, one step of the
// kernel is held against the same step of the general path, and the steps with a tolerance against fully settled ones:
//   gradient_cosine        of the weight changes of many steps of epoch 2, stacked; the smaller of the two layers'. Below .99 nothing is timed.
//   gradient_cosine_worst  of a single step
//   sweeps_per_phase       mean over the epoch's phases so far
//   speedup                two threads over one: steps of both in turn, the best round of each
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "bench/images.h"
#include "bench/peak.h"
#include "eqprop/train/trainer.h"

namespace {

using namespace eqprop;

constexpr std::uint32_t kSeed = 1;
constexpr Index kPixels = 784, kHidden = 512, kClasses = 10;
constexpr int kSweeps = 15;  // per phase, three phases

const Dataset& images(std::string& label) {
  static const bench::Images images = bench::load_images(kSeed);
  label = images.name;
  return images.train;
}

NetworkOptions network_options() {
  NetworkOptions options;
  options.layers = {{kPixels, Activation::linear, 0}, {kHidden, Activation::hard_sigmoid, 0}, {kClasses, Activation::hard_sigmoid, 0}};
  return options;
}

TrainOptions train_options(int batch, bool fixed, bool kernel) {
  TrainOptions options;
  options.epochs = 20;
  options.batch = batch;
  options.beta = 0.5;
  options.free = {fixed ? 0 : 1e-3, fixed ? kSweeps : 60, 4, 1.5};
  options.nudged = options.free;
  const double samples = std::min(batch, 32);  // larger rates kill units
  options.rule.rates = {0.3 * samples / 32, 0.1 * samples / 32};
  options.kernel = kernel;
  return options;
}

struct Subject {
  Network<float> network;
  Trainer<float> trainer;
  Subject(const TrainOptions& options, int threads, const Dataset& data, Run run = {kSeed, 1, nullptr, 0})
      : network(build_network<float>(network_options(), run)), trainer(network, options, kSeed, threads, data.size()) {}
  // returns the mean sweeps per phase of the epoch so far
  double step(const Dataset& data) {
    EpochReport report;
    double sweeps = 0;
    const auto stop = [&sweeps](const Progress& p) {
      sweeps = static_cast<double>(p.sums.sweeps) / static_cast<double>(p.sums.settles);
      return false;
    };
    trainer.run_epoch(data, stop, report);
    return sweeps;
  }
  std::array<Matrix<float>, 2> weights() const { return {network.coupling(0).read(), network.coupling(1).read()}; }
};

// one step of the kernel against the general path: relative difference of the weight changes, largest over layers
double step_difference(int batch, bool fixed, const Dataset& data) {
  Subject fast(train_options(batch, fixed, true), 1, data);
  Subject slow(train_options(batch, fixed, false), 1, data);
  const auto before = fast.weights();
  fast.step(data);
  slow.step(data);
  double worst = 0;
  for (std::size_t c = 0; c < 2; ++c) {
    const Matrix<float> a = fast.weights()[c] - before[c];
    const Matrix<float> b = slow.weights()[c] - before[c];
    worst = std::max(worst, static_cast<double>((a - b).norm() / b.norm()));
  }
  return worst;
}

struct Cosine {
  double stacked = 1;
  double worst = 1;
};

// of the weight changes at a tolerance of 1e-3 and settled to 1e-6, from the same weights with the same samples, in the epoch after the first
Cosine gradient_cosine(int batch, const Dataset& data) {
  TrainOptions full = train_options(batch, false, true);
  full.free.tolerance = full.nudged.tolerance = 1e-6;
  full.free.budget = full.nudged.budget = 2000;
  Subject subject(train_options(batch, false, true), 1, data);
  Subject settled(full, 1, data);
  EpochReport report;
  subject.trainer.run_epoch(data, {}, report);

  struct Products {
    double ab = 0, aa = 0, bb = 0;
    double cosine() const { return ab / std::sqrt(aa * bb); }
  };
  std::array<Products, 2> sum;
  Cosine out;
  const int steps = std::max(16, 256 / batch);
  for (int step = 0; step < steps; ++step) {
    ByteWriter state;
    subject.trainer.save(state);
    ByteReader from(state.bytes(), "the state before a step");
    settled.trainer.restore(from);
    const auto before = subject.weights();
    subject.step(data);
    settled.step(data);
    for (std::size_t c = 0; c < 2; ++c) {
      const Matrix<double> a = (subject.weights()[c] - before[c]).cast<double>();
      const Matrix<double> b = (settled.weights()[c] - before[c]).cast<double>();
      const Products here{a.cwiseProduct(b).sum(), a.squaredNorm(), b.squaredNorm()};
      sum[c] = {sum[c].ab + here.ab, sum[c].aa + here.aa, sum[c].bb + here.bb};
      if (here.bb > 0) out.worst = std::min(out.worst, here.aa > 0 ? here.cosine() : 0);
    }
  }
  out.stacked = std::min(sum[0].cosine(), sum[1].cosine());
  return out;
}

// one thread's time over that of `threads`, steps in turn so that both meet the same load; the best round of each
double speedup(Subject& one, Subject& many, int batch, const Dataset& data) {
  const auto time = [&](Subject& subject) {
    const double start = bench::seconds();
    for (int samples = 0; samples < 1024; samples += batch) subject.step(data);
    return bench::seconds() - start;
  };
  double best_one = 1e300, best_many = 1e300;
  for (int round = 0; round < 200; ++round) {
    best_one = std::min(best_one, time(one));
    best_many = std::min(best_many, time(many));
  }
  return best_one / best_many;
}

void train_step(benchmark::State& state, int batch, bool fixed, int threads) {
  std::string label;
  const Dataset& data = images(label);
  const double difference = step_difference(batch, fixed, data);
  if (!(difference < 1e-2)) {
    state.SkipWithError(("the kernel's step differs from the general path's by " + std::to_string(difference)).c_str());
    return;
  }
  if (!fixed) {
    const Cosine cosine = gradient_cosine(batch, data);
    if (!(cosine.stacked >= 0.99)) {
      state.SkipWithError(("the steps' cosine to the fully settled ones is " + std::to_string(cosine.stacked) + ", below 0.99").c_str());
      return;
    }
    state.counters["gradient_cosine"] = cosine.stacked;
    state.counters["gradient_cosine_worst"] = cosine.worst;
  }
  Subject subject(train_options(batch, fixed, true), threads, data);
  EpochReport report;
  subject.trainer.run_epoch(data, {}, report);
  const double accuracy = static_cast<double>(report.sums.correct) / static_cast<double>(report.sums.samples);
  if (label == "MNIST" && !(accuracy > 0.8)) {  // a dead network is fast
    state.SkipWithError(("the network learns nothing: accuracy " + std::to_string(accuracy) + " in epoch 1").c_str());
    return;
  }
  if (threads > 1) {
    Subject one(train_options(batch, fixed, true), 1, data);
    one.trainer.run_epoch(data, {}, report);
    state.counters["speedup"] = speedup(one, subject, batch, data);
  }
  double sweeps_per_phase = 0;
  const double start = bench::seconds();
  for (auto _ : state) sweeps_per_phase = subject.step(data);
  const double elapsed = bench::seconds() - start;
  const double samples = static_cast<double>(state.iterations()) * batch;
  state.counters["samples_per_second"] = benchmark::Counter(samples, benchmark::Counter::kIsRate);
  // FLOPs that cannot be skipped, per sample: two products with the output weights per sweep; the input's zeros are skipped
  const double sweeps = fixed ? 3 * kSweeps : 0;
  if (fixed && threads == 1) {
    static const double peak = bench::peak_flops();
    const double flops = sweeps * 2 * 2 * static_cast<double>(kHidden * kClasses);
    state.counters["share_of_limit"] = samples * flops / elapsed / peak;
  }
  state.counters["sweeps_per_phase"] = sweeps_per_phase;
  state.counters["first_epoch_accuracy"] = accuracy;
  state.counters["gradient_difference"] = difference;
  state.SetLabel(label + ", " + std::string(path_name(report.path)));
}

void add(int batch, bool fixed, int threads) {
  const std::string name = "train_step/784x512x10/batch:" + std::to_string(batch) + (fixed ? "/sweeps:45" : "/tolerance:1e-3") +
                           "/threads:" + std::to_string(threads);
  auto* bench = benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { train_step(state, batch, fixed, threads); });
  if (threads > 1) bench->UseRealTime();  // one thread is timed by its own processor time: the names stay plain
}

const bool registered = [] {
  for (const int batch : {32, 4, 1}) add(batch, true, 1);
  for (const int batch : {32, 4, 1}) add(batch, false, 1);
  add(32, true, 2);
  for (const int threads : {1, 2}) add(128, true, threads);
  return true;
}();

}  // namespace
