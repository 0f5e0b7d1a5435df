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

namespace eqprop {

struct TrainRequest {
  Config config;
  std::filesystem::path folder;
  int threads = 1;
  bool resume = false;
  std::string resume_command;  ///< printed when the run is interrupted
};

struct TrainResult {
  bool finished = false;  ///< false: interrupted or stopped, the rest is not filled in
  bool diverged = false;  ///< stopped: most settles of an epoch diverged
  std::uint32_t seed = 0;
  std::vector<EpochRow> rows;
  double test_accuracy = 0;
  EnergyReport energy;
  double validation_accuracy() const { return rows.back().validation_accuracy; }
};

/// Throws InputError(config) when the folder holds a run and `resume` is false, or something that is no run.
void check_folder(const std::filesystem::path& folder, bool resume);

/// Trains, or goes on with a run, until it is finished or interrupted. Progress and warnings go to standard error.
TrainResult train_run(const TrainRequest& request, const Places& places);

/// The object of `train --json`.
nlohmann::ordered_json result_json(const TrainResult& result);
/// The result in a few lines for people.
std::string result_text(const TrainResult& result);

/// Reads a run folder's config. Throws InputError(file) when the folder is no run.
Config read_run_config(const std::filesystem::path& folder);

}  // namespace eqprop
