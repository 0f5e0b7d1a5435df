#pragma once
// The runs behind a figure, grouped by config, and a run's network before and after training.
#include <Eigen/Core>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "crossbar/tile.h"
#include "experiments/experiment.h"

namespace eqprop {

struct PlotRun {
  std::filesystem::path folder;
  Config config;
};

/// Runs that differ in nothing but the seed.
struct RunGroup {
  std::string name;  ///< of the folder, without its seed
  std::vector<PlotRun> runs;
};

/// The runs in these folders, each a run or a folder of `train --seeds` with seed-1, seed-2, ...; a run given twice counts once.
/// Throws InputError(file) for a folder that is neither.
std::vector<RunGroup> find_runs(const std::vector<std::string>& folders);

/// "seed 1", "seeds 1..5" or "seeds 1, 2, 7".
std::string seeds_text(const RunGroup& group);
/// "digits (64-128-10, TaOx-180nm, digital loop)".
std::string config_text_short(const std::string& name, const Config& config);

/// What a coupling holds.
struct CouplingState {
  std::string name;         ///< "layer 1 (64-128)"
  Eigen::MatrixXf weights;  ///< outputs x (inputs + 1), bias last
  Eigen::MatrixXf plus;     ///< [S] outputs x (inputs + 1); empty on ideal couplings
  Eigen::MatrixXf minus;    ///< [S] the same, or a row for each reference column
  DevicePlane::Counts plus_pulses, minus_pulses;
  bool has_devices() const { return plus.size() > 0; }
};

/// A run built anew from config and seed, which gives the initial write again bit by bit, then restored from its checkpoint.
class RunState {
 public:
  /// Throws InputError as Experiment and its restore do.
  RunState(const PlotRun& run, const Places& places, int threads);

  std::unique_ptr<Experiment> experiment;
  std::vector<CouplingState> before, after;
  std::string caption;  ///< config and seed
};

}  // namespace eqprop
