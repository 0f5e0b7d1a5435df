#include "experiments/device_overrides.h"

#include "base/check.h"

namespace eqprop {

DevicePreset overridden(DevicePreset device, const DeviceOverrides& set) {
  const auto per_pulse = [&] { return device.pulses_per_window > 0 ? device.window() / device.pulses_per_window : 0; };
  const double before = per_pulse();
  const auto put = [&](const char* name, double& field, const std::optional<double>& value) {
    if (!value) return;
    field = *value;
    device.mark_set(name);
  };
  put("set_volt", device.set_volt, set.set_voltage);
  put("reset_volt", device.reset_volt, set.reset_voltage);
  put("pulse_second", device.pulse_second, set.pulse_time);
  put("half_step", device.half_step, set.half_step);
  put("G_min", device.G_min, set.conductance_min);
  put("G_max", device.G_max, set.conductance_max);
  put("pulses_per_window", device.pulses_per_window, set.pulses_per_window);
  put("cycle_sd", device.cycle_sd, set.cycle_sd);
  put("cycle_floor", device.cycle_floor, set.cycle_floor);
  put("cycle_slope", device.cycle_slope, set.cycle_slope);
  put("step_spread", device.step_spread, set.step_spread);
  put("bound_spread", device.bound_spread, set.bound_spread);
  put("low_spread", device.low_spread, set.low_spread);
  put("high_spread", device.high_spread, set.high_spread);
  put("asymmetry_spread", device.asymmetry_spread, set.asymmetry_spread);
  put("write_noise", device.write_noise, set.write_noise);
  put("stuck_low", device.stuck_low, set.stuck_low);
  put("stuck_high", device.stuck_high, set.stuck_high);
  put("endurance_min", device.endurance_min, set.endurance_min);
  put("endurance_max", device.endurance_max, set.endurance_max);
  const auto line = [](LogLine& l, const std::optional<double>& value) {
    if (value) l = {*value, 0, *value, *value};
  };
  line(device.drift.exponent, set.drift_exponent);
  line(device.drift.spread, set.drift_spread);
  if (set.drift_exponent || set.drift_spread || set.drift_time || set.retention_time) device.mark_set("drift");
  if (set.drift_time) device.drift.second = *set.drift_time;
  if (set.retention_time) device.drift.retention_second = *set.retention_time;
  if (device.law_integrates()) {
    if (set.half_step)
      throw InputError(
          Code::conflict, {},
          "device \"" + device.name + "\": what half a pulse does follows from its equation of motion, so half_step cannot be set",
          "leave half_step out");
    if (set.pulses_per_window)
      throw InputError(Code::conflict, {},
                       "device \"" + device.name + "\": its steps follow from volts and seconds, so pulses_per_window cannot be set",
                       "set set_voltage, reset_voltage or pulse_time instead");
    if (set.set_voltage || set.reset_voltage || set.pulse_time || set.conductance_min || set.conductance_max) {
      try {
        device.integrate_law();
      } catch (const InputError& error) {
        throw InputError(error.code(), error.where(), "device \"" + device.name + "\": " + error.message(), error.remedy());
      }
    }
    return device;
  }
  // untouched steps keep their bits
  if (before > 0 && per_pulse() != before) {
    std::visit(
        [&](auto& law) {
          law.step_up = static_cast<float>(law.step_up * (per_pulse() / before));
          law.step_down = static_cast<float>(law.step_down * (per_pulse() / before));
        },
        device.law);
  }
  return device;
}

void check_trainable(const DevicePreset& device) {
  if (device.kind == DeviceKind::verify_only) {
    throw InputError(Code::device, {},
                     "device \"" + device.name + "\" is known only as written by write-verify: it has no pulse law and cannot be trained",
                     "choose a preset of kind `pulse`, see `eqprop devices`");
  }
  std::string missing;
  const auto need = [&](double value, const char* example) {
    if (value == 0) missing += (missing.empty() ? "" : ", ") + std::string(example);
  };
  need(device.set_volt, "set_voltage = \"1 V\"");
  need(device.reset_volt, "reset_voltage = \"-1 V\"");
  need(device.pulse_second, "pulse_time = \"100 ns\"");
  if (!missing.empty()) {
    throw InputError(
        Code::device, {},
        "device \"" + device.name + "\": its source does not state all volts and seconds of a pulse, so pulses cannot be priced",
        "set what you can answer for in section [device], like " + missing);
  }
  device.validate();
}

}  // namespace eqprop
