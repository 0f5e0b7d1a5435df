#pragma once
// Contrast: what a batch's phases teach every coupling, as products of kept states.
//   change of W = rate / batch * sum_k weight_k post_k [pre_k; 1]'      (descent: dF/dW = - post pre')
// A phase is one product, of a state with itself. A complex phase, a difference of states and an adjoint are a few products more.
#include <complex>
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

  /// Forgets all states and products; buffers are kept.
  void clear();
  /// Adds a settled phase. boundary.beta and target serve the read-out of a cross-entropy network: its exact gradient at this state.
  void add(double weight, const Network<T>& network, const Boundary<T>& boundary, const State<T>& state, const ReadPlace& place, Run& run);
  /// Adds the phase z = re + i im of the nudge beta: Re(weight z_post z_pre'), the product without a conjugate; of a read-out,
  /// Re(weight beta (y - p(z)) [z; 1]').
  void add_complex(std::complex<double> weight, std::complex<double> beta, const Network<T>& network, const In<T>& target,
                   const State<T>& re, const State<T>& im, const ReadPlace& place, Run& run);
  /// Adds phases known by their differences d_k from the free state s; the weights sum to 0, so s s' cancels and is never formed:
  ///   sum_k w_k (s + d_k)(s + d_k)' = D s' + s D' + sum_k w_k d_k d_k',   D = sum_k w_k d_k.
  /// Only known once all are there: call begin_differences(s), then add_difference for every phase but the free one, then end_differences.
  void begin_differences(const State<T>& free);
  void add_difference(double weight, const State<T>& difference);
  void end_differences();
  /// Adds an adjoint m of the free state s: m_post [s_pre; 1]' + s_post m_pre', or the first product alone (feed-forward). `force` is the
  /// read-out's own, y - p (classes x batch), null without one.
  void add_adjoint(const State<T>& state, const State<T>& adjoint, bool symmetric, const Buffer<T>* force);

  /// Takes a sample out of every phase: it diverged and has nothing to teach. Call after the last add().
  void drop(Index sample);
  /// The last kept state, for imperfect measurement.
  State<T>& last() { return states_[used_ - 1]; }
  /// The factors of coupling c, views into this object and `input`: valid until the next call or clear(). The clamped input is common to
  /// all phases, so the first coupling has one factor: input and the weighted sum of states.
  std::span<const Factor<T>> factors(int c, const Network<T>& network, const ConstBlock<T>& input);
  std::size_t states() const { return used_; }
  const State<T>& state(std::size_t k) const { return states_[k]; }

 private:
  struct Product {
    std::size_t pre, post;  // kept states
    T weight;
    bool with_bias;
  };
  struct Force {
    std::size_t state;
    T weight;
    bool with_bias;
    Buffer<T> value;  // read-out only, classes x batch
  };
  std::size_t keep(const State<T>& state);
  Buffer<T>& keep_force(std::size_t state, double weight, bool with_bias);

  std::deque<State<T>> states_;
  std::size_t used_ = 0;
  std::vector<Product> products_;
  std::deque<Force> forces_;
  std::size_t forces_used_ = 0;
  std::size_t free_ = 0, sum_ = 0;  // of differences
  std::vector<Factor<T>> factors_;
  Buffer<T> first_;  // weighted sum of the first layer's states, units x batch
};

}  // namespace eqprop
