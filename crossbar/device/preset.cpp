#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "crossbar/device/catalogue.h"
#include "crossbar/device/device.h"
#include "crossbar/option_check.h"
#include "energy/nearest.h"

namespace eqprop {
std::string_view law_name(const DeviceLaw& law) {
  constexpr std::string_view names[] = {"linear_step", "soft_bounds",    "exponential_step", "power_step",
                                        "neurosim",    "quantile_table", "strachan",         "vteam"};
  static_assert(std::size(names) == std::variant_size_v<DeviceLaw>);
  return names[law.index()];
}

namespace {

struct Parameters {
  std::vector<LawParameter> out;
  template <class Law>
  void steps(const Law& law) {
    out = {{"step_up", law.step_up, true}, {"step_down", law.step_down, true}};
  }
  void operator()(const LinearStep& law) {
    steps(law);
    out.insert(out.end(), {{"gamma_up", law.gamma_up, false}, {"gamma_down", law.gamma_down, false}});
  }
  void operator()(const SoftBounds& law) { steps(law); }
  void operator()(const ExponentialStep& law) {
    steps(law);
    out.insert(out.end(), {{"A_up", law.A_up, false},
                           {"A_down", law.A_down, false},
                           {"gamma_up", law.gamma_up, false},
                           {"gamma_down", law.gamma_down, false},
                           {"a", law.a, false},
                           {"b", law.b, false}});
  }
  void operator()(const PowerStep& law) {
    steps(law);
    out.insert(out.end(), {{"gamma_up", law.gamma_up, false}, {"gamma_down", law.gamma_down, false}});
  }
  void operator()(const NeuroSimStep& law) {
    steps(law);
    out.insert(out.end(), {{"shrink_up", law.shrink_up, false}, {"shrink_down", law.shrink_down, false}});
  }
  void operator()(const QuantileTable& law) {
    steps(law);
    out.insert(out.end(), {{"conductances", static_cast<double>(law.conductances()), false},
                           {"quantiles", static_cast<double>(law.quantiles()), false}});
  }
  void operator()(const StrachanStep& law) {
    steps(law);
    const Strachan& m = law.model;
    out.insert(out.end(), {{"Gm", m.Gm, true},
                           {"a", m.a, true},
                           {"b", m.b, false},
                           {"A", m.A, false},
                           {"B", m.B, false},
                           {"s_off", m.s_off, false},
                           {"s_on", m.s_on, false},
                           {"s_p", m.s_p, false},
                           {"x_off", m.x_off, false},
                           {"x_on", m.x_on, false},
                           {"beta", m.beta, false},
                           {"edge_second", law.edge_second, false}});
  }
  void operator()(const VteamStep& law) {
    steps(law);
    const Vteam& m = law.model;
    out.insert(out.end(), {{"k_on", m.k_on, false},
                           {"k_off", m.k_off, false},
                           {"alpha_on", m.alpha_on, false},
                           {"alpha_off", m.alpha_off, false},
                           {"v_on", m.v_on, false},
                           {"v_off", m.v_off, false},
                           {"d", m.d, false},
                           {"R_on", m.R_on, false},
                           {"R_off", m.R_off, false},
                           {"edge_second", law.edge_second, false}});
  }
};

PulseConditions conditions_of(const DevicePreset& d) {
  return {.G_min = d.G_min,
          .G_max = d.G_max,
          .read_volt = d.read_volt,
          .set_volt = d.set_volt,
          .reset_volt = d.reset_volt,
          .pulse_second = d.pulse_second};
}

}  // namespace

std::vector<LawParameter> law_parameters(const DeviceLaw& law) {
  Parameters parameters;
  std::visit(parameters, law);
  return parameters.out;
}

double DevicePreset::mean_step(double g, bool up) const {
  const auto low = static_cast<float>(G_min);
  const auto high = static_cast<float>(G_max);
  return std::visit([&](const auto& l) { return double{l.mean_step(static_cast<float>(g), up, low, high)}; }, law);
}

double DevicePreset::step_sd(double g, bool up) const {
  const auto* table = std::get_if<QuantileTable>(&law);
  if (!table) return cycle_sd * std::abs(mean_step(g, up)) + cycle_floor * window() + cycle_slope * (g - G_min);
  const QuantileView view = table->view();
  constexpr int kDraws = 1000;
  double square = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double step = view.drawn_step(static_cast<float>(g), up, static_cast<float>(G_min), static_cast<float>(G_max),
                                        static_cast<float>(cycle_sd), (static_cast<float>(i) + 0.5f) / kDraws);
    square += std::pow(step - mean_step(g, up), 2);
  }
  return std::sqrt(square / kDraws);
}

double DevicePreset::nominal_step() const {
  const double middle = (static_cast<float>(G_min) + static_cast<float>(G_max)) / 2;
  return 0.5 * (mean_step(middle, true) - mean_step(middle, false));
}

bool DevicePreset::law_integrates() const {
  return std::visit([]<class Law>(const Law&) { return NeedsIntegration<Law>; }, law);
}

void DevicePreset::integrate_law() {
  std::visit(
      [&]<class Law>(Law& steps) {
        if constexpr (NeedsIntegration<Law>) steps.integrate(conditions_of(*this));
      },
      law);
  if (!law_integrates()) return;
  constexpr int kMost = 100000;  // steps that die out never arrive
  int pulses = 0;
  for (const bool up : {true, false}) {
    double g = up ? G_min : G_max;
    for (int p = 0; p < kMost && (up ? g < G_max : g > G_min); ++p, ++pulses) g += mean_step(g, up);
  }
  pulses_per_window = 0.5 * pulses;
}

void DevicePreset::mark_set(std::string_view field) {
  constexpr std::string_view fields[] = {"law",
                                         "G_min",
                                         "G_max",
                                         "pulses_per_window",
                                         "cycle_sd",
                                         "cycle_floor",
                                         "cycle_slope",
                                         "step_spread",
                                         "step_lognormal",
                                         "bound_spread",
                                         "low_spread",
                                         "high_spread",
                                         "asymmetry_spread",
                                         "write_noise",
                                         "stuck_low",
                                         "stuck_high",
                                         "set_volt",
                                         "reset_volt",
                                         "pulse_second",
                                         "half_step",
                                         "read_volt",
                                         "write_sigma",
                                         "verify_tolerance",
                                         "stuck_threshold",
                                         "endurance_min",
                                         "endurance_max",
                                         "drift"};
  check(std::find(std::begin(fields), std::end(fields), field) != std::end(fields), "a field marked as set is a number of the preset");
  assumed.erase(std::remove(assumed.begin(), assumed.end(), field), assumed.end());
  if (std::find(set.begin(), set.end(), field) == set.end()) set.emplace_back(field);
}

void DevicePreset::validate() const {
  const std::string field = "device " + name + ": ";
  check_option(field + "G_min [S]", G_min, 0, 1);
  check_option(field + "G_max [S]", G_max, 1e-12, 1);
  if (G_max <= G_min) throw InputError(Code::device, {}, field + "G_max must be above G_min");
  const bool table = std::holds_alternative<QuantileTable>(law);
  if (table && std::get<QuantileTable>(law).conductances() == 0)
    throw InputError(Code::device, {}, field + "law quantile_table has no table", "give the measured steps");
  std::visit(
      [&]<class Law>(const Law& steps) {
        if constexpr (NeedsIntegration<Law>)
          if (kind == DeviceKind::pulse && !steps.integrated_for(conditions_of(*this)))
            throw InputError(Code::device, {},
                             field + "the steps of law " + std::string(law_name(law)) + " are not those of its window, volts and seconds",
                             "call integrate_law() after changing one of these");
      },
      law);
  check_option(field + "cycle_sd", cycle_sd, 0, 100);
  check_option(field + "cycle_floor", cycle_floor, 0, table ? 0 : 10);
  check_option(field + "cycle_slope", cycle_slope, 0, table ? 0 : 10);
  check_option(field + "step_spread", step_spread, 0, 10);
  check_option(field + "bound_spread", bound_spread, 0, 0.3);
  if (G_min * (1 + 3 * bound_spread) >= G_max * (1 - 3 * bound_spread))
    throw InputError(Code::device, {}, field + "bound_spread lets the bounds of a device cross", "lower bound_spread or widen the window");
  check_option(field + "low_spread", low_spread, 0, 1);
  check_option(field + "high_spread", high_spread, 0, 1);
  if (bound_spread > 0 && low_spread + high_spread > 0)
    throw InputError(Code::conflict, {}, field + "bound_spread and low_spread or high_spread both say how bounds scatter",
                     "set bound_spread = 0, or the other two");
  check_option(field + "asymmetry_spread", asymmetry_spread, 0, 1);
  check_option(field + "write_noise", write_noise, 0, 1000);
  check_option(field + "stuck_low", stuck_low, 0, 1);
  check_option(field + "stuck_high", stuck_high, 0, 1 - stuck_low);
  if (set_volt == 0 || reset_volt == 0 || pulse_second == 0)
    throw InputError(Code::device, {}, field + "its source states no set_volt, reset_volt or pulse_second, so its pulses cannot be priced",
                     "set them to values you can answer for");
  check_option(field + "set_volt [V]", set_volt, 1e-3, 100);
  check_option(field + "reset_volt [V]", reset_volt, -100, -1e-3);
  check_option(field + "pulse_second [s]", pulse_second, 1e-12, 1);
  check_option(field + "half_step", half_step, 0, 0.5);
  check_option(field + "drift.second [s]", drift.second, 0, 1e12);
  check_option(field + "drift.retention_second [s]", drift.retention_second, 0, 1e15);
  for (const LogLine* line : {&drift.exponent, &drift.spread}) {
    check_option(field + "drift: lower end of a line", line->low, 0, 2);
    check_option(field + "drift: upper end of a line", line->high, line->low, 2);
  }
  if (drift.second == 0 && drift.exponent.high > 0)
    throw InputError(Code::conflict, {}, field + "a drift exponent without the time that drift is counted from", "set drift_time");
  check_option(field + "verify_tolerance [S]", verify_tolerance, 1e-12, 1);
  if (kind == DeviceKind::pulse) check_option(field + "nominal step [S]", nominal_step(), window() * 1e-6, window());
}

DevicePreset preset(std::string_view name) {
  const auto all = device_catalogue();
  std::vector<std::string_view> names;
  for (const auto& d : all) {
    if (d.name == name) return d;
    names.push_back(d.name);
  }
  throw InputError(Code::unknown_name, {}, "there is no device `" + std::string(name) + "`", name_hint(name, names));
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& d : device_catalogue()) names.push_back(d.name);
  return names;
}

}  // namespace eqprop
