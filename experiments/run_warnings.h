#pragma once
// What goes wrong while a run trains, in words.
#include <vector>

#include "eqprop/train/trainer.h"

namespace eqprop {

class RunWarnings {
 public:
  /// `wear` as it is before the first epoch that will be looked at.
  explicit RunWarnings(const Wear& wear) : wear_(wear) {}
  /// Says what is new about an epoch; everything once, lost classes when they change.
  void look(const EpochReport& report);

 private:
  void look_at_classes(const EpochReport& report);
  void look_at_pulses(const EpochReport& report);

  Wear wear_;  // after the epoch before
  std::vector<int> lost_;
  bool diverged_ = false;
  bool clipped_ = false;
  bool capped_ = false;
};

/// Says so when weights that move within a phase (continual, agnostic) push their own units on harder than the nudge does.
void warn_of_moving_weights(const TrainOptions& options, const Dataset& train, std::uint32_t seed);

/// True when so many samples of an epoch diverged in a phase that the rest of the run is lost: more than half.
bool is_hopeless(const EpochSums& sums);

}  // namespace eqprop
