#pragma once
// Device to device: the factor of each device's steps beside the mean of all, and the ends that its conductance reached.
#include <string>
#include <vector>

#include "crossbar/fit/fit.h"
#include "crossbar/fit/law_fit.h"

namespace eqprop::fit {

/// Pulses of both sorts in the units of a scale.
struct Trains {
  Scale scale;
  Pulses up, down;
};

/// Knots where a table of mean steps follows the data: quantiles of conductance.
TableCurve table_over(const Pulses& pulses);

/// Sets the factor of every track to its device's, mean 1, and returns the spreads; nothing for one device.
std::vector<Estimate> part_devices(Trains& trains, const std::vector<Ramp>& ramps, const std::vector<std::string>& devices);

}  // namespace eqprop::fit
