// The doctor's look at the noise budget: what hides the difference between the phases, in a table and in words.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/doctor.h"

namespace eqprop {
namespace {

constexpr double kTurned = 0.9;  // cosine of a gradient with that at half the beta

std::string number(double value) { return std::isfinite(value) ? fmt::format("{:.2g}", value) : "none"; }
// a ratio to something that may not be there
std::string ratio(double value) { return value > 0 ? fmt::format("{:.2g}", value) : "-"; }

std::string in_words(const LayerBudget& layer, std::size_t index, double beta) {
  std::string text = fmt::format("layer {}: ", index + 1);
  if (layer.response == 0) return text + "no nudge arrives: its units stand at a bound, or those above do";
  if (layer.noise == 0) return text + "nothing but rounding of the computer hides the difference";
  text += layer.over_noise() >= 1
              ? fmt::format("one sample shows a difference {:.2g} times its noise", layer.over_noise())
              : fmt::format("noise hides the difference of one sample; {:.0f} alike show it", std::ceil(layer.averaging));
  if (layer.step > 0 && layer.over_step() < 1)
    text +=
        fmt::format("; a converter's step is {:.2g} differences wide, so that single units cross one now and then", 1 / layer.over_step());
  if (beta < layer.smallest_beta) text += fmt::format("; a batch is not enough below beta {:.2g}", layer.smallest_beta);
  return text;
}

}  // namespace

std::string budget_table(const NoiseBudget& budget) {
  std::string text =
      fmt::format("noise budget at beta {:.3g}\n  {:<8}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}\n", budget.beta, "layer",
                  "difference", "read noise", "ADC step", "state step", "over noise", "over step", "least beta", "averaging");
  for (std::size_t i = 0; i < budget.layers.size(); ++i) {
    const LayerBudget& l = budget.layers[i];
    text += fmt::format("  {:<8}{:>12.2g}{:>12.2g}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}\n", i + 1, l.difference, l.read_noise, ratio(l.step),
                        ratio(l.result_step), ratio(l.over_noise()), ratio(l.over_step()),
                        number(std::max(l.smallest_beta, l.tolerance_beta)), number(l.averaging));
  }
  for (std::size_t i = 0; i < budget.layers.size(); ++i) text += "  " + in_words(budget.layers[i], i, budget.beta) + "\n";
  text += fmt::format("  floor {}, dead zone {:.2g}, curvature {:.2g}: \"auto\" would take {:.3g} for these weights; {}\n",
                      number(budget.floor), budget.dead_zone, budget.curvature, budget.chosen, budget.reason);
  return text;
}

void look_at_beta(const Patient& patient, Findings& out) {
  if (!patient.budget) return;
  const NoiseBudget& b = *patient.budget;
  const auto past = [&](Code code, std::optional<Severity> severity, const std::string& text, double limit) {
    if (severity) out.push_back({code, *severity, text, {{"beta", b.beta}, {"limit", limit}}});
  };
  const bool arrives = std::isfinite(b.floor);
  past(Code::beta_below_floor, grade(b.floor / b.beta, 1, 3),
       arrives ? fmt::format("train.beta is {:.2g}, the floor of layer {} is {:.2g}", b.beta, b.floor_layer, b.floor)
               : fmt::format("no nudge arrives at layer {}: its units stand at a bound, or those above do", b.floor_layer),
       b.floor);
  past(Code::beta_in_dead_zone, grade(b.dead_zone / b.beta, 1, 3),
       fmt::format("train.beta is {:.2g}; to move the wrong outputs of 90 % of the samples of every class takes {:.2g}", b.beta,
                   b.dead_zone),
       b.dead_zone);
  // a gradient that has turned still teaches: never more than a note
  if (arrives && !(b.cosine >= kTurned))
    out.push_back(
        {Code::beta_too_curved,
         Severity::note,
         fmt::format("train.beta is {:.2g}; its gradient has a cosine of {:.2f} with that at half of it, and is straight up to {:.2g}",
                     b.beta, b.cosine, b.curvature),
         {{"beta", b.beta}, {"cosine", b.cosine}, {"limit", b.curvature}}});
}

}  // namespace eqprop
