#pragma once
// What a training run needs to be told, as small structs with validate(); programs fill them from a config file.
#include <vector>

#include "crossbar/array.h"
#include "eqprop/learn/phases.h"
#include "eqprop/learn/rule.h"
#include "eqprop/model/crossbar_coupling.h"

namespace eqprop {

enum class Substrate { ideal, crossbar };

struct NetworkOptions {
  std::vector<Layer> layers;               ///< layers[0] is the input
  Cost cost = Cost::squared_error;
  int classes = 0;                         ///< outputs of the read-out with cross_entropy; else the last layer's size
  double initial_scale = 1;                ///< weights start uniform on +- scale / sqrt(inputs)
  Substrate substrate = Substrate::ideal;
  CrossbarOptions crossbar;                ///< looked at with Substrate::crossbar only
  double backward_error = 0;               ///< ideal couplings only: relative sd of the error of every weight in backward reads, static
  /// Throws InputError(config) naming field, value and range.
  void validate() const;
  int couplings() const { return static_cast<int>(layers.size()) - 1 + (cost == Cost::cross_entropy ? 1 : 0); }
};

/// Builds the network with the seed's initial weights; a crossbar is written by write-verify, its pulses go to run.ledger.
template <class T>
Network<T> build_network(const NetworkOptions& options, Run& run);

struct TrainOptions : LearnOptions {
  int epochs = 10;
  int batch = 32;
  RuleOptions rule;
  int calibration_samples = 64;   ///< training samples whose states set the converter ranges before every epoch
  bool kernel = true;             ///< use a specialised kernel where its predicate holds; false forces the general path
  /// Throws InputError(config) naming field, value and range.
  void validate(const NetworkOptions& network) const;
};

}  // namespace eqprop
