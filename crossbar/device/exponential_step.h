#pragma once
// Exponential step: the step of a pulse falls or grows exponentially with the conductance.
//   x = (G - (G_lo + G_hi)/2) / ((G_hi - G_lo)/2) ; z = a x + b
//   up:   dG = +step_up   max(1 - A_up   exp(+gamma_up   z), 0)
//   down: dG = -step_down max(1 - A_down exp(-gamma_down z), 0)
// | symbol               | unit | default | range    |
// | step_up, step_down   | S    | none    | > 0      |
// | A_up, A_down         | 1    | 0       | -100 .. 100 |
// | gamma_up, gamma_down | 1    | 0       | 0 .. 10  |
// | a, b                 | 1    | 1, 0    | -1 .. 1  |
// Reference: Gong et al., Nat. Commun. 2018, 10.1038/s41467-018-04485-1 (device); Rasch et al., AICAS 2021,
// 10.1109/AICAS51828.2021.9458494.
#include <algorithm>

#include "base/math.h"

namespace eqprop {

/// Parameters of the law and its mean step.
struct ExponentialStep {
  float step_up = 0;     ///< [S]
  float step_down = 0;   ///< [S]
  float A_up = 0;        ///< [1]
  float A_down = 0;      ///< [1]
  float gamma_up = 0;    ///< [1]
  float gamma_down = 0;  ///< [1]
  float a = 1;           ///< [1]
  float b = 0;           ///< [1]

  /// Mean change [S] of a nominal device at conductance g [S] with its own window [low, high] [S].
  [[gnu::always_inline]] float mean_step(float g, bool up, float low, float high) const {
    const float x = (g + g - low - high) / (high - low);
    const float z = a * x + b;
    const float y = std::max(1.0f - (up ? A_up : A_down) * exp_poly((up ? gamma_up : -gamma_down) * z), 0.0f);
    return (up ? step_up : -step_down) * y;
  }
};

}  // namespace eqprop
