#pragma once
// Imperfect measurement of the settled states, between the phases and the contrast. Two circuits read the phases in turn: the second may
// differ from the first. An offset of both cancels in the difference of the phases; a mismatch does not, unless the circuits swap roles.
#include "eqprop/model/network.h"

namespace eqprop {

struct MeasurementOptions {
  double offset = 0;           ///< added by both circuits, [unit output]
  double mismatch_offset = 0;  ///< added by the second circuit alone, [unit output]
  double mismatch_gain = 0;    ///< the second circuit reads 1 + this times the state
  /// Of the measured state over the activation's bounds, both of them levels, where it saturates; 0: not rounded, nor are unbounded layers.
  int bits = 0;
  bool chopping = false;  ///< the circuits swap roles every batch: any mismatch of theirs cancels in the mean
  /// Over-clamping, the remedy of a measurement bias: the output is driven this far beyond the target, [unit output], so that the contrast
  /// of a learnt sample stays above the bias (Dillavou et al. 2025, arXiv 2505.22887).
  double over_clamp = 0;
  bool operator==(const MeasurementOptions&) const = default;
  bool is_perfect() const { return *this == MeasurementOptions{}; }
  /// Throws InputError(config) naming field, value and range.
  void validate() const;
};

/// True when phase k of a plan is read by the second circuit at this step.
bool second_circuit(const MeasurementOptions& options, std::size_t phase, std::uint32_t step);

/// What a circuit makes of a state, in place.
template <class T>
void measure(const MeasurementOptions& options, bool second, const Network<T>& network, State<T>& state);

/// The target that the outputs are driven to: y, or over-clamped beyond it on the side away from the free output. Shapes outputs x batch.
template <class T>
void drive_target(const MeasurementOptions& options, const In<T>& target, const In<T>& free_output, Out<T> driven);

}  // namespace eqprop
