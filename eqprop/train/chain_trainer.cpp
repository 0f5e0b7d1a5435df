#include "eqprop/train/chain_trainer.h"

#include <type_traits>

#include "base/check.h"
#include "eqprop/kernel/chain.h"
#include "eqprop/model/ideal_coupling.h"

namespace eqprop {

template <class T>
struct ChainTrainer<T>::Body {
  Network<T>& network;
  int threads;
  double rate1, rate2;
  ChainWeights weights;
  ChainOptions options;
  ChainWorkspace workspace;
  ChainReport report;
  Buffer<T> nudged;
};

namespace {

template <class T>
const IdealCoupling<T>* ideal(const Network<T>& network, int c) {
  return dynamic_cast<const IdealCoupling<T>*>(&network.coupling(c));
}

void copy_outputs(const ChainWorkspace& workspace, int phase, Block<float> out) {
  for (Index i = 0; i < out.cols(); ++i)
    out.col(i) = Eigen::Map<const Vector<float>>(workspace.output(phase, static_cast<int>(i)), out.rows());
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
bool ChainTrainer<T>::applies(const Network<T>& network, const TrainOptions& options) {
  if constexpr (!std::is_same_v<T, float>) {
    return false;
  } else {
    if (!options.plain_phases() || options.free.method != Method::forward || options.nudged.method != Method::forward) return false;
    if (network.depth() != 2 || network.has_readout() || network.terms().size() != 3 || options.rule.momentum != 0) return false;
    const auto* below = ideal(network, 0);
    const auto* above = ideal(network, 1);
    if (below == nullptr || above == nullptr || below->by_output() || !above->by_output() || above->outputs() > kChainMaxOutputs) return false;
    const Activation output = network.layer(2).activation;
    return network.layer(1).activation == Activation::hard_sigmoid && (output == Activation::hard_sigmoid || output == Activation::linear) &&
           options.free.tolerance == options.nudged.tolerance;
  }
}

template <class T>
ChainTrainer<T>::ChainTrainer(Network<T>& network, const TrainOptions& options, int threads) {
  check(applies(network, options), "the dense-chain kernel does not serve this network");
  if constexpr (std::is_same_v<T, float>) {
    auto& below = dynamic_cast<IdealCoupling<T>&>(network.coupling(0));
    auto& above = dynamic_cast<IdealCoupling<T>&>(network.coupling(1));
    check(below.store().rows() == above.store().rows(), "both couplings pad the hidden layer alike");
    ChainOptions chain;
    chain.output = network.layer(2).activation == Activation::linear ? ChainOutput::linear : ChainOutput::hard_sigmoid;
    chain.tolerance = static_cast<float>(options.free.tolerance);
    chain.min_sweeps = 1;
    chain.free_sweeps = options.free.budget;
    chain.nudged_sweeps = options.nudged.budget;
    chain.rest = 0;
    const ChainWeights weights{below.store().data(),
                               below.bias().data(),
                               above.store().data(),
                               above.bias().data(),
                               static_cast<int>(below.inputs()),
                               static_cast<int>(below.outputs()),
                               static_cast<int>(above.outputs()),
                               static_cast<int>(below.store().rows())};
    body_.reset(new Body{network, threads, options.rule.rates[0], options.rule.rates[1], weights, chain, {}, {}, {}});
  }
}

template <class T>
ChainTrainer<T>::~ChainTrainer() = default;

template <class T>
void ChainTrainer<T>::step(const Batch<T>& batch, const PhasePlan& plan, double rate_factor, EpochSums& sums, LostClasses& lost,
                           Buffer<T>& output) {
  if constexpr (std::is_same_v<T, float>) {
    Body& b = *body_;
    b.options.plan.clear();
    for (const Phase& phase : plan) b.options.plan.push_back({static_cast<float>(phase.beta()), static_cast<float>(phase.weight.real())});
    chain_settle(b.weights, {batch.x.data(), batch.y.data(), static_cast<int>(batch.size())}, b.options, b.threads, b.workspace, b.report);
    count(b.report, b.options.plan, sums);
    copy_outputs(b.workspace, 0, output.shape(batch.y.rows(), batch.y.cols()));
    for (std::size_t k = 0; k < plan.size(); ++k) {
      if (plan[k].beta() == 0) continue;
      copy_outputs(b.workspace, static_cast<int>(k) + 1, b.nudged.shape(batch.y.rows(), batch.y.cols()));
      lost.observe<T>(output.block(), b.nudged.block(), batch.labels);
    }
    chain_update(b.weights, static_cast<float>(b.rate1 * rate_factor), static_cast<float>(b.rate2 * rate_factor), b.threads, b.workspace);
  }
}

template <class T>
void ChainTrainer<T>::free_outputs(const Batch<T>& batch, Buffer<T>& output) {
  if constexpr (std::is_same_v<T, float>) {
    Body& b = *body_;
    b.options.plan.clear();
    chain_settle(b.weights, {batch.x.data(), nullptr, static_cast<int>(batch.size())}, b.options, b.threads, b.workspace, b.report);
    copy_outputs(b.workspace, 0, output.shape(batch.y.rows(), batch.y.cols()));
  }
}

template class ChainTrainer<float>;
template class ChainTrainer<double>;

}  // namespace eqprop
