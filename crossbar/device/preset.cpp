#include <algorithm>

#include "base/check.h"
#include "crossbar/device/device.h"
#include "crossbar/option_check.h"
#include "energy/nearest.h"

namespace eqprop {
namespace {

DevicePreset taox_180nm() {
  DevicePreset d;
  d.name = "TaOx-180nm";
  d.G_min = 2e-6;
  d.G_max = 150e-6;
  d.pulses_per_window = 200;
  const auto step = static_cast<float>((d.G_max - d.G_min) / d.pulses_per_window);
  d.law = SoftBounds{.step_up = step, .step_down = step};
  d.cycle_sd = 0.3;
  d.step_spread = 0.1;
  d.bound_spread = 0.05;
  d.set_volt = 1.2;
  d.reset_volt = -1.4;
  d.pulse_second = 100e-9;
  d.read_volt = 0.2;
  d.stuck_threshold = 5e-6;
  d.endurance_min = 1e6;
  d.endurance_max = 1e12;
  d.reference =
      "He et al., Nat. Commun. 2026, 10.1038/s41467-026-69958-0 (1T1M 64x64: conductances to 150 uS, write-verify to 5 uS, read 0.2 V)";
  d.notes = "The paper shows write-verify, no incremental pulses: the pulse law is assumed, each number good to a factor of 3 either way.";
  d.assumed = {"law", "G_min", "pulses_per_window", "cycle_sd", "step_spread", "bound_spread", "set_volt", "reset_volt", "pulse_second"};
  return d;
}

DevicePreset sandia_cell() {
  DevicePreset d;
  d.name = "Sandia-cell";
  d.G_min = 1606e-6;
  d.G_max = 2485e-6;
  // SET: -8.35 + 0.00651 G, RESET: -5.3, in uS; the law wants the step at the middle and its relative slope per half window
  const double middle = 1e6 * (d.G_min + d.G_max) / 2;
  const double half = 1e6 * (d.G_max - d.G_min) / 2;
  const double set = -8.35 + 0.00651 * middle;
  d.law =
      LinearStep{.step_up = static_cast<float>(1e-6 * set), .step_down = 5.3e-6f, .gamma_up = static_cast<float>(-0.00651 * half / set)};
  d.pulses_per_window = 170;
  d.cycle_sd = 0.145;
  d.read_volt = 0.1;
  d.reference = "CrossSim 2.0, measured SET and RESET trains of one cell (github.com/sandialabs/cross-sim)";
  d.notes =
      "One device, so no device spread. The source states no programming volts and seconds: set them before an array is built, pulses must "
      "be priced.";
  return d;
}

DevicePreset neurram() {
  DevicePreset d;
  d.name = "HfOx-NeuRRAM";
  d.kind = DeviceKind::verify_only;
  d.G_max = 39.3e-6;
  d.set_volt = 1.75;
  d.reset_volt = -1.75;
  d.pulse_second = 8.5e-6;
  d.write_sigma = {1.053, 0.2374, -0.01167, 1.536e-4};
  d.reference = "Wan et al., Nature 2022, 10.1038/s41586-022-04992-8 (write error one second after write-verify, as fitted in CrossSim)";
  d.notes = "Known only as written by write-verify: a write is charged as one SET train and one read. Training with it is an error.";
  d.assumed = {"G_min", "reset_volt"};
  return d;
}

std::vector<DevicePreset> all_presets() { return {taox_180nm(), sandia_cell(), neurram()}; }

}  // namespace

std::string_view law_name(const DeviceLaw& law) {
  constexpr std::string_view names[] = {"linear_step", "soft_bounds", "exponential_step"};
  return names[law.index()];
}

double DevicePreset::nominal_step() const {
  const auto low = static_cast<float>(G_min);
  const auto high = static_cast<float>(G_max);
  const float middle = (low + high) / 2;
  return std::visit(
      [&](const auto& l) { return 0.5 * (double{l.mean_step(middle, true, low, high)} - double{l.mean_step(middle, false, low, high)}); },
      law);
}

void DevicePreset::mark_set(std::string_view field) {
  constexpr std::string_view fields[] = {"law",
                                         "G_min",
                                         "G_max",
                                         "pulses_per_window",
                                         "cycle_sd",
                                         "step_spread",
                                         "bound_spread",
                                         "asymmetry_spread",
                                         "write_noise",
                                         "stuck_low",
                                         "stuck_high",
                                         "set_volt",
                                         "reset_volt",
                                         "pulse_second",
                                         "read_volt",
                                         "write_sigma",
                                         "stuck_threshold",
                                         "endurance_min",
                                         "endurance_max"};
  check(std::find(std::begin(fields), std::end(fields), field) != std::end(fields), "a field marked as set is a number of the preset");
  assumed.erase(std::remove(assumed.begin(), assumed.end(), field), assumed.end());
  if (std::find(set.begin(), set.end(), field) == set.end()) set.emplace_back(field);
}

void DevicePreset::validate() const {
  const std::string field = "device " + name + ": ";
  check_option(field + "G_min [S]", G_min, 0, 1);
  check_option(field + "G_max [S]", G_max, 1e-12, 1);
  if (G_max <= G_min) throw InputError(Code::device, {}, field + "G_max must be above G_min");
  check_option(field + "cycle_sd", cycle_sd, 0, 100);
  check_option(field + "step_spread", step_spread, 0, 10);
  check_option(field + "bound_spread", bound_spread, 0, 0.3);
  if (G_min * (1 + 3 * bound_spread) >= G_max * (1 - 3 * bound_spread))
    throw InputError(Code::device, {}, field + "bound_spread lets the bounds of a device cross", "lower bound_spread or widen the window");
  check_option(field + "asymmetry_spread", asymmetry_spread, 0, 1);
  check_option(field + "write_noise", write_noise, 0, 1000);
  check_option(field + "stuck_low", stuck_low, 0, 1);
  check_option(field + "stuck_high", stuck_high, 0, 1 - stuck_low);
  if (set_volt == 0 || reset_volt == 0 || pulse_second == 0)
    throw InputError(Code::device, {}, field + "its source states no set_volt, reset_volt or pulse_second, so its pulses cannot be priced",
                     "set them to values you can answer for");
  check_option(field + "set_volt [V]", set_volt, 1e-3, 100);
  check_option(field + "reset_volt [V]", reset_volt, -100, -1e-3);
  check_option(field + "pulse_second [s]", pulse_second, 1e-12, 1);
  if (kind == DeviceKind::pulse) check_option(field + "nominal step [S]", nominal_step(), window() * 1e-6, window());
}

DevicePreset preset(std::string_view name) {
  const auto all = all_presets();
  std::vector<std::string_view> names;
  for (const auto& d : all) {
    if (d.name == name) return d;
    names.push_back(d.name);
  }
  throw InputError(Code::unknown_name, {}, "there is no device `" + std::string(name) + "`", name_hint(name, names));
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& d : all_presets()) names.push_back(d.name);
  return names;
}

}  // namespace eqprop
