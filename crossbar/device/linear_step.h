#pragma once
// Linear step: the step of a pulse changes linearly with the conductance.
//   x = (G - (G_lo + G_hi)/2) / ((G_hi - G_lo)/2)          position in the device's own window, -1 .. 1
//   up:   dG = +step_up   max(1 - gamma_up x, 0)
//   down: dG = -step_down max(1 + gamma_down x, 0)
// | symbol               | unit | default | range   |
// | step_up, step_down   | S    | none    | > 0     |
// | gamma_up, gamma_down | 1    | 0       | -1 .. 1 |
// Positive gammas shrink the step towards the bound that the pulse approaches; gamma = 0 is a constant step.
// Reference: Rasch et al., AICAS 2021, 10.1109/AICAS51828.2021.9458494 (aihwkit), here in siemens.
#include <algorithm>

namespace eqprop {

/// Parameters of the law and its mean step.
struct LinearStep {
  float step_up = 0;     ///< [S] step of a SET pulse at the middle of the window
  float step_down = 0;   ///< [S] size of the step of a RESET pulse at the middle of the window
  float gamma_up = 0;    ///< [1]
  float gamma_down = 0;  ///< [1]

  /// Mean change [S] of a nominal device at conductance g [S] with its own window [low, high] [S].
  [[gnu::always_inline]] float mean_step(float g, bool up, float low, float high) const {
    const float x = (g + g - low - high) / (high - low);
    const float rise = step_up * std::max(1.0f - gamma_up * x, 0.0f);
    const float fall = -step_down * std::max(1.0f + gamma_down * x, 0.0f);
    return up ? rise : fall;
  }
};

}  // namespace eqprop
