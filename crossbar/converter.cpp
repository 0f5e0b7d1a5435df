#include "crossbar/converter.h"

#include <cmath>

#include "base/math.h"
#include "crossbar/option_check.h"

namespace eqprop {

void Converter::validate(const char* name) const {
  const std::string field = name;
  if (bits != 0) check_option(field + ".bits", bits, 2, 20);
  check_option(field + ".range", range, 1e-12, 1e12);
  check_option(field + ".gain", gain, -1e6, 1e6);
  check_option(field + ".offset", offset, -1e12, 1e12);
}

double Converter::step() const { return bits == 0 ? 0.0 : range / highest_code(); }
int Converter::lowest_code() const { return unipolar ? 0 : -highest_code(); }
int Converter::highest_code() const { return bits == 0 ? 0 : (1 << (unipolar ? bits : bits - 1)) - 1; }

void Converter::convert(Eigen::Ref<Eigen::MatrixXf> values) const {
  const auto a = static_cast<float>(gain);
  const auto b = static_cast<float>(offset);
  if (bits == 0) {
    if (gain == 1 && offset == 0) return;
    values = (values.array() * a + b).matrix();
    return;
  }
  const auto low = static_cast<float>(lowest_code());
  const auto high = static_cast<float>(highest_code());
  const auto size = static_cast<float>(step());
  // adding and subtracting 1.5 * 2^23 rounds to the nearest integer; truncation then goes one down where that was above. A value that is
  // a code up to rounding errors counts as that code, so that converting twice changes nothing.
  constexpr float kRounder = 12582912.0f;
  const float down = rounding == Rounding::truncate ? 1.0f : 0.0f;
  for (Eigen::Index k = 0; k < values.cols(); ++k) {
    float* y = values.col(k).data();
    for (Eigen::Index j = 0; j < values.rows(); ++j) {
      float v = (y[j] * a + b) / size;
      v = v < low ? low : v;
      v = v > high ? high : v;
      float code = (v + kRounder) - kRounder;
      code -= code - v > 2.5e-7f * std::abs(v) ? down : 0.0f;
      y[j] = code * size;
    }
  }
}

std::int64_t Converter::clipped(const Eigen::Ref<const Eigen::MatrixXf>& values) const {
  if (bits == 0) return 0;
  const double low = unipolar ? 0.0 : -range;
  std::int64_t count = 0;
  for (Eigen::Index k = 0; k < values.cols(); ++k)
    for (Eigen::Index j = 0; j < values.rows(); ++j) {
      const double v = gain * values(j, k) + offset;
      count += v < low || v > range;
    }
  return count;
}

}  // namespace eqprop
