#include "eqprop/model/network.h"

#include <cmath>

#include "base/check.h"

namespace eqprop {
namespace {

using Numbers = Eigen::Map<Eigen::ArrayXXd, Eigen::AlignedMax>;
using Costs = Eigen::Map<Eigen::RowVectorXd, Eigen::AlignedMax>;

template <class T>
Numbers in_double(const In<T>& m, Buffer<double>& kept) {
  kept.shape(m.rows(), m.cols()) = m.template cast<double>();
  return {kept.data(), m.rows(), m.cols()};
}

// cost per sample; o and y are scratch
template <class T>
void costs_in_double(Cost cost, const In<T>& output, const In<T>& target, Buffer<double>& o_kept, Buffer<double>& y_kept, Costs costs) {
  const Numbers o = in_double<T>(output, o_kept);
  const Numbers y = in_double<T>(target, y_kept);
  constexpr double kTiny = 1e-300;  // keeps the logarithm of an underflowed probability finite
  if (cost == Cost::squared_error)
    costs = ((o - y).square().colwise().sum() / 2).matrix();
  else
    costs = (-(y * o.max(kTiny).log()).colwise().sum()).matrix();
}

}  // namespace

template <class T>
Network<T>::Network(std::vector<Layer> layers, std::vector<std::unique_ptr<Coupling<T>>> couplings, Cost cost)
    : layers_(std::move(layers)), couplings_(std::move(couplings)), cost_(cost) {
  for (const auto& each : layers_) sizes_.push_back(each.size);
  check(layers_.size() >= 2, "a network needs an input and at least one layer that settles");
  const std::size_t joints = layers_.size() - 1;
  check(couplings_.size() == joints + (has_readout() ? 1 : 0), "one coupling per pair of neighbouring layers, one more for a read-out");
  for (std::size_t c = 0; c < joints; ++c) {
    check(couplings_[c]->inputs() == layers_[c].size && couplings_[c]->outputs() == layers_[c + 1].size,
          "a coupling does not fit its layers");
    terms_.emplace_back(DenseTerm{static_cast<int>(c), static_cast<int>(c), static_cast<int>(c) + 1});
  }
  if (has_readout()) {
    check(couplings_.back()->inputs() == layers_.back().size, "the read-out does not fit the last layer");
    terms_.emplace_back(SoftmaxTerm{static_cast<int>(joints), depth()});
  } else {
    terms_.emplace_back(SquaredErrorTerm{depth()});
  }
}

template <class T>
Index Network<T>::outputs() const {
  return has_readout() ? couplings_.back()->outputs() : layers_.back().size;
}

template <class T>
State<T> Network<T>::rest(Index batch) const {
  State<T> state;
  rest(batch, state);
  return state;
}

template <class T>
void Network<T>::rest(Index batch, State<T>& state) const {
  state.reshape(sizes_, batch);
  for (int l = 1; l <= depth(); ++l)
    if (layer(l).activation == Activation::logistic) state.layer(l).setConstant(T(1) / 2);
}

template <class T>
Eigen::RowVectorXd potential(const TermContext<T>& context) {
  Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(context.columns);
  for (int l = 1; l <= context.network.depth(); ++l)
    sum += own_potential<T>(context.network.layer(l), context.state.layer(l, 0, context.columns));
  for (const auto& term : context.network.terms()) sum += potential(term, context);
  return sum;
}

template <class T>
void read_output(const Network<T>& network, const State<T>& state, Out<T> output, const ReadPlace& place, Run& run) {
  if (!network.has_readout()) {
    output = state.layer(network.depth());
    return;
  }
  output.setZero();
  network.coupling(network.coupling_count() - 1).forward(state.layer(network.depth()), output, place, run);
  softmax<T>(output);
}

template <class T>
Eigen::RowVectorXd cost_of(Cost cost, const In<T>& output, const In<T>& target) {
  Buffer<double> o, y;
  Eigen::RowVectorXd costs(output.cols());
  costs_in_double<T>(cost, output, target, o, y, {costs.data(), costs.size()});
  return costs;
}

template <class T>
double total_cost(Cost cost, const In<T>& output, const In<T>& target) {
  thread_local Buffer<double> o, y, sums;
  const Costs costs(sums.shape(1, output.cols()).data(), output.cols());
  costs_in_double<T>(cost, output, target, o, y, costs);
  return costs.sum();
}

template <class T>
Matrix<T> initial_weights(Index inputs, Index outputs, double scale, std::uint32_t seed, int layer) {
  const RandomKey key(seed, Purpose::initial_weight, static_cast<std::uint32_t>(layer));
  const double bound = scale / std::sqrt(static_cast<double>(inputs));
  Matrix<T> weights = Matrix<T>::Zero(outputs, inputs + 1);
  for (Index i = 0; i < inputs; ++i)
    for (Index o = 0; o < outputs; ++o) {
      Place place;
      place.sample = static_cast<std::uint32_t>(i);
      weights(o, i) = static_cast<T>(bound * (2.0 * key.uniform(place, static_cast<std::uint32_t>(o)) - 1.0));
    }
  return weights;
}

template class Network<float>;
template class Network<double>;
template Eigen::RowVectorXd potential<float>(const TermContext<float>&);
template Eigen::RowVectorXd potential<double>(const TermContext<double>&);
template void read_output<float>(const Network<float>&, const State<float>&, Out<float>, const ReadPlace&, Run&);
template void read_output<double>(const Network<double>&, const State<double>&, Out<double>, const ReadPlace&, Run&);
template Eigen::RowVectorXd cost_of<float>(Cost, const In<float>&, const In<float>&);
template Eigen::RowVectorXd cost_of<double>(Cost, const In<double>&, const In<double>&);
template double total_cost<float>(Cost, const In<float>&, const In<float>&);
template double total_cost<double>(Cost, const In<double>&, const In<double>&);
template Matrix<float> initial_weights<float>(Index, Index, double, std::uint32_t, int);
template Matrix<double> initial_weights<double>(Index, Index, double, std::uint32_t, int);

}  // namespace eqprop
