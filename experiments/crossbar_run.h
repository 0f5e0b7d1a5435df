#pragma once
// The arrays of a run as circuits: every tile of every coupling as it is now, with the voltages that samples of the run's data bring to it.
#include <Eigen/Core>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "crossbar/wires/wires.h"
#include "experiments/config.h"

namespace eqprop {

/// One physical crossbar. Its word lines are inputs of the coupling, the last one of all its bias; its bit lines are pairs, G+ and G- of each
/// output side by side.
struct TileCircuit {
  std::string layer;     ///< "layer 1 (64-128)"
  int layer_number = 1;  ///< 1 is the coupling above the input
  std::string part;      ///< "slice 2" where a weight is a sum over slices, "fast" for the fast array of Tiki-Taka; else empty
  int tile = 1;          ///< of the array, from 1
  int tiles = 1;
  Eigen::Index first_line = 0;    ///< of the coupling's inputs and bias, from 0
  Eigen::Index first_output = 0;  ///< of its outputs, from 0
  bool has_bias = false;          ///< the last word line is the bias
  Eigen::MatrixXd siemens;        ///< [S] word lines x bit lines
  Eigen::MatrixXd forward_volt;   ///< [V] word lines x samples
  Eigen::MatrixXd backward_volt;  ///< [V] bit lines x samples, v on G+ and -v on G-; empty where the network never reads backward
  WireOptions forward_wires, backward_wires;
  double siemens_per_weight = 0;  ///< [S] of the difference G+ - G- per unit of weight, as what this array adds to the weight
  double volt_per_unit = 0;       ///< [V] on a word line per unit of input

  Eigen::Index outputs() const { return siemens.cols() / 2; }
  /// "layer 1 (64-128), tile 1 of 2"; "layer 1 (64-128), slice 2, tile 1 of 2".
  std::string name() const;
};

struct RunArrays {
  Config config;
  int epochs_done = 0;
  bool wires_of_run = false;  ///< reads of the run pass through wires; else the ohms are the command line's or its defaults
  std::vector<TileCircuit> tiles;
};

/// What a command line makes of the wires of a run.
using ChangeWires = std::function<WireOptions(const WireOptions&)>;

/// Restores the run and settles its free phase for these validation samples (positions); `samples` says how many there are first. Throws
/// InputError: no run, no checkpoint, ideal couplings, a sample that is not there.
RunArrays read_run_arrays(const std::filesystem::path& folder, const ChangeWires& wires, int threads,
                          const std::function<std::vector<std::uint32_t>(std::size_t)>& samples);

}  // namespace eqprop
