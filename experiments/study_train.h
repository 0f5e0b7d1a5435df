#pragma once
// Trains many runs side by side, each by a process `eqprop train --resume` of its own in its own run folder, so that whatever ends a study
// leaves runs that go on. What came out lies beside the run folder as FOLDER.json, so that a finished run is read and not trained.
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "experiments/study.h"

namespace eqprop {

struct Training {
  std::string title;  ///< "1H seed 2"
  std::filesystem::path config;
  std::vector<std::string> sets;
  std::uint32_t seed = 0;
  std::filesystem::path folder;
  bool cosine = false;
  std::filesystem::path cosine_at;  ///< run folder of another training, at whose weights cosine_settled is taken; empty: nowhere
  std::string identity;             ///< config_identity of the resolved config
  std::string network;              ///< of this the part that is not [train], [settle] and [measurement]
  int classes = 0;
};

/// A training of a study with `more` set beside the study's own. Throws InputError with the place of the study for a config that is wrong.
Training make_training(const StudyBase& base, const std::vector<std::string>& more, int seed, const std::filesystem::path& folder,
                       const std::string& title);

struct TrainingOutcome {
  bool finished = false;
  bool diverged = false;  ///< then finished too: that is its result
  double cpu_second = 0;  ///< [s] of all processes that worked on it
  double cosine = std::numeric_limits<double>::quiet_NaN();
  double cosine_settled = std::numeric_limits<double>::quiet_NaN();
  nlohmann::json result;                 ///< the object of `train --json`; null when it diverged
  double test_error(int classes) const;  ///< of chance when it diverged
};

struct Workers {
  int jobs = 1;     ///< trainings side by side
  int threads = 1;  ///< of each
};

/// Whether trainings ended well together, and if not, why.
struct TrainingsReport {
  int exit_code = 0;                      ///< 0, 130 when interrupted, or that of the training that failed
  std::string error;                      ///< of the training that failed, as it said it
  std::vector<TrainingOutcome> outcomes;  ///< one per training
};

/// Runs them all, or until a signal comes (interrupt.h) or one fails; processes under way are then told to save and waited for. Says on
/// standard error what begins and ends.
TrainingsReport run_trainings(const std::vector<Training>& trainings, const Workers& workers);

}  // namespace eqprop
