// Laws fitted to pulses: what was put in comes out within its intervals, and what no law says is noticed.
#include "crossbar/fit/fit.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/check.h"
#include "base/random.h"
#include "tests/catch.h"

using namespace eqprop;

namespace {

// what made the pulses
struct Truth {
  DeviceLaw law;
  double low = 10e-6, high = 110e-6;                   // [S] window of the law
  double c2c = 0.2e-6, c2c_slope = 0, write = 0.1e-6;  // [S], [1], [S]; c2c at the middle of the window
  double middle() const { return 0.5 * (low + high); }
};

using Step = std::function<double(double siemens, bool up)>;

Step step_of(const Truth& t) {
  return [t](double g, bool up) {
    return std::visit(
        [&](const auto& law) {
          return double{law.mean_step(static_cast<float>(g), up, static_cast<float>(t.low), static_cast<float>(t.high))};
        },
        t.law);
  };
}

// `ramps` trains of each sort; factors of a device multiply its steps
std::vector<Ramp> simulated(const Step& step, const Truth& t, std::uint32_t seed, int ramps, int pulses, const std::string& device = "a",
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

bool holds(const LawFit& fit, const char* name, double truth) {
  const Estimate& e = fit.estimate(name);
  return e.low <= truth && truth <= e.high;
}

LawFit fitted(const std::vector<Ramp>& ramps, const std::string& law) {
  return fit_device(ramps, {.law = law, .compare = false}).laws.front();
}

// share of hits by parameter
struct Coverage {
  std::map<std::string, std::pair<int, int>> by_name;
  void add(const std::string& name, bool hit) {
    auto& [hits, all] = by_name[name];
    hits += hit ? 1 : 0;
    ++all;
  }
  double total() const {
    int hits = 0, all = 0;
    for (const auto& [name, counts] : by_name) {
      hits += counts.first;
      all += counts.second;
    }
    return static_cast<double>(hits) / all;
  }
};

const Truth kLinear{LinearStep{1e-6f, 1.2e-6f, 0.4f, -0.3f}, 10e-6, 110e-6, 0.2e-6, 1e-3, 0.15e-6};

}  // namespace

TEST_CASE("two hundred fits: ninety of a hundred intervals hold what was put in, parameter by parameter") {
  Coverage coverage;
  const auto& law = std::get<LinearStep>(kLinear.law);
  const double half = 50e-6;
  // SET moves step_up (1 - gamma_up x), RESET -step_down (1 + gamma_down x)
  const double slope_up = -double{law.step_up} * law.gamma_up / half, slope_down = -double{law.step_down} * law.gamma_down / half;
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
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
  for (const auto& [name, counts] : coverage.by_name) {
    INFO(name << ": " << counts.first << " of " << counts.second);
    CHECK(counts.first >= 170);
    CHECK(counts.first <= 190);
  }
}

TEST_CASE("the other laws come back as well") {
  Coverage coverage;
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const Truth soft{SoftBounds{3e-6f, 2.5e-6f}};
    const LawFit s = fitted(simulated(step_of(soft), soft, seed, 12, 60), "soft_bounds");
    coverage.add("soft G_max", holds(s, "G_max", soft.high));
    coverage.add("soft G_min", holds(s, "G_min", soft.low));
    coverage.add("soft step_up", holds(s, "step_up", 3e-6));
    coverage.add("soft step_down", holds(s, "step_down", 2.5e-6));
    coverage.add("soft write noise", holds(s, "set_write_noise", soft.write));

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
    coverage.add("exponential step_up", holds(x, "step_up", 1e-6));
    coverage.add("exponential step_down", holds(x, "step_down", 1.5e-6));
    coverage.add("exponential gamma_up", holds(x, "gamma_up", 1.5 * stretch));
    coverage.add("exponential gamma_down", holds(x, "gamma_down", 1.2 * stretch));
    coverage.add("exponential A_up", holds(x, "A_up", -0.4 * std::exp(1.5 * shift)));
    coverage.add("exponential A_down", holds(x, "A_down", 0.3 * std::exp(-1.2 * shift)));

    const Truth power{PowerStep{6e-6f, 5e-6f, 2.0f, 1.6f}};
    const LawFit w = fitted(simulated(step_of(power), power, seed, 16, 60), "power_step");
    coverage.add("power G_max", holds(w, "G_max", power.high));
    coverage.add("power G_min", holds(w, "G_min", power.low));
    coverage.add("power step_up", holds(w, "step_up", 6e-6));
    coverage.add("power step_down", holds(w, "step_down", 5e-6));
    coverage.add("power gamma_up", holds(w, "gamma_up", 2.0));
    coverage.add("power gamma_down", holds(w, "gamma_down", 1.6));
  }
  for (const auto& [name, counts] : coverage.by_name) {
    INFO(name << ": " << counts.first << " of " << counts.second);
    CHECK(counts.first >= 14);
  }
  INFO(coverage.total());
  CHECK(coverage.total() > 0.84);
  CHECK(coverage.total() < 0.96);
}

TEST_CASE("ramps left out tell which law it was, and no law is blamed for its own pulses") {
  ExponentialStep e;
  e.step_up = 0.5e-6f;
  e.step_down = 1.5e-6f;
  e.A_up = -0.4f;
  e.A_down = 0.5f;
  e.gamma_up = 2.5f;
  e.gamma_down = 1.2f;
  const std::pair<const char*, Truth> made[] = {
      {"linear_step", kLinear}, {"exponential_step", Truth{e}}, {"power_step", Truth{PowerStep{8e-6f, 6e-6f, 2.5f, 2.0f}}}};
  for (const auto& [name, truth] : made) {
    const DeviceFit fit = fit_device(simulated(step_of(truth), truth, 7, 12, 60));
    INFO(name);
    CHECK(fit.laws.front().law == name);
    CHECK_FALSE(fit.laws.front().misses());
    CHECK(fit.laws.size() == fitted_laws().size());
    CHECK(fit.laws.front().held_out >= fit.laws.back().held_out);
  }
}

TEST_CASE("steps that no law has are noticed") {
  const Step humps = [](double g, bool up) { return (up ? 1 : -1) * (1e-6 + 0.6e-6 * std::sin(g / 8e-6)); };
  const DeviceFit fit = fit_device(simulated(humps, kLinear, 3, 12, 60));
  const LawFit& best = fit.laws.front();
  CHECK(best.misses());
  CHECK(best.behind_table > 0.1);
  CHECK(best.set.chi2_p < 1e-6);
  CHECK(best.set.structure > 0.2);
  CHECK(fit.table.set.structure < 0.1);
}

TEST_CASE("write noise is told from the spread of the steps") {
  for (const bool noisy : {true, false}) {
    Truth truth = kLinear;
    truth.c2c_slope = 0;
    truth.write = noisy ? 0.4e-6 : 0;
    const LawFit fit = fitted(simulated(step_of(truth), truth, 5, 20, 60), "linear_step");
    INFO(noisy);
    CHECK(holds(fit, "set_write_noise", truth.write));
    CHECK(holds(fit, "reset_write_noise", truth.write));
    CHECK(fit.estimate("set_c2c").value == Approx(truth.c2c).epsilon(noisy ? 0.15 : 0.06));
    // a plain residual holds both
    if (noisy) CHECK(fit.set.residual_sd > 2.5 * truth.c2c);
    if (noisy) CHECK(fit.set.lag1 < -0.35);
  }
}

TEST_CASE("devices are told apart: the spread of steps and of their asymmetry") {
  const RandomKey key(11, Purpose::test, 1);
  std::vector<Ramp> all;
  for (std::uint32_t d = 0; d < 40; ++d) {
    const double factor = 1 + 0.2 * static_cast<double>(key.normal({}, 2 * d));
    const double tilt = 0.3 * (2 * static_cast<double>(key.uniform({.step = 1}, d)) - 1);
    const auto ramps = simulated(step_of(kLinear), kLinear, 100 + d, 2, 40, std::to_string(d), factor * (1 + tilt), factor * (1 - tilt));
    all.insert(all.end(), ramps.begin(), ramps.end());
  }
  const DeviceFit fit = fit_device(all, {.law = "linear_step"});
  REQUIRE(fit.devices.size() == 40);
  const auto estimate = [&](const char* name) {
    return *std::find_if(fit.spread.begin(), fit.spread.end(), [&](const Estimate& e) { return e.name == name; });
  };
  for (const auto& [name, truth] : {std::pair{"step_spread", 0.2}, {"asymmetry_spread", 0.3}}) {
    const Estimate e = estimate(name);
    INFO(name << " " << e.low << " " << e.value << " " << e.high);
    CHECK(e.low < truth);
    CHECK(truth < e.high);
    CHECK(e.high < 2 * truth);
  }
  // the devices' differences are not taken for the spread of single pulses
  CHECK(fit.laws.front().estimate("set_c2c").value == Approx(kLinear.c2c).epsilon(0.1));
  CHECK(fit.preset("mine").step_spread == Approx(estimate("step_spread").value).epsilon(1e-4));
}

TEST_CASE("a fitted preset moves as the pulses did") {
  const DeviceFit fit = fit_device(simulated(step_of(kLinear), kLinear, 9, 12, 60), {.law = "linear_step"});
  DevicePreset d = fit.preset("mine");
  d.set_volt = 1;
  d.reset_volt = -1;
  d.pulse_second = 1e-7;
  CHECK_NOTHROW(d.validate());
  const auto low = static_cast<float>(d.G_min), high = static_cast<float>(d.G_max);
  for (const double g : {30e-6, 50e-6, 70e-6})
    for (const bool up : {true, false}) {
      const double got = std::visit([&](const auto& law) { return double{law.mean_step(static_cast<float>(g), up, low, high)}; }, d.law);
      CHECK(got == Approx(step_of(kLinear)(g, up)).epsilon(0.05));
      CHECK((up ? fit.laws.front().set : fit.laws.front().reset).mean(g) == Approx(got).epsilon(1e-4));
    }
  const double spread = d.cycle_sd * 1.1e-6 + d.cycle_floor * d.window() + d.cycle_slope * (kLinear.middle() - d.G_min);
  CHECK(spread == Approx(kLinear.c2c).epsilon(0.15));
  CHECK(d.write_noise * d.nominal_step() == Approx(kLinear.write).epsilon(0.15));
}

TEST_CASE("pulses without any noise are no trouble") {
  Truth truth = kLinear;
  truth.c2c = truth.c2c_slope = truth.write = 0;
  const LawFit fit = fitted(simulated(step_of(truth), truth, 2, 3, 30), "linear_step");
  CHECK(fit.estimate("set_slope").value == Approx(-1e-6 * 0.4 / 50e-6).epsilon(1e-3));
  CHECK(fit.set.R2 > 0.9999);
}

TEST_CASE("pulses that make no device are refused") {
  const auto code = [](std::vector<Ramp> ramps, const std::string& law = "") {
    try {
      fit_device(ramps, {.law = law});
      return Code::internal;
    } catch (const InputError& error) {
      return error.code();
    }
  };
  std::vector<Ramp> good = simulated(step_of(kLinear), kLinear, 1, 2, 20);
  CHECK(code(good, "linear") == Code::unknown_name);
  std::vector<Ramp> swapped = good;
  for (Ramp& ramp : swapped) ramp.up = !ramp.up;
  CHECK(code(swapped) == Code::files_disagree);
  CHECK(code({good[0]}) == Code::wrong_format);
  std::vector<Ramp> still = good;
  for (Ramp& ramp : still) std::fill(ramp.siemens.begin(), ramp.siemens.end(), 5e-5);
  CHECK(code(still) == Code::files_disagree);
}
