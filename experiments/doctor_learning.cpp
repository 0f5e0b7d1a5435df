// The doctor's look at history and weights: rates, accuracies, the target.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/doctor.h"
#include "experiments/progress.h"

namespace eqprop {
namespace {

double train_accuracy(const EpochRow& row) { return share(static_cast<double>(row.sums.correct), static_cast<double>(row.sums.samples)); }
double train_cost(const EpochRow& row) { return share(row.sums.cost, static_cast<double>(row.sums.samples)); }

double rms(const Eigen::MatrixXf& m) {
  return std::sqrt(m.cast<double>().squaredNorm() / static_cast<double>(std::max<Eigen::Index>(1, m.size())));
}

// largest growth of any coupling's weights over the run
struct Growth {
  double growth = 1;     // rms now / rms before training
  double moved = 0;      // rms change / rms before training
  double per_epoch = 0;  // most of all couplings: rms change / rms weight / epochs
  std::size_t coupling = 0;
};
Growth growth_of(const Patient& patient, double epochs) {
  Growth out;
  for (std::size_t c = 0; c < patient.after.size(); ++c) {
    const Eigen::MatrixXf& before = patient.before[c].weights;
    const Eigen::MatrixXf& after = patient.after[c].weights;
    const double growth = share(rms(after), rms(before));
    if (!(growth <= out.growth)) out.growth = growth, out.coupling = c;
    out.moved = std::max(out.moved, share(rms(after - before), rms(before)));
    out.per_epoch = std::max(out.per_epoch, share(rms(after - before), rms(after)) / std::max(1.0, epochs));
  }
  return out;
}

void look_at_high_rates(const Patient& patient, const Growth& growth, bool learns, Findings& out) {
  const auto& rows = patient.experiment.rows;
  const auto worst = learns ? Severity::limits : Severity::fatal;
  const std::string rates = fmt::format("train.rates are {}", fmt::join(patient.experiment.config().train.rule.rates, ", "));
  double lowest = INFINITY;
  for (const EpochRow& row : rows)
    if (std::isfinite(train_cost(row))) lowest = std::min(lowest, train_cost(row));
  const double last = train_cost(rows.back());
  if (rows.size() > 1 && !(last <= 1.1 * lowest))
    out.push_back({Code::rate_too_high,
                   worst,
                   fmt::format("the training cost rose from {:.3g} to {:.3g} at the end; {}", lowest, last, rates),
                   {{"lowest_cost", lowest}, {"last_cost", last}}});
  // weights that follow noise move far too, at any rate
  const bool drowned = std::any_of(out.begin(), out.end(), [](const Finding& f) { return f.code == Code::noise_hides_contrast; });
  if (growth.growth > 20)
    out.push_back(
        {Code::rate_too_high,
         learns ? Severity::note : Severity::fatal,
         fmt::format("the weights of coupling {} grew to {:.0f} times their initial size; {}", growth.coupling + 1, growth.growth, rates),
         {{"weight_growth", growth.growth}}});
  else if (!learns && growth.moved > 1 && !drowned)
    out.push_back({Code::rate_too_high,
                   Severity::fatal,
                   fmt::format("the weights moved by {:.1f} times their initial size and nothing was learned; {}", growth.moved, rates),
                   {{"weight_change", growth.moved}}});
}

void look_at_low_rates(const Patient& patient, const Growth& growth, Findings& out) {
  const auto& rows = patient.experiment.rows;
  const auto epochs = static_cast<double>(rows.size());
  const Wear wear = patient.experiment.trainer().wear();
  const double pulses = share(static_cast<double>(rows.back().pulses), static_cast<double>(wear.devices) * epochs);
  if (wear.devices > 0 && pulses < 0.02)
    out.push_back({Code::rate_too_low,
                   Severity::limits,
                   fmt::format("{} pulses on {} devices in {} epochs: {:.2g} per device and epoch",
                               short_count(static_cast<double>(rows.back().pulses)), wear.devices, rows.size(), pulses),
                   {{"pulses_per_device_and_epoch", pulses}}});
  else if (growth.per_epoch < 1e-3 / std::max(1.0, epochs))
    out.push_back({Code::rate_too_low,
                   Severity::limits,
                   fmt::format("in an epoch the weights change by at most {:.2g} of their size", growth.per_epoch),
                   {{"change_per_epoch", growth.per_epoch}}});
  // the last quarter of the epochs beside the quarter before
  const std::size_t quarter = std::max<std::size_t>(1, rows.size() / 4);
  if (rows.size() < 2 * quarter || rows.size() < 2) return;
  double gain = 0;
  for (std::size_t i = 0; i < quarter; ++i)
    gain += rows[rows.size() - 1 - i].validation_accuracy - rows[rows.size() - 1 - quarter - i].validation_accuracy;
  gain /= static_cast<double>(quarter);
  const double sd = std::sqrt(0.25 / static_cast<double>(patient.experiment.validation().size()));
  if (gain > std::max(0.01, sd))
    out.push_back({Code::rate_too_low,
                   Severity::note,
                   fmt::format("the validation accuracy still rises: {:.1f} points over the last {} epoch{} of {}", 100 * gain, quarter,
                               quarter == 1 ? "" : "s", rows.size()),
                   {{"accuracy_gain", gain}}});
}

void look_at_accuracies(const Patient& patient, Findings& out) {
  const Experiment& e = patient.experiment;
  const EpochRow& last = e.rows.back();
  const double validation = last.validation_accuracy, gap = train_accuracy(last) - validation;
  // a gap that a validation set of this size shows by chance is none
  const double sd = std::sqrt(validation * (1 - validation) / static_cast<double>(e.validation().size()));
  if (const auto severity = grade(gap, std::max(0.03, 2 * sd), std::max(0.08, 4 * sd)))
    out.push_back({Code::overfitting,
                   *severity,
                   fmt::format("training {:.1f} %, validation {:.1f} % of {} samples", 100 * train_accuracy(last), 100 * validation,
                               e.validation().size()),
                   {{"train_accuracy", train_accuracy(last)}, {"validation_accuracy", validation}}});
  const auto below = [&](const char* name, const std::optional<double>& target, double value) {
    if (!target || value >= *target) return;
    out.push_back({Code::target_not_reached,
                   Severity::limits,
                   fmt::format("{} {:.4f}, wanted {:.4f}", name, value, *target),
                   {{"reached", value}, {"wanted", *target}}});
  };
  below("validation_accuracy", e.config().target.validation_accuracy, validation);
  if (e.test_accuracy) below("test_accuracy", e.config().target.test_accuracy, *e.test_accuracy);
}

}  // namespace

void look_at_learning(const Patient& patient, Findings& out) {
  const Experiment& e = patient.experiment;
  if (!e.test_accuracy)
    out.push_back(
        {Code::run_unfinished,
         Severity::note,
         fmt::format("{} of {} epochs are done; `eqprop train ... --resume` goes on", e.trainer().epochs_done(), e.config().train.epochs),
         {{"epochs", static_cast<double>(e.trainer().epochs_done())}}});
  if (e.rows.empty()) return;
  const Growth growth = growth_of(patient, static_cast<double>(e.rows.size()));
  const bool learns = e.rows.back().validation_accuracy > 2.0 / static_cast<double>(e.network().outputs());
  look_at_high_rates(patient, growth, learns, out);
  look_at_low_rates(patient, growth, out);
  look_at_accuracies(patient, out);
}

}  // namespace eqprop
