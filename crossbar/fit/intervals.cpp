#include "crossbar/fit/intervals.h"

#include <algorithm>
#include <cmath>

#include "crossbar/fit/goodness.h"

namespace eqprop::fit {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

std::vector<Estimate> estimates(const std::function<std::vector<NamedValue>(const VectorXd&)>& quantities, const CurveFit& up,
                                const CurveFit& down, double step) {
  const Index n = up.p.size();
  VectorXd q(2 * n);
  q << up.p, down.p;
  MatrixXd covariance = MatrixXd::Zero(2 * n, 2 * n);
  if (up.covariance.size() > 0) covariance.topLeftCorner(n, n) = up.covariance;
  if (down.covariance.size() > 0) covariance.bottomRightCorner(n, n) = down.covariance;
  std::vector<bool> fixed = up.at_bound;
  fixed.insert(fixed.end(), down.at_bound.begin(), down.at_bound.end());

  const std::vector<NamedValue> here = quantities(q);
  MatrixXd slopes(static_cast<Index>(here.size()), 2 * n);
  for (Index i = 0; i < 2 * n; ++i) {
    // standard deviations are not differentiable at 0: forward there
    const double delta = 1e-5 * std::max(1.0, std::abs(q[i]));
    const bool forward = std::abs(q[i]) < 2 * delta;
    VectorXd moved = q;
    moved[i] = q[i] + delta;
    const std::vector<NamedValue> above = quantities(moved);
    moved[i] = forward ? q[i] : q[i] - delta;
    const std::vector<NamedValue> below = quantities(moved);
    for (std::size_t k = 0; k < here.size(); ++k)
      slopes(static_cast<Index>(k), i) = (above[k].value - below[k].value) / (forward ? delta : 2 * delta);
  }
  std::vector<Estimate> out;
  for (std::size_t k = 0; k < here.size(); ++k) {
    const VectorXd slope = slopes.row(static_cast<Index>(k)).transpose();
    const double sd = std::sqrt(std::max(slope.dot(covariance * slope), 0.0));
    Estimate e{here[k].name, here[k].siemens, here[k].value, here[k].value - kNinety * sd, here[k].value + kNinety * sd, false};
    if (here[k].sd) {
      // near 0 it is the variance that is nearly normal, and 0 must stay inside when it is not excluded
      const double square = e.value * e.value, reach = 2 * kNinety * e.value * sd;
      e.low = e.value > sd ? std::sqrt(std::max(square - reach, 0.0)) : 0;
      if (e.value > sd) e.high = std::sqrt(square + reach);
    }
    // told by nothing but parameters at the end of their range, or by no data
    double told = 0;
    bool at_end = false;
    for (Index i = 0; i < 2 * n; ++i) {
      const double part = std::abs(slope[i]);
      fixed[static_cast<std::size_t>(i)] ? (at_end = at_end || part > 0) : (told += part * part * covariance(i, i), true);
    }
    e.at_bound = (at_end && told == 0) || !(sd < 1e3 * std::max(std::abs(here[k].value), here[k].siemens ? step : 1.0));
    out.push_back(e);
  }
  return out;
}

Estimate spread_estimate(const std::string& name, const std::vector<double>& values, const std::vector<double>& errors) {
  const auto n = static_cast<double>(values.size());
  double mean = 0, square = 0, error = 0;
  for (const double v : values) mean += v / n;
  for (const double v : values) square += (v - mean) * (v - mean) / (n - 1);
  for (const double e : errors) error += e * e / n;
  const auto less = [&](double variance) { return std::sqrt(std::max(variance - error, 0.0)) / std::abs(mean); };
  const int freedom = static_cast<int>(values.size()) - 1;
  return {name,
          false,
          less(square),
          less(square * freedom / chi2_value(0.05, freedom)),
          less(square * freedom / std::max(chi2_value(0.95, freedom), 1e-12)),
          false};
}

}  // namespace eqprop::fit
