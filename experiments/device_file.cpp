#include "experiments/device_file.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <type_traits>
#include <utility>

#include "experiments/crossbar_fields.h"
#include "experiments/fields.h"
#include "experiments/quantile_csv.h"

namespace eqprop {
namespace {

constexpr Interval kSteps{1e-18, 1, false, false};
constexpr Interval kPart{0, 1, false, false};

// laws keep floats: in the file in the fewest digits that read back to the same float
double shortest(float x) {
  char text[32];
  double out = 0;
  std::from_chars(text, std::to_chars(text, text + sizeof text, x).ptr, out);
  return out;
}

template <class Fields, class Float>
void number(Fields& f, const char* key, Float& field, Interval accepted) {
  f.require(fmt::format("{} = 0.5", key));
  double x = shortest(field);
  f.number(key, x, accepted);
  if constexpr (Fields::kReads) field = static_cast<float>(x);
}

template <class Fields, class Float>
void step(Fields& f, const char* key, Float& field) {
  f.require(fmt::format("{} = \"2 uS\"", key));
  double x = shortest(field);
  f.quantity(key, x, Unit::siemens, kSteps);
  if constexpr (Fields::kReads) field = static_cast<float>(x);
}

// the parameters of a law, in the ranges of its header
template <class Fields, class Law>
void visit_law(Fields& f, Law& law) {
  using Plain = std::remove_const_t<Law>;
  constexpr bool kLinear = std::is_same_v<Plain, LinearStep>;
  constexpr Interval kGamma = kLinear ? Interval{-1, 1, false, false} : Interval{0, 10, false, false};
  constexpr Interval kA{-100, 100, false, false}, kPlace{-1, 1, false, false}, kShrink{-1000, 1, false, false};
  f.section("law");
  step(f, "step_up", law.step_up);
  step(f, "step_down", law.step_down);
  if constexpr (requires { law.A_up; }) {
    number(f, "A_up", law.A_up, kA);
    number(f, "A_down", law.A_down, kA);
  }
  if constexpr (requires { law.gamma_up; }) {
    number(f, "gamma_up", law.gamma_up, kGamma);
    number(f, "gamma_down", law.gamma_down, kGamma);
  }
  if constexpr (requires { law.a; }) {
    number(f, "a", law.a, kPlace);
    number(f, "b", law.b, kPlace);
  }
  if constexpr (requires { law.shrink_up; }) {
    number(f, "shrink_up", law.shrink_up, kShrink);
    number(f, "shrink_down", law.shrink_down, kShrink);
  }
}

constexpr double kMost = 1e30;
constexpr Interval kAbove{0, kMost, true, false}, kNotBelow{0, kMost, false, false}, kBelow{-kMost, 0, false, true};

template <class Fields, class C>
void quantity(Fields& f, const char* key, C& field, Unit unit, Interval accepted) {
  f.require(fmt::format("{} = \"{}\"", key, format_quantity(field, unit)));
  f.quantity(key, field, unit, accepted);
}
template <class Fields, class C>
void parameter(Fields& f, const char* key, C& field, Interval accepted) {
  f.require(fmt::format("{} = {}", key, field));
  f.number(key, field, accepted);
}

// the equation of motion of a law whose steps follow from it
template <class Fields, class C>
void visit_model(Fields& f, C& m) requires std::is_same_v<std::remove_const_t<C>, Strachan> {
  quantity(f, "Gm", m.Gm, Unit::siemens, {1e-12, 1, false, false});
  quantity(f, "a", m.a, Unit::siemens, {0, 1, true, false});
  parameter(f, "b", m.b, {0, 100, false, false});
  parameter(f, "A", m.A, kAbove);
  parameter(f, "B", m.B, kAbove);
  quantity(f, "s_off", m.s_off, Unit::volt, {1e-6, 1e3, false, false});
  quantity(f, "s_on", m.s_on, Unit::volt, {1e-6, 1e3, false, false});
  quantity(f, "s_p", m.s_p, Unit::watt, {1e-15, 1e3, false, false});
  parameter(f, "x_off", m.x_off, {1e-6, 1e3, false, false});
  parameter(f, "x_on", m.x_on, {1e-6, 1e3, false, false});
  parameter(f, "beta", m.beta, kNotBelow);
}
template <class Fields, class C>
void visit_model(Fields& f, C& m) requires std::is_same_v<std::remove_const_t<C>, Vteam> {
  parameter(f, "k_on", m.k_on, kBelow);
  parameter(f, "k_off", m.k_off, kAbove);
  parameter(f, "alpha_on", m.alpha_on, {0, 100, true, false});
  parameter(f, "alpha_off", m.alpha_off, {0, 100, true, false});
  quantity(f, "v_on", m.v_on, Unit::volt, {-1e3, -1e-6, false, false});
  quantity(f, "v_off", m.v_off, Unit::volt, {1e-6, 1e3, false, false});
  parameter(f, "d", m.d, {1e-12, 1, false, false});
  quantity(f, "R_on", m.R_on, Unit::ohm, {1, 1e12, false, false});
  quantity(f, "R_off", m.R_off, Unit::ohm, {1, 1e12, false, false});
}

template <class Fields, class Law>
void visit_integrated(Fields& f, Law& law) {
  f.section("law");
  visit_model(f, law.model);
  if (Fields::kReads || law.edge_second != 0) f.quantity("edge_time", law.edge_second, Unit::second, {0, 1, false, false});
}

// the steps of an equation of motion, for the window, volts and seconds of the file
void integrate(DevicePreset& d, const FieldReader& reader) {
  if (const auto* law = std::get_if<VteamStep>(&d.law); law && law->model.R_on >= law->model.R_off)
    throw InputError(Code::out_of_range, reader.where("law.R_off"), "`law.R_off` is not above `law.R_on`",
                     "R_on is the smaller of the two");
  try {
    d.integrate_law();
  } catch (const InputError& error) {
    throw error.at(reader.where("device.law"));
  }
}

// measured steps: a file beside this one, or its text
template <class Fields>
void visit_table(Fields& f, std::string& table) {
  f.section("law");
  f.require("table = \"steps.csv\"");
  f.text("table", table);
}

// the steps of a table for this window
QuantileTable read_table(const std::string& table, const DevicePreset& d, const std::string& file, const FieldReader& reader) {
  const bool inside = table.find('\n') != std::string::npos;
  const QuantileFile steps =
      inside ? parse_quantile_csv(table, file + ", law.table") : read_quantile_csv(std::filesystem::path(file).parent_path() / table);
  const double slack = 1e-3 * d.window();
  if (!(std::abs(steps.G_min - d.G_min) <= slack && std::abs(steps.G_max - d.G_max) <= slack))
    throw InputError(Code::conflict, reader.where("law.table"),
                     fmt::format("the table goes from {} to {}, the window from {} to {}", format_quantity(steps.G_min, Unit::siemens),
                                 format_quantity(steps.G_max, Unit::siemens), format_quantity(d.G_min, Unit::siemens),
                                 format_quantity(d.G_max, Unit::siemens)),
                     "device.conductance_min and conductance_max are the first and the last conductance of the table");
  return QuantileTable(steps.data);
}

// every law, without parameters
template <std::size_t... I>
std::vector<std::pair<std::string, DeviceLaw>> laws(std::index_sequence<I...>) {
  std::vector<std::pair<std::string, DeviceLaw>> out;
  const auto add = [&]<class Law>(const Law& law) { out.emplace_back(law_name(law), law); };
  (add(std::variant_alternative_t<I, DeviceLaw>()), ...);
  return out;
}

// what a source does not state is not written, and stays open when read
template <class Fields, class C>
void open_quantity(Fields& f, const char* key, C& field, Unit unit, Interval accepted) {
  if (Fields::kReads || field != 0) f.quantity(key, field, unit, accepted);
}
template <class Fields, class C>
void open_number(Fields& f, const char* key, C& field, Interval accepted) {
  if (Fields::kReads || field != 0) f.number(key, field, accepted);
}
template <class Fields, class C>
void open_text(Fields& f, const char* key, C& field) {
  if (Fields::kReads || !field.empty()) f.text(key, field);
}

// all keys of a device, once for reading and once for writing
template <class Fields, class C>
void visit(Fields& f, C& d, std::string& law, std::string& table) {
  static const auto kLaws = laws(std::make_index_sequence<std::variant_size_v<DeviceLaw>>());
  std::vector<std::string> names;
  for (const auto& [name, empty] : kLaws) names.push_back(name);
  constexpr Interval kSiemens{0, 1, false, false}, kRated{0, 1e30, false, false};
  f.section("");
  f.require("name = \"my-device\"");
  f.text("name", d.name);
  open_text(f, "reference", d.reference);
  open_text(f, "notes", d.notes);
  if (Fields::kReads || !d.assumed.empty()) f.texts("assumed", d.assumed);
  f.section("device");
  f.require("law = \"linear_step\"");
  f.choice("law", law, texts(names));
  f.require("conductance_min = \"2 uS\"");
  f.quantity("conductance_min", d.G_min, Unit::siemens, kSiemens);
  f.require("conductance_max = \"150 uS\"");
  f.quantity("conductance_max", d.G_max, Unit::siemens, {1e-12, 1, false, false});
  if constexpr (Fields::kReads) {
    for (const auto& [name, empty] : kLaws)
      if (name == law) d.law = empty;
  }
  // steps that follow from volts and seconds need these, and say how many cross the window
  const bool integrates = d.law_integrates();
  const auto needed = [&](const char* example) {
    if (integrates) f.require(example);
  };
  if (!integrates) {
    f.require("pulses_per_window = 200");
    f.number("pulses_per_window", d.pulses_per_window, {1, 1e6, false, false});
  }
  f.number("cycle_sd", d.cycle_sd, {0, 100, false, false});
  open_number(f, "cycle_floor", d.cycle_floor, {0, 10, false, false});
  open_number(f, "cycle_slope", d.cycle_slope, {0, 10, false, false});
  f.number("step_spread", d.step_spread, {0, 10, false, false});
  if (Fields::kReads || d.step_lognormal) f.flag("step_lognormal", d.step_lognormal);
  f.number("bound_spread", d.bound_spread, {0, 0.3, false, false});
  open_number(f, "low_spread", d.low_spread, kPart);
  open_number(f, "high_spread", d.high_spread, kPart);
  f.number("asymmetry_spread", d.asymmetry_spread, kPart);
  f.number("write_noise", d.write_noise, {0, 1000, false, false});
  open_number(f, "stuck_low", d.stuck_low, kPart);
  open_number(f, "stuck_high", d.stuck_high, kPart);
  needed("set_voltage = \"1 V\"");
  open_quantity(f, "set_voltage", d.set_volt, Unit::volt, {1e-3, 100, false, false});
  needed("reset_voltage = \"-1 V\"");
  open_quantity(f, "reset_voltage", d.reset_volt, Unit::volt, {-100, -1e-3, false, false});
  needed("pulse_time = \"100 ns\"");
  open_quantity(f, "pulse_time", d.pulse_second, Unit::second, {1e-12, 1, false, false});
  if (!integrates) open_number(f, "half_step", d.half_step, {0, 0.5, true, false});
  open_quantity(f, "read_voltage", d.read_volt, Unit::volt, {1e-6, 10, false, false});
  f.quantity("verify_tolerance", d.verify_tolerance, Unit::siemens, {1e-12, 1, false, false});
  open_quantity(f, "stuck_threshold", d.stuck_threshold, Unit::siemens, kSiemens);
  open_number(f, "endurance_min", d.endurance_min, kRated);
  open_number(f, "endurance_max", d.endurance_max, kRated);
  std::visit(
      [&]<class Law>(Law& parameters) {
        if constexpr (std::is_same_v<std::remove_const_t<Law>, QuantileTable>)
          visit_table(f, table);
        else if constexpr (NeedsIntegration<std::remove_const_t<Law>>)
          visit_integrated(f, parameters);
        else
          visit_law(f, parameters);
      },
      d.law);
}

}  // namespace

bool is_device_file(const std::string& name) { return name.ends_with(".toml"); }

DevicePreset parse_device(const std::string& text, const std::string& file) {
  const TomlValues values(text, file);
  FieldReader reader(values);
  DevicePreset device;
  std::string law, table;
  device.cycle_sd = -1;  // until it is known whether the file says it
  visit(reader, device, law, table);
  reader.finish();
  // a table scatters as it was measured
  const bool measured = std::holds_alternative<QuantileTable>(device.law);
  if (device.cycle_sd < 0) device.cycle_sd = measured ? 1 : 0;
  if (device.G_max <= device.G_min)
    throw InputError(Code::out_of_range, reader.where("device.conductance_max"),
                     fmt::format("`device.conductance_max` = {} is not above `device.conductance_min` = {}",
                                 format_quantity(device.G_max, Unit::siemens), format_quantity(device.G_min, Unit::siemens)),
                     "exchange them, or mend the one that is wrong");
  if (measured) device.law = read_table(table, device, file, reader);
  if (device.law_integrates()) integrate(device, reader);
  if (const double step = device.nominal_step(); !(step > 1e-6 * device.window() && step <= device.window()))
    throw InputError(Code::out_of_range, reader.where("law.step_up"),
                     fmt::format("a mean step of {} at the middle of a window of {}: expected 1e-6 of it to all of it",
                                 format_quantity(step, Unit::siemens), format_quantity(device.window(), Unit::siemens)),
                     "mend section [law], or the window");
  return device;
}

DevicePreset read_device(const std::filesystem::path& file) { return parse_device(read_config_text(file), file.string()); }

std::string device_text(const DevicePreset& device) {
  check(device.kind == DeviceKind::pulse, "a device whose law has a place in a file");
  FieldWriter writer;
  std::string law(law_name(device.law)), table;
  if (const auto* steps = std::get_if<QuantileTable>(&device.law)) table = quantile_csv({steps->data(), device.G_min, device.G_max});
  visit(writer, device, law, table);
  return writer.result();
}

}  // namespace eqprop
