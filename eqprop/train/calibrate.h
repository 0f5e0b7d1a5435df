#pragma once
// Converter ranges of arrays from the states that some samples settle to, free and nudged.
#include "eqprop/learn/phases.h"

namespace eqprop {

/// Two rounds, since the states depend on the ranges. Events go to kPhaseCalibrate; place.step names the noise. The nudged states are those
/// of a nudge by options.beta, whatever the estimator; a feed-forward net is measured on its answers and their backward pass.
template <class T>
void calibrate_ranges(Network<T>& network, const BatchView<T>& batch, const LearnOptions& options, const Place& place, Run& run);

}  // namespace eqprop
