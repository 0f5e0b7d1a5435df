#pragma once
// The dense-chain kernel behind the trainer: one hidden layer, at most 16 outputs, ideal couplings, squared error, plain SGD, float.
#include <memory>

#include "eqprop/data/dataset.h"
#include "eqprop/train/trainer.h"

namespace eqprop {

template <class T>
class ChainTrainer {
 public:
  /// The plain predicate: true when the kernel computes what the general path would.
  static bool applies(const Network<T>& network, const TrainOptions& options);

  ChainTrainer(Network<T>& network, const TrainOptions& options, int threads);
  ~ChainTrainer();

  /// Phases and update of one batch. Adds to sums and lost; output (classes x batch) gets the free phase's answers.
  void step(const Batch<T>& batch, const PhasePlan& plan, double rate_factor, EpochSums& sums, LostClasses& lost, Buffer<T>& output);
  /// Free phase only: the answers.
  void free_outputs(const Batch<T>& batch, Buffer<T>& output);

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace eqprop
