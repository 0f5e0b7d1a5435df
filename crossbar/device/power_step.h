#pragma once
// Power step: the step of a pulse is a power of the room left in its direction.
//   up:   dG = +step_up   ((G_hi - G) / (G_hi - G_lo))^gamma_up
//   down: dG = -step_down ((G - G_lo) / (G_hi - G_lo))^gamma_down
// | symbol               | unit | default | range   |
// | step_up, step_down   | S    | none    | > 0     |
// | gamma_up, gamma_down | 1    | 1       | 0 .. 10 |
// At a bound the share counts as 1e-30: its step is not exactly zero, and the window stops it.
// gamma = 1 is soft bounds, 0 a constant step, above 1 a step that dies out early. "N pulses per window" as with soft bounds: step =
// (G_max - G_min) / N, the first SET pulse from G_min moves 1/N of the window.
// Reference: Rasch et al., AICAS 2021, 10.1109/AICAS51828.2021.9458494 (aihwkit), here in siemens.
#include <cmath>

#include "base/math.h"

namespace eqprop {

/// Parameters of the law and its mean step.
struct PowerStep {
  float step_up = 0;     ///< [S] step of a SET pulse at the lower bound
  float step_down = 0;   ///< [S] size of the step of a RESET pulse at the upper bound
  float gamma_up = 1;    ///< [1]
  float gamma_down = 1;  ///< [1]

  static constexpr float kLeast = 1e-30f;  // of the room, so that it has a logarithm

  /// Mean change [S] of a nominal device at conductance g [S] with its own window [low, high] [S].
  [[gnu::always_inline]] float mean_step(float g, bool up, float low, float high) const {
    const float room = up ? high - g : g - low;
    // added and not compared: a comparison with a constant becomes a branch, and the loop over devices no vector code
    const float share = std::abs(room) / (high - low) + kLeast;
    const float power = exp_poly((up ? gamma_up : gamma_down) * math_detail::log_positive(share));
    return (up ? step_up : -step_down) * power;
  }
};

}  // namespace eqprop
