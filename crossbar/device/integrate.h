#pragma once
// What a pulse does to devices whose state x in 0 .. 1 follows dx/dt = f(x, V(t)): an embedded Runge-Kutta pair with error control.
//   Dormand and Prince 5(4), J. Comput. Appl. Math. 6, 19-26 (1980), 10.1016/0771-050X(80)90013-3.
// Devices of an array see the same V(t), so kLanes of them take the same steps side by side: what depends on V alone is computed once for
// all, the rest is vector code. The step is the largest that the most demanding of them allows.
//   error of a step <= absolute + relative |change of x so far|
// The change is what is summed up, not x: small changes keep their digits, in float too. A state that would leave 0 .. 1 stays at the end.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "base/check.h"
#include "base/math.h"
#include "crossbar/device/pulse_shape.h"

namespace eqprop {

/// When a step is good enough.
struct IntegrateOptions {
  double relative = 1e-5;  ///< [1] of the change so far
  double absolute = 1e-8;  ///< [1] of the range of the state
  int max_steps = 20000;   ///< tried for one pulse on kLanes devices
};

/// What an integration did, over all groups of devices.
struct IntegrateReport {
  std::int64_t steps = 0;     ///< accepted
  std::int64_t rejected = 0;  ///< tried and taken back
  bool done = true;           ///< false: a group ran out of steps, its changes are those until then
};

namespace ode {

/// Logarithm of the largest rate: states that move by 1e26 per second are at their end at once, and nothing overflows.
inline constexpr double kMostLogRate = 60;

[[gnu::always_inline]] inline float fused(float a, float b, float c) { return mul_add(a, b, c); }
[[gnu::always_inline]] inline double fused(double a, double b, double c) {
#ifdef __FMA__
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}

/// exp(x), x not above kMostLogRate.
[[gnu::always_inline]] inline float rate_exp(float x) { return exp_poly(x > 60.0f ? 60.0f : x); }
[[gnu::always_inline]] inline double rate_exp(double x) { return std::exp(x > kMostLogRate ? kMostLogRate : x); }

/// log(sinh(u)) for u > 0, without overflow.
inline double log_sinh(double u) { return u - 0.69314718055994531 + std::log1p(-std::exp(-2 * u)); }

inline constexpr std::size_t kLanes = 128;

/// Devices that are integrated together.
template <class Real>
struct Lanes {
  alignas(64) Real start[kLanes];  // state before the pulse
  alignas(64) Real moved[kLanes];  // its change so far
  alignas(64) Real next[kLanes];
  alignas(64) Real error[kLanes];
  alignas(64) Real slope[7][kLanes];
};

inline constexpr double kNode[7] = {0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1};
inline constexpr double kWeight[7][6] = {
    {},
    {1.0 / 5},
    {3.0 / 40, 9.0 / 40},
    {44.0 / 45, -56.0 / 15, 32.0 / 9},
    {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
    {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
    {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84},
};
/// Fifth order less fourth.
inline constexpr double kError[7] = {71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40};

/// slope[kStage] at the state that the slopes before it lead to; the last stage keeps that state in `next`.
template <int kStage, bool kSet, class Real, class Model, class Drive>
[[gnu::noinline]] void stage(const Model&, const Drive drive, const double h, Lanes<Real>& l) {
  Real c[6] = {};
  for (int q = 0; q < kStage; ++q) c[q] = static_cast<Real>(h * kWeight[kStage][q]);
  for (std::size_t j = 0; j < kLanes; ++j) {
    Real y = l.moved[j];
    // written out: a loop here would keep the loop over devices from becoming vector code
    if constexpr (kStage > 0) y = fused(c[0], l.slope[0][j], y);
    if constexpr (kStage > 1 && kStage != 6) y = fused(c[1], l.slope[1][j], y);
    if constexpr (kStage > 2) y = fused(c[2], l.slope[2][j], y);
    if constexpr (kStage > 3) y = fused(c[3], l.slope[3][j], y);
    if constexpr (kStage > 4) y = fused(c[4], l.slope[4][j], y);
    if constexpr (kStage > 5) y = fused(c[5], l.slope[5][j], y);
    Real x = l.start[j] + y;
    x = x < Real(0) ? Real(0) : x;
    x = x > Real(1) ? Real(1) : x;
    if constexpr (kStage == 6) l.next[j] = y;
    l.slope[kStage][j] = Model::template rate<kSet>(drive, x);
  }
}

/// Largest error of the step over what is allowed; bits of floats that are not negative are in the order of the floats, NaN above all.
template <class Real>
[[gnu::noinline]] double worst_error(const double h, const IntegrateOptions& o, Lanes<Real>& l) {
  using Bits = std::conditional_t<std::is_same_v<Real, float>, std::int32_t, std::int64_t>;
  Real c[7];
  for (int q = 0; q < 7; ++q) c[q] = static_cast<Real>(h * kError[q]);
  const auto absolute = static_cast<Real>(o.absolute), relative = static_cast<Real>(o.relative);
  for (std::size_t j = 0; j < kLanes; ++j) {
    Real e = c[0] * l.slope[0][j];
    e = fused(c[2], l.slope[2][j], e);
    e = fused(c[3], l.slope[3][j], e);
    e = fused(c[4], l.slope[4][j], e);
    e = fused(c[5], l.slope[5][j], e);
    e = fused(c[6], l.slope[6][j], e);
    l.error[j] = std::abs(e) / fused(relative, std::abs(l.next[j]), absolute);
  }
  Bits worst = 0;
  for (std::size_t j = 0; j < kLanes; ++j) {
    const Bits bits = std::bit_cast<Bits>(std::abs(l.error[j]));  // a NaN of either sign is above all
    worst = bits > worst ? bits : worst;
  }
  return static_cast<double>(std::bit_cast<Real>(worst));
}

/// Takes the step: states stop at their ends, and the last slope is the first of the next step.
template <class Real>
[[gnu::noinline]] void accept(Lanes<Real>& l) {
  for (std::size_t j = 0; j < kLanes; ++j) {
    const Real most = Real(1) - l.start[j], least = -l.start[j];
    Real y = l.next[j];
    y = y < least ? least : y;
    l.moved[j] = y > most ? most : y;
    l.slope[0][j] = l.slope[6][j];
  }
}

/// Integrates along one line of the pulse.
template <bool kSet, class Real, class Model>
void along_line(const Model& model, const WavePoint& from, const WavePoint& to, const IntegrateOptions& o, Lanes<Real>& l,
                IntegrateReport& report) {
  const double length = to.second - from.second;
  const bool flat = from.volt == to.volt;
  const auto level = model.template drive<Real>(from.volt);
  const auto drive = [&](double t) { return flat ? level : model.template drive<Real>(from.volt + (to.volt - from.volt) * (t / length)); };
  stage<0, kSet>(model, level, 0, l);
  // rates grow by many orders of magnitude along an edge
  double t = 0, step = flat ? length : length / 8;
  bool again = false;  // the step before was taken back
  for (int tries = 0; t < length;) {
    if (++tries > o.max_steps) {
      report.done = false;
      return;
    }
    const bool last = step >= length - t;
    const double h = last ? length - t : step;
    const auto at = [&](int node) { return drive(t + kNode[node] * h); };
    stage<1, kSet>(model, at(1), h, l);
    stage<2, kSet>(model, at(2), h, l);
    stage<3, kSet>(model, at(3), h, l);
    stage<4, kSet>(model, at(4), h, l);
    const auto end = at(5);
    stage<5, kSet>(model, end, h, l);
    stage<6, kSet>(model, end, h, l);
    const double error = worst_error(h, o, l);
    // not a number counts as far too much
    const bool good = error <= 1;
    const double grow = good ? std::min(5.0, 0.9 * std::pow(std::max(error, 1e-5), -0.2))
                             : (error < 1e30 ? std::max(0.1, 0.9 * std::pow(error, -0.2)) : 0.1);
    step = h * (again ? std::min(grow, 1.0) : grow);
    again = !good;
    (good ? report.steps : report.rejected) += 1;
    if (!good) continue;
    accept(l);
    t = last ? length : t + h;
  }
}

}  // namespace ode

/// moves[i]: change of states[i] (0 .. 1) by the pulse. Model offers drive<Real>(volt), what depends on volts alone, and the static
/// rate<kSet>(drive, x) [1/s], which is above 0 where kSet (volts above 0) and below 0 else. Devices of one call share their steps in groups
/// of kLanes, in order: results agree within the tolerance however they are grouped.
template <class Real, class Model>
IntegrateReport pulse_moves(const Model& model, const PulseShape& shape, std::span<const Real> states, std::span<Real> moves,
                            const IntegrateOptions& options = {}) {
  check(states.size() == moves.size(), "a place for each device's change");
  IntegrateReport report;
  ode::Lanes<Real> lanes;
  for (std::size_t first = 0; first < states.size(); first += ode::kLanes) {
    const std::size_t n = std::min(ode::kLanes, states.size() - first);
    // lanes without a device repeat the last one
    for (std::size_t j = 0; j < ode::kLanes; ++j) {
      lanes.start[j] = std::clamp(states[first + std::min(j, n - 1)], Real(0), Real(1));
      lanes.moved[j] = 0;
    }
    const auto& points = shape.points();
    for (std::size_t i = 0; i + 1 < points.size(); ++i) {
      const WavePoint &from = points[i], &to = points[i + 1];
      if (to.second == from.second || (from.volt == 0 && to.volt == 0)) continue;
      if (from.volt + to.volt > 0)
        ode::along_line<true>(model, from, to, options, lanes, report);
      else
        ode::along_line<false>(model, from, to, options, lanes, report);
    }
    std::copy_n(lanes.moved, n, moves.data() + first);
  }
  return report;
}

}  // namespace eqprop
