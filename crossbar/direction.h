#pragma once
// Which way a matrix is read, and what limits the repeatability of a read.
#include <cmath>

namespace eqprop {

/// forward: inputs drive lines, outputs are read; backward: outputs drive columns (v on G+, -v on G-), inputs are read.
enum class Direction { forward, backward };

/// What limits a read, in logical output units. Used to tell when a settle has reached its noise floor.
struct ReadFloor {
  double noise_sd = 0;  ///< sd of an output, for inputs of the rms asked for on every line (forward: and the bias at 1)
  double adc_step = 0;  ///< one ADC code
  int conversions = 1;  ///< partial sums, each rounded by its own ADC, that make up an output
  /// sd of both together, a rounded partial sum counted as uniform: sqrt(noise^2 + conversions step^2 / 12).
  double total_sd() const { return std::sqrt(noise_sd * noise_sd + conversions * adc_step * adc_step / 12); }
};

}  // namespace eqprop
