#pragma once
// Mean and 95 % confidence interval of a few runs.
#include <vector>

namespace eqprop {

struct Estimate {
  double mean = 0;
  double half_width = 0;  ///< of the two-sided 95 % interval by Student's t; 0 for fewer than two values
};
Estimate estimate(const std::vector<double>& values);

/// The 97.5 % quantile of Student's t, degrees >= 1.
double student_t(int degrees);

}  // namespace eqprop
