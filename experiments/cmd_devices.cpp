// devices [NAME]: the memristor presets, with what is measured and what is assumed, and their mean pulse curve.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/units.h"
#include "crossbar/device/device.h"
#include "eqprop/data/checkpoint.h"
#include "experiments/commands.h"
#include "experiments/plot/device_curve.h"

namespace eqprop {
namespace {

using Json = nlohmann::ordered_json;

struct DevicesArguments {
  std::string name;
  std::string csv, svg;  // files of the mean pulse curve
  bool json = false;
};

const char* kind_name(DeviceKind kind) { return kind == DeviceKind::pulse ? "pulse" : "verify_only"; }
std::string law(const DevicePreset& d) { return d.kind == DeviceKind::pulse ? std::string(law_name(d.law)) : "none"; }

std::string half_step(const DevicePreset& d) {
  if (d.law_integrates()) return "by the equation of motion";
  return d.half_step > 0 ? fmt::format("{:g} of a full pulse", d.half_step) : "not stated by the source";
}

Json law_json(const DevicePreset& d) {
  Json out = Json::object();
  if (d.kind != DeviceKind::pulse) return out;
  for (const LawParameter& p : law_parameters(d.law)) out[std::string(p.name) + (p.siemens ? "_siemens" : "")] = p.value;
  return out;
}

Json as_json(const DevicePreset& d) {
  return {{"name", d.name},
          {"kind", kind_name(d.kind)},
          {"law", law(d)},
          {"law_parameters", law_json(d)},
          {"G_min_siemens", d.G_min},
          {"G_max_siemens", d.G_max},
          {"pulses_per_window", d.pulses_per_window},
          {"cycle_sd", d.cycle_sd},
          {"cycle_floor", d.cycle_floor},
          {"cycle_slope", d.cycle_slope},
          {"step_spread", d.step_spread},
          {"step_lognormal", d.step_lognormal},
          {"bound_spread", d.bound_spread},
          {"low_spread", d.low_spread},
          {"high_spread", d.high_spread},
          {"asymmetry_spread", d.asymmetry_spread},
          {"write_noise", d.write_noise},
          {"stuck_low", d.stuck_low},
          {"stuck_high", d.stuck_high},
          {"set_volt", d.set_volt},
          {"reset_volt", d.reset_volt},
          {"pulse_second", d.pulse_second},
          {"half_step", d.half_step},
          {"read_volt", d.read_volt},
          {"verify_tolerance_siemens", d.verify_tolerance},
          {"endurance", {d.endurance_min, d.endurance_max}},
          {"reference", d.reference},
          {"notes", d.notes},
          {"assumed", d.assumed}};
}

void print_one(const DevicePreset& d) {
  const auto assumed = [&](std::string_view field) {
    return std::find(d.assumed.begin(), d.assumed.end(), field) != d.assumed.end() ? "   (assumed)" : "";
  };
  const auto line = [&](const char* label, const std::string& value, std::string_view field) {
    fmt::print("  {:<28}{}{}\n", label, value, assumed(field));
  };
  const auto number = [](double x) { return fmt::format("{:g}", x); };
  const auto stated = [](double x, Unit unit) { return x == 0 ? std::string("not stated by the source") : format_quantity(x, unit); };
  fmt::print("{}\n", d.name);
  line("kind", kind_name(d.kind), "kind");
  line("pulse law", law(d), "law");
  line("G_min", format_quantity(d.G_min, Unit::siemens), "G_min");
  line("G_max", format_quantity(d.G_max, Unit::siemens), "G_max");
  if (d.kind == DeviceKind::pulse) {
    line("pulses per window", number(d.pulses_per_window), "pulses_per_window");
    line("mean step, mid window", format_quantity(d.nominal_step(), Unit::siemens), "pulses_per_window");
    for (const LawParameter& p : law_parameters(d.law))
      line(("  " + std::string(p.name)).c_str(), p.siemens ? format_quantity(p.value, Unit::siemens) : number(p.value), "law");
    line("cycle to cycle, of a step", number(d.cycle_sd), "cycle_sd");
    if (d.cycle_floor > 0) line("  and of the window", number(d.cycle_floor), "cycle_floor");
    if (d.cycle_slope > 0) line("  and of G - G_min", number(d.cycle_slope), "cycle_slope");
    line("SET pulse", stated(d.set_volt, Unit::volt), "set_volt");
    line("RESET pulse", stated(d.reset_volt, Unit::volt), "reset_volt");
    line("pulse length", stated(d.pulse_second, Unit::second), "pulse_second");
    line("step at half the voltage", half_step(d), "half_step");
  }
  line("spread of steps", number(d.step_spread) + (d.step_lognormal ? ", log-normal" : ""), "step_spread");
  if (d.low_spread + d.high_spread > 0)
    line("spread of bounds", fmt::format("low {:g}, high {:g} of half the window", d.low_spread, d.high_spread), "low_spread");
  else
    line("spread of bounds", number(d.bound_spread), "bound_spread");
  line("spread of asymmetry", number(d.asymmetry_spread), "asymmetry_spread");
  line("write noise, of a step", number(d.write_noise), "write_noise");
  line("stuck low / high", number(d.stuck_low) + " / " + number(d.stuck_high), "stuck_low");
  line("read voltage of the source", stated(d.read_volt, Unit::volt), "read_volt");
  if (d.kind == DeviceKind::pulse) line("write-verify to", format_quantity(d.verify_tolerance, Unit::siemens), "verify_tolerance");
  if (d.endurance_max > 0) line("rated endurance", fmt::format("{:g} .. {:g} pulses", d.endurance_min, d.endurance_max), "endurance_min");
  fmt::print("  {:<28}{}\n", "reference", d.reference);
  if (!d.notes.empty()) fmt::print("  {:<28}{}\n", "notes", d.notes);
  if (!d.assumed.empty()) fmt::print("  {:<28}{}\n", "assumed, not measured", fmt::join(d.assumed, ", "));
}

void print_all(const std::vector<DevicePreset>& all) {
  fmt::print("{:<26}{:<13}{:<18}{:<22}{:>8}  {:<9}{}\n", "name", "kind", "law", "G_min .. G_max", "pulses", "assumed", "reference");
  for (const DevicePreset& d : all) {
    const std::string window = format_quantity(d.G_min, Unit::siemens) + " .. " + format_quantity(d.G_max, Unit::siemens);
    const std::string pulses = d.pulses_per_window > 0 ? fmt::format("{:g}", d.pulses_per_window) : "-";
    const std::string assumed = d.assumed.empty() ? "-" : std::to_string(d.assumed.size());
    fmt::print("{:<26}{:<13}{:<18}{:<22}{:>8}  {:<9}{}\n", d.name, kind_name(d.kind), law(d), window, pulses, assumed, d.reference);
  }
  fmt::print("\nassumed: number of parameters without a measurement; `eqprop devices NAME` names them\n");
}

/// The mean pulse curve as files.
void write_curve(const DevicesArguments& arguments) {
  if (arguments.csv.empty() && arguments.svg.empty()) return;
  const std::string option = arguments.csv.empty() ? "--svg" : "--csv";
  if (arguments.name.empty())
    throw InputError(Code::usage, {option}, "the curve of which device?", "name one: eqprop devices NAME " + option + " FILE");
  const DevicePreset d = preset(arguments.name);
  if (d.kind == DeviceKind::verify_only)
    throw InputError(Code::device, {option}, "device " + d.name + " has no pulse law (verify_only), so there is no curve",
                     "choose a device of kind pulse");
  const Figure figure = device_figure(d);
  if (!arguments.csv.empty()) write_text_atomic(arguments.csv, figure.csv);
  if (!arguments.svg.empty()) write_text_atomic(arguments.svg, figure_svg(figure));
}

int devices(const DevicesArguments& arguments) {
  std::vector<DevicePreset> all;
  if (!arguments.name.empty()) {
    all.push_back(preset(arguments.name));
  } else {
    for (const std::string& name : preset_names()) all.push_back(preset(name));
  }
  write_curve(arguments);
  if (arguments.json) {
    Json out = {{"devices", Json::array()}};
    for (const DevicePreset& d : all) out["devices"].push_back(as_json(d));
    std::puts(out.dump().c_str());
  } else if (!arguments.name.empty()) {
    print_one(all.front());
  } else {
    print_all(all);
  }
  return kExitDone;
}

}  // namespace

void add_devices(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("devices", "the memristor presets, measured and assumed parameters");
  auto given = std::make_shared<DevicesArguments>();
  command->add_option("NAME", given->name, "a preset, for its details");
  command->add_option("--csv", given->csv, "file for the mean curve of a train of pulses up and down");
  command->add_option("--svg", given->svg, "file for its picture");
  command->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  command->callback([given, command, &exit_code] {
    if (command->get_subcommands().empty()) exit_code = devices(*given);
  });
#ifdef EQPROP_FIT
  add_devices_fit(*command, exit_code);
#endif
}

}  // namespace eqprop
