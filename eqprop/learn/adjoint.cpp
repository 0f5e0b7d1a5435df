#include "eqprop/learn/adjoint.h"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace eqprop {
namespace {

// one sample: (I - D^1/2 W D^1/2) n = D^1/2 source, m = D^1/2 n, layer by layer from the input up, then back
class Elimination {
 public:
  Elimination(const std::vector<Layer>& layers, const std::vector<Eigen::MatrixXd>& weights) : layers_(layers), weights_(weights) {}

  template <class T>
  void solve(const State<T>& state, Index sample, const Eigen::VectorXd& push, State<T>& adjoint) {
    const int depth = state.layers();
    roots_.clear();
    joints_.clear();
    factors_.clear();
    for (int l = 1; l <= depth; ++l) {
      const Layer& layer = layers_[static_cast<std::size_t>(l)];
      roots_.push_back(activation_slopes<double>(layer, state.layer(l).col(sample).template cast<double>()).array().sqrt().matrix());
    }
    // no unit of the first layer couples to another: its block is the identity
    Eigen::MatrixXd schur;
    for (int l = 2; l <= depth; ++l) {
      const auto k = static_cast<std::size_t>(l);
      joints_.push_back(roots_[k - 1].asDiagonal() * weights_[k - 1] * roots_[k - 2].asDiagonal());
      const Eigen::MatrixXd& j = joints_.back();
      schur = -j * (l == 2 ? Eigen::MatrixXd(j.transpose()) : Eigen::MatrixXd(factors_.back().solve(j.transpose())));
      schur.diagonal().array() += 1;
      factors_.emplace_back(schur);
    }
    Eigen::VectorXd above = roots_.back().cwiseProduct(push);
    if (depth > 1) above = factors_.back().solve(above);
    store(adjoint, depth, sample, above);
    for (int l = depth - 1; l >= 1; --l) {
      const auto k = static_cast<std::size_t>(l);
      Eigen::VectorXd here = joints_[k - 1].transpose() * above;
      if (l > 1) here = factors_[k - 2].solve(here);
      store(adjoint, l, sample, here);
      above = here;
    }
  }

 private:
  template <class T>
  void store(State<T>& adjoint, int l, Index sample, const Eigen::VectorXd& n) const {
    adjoint.layer(l).col(sample) = roots_[static_cast<std::size_t>(l - 1)].cwiseProduct(n).template cast<T>();
  }
  const std::vector<Layer>& layers_;
  const std::vector<Eigen::MatrixXd>& weights_;                // of the couplings, without bias; the first is not looked at
  std::vector<Eigen::VectorXd> roots_;                         // D^1/2 of layers 1 ..
  std::vector<Eigen::MatrixXd> joints_;                        // D^1/2 W D^1/2 of couplings 1 ..
  std::vector<Eigen::PartialPivLU<Eigen::MatrixXd>> factors_;  // Schur complements of layers 2 ..
};

// field of layer l from its neighbours, without bias or input
template <class T>
void neighbours_field(const Network<T>& network, const State<T>& state, int l, Out<T> field, const ReadPlace& place, Run& run) {
  field.setZero();
  if (l > 1) network.coupling(l - 1).forward_unbiased(state.layer(l - 1), field, place, run);
  if (l < network.depth()) network.coupling(l).backward(state.layer(l + 1), field, place, run);
}

}  // namespace

template <class T>
void adjoint_source(const Network<T>& network, const State<T>& state, const In<T>& target, AdjointSource<T>& source, const ReadPlace& place,
                    Run& run) {
  const int top = network.depth();
  Block<T> push = source.push.shape(state.size(top), state.batch());
  if (!network.has_readout()) {
    push = target - state.layer(top);
    source.force.shape(0, 0);
    return;
  }
  Block<T> force = source.force.shape(network.outputs(), state.batch());
  read_output<T>(network, state, force, place, run);
  force = target - force;
  push.setZero();
  network.coupling(top).backward(force, push, place, run);
}

template <class T>
void implicit_adjoint(const Network<T>& network, const State<T>& state, const AdjointSource<T>& source, State<T>& adjoint) {
  std::vector<Eigen::MatrixXd> weights(1);
  for (int c = 1; c < network.depth(); ++c)
    weights.push_back(network.coupling(c).read().leftCols(network.coupling(c).inputs()).template cast<double>());
  adjoint.reshape(network.sizes(), state.batch());
  Elimination elimination(network.layers(), weights);
  for (Index i = 0; i < state.batch(); ++i) elimination.solve(state, i, source.push.block().col(i).template cast<double>(), adjoint);
}

template <class T>
int sweep_adjoint(const Network<T>& network, const State<T>& state, const AdjointSource<T>& source, const SettleOptions& options,
                  const ReadPlace& place, State<T>& adjoint, double& change, Run& run) {
  adjoint.reshape(network.sizes(), state.batch());
  Buffer<T> kept;
  ReadPlace here = place;
  for (int sweep = 1; sweep <= options.budget; ++sweep) {
    here.place.sweep = place.place.sweep + static_cast<std::uint32_t>(sweep);
    change = 0;
    for (int l = network.depth(); l >= 1; --l) {
      Block<T> field = kept.shape(state.size(l), state.batch());
      neighbours_field<T>(network, adjoint, l, field, here, run);
      if (l == network.depth()) field += source.push.block();
      field = field.cwiseProduct(activation_slopes<T>(network.layer(l), state.layer(l)));
      network.coupling(l - 1).count_update(field.rows(), field.cols(), here.place, run);
      const auto moved = static_cast<double>((field - adjoint.layer(l)).cwiseAbs().template maxCoeff<Eigen::PropagateNaN>());
      if (!(moved <= change) && !std::isnan(change)) change = moved;  // not a number stays
      adjoint.layer(l) = field;
    }
    if (!(change > options.tolerance)) return sweep;
    if (!(change < kDivergedChange)) return sweep;
  }
  return options.budget;
}

template void adjoint_source<float>(const Network<float>&, const State<float>&, const In<float>&, AdjointSource<float>&, const ReadPlace&,
                                    Run&);
template void implicit_adjoint<float>(const Network<float>&, const State<float>&, const AdjointSource<float>&, State<float>&);
template int sweep_adjoint<float>(const Network<float>&, const State<float>&, const AdjointSource<float>&, const SettleOptions&,
                                  const ReadPlace&, State<float>&, double&, Run&);

template void adjoint_source<double>(const Network<double>&, const State<double>&, const In<double>&, AdjointSource<double>&,
                                     const ReadPlace&, Run&);
template void implicit_adjoint<double>(const Network<double>&, const State<double>&, const AdjointSource<double>&, State<double>&);
template int sweep_adjoint<double>(const Network<double>&, const State<double>&, const AdjointSource<double>&, const SettleOptions&,
                                   const ReadPlace&, State<double>&, double&, Run&);

}  // namespace eqprop
