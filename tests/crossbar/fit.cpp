// Laws fitted to pulses: what was put in comes out within its intervals, and what no law says is noticed.
#include "crossbar/fit/fit.h"

#include <cmath>

#include "base/check.h"
#include "tests/catch.h"
#include "tests/crossbar/made_ramps.h"

using namespace eqprop;

TEST_CASE("ramps left out tell which law it was, and no law is blamed for its own pulses", "[long]") {
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
