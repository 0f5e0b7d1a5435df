#include "experiments/run_warnings.h"

#include <cmath>

#include "experiments/history.h"
#include "experiments/progress.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

constexpr double kManyPulses = 0.2;  // of an epoch's pulses: more than that is worth a word
constexpr double kHopeless = 0.5;    // of an epoch's samples

}  // namespace

void warn_of_moving_weights(const TrainOptions& options, const Dataset& train, std::uint32_t seed) {
  if (family_of(options.estimator) != EstimatorFamily::moving) return;
  // the first coupling's move changes the drive by rate / (beta B) D (x'x + 1), D the change of the units: the mean row sum bounds the largest
  // eigenvalue from below
  const auto order = shuffled(train.size(), seed, 0);
  Batch<float> batch;
  batch.fill(train, std::span(order).first(std::min(static_cast<std::size_t>(options.batch), train.size())));
  const auto samples = static_cast<double>(batch.x.cols());
  const double overlap = (batch.x.rowwise().sum().squaredNorm() / samples + samples) / samples;
  const double gain = options.rule.rates[0] * overlap / std::abs(options.beta);
  if (gain <= 1) return;
  warn(Code::moving_feedback,
       "train.estimator = {}: weights that move within the phase feed back on it {:.2g} times as strongly as what moved them (rate {:.2g} "
       "of the first coupling x |x|^2 = {:.3g} of a batch, over beta {:.2g}). Try train.rates[0] below {:.2g}, or a larger train.beta",
       estimator_name(options.estimator), gain, options.rule.rates[0], overlap, options.beta, options.rule.rates[0] / gain);
}

bool is_hopeless(const EpochSums& sums) { return static_cast<double>(sums.dropped) > kHopeless * static_cast<double>(sums.samples); }

void RunWarnings::look_at_classes(const EpochReport& report) {
  if (!report.lost_classes.empty() && report.lost_classes != lost_) {
    warn(Code::lost_class,
         "epoch {}: class{} {} lost: over the whole epoch no sample moved the output in a nudged phase and none was answered right. "
         "A clamped output below -beta has a gradient of exactly 0 and does not come back. Try a larger train.beta, a smaller last rate in "
         "train.rates, network.output = \"linear\", or network.cost = \"cross_entropy\"",
         report.epoch, report.lost_classes.size() == 1 ? "" : "es", fmt::join(report.lost_classes, ", "));
  }
  lost_ = report.lost_classes;
}

void RunWarnings::look_at_pulses(const EpochReport& report) {
  const auto pulses = static_cast<double>(report.wear.pulses - wear_.pulses);
  const auto clipped = static_cast<double>(report.wear.clipped - wear_.clipped);
  const auto capped = static_cast<double>(report.wear.capped - wear_.capped);
  wear_ = report.wear;
  if (!clipped_ && clipped > kManyPulses * pulses) {
    warn(Code::pulses_clipped,
         "epoch {}: {:.0f} % of the pulses ended at a bound of the conductance window: weights do not fit into it, or devices are stuck. "
         "Try a larger crossbar.weight_headroom (or crossbar.weight_max) or smaller train.rates",
         report.epoch, 100 * share(clipped, pulses));
    clipped_ = true;
  }
  if (!capped_ && capped > kManyPulses * pulses) {
    warn(Code::changes_capped,
         "epoch {}: {} wanted changes were cut to crossbar.max_pulses, beside {} pulses written: devices lag behind what the rule wants. "
         "Try smaller train.rates or a larger crossbar.max_pulses",
         report.epoch, short_count(capped), short_count(pulses));
    capped_ = true;
  }
}

void RunWarnings::look(const EpochReport& report) {
  look_at_classes(report);
  look_at_pulses(report);
  if (report.sums.diverged > 0 && !diverged_ && !is_hopeless(report.sums)) {
    warn(Code::some_diverged, "epoch {}: {} of {} settles diverged. Try smaller train.rates or a smaller network.initial_scale",
         report.epoch, report.sums.diverged, report.sums.settles);
    diverged_ = true;
  }
}

}  // namespace eqprop
