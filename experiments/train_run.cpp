#include "experiments/train_run.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "eqprop/data/checkpoint.h"
#include "experiments/experiment.h"
#include "experiments/interrupt.h"
#include "experiments/progress.h"
#include "experiments/run_warnings.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::string version_text() { return fmt::format("eqprop {}\n", program_version()); }

// the folder's files that follow from the checkpoint, and metrics.csv
void write_results(const Experiment& experiment, const Prices& prices, const fs::path& folder) {
  const LedgerFile file = experiment.ledger_file();
  write_text_atomic(folder / "metrics.csv", metrics_csv(experiment.rows));
  write_text_atomic(folder / "ledger.json", ledger_json(file));
  const EnergyReport report = energy_report(experiment.config(), file, prices);
  write_text_atomic(folder / "energy.json", energy_json(report, experiment.config(), file).dump(1) + "\n");
  if (!experiment.rows.empty())
    write_text_atomic(folder / "version.txt", version_text() + fmt::format("settled by: {}\n", path_name(experiment.rows)));
}

// what a killed process may leave behind: "checkpoint.eqp.tmp123-4"
bool is_leftover(const fs::path& path) {
  const std::string name = path.filename().string();
  for (const char* file : {"config.toml", "version.txt", "metrics.csv", "ledger.json", "energy.json", "checkpoint.eqp"})
    if (name.starts_with(std::string(file) + ".tmp")) return true;
  return false;
}

void remove_leftovers(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (is_leftover(entry.path())) found.push_back(entry.path());
  for (const fs::path& path : found) fs::remove(path, ignored);
}

// version.txt comes first: it marks the folder as a run's
void begin_folder(const Config& config, const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed)
    throw InputError(Code::cannot_write, {folder.string()}, "cannot make this folder: " + failed.message(), "choose another --out");
  const std::string head = fmt::format("# resolved config of a run, written by eqprop {}\n\n", program_version());
  write_text_atomic(folder / "version.txt", version_text());
  write_text_atomic(folder / "config.toml", head + config_text(config));
}

EpochRow make_row(const EpochReport& report, const Experiment& experiment, const Prices& prices) {
  EpochRow row;
  row.epoch = report.epoch;
  row.sums = report.sums;
  row.pulses = pulses_of(experiment.trainer().ledger(), kPhaseUpdate);
  row.initial_write_pulses = pulses_of(experiment.trainer().ledger(), kPhaseInitialWrite);
  row.kernel = report.kernel;
  row.pulses_per_device_max = report.wear.pulses_per_device;
  if (experiment.config().coupling == Substrate::crossbar) {
    const EnergySplit energy = training_energy(experiment.trainer().ledger(), prices.list);
    row.priced = true;
    row.joule[0] = energy.B0;
    row.joule[1] = energy.B1;
    row.joule[2] = energy.B2;
  }
  return row;
}

}  // namespace

void check_folder(const fs::path& folder, bool resume) {
  std::error_code ignored;
  const auto fail = [&](const std::string& message, const std::string& remedy) {
    throw InputError(Code::folder_taken, {folder.string()}, message, remedy);
  };
  if (!fs::exists(folder, ignored)) return;
  if (!fs::is_directory(folder, ignored)) fail("this is a file, not a folder", "choose another --out");
  if (is_file(folder / "version.txt")) {
    if (!resume) fail("a run is already there", "add --resume to go on with it, or choose another --out");
    return;
  }
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (!is_leftover(entry.path())) fail("this folder is not empty and holds no run of `eqprop train`", "choose another --out");
}

TrainResult train_run(const TrainRequest& request, const Places& places) {
  const Config& config = request.config;
  const fs::path checkpoint = request.folder / "checkpoint.eqp";
  check_folder(request.folder, request.resume);
  // everything that the user may have got wrong is read before anything is written
  const Prices prices = Prices::read(places, config);
  Experiment experiment(config, places, request.threads);
  Trainer<float>& trainer = experiment.trainer();
  remove_leftovers(request.folder);
  if (is_file(checkpoint)) {
    experiment.restore(checkpoint);
    read_seconds(request.folder / "metrics.csv", experiment.rows);
    if (experiment.test_accuracy) {
      say("{}: this run is finished, {} epochs", request.folder.string(), config.train.epochs);
    } else {
      say("{}: going on after epoch {}, step {}", request.folder.string(), trainer.epochs_done(), trainer.steps_done());
    }
  } else {
    say("{}: {} on {}, {} couplings, seed {}, {} training samples, {} for validation", request.folder.string(), layers_text(config),
        experiment.train().name, config.coupling == Substrate::ideal ? "ideal" : "crossbar", config.seed, experiment.train().size(),
        experiment.validation().size());
    begin_folder(config, request.folder);
  }

  TrainResult result;
  result.seed = config.seed;
  ProgressView view(config.train.epochs, trainer.epochs_done(), config.coupling == Substrate::crossbar ? &prices.list : nullptr);
  const auto stop = [&] {
    experiment.save(checkpoint);
    write_results(experiment, prices, request.folder);
    view.clear();
    say("interrupted in epoch {}; go on with\n  {}", trainer.epochs_done() + 1, request.resume_command);
    return result;
  };
  const auto diverged = [&] {
    const EpochRow& row = experiment.rows.back();
    view.clear();
    error_text(
        Code::run_diverged,
        fmt::format("stopped after epoch {}: {} of its {} settles diverged, so the weights have lost their meaning. The rates are too "
                    "high: start anew with smaller train.rates, or a smaller network.initial_scale. {} is kept as it is",
                    row.epoch, row.sums.diverged, row.sums.settles, request.folder.string()));
    result.diverged = true;
    return result;
  };
  // a run that had lost its weights stays lost, whoever resumes it
  if (!experiment.rows.empty() && is_hopeless(experiment.rows.back().sums)) return diverged();
  RunWarnings warnings(trainer.wear());
  while (trainer.epochs_done() < config.train.epochs) {
    const auto start = Clock::now();
    const std::int64_t before = trainer.samples_trained();
    EpochReport report;
    const bool whole = trainer.run_epoch(
        experiment.train(),
        [&](const Progress& progress) {
          view.step(progress, trainer.samples_trained());
          return !interrupted();
        },
        report);
    if (!whole) return stop();
    EpochRow row = make_row(report, experiment, prices);
    // an epoch that was resumed is timed by its later part
    row.seconds =
        seconds_since(start) * share(static_cast<double>(row.sums.samples), static_cast<double>(trainer.samples_trained() - before));
    row.validation_accuracy = trainer.evaluate(experiment.validation()).accuracy;
    experiment.rows.push_back(row);
    view.epoch(row, trainer.samples_trained());
    warnings.look(report);
    if (interrupted() && trainer.epochs_done() < config.train.epochs) return stop();
    experiment.save(checkpoint);
    write_results(experiment, prices, request.folder);
    if (is_hopeless(row.sums)) return diverged();
  }
  view.clear();

  // the test set is touched once, at the end
  if (!experiment.test_accuracy) {
    experiment.test_accuracy = trainer.evaluate(experiment.test()).accuracy;
    experiment.save(checkpoint);
  }
  write_results(experiment, prices, request.folder);
  result.finished = true;
  result.rows = experiment.rows;
  result.test_accuracy = *experiment.test_accuracy;
  result.energy = energy_report(config, experiment.ledger_file(), prices);
  return result;
}

Config read_run_config(const fs::path& folder) {
  if (!is_file(folder / "config.toml") || !is_file(folder / "version.txt"))
    throw InputError(Code::no_run, {folder.string()}, "no run folder of `eqprop train`",
                     "a run folder has config.toml, version.txt and checkpoint.eqp");
  try {
    return read_config(folder / "config.toml");
  } catch (const InputError& error) {
    // a resolved config is the program's own file: when it is wrong it was damaged, or written by another version
    throw InputError(Code::damaged, error.where(), error.message(), error.remedy());
  }
}

}  // namespace eqprop
