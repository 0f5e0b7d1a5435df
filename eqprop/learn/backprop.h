#pragma once
// The baseline: the feed-forward net of the same shape, s_l = act(W s_below + b), and its gradient by backprop
// (Rumelhart et al. 1986, 10.1038/323533a0).
#include "eqprop/learn/adjoint.h"

namespace eqprop {

/// The forward pass; drive is the first layer's field.
template <class T>
void feed_forward(const Network<T>& network, const In<T>& drive, State<T>& state, const ReadPlace& place, Run& run);
/// The backward pass: m_l = act'(h_l) W' m_above once, from the output down; the gradient is dC/dW = - m_post [s_pre; 1]' (no term of m_pre).
template <class T>
void backpropagate(const Network<T>& network, const State<T>& state, const AdjointSource<T>& source, const ReadPlace& place,
                   State<T>& adjoint, Run& run);

}  // namespace eqprop
