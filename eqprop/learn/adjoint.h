#pragma once
// The exact gradient of the free state, three ways. At the minimum of the potential act^-1(s) = W s + b; its Hessian is H = D^-1 - W with
// D = act'(h). The adjoint m solves H m = - dC/ds, and is the limit of ds/dbeta at beta = 0, so that
//   - dC/dW = m_post [s_pre; 1]' + s_post [m_pre; 0]' .
//   implicit            block elimination in float64, per sample; units at a bound have D = 0 and m = 0
//   recurrent backprop  sweeps of m_l = D_l (W m_below + W' m_above + source), output to input (Almeida 1987; Pineda 1987,
//                       10.1103/PhysRevLett.59.2229)
//   truncated BPTT      the first K of these sweeps: backprop through the last K forward sweeps of a settled free phase
#include "eqprop/settle/settle.h"

namespace eqprop {

/// What drives the adjoint: - dC/ds of the last settling layer (units x batch), and the read-out's own force y - p (classes x batch).
template <class T>
struct AdjointSource {
  Buffer<T> push;
  Buffer<T> force;  // no columns without a read-out
};

/// The source at a state for targets (outputs x batch), in the units of the cost.
template <class T>
void adjoint_source(const Network<T>& network, const State<T>& state, const In<T>& target, AdjointSource<T>& source, const ReadPlace& place,
                    Run& run);

/// Exact, from Coupling::read(), in double. Throws nothing; a sample whose Hessian is singular gets not-a-number.
template <class T>
void implicit_adjoint(const Network<T>& network, const State<T>& state, const AdjointSource<T>& source, State<T>& adjoint);

/// Sweeps through the couplings' own reads until no entry changes by more than options.tolerance, options.budget sweeps at most. The
/// adjoint starts at 0. Returns the sweeps; change is the largest of the last sweep.
template <class T>
int sweep_adjoint(const Network<T>& network, const State<T>& state, const AdjointSource<T>& source, const SettleOptions& options,
                  const ReadPlace& place, State<T>& adjoint, double& change, Run& run);

}  // namespace eqprop
