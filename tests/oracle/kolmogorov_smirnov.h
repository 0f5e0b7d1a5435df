#pragma once
// One-sample Kolmogorov-Smirnov test.
#include <algorithm>
#include <cmath>
#include <vector>

namespace eqprop::oracle {

/// Largest distance between the empirical distribution of `draws` and `cdf`, times sqrt(n).
template <class Cdf>
double kolmogorov_smirnov(std::vector<double> draws, Cdf cdf) {
  std::sort(draws.begin(), draws.end());
  const auto n = static_cast<double>(draws.size());
  double worst = 0;
  for (std::size_t i = 0; i < draws.size(); ++i) {
    const double p = cdf(draws[i]);
    worst = std::max({worst, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return worst * std::sqrt(n);
}

/// The value that the statistic exceeds with probability `false_alarm` when the distribution is right (large n).
inline double kolmogorov_smirnov_limit(double false_alarm) { return std::sqrt(-std::log(false_alarm / 2) / 2); }

inline double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

}  // namespace eqprop::oracle
