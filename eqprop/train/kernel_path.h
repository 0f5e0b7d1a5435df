#pragma once
// The specialised kernels behind the trainer: dense chains of hard sigmoids on ideal couplings, squared error, plain SGD, float.
#include <memory>
#include <string_view>

#include "eqprop/data/dataset.h"
#include "eqprop/learn/phases.h"
#include "eqprop/learn/rule.h"
#include "eqprop/train/options.h"

namespace eqprop {

/// What settles and updates: the general path, the kernel of one hidden layer and at most 16 outputs, or that of more hidden layers.
enum class Path { general, chain, deep };

/// "general path", "dense-chain kernel", "deep-chain kernel".
std::string_view path_name(Path path);

/// The path that computes what the general path would, within the tolerances of settling.
template <class T>
Path path_for(const Network<T>& network, const TrainOptions& options);

/// A kernel with its buffers, on the network's own weights.
template <class T>
class KernelPath {
 public:
  virtual ~KernelPath() = default;
  virtual Path path() const = 0;
  /// Phases and update of one batch. Adds to sums and lost; output (classes x batch) gets the free phase's answers.
  virtual void step(const Batch<T>& batch, const PhasePlan& plan, double rate_factor, SettleSums& sums, LostClasses& lost,
                    Buffer<T>& output) = 0;
  /// Free phase only: the answers.
  virtual void answer(const Batch<T>& batch, Buffer<T>& output) = 0;
  /// All units of the free phase of the last batch.
  virtual void free_state(State<T>& state) const = 0;
  /// Of the last step, those of padding included.
  virtual double multiply_adds() const = 0;
};

/// Null where path_for says general. The network must outlive the kernel.
template <class T>
std::unique_ptr<KernelPath<T>> make_kernel(Network<T>& network, const TrainOptions& options, int threads);

}  // namespace eqprop
