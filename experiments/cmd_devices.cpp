// devices [NAME]: the memristor presets, with what is measured and what is assumed, and their mean pulse curve.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

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

// how a number of a law is shown, and what its key in JSON ends with
struct ShownUnit {
  std::string_view symbol, suffix;
  std::optional<Unit> unit = {};  // of those that take prefixes
};

// steps are in siemens and the rest plain numbers, but for equations of motion: as in crossbar/device/strachan.h and vteam.h
ShownUnit unit_of(const LawParameter& p, const DevicePreset& d) {
  static const ShownUnit kNone{"", ""}, kVolt{"V", "_volt", Unit::volt}, kOhm{"Ohm", "_ohm", Unit::ohm}, kRate{"1/s", "_per_second"},
      kSpeed{"m/s", "_metre_per_second"};
  static const std::map<std::string_view, ShownUnit> kOfMotion = {{"b", {"1/sqrt(V)", "_per_sqrt_volt"}},
                                                                  {"A", kRate},
                                                                  {"B", kRate},
                                                                  {"s_off", kVolt},
                                                                  {"s_on", kVolt},
                                                                  {"s_p", {"W", "_watt", Unit::watt}},
                                                                  {"x_off", kNone},
                                                                  {"x_on", kNone},
                                                                  {"beta", {"1/W", "_per_watt"}},
                                                                  {"k_on", kSpeed},
                                                                  {"k_off", kSpeed},
                                                                  {"alpha_on", kNone},
                                                                  {"alpha_off", kNone},
                                                                  {"v_on", kVolt},
                                                                  {"v_off", kVolt},
                                                                  {"d", {"m", "_metre"}},
                                                                  {"R_on", kOhm},
                                                                  {"R_off", kOhm},
                                                                  {"edge_second", {"s", "", Unit::second}}};
  if (p.siemens) return {"S", "_siemens", Unit::siemens};
  if (!d.law_integrates()) return kNone;
  const auto at = kOfMotion.find(p.name);
  check(at != kOfMotion.end(), "a number of an equation of motion is shown with its unit");
  return at->second;
}

std::string shown(const LawParameter& p, const DevicePreset& d) {
  const ShownUnit unit = unit_of(p, d);
  if (unit.unit) return format_quantity(p.value, *unit.unit);
  return fmt::format("{:g}{}{}", p.value, unit.symbol.empty() ? "" : " ", unit.symbol);
}

// c0 + c1 x + c2 x^2 ..., without the terms that are 0
std::string polynomial(std::span<const double> coefficients, std::string_view x) {
  std::string out;
  for (std::size_t k = 0; k < coefficients.size(); ++k) {
    const double c = coefficients[k];
    if (c == 0) continue;
    out += out.empty() ? (c < 0 ? "-" : "") : (c < 0 ? " - " : " + ");
    out += fmt::format("{:g}", std::abs(c));
    if (k > 0) out += fmt::format(" {}", x);
    if (k > 1) out += fmt::format("^{}", k);
  }
  return out.empty() ? "0" : out;
}

std::string shown(const LogLine& line) {
  if (line.low == line.high) return fmt::format("{:g}", line.low);
  return fmt::format("{}, within {:g} .. {:g}", polynomial(std::array{line.at_max, line.slope}, "ln(G / G_max)"), line.low, line.high);
}

Json law_json(const DevicePreset& d) {
  Json out = Json::object();
  if (d.kind != DeviceKind::pulse) return out;
  for (const LawParameter& p : law_parameters(d.law)) out[std::string(p.name).append(unit_of(p, d).suffix)] = p.value;
  return out;
}

Json line_json(const LogLine& line) {
  return {{"at_G_max", line.at_max}, {"per_ln_G", line.slope}, {"low", line.low}, {"high", line.high}};
}

// null where there is none
Json drift_json(const Drift& drift) {
  if (drift.second == 0) return nullptr;
  return {{"second", drift.second}, {"exponent", line_json(drift.exponent)}, {"spread", line_json(drift.spread)}};
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
          {"drift", drift_json(d.drift)},
          {"retention_second", d.drift.retention_second > 0 ? Json(d.drift.retention_second) : Json()},
          {"write_sigma_microsiemens", d.kind == DeviceKind::verify_only ? Json(d.write_sigma) : Json()},
          {"verify_tolerance_siemens", d.verify_tolerance},
          {"stuck_threshold_siemens", d.stuck_threshold},
          {"endurance", {d.endurance_min, d.endurance_max}},
          {"reference", d.reference},
          {"notes", d.notes},
          {"assumed", d.assumed}};
}

std::string number(double x) { return fmt::format("{:g}", x); }
std::string stated(double x, Unit unit) { return x == 0 ? "not stated by the source" : format_quantity(x, unit); }

/// The fields of a preset, a line each; what was not measured is marked.
class Sheet {
 public:
  explicit Sheet(const DevicePreset& device) : d_(device) {}

  void print() const {
    fmt::print("{}\n", d_.name);
    line("kind", kind_name(d_.kind), "kind");
    line("pulse law", law(d_), "law");
    line("G_min", format_quantity(d_.G_min, Unit::siemens), "G_min");
    line("G_max", format_quantity(d_.G_max, Unit::siemens), "G_max");
    if (d_.kind == DeviceKind::pulse)
      print_steps();
    else
      line("sd of a written G [uS]", polynomial(d_.write_sigma, "G") + ", G in uS", "write_sigma");
    line("SET pulse", stated(d_.set_volt, Unit::volt), "set_volt");
    line("RESET pulse", stated(d_.reset_volt, Unit::volt), "reset_volt");
    line("pulse length", stated(d_.pulse_second, Unit::second), "pulse_second");
    if (d_.kind == DeviceKind::pulse) line("step at half the voltage", half_step(d_), "half_step");
    print_spread();
    print_time();
    fmt::print("  {:<28}{}\n", "reference", d_.reference);
    if (!d_.notes.empty()) fmt::print("  {:<28}{}\n", "notes", d_.notes);
    if (!d_.assumed.empty()) fmt::print("  {:<28}{}\n", "assumed, not measured", fmt::join(d_.assumed, ", "));
  }

 private:
  void line(std::string_view label, std::string_view value, std::string_view field) const {
    const bool assumed = std::find(d_.assumed.begin(), d_.assumed.end(), field) != d_.assumed.end();
    fmt::print("  {:<28}{}{}\n", label, value, assumed ? "   (assumed)" : "");
  }

  void print_steps() const {
    line("pulses per window", number(d_.pulses_per_window), "pulses_per_window");
    line("mean step, mid window", format_quantity(d_.nominal_step(), Unit::siemens), "pulses_per_window");
    for (const LawParameter& p : law_parameters(d_.law)) line("  " + std::string(p.name), shown(p, d_), "law");
    line("cycle to cycle, of a step", number(d_.cycle_sd), "cycle_sd");
    if (d_.cycle_floor > 0) line("  and of the window", number(d_.cycle_floor), "cycle_floor");
    if (d_.cycle_slope > 0) line("  and of G - G_min", number(d_.cycle_slope), "cycle_slope");
  }

  void print_spread() const {
    line("spread of steps", number(d_.step_spread) + (d_.step_lognormal ? ", log-normal" : ""), "step_spread");
    if (d_.low_spread + d_.high_spread > 0)
      line("spread of bounds", fmt::format("low {:g}, high {:g} of half the window", d_.low_spread, d_.high_spread), "low_spread");
    else
      line("spread of bounds", number(d_.bound_spread), "bound_spread");
    line("spread of asymmetry", number(d_.asymmetry_spread), "asymmetry_spread");
    line("write noise, of a step", number(d_.write_noise), "write_noise");
    line("stuck low / high", number(d_.stuck_low) + " / " + number(d_.stuck_high), "stuck_low");
    line("read voltage of the source", stated(d_.read_volt, Unit::volt), "read_volt");
    if (d_.kind == DeviceKind::verify_only) return;
    line("write-verify to", format_quantity(d_.verify_tolerance, Unit::siemens), "verify_tolerance");
    if (d_.stuck_threshold > 0) line("stuck if moved by less than", format_quantity(d_.stuck_threshold, Unit::siemens), "stuck_threshold");
  }

  void print_time() const {
    const Drift& drift = d_.drift;
    line("rated endurance",
         d_.endurance_max > 0 ? fmt::format("{:g} .. {:g} pulses", d_.endurance_min, d_.endurance_max) : "not stated by the source",
         "endurance_min");
    line("drift", drift.second > 0 ? "counted from " + format_quantity(drift.second, Unit::second) : "none", "drift");
    if (drift.second > 0) {
      line("  exponent", shown(drift.exponent), "drift");
      line("  its spread", shown(drift.spread), "drift");
    }
    if (drift.retention_second > 0) line("retention", format_quantity(drift.retention_second, Unit::second), "drift");
  }

  const DevicePreset& d_;
};

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
    Sheet(all.front()).print();
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
