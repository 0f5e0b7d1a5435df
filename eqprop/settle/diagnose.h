#pragma once
// Why a settle did not end, in words. Around a state the sweeps move as ds = M ds with M = D^1/2 (J - beta C'') D^1/2, J the couplings of the
// units, D the slopes of their activations (0 of a unit at its bound). M is symmetric; its extreme eigenvalues say what can settle:
//   unbounded units        largest < 1, or the potential has no minimum
//   all layers at once     -1 < all < 1
//   euler                  smallest > 1 - 2 / step
//   one layer at a time    only a curved cost is seen from the sweep before: its part of the last layer > -1
#include <string>

#include "eqprop/settle/settle.h"

namespace eqprop {

enum class Cause {
  none,                 ///< every sample settled
  not_a_number,         ///< weights, input, targets or start are not finite
  poles_met,            ///< a complex pre-activation came near a pole of its activation
  beta_too_large,       ///< without the nudge it would settle
  step_too_large,       ///< a smaller euler step would settle
  coupling_too_strong,  ///< the weights feed back more than the units take
  budget_too_small,     ///< it converges, slowly
};
std::string_view cause_name(Cause cause);

struct Diagnosis {
  Cause cause = Cause::none;
  std::string sentence;    ///< what happened, with figures, and what would mend it
  std::size_t sample = 0;  ///< the column that the figures are of: the one of the largest residual
  double smallest = 0;     ///< eigenvalue of M
  double largest = 0;      ///< eigenvalue of M
};

/// The most likely cause why samples of a report diverged or ran out of budget, from the state they were left in. Of complex states: the real
/// part, and a boundary whose beta is the modulus of the nudge with the sign of its real part. Some hundred products with the weights:
/// to be called once, when something is wrong. User's terms are left out of the figures.
template <class T>
Diagnosis diagnose(const Network<T>& network, const Boundary<T>& boundary, const State<T>& state, const SettleOptions& options,
                   const SettleReport& report);

}  // namespace eqprop
