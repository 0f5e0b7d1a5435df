#pragma once
// A DAC's code cut into bits for drivers of one bit: x = range / N sum_k 2^k p_k, N the highest code; p_k is 0 or 1, or carries the sign of
// a bipolar code as the polarity of its pulse. The bias line, driven at 1 in every plane, comes out as 1: the weights 2^k / N add up to it.
#include <Eigen/Core>
#include <cmath>
#include <cstdlib>

#include "crossbar/converter.h"

namespace eqprop {

/// Weight of bit k in the sum over planes.
inline double plane_weight(const Converter& dac, int k) { return std::ldexp(1.0, k) / dac.highest_code(); }

/// The code of a value that the DAC has converted.
inline float code_of(float converted, float step) { return std::nearbyint(converted / step); }

/// p_k range of a code.
inline float plane_value(float code, int k, float range) {
  if (!(code == code)) return code;  // a state that diverged stays one
  const int magnitude = std::abs(static_cast<int>(code));
  const float on = static_cast<float>((magnitude >> k) & 1) * range;
  return code < 0 ? -on : on;
}

/// Sum over planes of weight^2: what noise that is fresh in every plane is multiplied by, in squares.
inline double plane_squares(const Converter& dac, int planes) {
  double sum = 0;
  for (int k = 0; k < planes; ++k) sum += plane_weight(dac, k) * plane_weight(dac, k);
  return sum;
}

}  // namespace eqprop
