#pragma once
// Settling of complex states z = re + i im under a complex nudge beta, for holomorphic EP (A. Laborieux, F. Zenke, NeurIPS 2022,
// arXiv:2209.00530). Couplings stay real: each part is read on its own, and a crossbar is charged for both reads.
//   hidden layers  z = act(h)                       h = W z + b + W' z, the bias on the real part alone
//   last layer     z = act(u), u + beta act(u) = h + beta y     the cost (y - z)^2 / 2 without a modulus, so that all is analytic in beta
//   or, with a read-out, z = act(h + beta R' (y - softmax(R z + c))), the softmax continued to complex logits
// tanh has poles at +-i pi/2, logistic at +-i pi: a nudge that brings a pre-activation near one has no equilibrium to end in.
#include <complex>

#include "eqprop/settle/settle.h"

namespace eqprop {

/// True when the network's layers are tanh, logistic or linear, and no user's term takes part.
template <class T>
bool complex_applies(const Network<T>& network);

/// factor (y - p) of a read-out of complex states, p = softmax(R z + c) = exp(.) / sum exp(.), target and results classes x columns; its poles,
/// where the sum of exponentials vanishes, show as numbers that are not finite. The parts are read at place and at the sweep after it.
template <class T>
void output_force_complex(const Network<T>& network, const In<T>& target, std::complex<double> factor, const In<T>& re, const In<T>& im,
                          Out<T> force_re, Out<T> force_im, const ReadPlace& place, Run& run);

/// Settles re + i im from the given states (re: the free state, im: 0). boundary.beta is not looked at. Sweeps are exact blocks in the order
/// of options.method where that is backward or asynchronous, and forward otherwise. A change is that of re or im, whichever is larger.
/// Sweep k reads re as sweep 2 k - 1 and im as sweep 2 k of its place, so that their noise differs; reads and seconds count twice.
/// activation_noise goes on both parts, each with its own numbers, in the phases of a real beta too. Held outputs are held at a real value.
/// report.pole holds each sample's least distance of a pre-activation to a pole in
/// all sweeps. Throws std::logic_error where complex_applies() is false or states are to be rounded.
template <class T>
void settle_complex(const Network<T>& network, const Boundary<T>& boundary, std::complex<double> beta, State<T>& re, State<T>& im,
                    const SettleOptions& options, const ReadPlace& place, Workspace<T>& workspace, SettleReport& report, Run& run);

}  // namespace eqprop
