#pragma once
// VTEAM: a wall at w, 0 .. d, moves only while the volts are beyond a threshold.
//   dw/dt = k_off (v/v_off - 1)^alpha_off   v > v_off
//         = k_on  (v/v_on - 1)^alpha_on     v < v_on
//         = 0                               else;      0 <= w <= d
//   R = R_on + (R_off - R_on) w/d
// | symbol              | unit | default    | range |
// | k_on, k_off         | m/s  | -10, 5e-4  | < 0, > 0 |
// | alpha_on, alpha_off | 1    | 3, 1       | > 0   |
// | v_on, v_off         | V    | -0.2, 0.02 | < 0, > 0 |
// | d                   | m    | 3e-9       | > 0   |
// | R_on, R_off         | ohm  | 50, 1000   | > 0, R_on < R_off |
// VTEAM counts volts from the other electrode: v is minus the volts of a pulse here, so that a SET pulse, above 0, meets v_on. No window
// function: the wall stops at its ends.
// Reference: form and defaults as in MemTorch, github.com/coreylammie/MemTorch (VTEAM: linear R, no window, the wall clipped to 0 .. d).
#include <cmath>

#include "crossbar/device/integrate.h"

namespace eqprop {

/// The rate itself: it does not depend on the state.
template <class Real>
struct VteamDrive {
  Real rate;  // [1/s]
};

/// Parameters of the model. Its state here is x = 1 - w/d, which grows with SET.
struct Vteam {
  double k_on = -10;     ///< [m/s]
  double k_off = 5e-4;   ///< [m/s]
  double alpha_on = 3;   ///< [1]
  double alpha_off = 1;  ///< [1]
  double v_on = -0.2;    ///< [V]
  double v_off = 0.02;   ///< [V]
  double d = 3e-9;       ///< [m]
  double R_on = 50;      ///< [ohm]
  double R_off = 1000;   ///< [ohm]

  bool operator==(const Vteam&) const = default;

  /// [S], and the state of a conductance; the read voltage does not matter.
  double conductance(double x, double) const { return 1 / (R_off + (R_on - R_off) * x); }
  double state(double siemens, double) const { return (R_off - 1 / siemens) / (R_off - R_on); }

  template <class Real>
  VteamDrive<Real> drive(double volt) const {
    const double v = -volt;
    double log_rate = -1;
    if (v > v_off)
      log_rate = std::log(k_off / d) + alpha_off * std::log(v / v_off - 1);
    else if (v < v_on)
      log_rate = std::log(-k_on / d) + alpha_on * std::log(v / v_on - 1);
    else
      return {0};
    return {static_cast<Real>((volt > 0 ? 1 : -1) * std::exp(std::min(log_rate, ode::kMostLogRate)))};
  }

  /// [1/s]
  template <bool kSet, class Real>
  [[gnu::always_inline]] static Real rate(const VteamDrive<Real>& drive, Real) {
    return drive.rate;
  }
};

}  // namespace eqprop
