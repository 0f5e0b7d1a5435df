#include "crossbar/device/integrated_step.h"

#include <cmath>
#include <span>
#include <string>

#include "base/check.h"
#include "crossbar/option_check.h"

namespace eqprop {
namespace {

constexpr double kSlack = 1e-9;       // of the state: a window may be written down rounded
constexpr double kLeastStep = 1e-18;  // [S]

template <class Model>
void check_window(const Model& model, const PulseConditions& c) {
  check_option("lower end of the window [S]", c.G_min, 0, 1);
  check_option("upper end of the window [S]", c.G_max, 1e-12, 1);
  if (c.G_max <= c.G_min) throw InputError(Code::out_of_range, {}, "the upper end of the window is not above the lower");
  const double low = model.conductance(0, c.read_volt), high = model.conductance(1, c.read_volt);
  if (!(high > low))
    throw InputError(Code::out_of_range, {},
                     "at the read voltage the law conducts " + short_number(low) + " S when off and " + short_number(high) + " S when on",
                     "mend the parameters of the law: the second is the larger");
  if (!(model.state(c.G_min, c.read_volt) >= -kSlack && model.state(c.G_max, c.read_volt) <= 1 + kSlack))
    throw InputError(Code::out_of_range, {},
                     "the window " + short_number(c.G_min) + " to " + short_number(c.G_max) +
                         " S is not within what the state of the law reaches, " + short_number(low) + " to " + short_number(high) + " S",
                     "narrow the window, or mend the parameters of the law");
}

/// [S] steps of one pulse at equal distances over the window.
template <class Model>
std::vector<double> steps_of(const Model& model, const PulseConditions& c, double volt, double edge, int places) {
  const PulseShape shape = PulseShape::pulse(volt, c.pulse_second, edge);
  std::vector<double> states, moves(static_cast<std::size_t>(places)), steps;
  for (int i = 0; i < places; ++i)
    states.push_back(std::clamp(model.state(c.G_min + (c.G_max - c.G_min) * i / (places - 1), c.read_volt), 0.0, 1.0));
  // far finer than the table
  const IntegrateReport report = pulse_moves<double>(model, shape, states, moves, {.relative = 1e-7, .absolute = 1e-11, .max_steps = 20000});
  if (!report.done)
    throw InputError(Code::out_of_range, {},
                     "a pulse of " + short_number(volt) + " V and " + short_number(c.pulse_second) + " s cannot be integrated",
                     "mend the parameters of the law, or lower the volts");
  for (std::size_t i = 0; i < states.size(); ++i)
    steps.push_back(model.conductance(states[i] + moves[i], c.read_volt) - model.conductance(states[i], c.read_volt));
  return steps;
}

double size_at_middle(const std::vector<double>& steps, double volt) {
  const std::size_t low = (steps.size() - 1) / 2, high = steps.size() / 2;
  const double size = std::abs(0.5 * (steps[low] + steps[high]));
  if (!(size >= kLeastStep))
    throw InputError(Code::out_of_range, {}, "a pulse of " + short_number(volt) + " V does not move a device at the middle of its window",
                     "raise the volts, lengthen the pulse, or mend the parameters of the law");
  return size;
}

}  // namespace

template <class Model>
void IntegratedStep<Model>::integrate(const PulseConditions& c) {
  check_window(model, c);
  check_option("volts of a SET pulse [V]", c.set_volt, 1e-3, 100);
  check_option("volts of a RESET pulse [V]", c.reset_volt, -100, -1e-3);
  auto table = std::make_shared<Table>(Table{.conditions = c, .model = model, .edge_second = edge_second, .steps = {}});
  for (const bool set : {true, false}) {
    const double volt = set ? c.set_volt : c.reset_volt;
    const std::vector<double> steps = steps_of(model, c, volt, edge_second, kPlaces);
    const double size = size_at_middle(steps, volt);
    (set ? step_up : step_down) = static_cast<float>(size);
    for (const double step : steps) table->steps.push_back(static_cast<float>(step / size));
  }
  table_ = std::move(table);
}

template <class Model>
bool IntegratedStep<Model>::integrated_for(const PulseConditions& conditions) const {
  return table_ && table_->conditions == conditions && table_->model == model && table_->edge_second == edge_second;
}

template <class Model>
const PulseConditions& IntegratedStep<Model>::conditions() const {
  check(table_ != nullptr, "the steps of a law were integrated");
  return table_->conditions;
}

template <class Model>
StepView IntegratedStep<Model>::view() const& {
  check(table_ != nullptr, "the steps of a law were integrated");
  return {.steps = table_->steps.data(), .places = kPlaces, .step_up = step_up, .step_down = step_down};
}

template class IntegratedStep<Strachan>;
template class IntegratedStep<Vteam>;

}  // namespace eqprop
