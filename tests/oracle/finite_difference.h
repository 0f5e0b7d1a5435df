#pragma once
// Gradients by central differences of fourth order: slow and obvious, error O(step^4) + rounding / step.
#include <Eigen/Core>

namespace eqprop::oracle {

/// Gradient of f(x) at x, one component after the other. f takes an Eigen::VectorXd and gives a double.
template <class Function>
Eigen::VectorXd finite_difference(Function f, Eigen::VectorXd x, double step = 1e-3) {
  Eigen::VectorXd gradient(x.size());
  for (Eigen::Index i = 0; i < x.size(); ++i) {
    const double middle = x[i];
    const auto at = [&](double shift) {
      x[i] = middle + shift;
      return f(x);
    };
    gradient[i] = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
    x[i] = middle;
  }
  return gradient;
}

}  // namespace eqprop::oracle
