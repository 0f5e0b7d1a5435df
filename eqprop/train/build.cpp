#include "base/check.h"
#include "eqprop/model/asymmetric_coupling.h"
#include "eqprop/model/ideal_coupling.h"
#include "eqprop/train/options.h"

namespace eqprop {
namespace {

[[noreturn]] void fail(const std::string& message, Code code = Code::out_of_range) { throw InputError(code, {}, message); }

template <class T>
std::unique_ptr<Coupling<T>> build_coupling(const NetworkOptions& options, const Matrix<T>& weights, int layer, Run& run) {
  if (options.substrate == Substrate::ideal && options.backward_error > 0)
    return std::make_unique<AsymmetricCoupling<T>>(std::make_unique<IdealCoupling<T>>(weights), options.backward_error, run.seed, layer);
  if (options.substrate == Substrate::ideal) return std::make_unique<IdealCoupling<T>>(weights);
  return std::make_unique<CrossbarCoupling<T>>(options.crossbar, options.layers, layer, weights, run);
}

}  // namespace

void NetworkOptions::validate() const {
  if (layers.size() < 2) fail("network.layers needs the input and at least one layer");
  for (const auto& layer : layers)
    if (layer.size < 1 || layer.size > 100000) fail("network.layers = " + std::to_string(layer.size) + ": expected 1 .. 100000 units");
  if (cost == Cost::cross_entropy && classes < 2) fail("network.classes = " + std::to_string(classes) + ": cross entropy needs at least 2");
  if (!(initial_scale > 0 && initial_scale <= 100))
    fail("network.initial_scale = " + std::to_string(initial_scale) + ": expected a number in (0, 100]");
  if (!(backward_error >= 0 && backward_error <= 2))
    fail("network.backward_error = " + std::to_string(backward_error) + ": expected a number in [0, 2]");
  if (backward_error > 0 && substrate == Substrate::crossbar)
    fail("network.backward_error is for exact weights: arrays have errors of their own", Code::conflict);
  if (substrate == Substrate::crossbar) crossbar.validate();
  if (substrate == Substrate::crossbar && crossbar.loop == Loop::analog && cost == Cost::cross_entropy)
    fail(
        "crossbar.loop = analog with network.cost = cross_entropy: the read-out stands beside the analog loop and would cost nothing; "
        "expected loop = digital",
        Code::conflict);
}

template <class T>
Network<T> build_network(const NetworkOptions& options, Run& run) {
  options.validate();
  std::vector<std::unique_ptr<Coupling<T>>> couplings;
  for (int c = 0; c < options.couplings(); ++c) {
    const auto k = static_cast<std::size_t>(c);
    const Index inputs = options.layers[k].size;
    const Index outputs = k + 1 < options.layers.size() ? options.layers[k + 1].size : options.classes;
    couplings.push_back(build_coupling<T>(options, initial_weights<T>(inputs, outputs, options.initial_scale, run.seed, c), c, run));
  }
  return Network<T>(options.layers, std::move(couplings), options.cost);
}

void TrainOptions::validate(const NetworkOptions& network) const {
  if (epochs < 1 || epochs > 1000000) fail("train.epochs = " + std::to_string(epochs) + ": expected 1 .. 1000000");
  if (batch < 1 || batch > 65536) fail("train.batch = " + std::to_string(batch) + ": expected 1 .. 65536 samples");
  if (calibration_samples < 0) fail("train.calibration_samples = " + std::to_string(calibration_samples) + ": expected 0 or more");
  LearnOptions::validate(network.layers, network.cost);
  rule.validate(network.couplings());
  if (family_of(estimator) == EstimatorFamily::moving && rule.momentum != 0)
    fail("train.momentum = " + std::to_string(rule.momentum) + ": the weights of " + std::string(estimator_name(estimator)) +
             " move within the phase and have no velocity, expected 0",
         Code::conflict);
  const PulseMode mode = network.crossbar.array.plan.mode;
  if (rule.momentum != 0 && network.substrate == Substrate::crossbar && (mode == PulseMode::coincidence || mode == PulseMode::tiki_taka))
    fail("train.momentum = " + std::to_string(rule.momentum) +
             " with crossbar.programming = coincidence or tiki_taka: nobody forms the change that a velocity would be added to, expected 0",
         Code::conflict);
  if (rule.weight_decay > 0 && network.substrate == Substrate::crossbar)
    fail("train.weight_decay = " + std::to_string(rule.weight_decay) +
             " with network.coupling = crossbar: devices cannot be scaled, expected 0 or ideal couplings",
         Code::conflict);
  const EstimatorFamily family = family_of(estimator);
  if ((family == EstimatorFamily::adjoint || family == EstimatorFamily::feed_forward) && network.substrate == Substrate::crossbar &&
      network.crossbar.loop == Loop::analog)
    fail("train.estimator = " + std::string(estimator_name(estimator)) +
             " with crossbar.loop = analog: no analog loop settles an adjoint or a feed-forward pass, expected loop = digital",
         Code::conflict);
  if (family == EstimatorFamily::adjoint && network.backward_error > 0)
    fail(
        "train.estimator = " + std::string(estimator_name(estimator)) +
            " with network.backward_error: the adjoint of weights that read differently backward is not known, expected backward_error = 0",
        Code::conflict);
  if (nudged.method == Method::difference && network.substrate == Substrate::crossbar)
    fail("settle.nudged_method = difference needs exact couplings: on arrays a difference of states is never driven", Code::conflict);
}

template Network<float> build_network<float>(const NetworkOptions&, Run&);
template Network<double> build_network<double>(const NetworkOptions&, Run&);

}  // namespace eqprop
