#pragma once
// The closed set of device laws, and presets: a law with its window, spread, pulses and the paper it comes from.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crossbar/device/drift.h"
#include "crossbar/device/exponential_step.h"
#include "crossbar/device/integrated_step.h"
#include "crossbar/device/linear_step.h"
#include "crossbar/device/neurosim.h"
#include "crossbar/device/power_step.h"
#include "crossbar/device/quantile_table.h"
#include "crossbar/device/soft_bounds.h"

namespace eqprop {

/// Every law offers mean_step(g, up, low, high) and has step_up, step_down [S]. Visited once per block of a tile, never per device.
using DeviceLaw = std::variant<LinearStep, SoftBounds, ExponentialStep, PowerStep, NeuroSimStep, QuantileTable, StrachanStep, VteamStep>;

/// Short name of the law a variant holds: "linear_step", "soft_bounds", "exponential_step", "power_step", "neurosim", "quantile_table",
/// "strachan", "vteam".
std::string_view law_name(const DeviceLaw& law);

/// A number of a law: named as in its header, in siemens where it is a step, else without a unit.
struct LawParameter {
  std::string_view name;
  double value;
  bool siemens;
};
/// The numbers of a law, in the order of its header; of a quantile_table its steps and its size.
std::vector<LawParameter> law_parameters(const DeviceLaw& law);

enum class DeviceKind {
  pulse,        ///< has a pulse law: can be trained
  verify_only,  ///< known only as "written by write-verify with this error": can be written and read, training is an error
};

/// A memristor as an array uses it. A plain value: change fields to study them.
struct DevicePreset {
  std::string name;
  DeviceKind kind = DeviceKind::pulse;
  DeviceLaw law = SoftBounds{};         ///< unused for verify_only
  double G_min = 0;                     ///< [S]
  double G_max = 0;                     ///< [S]
  double pulses_per_window = 0;         ///< [1] as the law's header defines it, for display
  double cycle_sd = 0;                  ///< [1] cycle to cycle: sd of a pulse in sizes of its mean step; quantile_table: times its scatter
  double cycle_floor = 0;               ///< [1] and beside it this share of the window, whatever the step; not with quantile_table
  double cycle_slope = 0;               ///< [1] and this share of G - G_min; the three sds add up
  double step_spread = 0;               ///< [1] device to device: steps times max(1 + step_spread xi, 0.1)
  bool step_lognormal = false;          ///< device to device: steps times exp(step_spread xi) instead
  double bound_spread = 0;              ///< [1] device to device: each bound times 1 + bound_spread xi, xi within +-3
  double low_spread = 0;                ///< [1] instead: distance of the lower bound from the middle of the window times |1 + this xi|
  double high_spread = 0;               ///< [1] the same of the upper bound; both at least 0.05 of the distance, bounds never below 0 S
  double asymmetry_spread = 0;          ///< [1] device to device: up steps times 1 + u, down steps times 1 - u, u ~ U(-this, this)
  double write_noise = 0;               ///< [1] apparent G = G + write_noise (nominal step) xi, redrawn at each write of the device
  double stuck_low = 0;                 ///< [1] fraction of devices stuck at their lower bound
  double stuck_high = 0;                ///< [1] fraction of devices stuck at their upper bound
  double set_volt = 0;                  ///< [V]
  double reset_volt = 0;                ///< [V] negative
  double pulse_second = 0;              ///< [s]
  double half_step = 0;                 ///< [1] step at half a pulse's voltage over that of a full pulse, 0..0.5; 0: not stated
  double read_volt = 0;                 ///< [V] as in the source
  Drift drift;                          ///< what time does to it; nothing unless the source says
  std::array<double, 4> write_sigma{};  ///< verify_only: sd of a written G in uS = c0 + c1 G + c2 G^2 + c3 G^3, G in uS
  double verify_tolerance = 5e-6;       ///< [S] of a write-verify that is not told another
  double stuck_threshold = 0;           ///< [S] a device that write-verify cannot move by this much counts as stuck
  double endurance_min = 0;             ///< [1] rated pulses per device, low end
  double endurance_max = 0;             ///< [1] rated pulses per device, high end
  std::string reference;                ///< paper or data set, with DOI where there is one
  std::string notes;
  std::vector<std::string> assumed;  ///< names of the fields above that are assumed, not measured
  std::vector<std::string> set;      ///< names of the fields above that a user set, in the order in which they were set

  double window() const { return G_max - G_min; }  ///< [S]
  /// Mean size [S] of a SET and a RESET step at the middle of the window: what one pulse is taken to do when pulses are counted.
  double nominal_step() const;
  /// Mean change [S] of a nominal device by one pulse at g [S], and its sd [S] from cycle to cycle, the window not yet kept.
  double mean_step(double g, bool up) const;
  double step_sd(double g, bool up) const;
  /// Whether the steps of the law follow from window, volts and seconds, and are not numbers of their own.
  bool law_integrates() const;
  /// For such a law: makes its steps for the window, volts and seconds of this preset, to be called after one of these was changed (validate()
  /// refuses a law that was not), and sets pulses_per_window to what takes the nominal device across, the mean of SET and RESET.
  /// Throws InputError(out_of_range).
  void integrate_law();
  /// Notes that a user set `field` (a name of a number above, or "law"): it is no longer measured or assumed. Setting twice is one note.
  /// Throws std::logic_error for another name.
  void mark_set(std::string_view field);
  /// Throws InputError(config) that names field, value and allowed range; a device whose pulses have no volts or seconds cannot be priced.
  void validate() const;
};

/// A preset by name; throws InputError(config) with the nearest name.
DevicePreset preset(std::string_view name);
/// Names of all presets, the default first.
std::vector<std::string> preset_names();

}  // namespace eqprop
