#pragma once
// The mean step of each law as fits see it: seen in the direction of the pulses, so that SET and RESET are one curve.
//   x = +(G - middle) / half for SET, -(G - middle) / half for RESET: a pulse moves x up, +1 is the end of what was seen
// A curve is a value with
//   kLaw, kSize                its name and number of parameters in one direction
//   boxes()                    range of each parameter
//   starts(level, slope)       where searches begin, from a straight line through the steps
//   step(p, x)                 mean step in units of Scale::step, > 0 ahead; T is a number or a number with its derivatives
//   values(up, down, scale)    the law's parameters in SI units, from those of both directions
//   law(values)                the device law
// A new law is one such struct and its name in AllCurves.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "crossbar/device/device.h"

namespace eqprop::fit {

/// Siemens of x = 0, of a change of x by 1, and of the mean step of all pulses.
struct Scale {
  double middle = 0, half = 0, step = 0;
};

/// Accepted values of a parameter.
struct Box {
  double low, high;
};

/// A parameter in SI units.
struct NamedValue {
  std::string name;
  bool siemens = false;  ///< otherwise a plain number
  double value = 0;
  bool sd = false;  ///< a standard deviation: never below 0
};

/// Parameters of a law and its window.
struct LawValues {
  std::vector<NamedValue> values;
  double low = 0, high = 0;  ///< [S]
  double operator[](std::string_view name) const {
    for (const NamedValue& v : values)
      if (v.name == name) return v.value;
    return 0;
  }
};

template <class T>
T positive(const T& y) {
  return y > 0.0 ? y : T(0.0);
}

inline constexpr Box kLevel{1e-6, 1e6};

/// Linear step: level max(1 - gamma x, 0).
struct LinearCurve {
  static constexpr std::string_view kLaw = "linear_step";
  static constexpr int kSize = 2;

  std::array<Box, kSize> boxes() const { return {kLevel, Box{-1, 1}}; }
  std::vector<std::array<double, kSize>> starts(double level, double slope) const { return {{level, -slope / level}}; }
  template <class T>
  T step(const T* p, const T& x) const {
    return p[0] * positive(T(1.0 - p[1] * x));
  }
  static LawValues values(const double* up, const double* down, const Scale& s) {
    // the same line as step = intercept + slope G
    const double slope_up = -up[0] * up[1] * s.step / s.half, slope_down = -down[0] * down[1] * s.step / s.half;
    return {{{"step_up", true, up[0] * s.step},
             {"step_down", true, down[0] * s.step},
             {"gamma_up", false, up[1]},
             {"gamma_down", false, down[1]},
             {"set_intercept", true, up[0] * s.step - slope_up * s.middle},
             {"set_slope", false, slope_up},
             {"reset_intercept", true, -down[0] * s.step - slope_down * s.middle},
             {"reset_slope", false, slope_down}},
            s.middle - s.half,
            s.middle + s.half};
  }
  static DeviceLaw law(const LawValues& v) {
    return LinearStep{.step_up = static_cast<float>(v["step_up"]),
                      .step_down = static_cast<float>(v["step_down"]),
                      .gamma_up = static_cast<float>(v["gamma_up"]),
                      .gamma_down = static_cast<float>(v["gamma_down"])};
  }
};

/// Soft bounds: level (bound - x) / bound; the bound is fitted, up to one range beyond what was seen.
struct SoftBoundsCurve {
  static constexpr std::string_view kLaw = "soft_bounds";
  static constexpr int kSize = 2;
  double farthest = 3;  ///< of the bound; smaller where siemens would be negative

  std::array<Box, kSize> boxes() const { return {kLevel, Box{0.3, farthest}}; }
  std::vector<std::array<double, kSize>> starts(double level, double slope) const {
    return {{level, slope < 0 ? -level / slope : 0.9 * farthest}};
  }
  template <class T>
  T step(const T* p, const T& x) const {
    return p[0] * (1.0 - x / p[1]);
  }
  static LawValues values(const double* up, const double* down, const Scale& s) {
    const double width = up[1] + down[1], low = s.middle - s.half * down[1], high = s.middle + s.half * up[1];
    return {{{"step_up", true, up[0] * width / up[1] * s.step},
             {"step_down", true, down[0] * width / down[1] * s.step},
             {"G_min", true, low},
             {"G_max", true, high}},
            low,
            high};
  }
  static DeviceLaw law(const LawValues& v) {
    return SoftBounds{.step_up = static_cast<float>(v["step_up"]), .step_down = static_cast<float>(v["step_down"])};
  }
};

/// Exponential step: level max(1 - A exp(gamma x), 0) / (1 - A), the level being the step at x = 0; a = 1 and b = 0 lose nothing.
struct ExponentialCurve {
  static constexpr std::string_view kLaw = "exponential_step";
  static constexpr int kSize = 3;

  std::array<Box, kSize> boxes() const { return {kLevel, Box{-100, 0.98}, Box{0.05, 10}}; }
  std::vector<std::array<double, kSize>> starts(double level, double slope) const {
    std::vector<std::array<double, kSize>> out;
    const double relative = slope / level;
    for (const double gamma : {0.4, 1.2, 3.5}) {
      // the slope at x = 0 is -A gamma / (1 - A); at A = 0 there is no way to gamma
      const double A = relative < 0 ? relative / (relative - gamma) : gamma > relative ? relative / (relative - gamma) : -9;
      out.push_back({level, std::abs(A) < 0.05 ? std::copysign(0.05, A) : std::clamp(A, -90.0, 0.9), gamma});
    }
    return out;
  }
  template <class T>
  T step(const T* p, const T& x) const {
    using std::exp;
    return p[0] * positive(T(1.0 - p[1] * exp(p[2] * x))) / (1.0 - p[1]);
  }
  static LawValues values(const double* up, const double* down, const Scale& s) {
    return {{{"step_up", true, up[0] / (1 - up[1]) * s.step},
             {"step_down", true, down[0] / (1 - down[1]) * s.step},
             {"A_up", false, up[1]},
             {"A_down", false, down[1]},
             {"gamma_up", false, up[2]},
             {"gamma_down", false, down[2]},
             {"set_middle", true, up[0] * s.step},
             {"reset_middle", true, down[0] * s.step}},
            s.middle - s.half,
            s.middle + s.half};
  }
  static DeviceLaw law(const LawValues& v) {
    ExponentialStep e;
    e.step_up = static_cast<float>(v["step_up"]);
    e.step_down = static_cast<float>(v["step_down"]);
    e.A_up = static_cast<float>(v["A_up"]);
    e.A_down = static_cast<float>(v["A_down"]);
    e.gamma_up = static_cast<float>(v["gamma_up"]);
    e.gamma_down = static_cast<float>(v["gamma_down"]);
    return e;
  }
};

/// Power step: level ((bound - x) / bound)^gamma, with the bound as in soft bounds.
struct PowerCurve {
  static constexpr std::string_view kLaw = "power_step";
  static constexpr int kSize = 3;
  double farthest = 3;

  std::array<Box, kSize> boxes() const { return {kLevel, Box{0.7, farthest}, Box{0.05, 10}}; }
  std::vector<std::array<double, kSize>> starts(double level, double slope) const {
    std::vector<std::array<double, kSize>> out;
    // the slope at x = 0 is -gamma / bound of the level
    for (const double bound : {1.1, 2.0})
      if (bound < farthest) out.push_back({level, bound, std::clamp(-slope / level * bound, 0.2, 5.0)});
    return out.empty() ? std::vector<std::array<double, kSize>>{{level, farthest, 1.0}} : out;
  }
  template <class T>
  T step(const T* p, const T& x) const {
    using std::pow;
    constexpr double kLeast = 1e-3;  // of the room: a power has no derivative at 0
    const T room = 1.0 - x / p[1];
    return p[0] * (room > kLeast ? T(pow(room, p[2])) : T(pow(T(kLeast), p[2])));
  }
  static LawValues values(const double* up, const double* down, const Scale& s) {
    const double width = up[1] + down[1], low = s.middle - s.half * down[1], high = s.middle + s.half * up[1];
    return {{{"step_up", true, up[0] * std::pow(width / up[1], up[2]) * s.step},
             {"step_down", true, down[0] * std::pow(width / down[1], down[2]) * s.step},
             {"gamma_up", false, up[2]},
             {"gamma_down", false, down[2]},
             {"G_min", true, low},
             {"G_max", true, high}},
            low,
            high};
  }
  static DeviceLaw law(const LawValues& v) {
    return PowerStep{.step_up = static_cast<float>(v["step_up"]),
                     .step_down = static_cast<float>(v["step_down"]),
                     .gamma_up = static_cast<float>(v["gamma_up"]),
                     .gamma_down = static_cast<float>(v["gamma_down"])};
  }
};

/// The laws that are fitted. The form of NeuroSim is the straight line of linear_step under other names.
using AllCurves = std::tuple<LinearCurve, SoftBoundsCurve, ExponentialCurve, PowerCurve>;

/// No law: a table of mean steps over conductance, straight between its knots. What laws are measured against.
struct TableCurve {
  static constexpr std::string_view kLaw = "table";
  static constexpr int kSize = 10;
  std::array<double, kSize> knots{};  ///< x, rising

  std::array<Box, kSize> boxes() const {
    std::array<Box, kSize> out;
    out.fill({-1e6, 1e6});
    return out;
  }
  std::vector<std::array<double, kSize>> starts(double level, double slope) const {
    std::array<double, kSize> out;
    for (std::size_t i = 0; i < knots.size(); ++i) out[i] = level + slope * knots[i];
    return {out};
  }
  template <class T>
  T step(const T* p, const T& x) const {
    if (!(x > knots.front())) return p[0];
    if (!(x < knots.back())) return p[kSize - 1];
    std::size_t i = 1;
    while (x > knots[i]) ++i;
    return p[i - 1] + (p[i] - p[i - 1]) * (x - knots[i - 1]) / (knots[i] - knots[i - 1]);
  }
};

}  // namespace eqprop::fit
