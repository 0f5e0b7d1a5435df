#include "experiments/statistics.h"

#include <array>
#include <cmath>

#include "base/check.h"

namespace eqprop {

double student_t(int degrees) {
  check(degrees >= 1, "at least one degree of freedom");
  // tabulated where the expansion below is off by more than 1e-3
  static constexpr std::array<double, 10> kTable = {12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281};
  if (degrees <= static_cast<int>(kTable.size())) return kTable[static_cast<std::size_t>(degrees - 1)];
  // Cornish-Fisher around the normal quantile (Abramowitz & Stegun 26.7.5)
  const double z = 1.959963984540054, n = degrees;
  const double z2 = z * z;
  return z + z * (z2 + 1) / (4 * n) + z * ((5 * z2 + 16) * z2 + 3) / (96 * n * n) +
         z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * n * n * n);
}

Estimate estimate(const std::vector<double>& values) {
  Estimate out;
  if (values.empty()) return out;
  const auto n = static_cast<double>(values.size());
  for (const double v : values) out.mean += v / n;
  if (values.size() < 2) return out;
  double square = 0;
  for (const double v : values) square += (v - out.mean) * (v - out.mean);
  out.half_width = student_t(static_cast<int>(values.size()) - 1) * std::sqrt(square / (n - 1) / n);
  return out;
}

}  // namespace eqprop
