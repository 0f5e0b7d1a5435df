#include "crossbar/device/neurosim.h"

#include "base/check.h"

namespace eqprop {

double neurosim_nonlinearity(double label) {
  check(label >= 0.01 && label <= 9, "a nonlinearity label of NeuroSim is 0.01 .. 9");
  const double wanted = 0.07 * std::sqrt(2.0) * label;  // height above the straight line
  // the train B (1 - exp(-x / A)), B = 1 / (1 - exp(-1 / A)), is farthest above x where its slope is 1: exp(-x / A) = A / B. A smaller A
  // lifts it, so bisect
  const auto height = [](double A) {
    const double B = -1 / std::expm1(-1 / A);
    return B - A + A * std::log(A / B);
  };
  double low = 1e-4, high = 1e3;
  for (int i = 0; i < 200; ++i) {
    const double middle = std::sqrt(low * high);
    (height(middle) > wanted ? low : high) = middle;
  }
  return std::sqrt(low * high);
}

}  // namespace eqprop
