#pragma once
// Section [device] of a config: single fields of the preset's device, set by the user.
#include <optional>

#include "crossbar/device/device.h"

namespace eqprop {

/// What is empty stays as in the preset.
struct DeviceOverrides {
  std::optional<double> set_voltage;        ///< [V]
  std::optional<double> reset_voltage;      ///< [V] negative
  std::optional<double> pulse_time;         ///< [s]
  std::optional<double> half_step;          ///< [1]
  std::optional<double> conductance_min;    ///< [S]
  std::optional<double> conductance_max;    ///< [S]
  std::optional<double> pulses_per_window;  ///< [1]
  std::optional<double> cycle_sd;           ///< [1]
  std::optional<double> cycle_floor;        ///< [1]
  std::optional<double> cycle_slope;        ///< [1]
  std::optional<double> step_spread;        ///< [1]
  std::optional<double> bound_spread;       ///< [1]
  std::optional<double> low_spread;         ///< [1]
  std::optional<double> high_spread;        ///< [1]
  std::optional<double> asymmetry_spread;   ///< [1]
  std::optional<double> write_noise;        ///< [1]
  std::optional<double> stuck_low;          ///< [1]
  std::optional<double> stuck_high;         ///< [1]
  std::optional<double> endurance_min;      ///< [1] pulses
  std::optional<double> endurance_max;      ///< [1] pulses
  std::optional<double> drift_exponent;     ///< [1] of all devices, whatever they hold
  std::optional<double> drift_spread;       ///< [1]
  std::optional<double> drift_time;         ///< [s]
  std::optional<double> retention_time;     ///< [s]
};

/// The device with these fields, which are then marked as set. Another window or number of pulses scales the steps of the law, whose form
/// stays: step = window / pulses per window times what it was in the preset. A law with an equation of motion is integrated anew for other
/// volts, seconds or window; its pulses per window cannot be set. Throws InputError(conflict or out_of_range), message without a place.
DevicePreset overridden(DevicePreset device, const DeviceOverrides& set);

/// Throws InputError(config), message without a place, when the device cannot be trained or its pulses cannot be priced; names the keys of
/// [device] that would mend it.
void check_trainable(const DevicePreset& device);

}  // namespace eqprop
