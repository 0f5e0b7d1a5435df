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

// keys of converters as they are; a config that leaves them alone is written without them
template <class Fields, class C>
void visit_converter_design(Fields& f, C& c) {
  static const std::vector<std::pair<std::string_view, RangeRule>> kRules = {
      {"max", RangeRule::max}, {"percentile", RangeRule::percentile}, {"analytic", RangeRule::analytic}};
  static const std::vector<std::pair<std::string_view, AdcType>> kTypes = {{"direct", AdcType::direct},
                                                                           {"integrating", AdcType::integrating}};
  static const std::vector<std::pair<std::string_view, DriveInput>> kInputs = {{"parallel", DriveInput::parallel},
                                                                               {"serial", DriveInput::serial}};
  constexpr Interval kCodes{0, 1000, false, false};
  auto& crossbar = c.crossbar;
  auto& design = crossbar.array.converters;
  const auto spread = [&](auto& of, const char* gain, const char* offset, const char* inl) {
    if (!Fields::kReads && !of.any()) return;
    f.number(gain, of.gain, {0, 1, false, false});
    f.number(offset, of.offset, kCodes);
    f.number(inl, of.inl, kCodes);
  };
  spread(design.dac, "dac_gain_spread", "dac_offset_spread", "dac_inl");
  spread(design.adc, "adc_gain_spread", "adc_offset_spread", "adc_inl");
  if (Fields::kReads || crossbar.adc_calibration != RangeRule::max) f.choice("adc_calibration", crossbar.adc_calibration, kRules);
  if (Fields::kReads || crossbar.adc_calibration == RangeRule::percentile)
    f.number("adc_percentile", crossbar.adc_percentile, {50, 100, false, true});
  if (Fields::kReads || crossbar.adc_calibration == RangeRule::analytic) f.number("adc_sigmas", crossbar.adc_sigmas, {0, 100, true, false});
  if (Fields::kReads || design.adc_share != 1) f.integer("adc_share", design.adc_share, 1, 65536);
  if (Fields::kReads || design.adc_type != AdcType::direct) f.choice("adc_type", design.adc_type, kTypes);
  if (Fields::kReads || design.adc_second > 0) f.quantity("adc_time", design.adc_second, Unit::second, {0, 1, false, false});
  if (Fields::kReads || design.adc_type != AdcType::direct)
    f.quantity("adc_clock", design.adc_clock, Unit::second, {1e-15, 1, false, false});
  if (Fields::kReads || design.input != DriveInput::parallel) f.choice("input", design.input, kInputs);
}

// keys of write pulses on other cells and behind lines; a config that leaves them alone is written without them
template <class Fields, class C>
void visit_write_scheme(Fields& f, C& c) {
  static const std::vector<std::pair<std::string_view, HalfSelect>> kSchemes = {
      {"gated", HalfSelect::gated}, {"half", HalfSelect::half}, {"third", HalfSelect::third}};
  constexpr Interval kOhms{0, 1e9, false, false};
  auto& array = c.crossbar.array;
  auto& scheme = array.scheme;
  if (Fields::kReads || scheme.disturbs()) {
    f.choice("half_select", scheme.half_select, kSchemes);
    f.number("write_nonlinearity", scheme.nonlinearity, {2, 1e12, false, false});
  }
  if (Fields::kReads || scheme.drops()) {
    f.quantity("write_segment_resistance", scheme.segment_ohm, Unit::ohm, kOhms);
    f.quantity("write_driver_resistance", scheme.driver_ohm, Unit::ohm, kOhms);
  }
  if (Fields::kReads || array.write.passes != 1) f.integer("write_passes", array.write.passes, 1, 100);
}

// how a weight lies on devices; a pair on one array is written without these
template <class Fields, class C>
void visit_mapping(Fields& f, C& c) {
  static const std::vector<std::pair<std::string_view, Mapping>> kMappings = {{"differential", Mapping::differential},
                                                                              {"offset_column", Mapping::offset_column}};
  auto& slices = c.crossbar.slices;
  if (Fields::kReads || c.crossbar.array.mapping != Mapping::differential) f.choice("mapping", c.crossbar.array.mapping, kMappings);
  if (!Fields::kReads && !slices.any()) return;
  f.integer("slices", slices.slices, 1, 4);
  f.integer("slice_bits", slices.bits, 1, 8);
  f.flag("slice_correct", slices.correct);
  f.integer("carry_every", slices.carry_every, 1, 1000000);
  f.number("carry_band", slices.carry_band, {0.01, 1, false, false});
}

template <class Fields, class C>
void visit_wires(Fields& f, C& c) {
  static const auto kModels = [] {
    std::vector<std::pair<std::string_view, WireModel>> names;
    for (const WireModel model : {WireModel::none, WireModel::exact, WireModel::effective, WireModel::solve, WireModel::lumped})
      names.emplace_back(wire_model_name(model), model);
    return names;
  }();
  auto& stage = c.crossbar.array.wires;
  if (!Fields::kReads && stage.model == WireModel::none) return;
  constexpr Interval kOhms{0, 1e9, false, false};
  f.section("wires");
  f.choice("model", stage.model, kModels);
  f.quantity("segment_resistance", stage.wires.segment_ohm, Unit::ohm, {1e-6, 1e9, false, false});
  f.quantity("driver_resistance", stage.wires.driver_ohm, Unit::ohm, kOhms);
  f.quantity("sense_resistance", stage.wires.sense_ohm, Unit::ohm, kOhms);
  f.flag("double_sided", stage.wires.double_sided);
  f.flag("swap_ends", stage.swap_ends);
  f.number("stale_error", stage.stale_error, {0, 1, false, false});
  f.number("residual", stage.residual, {1e-12, 1e-3, false, false});
}

template <class Fields, class C>
void visit_faults(Fields& f, C& c) {
  constexpr Interval kShare{0, 1, false, false};
  auto& faults = c.crossbar.array.faults;
  if (!Fields::kReads && !faults.any() && c.fault_maps.empty()) return;
  f.section("faults");
  f.number("yield", faults.yield, kShare);
  f.number("dead_lines", faults.dead_lines, kShare);
  f.number("dead_columns", faults.dead_columns, kShare);
  f.integer("spare_columns", faults.spare_columns, 0, 65536);
  f.texts("maps", c.fault_maps);
}

template <class Fields, class C>
void visit_crossbar(Fields& f, C& c) {
  static const std::vector<std::pair<std::string_view, Loop>> kLoops = {{"digital", Loop::digital}, {"analog", Loop::analog}};
  static const std::vector<std::pair<std::string_view, PulseMode>> kModes = {{"sign", PulseMode::sign},
                                                                             {"count", PulseMode::count},
                                                                             {"threshold_accumulate", PulseMode::accumulate},
                                                                             {"coincidence", PulseMode::coincidence},
                                                                             {"tiki_taka", PulseMode::tiki_taka}};
  static const std::vector<std::pair<std::string_view, PairRule>> kPairs = {{"toward_middle", PairRule::toward_middle},
                                                                            {"alternate", PairRule::alternate}};
  constexpr Interval kShare{0, 1, false, false};
  auto& array = c.crossbar.array;
  f.section("crossbar");
  f.name_or_file("device", c.device, preset_names());
  f.choice("loop", c.crossbar.loop, kLoops);
  visit_mapping(f, c);
  f.integer("max_rows", array.max_rows, 1, 65536);
  f.integer("max_columns", array.max_cols, 1, 65536);
  f.quantity("read_voltage", array.read_volt, Unit::volt, {1e-6, 10, false, false});
  f.quantity("read_time", array.read_second, Unit::second, {1e-15, 1, false, false});
  visit_converters(f, c);
  visit_converter_design(f, c);
  f.number("read_noise", array.read_noise.white, kShare);
  f.number("read_noise_proportional", array.read_noise.proportional, kShare);
  f.number("flicker", array.slow_noise.flicker, kShare);
  f.number("telegraph", array.slow_noise.telegraph, kShare);
  f.number("telegraph_share", array.slow_noise.telegraph_share, kShare);
  f.quantity("slowest_time", array.slow_noise.slowest_second, Unit::second, {1e-9, 1e12, false, false});
  f.quantity("step_time", array.slow_noise.step_second, Unit::second, {1e-12, 1e6, false, false});
  f.choice("programming", array.plan.mode, kModes);
  f.choice("pair", array.plan.pair, kPairs);
  f.integer("max_pulses", array.plan.max_pulses, 1, 4096);
  f.integer("least_pulses", array.plan.least_pulses, 1, 4096);
  f.number("sign_threshold", array.plan.sign_threshold, {0, 1e6, false, false});
  f.integer("train_length", array.plan.train_length, 1, 32);
  f.number("fast_gain", c.crossbar.tiki_taka.fast_gain, {1e-9, 1e9, false, false});
  f.number("transfer_rate", c.crossbar.tiki_taka.transfer_rate, {1e-9, 1e9, false, false});
  f.integer("transfer_lines", c.crossbar.tiki_taka.transfer_lines, 1, 1000000);
  f.integer("transfer_every", c.crossbar.tiki_taka.transfer_every, 1, 1000000);
  visit_write_scheme(f, c);
  f.flag("wear_out", array.wear_out);
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
  f.number("half_step", set.half_step, {0, 0.5, true, false});
  f.quantity("conductance_min", set.conductance_min, Unit::siemens, {0, 1, false, false});
  f.quantity("conductance_max", set.conductance_max, Unit::siemens, {1e-12, 1, false, false});
  f.number("pulses_per_window", set.pulses_per_window, {1, 1e6, false, false});
  f.number("cycle_sd", set.cycle_sd, {0, 100, false, false});
  f.number("cycle_floor", set.cycle_floor, {0, 10, false, false});
  f.number("cycle_slope", set.cycle_slope, {0, 10, false, false});
  f.number("step_spread", set.step_spread, {0, 10, false, false});
  f.number("bound_spread", set.bound_spread, {0, 0.3, false, false});
  f.number("low_spread", set.low_spread, kShare);
  f.number("high_spread", set.high_spread, kShare);
  f.number("asymmetry_spread", set.asymmetry_spread, kShare);
  f.number("write_noise", set.write_noise, {0, 1000, false, false});
  f.number("stuck_low", set.stuck_low, kShare);
  f.number("stuck_high", set.stuck_high, kShare);
  f.number("endurance_min", set.endurance_min, {1, 1e30, false, false});
  f.number("endurance_max", set.endurance_max, {1, 1e30, false, false});
  f.number("drift_exponent", set.drift_exponent, {0, 2, false, false});
  f.number("drift_spread", set.drift_spread, {0, 2, false, false});
  f.quantity("drift_time", set.drift_time, Unit::second, {1e-9, 1e12, false, false});
  f.quantity("retention_time", set.retention_time, Unit::second, {1e-9, 1e15, false, false});
}

}  // namespace eqprop
