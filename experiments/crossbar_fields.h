#pragma once
// The keys of [crossbar] and [device], once for reading and once for writing (fields.h).
#include "experiments/config.h"
#include "experiments/fields.h"

namespace eqprop {

/// Names that are only known at run time, as a choice of texts.
inline std::vector<std::pair<std::string_view, std::string>> texts(const std::vector<std::string>& names) {
  std::vector<std::pair<std::string_view, std::string>> out;
  for (const std::string& name : names) out.emplace_back(name, name);
  return out;
}

template <class Fields, class C>
void visit_converters(Fields& f, C& c) {
  static const std::vector<std::pair<std::string_view, Rounding>> kRoundings = {{"nearest", Rounding::nearest},
                                                                                {"truncate", Rounding::truncate}};
  constexpr Interval kGain{0.01, 100, false, false};
  constexpr Interval kOffset{-1000, 1000, false, false};
  auto& array = c.crossbar.array;
  f.integer("dac_bits", array.dac.bits, 0, 20);
  f.choice("dac_rounding", array.dac.rounding, kRoundings);
  f.number("dac_gain", array.dac.gain, kGain);
  f.number("dac_offset", array.dac.offset, kOffset);
  f.integer("adc_bits", array.adc_forward.bits, 0, 20);
  f.choice("adc_rounding", array.adc_forward.rounding, kRoundings);
  f.number("adc_gain", array.adc_forward.gain, kGain);
  f.number("adc_offset", array.adc_forward.offset, kOffset);
  // one ADC design serves both directions; only the ranges differ
  if constexpr (Fields::kReads) array.adc_backward = array.adc_forward;
  f.number("adc_range_forward", c.crossbar.adc_range_forward, {0, 1e6, false, false});
  f.number("adc_range_backward", c.crossbar.adc_range_backward, {0, 1e6, false, false});
  f.number("adc_margin", c.crossbar.adc_margin, {1, 100, false, false});
}

template <class Fields, class C>
void visit_wires(Fields& f, C& c) {
  static const auto kModels = [] {
    std::vector<std::pair<std::string_view, WireModel>> names;
    for (const WireModel model : {WireModel::none, WireModel::effective, WireModel::solve, WireModel::lumped})
      names.emplace_back(wire_model_name(model), model);
    return names;
  }();
  auto& stage = c.crossbar.array.wires;
  if (!Fields::kReads && stage.model == WireModel::none) return;
  constexpr Interval kOhms{0, 1e9, false, false};
  f.section("wires");
  f.choice("model", stage.model, kModels);
  f.quantity("segment_resistance", stage.wires.segment_ohm, Unit::ohm, {0, 1e9, true, false});
  f.quantity("driver_resistance", stage.wires.driver_ohm, Unit::ohm, kOhms);
  f.quantity("sense_resistance", stage.wires.sense_ohm, Unit::ohm, kOhms);
  f.flag("double_sided", stage.wires.double_sided);
  f.flag("swap_ends", stage.swap_ends);
  f.number("stale_error", stage.stale_error, {0, 1, false, false});
  f.number("residual", stage.residual, {1e-12, 1e-3, false, false});
}

template <class Fields, class C>
void visit_crossbar(Fields& f, C& c) {
  static const std::vector<std::pair<std::string_view, Loop>> kLoops = {{"digital", Loop::digital}, {"analog", Loop::analog}};
  static const std::vector<std::pair<std::string_view, PulseMode>> kModes = {
      {"sign", PulseMode::sign}, {"count", PulseMode::count}, {"threshold_accumulate", PulseMode::accumulate}};
  static const std::vector<std::pair<std::string_view, PairRule>> kPairs = {{"toward_middle", PairRule::toward_middle},
                                                                            {"alternate", PairRule::alternate}};
  constexpr Interval kShare{0, 1, false, false};
  auto& array = c.crossbar.array;
  f.section("crossbar");
  f.choice("device", c.device, texts(preset_names()));
  f.choice("loop", c.crossbar.loop, kLoops);
  f.integer("max_rows", array.max_rows, 1, 65536);
  f.integer("max_columns", array.max_cols, 1, 65536);
  f.quantity("read_voltage", array.read_volt, Unit::volt, {1e-6, 10, false, false});
  f.quantity("read_time", array.read_second, Unit::second, {1e-15, 1, false, false});
  visit_converters(f, c);
  f.number("read_noise", array.read_noise.white, kShare);
  f.number("read_noise_proportional", array.read_noise.proportional, kShare);
  f.choice("programming", array.plan.mode, kModes);
  f.choice("pair", array.plan.pair, kPairs);
  f.integer("max_pulses", array.plan.max_pulses, 1, 4096);
  f.number("sign_threshold", array.plan.sign_threshold, {0, 1e6, false, false});
  f.quantity("write_tolerance", array.write.tolerance, Unit::siemens, {1e-12, 1, false, false});
  f.integer("write_max_pulses", array.write.max_pulses, 1, 1000000);
  f.number("weight_headroom", array.weight_headroom, {1, 1e6, false, false});
  f.number("weight_max", array.weight_max, {0, 1e6, false, false});
  f.quantity("analog_time", c.crossbar.analog_second, Unit::second, {1e-15, 0.999, false, false});
  f.number("linear_range", c.crossbar.linear_range, {1, 1000, false, false});

  auto& set = c.device_set;
  f.section("device");
  f.quantity("set_voltage", set.set_voltage, Unit::volt, {1e-3, 100, false, false});
  f.quantity("reset_voltage", set.reset_voltage, Unit::volt, {-100, -1e-3, false, false});
  f.quantity("pulse_time", set.pulse_time, Unit::second, {1e-12, 1, false, false});
  f.quantity("conductance_min", set.conductance_min, Unit::siemens, {0, 1, false, false});
  f.quantity("conductance_max", set.conductance_max, Unit::siemens, {1e-12, 1, false, false});
  f.number("pulses_per_window", set.pulses_per_window, {1, 1e6, false, false});
  f.number("cycle_sd", set.cycle_sd, {0, 100, false, false});
  f.number("step_spread", set.step_spread, {0, 10, false, false});
  f.number("bound_spread", set.bound_spread, {0, 0.3, false, false});
  f.number("asymmetry_spread", set.asymmetry_spread, kShare);
  f.number("write_noise", set.write_noise, {0, 1000, false, false});
  f.number("stuck_low", set.stuck_low, kShare);
  f.number("stuck_high", set.stuck_high, kShare);
}

}  // namespace eqprop
