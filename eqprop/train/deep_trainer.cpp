#include "eqprop/train/deep_trainer.h"

#include <type_traits>

#include "base/check.h"
#include "eqprop/kernel/deep.h"
#include "eqprop/model/ideal_coupling.h"

namespace eqprop {

template <class T>
struct DeepTrainer<T>::Body {
  int threads;
  std::vector<double> rates;
  DeepWeights weights;
  DeepOptions options;
  DeepWorkspace workspace;
  ChainReport report;
  std::vector<float> step_rates;
  Buffer<T> nudged;
};

namespace {

bool fits(const SettleOptions& options) {
  return (options.method == Method::forward || options.method == Method::event_driven) && options.activation_noise == 0 &&
         options.state_bits == 0;
}

void copy_outputs(const DeepWorkspace& workspace, int layer, int phase, Block<float> out) {
  for (Index i = 0; i < out.cols(); ++i)
    out.col(i) = Eigen::Map<const Vector<float>>(workspace.units(phase, layer, static_cast<int>(i)), out.rows());
}

void count(const ChainReport& report, const std::vector<ChainPhase>& plan, EpochSums& sums) {
  for (int phase = 0; phase <= static_cast<int>(plan.size()); ++phase) {
    if (phase > 0 && plan[static_cast<std::size_t>(phase - 1)].beta == 0) continue;
    for (int i = 0; i < report.batch; ++i) {
      const ChainTrace& trace = report.trace(phase, i);
      sums.settles += 1;
      sums.sweeps += trace.sweeps;
      sums.converged += trace.converged ? 1 : 0;
      sums.diverged += trace.change < kDivergedChange ? 0 : 1;
    }
  }
}

}  // namespace

template <class T>
bool DeepTrainer<T>::applies(const Network<T>& network, const TrainOptions& options) {
  if constexpr (!std::is_same_v<T, float>) {
    return false;
  } else {
    const int depth = network.depth();
    if (depth < 3 || network.has_readout() || network.terms().size() != static_cast<std::size_t>(depth) + 1) return false;
    if (!options.plain_phases() || options.rule.momentum != 0 || !fits(options.free) || !fits(options.nudged)) return false;
    for (int c = 0; c < depth; ++c) {
      const auto* coupling = dynamic_cast<const IdealCoupling<T>*>(&network.coupling(c));
      if (coupling == nullptr || (c == 0 && coupling->by_output())) return false;
      const Activation activation = network.layer(c + 1).activation;
      if (activation != Activation::hard_sigmoid && !(c + 1 == depth && activation == Activation::linear)) return false;
    }
    return true;
  }
}

template <class T>
DeepTrainer<T>::DeepTrainer(Network<T>& network, const TrainOptions& options, int threads) {
  check(applies(network, options), "the deep-chain kernel does not serve this network");
  if constexpr (std::is_same_v<T, float>) {
    body_ = std::make_unique<Body>();
    Body& b = *body_;
    b.threads = threads;
    b.rates = options.rule.rates;
    for (int c = 0; c < network.depth(); ++c) {
      auto& coupling = dynamic_cast<IdealCoupling<T>&>(network.coupling(c));
      b.weights.couplings.push_back({coupling.store().data(), coupling.bias().data(), static_cast<int>(coupling.inputs()),
                                     static_cast<int>(coupling.outputs()), coupling.by_output()});
    }
    const Activation output = network.layer(network.depth()).activation;
    b.options.output = output == Activation::linear ? ChainOutput::linear : ChainOutput::hard_sigmoid;
    b.options.tolerance = static_cast<float>(options.free.tolerance);
    b.options.nudged_tolerance = static_cast<float>(options.nudged.tolerance);
    b.options.free_sweeps = options.free.budget;
    b.options.nudged_sweeps = options.nudged.budget;
  }
}

template <class T>
DeepTrainer<T>::~DeepTrainer() = default;

template <class T>
void DeepTrainer<T>::step(const Batch<T>& batch, const PhasePlan& plan, double rate_factor, EpochSums& sums, LostClasses& lost,
                          Buffer<T>& output) {
  if constexpr (std::is_same_v<T, float>) {
    Body& b = *body_;
    const int last = static_cast<int>(b.weights.couplings.size());
    b.options.plan.clear();
    for (const Phase& phase : plan) b.options.plan.push_back({static_cast<float>(phase.beta()), static_cast<float>(phase.weight.real())});
    deep_settle(b.weights, {batch.x.data(), batch.y.data(), static_cast<int>(batch.size())}, b.options, b.threads, b.workspace, b.report);
    count(b.report, b.options.plan, sums);
    copy_outputs(b.workspace, last, 0, output.shape(batch.y.rows(), batch.y.cols()));
    for (std::size_t k = 0; k < plan.size(); ++k) {
      if (b.options.plan[k].beta == 0) continue;
      copy_outputs(b.workspace, last, static_cast<int>(k) + 1, b.nudged.shape(batch.y.rows(), batch.y.cols()));
      lost.observe<T>(output.block(), b.nudged.block(), batch.labels);
    }
    b.step_rates.clear();
    for (const double rate : b.rates) b.step_rates.push_back(static_cast<float>(rate * rate_factor));
    deep_update(b.weights, b.step_rates, b.threads, b.workspace);
  }
}

template <class T>
void DeepTrainer<T>::free_outputs(const Batch<T>& batch, Buffer<T>& output) {
  if constexpr (std::is_same_v<T, float>) {
    Body& b = *body_;
    b.options.plan.clear();
    deep_settle(b.weights, {batch.x.data(), nullptr, static_cast<int>(batch.size())}, b.options, b.threads, b.workspace, b.report);
    copy_outputs(b.workspace, static_cast<int>(b.weights.couplings.size()), 0, output.shape(batch.y.rows(), batch.y.cols()));
  }
}

template <class T>
double DeepTrainer<T>::multiply_adds() const {
  return body_->workspace.settle_multiply_adds() + body_->workspace.update_multiply_adds();
}

template class DeepTrainer<float>;
template class DeepTrainer<double>;

}  // namespace eqprop
