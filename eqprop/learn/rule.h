#pragma once
// The learning rule says what change is wanted; the coupling decides what moves. SGD with per-layer rates, momentum and decay schedules.
#include <string_view>
#include <vector>

#include "eqprop/learn/contrast.h"

namespace eqprop {

enum class Schedule {
  constant,
  linear,       ///< falls linearly to rate * final_fraction at the end of the last epoch
  exponential,  ///< falls geometrically to rate * final_fraction
  cosine,       ///< half a cosine down to rate * final_fraction
};
Schedule schedule_from_name(std::string_view name);  ///< throws InputError(config)
std::string_view schedule_name(Schedule schedule);

struct RuleOptions {
  std::vector<double> rates;  ///< one per coupling, [weight change per unit gradient of the mean cost], >= 0
  double momentum = 0;        ///< [0, 1)
  double weight_decay = 0;    ///< >= 0: every step takes rate * weight_decay * weight from each weight, biases excluded
  Schedule schedule = Schedule::constant;
  double final_fraction = 0;  ///< share of the rate left at the end, [0, 1]; exponential needs > 0
  /// Throws InputError(config) naming field, value and range.
  void validate(int couplings) const;
};

/// The decay of this many steps is taken at once: a pass over all weights at every step would cost more than a sparse update.
inline constexpr std::uint32_t kDecaySteps = 32;

/// Multiplier of the rates when `progress` (0 .. 1) of the training is done.
double schedule_factor(const RuleOptions& options, double progress);

/// Stochastic gradient descent. Owns the velocities, one per coupling, only when momentum is not 0.
template <class T>
class Rule {
 public:
  Rule(RuleOptions options, const Network<T>& network);
  const RuleOptions& options() const { return options_; }
  /// Asks every coupling from `first` on for the change rate / batch * contrast. `progress` is the share of the training that is done.
  void apply(Contrast<T>& contrast, const ConstBlock<T>& input, double progress, Network<T>& network, const Place& place, Run& run,
             int first = 0);
  /// After the last of every kDecaySteps steps of a run with weight decay; `step` counts from 0. Needs couplings that decay.
  void decay(std::uint32_t step, double progress, Network<T>& network) const;
  /// Weight change per unit of a contrast summed over `batch` samples.
  double rate(int coupling, double progress, Index batch) const;
  void save(ByteWriter& out) const;
  void restore(ByteReader& in);

 private:
  RuleOptions options_;
  std::vector<Matrix<T>> velocity_;
};

}  // namespace eqprop
