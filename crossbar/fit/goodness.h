#pragma once
// What a fit leaves unsaid.
#include <vector>

#include "crossbar/fit/curves.h"
#include "crossbar/fit/fit.h"
#include "crossbar/fit/likelihood.h"

namespace eqprop::fit {

/// Probability of chi2 or more with `freedom` degrees, and the value that is exceeded with probability p: E. B. Wilson, M. M. Hilferty,
/// PNAS 17 (1931), 10.1073/pnas.17.12.684; good to three digits.
double chi2_probability(double chi2, int freedom);
double chi2_value(double p, int freedom);

/// Fills the figures of `fit` from the filter's residuals, track by track; `parameters` of the mean curve were fitted.
void describe(DirectionFit& fit, const std::vector<std::vector<Innovation>>& tracks, const Scale& scale, bool up, int parameters);

}  // namespace eqprop::fit
