#pragma once
// The one loop: free phase, nudged phases, contrast, rule; over batches and epochs, resumable after any step with the same bits.
#include <functional>
#include <memory>
#include <vector>

#include "eqprop/data/dataset.h"
#include "eqprop/learn/moving.h"
#include "eqprop/train/kernel_path.h"

namespace eqprop {

/// Sums over the batches of an epoch so far.
struct EpochSums : SettleSums {
  std::int64_t samples = 0;
  std::int64_t correct = 0;  ///< free-phase answers, while the weights change
  double cost = 0;           ///< sum of the free-phase cost
};

struct EpochReport {
  int epoch = 0;  ///< 1 is the first
  EpochSums sums;
  std::vector<int> lost_classes;
  Wear wear;                  ///< over all couplings
  Path path = Path::general;  ///< what ran
};

/// Given to the callback after every step.
struct Progress {
  int epoch;
  std::size_t done;  ///< samples of this epoch
  std::size_t total;
  const EpochSums& sums;
  const Ledger& ledger;
};

struct Evaluation {
  double accuracy = 0;
  double cost = 0;  ///< mean
  std::size_t samples = 0;
};

template <class T>
class Trainer {
 public:
  /// The network must outlive the trainer. `samples` is the size of the training set (for the schedule).
  Trainer(Network<T>& network, const TrainOptions& options, std::uint32_t seed, int threads, std::size_t samples);
  ~Trainer();

  /// Finishes the current epoch (the next one when none is under way). Returns false when after_step returned false: the step is done,
  /// the state can be saved, and a later call goes on. after_step may be empty.
  bool run_epoch(const Dataset& train, const std::function<bool(const Progress&)>& after_step, EpochReport& report);
  /// Free phases only; events go to kPhaseEvaluate.
  Evaluation evaluate(const Dataset& data);
  /// The free state as a kernel settles it, for a look at it that changes nothing; false, and no state, where the general path runs.
  bool kernel_state(const Batch<T>& batch, State<T>& state);

  int epochs_done() const { return epoch_; }
  std::uint32_t steps_done() const { return step_; }
  /// Events since the start, the initial write included if the caller handed it in.
  Ledger& ledger() { return ledger_; }
  const Ledger& ledger() const { return ledger_; }
  std::int64_t samples_trained() const { return samples_trained_; }
  /// Lets `second` [s] pass on the clock of the devices, without training; false if nothing in the network changes with time.
  bool wait(double second);
  /// Sums over couplings.
  FaultReport faults() const;
  Wear wear() const;
  WireUse wire_use() const;

  /// Everything that the rest of the run depends on; restore needs the same network shape, options and seed. It throws InputError(file)
  /// for what save never writes; the trainer is then not to be used.
  void save(ByteWriter& out) const;
  void restore(ByteReader& in);

 private:
  void step(const Dataset& train, std::span<const std::uint32_t> rows);
  void general_step(const Batch<T>& batch, double progress);
  void calibrate(const Dataset& train);

  Network<T>& network_;
  TrainOptions options_;
  Run run_;
  std::size_t samples_;
  Rule<T> rule_;
  std::unique_ptr<KernelPath<T>> kernel_;  // or null: the general path

  Ledger ledger_;
  int epoch_ = 0;             // epochs finished
  std::size_t position_ = 0;  // samples done in the epoch under way
  std::uint32_t step_ = 0;
  std::int64_t samples_trained_ = 0;
  EpochSums sums_;
  LostClasses lost_;

  std::vector<std::uint32_t> order_;  // of the epoch order_epoch_
  int order_epoch_ = -1;
  // buffers only grow: a step allocates nothing once a step as large was done
  Batch<T> batch_, last_batch_;  // the last of an epoch may be smaller
  Buffer<T> output_;
  Phases<T> phases_;
  MovingPhase<T> moving_;
};

}  // namespace eqprop
