// Training steps of 784-512-10 on MNIST in epoch 2 (on random images of the same density when EQPROP_DATA_DIR is not set; the label says which):
// centered EP, plain SGD, 45 sweeps fixed (15 free, 15 per nudged phase), one thread. Before anything is timed, one step of the kernel is
// held against the same step of the general path.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "bench/peak.h"
#include "eqprop/data/sources.h"
#include "eqprop/train/trainer.h"

namespace {

using namespace eqprop;

constexpr std::uint32_t kSeed = 1;
constexpr Index kPixels = 784, kHidden = 512, kClasses = 10;
constexpr int kSweeps = 15;  // per phase, three phases

// random strokes: 19 % of the pixels on, as in MNIST
Dataset random_images(std::size_t count) {
  Dataset data{"random", static_cast<int>(kPixels), static_cast<int>(kClasses), {}, {}, {}};
  const RandomKey key(kSeed, Purpose::test);
  for (std::uint32_t i = 0; i < count; ++i) {
    Place place;
    place.sample = i;
    for (std::uint32_t f = 0; f < kPixels; ++f) {
      const float u = key.uniform(place, f);
      data.x.push_back(u < 0.19F ? u / 0.19F : 0.0F);
    }
    data.labels.push_back(static_cast<std::int32_t>(i % kClasses));
    data.ids.push_back(i);
  }
  return data;
}

const Dataset& images(std::string& label) {
  static std::string name;
  static const Dataset data = [] {
    if (const char* folder = std::getenv("EQPROP_DATA_DIR")) {
      name = "MNIST";
      return load_data("mnist", {{}, folder}).train;
    }
    name = "random images";
    return random_images(20000);
  }();
  label = name;
  return data;
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
  options.rule.rates = {0.3 * batch / 32, 0.1 * batch / 32};
  options.kernel = kernel;
  return options;
}

struct Subject {
  Network<float> network;
  Trainer<float> trainer;
  Subject(const TrainOptions& options, int threads, const Dataset& data, Run run = {kSeed, 1, nullptr, 0})
      : network(build_network<float>(network_options(), run)), trainer(network, options, kSeed, threads, data.size()) {}
  void step(const Dataset& data) {
    EpochReport report;
    trainer.run_epoch(
        data, [](const Progress&) { return false; }, report);
  }
};

// one step of the kernel against the general path: relative difference of the weight changes, largest over layers
double step_difference(int batch, bool fixed, const Dataset& data) {
  Subject fast(train_options(batch, fixed, true), 1, data);
  Subject slow(train_options(batch, fixed, false), 1, data);
  double worst = 0;
  std::vector<Matrix<float>> before;
  for (int c = 0; c < 2; ++c) before.push_back(fast.network.coupling(c).read());
  fast.step(data);
  slow.step(data);
  for (int c = 0; c < 2; ++c) {
    const Matrix<float> a = fast.network.coupling(c).read() - before[static_cast<std::size_t>(c)];
    const Matrix<float> b = slow.network.coupling(c).read() - before[static_cast<std::size_t>(c)];
    worst = std::max(worst, static_cast<double>((a - b).norm() / b.norm()));
  }
  return worst;
}

void train_step(benchmark::State& state, int batch, bool fixed, int threads) {
  std::string label;
  const Dataset& data = images(label);
  const double difference = step_difference(batch, fixed, data);
  if (!(difference < 1e-2)) {
    state.SkipWithError(("the kernel's step differs from the general path's by " + std::to_string(difference)).c_str());
    return;
  }
  Subject subject(train_options(batch, fixed, true), threads, data);
  EpochReport report;
  subject.trainer.run_epoch(data, {}, report);
  const double accuracy = static_cast<double>(report.sums.correct) / static_cast<double>(report.sums.samples);
  const double start = bench::seconds();
  for (auto _ : state) subject.step(data);
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
  state.counters["first_epoch_accuracy"] = accuracy;
  state.counters["gradient_difference"] = difference;
  state.SetLabel(label + (report.kernel ? ", kernel" : ", general path"));
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
  return true;
}();

}  // namespace
