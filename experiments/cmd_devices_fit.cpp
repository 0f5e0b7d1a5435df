// devices fit: laws fitted to measured pulses of a device of your own, and a preset that `train` accepts.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/units.h"
#include "eqprop/data/checkpoint.h"
#include "experiments/commands.h"
#include "experiments/crossbar_circuit.h"
#include "experiments/device_file.h"
#include "experiments/experiment.h"
#include "experiments/plot/device_fit.h"
#include "experiments/ramp_files.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr Code kLawMisses = Code::law_misses;  // of the warning that no law expresses the data

struct FitArguments {
  std::string set, reset, table, law, out, plot, name, set_volt, reset_volt, pulse_time;
  std::string units = "siemens";
  double read_volt = 0;
  bool volt_given = false, json = false;
  bool weights() const { return units == "weight"; }
};

[[noreturn]] void fail(Code code, const std::string& option, const std::string& message, const std::string& remedy) {
  throw InputError(code, {option, 0, 0}, message, remedy);
}

void check_arguments(const FitArguments& a) {
  if (a.table.empty() == (a.set.empty() && a.reset.empty()))
    fail(Code::usage, "devices fit", "measured pulses come as --set and --reset, or as --table", "give one or the other");
  if (a.table.empty() && (a.set.empty() || a.reset.empty()))
    fail(Code::usage, a.set.empty() ? "--reset" : "--set", "one sort of pulses alone is no device", "give both --set and --reset");
  if (a.table.empty() && !a.weights() && !a.volt_given)
    fail(Code::usage, "--v-read", "the files hold amperes: at which voltage were they read?", "e.g. --v-read 0.1");
  if (a.volt_given && !(a.read_volt >= 1e-6 && a.read_volt <= 10))
    fail(Code::out_of_range, fmt::format("--v-read {}", a.read_volt), "expected volts above 0: 1e-6 .. 10", "e.g. --v-read 0.1");
  if (a.volt_given && a.weights()) fail(Code::conflict, "--v-read", "weights are read at no voltage", "remove it, or --units weight");
  if (a.weights() && !a.out.empty())
    fail(Code::conflict, "--out", "a preset is in siemens, and weights have none", "map them to siemens, or remove --out");
  if (!a.out.empty() && !is_device_file(a.out))
    fail(Code::usage, "--out " + a.out, "a preset is a .toml file", "e.g. --out " + fs::path(a.out).stem().string() + ".toml");
}

// a number with its unit, as in a config
double quantity(const std::string& option, const std::string& text, Unit unit, double low, double high, const std::string& example) {
  if (text.empty()) return 0;
  double x = 0;
  try {
    x = parse_quantity(text, unit);
  } catch (const InputError& error) {
    throw error.at({option, 0, 0});
  }
  if (!(x >= low && x <= high))
    fail(Code::out_of_range, option + " " + text, fmt::format("expected {} .. {}", format_quantity(low, unit), format_quantity(high, unit)),
         "e.g. " + option + " " + example);
  return x;
}

// a pulse as the options state it; 0 where they do not
struct StatedPulse {
  double set_volt = 0, reset_volt = 0;  // [V]
  double second = 0;                    // [s]
};
StatedPulse stated_pulse(const FitArguments& a) {
  return {quantity("--set-voltage", a.set_volt, Unit::volt, 1e-3, 100, "\"1.2 V\""),
          quantity("--reset-voltage", a.reset_volt, Unit::volt, -100, -1e-3, "\"-1.4 V\""),
          quantity("--pulse-time", a.pulse_time, Unit::second, 1e-12, 1, "\"100 ns\"")};
}

// "file.csv:2" is its second column, unless a file has that very name
std::vector<Ramp> ramps_of(const std::string& name, bool up, const FitArguments& a) {
  RampFormat format{.up = up, .weights = a.weights(), .read_volt = a.weights() ? 1 : a.read_volt};
  std::string file = name;
  const auto colon = name.rfind(':');
  std::error_code none;
  if (colon != std::string::npos && !fs::exists(name, none)) {
    const std::string digits = name.substr(colon + 1);
    if (!digits.empty() && digits.size() < 6 && digits.find_first_not_of("0123456789") == std::string::npos) {
      format.column = std::stoi(digits);
      file = name.substr(0, colon);
      if (format.column == 0) fail(Code::out_of_range, name, "columns count from 1", "e.g. " + file + ":1");
    }
  }
  return read_ramps(file, format);
}

std::vector<Ramp> measured(const FitArguments& a) {
  if (!a.table.empty()) return read_ramp_table(a.table, a.weights());
  std::vector<Ramp> ramps = ramps_of(a.set, true, a);
  const std::vector<Ramp> down = ramps_of(a.reset, false, a);
  ramps.insert(ramps.end(), down.begin(), down.end());
  return ramps;
}

std::string source(const FitArguments& a) {
  const auto name = [](const std::string& file) { return fs::path(file).filename().string(); };
  return a.table.empty() ? fmt::format("{} and {}", name(a.set), name(a.reset)) : name(a.table);
}

std::string amount(double x, bool siemens, const FitArguments& a) {
  return siemens && !a.weights() ? format_quantity(x, Unit::siemens) : fmt::format("{:.4g}", x);
}

std::string percent(double x) { return fmt::format("{:.1f} %", 100 * x); }

void say_estimates(const std::vector<Estimate>& all, const FitArguments& a) {
  for (const Estimate& e : all)
    fmt::print("  {:<18}{:>14}   {}\n", e.name, amount(e.value, e.siemens, a),
               e.at_bound ? "not told by these data" : amount(e.low, e.siemens, a) + " .. " + amount(e.high, e.siemens, a));
}

void say_direction(const char* sort, const DirectionFit& d, const FitArguments& a) {
  fmt::print("  {:<6}{:>6}{:>8}{:>13}{:>9.4f}{:>13}{:>10}{:>10}{:>16}{:>9.1f}{:>10}\n", sort, d.ramps, d.pulses,
             amount(d.mean_step, true, a), d.R2, amount(d.residual_sd, true, a), percent(d.residual_of_step), percent(d.structure),
             fmt::format("{:.1f} / {}", d.chi2, d.freedom), d.runs_z, fmt::format("{:.2g}", d.lag1));
}

void say_fit(const DeviceFit& fit, const FitArguments& a) {
  fmt::print("{:<20}{:>18}{:>26}{:>12}{:>12}\n", "law", "held out [nat]", "behind a table [nat]", "R2 SET", "R2 RESET");
  const auto row = [](const LawFit& law, const std::string& behind) {
    fmt::print("{:<20}{:>18.4f}{:>26}{:>12.4f}{:>12.4f}{}\n", law.law, law.held_out, behind, law.set.R2, law.reset.R2,
               law.converged ? "" : "   not converged");
  };
  for (const LawFit& law : fit.laws) row(law, fmt::format("{:.4f} +- {:.4f}", law.behind_table, law.behind_error));
  row(fit.table, "-");
  fmt::print("  nat per pulse: log likelihood of ramps that were left out; the table holds 10 mean steps\n\n");
  const LawFit& best = fit.laws.front();
  fmt::print("{}: window {} .. {}; estimates with 90 % intervals\n", best.law, amount(best.G_min, true, a), amount(best.G_max, true, a));
  say_estimates(best.parameters, a);
  if (!fit.spread.empty()) fmt::print("\n{} devices\n", fit.devices.size());
  say_estimates(fit.spread, a);
  fmt::print("\n  {:<6}{:>6}{:>8}{:>13}{:>9}{:>13}{:>10}{:>10}{:>16}{:>9}{:>10}\n", "pulses", "ramps", "pulses", "mean step", "R2",
             "residual", "of a step", "unsaid", "chi2 / freedom", "runs z", "lag 1");
  say_direction("SET", best.set, a);
  say_direction("RESET", best.reset, a);
}

Json estimates_json(const std::vector<Estimate>& all, bool weights) {
  Json out = Json::object();
  for (const Estimate& e : all) {
    Json one = {{"value", e.value}, {"low", nullptr}, {"high", nullptr}};
    if (!e.at_bound) {
      one["low"] = e.low;
      one["high"] = e.high;
    }
    out[e.name + (e.siemens && !weights ? "_siemens" : "")] = one;
  }
  return out;
}

Json direction_json(const DirectionFit& d, bool weights) {
  const std::string unit = weights ? "" : "_siemens";
  return {{"ramps", d.ramps},
          {"pulses", d.pulses},
          {"mean_step" + unit, d.mean_step},
          {"R2", d.R2},
          {"residual_sd" + unit, d.residual_sd},
          {"residual_of_step", d.residual_of_step},
          {"unsaid_of_step", d.structure},
          {"chi2", d.chi2},
          {"chi2_freedom", d.freedom},
          {"chi2_probability", d.chi2_p},
          {"runs_z", d.runs_z},
          {"lag_1", d.lag1},
          {"held_out_nat", d.held_out}};
}

Json as_json(const DeviceFit& fit, const FitArguments& a) {
  Json out = {{"units", a.units},
              {"devices", fit.devices.size()},
              {"best", fit.laws.front().law},
              {"expressed", !fit.laws.front().misses()},
              {"laws", Json::array()}};
  for (const LawFit& law : fit.laws)
    out["laws"].push_back({{"law", law.law},
                           {"converged", law.converged},
                           {"G_min", law.G_min},
                           {"G_max", law.G_max},
                           {"held_out_nat", law.held_out},
                           {"behind_table_nat", law.behind_table},
                           {"behind_table_error_nat", law.behind_error},
                           {"parameters", estimates_json(law.parameters, a.weights())},
                           {"set", direction_json(law.set, a.weights())},
                           {"reset", direction_json(law.reset, a.weights())}});
  out["table_held_out_nat"] = fit.table.held_out;
  out["spread"] = estimates_json(fit.spread, a.weights());
  out["preset"] = a.out.empty() ? Json() : Json(a.out);
  return out;
}

DevicePreset preset_of(const DeviceFit& fit, const StatedPulse& pulse, const FitArguments& a) {
  DevicePreset d = fit.preset(a.name.empty() ? fs::path(a.out).stem().string() : a.name);
  const LawFit& best = fit.laws.front();
  d.read_volt = a.read_volt;
  d.set_volt = pulse.set_volt;
  d.reset_volt = pulse.reset_volt;
  d.pulse_second = pulse.second;
  d.reference = fmt::format("fitted by eqprop {} devices fit to {}", program_version(), source(a));
  d.notes = fmt::format("{} SET and {} RESET pulses of {} device{}; residual of a step {} and {}", best.set.pulses, best.reset.pulses,
                        fit.devices.size(), fit.devices.size() == 1 ? "" : "s", percent(best.set.residual_of_step),
                        percent(best.reset.residual_of_step));
  if (best.misses()) d.notes += "; a table of mean steps describes them better";
  return d;
}

// what only the whole of the files tells has no line
// the text of a preset, once the reader of device files and training have taken it
std::string accepted_text(const DevicePreset& preset, const FitArguments& a) {
  const std::string text = device_text(preset);
  try {
    DevicePreset read = parse_device(text, a.out);
    // what the options leave open a config may state
    if (read.set_volt == 0) read.set_volt = 1;
    if (read.reset_volt == 0) read.reset_volt = -1;
    if (read.pulse_second == 0) read.pulse_second = 100e-9;
    read.validate();
  } catch (const InputError& error) {
    fail(error.code(), "--out " + a.out,
         fmt::format("the fitted device, {} .. {}, is none that can be trained: {}", format_quantity(preset.G_min, Unit::siemens),
                     format_quantity(preset.G_max, Unit::siemens), error.message()),
         a.table.empty() ? "is a unit off? The files hold amperes and --v-read volts: 2e-6 A at 0.1 V are 20 uS"
                         : "is a unit off? Column siemens holds siemens: 20 uS are 2e-5");
  }
  return text;
}

DeviceFit fitted(const std::vector<Ramp>& ramps, const FitArguments& a) {
  try {
    return fit_device(ramps, {.law = a.law, .siemens = !a.weights()});
  } catch (const InputError& error) {
    if (!error.where().file.empty()) throw;
    throw error.at({error.kind() == InputKind::config ? "--law" : a.table.empty() ? a.set : a.table, 0, 0});
  }
}

int devices_fit(const FitArguments& a) {
  check_arguments(a);
  check_outputs({{"--set", a.set}, {"--reset", a.reset}, {"--table", a.table}}, {{"--out", a.out}, {"--plot", a.plot}});
  const StatedPulse pulse = stated_pulse(a);
  const DeviceFit fit = fitted(measured(a), a);
  const LawFit& best = fit.laws.front();
  const std::string preset = a.out.empty() ? "" : accepted_text(preset_of(fit, pulse, a), a);
  const std::string plot = a.plot.empty()
                               ? ""
                               : figure_svg(device_fit_figure(
                                     fit, fmt::format("{}; residuals of the filter, in its standard deviations", source(a)), !a.weights()));
  if (!a.out.empty()) write_text_atomic(a.out, preset);
  if (!a.plot.empty()) write_text_atomic(a.plot, plot);

  if (!a.json) say_fit(fit, a);
  if (best.misses())
    warn(kLawMisses,
         "no law expresses these pulses: on ramps left out {} is {:.3f} nat per pulse behind a table of mean steps, and leaves {} (SET) "
         "and {} "
         "(RESET) of a step unsaid",
         best.law, best.behind_table, percent(best.set.structure), percent(best.reset.structure));
  if (!best.converged) warn(kLawMisses, "the search for {} ended before it converged", best.law);
  if (!a.out.empty()) {
    say("preset: {}; a config takes it by crossbar.device = \"{}\"", a.out, fs::path(a.out).filename().string());
    if (a.set_volt.empty() || a.reset_volt.empty() || a.pulse_time.empty())
      say("  pulses are priced by --set-voltage, --reset-voltage and --pulse-time, or by these keys of section [device] in the config");
  }
  if (a.json) std::puts(as_json(fit, a).dump().c_str());
  return kExitDone;
}

}  // namespace

void add_devices_fit(CLI::App& devices, int& exit_code) {
  auto given = std::make_shared<FitArguments>();
  auto* sub = devices.add_subcommand("fit", "laws fitted to measured pulses of a device of your own, and a preset that train accepts");
  sub->add_option("--set", given->set, "SET pulses: a column per ramp, a row per pulse, amperes; FILE:2 is its second column alone")
      ->type_name("FILE");
  sub->add_option("--reset", given->reset, "RESET pulses, likewise")->type_name("FILE");
  sub->add_option("--table", given->table, "all pulses in one file, columns device,cycle,pulse,polarity,siemens")->type_name("FILE");
  auto* volt = sub->add_option("--v-read", given->read_volt, "volts at which the amperes were read");
  sub->add_option("--law", given->law, "only this law; without it all are fitted and compared");
  sub->add_option("--units", given->units, "siemens, or weight for plain numbers of any sign, which make no preset")
      ->check(CLI::IsMember({"siemens", "weight"}))
      ->capture_default_str();
  sub->add_option("--out", given->out, "the preset, a .toml file")->type_name("FILE");
  sub->add_option("--name", given->name, "of the preset; default: the file's");
  sub->add_option("--set-voltage", given->set_volt, "of a SET pulse, like \"1.2 V\": kept in the preset");
  sub->add_option("--reset-voltage", given->reset_volt, "of a RESET pulse, like \"-1.4 V\"");
  sub->add_option("--pulse-time", given->pulse_time, "length of a pulse, like \"100 ns\"");
  sub->add_option("--plot", given->plot, "SVG of data, law and residuals")->type_name("FILE");
  sub->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  sub->callback([given, volt, &exit_code] {
    given->volt_given = volt->count() > 0;
    exit_code = devices_fit(*given);
  });
}

}  // namespace eqprop
