#include "experiments/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/progress.h"
#include "experiments/run_warnings.h"

namespace eqprop {
namespace {

// the layers, or couplings, of a figure: "layer 1"
std::string layer_text(std::size_t index) { return fmt::format("layer {}", index + 1); }

}  // namespace

std::string_view severity_name(Severity severity) {
  return severity == Severity::fatal ? "fatal" : severity == Severity::limits ? "limits" : "note";
}

std::optional<Severity> grade(double value, double note, double limits) {
  if (value >= limits) return Severity::limits;
  if (value >= note) return Severity::note;
  return std::nullopt;
}

void look_at_settling(const Patient& patient, Findings& out) {
  const TrainOptions& train = patient.experiment.config().train;
  const auto& rows = patient.experiment.rows;
  // the last epoch is the better witness; without one the samples settled here
  const bool trained = !rows.empty();
  const EpochSums sums = trained ? rows.back().sums : EpochSums{};
  const double settles = trained ? static_cast<double>(sums.settles) : static_cast<double>(patient.probe.settles);
  const double diverged = trained ? static_cast<double>(sums.diverged) : static_cast<double>(patient.probe.diverged);
  const double budget = trained ? settles - static_cast<double>(sums.converged + sums.noise_floor + sums.diverged)
                                : static_cast<double>(patient.probe.budget);
  const double cut = share(budget, settles), lost = share(diverged, settles);
  // tolerance 0 asks for the whole budget
  if (const auto severity = grade(cut, 0.1, 0.5); severity && train.free.tolerance > 0)
    out.push_back(
        {Code::settles_cut_short,
         *severity,
         fmt::format("{:.0f} % of the settles ended by settle.budget = {} (nudged {}), not at a tolerance of {:g} or the noise floor",
                     100 * cut, train.free.budget, train.nudged.budget, train.free.tolerance),
         {{"budget_fraction", cut}}});
  const bool hopeless = trained ? is_hopeless(sums) : lost > 0.5;
  if (hopeless)
    out.push_back(
        {Code::run_diverged,
         Severity::fatal,
         trained ? fmt::format("a settle of {} of {} samples diverged: the weights have lost their meaning", sums.dropped, sums.samples)
                 : fmt::format("{:.0f} % of the settles diverged", 100 * lost),
         {{"diverged_fraction", lost}}});
  else if (lost > 0)
    out.push_back({Code::some_diverged,
                   lost > 0.01 ? Severity::limits : Severity::note,
                   fmt::format("{:.2g} % of the settles diverged", 100 * lost),
                   {{"diverged_fraction", lost}}});
}

void look_at_units(const Patient& patient, Findings& out) {
  const auto& layers = patient.probe.layers;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerProbe& layer = layers[i];
    const double ratio = share(layer.noise, layer.difference);
    const bool drowned = layer.noise > 0 && layer.difference == 0;
    if (const auto severity = drowned ? std::optional(Severity::limits) : grade(ratio, 1, 3))
      out.push_back(
          {Code::noise_hides_contrast,
           *severity,
           fmt::format("{}: the phases differ by {:.2g} (rms), noise in that difference is {:.2g}; the reads of a sweep bring {:.2g}",
                       layer_text(i), layer.difference, layer.noise, layer.read_noise),
           {{"layer", static_cast<double>(i + 1)},
            {"difference_rms", layer.difference},
            {"noise_rms", layer.noise},
            {"read_noise_sd", layer.read_noise}}});
    // most outputs of a classifier rest at 0 and shall; hidden units are what must stay free to move
    if (i + 1 == layers.size()) continue;
    if (const auto severity = grade(layer.saturated, 0.8, 0.95))
      out.push_back(
          {Code::units_saturated,
           *severity,
           fmt::format("{}: {:.0f} % of the free states stand at a bound of their activation", layer_text(i), 100 * layer.saturated),
           {{"layer", static_cast<double>(i + 1)}, {"saturated_fraction", layer.saturated}}});
    if (const auto severity = grade(layer.dead, 0.2, 0.5))
      out.push_back({Code::units_dead,
                     *severity,
                     fmt::format("{}: {:.0f} % of the units answer the same to all of {} samples", layer_text(i), 100 * layer.dead,
                                 patient.probe.samples),
                     {{"layer", static_cast<double>(i + 1)}, {"dead_fraction", layer.dead}}});
  }
  if (const auto& lost = patient.probe.lost_classes; !lost.empty()) {
    const bool most = 2 * static_cast<Index>(lost.size()) > patient.experiment.network().outputs();
    out.push_back({Code::lost_class,
                   most ? Severity::fatal : Severity::limits,
                   fmt::format("class{} {}: no sample moves the output in a nudged phase, none is answered right",
                               lost.size() == 1 ? "" : "es", fmt::join(lost, ", ")),
                   {{"lost_classes", static_cast<double>(lost.size())}}});
  }
}

void look_at_converters(const Patient& patient, Findings& out) {
  for (const ConverterProbe& c : patient.probe.converters) {
    if (!(c.range > 0)) continue;
    const double largest = c.largest / c.range, rms = c.rms / c.range;
    const std::string where = fmt::format("coupling {}, {} reads: ", c.coupling + 1, c.forward ? "forward" : "backward");
    const std::vector<std::pair<std::string, double>> figures = {
        {"coupling", static_cast<double>(c.coupling + 1)}, {"range", c.range}, {"largest", c.largest}, {"rms", c.rms}};
    if (const auto severity = grade(largest, 1.2, 2))
      out.push_back({Code::adc_clips, *severity,
                     where + fmt::format("the largest sum is {:.3g} and the ADC's range {:.3g}; rms {:.0f} % of the range", c.largest,
                                         c.range, 100 * rms),
                     figures});
    // an array that was never driven has nothing to convert
    if (const auto severity = c.largest > 0 ? grade(1 - largest, 1 - 0.25, 1 - 0.05) : std::nullopt)
      out.push_back(
          {Code::adc_hardly_used, *severity,
           where + fmt::format("the largest sum is {:.3g}, {:.2g} % of the ADC's range of {:.3g}", c.largest, 100 * largest, c.range),
           figures});
  }
}

std::vector<Finding> diagnose(const Patient& patient) {
  Findings out;
  look_at_settling(patient, out);
  look_at_units(patient, out);
  look_at_converters(patient, out);
  look_at_devices(patient, out);
  look_at_learning(patient, out);
  look_at_beta(patient, out);
  std::stable_sort(out.begin(), out.end(), [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
  return out;
}

}  // namespace eqprop
