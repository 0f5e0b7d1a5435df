#pragma once
// The difference between a nudged equilibrium and the free one, settled itself: delta = s_nudged - s_free keeps its full relative precision,
// where the subtraction of two float states loses it. For units s = clip(h / (1 + a), low, high) and a free state in exact equilibrium:
//   delta_l = clip((dh + e + beta (y - s_free)) / (1 + beta), low - s_free, high - s_free)     beta acts on the last layer alone
//   dh = W_l delta_{l-1} + W_{l+1}' delta_{l+1},   e = h_free - s_free of a unit at its bound, 0 of a unit inside
#include "eqprop/settle/settle.h"

namespace eqprop {

/// True when the network's layers are hard_sigmoid, clipped_relu or linear, its cost the squared error, its couplings ideal, and no user's
/// term takes part.
template <class T>
bool difference_applies(const Network<T>& network);

/// Settles delta (given any shape, it starts at 0) from the free equilibrium under the boundary's nudge or held outputs. Sweeps go in the
/// order of options.method where that is forward, backward or asynchronous, and backward otherwise: a nudge enters at the outputs. The
/// tolerance is that of delta's units, absolute. Throws std::logic_error where difference_applies() is false.
template <class T>
void settle_difference(const Network<T>& network, const Boundary<T>& boundary, const State<T>& free, State<T>& delta,
                       const SettleOptions& options, const ReadPlace& place, Workspace<T>& workspace, SettleReport& report, Run& run);

}  // namespace eqprop
