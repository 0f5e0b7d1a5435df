#pragma once
// Tantalum oxide after Strachan et al.: x is the share of the area that conducts as a metal, the rest passes a Frenkel-Poole current.
//   i = v (Gm x + (1 - x) a exp(b sqrt|v|))
//   v > 0: dx/dt = B sinh(v/s_on)  exp(-(x/x_on)^2)  exp(i v/s_p)          SET
//   v < 0: dx/dt = A sinh(v/s_off) exp(-(x_off/x)^2) exp(1/(1 + beta i v))  RESET
// | symbol      | unit    | default      | range |
// | Gm, a       | S       | 25e-3, 7.2e-6 | > 0  |
// | b           | V^-1/2  | 4.7          | >= 0  |
// | A, B        | 1/s     | 1e-10, 1e-4  | > 0   |
// | s_off, s_on | V       | 0.013, 0.45  | > 0   |
// | s_p         | W       | 4e-5         | > 0   |
// | x_off, x_on | 1       | 0.4, 0.06    | > 0   |
// | beta        | 1/W     | 500          | >= 0  |
// Conductance is that at the read voltage v_r: G = Gm x + (1 - x) a exp(b sqrt(v_r)).
// The rate is computed as the exponential of a sum, which is cut at 60 before it overflows: near 0.5 V exp(i v/s_p) already reaches 1e20.
// Reference: Strachan et al., IEEE Trans. Electron Devices 60(7), 2194-2202 (2013); Ascoli, Tetzlaff, Chua, Radioengineering 24(2),
// 384-392 (2015), 10.13164/re.2015.0384; numbers as in github.com/mladenovvaleri/Advanced-Memristor-Modeling, model 2.
#include <cmath>

#include "crossbar/device/integrate.h"

namespace eqprop {

/// What of the rate depends on the volts alone.
template <class Real>
struct StrachanDrive {
  Real sign = 0;                      // of the rate; 0 at 0 V
  Real at_0 = 0, at_1 = 0, at_2 = 0;  // SET: logarithm of the rate as a polynomial of x; RESET: at_0 without the two terms below
  Real loss_0 = 1, loss_1 = 0;        // 1 + beta i v = loss_0 + loss_1 x
  Real x_off = 1;                     // never 0: a device that is quite off divides by its own 0
};

/// Parameters of the model.
struct Strachan {
  double Gm = 25e-3;     ///< [S]
  double a = 7.2e-6;     ///< [S]
  double b = 4.7;        ///< [V^-1/2]
  double A = 1e-10;      ///< [1/s]
  double B = 1e-4;       ///< [1/s]
  double s_off = 0.013;  ///< [V]
  double s_on = 0.45;    ///< [V]
  double s_p = 4e-5;     ///< [W]
  double x_off = 0.4;    ///< [1]
  double x_on = 0.06;    ///< [1]
  double beta = 500;     ///< [1/W]

  bool operator==(const Strachan&) const = default;

  /// [S] of the part that does not conduct as a metal, if it were all.
  double leak(double volt) const { return a * std::exp(b * std::sqrt(std::abs(volt))); }
  /// [S] at a read voltage [V], and the state of a conductance.
  double conductance(double x, double read_volt) const { return Gm * x + (1 - x) * leak(read_volt); }
  double state(double siemens, double read_volt) const { return (siemens - leak(read_volt)) / (Gm - leak(read_volt)); }

  template <class Real>
  StrachanDrive<Real> drive(double volt) const {
    StrachanDrive<Real> d;
    if (volt == 0) return d;
    // power: i v = p0 + p1 x
    const double p0 = volt * volt * leak(volt), p1 = volt * volt * Gm - p0;
    if (volt > 0) {
      d.sign = 1;
      d.at_0 = static_cast<Real>(std::log(B) + ode::log_sinh(volt / s_on) + p0 / s_p);
      d.at_1 = static_cast<Real>(p1 / s_p);
      d.at_2 = static_cast<Real>(-1 / (x_on * x_on));
    } else {
      d.sign = -1;
      d.at_0 = static_cast<Real>(std::log(A) + ode::log_sinh(-volt / s_off));
      d.loss_0 = static_cast<Real>(1 + beta * p0);
      d.loss_1 = static_cast<Real>(beta * p1);
      d.x_off = static_cast<Real>(x_off);
    }
    return d;
  }

  /// [1/s]
  template <bool kSet, class Real>
  [[gnu::always_inline]] static Real rate(const StrachanDrive<Real>& d, Real x) {
    if constexpr (kSet) {
      return d.sign * ode::rate_exp(ode::fused(ode::fused(d.at_2, x, d.at_1), x, d.at_0));
    } else {
      const Real q = d.x_off / x;
      return d.sign * ode::rate_exp(ode::fused(-q, q, d.at_0 + Real(1) / ode::fused(d.loss_1, x, d.loss_0)));
    }
  }
};

}  // namespace eqprop
