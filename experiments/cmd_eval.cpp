// eval RUN: the accuracies of a run's checkpoint, on validation and test set.
#include <fmt/format.h>

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
  if (!experiment.test_accuracy)
    warn("this run is not finished: {} of {} epochs", experiment.trainer().epochs_done(), experiment.config().train.epochs);
  const Evaluation validation = experiment.trainer().evaluate(experiment.validation());
  const Evaluation test = experiment.trainer().evaluate(experiment.test());

  if (arguments.json) {
    const nlohmann::ordered_json out = {{"validation_accuracy", validation.accuracy},
                                        {"validation_cost", validation.cost},
                                        {"test_accuracy", test.accuracy},
                                        {"test_cost", test.cost},
                                        {"epochs", experiment.trainer().epochs_done()},
                                        {"seed", experiment.config().seed}};
    std::puts(out.dump().c_str());
    return kExitDone;
  }
  fmt::print("{}: {} on {}, seed {}, {} epochs\n", arguments.run, layers_text(experiment.config()), experiment.config().data,
             experiment.config().seed, experiment.trainer().epochs_done());
  fmt::print("  validation  {:6.2f} % of {} samples, mean cost {:.4g}\n", 100 * validation.accuracy, validation.samples, validation.cost);
  fmt::print("  test        {:6.2f} % of {} samples, mean cost {:.4g}\n", 100 * test.accuracy, test.samples, test.cost);
  return kExitDone;
}

}  // namespace

void add_eval(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("eval", "validation and test accuracy of a run's checkpoint");
  auto given = std::make_shared<EvalArguments>();
  command->add_option("RUN", given->run, "run folder of `eqprop train`")->required();
  command->add_option("--threads", given->threads, "threads; never changes results")->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  command->callback([given, &exit_code] { exit_code = evaluate(*given); });
}

}  // namespace eqprop
