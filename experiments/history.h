#pragma once
// One row per epoch, and the files made of rows and ledger. Speeds come from the wall clock: they stand in metrics.csv and nowhere else.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "energy/ledger.h"
#include "eqprop/train/trainer.h"

namespace eqprop {

struct EpochRow {
  int epoch = 0;
  EpochSums sums;  ///< of this epoch
  double validation_accuracy = 0;
  double free_potential = 0;                ///< [1] mean potential of free equilibria after the epoch; NaN when one diverged
  double residual = 0;                      ///< [unit output] largest distance of a free state from equilibrium, found again in float64
  std::int64_t pulses = 0;                  ///< of training updates on all devices so far
  std::int64_t initial_write_pulses = 0;    ///< paid once, before training
  std::uint32_t pulses_per_device_max = 0;  ///< all pulses of one device, the initial write included
  Path path = Path::general;                ///< what ran
  bool priced = false;                      ///< false on ideal couplings: their energy is undefined
  double joule[3] = {0, 0, 0};              ///< [J] B0, B1, B2 of the training so far, typical prices
  double seconds = 0;                       ///< [s] wall clock, 0 when unknown; not saved
};

/// SET and RESET pulses of one phase: kPhaseUpdate for training, kPhaseInitialWrite before it.
std::int64_t pulses_of(const Ledger& ledger, PhaseId phase);

/// All but the seconds.
void save_rows(const std::vector<EpochRow>& rows, ByteWriter& out);
/// Throws InputError(file) when rows are missing, out of order, or hold amounts that no run has.
std::vector<EpochRow> restore_rows(ByteReader& in);

/// Sums over all epochs.
EpochSums total(const std::vector<EpochRow>& rows);
/// part / whole, 0 when there is nothing.
double share(double part, double whole);

/// "general path" or the name of the specialised kernel that ran.
std::string_view path_name(const std::vector<EpochRow>& rows);

/// Columns of metrics.csv.
std::string_view metrics_header();
std::string metrics_csv(const std::vector<EpochRow>& rows);
/// Fills the seconds of rows from an older metrics.csv, as far as it fits; a missing or damaged file leaves them 0.
void read_seconds(const std::filesystem::path& metrics, std::vector<EpochRow>& rows);
/// Training samples per second over the epochs whose time is known; 0 when none is.
double samples_per_second(const std::vector<EpochRow>& rows);

/// What a run's ledger.json holds.
struct LedgerFile {
  Ledger ledger;
  std::int64_t samples_trained = 0;
  std::int64_t training_samples = 0;  ///< size of the training set
  Wear wear;
};
std::string ledger_json(const LedgerFile& file);
/// Throws InputError(file) when the file is missing, no ledger, or damaged.
LedgerFile read_ledger_json(const std::filesystem::path& path);
/// The same from text; `name` is shown in errors.
LedgerFile parse_ledger_json(const std::string& text, const std::string& name);

}  // namespace eqprop
