#pragma once
// From the parameters of a search to those of a device, with their intervals.
#include <Eigen/Core>
#include <functional>
#include <vector>

#include "crossbar/fit/curves.h"
#include "crossbar/fit/fit.h"
#include "crossbar/fit/law_fit.h"

namespace eqprop::fit {

/// Standard deviations in half of a 90 % interval.
inline constexpr double kNinety = 1.6448536269514722;

/// Quantities made from all parameters of SET and RESET, with 90 % intervals by their covariance (to first order); `step` [S] is a size by
/// which a parameter is known at all.
std::vector<Estimate> estimates(const std::function<std::vector<NamedValue>(const Eigen::VectorXd&)>& quantities, const CurveFit& up,
                                const CurveFit& down, double step);

/// Spread of the steps' factors from device to device beyond what their own errors explain, with its 90 % interval; n values.
Estimate spread_estimate(const std::string& name, const std::vector<double>& values, const std::vector<double>& errors);

}  // namespace eqprop::fit
