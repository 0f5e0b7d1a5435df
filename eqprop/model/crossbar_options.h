#pragma once
// What a coupling on arrays can be told, and what that means for the array of one coupling.
#include <vector>

#include "crossbar/array.h"
#include "eqprop/model/activation.h"
#include "eqprop/model/slices.h"
#include "eqprop/model/tiki_taka.h"

namespace eqprop {

enum class Loop { digital, analog };

/// What the measured range of an ADC is a multiple of.
enum class RangeRule {
  max,         ///< the largest partial sum seen
  percentile,  ///< a percentile of their magnitudes
  analytic     ///< their rms as weights and the drive's rms give it, lines taken as independent with mean zero
};

struct CrossbarOptions {
  bool bipolar = false;  ///< DACs take drives of both signs whatever the layers: what differences, adjoints and complex states need
  ArrayOptions array;
  Loop loop = Loop::digital;
  double adc_margin = 1.25;  ///< calibrated range = margin x what the rule says, >= 1
  RangeRule adc_calibration = RangeRule::max;
  double adc_percentile = 99.9;      ///< [%] of the partial sums' magnitudes, 50..100
  double adc_sigmas = 4;             ///< analytic: so many rms, > 0
  double adc_range_forward = 0;      ///< [logical output] > 0 fixes the range instead of calibrating it
  double adc_range_backward = 0;     ///< [logical input] the same for transposed reads
  double analog_second = 10e-9;      ///< [s] time constant of an analog neuron; assumed, stated in every run folder
  std::vector<FaultMap> fault_maps;  ///< by coupling; missing or empty ones: none known
  TikiTakaOptions tiki_taka;         ///< of array.plan.mode tiki_taka
  SliceOptions slices;               ///< arrays of falling weight that hold a matrix together
  double linear_range = 2;           ///< [unit output] converter range of an unbounded (linear) layer
  void validate() const;
  /// The part of validate() that concerns converters beyond one field: InputError(config) that names the key first.
  void check_converters() const;
  /// The same of how a weight lies on devices.
  void check_mapping() const;
};

/// Largest magnitude that converters take of the states of a layer: that of its activation, or linear_range where it has no bound.
double converter_range(const Layer& layer, double linear_range);

/// The first array of coupling `index` of a network, which holds `weights`, outputs x (inputs + 1): its converters span what its layers give.
ArrayOptions array_options(const CrossbarOptions& options, const std::vector<Layer>& layers, std::size_t index,
                           const Eigen::MatrixXf& weights);

}  // namespace eqprop
