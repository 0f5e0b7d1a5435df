#pragma once
// The phases of one batch: free, then what the estimator asks for, into a contrast. Moving weights (continual, agnostic) are in moving.h.
#include <span>

#include "eqprop/learn/backprop.h"
#include "eqprop/learn/contrast.h"
#include "eqprop/learn/lost_classes.h"
#include "eqprop/learn/measurement.h"
#include "eqprop/learn/phase_plan.h"

namespace eqprop {

/// How a batch becomes a wanted change.
struct LearnOptions {
  Estimator estimator = Estimator::centered;
  double beta = 0.5;  ///< nudge, share of the clamp, or radius of holomorphic EP; not 0
  int points = 10;    ///< holomorphic: N, 2 .. 18
  int unrolled = 15;  ///< truncated_bptt: sweeps; continual: most sweeps in which the weights move; agnostic: most rounds; >= 1
  SettleOptions free;
  SettleOptions nudged;
  MeasurementOptions measurement;
  /// True when the phases are nudges by real betas, measured perfectly and settled exactly: what specialised kernels compute.
  bool plain_phases() const;
  /// Throws InputError(config) naming field, value and range, or what does not go together.
  void validate(const std::vector<Layer>& layers, Cost cost) const;
};

/// Sums over settles.
struct SettleSums {
  std::int64_t settles = 0;  ///< samples x phases
  std::int64_t sweeps = 0;
  std::int64_t converged = 0;    ///< settles that stopped by tolerance
  std::int64_t noise_floor = 0;  ///< settles that stopped at the noise floor
  std::int64_t diverged = 0;
  std::int64_t dropped = 0;    ///< samples of which a phase diverged: they teach nothing
  double hardware_second = 0;  ///< [s] simulated time of the phases, summed over samples
  void add(const SettleReport& report);
};

/// A batch as the phases see it; views.
template <class T>
struct BatchView {
  ConstBlock<T> x;                       ///< features x batch
  ConstBlock<T> y;                       ///< outputs x batch
  std::span<const std::int32_t> labels;  ///< may be empty: lost classes are then not watched
  std::span<const std::uint32_t> ids;
};

/// Runs the phases; keeps its buffers, so that a batch no larger than one before allocates nothing.
template <class T>
class Phases {
 public:
  explicit Phases(LearnOptions options) : options_(std::move(options)) {}
  const LearnOptions& options() const { return options_; }

  /// Reads the input's drive and settles the free state; the answers are in output() afterwards. `place` names the step; the events of the
  /// drive go to phase `input`, the others to `free`.
  void answer(const Network<T>& network, const BatchView<T>& batch, Place place, PhaseId input, PhaseId free, SettleSums& sums, Run& run);
  /// After answer(): the estimator's phases; contrast() holds what they teach. lost may be null. Not for the moving family.
  void learn(const Network<T>& network, const BatchView<T>& batch, Place place, SettleSums& sums, LostClasses* lost, Run& run);

  Contrast<T>& contrast() { return contrast_; }
  const State<T>& free_state() const { return free_; }
  ConstBlock<T> output() const { return view(output_); }
  ConstBlock<T> drive() const { return view(drive_); }
  const SettleReport& report() const { return report_; }
  /// The boundary of the last answer(): free.
  Boundary<T> boundary(const BatchView<T>& batch) const { return {batch.x, view(drive_), batch.y, 0}; }
  /// Of the batch: some phase of the sample diverged.
  std::span<const std::uint8_t> diverged() const { return diverged_; }

 private:
  void plan_phases(const Network<T>& network, const BatchView<T>& batch, Place place, SettleSums& sums, LostClasses* lost, Run& run);
  void settle_phase(const Network<T>& network, const BatchView<T>& batch, const Phase& phase, const ReadPlace& place, Run& run);
  void keep_phase(const Network<T>& network, const BatchView<T>& batch, const Phase& phase, bool second, const ReadPlace& place, Run& run);
  void adjoint(const Network<T>& network, const BatchView<T>& batch, Place place, SettleSums& sums, Run& run);
  void count(SettleSums& sums);
  void mark_diverged(const State<T>& values, SettleSums& sums);
  std::int64_t count_sound() const;

  LearnOptions options_;
  Buffer<T> drive_, output_, target_, held_;
  State<T> free_, state_, imaginary_;
  SettleReport report_;
  Contrast<T> contrast_;
  Workspace<T> workspace_;
  AdjointSource<T> source_;
  std::vector<std::uint8_t> diverged_;
};

}  // namespace eqprop
