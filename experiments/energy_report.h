#pragma once
// The joules of a run: per training sample at three boundaries, what is paid once, and backprop of the same network on a GPU beside it.
// Ratios stand only between equal ranks.
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "energy/gpu.h"
#include "energy/price_list.h"
#include "experiments/config.h"
#include "experiments/history.h"
#include "experiments/places.h"

namespace eqprop {

/// Prices of both sides, read once.
struct Prices {
  PriceList list;
  GpuModel gpu;
  static Prices read(const Places& places, const Config& config);
};

struct EnergyReport {
  bool ideal = false;         ///< then only the GPU's part is filled in
  std::string reason;         ///< why there are no joules
  std::string loop;           ///< "digital" or "analog"
  std::string prices;         ///< name of the price list
  std::int64_t samples = 0;   ///< trained
  EnergySplit sample[3];      ///< [J] per training sample: min, typical, max
  EnergySplit initial_write;  ///< [J] once, typical
  EnergySplit evaluation;     ///< [J] all validation and test settles, typical
  EnergySplit calibration;    ///< [J] all, typical
  std::string gpu;            ///< name of the GPU model
  std::string gpu_status;     ///< "measured", "estimate" or "bound"
  GpuEnergy batch_1;          ///< typical
  GpuEnergy best_batch;       ///< typical
  int largest_batch = 1;      ///< end of the sweep of batches, never larger than the training set
  bool whole_set = false;     ///< the largest batch is the whole training set
  const EnergySplit& typical() const { return sample[1]; }
};

/// True for the phases that a training sample pays for: input, free, nudged, update.
bool is_training(PhaseId phase);
/// Joules B0, B1, B2 of the training phases of a ledger, typical prices.
EnergySplit training_energy(const Ledger& ledger, const PriceList& prices);

EnergyReport energy_report(const Config& config, const LedgerFile& file, const Prices& prices);

/// The report as energy.json. The device's endurance and assumed parameters come from the config.
nlohmann::ordered_json energy_json(const EnergyReport& report, const Config& config, const LedgerFile& file);
/// The report as tables for people.
std::string energy_table(const EnergyReport& report, const Config& config, const LedgerFile& file);
/// "batch 64", with a note when the best is the largest that was swept.
std::string best_batch_text(const EnergyReport& report);

/// {"B0": .., "B1": .., "B2": ..} or null on ideal couplings.
nlohmann::ordered_json per_sample_json(const EnergyReport& report);
/// {"batch_1": {"G0": ..}, "best_batch": {..}}.
nlohmann::ordered_json gpu_json(const EnergyReport& report);

}  // namespace eqprop
