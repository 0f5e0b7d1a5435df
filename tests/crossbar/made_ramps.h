#pragma once
// Ramps of pulses made by a law that is known.
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/random.h"
#include "crossbar/fit/fit.h"

namespace eqprop {

// what made the pulses
struct Truth {
  DeviceLaw law;
  double low = 10e-6, high = 110e-6;                   // [S] window of the law
  double c2c = 0.2e-6, c2c_slope = 0, write = 0.1e-6;  // [S], [1], [S]; c2c at the middle of the window
  double middle() const { return 0.5 * (low + high); }
};

using Step = std::function<double(double siemens, bool up)>;

inline Step step_of(const Truth& t) {
  return [t](double g, bool up) {
    return std::visit(
        [&](const auto& law) {
          return double{law.mean_step(static_cast<float>(g), up, static_cast<float>(t.low), static_cast<float>(t.high))};
        },
        t.law);
  };
}

// `ramps` trains of each sort; factors of a device multiply its steps
inline std::vector<Ramp> simulated(const Step& step, const Truth& t, std::uint32_t seed, int ramps, int pulses, const std::string& device = "a",
                            double factor_up = 1, double factor_down = 1) {
  const RandomKey key(seed, Purpose::test);
  std::vector<Ramp> out;
  std::uint32_t index = 0;
  const auto xi = [&] { return static_cast<double>(key.normal({}, index++)); };
  for (int r = 0; r < ramps; ++r)
    for (const bool up : {true, false}) {
      double hidden = (up ? t.low + 0.12 * (t.high - t.low) : t.high - 0.12 * (t.high - t.low)) + 0.5e-6 * xi();
      Ramp ramp{device, up, {}};
      for (int k = 0; k < pulses; ++k) {
        if (k > 0) {
          const double sd = t.c2c + t.c2c_slope * (hidden - t.middle());
          hidden += (up ? factor_up : factor_down) * step(hidden, up) + sd * xi();
        }
        ramp.siemens.push_back(hidden + t.write * xi());
      }
      out.push_back(std::move(ramp));
    }
  return out;
}

inline bool holds(const LawFit& fit, const char* name, double truth) {
  const Estimate& e = fit.estimate(name);
  return e.low <= truth && truth <= e.high;
}

inline LawFit fitted(const std::vector<Ramp>& ramps, const std::string& law) {
  return fit_device(ramps, {.law = law, .compare = false}).laws.front();
}

inline const Truth kLinear{LinearStep{1e-6f, 1.2e-6f, 0.4f, -0.3f}, 10e-6, 110e-6, 0.2e-6, 1e-3, 0.15e-6};

}  // namespace eqprop
