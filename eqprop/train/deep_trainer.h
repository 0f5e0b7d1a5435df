#pragma once
// The deep-chain kernel behind the trainer: two or more hidden layers of hard sigmoids, ideal couplings, squared error, plain SGD, float.
#include <memory>

#include "eqprop/data/dataset.h"
#include "eqprop/train/trainer.h"

namespace eqprop {

template <class T>
class DeepTrainer {
 public:
  /// The plain predicate: true when the kernel settles to what the general path would settle to, within the tolerance.
  static bool applies(const Network<T>& network, const TrainOptions& options);

  DeepTrainer(Network<T>& network, const TrainOptions& options, int threads);
  ~DeepTrainer();

  /// Phases and update of one batch. Adds to sums and lost; output (classes x batch) gets the free phase's answers.
  void step(const Batch<T>& batch, const PhasePlan& plan, double rate_factor, EpochSums& sums, LostClasses& lost, Buffer<T>& output);
  /// Free phase only: the answers.
  void free_outputs(const Batch<T>& batch, Buffer<T>& output);
  /// Of the last step, those of padding included.
  double multiply_adds() const;

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace eqprop
