// eval RUN: the accuracies of a run's checkpoint, on validation and, once the run is finished, test set.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/parallel.h"
#include "experiments/commands.h"
#include "experiments/experiment.h"
#include "experiments/talk.h"
#include "experiments/train_run.h"

namespace eqprop {
namespace {

struct EvalArguments {
  std::string run;
  int threads = hardware_threads();
  bool json = false;
};

int evaluate(const EvalArguments& arguments) {
  const std::filesystem::path folder = arguments.run;
  Experiment experiment(read_run_config(folder), find_places(), arguments.threads);
  experiment.restore(folder / "checkpoint.eqp");
  // the test set is touched once training is over, not to look how it goes
  const bool finished = experiment.test_accuracy.has_value();
  if (!finished)
    warn(Code::run_unfinished, "this run is not finished, {} of {} epochs: validation only, the test set waits until then",
         experiment.trainer().epochs_done(), experiment.config().train.epochs);
  const Evaluation validation = experiment.trainer().evaluate(experiment.validation());
  const Evaluation test = finished ? experiment.trainer().evaluate(experiment.test()) : Evaluation{};

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
  return kExitDone;
}

}  // namespace

void add_eval(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("eval", "validation accuracy of a run's checkpoint, and test accuracy once the run is finished");
  auto given = std::make_shared<EvalArguments>();
  command->add_option("RUN", given->run, "run folder of `eqprop train`")->required();
  command->add_option("--threads", given->threads, "threads; never changes results")->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  command->callback([given, &exit_code] { exit_code = evaluate(*given); });
}

}  // namespace eqprop
