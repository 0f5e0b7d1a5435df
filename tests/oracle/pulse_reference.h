#pragma once
// Laws with an equation of motion, written out again in double: classical Runge-Kutta in small equal steps, one device at a time.
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <vector>

#include "crossbar/device/integrated_step.h"

namespace eqprop::oracle {

/// [1/s] as the paper writes it; overflows above a volt.
inline double rate(const Strachan& m, double v, double x) {
  const double i = v * (m.Gm * x + (1 - x) * m.a * std::exp(m.b * std::sqrt(std::abs(v))));
  if (v > 0) return m.B * std::sinh(v / m.s_on) * std::exp(-std::pow(x / m.x_on, 2)) * std::exp(i * v / m.s_p);
  if (v < 0) return m.A * std::sinh(v / m.s_off) * std::exp(-std::pow(m.x_off / x, 2)) * std::exp(1 / (1 + m.beta * i * v));
  return 0;
}

/// [1/s] of 1 - w/d; SET pulses are negative volts of the model.
inline double rate(const Vteam& m, double volt, double) {
  const double v = -volt;
  if (v > m.v_off) return -m.k_off / m.d * std::pow(v / m.v_off - 1, m.alpha_off);
  if (v < m.v_on) return -m.k_on / m.d * std::pow(v / m.v_on - 1, m.alpha_on);
  return 0;
}

/// Where a pulse leaves the state x; `steps` for each of its lines.
template <class Model>
double pulsed_state(const Model& model, const PulseShape& shape, double x, int steps) {
  const auto inside = [](double y) { return std::clamp(y, 0.0, 1.0); };
  const auto& points = shape.points();
  for (std::size_t line = 0; line + 1 < points.size(); ++line) {
    const WavePoint a = points[line], b = points[line + 1];
    const double h = (b.second - a.second) / steps;
    for (int s = 0; s < steps && h > 0; ++s) {
      const auto volt = [&](double part) { return a.volt + (b.volt - a.volt) * (s + part) / steps; };
      const double k1 = rate(model, volt(0), x);
      const double k2 = rate(model, volt(0.5), inside(x + h / 2 * k1));
      const double k3 = rate(model, volt(0.5), inside(x + h / 2 * k2));
      const double k4 = rate(model, volt(1), inside(x + h * k3));
      x = inside(x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4));
    }
  }
  return x;
}

/// [S] conductance at the read voltage, and the state that has it, from the current of the model.
inline double siemens(const Strachan& m, double x, double v) { return m.Gm * x + (1 - x) * m.a * std::exp(m.b * std::sqrt(v)); }
inline double siemens(const Vteam& m, double x, double) { return 1 / (m.R_on + (m.R_off - m.R_on) * (1 - x)); }
template <class Model>
double state_of(const Model& m, double g, double v) {
  double low = 0, high = 1;
  for (int i = 0; i < 60; ++i) (siemens(m, 0.5 * (low + high), v) < g ? low : high) = 0.5 * (low + high);
  return 0.5 * (low + high);
}

/// Steps [S] of a law at places 0 .. 1 of its window: integrated at 257 of them, a cubic through the four next ones in between.
template <class Model>
class PulseSteps {
 public:
  explicit PulseSteps(const IntegratedStep<Model>& law) : law_(law) {
    const PulseConditions& c = law.conditions();
    for (const bool up : {true, false}) {
      const PulseShape shape = PulseShape::pulse(up ? c.set_volt : c.reset_volt, c.pulse_second, law.edge_second);
      for (int i = 0; i < kPlaces; ++i) {
        const double g = c.G_min + (c.G_max - c.G_min) * i / (kPlaces - 1);
        const double after = pulsed_state(law.model, shape, state_of(law.model, g, c.read_volt), 200);
        (up ? up_ : down_).push_back(siemens(law.model, after, c.read_volt) - g);
      }
    }
  }
  double step(double place, bool up) const {
    const std::vector<double>& table = up ? up_ : down_;
    const double y = place * (kPlaces - 1);
    const int i = std::clamp(static_cast<int>(y) - 1, 0, kPlaces - 4);
    double sum = 0;
    for (int k = 0; k < 4; ++k) {
      double weight = 1;
      for (int q = 0; q < 4; ++q)
        if (q != k) weight *= (y - i - q) / (k - q);
      sum += weight * table[static_cast<std::size_t>(i + k)];
    }
    return sum;
  }
  /// Made once for each law, which is kept.
  static const PulseSteps& of(const IntegratedStep<Model>& law) {
    static std::map<const float*, std::unique_ptr<PulseSteps>> made;
    const float* const table = law.view().steps;
    auto& steps = made[table];
    if (!steps) steps = std::make_unique<PulseSteps>(law);
    return *steps;
  }

 private:
  static constexpr int kPlaces = 257;
  IntegratedStep<Model> law_;
  std::vector<double> up_, down_;
};

}  // namespace eqprop::oracle
