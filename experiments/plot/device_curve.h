#pragma once
// What pulses do to a device in the mean: a train of SET pulses from G_min, then one of RESET pulses, and the step over the conductance.
#include <string>
#include <vector>

#include "crossbar/device/device.h"
#include "experiments/plot/figure.h"

namespace eqprop {

/// One pulse of a train on a nominal device that moves by mean steps alone.
struct TrainPulse {
  int number;  ///< from 1, over both polarities
  bool set;
  double siemens;  ///< [S] before the pulse
  double step;     ///< [S] mean change of it
  double step_sd;  ///< [S] from cycle to cycle
  double after;    ///< [S] within the window
};

/// The preset's pulses per window up, then as many down; at least 2, at most 20000 each. Empty for a verify_only device.
std::vector<TrainPulse> pulse_trains(const DevicePreset& device);

/// The trains as text: pulse,polarity,siemens_before,mean_step_siemens,step_sd_siemens,siemens_after.
std::string pulse_trains_csv(const std::vector<TrainPulse>& trains);

/// Conductance over pulses, and the mean step with its sd over conductance.
Figure device_figure(const DevicePreset& device);

}  // namespace eqprop
