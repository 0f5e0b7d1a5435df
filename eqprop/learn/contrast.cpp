#include "eqprop/learn/contrast.h"

#include "base/check.h"

namespace eqprop {

template <class T>
void Contrast<T>::add(double weight, const Network<T>& network, const Boundary<T>& boundary, const State<T>& state, const ReadPlace& place,
                      Run& run) {
  if (used_ == kept_.size()) kept_.emplace_back();
  Kept& kept = kept_[used_++];
  kept.weight = static_cast<T>(weight);
  kept.state = state;
  if (!network.has_readout()) return;
  Block<T> force = kept.force.shape(network.outputs(), state.batch());
  if (boundary.beta == 0) {
    force.setZero();
    return;
  }
  read_output<T>(network, state, force, place, run);
  force = static_cast<T>(boundary.beta) * (boundary.target - force);
}

template <class T>
void Contrast<T>::drop(Index sample) {
  for (std::size_t k = 0; k < used_; ++k) {
    for (int l = 1; l <= kept_[k].state.layers(); ++l) kept_[k].state.layer(l).col(sample).setZero();
    if (kept_[k].force.cols() > 0) kept_[k].force.block().col(sample).setZero();
  }
}

template <class T>
std::span<const Factor<T>> Contrast<T>::factors(int c, const Network<T>& network, const ConstBlock<T>& input) {
  check(used_ > 0, "a contrast without phases");
  factors_.clear();
  if (c == 0) {
    const State<T>& shape = kept_.front().state;
    Block<T> sum = first_.shape(shape.size(1), shape.batch());
    sum.setZero();
    for (std::size_t k = 0; k < used_; ++k) sum += kept_[k].weight * kept_[k].state.layer(1);
    factors_.push_back({input, view(first_), T(1)});
    return factors_;
  }
  for (std::size_t k = 0; k < used_; ++k) {
    const State<T>& state = kept_[k].state;
    if (c < network.depth())
      factors_.push_back({state.layer(c), state.layer(c + 1), kept_[k].weight});
    else
      factors_.push_back({state.layer(network.depth()), view(kept_[k].force), kept_[k].weight});
  }
  return factors_;
}

template class Contrast<float>;
template class Contrast<double>;

}  // namespace eqprop
