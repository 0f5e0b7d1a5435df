// Ninety of a hundred intervals hold what was put in: 85 to 95 of a hundred of two hundred fits, parameter by parameter.
#include <cmath>
#include <map>

#include "tests/catch.h"
#include "tests/crossbar/made_ramps.h"

using namespace eqprop;

namespace {

constexpr std::uint32_t kFits = 200;

// share of hits by parameter
struct Coverage {
  std::map<std::string, std::pair<int, int>> by_name;
  void add(const std::string& name, bool hit) {
    auto& [hits, all] = by_name[name];
    hits += hit ? 1 : 0;
    ++all;
  }
  void check() const {
    for (const auto& [name, counts] : by_name) {
      INFO(name << ": " << counts.first << " of " << counts.second);
      CHECK(counts.second == int{kFits});
      CHECK(counts.first >= 170);
      CHECK(counts.first <= 190);
    }
  }
};

}  // namespace

TEST_CASE("two hundred fits of a straight line") {
  Coverage coverage;
  const auto& law = std::get<LinearStep>(kLinear.law);
  const double half = 50e-6;
  // SET moves step_up (1 - gamma_up x), RESET -step_down (1 + gamma_down x)
  const double slope_up = -double{law.step_up} * law.gamma_up / half, slope_down = -double{law.step_down} * law.gamma_down / half;
  for (std::uint32_t seed = 0; seed < kFits; ++seed) {
    const LawFit fit = fitted(simulated(step_of(kLinear), kLinear, seed, 12, 60), "linear_step");
    REQUIRE(fit.converged);
    // the fit's window is what the ramps reached: truths at its middle
    const double middle = 0.5 * (fit.G_min + fit.G_max), reach = 0.5 * (fit.G_max - fit.G_min);
    const double up = double{law.step_up} + slope_up * (middle - kLinear.middle());
    const double down = double{law.step_down} - slope_down * (middle - kLinear.middle());
    const double c2c = kLinear.c2c + kLinear.c2c_slope * (middle - kLinear.middle());
    const std::pair<const char*, double> truths[] = {{"step_up", up},
                                                     {"step_down", down},
                                                     {"gamma_up", -slope_up * reach / up},
                                                     {"gamma_down", -slope_down * reach / down},
                                                     {"set_slope", slope_up},
                                                     {"reset_slope", slope_down},
                                                     {"set_c2c", c2c},
                                                     {"reset_c2c", c2c},
                                                     {"set_c2c_slope", kLinear.c2c_slope},
                                                     {"reset_c2c_slope", kLinear.c2c_slope},
                                                     {"set_write_noise", kLinear.write},
                                                     {"reset_write_noise", kLinear.write}};
    for (const auto& [name, truth] : truths) coverage.add(name, holds(fit, name, truth));
  }
  coverage.check();
}

TEST_CASE("two hundred fits of soft bounds") {
  Coverage coverage;
  for (std::uint32_t seed = 0; seed < kFits; ++seed) {
    const Truth soft{SoftBounds{3e-6f, 2.5e-6f}};
    const LawFit s = fitted(simulated(step_of(soft), soft, seed, 12, 60), "soft_bounds");
    coverage.add("G_max", holds(s, "G_max", soft.high));
    coverage.add("G_min", holds(s, "G_min", soft.low));
    coverage.add("step_up", holds(s, "step_up", 3e-6));
    coverage.add("step_down", holds(s, "step_down", 2.5e-6));
    coverage.add("write noise", holds(s, "set_write_noise", soft.write));
  }
  coverage.check();
}

TEST_CASE("two hundred fits of an exponential step") {
  Coverage coverage;
  for (std::uint32_t seed = 0; seed < kFits; ++seed) {
    ExponentialStep e;
    e.step_up = 1e-6f;
    e.step_down = 1.5e-6f;
    e.A_up = -0.4f;
    e.A_down = 0.3f;
    e.gamma_up = 1.5f;
    e.gamma_down = 1.2f;
    const Truth exponential{e};
    const LawFit x = fitted(simulated(step_of(exponential), exponential, seed, 16, 60), "exponential_step");
    // the same curve over the window that was reached
    const double stretch = 0.5 * (x.G_max - x.G_min) / 50e-6, shift = (0.5 * (x.G_min + x.G_max) - exponential.middle()) / 50e-6;
    coverage.add("step_up", holds(x, "step_up", 1e-6));
    coverage.add("step_down", holds(x, "step_down", 1.5e-6));
    coverage.add("gamma_up", holds(x, "gamma_up", 1.5 * stretch));
    coverage.add("gamma_down", holds(x, "gamma_down", 1.2 * stretch));
    coverage.add("A_up", holds(x, "A_up", -0.4 * std::exp(1.5 * shift)));
    coverage.add("A_down", holds(x, "A_down", 0.3 * std::exp(-1.2 * shift)));
  }
  coverage.check();
}

TEST_CASE("two hundred fits of a power step") {
  Coverage coverage;
  for (std::uint32_t seed = 0; seed < kFits; ++seed) {
    const Truth power{PowerStep{6e-6f, 5e-6f, 2.0f, 1.6f}};
    const LawFit w = fitted(simulated(step_of(power), power, seed, 16, 60), "power_step");
    coverage.add("G_max", holds(w, "G_max", power.high));
    coverage.add("G_min", holds(w, "G_min", power.low));
    coverage.add("step_up", holds(w, "step_up", 6e-6));
    coverage.add("step_down", holds(w, "step_down", 5e-6));
    coverage.add("gamma_up", holds(w, "gamma_up", 2.0));
    coverage.add("gamma_down", holds(w, "gamma_down", 1.6));
  }
  coverage.check();
}
