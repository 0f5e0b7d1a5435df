#include "experiments/free_state.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "eqprop/settle/complex.h"
#include "eqprop/settle/residual.h"

namespace eqprop {
namespace {

// some validation samples and what acts on them
class Look {
 public:
  Look(const Experiment& experiment, int threads)
      : network_(experiment.network()), options_(experiment.config().train), run_{experiment.config().seed, threads, nullptr, 0} {
    constexpr std::size_t kSamples = 64;
    std::vector<std::uint32_t> rows(std::min(kSamples, experiment.validation().size()));
    std::iota(rows.begin(), rows.end(), 0u);
    batch_.fill(experiment.validation(), rows);
    place_.samples = batch_.ids;
    place_.place.step = experiment.trainer().steps_done();
    place_.place.phase = kPhaseEvaluate;
    drive_.resize(network_.layer(1).size, batch_.x.cols());
    drive_input<float>(network_, batch_.x, drive_, place_, run_);
  }

  // the states of a kernel are its own
  FreeState free(Trainer<float>& trainer) {
    if (trainer.kernel_state(batch_, state_))
      report_.resize(batch_.size());
    else
      settle_free();
    FreeState out;
    if (report_.count(StopReason::diverged) > 0)
      out.potential = out.residual = std::nan("");
    else {
      out.potential = eqprop::potential<float>({network_, state_, boundary(0), state_.batch(), place_, run_}).mean();
      if (!feeds_forward()) {
        const auto each = residual(network_, boundary(0), state_);
        out.residual = *std::max_element(each.begin(), each.end());
      }
    }
    return out;
  }

  Diagnosis why_not() {
    if (feeds_forward()) return {};
    settle_free();
    Diagnosis free = diagnosed("free phase", boundary(0), options_.free);
    if (free.cause != Cause::none || family_of(options_.estimator) != EstimatorFamily::plan) return free;
    const State<float> rest = state_;
    const PhasePlan plan = make_plan(options_.estimator, options_.beta, run_.seed, place_.place.step, options_.points);
    for (const Phase& phase : plan) {
      if (phase.kind != PhaseKind::nudge) continue;
      state_ = rest;
      SettleOptions options = options_.nudged;
      if (options.method == Method::difference) options.method = Method::forward;
      double beta = phase.beta();
      if (phase.is_complex()) {
        State<float> imaginary(network_.sizes(), state_.batch());
        settle_complex(network_, boundary(0), phase.strength, state_, imaginary, options, place_, workspace_, report_, run_);
        beta = std::copysign(std::abs(phase.strength), phase.strength.real());
      } else {
        settle(network_, boundary(beta), state_, options, place_, workspace_, report_, run_);
      }
      Diagnosis why = diagnosed("nudged phase", boundary(beta), options);
      if (why.cause != Cause::none) return why;
    }
    return {};
  }

 private:
  bool feeds_forward() const { return family_of(options_.estimator) == EstimatorFamily::feed_forward; }
  Boundary<float> boundary(double beta) const { return {view(batch_.x), view(drive_), view(batch_.y), beta}; }

  void settle_free() {
    if (feeds_forward()) {
      feed_forward<float>(network_, drive_, state_, place_, run_);
      report_.resize(batch_.size());
      return;
    }
    network_.rest(batch_.x.cols(), state_);
    settle(network_, boundary(0), state_, options_.free, place_, workspace_, report_, run_);
  }

  Diagnosis diagnosed(const std::string& phase, const Boundary<float>& boundary, const SettleOptions& options) const {
    Diagnosis out = diagnose(network_, boundary, state_, options, report_);
    out.sentence = phase + ": " + out.sentence;
    return out;
  }

  const Network<float>& network_;
  const TrainOptions& options_;
  Run run_;
  Batch<float> batch_;
  ReadPlace place_;
  Matrix<float> drive_;
  State<float> state_;
  SettleReport report_;
  Workspace<float> workspace_;
};

}  // namespace

FreeState look_at_free_state(Experiment& experiment, int threads) { return Look(experiment, threads).free(experiment.trainer()); }

Diagnosis why_not_settled(const Experiment& experiment, int threads) { return Look(experiment, threads).why_not(); }

}  // namespace eqprop
