// Sweeps and time of every settling method to 1e-3 and 1e-6, one thread, batch 32: 784-512-10 and 784-256-256-10 after some hundred steps of
// training (MNIST, or random images when EQPROP_DATA_DIR is not set; the label says which). The free phase starts from rest, the nudged one
// from the free equilibrium. Before anything is timed, states are held against the exact equilibrium and the certified residual.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>

#include "bench/images.h"
#include "eqprop/settle/difference.h"
#include "eqprop/settle/reference.h"
#include "eqprop/settle/residual.h"
#include "eqprop/train/trainer.h"

namespace {

using namespace eqprop;

constexpr std::uint32_t kSeed = 1;
constexpr Index kPixels = 784, kClasses = 10;
constexpr int kBatch = 32;
constexpr std::size_t kTraining = 6400;
constexpr double kBeta = 0.1;

const Dataset& images(std::string& label) {
  static const bench::Images images = [] {
    bench::Images out = bench::load_images(kSeed);
    std::vector<std::uint32_t> first(kTraining);
    std::iota(first.begin(), first.end(), 0U);
    out.train = out.train.subset(first);
    return out;
  }();
  label = images.name;
  return images.train;
}

// a trained network with one batch and its free equilibrium
struct Subject {
  std::unique_ptr<Network<float>> network;
  Matrix<float> x, y, drive;
  std::vector<std::uint32_t> ids;
  State<float> free;
  Workspace<float> workspace;
  SettleReport report;
  Run run{kSeed};

  Boundary<float> boundary(double beta) const { return {view(x), view(drive), view(y), beta}; }
  void settle_by(const SettleOptions& options, double beta, State<float>& state) {
    const ReadPlace place{{}, ids};
    if (beta == 0)
      network->rest(kBatch, state);
    else
      state = free;
    settle<float>(*network, boundary(beta), state, options, place, workspace, report, run);
  }
};

SettleOptions to_tolerance(Method method, double tolerance) {
  SettleOptions options;
  options.method = method;
  options.tolerance = tolerance;
  options.threshold = tolerance / 4;
  options.budget = 2000;
  return options;
}

Subject make_subject(const std::vector<Index>& hidden) {
  std::string label;
  const Dataset& data = images(label);
  Subject s;
  NetworkOptions options;
  options.layers = {{kPixels, Activation::linear, 0}};
  for (const Index units : hidden) options.layers.push_back({units, Activation::hard_sigmoid, 0});
  options.layers.push_back({kClasses, Activation::hard_sigmoid, 0});
  s.network = std::make_unique<Network<float>>(build_network<float>(options, s.run));
  TrainOptions training;
  training.epochs = 1;
  training.batch = kBatch;
  training.beta = 0.5;
  training.rule.rates.assign(hidden.size() + 1, 0.1);
  Trainer<float> trainer(*s.network, training, kSeed, 1, data.size());
  EpochReport report;
  trainer.run_epoch(data, {}, report);
  s.x.resize(kPixels, kBatch);
  s.y = Matrix<float>::Zero(kClasses, kBatch);
  for (Index i = 0; i < kBatch; ++i) {
    for (Index f = 0; f < kPixels; ++f) s.x(f, i) = data.x[static_cast<std::size_t>(i * kPixels + f)];
    s.y(data.labels[static_cast<std::size_t>(i)], i) = 1;
    s.ids.push_back(static_cast<std::uint32_t>(i));
  }
  s.drive.resize(hidden.front(), kBatch);
  drive_input<float>(*s.network, s.x, s.drive, {{}, s.ids}, s.run);
  s.settle_by(to_tolerance(Method::forward, 3e-7), 0, s.free);
  return s;
}

Subject& subject(const std::vector<Index>& hidden) {
  static std::map<std::vector<Index>, Subject> made;
  const auto found = made.find(hidden);
  return found != made.end() ? found->second : made.emplace(hidden, make_subject(hidden)).first->second;
}

// the first sample against the active set, all against the certified residual
bool settles_right(Subject& s, const SettleOptions& options, double beta) {
  State<float> state;
  s.settle_by(options, beta, state);
  if (s.report.count(StopReason::tolerance) != kBatch) return false;
  const std::vector<double> residuals = residual(*s.network, s.boundary(beta), state);
  if (*std::max_element(residuals.begin(), residuals.end()) > 20 * options.tolerance + 1e-5) return false;
  const ReferenceProblem one = reference_problem<float>(*s.network, s.x.col(0).cast<double>(), s.y.col(0).cast<double>(), beta);
  const ReferenceEquilibrium end = reference_settle_active_set(one, reference_rest(one));
  if (!end.converged) return false;
  for (int l = 1; l <= state.layers(); ++l)
    if ((state.layer(l).col(0).cast<double>() - end.states[static_cast<std::size_t>(l)]).cwiseAbs().maxCoeff() >
        50 * options.tolerance + 1e-5)
      return false;
  return true;
}

void settle_methods(benchmark::State& state, const std::vector<Index>& hidden, Method method, double tolerance, double beta) {
  Subject& s = subject(hidden);
  const SettleOptions options = to_tolerance(method, tolerance);
  if (!settles_right(s, options, beta)) return state.SkipWithError("does not end at the equilibrium");
  State<float> settled;
  for (auto _ : state) s.settle_by(options, beta, settled);
  using benchmark::Counter;
  state.counters["samples_per_second"] = Counter(static_cast<double>(state.iterations()) * kBatch, Counter::kIsRate);
  state.counters["sweeps_per_sample"] = s.report.sweeps_sum() / kBatch;
  double units = 0;
  for (int l = 1; l <= settled.layers(); ++l) units += static_cast<double>(settled.size(l));
  if (method == Method::event_driven)
    state.counters["told_per_unit"] = std::accumulate(s.report.told.begin(), s.report.told.end(), 0.0) / kBatch / units;
  std::string label;
  images(label);
  state.SetLabel(label);
}

// how many backward, forward or asynchronous sweeps the difference takes
void settle_difference_by(benchmark::State& state, const std::vector<Index>& hidden, Method order, double tolerance) {
  Subject& s = subject(hidden);
  if (!settles_right(s, to_tolerance(Method::difference, tolerance), kBeta)) return state.SkipWithError("does not end at the equilibrium");
  const SettleOptions options = to_tolerance(order, tolerance * kBeta);
  State<float> delta;
  for (auto _ : state)
    settle_difference<float>(*s.network, s.boundary(kBeta), s.free, delta, options, {{}, s.ids}, s.workspace, s.report, s.run);
  using benchmark::Counter;
  state.counters["samples_per_second"] = Counter(static_cast<double>(state.iterations()) * kBatch, Counter::kIsRate);
  state.counters["sweeps_per_sample"] = s.report.sweeps_sum() / kBatch;
}

const bool registered = [] {
  const std::vector<std::pair<std::string, std::vector<Index>>> networks{{"784x512x10", {512}}, {"784x256x256x10", {256, 256}}};
  for (const auto& [name, hidden] : networks) {
    for (const double tolerance : {1e-3, 1e-6})
      for (const double beta : {0.0, kBeta})
        for (const Method method : {Method::forward, Method::backward, Method::asynchronous, Method::event_driven, Method::synchronous,
                                    Method::euler, Method::anderson, Method::difference}) {
          if (method == Method::difference && beta == 0) continue;
          const std::string full = "settle/" + name + "/" + (beta == 0 ? "free" : "nudged") + (tolerance == 1e-3 ? "/1e-3/" : "/1e-6/") +
                                   std::string(method_name(method));
          benchmark::RegisterBenchmark(full.c_str(), [=, h = hidden](benchmark::State& state) {
            settle_methods(state, h, method, tolerance, beta);
          })->Unit(benchmark::kMicrosecond);
        }
    // relative to the nudge: 1e-3 and 1e-6 of beta
    for (const double tolerance : {1e-3, 1e-6})
      for (const Method order : {Method::forward, Method::backward, Method::asynchronous})
        benchmark::RegisterBenchmark(
            ("difference/" + name + (tolerance == 1e-3 ? "/beta_1e-3/" : "/beta_1e-6/") + std::string(method_name(order))).c_str(),
            [=, h = hidden](benchmark::State& state) { settle_difference_by(state, h, order, tolerance); })
            ->Unit(benchmark::kMicrosecond);
  }
  return true;
}();

}  // namespace
