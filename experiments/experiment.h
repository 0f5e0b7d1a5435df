#pragma once
// One run in memory: data, network, trainer and history, and its checkpoint.
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eqprop/train/trainer.h"
#include "experiments/beta_auto.h"
#include "experiments/config.h"
#include "experiments/history.h"
#include "experiments/places.h"

namespace eqprop {

/// The program's version, e.g. "0.1.0".
std::string_view program_version();

class Experiment {
 public:
  /// Loads the data, carves the validation set, builds the network with its initial write in the ledger.
  /// Throws InputError(config) when layers and data do not fit, InputError(file) when the data is missing.
  Experiment(const Config& config, const Places& places, int threads);

  /// With train.beta = "auto" its train.beta is the number found.
  const Config& config() const { return config_; }
  /// What found that number; empty where the config gives one.
  const std::optional<NoiseBudget>& beta_budget() const { return beta_budget_; }
  const Dataset& train() const { return train_; }
  const Dataset& validation() const { return validation_; }
  const Dataset& test() const { return test_; }
  const Network<float>& network() const { return *network_; }
  Network<float>& network() { return *network_; }
  Trainer<float>& trainer() { return *trainer_; }
  const Trainer<float>& trainer() const { return *trainer_; }

  std::vector<EpochRow> rows;           ///< epochs done
  std::optional<double> test_accuracy;  ///< set when the run is finished

  LedgerFile ledger_file() const {
    return {trainer_->ledger(), trainer_->samples_trained(), static_cast<std::int64_t>(train_.size()), trainer_->wear()};
  }

  /// Writes the checkpoint, atomically. Wall-clock times are no part of it.
  void save(const std::filesystem::path& file) const;
  /// Goes on where a checkpoint ended. Throws InputError(file) when it is damaged or of another version, InputError(config) when it
  /// belongs to another config, naming the first key that differs.
  void restore(const std::filesystem::path& file);

  /// What a checkpoint of this run holds.
  std::vector<std::uint8_t> payload() const;
  /// Goes on from a checkpoint's payload; `name` is shown in errors. Throws as the other; what the experiment then holds is not to be used.
  void restore_payload(std::span<const std::uint8_t> payload, const std::string& name);

 private:
  void restore_parts(std::span<const std::uint8_t> payload, const std::string& name);

  Config config_;
  std::optional<NoiseBudget> beta_budget_;
  Dataset train_, validation_, test_;
  std::array<std::uint64_t, 3> prints_{};  ///< one per data set
  std::unique_ptr<Network<float>> network_;
  std::unique_ptr<Trainer<float>> trainer_;
};

/// Loads the config's data set: a named one, or files. Throws InputError(file) when it is missing or damaged, InputError(config) when no
/// test set can be carved.
TrainTest load_config_data(const Config& config, const Places& places);

/// Throws InputError(config) unless first and last layer fit the data.
void check_layers(const Config& config, const Dataset& data);

}  // namespace eqprop
