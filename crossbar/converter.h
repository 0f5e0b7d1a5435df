#pragma once
// A uniform mid-tread quantiser for both directions of conversion. Zero and full scale are codes, so a saturated activation passes
// unharmed.
//   v = (gain x + offset) / step ; code = clamp(round(v), -N, N) ; y = code step ; N = 2^(bits-1) - 1 ; step = range / N
//   unipolar: codes 0 .. N with N = 2^bits - 1 instead
#include <Eigen/Core>
#include <cstdint>

namespace eqprop {

enum class Rounding {
  nearest,   ///< to the nearest code, ties to the even one
  truncate,  ///< to the code below (a shift of half a step in the mean)
};

/// bits = 0 switches the converter off: y = gain * x + offset, without clipping.
struct Converter {
  int bits = 8;           ///< 0 (off) or 2..20
  double range = 1;       ///< full scale: codes span [-range, range], or [0, range] if unipolar; same unit as the input
  bool unipolar = false;  ///< codes of one sign only
  Rounding rounding = Rounding::nearest;
  double gain = 1;    ///< gain error, 1 = none
  double offset = 0;  ///< offset error in the unit of the input

  /// Throws InputError(config) that names field, value and allowed range.
  void validate(const char* name) const;
  double step() const;       ///< size of one code, 0 when off
  int lowest_code() const;   ///< 0 when off
  int highest_code() const;  ///< 0 when off
  /// In place on any column-major block.
  void convert(Eigen::Ref<Eigen::MatrixXf> values) const;
  /// Number of values of `values` that fall outside the range; 0 when off.
  std::int64_t clipped(const Eigen::Ref<const Eigen::MatrixXf>& values) const;
};

}  // namespace eqprop
