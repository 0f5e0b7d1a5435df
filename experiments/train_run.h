#pragma once
// One training run from config to run folder:
//   config.toml  metrics.csv  ledger.json  energy.json  checkpoint.eqp  version.txt
// Everything but metrics.csv (it has speeds) is made of the checkpoint alone, so a resumed run ends with the same bytes.
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "experiments/config.h"
#include "experiments/energy_report.h"
#include "experiments/history.h"
#include "experiments/places.h"
#include "experiments/run_folder.h"

namespace eqprop {

/// When a run is saved beside the end of every epoch; at most the work since then is done again after a crash. Never changes results.
struct CheckpointInterval {
  std::uint32_t steps = 0;  ///< 0: not by steps
  double second = 60;       ///< [s] of wall-clock time; 0: not by time
};

/// "500" steps, "30 s", or "epoch" for the end of epochs only. Throws InputError(config).
CheckpointInterval parse_interval(const std::string& text);

struct TrainRequest {
  Config config;
  std::filesystem::path folder;
  int threads = 1;
  bool resume = false;
  std::string resume_command;  ///< printed when the run is interrupted
  CheckpointInterval interval;
};

struct TrainResult {
  bool finished = false;  ///< false: interrupted or stopped, the rest is not filled in
  bool diverged = false;  ///< stopped: most settles of an epoch diverged
  std::uint32_t seed = 0;
  std::vector<EpochRow> rows;
  double test_accuracy = 0;
  EnergyReport energy;
  std::string wires;  ///< wires.model, or empty without wires
  WireUse wire_use;
  FaultReport faults;
  double validation_accuracy() const { return rows.back().validation_accuracy; }
};

/// Trains, or goes on with a run, until it is finished or interrupted. Progress and warnings go to standard error.
TrainResult train_run(const TrainRequest& request, const Places& places);

/// The object of `train --json`.
nlohmann::ordered_json result_json(const TrainResult& result);
/// The result in a few lines for people.
std::string result_text(const TrainResult& result);

}  // namespace eqprop
