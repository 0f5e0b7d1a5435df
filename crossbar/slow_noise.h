#pragma once
// Noise of conductances that is slower than a read: random telegraph and 1/f noise. What the free and the nudged phase have in common of
// it cancels in their difference, so it must be right from phase to phase, not only in each.
#include <cstdint>

#include "base/random.h"

namespace eqprop {

/// Slots of the clock in one training step: a phase lasts one, and conductances stand still in it.
inline constexpr std::int64_t kSlotsPerStep = 16;

/// Relative to a device's conductance. dG = G (flicker F(t) + telegraph B(t)): F of variance 1 with a spectrum of 1/f between 1 / slowest and
/// 1 / slot, B = +-1/2 of those devices that have a trap.
struct SlowNoise {
  double flicker = 0;           ///< [1] sd of 1/f noise over the conductance, 0..1
  double telegraph = 0;         ///< [1] jump of a trap over the conductance, 0..1
  double telegraph_share = 0;   ///< [1] devices that have a trap, 0..1
  double slowest_second = 1e3;  ///< [s] longest time constant of both
  double step_second = 1e-3;    ///< [s] simulated time of a training step: the clock of noise and drift

  bool any() const { return flicker > 0 || (telegraph > 0 && telegraph_share > 0); }
  double slot_second() const { return step_second / static_cast<double>(kSlotsPerStep); }
  /// Time constants: 4^m slots, m = 0 .. components() - 1; one every factor of 4, the last at least slowest_second.
  int components() const;
  /// Throws InputError(config) that names field, value and allowed range.
  void validate() const;
};

/// Slot of a phase of a training step.
std::int64_t slot_of(const Place& place);

}  // namespace eqprop
