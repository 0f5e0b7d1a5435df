#include "eqprop/learn/contrast.h"

#include <utility>

#include "base/check.h"
#include "eqprop/settle/complex.h"

namespace eqprop {

template <class T>
void Contrast<T>::clear() {
  used_ = 0;
  forces_used_ = 0;
  products_.clear();
}

template <class T>
std::size_t Contrast<T>::keep(const State<T>& state) {
  if (used_ == states_.size()) states_.emplace_back();
  states_[used_] = state;
  return used_++;
}

template <class T>
Buffer<T>& Contrast<T>::keep_force(std::size_t state, double weight, bool with_bias) {
  if (forces_used_ == forces_.size()) forces_.emplace_back();
  Force& force = forces_[forces_used_++];
  force.state = state;
  force.weight = static_cast<T>(weight);
  force.with_bias = with_bias;
  return force.value;
}

template <class T>
void Contrast<T>::add(double weight, const Network<T>& network, const Boundary<T>& boundary, const State<T>& state, const ReadPlace& place,
                      Run& run) {
  const std::size_t k = keep(state);
  products_.push_back({k, k, static_cast<T>(weight), true});
  if (!network.has_readout() || boundary.beta == 0) return;
  Block<T> force = keep_force(k, weight, true).shape(network.outputs(), state.batch());
  read_output<T>(network, state, force, place, run);
  force = static_cast<T>(boundary.beta) * (boundary.target - force);
}

template <class T>
void Contrast<T>::add_complex(std::complex<double> weight, std::complex<double> beta, const Network<T>& network, const In<T>& target,
                              const State<T>& re, const State<T>& im, const ReadPlace& place, Run& run) {
  const std::size_t a = keep(re);
  const std::size_t b = keep(im);
  const T real = static_cast<T>(weight.real());
  const T imaginary = static_cast<T>(weight.imag());
  products_.push_back({a, a, real, true});
  products_.push_back({b, b, -real, false});
  products_.push_back({a, b, -imaginary, true});
  products_.push_back({b, a, -imaginary, false});
  if (!network.has_readout()) return;
  // (u + i v) (re + i im) = (u re - v im) + ..., with u + i v = weight beta (y - p)
  Block<T> u = keep_force(a, 1, true).shape(network.outputs(), re.batch());
  Block<T> v = keep_force(b, -1, false).shape(network.outputs(), re.batch());
  output_force_complex<T>(network, target, weight * beta, re.layer(network.depth()), im.layer(network.depth()), u, v, place, run);
}

template <class T>
void Contrast<T>::begin_differences(const State<T>& free) {
  free_ = keep(free);
  sum_ = keep(free);
  for (int l = 1; l <= free.layers(); ++l) states_[sum_].layer(l).setZero();
}

template <class T>
void Contrast<T>::add_difference(double weight, const State<T>& difference) {
  const std::size_t k = keep(difference);
  products_.push_back({k, k, static_cast<T>(weight), false});
  for (int l = 1; l <= difference.layers(); ++l) states_[sum_].layer(l) += static_cast<T>(weight) * difference.layer(l);
}

template <class T>
void Contrast<T>::end_differences() {
  products_.push_back({free_, sum_, T(1), true});
  products_.push_back({sum_, free_, T(1), false});
}

template <class T>
void Contrast<T>::add_adjoint(const State<T>& state, const State<T>& adjoint, bool symmetric, const Buffer<T>* force) {
  const std::size_t s = keep(state);
  const std::size_t m = keep(adjoint);
  products_.push_back({s, m, T(1), true});
  if (symmetric) products_.push_back({m, s, T(1), false});
  if (force != nullptr) {
    Buffer<T>& kept = keep_force(s, 1, true);
    kept.shape(force->rows(), force->cols()) = force->block();
  }
}

template <class T>
void Contrast<T>::drop(Index sample) {
  for (std::size_t k = 0; k < used_; ++k)
    for (int l = 1; l <= states_[k].layers(); ++l) states_[k].layer(l).col(sample).setZero();
  for (std::size_t k = 0; k < forces_used_; ++k) forces_[k].value.block().col(sample).setZero();
}

template <class T>
std::span<const Factor<T>> Contrast<T>::factors(int c, const Network<T>& network, const ConstBlock<T>& input) {
  check(!products_.empty(), "a contrast without phases");
  factors_.clear();
  const auto layer = [this](std::size_t k, int l) -> ConstBlock<T> { return std::as_const(states_[k]).layer(l); };
  if (c == 0) {
    const State<T>& shape = states_.front();
    Block<T> sum = first_.shape(shape.size(1), shape.batch());
    sum.setZero();
    for (const Product& p : products_)
      if (p.with_bias) sum += p.weight * states_[p.post].layer(1);
    factors_.push_back({input, view(first_), T(1)});
  } else if (c < network.depth()) {
    for (const Product& p : products_) factors_.push_back({layer(p.pre, c), layer(p.post, c + 1), p.weight, p.with_bias});
  } else {
    for (std::size_t k = 0; k < forces_used_; ++k)
      factors_.push_back({layer(forces_[k].state, network.depth()), view(forces_[k].value), forces_[k].weight, forces_[k].with_bias});
    // free phases alone push no read-out: one factor of nothing
    if (forces_used_ == 0) {
      first_.shape(network.outputs(), input.cols()).setZero();
      factors_.push_back({layer(0, network.depth()), view(first_), T(1)});
    }
  }
  return factors_;
}

template class Contrast<float>;
template class Contrast<double>;

}  // namespace eqprop
