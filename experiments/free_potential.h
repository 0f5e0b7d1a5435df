#pragma once
// The network's potential at its free equilibria, for the record of a run.
#include "experiments/experiment.h"

namespace eqprop {

/// Mean over the first validation samples (64 at most) of the network's potential at the free equilibrium [1], see eqprop/model/term.h. The
/// settling is not charged: hardware does not know this number. NaN when a sample diverged.
double mean_free_potential(const Experiment& experiment, int threads);

}  // namespace eqprop
