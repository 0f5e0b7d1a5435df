#pragma once
// Some training samples settled by a finished network, free and nudged, twice with noise of their own: what the doctor measures.
#include <cstddef>
#include <vector>

#include "experiments/plot/run_state.h"

namespace eqprop {

/// One settling layer over the samples looked at.
struct LayerProbe {
  double saturated = 0;   ///< share of free states within 1 % of a bound of their activation
  double dead = 0;        ///< share of units whose free state is the same for every sample, to 1 % of its range
  double difference = 0;  ///< [unit output] rms difference between the phases, its noise taken off
  double noise = 0;       ///< [unit output] rms noise of that difference: between two settles with noise of their own
  double read_noise = 0;  ///< [unit field] sd that the reads of one sweep bring to the layer
};

/// What reaches one ADC of a coupling.
struct ConverterProbe {
  int coupling = 0;
  bool forward = true;
  double range = 0;    ///< [logical output]
  double largest = 0;  ///< largest partial sum
  double rms = 0;
};

struct Probe {
  std::size_t samples = 0;
  std::size_t settles = 0;  ///< samples x phases of one repeat
  std::size_t budget = 0;   ///< of them ended by the budget
  std::size_t diverged = 0;
  std::vector<LayerProbe> layers;  ///< from the first layer above the input
  std::vector<ConverterProbe> converters;
  std::vector<int> lost_classes;  ///< outputs that no phase moves and no sample is answered by
};

/// Settles up to `most` training samples, spread evenly. Nothing of the run changes.
Probe probe_run(const Experiment& experiment, std::size_t most, int threads);

}  // namespace eqprop
