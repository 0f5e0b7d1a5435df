#pragma once
// Soft bounds: the step of a pulse is proportional to the room left in its direction.
//   up:   dG = +step_up   (G_hi - G) / (G_hi - G_lo)
//   down: dG = -step_down (G - G_lo) / (G_hi - G_lo)
// | symbol             | unit | default | range |
// | step_up, step_down | S    | none    | > 0   |
// "N pulses per window" means step = (G_max - G_min) / N: the first SET pulse from G_min moves 1/N of the window, a pulse at the middle
// half as
// much, and N pulses in one direction use up 63 % of the room there was.
// Reference: Fusi and Abbott, Nat. Neurosci. 2007, 10.1038/nn1859; in aihwkit Rasch et al., AICAS 2021, 10.1109/AICAS51828.2021.9458494.

namespace eqprop {

/// Parameters of the law and its mean step.
struct SoftBounds {
  float step_up = 0;    ///< [S] step of a SET pulse at the lower bound
  float step_down = 0;  ///< [S] size of the step of a RESET pulse at the upper bound

  /// Mean change [S] of a nominal device at conductance g [S] with its own window [low, high] [S].
  [[gnu::always_inline]] float mean_step(float g, bool up, float low, float high) const {
    const float room_up = high - g;
    const float room_down = low - g;
    return (up ? step_up * room_up : step_down * room_down) / (high - low);
  }
};

}  // namespace eqprop
