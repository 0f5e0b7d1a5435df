#include "experiments/run_warnings.h"

#include "experiments/history.h"
#include "experiments/progress.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

constexpr double kManyPulses = 0.2;  // of an epoch's pulses: more than that is worth a word
constexpr double kHopeless = 0.5;    // of an epoch's settles

}  // namespace

bool is_hopeless(const EpochSums& sums) { return static_cast<double>(sums.diverged) > kHopeless * static_cast<double>(sums.settles); }

void RunWarnings::look_at_classes(const EpochReport& report) {
  if (!report.lost_classes.empty() && report.lost_classes != lost_) {
    warn(Code::lost_class,
         "epoch {}: class{} {} lost: over the whole epoch no sample moved the output in a nudged phase and none was answered right. A "
         "clamped "
         "output below -beta has a gradient of exactly 0 and does not come back. Try a larger train.beta, a smaller last rate in "
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
         "Try "
         "a larger crossbar.weight_headroom (or crossbar.weight_max) or smaller train.rates",
         report.epoch, 100 * share(clipped, pulses));
    clipped_ = true;
  }
  if (!capped_ && capped > kManyPulses * pulses) {
    warn(Code::changes_capped,
         "epoch {}: {} wanted changes were cut to crossbar.max_pulses, beside {} pulses written: devices lag behind what the rule wants. "
         "Try "
         "smaller train.rates or a larger crossbar.max_pulses",
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
