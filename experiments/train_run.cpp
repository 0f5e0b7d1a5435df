#include "experiments/train_run.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "eqprop/data/checkpoint.h"
#include "experiments/experiment.h"
#include "experiments/free_state.h"
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

bool is_due(const CheckpointInterval& interval, std::uint32_t steps, double seconds) {
  return (interval.steps > 0 && steps % interval.steps == 0) || (interval.second > 0 && seconds >= interval.second);
}

EpochRow make_row(const EpochReport& report, const Experiment& experiment, const Prices& prices) {
  EpochRow row;
  row.epoch = report.epoch;
  row.sums = report.sums;
  row.pulses = pulses_of(experiment.trainer().ledger(), kPhaseUpdate);
  row.initial_write_pulses = pulses_of(experiment.trainer().ledger(), kPhaseInitialWrite);
  row.path = report.path;
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

constexpr std::int64_t kSettlesToJudge = 20000;  // that diverge in their majority: the run is given up
constexpr double kFarFromRest = 0.1;             // [unit output] residual of a state that swings rather than crawls

// no settle of an epoch came to rest although it should have, or none of a phase beside the free one
bool never_settled(const Config& config, const EpochRow& row) {
  const std::int64_t rested = row.sums.converged + row.sums.noise_floor;
  if (config.train.free.tolerance > 0 && rested == 0 && row.residual > kFarFromRest) return true;
  return config.train.nudged.tolerance > 0 && row.sums.settles > row.sums.samples && rested <= row.sums.samples;
}

}  // namespace

CheckpointInterval parse_interval(const std::string& text) {
  if (text == "epoch") return {0, 0};
  std::uint32_t steps = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), steps);
  if (error == std::errc{} && end == text.data() + text.size() && steps > 0) return {steps, 0};
  const Where where{"--checkpoint-every " + text, 0, 0};
  const std::string accepted = "expected a number of steps like 500, a time like \"30 s\", or epoch";
  try {
    const double second = parse_quantity(text, Unit::second);
    if (second > 0) return {0, second};
  } catch (const InputError&) {
    throw InputError(Code::out_of_range, where, accepted);
  }
  throw InputError(Code::out_of_range, where, accepted);
}

TrainResult train_run(const TrainRequest& request, const Places& places) {
  const Config& config = request.config;
  const fs::path checkpoint = request.folder / "checkpoint.eqp";
  check_folder(request.folder, request.resume);
  // everything that the user may have got wrong is read before anything is written
  const Prices prices = Prices::read(places, config);
  Experiment experiment(config, places, request.threads);
  Trainer<float>& trainer = experiment.trainer();
  if (!fs::exists(request.folder)) make_folder(request.folder);
  const FolderLock lock(request.folder);
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
  if (experiment.beta_budget()) say_text(beta_text(*experiment.beta_budget()));

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
  const auto give_up = [&](const std::string& what, int epoch) {
    const Diagnosis why = why_not_settled(experiment, request.threads);
    const std::string cause = why.cause == Cause::none ? "" : why.sentence + ". ";
    view.clear();
    error_text(Code::run_diverged,
               fmt::format("stopped in epoch {}: {}. {}Where training brought the weights there, start anew with smaller train.rates or a "
                           "smaller network.initial_scale. {} is kept as it is",
                           epoch, what, cause, request.folder.string()));
    result.diverged = true;
    return result;
  };
  const auto diverged = [&](const EpochSums& sums, int epoch) {
    return give_up(
        fmt::format("{} of its {} samples diverged in a phase, so the weights have lost their meaning", sums.dropped, sums.samples), epoch);
  };
  // a run that had lost its weights stays lost, whoever resumes it
  if (!experiment.rows.empty() && is_hopeless(experiment.rows.back().sums))
    return diverged(experiment.rows.back().sums, experiment.rows.back().epoch);
  RunWarnings warnings(trainer.wear());
  warn_of_moving_weights(config.train, experiment.train(), config.seed);
  auto last_save = Clock::now();
  const auto save_if_due = [&](const Progress& progress) {
    if (progress.done == progress.total || !is_due(request.interval, trainer.steps_done(), seconds_since(last_save))) return;
    experiment.save(checkpoint);
    last_save = Clock::now();
  };
  while (trainer.epochs_done() < config.train.epochs) {
    const auto start = Clock::now();
    const std::int64_t before = trainer.samples_trained();
    EpochReport report;
    EpochSums lost;  // of an epoch that is given up before its end
    const bool whole = trainer.run_epoch(
        experiment.train(),
        [&](const Progress& progress) {
          view.step(progress, trainer.samples_trained());
          if (progress.sums.settles >= kSettlesToJudge && is_hopeless(progress.sums)) {
            lost = progress.sums;
            return false;
          }
          save_if_due(progress);
          return !interrupted();
        },
        report);
    if (!whole && lost.settles > 0) {
      if (!is_file(checkpoint)) experiment.save(checkpoint);
      return diverged(lost, trainer.epochs_done() + 1);
    }
    if (!whole) return stop();
    EpochRow row = make_row(report, experiment, prices);
    // an epoch that was resumed is timed by its later part
    row.seconds =
        seconds_since(start) * share(static_cast<double>(row.sums.samples), static_cast<double>(trainer.samples_trained() - before));
    row.validation_accuracy = trainer.evaluate(experiment.validation()).accuracy;
    const FreeState free = look_at_free_state(experiment, request.threads);
    row.free_potential = free.potential;
    row.residual = free.residual;
    experiment.rows.push_back(row);
    view.epoch(row, trainer.samples_trained());
    warnings.look(report);
    if (interrupted() && trainer.epochs_done() < config.train.epochs) return stop();
    experiment.save(checkpoint);
    last_save = Clock::now();
    write_results(experiment, prices, request.folder);
    if (is_hopeless(row.sums)) return diverged(row.sums, row.epoch);
    if (never_settled(config, row)) {
      const Diagnosis why = why_not_settled(experiment, request.threads);
      if (why.cause != Cause::none && why.cause != Cause::budget_too_small)
        return give_up(fmt::format("only {} of its {} settles reached the tolerance, free states are {:.2g} from equilibrium",
                                   row.sums.converged + row.sums.noise_floor, row.sums.settles, row.residual),
                       row.epoch);
    }
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
  const WireModel wires = config.crossbar.array.wires.model;
  if (config.coupling == Substrate::crossbar && wires != WireModel::none) result.wires = wire_model_name(wires);
  result.wire_use = trainer.wire_use();
  result.faults = trainer.faults();
  return result;
}

}  // namespace eqprop
