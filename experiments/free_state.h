#pragma once
// A look at the free state of some validation samples: the mean potential, which learning lowers, how far from equilibrium it is, and, when
// settling fails, why. The look has its own ledger (none), so it never changes a run.
#include "eqprop/settle/diagnose.h"
#include "experiments/experiment.h"

namespace eqprop {

struct FreeState {
  double potential = 0;  ///< [1] mean per sample; NaN when one diverged
  double residual =
      0;  ///< [unit output] largest |s - act(h)| of the states that training sees, found again in float64; NaN when one is not finite
};

FreeState look_at_free_state(Experiment& experiment, int threads);

/// Why samples of this experiment do not settle, free or nudged: the most likely cause, its sentence with the phase before it; Cause::none
/// when they do.
Diagnosis why_not_settled(const Experiment& experiment, int threads);

}  // namespace eqprop
