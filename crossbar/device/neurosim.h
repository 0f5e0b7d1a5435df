#pragma once
// The form of NeuroSim: a train of P_max equal pulses takes the device through its whole window along an exponential.
//   SET train:   G(P) = G_lo + B_up   (1 - exp(-P / A_up)),   B = (G_hi - G_lo) / (1 - exp(-P_max / A))
//   RESET train: G(P) = G_hi - B_down (1 - exp(-P / A_down))
// One pulse moves G(P) to G(P + 1), which needs G alone. With s = 1 - exp(-P_max / A) and the place x = (G - G_lo) / (G_hi - G_lo):
//   up:   dG = +step_up   (1 - s_up x),         step = B (1 - exp(-1 / A))
//   down: dG = -step_down (1 - s_down (1 - x))
// | symbol               | unit | default | range       |
// | step_up, step_down   | S    | none    | > 0         |
// | shrink_up, _down (s) | 1    | 0       | -1000 .. 1  |
// s is the share of the first step that is lost on the way through the window: 0 for equal steps (A infinite), below 0 for steps that grow.
// Cycle noise of NeuroSim is a share of the window, whatever the step: DevicePreset::cycle_floor.
// Reference: Chen, Peng, Yu, IEEE Trans. CAD 37(12), 3067-3080 (2018); github.com/neurosim/MLP_NeuroSim_V3.0.
#include <algorithm>
#include <cmath>

namespace eqprop {

/// A train of pulses as NeuroSim describes it.
struct NeuroSimTrain {
  double pulses = 0;  ///< [1] P_max
  double A = 0;       ///< [1] pulses; negative: steps grow on the way

  double shrink() const { return -std::expm1(-pulses / A); }                                                ///< [1] s
  double first_step(double window) const { return window * std::expm1(-1 / A) / std::expm1(-pulses / A); }  ///< [S] for a window [S]
};

/// A / P_max for a nonlinearity label NL (0.01 .. 9) of NeuroSim: the largest distance of the normalised train from the straight line
/// between its ends, measured across the line, is 0.07 NL. Solved here; agrees with NeuroSim's printed table to its last digit but one.
double neurosim_nonlinearity(double label);

/// Parameters of the law and its mean step.
struct NeuroSimStep {
  float step_up = 0;      ///< [S] step of a SET pulse at the lower bound
  float step_down = 0;    ///< [S] size of the step of a RESET pulse at the upper bound
  float shrink_up = 0;    ///< [1]
  float shrink_down = 0;  ///< [1]

  /// The law of a window [S] that `set` and `reset` cross.
  static NeuroSimStep from_trains(double window, const NeuroSimTrain& set, const NeuroSimTrain& reset) {
    return {.step_up = static_cast<float>(set.first_step(window)),
            .step_down = static_cast<float>(reset.first_step(window)),
            .shrink_up = static_cast<float>(set.shrink()),
            .shrink_down = static_cast<float>(reset.shrink())};
  }

  /// Mean change [S] of a nominal device at conductance g [S] with its own window [low, high] [S].
  [[gnu::always_inline]] float mean_step(float g, bool up, float low, float high) const {
    const float gone = up ? g - low : high - g;
    const float left = 1.0f - (up ? shrink_up : shrink_down) * (gone / (high - low));
    return (up ? step_up : -step_down) * std::max(left, 0.0f);
  }
};

}  // namespace eqprop
