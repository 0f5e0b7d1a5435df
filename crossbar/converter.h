#pragma once
// A uniform mid-tread quantiser for both directions of conversion.
//   code = clamp(round(gain * x + offset) / step), -2^(bits-1) .. 2^(bits-1) - 1 (signed) ; y = code * step ; step = 2 range / 2^bits
#include <Eigen/Core>

namespace eqprop {

enum class Rounding { nearest, truncate };

/// bits = 0 switches the converter off: y = gain * x + offset.
struct Converter {
  int bits = 8;                          ///< 0 (off) or 1..24
  double range = 1;                      ///< full scale: codes span [-range, range], same unit as the input
  Rounding rounding = Rounding::nearest;
  double gain = 1;                       ///< gain error, 1 = none
  double offset = 0;                     ///< offset error in the unit of the input

  /// Throws InputError(config) that names field, value and allowed range.
  void validate(const char* name) const;
  double step() const;  ///< size of one code, 0 when off
  /// In place on any column-major block.
  void convert(Eigen::Ref<Eigen::MatrixXf> values) const;
  /// Number of values of `values` that fall outside the range.
  std::int64_t clipped(const Eigen::Ref<const Eigen::MatrixXf>& values) const;
};

}  // namespace eqprop
