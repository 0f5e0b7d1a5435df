#pragma once
// What time does to a written conductance.
//   G(t) = G_w ((t - t_w + t0) / t0)^-nu        drift: G_w was written at t_w; nu = nu(G_w) + sd(G_w) xi, xi each device's own, nu >= 0
//   dG/dt = -(G - G_low) / retention            retention: towards the device's lower bound
// nu(G) and sd(G) are lines in ln(G / G_max), cut to a range.
// | symbol       | unit | default | range       |
// | t0           | s    | 0, none | 0 or > 1e-9 |
// | nu, sd       | 1    | 0       | 0 .. 2      |
// | retention    | s    | 0, none | 0 or > 1e-9 |
// Reference: of phase change memory, Nandakumar et al., Front. Neurosci. 2020, 10.3389/fnins.2020.00406; Joshi et al., Nat. Commun. 2020,
// 10.1038/s41467-020-16108-9.

namespace eqprop {

/// A line in ln(G / G_max), cut to [low, high].
struct LogLine {
  double at_max = 0;  ///< value at G_max
  double slope = 0;   ///< per ln(G / G_max)
  double low = 0;
  double high = 0;
};

/// Drift and retention of a device. A plain value.
struct Drift {
  double second = 0;            ///< [s] t0; 0: no drift
  LogLine exponent;             ///< [1] nu
  LogLine spread;               ///< [1] sd of nu from device to device
  double retention_second = 0;  ///< [s] 0: kept for ever

  bool any() const { return second > 0 || retention_second > 0; }
};

}  // namespace eqprop
