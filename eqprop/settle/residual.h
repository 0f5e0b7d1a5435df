#pragma once
// How far a state is from equilibrium, found again in float64 by code that shares nothing with the settling: plain loops over the weights
// that the couplings read(), an own activation, the clamped input instead of its drive.
#include <vector>

#include "eqprop/settle/settle.h"

namespace eqprop {

/// Per sample the largest |s - act(h, a)| of all units, with every neighbour as it stands; of held outputs |s - held|. boundary.input must be
/// there; the noise of reads and of the drive is left out, so a noisy network keeps a residual of its noise. NaN where a state is none.
/// Throws std::logic_error when the network has a user's term.
template <class T>
std::vector<double> residual(const Network<T>& network, const Boundary<T>& boundary, const State<T>& state);

}  // namespace eqprop
