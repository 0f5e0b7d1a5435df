// devices [NAME]: the memristor presets, with what is measured and what is assumed.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "crossbar/device/device.h"
#include "experiments/commands.h"

namespace eqprop {
namespace {

using Json = nlohmann::ordered_json;

struct DevicesArguments {
  std::string name;
  bool json = false;
};

const char* kind_name(DeviceKind kind) { return kind == DeviceKind::pulse ? "pulse" : "verify_only"; }
std::string law(const DevicePreset& d) { return d.kind == DeviceKind::pulse ? std::string(law_name(d.law)) : "none"; }

Json as_json(const DevicePreset& d) {
  return {{"name", d.name},
          {"kind", kind_name(d.kind)},
          {"law", law(d)},
          {"G_min_siemens", d.G_min},
          {"G_max_siemens", d.G_max},
          {"pulses_per_window", d.pulses_per_window},
          {"cycle_sd", d.cycle_sd},
          {"step_spread", d.step_spread},
          {"bound_spread", d.bound_spread},
          {"asymmetry_spread", d.asymmetry_spread},
          {"write_noise", d.write_noise},
          {"stuck_low", d.stuck_low},
          {"stuck_high", d.stuck_high},
          {"set_volt", d.set_volt},
          {"reset_volt", d.reset_volt},
          {"pulse_second", d.pulse_second},
          {"read_volt", d.read_volt},
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
  fmt::print("{}\n", d.name);
  line("kind", kind_name(d.kind), "kind");
  line("pulse law", law(d), "law");
  line("G_min", format_quantity(d.G_min, Unit::siemens), "G_min");
  line("G_max", format_quantity(d.G_max, Unit::siemens), "G_max");
  if (d.kind == DeviceKind::pulse) {
    line("pulses per window", number(d.pulses_per_window), "pulses_per_window");
    line("mean step, mid window", format_quantity(d.nominal_step(), Unit::siemens), "pulses_per_window");
    line("cycle to cycle, of a step", number(d.cycle_sd), "cycle_sd");
    line("SET pulse", format_quantity(d.set_volt, Unit::volt), "set_volt");
    line("RESET pulse", format_quantity(d.reset_volt, Unit::volt), "reset_volt");
    line("pulse length", format_quantity(d.pulse_second, Unit::second), "pulse_second");
  }
  line("spread of steps", number(d.step_spread), "step_spread");
  line("spread of bounds", number(d.bound_spread), "bound_spread");
  line("spread of asymmetry", number(d.asymmetry_spread), "asymmetry_spread");
  line("write noise, of a step", number(d.write_noise), "write_noise");
  line("stuck low / high", number(d.stuck_low) + " / " + number(d.stuck_high), "stuck_low");
  line("read voltage of the source", format_quantity(d.read_volt, Unit::volt), "read_volt");
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

int devices(const DevicesArguments& arguments) {
  std::vector<DevicePreset> all;
  if (!arguments.name.empty()) {
    all.push_back(preset(arguments.name));
  } else {
    for (const std::string& name : preset_names()) all.push_back(preset(name));
  }
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
  command->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  command->callback([given, &exit_code] { exit_code = devices(*given); });
}

}  // namespace eqprop
