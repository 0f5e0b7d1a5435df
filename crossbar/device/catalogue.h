#pragma once
// All presets. Not part of the interface: use preset() and preset_names().
#include <vector>

#include "crossbar/device/device.h"

namespace eqprop {

/// Every preset, the default first.
std::vector<DevicePreset> device_catalogue();

}  // namespace eqprop
