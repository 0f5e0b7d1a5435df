// eval RUN: the accuracies of a run's checkpoint, on validation and, once the run is finished, test set.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/parallel.h"
#include "base/units.h"
#include "experiments/commands.h"
#include "experiments/experiment.h"
#include "experiments/talk.h"
#include "experiments/train_run.h"

namespace eqprop {
namespace {

constexpr double kLongestWait = 3.2e10;  // [s]

struct EvalArguments {
  std::string run;
  int threads = hardware_threads();
  bool json = false;
  std::vector<std::string> after;
};

/// An accuracy, so long after programming.
struct Aged {
  std::string after;
  double second = 0;
  Evaluation validation, test;
};

/// The times asked for, each a list like "1 h, 1 d", in their order.
std::vector<Aged> waits_of(const std::vector<std::string>& lists) {
  std::vector<Aged> waits;
  for (const std::string& list : lists)
    for (const std::string& text : CLI::detail::split(list, ',')) {
      const double second = parse_quantity(text, Unit::second);
      if (!(second >= 0 && second <= kLongestWait))
        throw InputError(Code::out_of_range, {}, fmt::format("--after {}: expected 0 s to 1000 y", text));
      waits.push_back({CLI::detail::trim_copy(text), second, {}, {}});
    }
  std::stable_sort(waits.begin(), waits.end(), [](const Aged& a, const Aged& b) { return a.second < b.second; });
  return waits;
}

int evaluate(const EvalArguments& arguments) {
  const std::filesystem::path folder = arguments.run;
  Experiment experiment(read_run_config(folder), find_places(), arguments.threads);
  experiment.restore(folder / "checkpoint.eqp");
  // the test set is touched once training is over, not to look how it goes
  const bool finished = experiment.test_accuracy.has_value();
  if (!finished)
    warn(Code::run_unfinished, "this run is not finished, {} of {} epochs: validation only, the test set waits until then",
         experiment.trainer().epochs_done(), experiment.config().train.epochs);
  std::vector<Aged> waits = waits_of(arguments.after);
  const Evaluation validation = experiment.trainer().evaluate(experiment.validation());
  const Evaluation test = finished ? experiment.trainer().evaluate(experiment.test()) : Evaluation{};
  double passed = 0;
  bool changes = true;
  for (Aged& wait : waits) {
    changes &= experiment.trainer().wait(wait.second - passed);
    passed = wait.second;
    wait.validation = experiment.trainer().evaluate(experiment.validation());
    if (finished) wait.test = experiment.trainer().evaluate(experiment.test());
  }
  if (!changes)
    warn(Code::no_aging, "nothing in this run changes with time: {}",
         experiment.config().coupling == Substrate::ideal
             ? "its weights are exact numbers"
             : "device.drift_time, device.retention_time, crossbar.flicker and crossbar.telegraph are not set");

  if (arguments.json) {
    nlohmann::ordered_json out = {{"validation_accuracy", validation.accuracy},
                                  {"validation_cost", validation.cost},
                                  {"test_accuracy", nullptr},
                                  {"test_cost", nullptr},
                                  {"epochs", experiment.trainer().epochs_done()},
                                  {"seed", experiment.config().seed}};
    if (finished) {
      out["test_accuracy"] = test.accuracy;
      out["test_cost"] = test.cost;
    }
    for (const Aged& wait : waits) {
      nlohmann::ordered_json row = {
          {"after", wait.after}, {"second", wait.second}, {"validation_accuracy", wait.validation.accuracy}, {"test_accuracy", nullptr}};
      if (finished) row["test_accuracy"] = wait.test.accuracy;
      out["after"].push_back(row);
    }
    std::puts(out.dump().c_str());
    return kExitDone;
  }
  fmt::print("{}: {} on {}, seed {}, {} epochs\n", arguments.run, layers_text(experiment.config()), experiment.train().name,
             experiment.config().seed, experiment.trainer().epochs_done());
  const auto line = [](const char* name, const Evaluation& e) {
    const std::string cost = std::isfinite(e.cost) ? fmt::format("mean cost {:.4g}", e.cost) : "no finite cost";
    fmt::print("  {:<12}{:6.2f} % of {} samples, {}\n", name, 100 * e.accuracy, e.samples, cost);
  };
  line("validation", validation);
  if (finished) line("test", test);
  for (const Aged& wait : waits) {
    fmt::print("after {}:\n", wait.after);
    line("validation", wait.validation);
    if (finished) line("test", wait.test);
  }
  return kExitDone;
}

}  // namespace

void add_eval(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("eval", "validation accuracy of a run's checkpoint, and test accuracy once the run is finished");
  auto given = std::make_shared<EvalArguments>();
  command->add_option("RUN", given->run, "run folder of `eqprop train`")->required();
  command->add_option("--threads", given->threads, "threads; never changes results")->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_option(
      "--after", given->after,
      "also so long after programming, e.g. \"1 d\" or \"1 s, 1 h, 1 d, 1 y\": drift, retention and slow noise of the devices");
  command->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  command->callback([given, &exit_code] { exit_code = evaluate(*given); });
}

}  // namespace eqprop
