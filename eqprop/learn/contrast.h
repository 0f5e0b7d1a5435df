#pragma once
// Contrast: the weighted states of a plan's phases, from which every coupling gets its local pre/post factors.
//   change of W = rate / batch * sum_k weight_k post_k [pre_k; 1]'      (descent: dF/dW = - post pre')
#include <deque>
#include <span>
#include <vector>

#include "eqprop/model/network.h"

namespace eqprop {

template <class T>
class Contrast {
 public:
  Contrast() = default;
  Contrast(const Contrast&) = delete;
  Contrast& operator=(const Contrast&) = delete;

  /// Forgets all phases; buffers are kept.
  void clear() { used_ = 0; }
  /// Adds a settled phase. boundary.beta and target serve the read-out of a cross-entropy network: its exact gradient at this state.
  void add(double weight, const Network<T>& network, const Boundary<T>& boundary, const State<T>& state, const ReadPlace& place, Run& run);
  /// Takes a sample out of every phase: it diverged and has nothing to teach. Call after the last add().
  void drop(Index sample);
  /// The factors of coupling c, views into this object and `input`: valid until the next call or clear(). The clamped input is common to
  /// all phases, so the first coupling has one factor: input and the weighted sum of states.
  std::span<const Factor<T>> factors(int c, const Network<T>& network, const ConstBlock<T>& input);
  std::size_t phases() const { return used_; }
  const State<T>& state(std::size_t phase) const { return kept_[phase].state; }

 private:
  struct Kept {
    T weight;
    State<T> state;
    Buffer<T> force;  // read-out only: beta (y - p), outputs x batch
  };
  std::deque<Kept> kept_;
  std::size_t used_ = 0;
  std::vector<Factor<T>> factors_;
  Buffer<T> first_;  // weighted sum of the first layer's states, units x batch
};

}  // namespace eqprop
