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
  kept.force.resize(network.outputs(), state.batch());
  if (boundary.beta == 0) {
    kept.force.setZero();
    return;
  }
  read_output<T>(network, state, kept.force, place, run);
  kept.force = static_cast<T>(boundary.beta) * (boundary.target - kept.force);
}

template <class T>
void Contrast<T>::drop(Index sample) {
  for (std::size_t k = 0; k < used_; ++k) {
    for (int l = 1; l <= kept_[k].state.layers(); ++l) kept_[k].state.layer(l).col(sample).setZero();
    if (kept_[k].force.cols() > 0) kept_[k].force.col(sample).setZero();
  }
}

template <class T>
std::vector<Factor<T>> Contrast<T>::factors(int c, const Network<T>& network, const ConstBlock<T>& input) {
  check(used_ > 0, "a contrast without phases");
  if (c == 0) {
    const State<T>& shape = kept_.front().state;
    first_.setZero(shape.size(1), shape.batch());
    for (std::size_t k = 0; k < used_; ++k) first_ += kept_[k].weight * kept_[k].state.layer(1);
    return {{input, view(first_), T(1)}};
  }
  std::vector<Factor<T>> factors;
  for (std::size_t k = 0; k < used_; ++k) {
    const State<T>& state = kept_[k].state;
    if (c < network.depth())
      factors.push_back({state.layer(c), state.layer(c + 1), kept_[k].weight});
    else
      factors.push_back({state.layer(network.depth()), view(kept_[k].force), kept_[k].weight});
  }
  return factors;
}

template class Contrast<float>;
template class Contrast<double>;

}  // namespace eqprop
