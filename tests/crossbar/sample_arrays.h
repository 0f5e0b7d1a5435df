#pragma once
// Devices and arrays that several tests use.
#include <cmath>
#include <string>
#include <vector>

#include "crossbar/array.h"

namespace eqprop::testing {

/// Steps that shrink towards the bounds and scatter evenly, with an sd of one mean step: 9 conductances, 5 quantiles, 2 .. 150 uS.
inline QuantileData sample_table() {
  QuantileData data{.conductances = 9, .quantiles = 5, .set = {}, .reset = {}};
  for (int i = 0; i < data.conductances; ++i)
    for (int k = 0; k < data.quantiles; ++k) {
      const double x = i / 8.0, scatter = std::sqrt(12.0) * (k / 4.0 - 0.5);
      data.set.push_back(0.8e-6 * (1.2 - x) * (1 + scatter));
      data.reset.push_back(-0.7e-6 * (0.1 + x * x) * (1 - scatter));
    }
  return data;
}

/// A pulse device of every law whose cycle noise is normal.
inline std::vector<DevicePreset> device_of_normal_noise() {
  DevicePreset soft = preset("TaOx-180nm");
  soft.name = "soft";
  DevicePreset linear = soft;
  linear.name = "linear";
  linear.law = LinearStep{.step_up = 0.7e-6f, .step_down = 0.9e-6f, .gamma_up = 0.4f, .gamma_down = -0.2f};
  DevicePreset exponential = soft;
  exponential.name = "exponential";
  exponential.law =
      ExponentialStep{.step_up = 0.8e-6f, .step_down = 0.6e-6f, .A_up = 0.3f, .A_down = 0.2f, .gamma_up = 1.0f, .gamma_down = 1.5f};
  DevicePreset power = soft;
  power.name = "power";
  power.law = PowerStep{.step_up = 0.9e-6f, .step_down = 0.8e-6f, .gamma_up = 1.4f, .gamma_down = 0.6f};
  DevicePreset neurosim = soft;
  neurosim.name = "neurosim";
  neurosim.law = NeuroSimStep::from_trains(soft.window(), {.pulses = 200, .A = 110}, {.pulses = 180, .A = 90});
  // the model of TaOx-HP with other units of volts (2.4), siemens (1/100) and seconds (50)
  DevicePreset strachan = soft;
  strachan.name = "strachan";
  StrachanStep oxide;
  oxide.model = {.Gm = 2.5e-4,
                 .a = 7.2e-8,
                 .b = 3.034,
                 .A = 2e-12,
                 .B = 2e-6,
                 .s_off = 0.0312,
                 .s_on = 1.08,
                 .s_p = 2.304e-6,
                 .x_off = 0.4,
                 .x_on = 0.06,
                 .beta = 8681};
  oxide.edge_second = 10e-9;
  strachan.law = oxide;
  strachan.G_min = 50e-6;
  strachan.G_max = 90e-6;
  strachan.reset_volt = -1.224;
  strachan.integrate_law();
  DevicePreset vteam = soft;
  vteam.name = "vteam";
  VteamStep wall;
  wall.model = {
      .k_on = -1e-6, .k_off = 3e-5, .alpha_on = 3, .alpha_off = 1, .v_on = -0.2, .v_off = 0.3, .d = 3e-9, .R_on = 6e3, .R_off = 30e3};
  wall.edge_second = 5e-9;
  vteam.law = wall;
  vteam.G_min = 40e-6;
  vteam.G_max = 150e-6;
  vteam.integrate_law();
  return {linear, soft, exponential, power, neurosim, strachan, vteam};
}

/// A pulse device of every law. A new law gets the conformance tests by a line here.
inline std::vector<DevicePreset> device_of_every_law() {
  std::vector<DevicePreset> all = device_of_normal_noise();
  DevicePreset table = preset("TaOx-180nm");
  table.name = "table";
  table.law = QuantileTable(sample_table());
  all.push_back(table);
  return all;
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
