#include "eqprop/train/kernel_path.h"

#include <type_traits>

#include "base/check.h"
#include "eqprop/kernel/deep.h"
#include "eqprop/model/ideal_coupling.h"

namespace eqprop {
namespace {

IdealCoupling<float>& ideal(Network<float>& network, int c) { return dynamic_cast<IdealCoupling<float>&>(network.coupling(c)); }

template <class Options>
Options settle_options(const Network<float>& network, const TrainOptions& options) {
  Options out;
  out.output = network.layer(network.depth()).activation == Activation::linear ? ChainOutput::linear : ChainOutput::hard_sigmoid;
  out.tolerance = static_cast<float>(options.free.tolerance);
  out.nudged_tolerance = static_cast<float>(options.nudged.tolerance);
  out.free_sweeps = options.free.budget;
  out.nudged_sweeps = options.nudged.budget;
  return out;
}

// one hidden layer: eqprop/kernel/chain.h
struct ChainKernel {
  static constexpr Path kPath = Path::chain;
  ChainWeights weights;
  ChainOptions options;
  ChainWorkspace workspace;

  ChainKernel(Network<float>& network, const TrainOptions& train) : options(settle_options<ChainOptions>(network, train)) {
    auto& below = ideal(network, 0);
    auto& above = ideal(network, 1);
    check(below.store().rows() == above.store().rows(), "both couplings pad the hidden layer alike");
    options.min_sweeps = 1;
    options.rest = 0;
    weights = {below.store().data(),
               below.bias().data(),
               above.store().data(),
               above.bias().data(),
               static_cast<int>(below.inputs()),
               static_cast<int>(below.outputs()),
               static_cast<int>(above.outputs()),
               static_cast<int>(below.store().rows())};
  }
  void settle(const ChainBatch& batch, int threads, ChainReport& report) {
    chain_settle(weights, batch, options, threads, workspace, report);
  }
  void update(const std::vector<float>& rates, int threads) { chain_update(weights, rates[0], rates[1], threads, workspace); }
  const float* units(int phase, int layer, int sample) const {
    return layer == 1 ? workspace.hidden(phase, sample) : workspace.output(phase, sample);
  }
  double multiply_adds() const { return 0; }
};

// two or more: eqprop/kernel/deep.h
struct DeepKernel {
  static constexpr Path kPath = Path::deep;
  DeepWeights weights;
  DeepOptions options;
  DeepWorkspace workspace;

  DeepKernel(Network<float>& network, const TrainOptions& train) : options(settle_options<DeepOptions>(network, train)) {
    // event-driven settling says how small a change is told; forward sweeps leave it to the kernel
    if (train.free.method == Method::event_driven) options.threshold = static_cast<float>(train.free.threshold);
    for (int c = 0; c < network.depth(); ++c) {
      auto& coupling = ideal(network, c);
      weights.couplings.push_back({coupling.store().data(), coupling.bias().data(), static_cast<int>(coupling.inputs()),
                                   static_cast<int>(coupling.outputs()), coupling.by_output()});
    }
  }
  void settle(const ChainBatch& batch, int threads, ChainReport& report) {
    deep_settle(weights, batch, options, threads, workspace, report);
  }
  void update(const std::vector<float>& rates, int threads) { deep_update(weights, rates, threads, workspace); }
  const float* units(int phase, int layer, int sample) const { return workspace.units(phase, layer, sample); }
  double multiply_adds() const { return workspace.settle_multiply_adds() + workspace.update_multiply_adds(); }
};

void count(const ChainReport& report, const std::vector<ChainPhase>& plan, SettleSums& sums) {
  for (int i = 0; i < report.batch; ++i) {
    bool sound = true;
    for (int phase = 0; phase <= static_cast<int>(plan.size()); ++phase) {
      // a phase without a nudge is the free one again
      if (phase > 0 && plan[static_cast<std::size_t>(phase - 1)].beta == 0) continue;
      const ChainTrace& trace = report.trace(phase, i);
      const bool diverged = !(trace.change < kDivergedChange);
      sound &= !diverged;
      sums.settles += 1;
      sums.sweeps += trace.sweeps;
      sums.converged += trace.converged ? 1 : 0;
      sums.diverged += diverged ? 1 : 0;
    }
    sums.dropped += sound ? 0 : 1;
  }
}

template <class Kernel>
class OnKernel final : public KernelPath<float> {
 public:
  OnKernel(Network<float>& network, const TrainOptions& options, int threads)
      : sizes_(network.sizes()), last_(network.depth()), threads_(threads), rates_(options.rule.rates), kernel_(network, options) {}

  Path path() const override { return Kernel::kPath; }

  void step(const Batch<float>& batch, const PhasePlan& plan, double rate_factor, SettleSums& sums, LostClasses& lost,
            Buffer<float>& output) override {
    std::vector<ChainPhase>& phases = kernel_.options.plan;
    phases.clear();
    for (const Phase& phase : plan) phases.push_back({static_cast<float>(phase.beta()), static_cast<float>(phase.weight.real())});
    kernel_.settle({batch.x.data(), batch.y.data(), static_cast<int>(batch.size())}, threads_, report_);
    count(report_, phases, sums);
    copy(0, last_, output.shape(batch.y.rows(), batch.y.cols()));
    for (std::size_t k = 0; k < phases.size(); ++k) {
      if (phases[k].beta == 0) continue;
      copy(static_cast<int>(k) + 1, last_, nudged_.shape(batch.y.rows(), batch.y.cols()));
      lost.observe<float>(output.block(), nudged_.block(), batch.labels);
    }
    step_rates_.clear();
    for (const double rate : rates_) step_rates_.push_back(static_cast<float>(rate * rate_factor));
    kernel_.update(step_rates_, threads_);
  }

  void answer(const Batch<float>& batch, Buffer<float>& output) override {
    kernel_.options.plan.clear();
    kernel_.settle({batch.x.data(), nullptr, static_cast<int>(batch.size())}, threads_, report_);
    copy(0, last_, output.shape(batch.y.rows(), batch.y.cols()));
  }

  void free_state(State<float>& state) const override {
    state.reshape(sizes_, report_.batch);
    for (int layer = 1; layer <= last_; ++layer) copy(0, layer, state.layer(layer));
  }

  double multiply_adds() const override { return kernel_.multiply_adds(); }

 private:
  void copy(int phase, int layer, Block<float> out) const {
    for (Index i = 0; i < out.cols(); ++i)
      out.col(i) = Eigen::Map<const Vector<float>>(kernel_.units(phase, layer, static_cast<int>(i)), out.rows());
  }

  std::vector<Index> sizes_;
  int last_;
  int threads_;
  std::vector<double> rates_;
  Kernel kernel_;
  ChainReport report_;
  std::vector<float> step_rates_;
  Buffer<float> nudged_;
};

bool sweeps_forward(const SettleOptions& options, bool by_events_too) {
  if (options.method == Method::forward) return true;
  // what is never told must not hold the stop up
  const bool tells = options.tolerance == 0 || options.threshold < options.tolerance;
  return by_events_too && options.method == Method::event_driven && tells;
}

}  // namespace

std::string_view path_name(Path path) {
  switch (path) {
    case Path::chain:
      return "dense-chain kernel";
    case Path::deep:
      return "deep-chain kernel";
    case Path::general:
      break;
  }
  return "general path";
}

template <class T>
Path path_for(const Network<T>& network, const TrainOptions& options) {
  if (!std::is_same_v<T, float> || !options.kernel || !options.plain_phases() || options.rule.momentum != 0) return Path::general;
  const int depth = network.depth();
  const bool deep = depth >= 3;
  if (depth < 2 || network.has_readout() || network.terms().size() != static_cast<std::size_t>(depth) + 1) return Path::general;
  if (!sweeps_forward(options.free, deep) || !sweeps_forward(options.nudged, deep)) return Path::general;
  if (options.free.method != options.nudged.method) return Path::general;
  for (int c = 0; c < depth; ++c) {
    const auto* coupling = dynamic_cast<const IdealCoupling<T>*>(&network.coupling(c));
    if (coupling == nullptr || (c == 0 && coupling->by_output())) return Path::general;
    if (!deep && c == 1 && (!coupling->by_output() || coupling->outputs() > kChainMaxOutputs)) return Path::general;
    const Activation activation = network.layer(c + 1).activation;
    if (activation != Activation::hard_sigmoid && !(c + 1 == depth && activation == Activation::linear)) return Path::general;
  }
  return deep ? Path::deep : Path::chain;
}

template <class T>
std::unique_ptr<KernelPath<T>> make_kernel(Network<T>& network, const TrainOptions& options, int threads) {
  const Path path = path_for(network, options);
  if constexpr (std::is_same_v<T, float>) {
    if (path == Path::chain) return std::make_unique<OnKernel<ChainKernel>>(network, options, threads);
    if (path == Path::deep) return std::make_unique<OnKernel<DeepKernel>>(network, options, threads);
  }
  return nullptr;
}

template Path path_for(const Network<float>&, const TrainOptions&);
template Path path_for(const Network<double>&, const TrainOptions&);
template std::unique_ptr<KernelPath<float>> make_kernel(Network<float>&, const TrainOptions&, int);
template std::unique_ptr<KernelPath<double>> make_kernel(Network<double>&, const TrainOptions&, int);

}  // namespace eqprop
