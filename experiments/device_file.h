#pragma once
// A device of your own as a file: what `eqprop devices fit` writes and crossbar.device = "my.toml" reads.
#include <filesystem>
#include <string>

#include "crossbar/device/device.h"

namespace eqprop {

/// True for the name of a file rather than of a preset that the program knows: it ends with .toml.
bool is_device_file(const std::string& name);

/// Parses a device; `file` is shown in errors. Throws InputError(config) with line and column for an unknown or missing key, a value out of
/// range, and a window whose ends are not in order.
DevicePreset parse_device(const std::string& text, const std::string& file);
/// The same from a file; InputError(file) when it cannot be read.
DevicePreset read_device(const std::filesystem::path& file);
/// The device as a file; parse_device gives the same device again, bit for bit.
std::string device_text(const DevicePreset& device);

}  // namespace eqprop
