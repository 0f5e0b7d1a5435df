#pragma once
// Devices and arrays that several tests use.
#include <string>
#include <vector>

#include "crossbar/array.h"

namespace eqprop::testing {

/// A pulse device of every law. A new law gets the conformance tests by a line here.
inline std::vector<DevicePreset> device_of_every_law() {
  DevicePreset soft = preset("TaOx-180nm");
  soft.name = "soft";
  DevicePreset linear = soft;
  linear.name = "linear";
  linear.law = LinearStep{.step_up = 0.7e-6f, .step_down = 0.9e-6f, .gamma_up = 0.4f, .gamma_down = -0.2f};
  DevicePreset exponential = soft;
  exponential.name = "exponential";
  exponential.law =
      ExponentialStep{.step_up = 0.8e-6f, .step_down = 0.6e-6f, .A_up = 0.3f, .A_down = 0.2f, .gamma_up = 1.0f, .gamma_down = 1.5f};
  return {linear, soft, exponential};
}

/// No spread, no noise, converters off.
inline ArrayOptions quiet(DevicePreset device = preset("TaOx-180nm")) {
  ArrayOptions o;
  device.cycle_sd = device.step_spread = device.bound_spread = 0;
  o.device = device;
  o.dac.bits = o.adc_forward.bits = o.adc_backward.bits = 0;
  return o;
}

/// Uniform on (-scale, scale).
inline Eigen::MatrixXf uniform(Eigen::Index rows, Eigen::Index cols, float scale, std::uint32_t draw) {
  Eigen::MatrixXf x(rows, cols);
  RandomKey(5, Purpose::test).fill_uniform({.step = draw}, 0, x.data(), static_cast<std::size_t>(x.size()));
  return (scale * (2.0f * x.array() - 1.0f)).matrix();
}

inline std::vector<std::uint32_t> ids(Eigen::Index n, std::uint32_t first = 0) {
  std::vector<std::uint32_t> out(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = first + static_cast<std::uint32_t>(i);
  return out;
}

inline std::vector<std::uint8_t> bytes_of(const Array& array) {
  ByteWriter writer;
  array.save(writer);
  return writer.bytes();
}

}  // namespace eqprop::testing
