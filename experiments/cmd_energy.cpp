// energy RUN: prices a run's ledger, beside backprop of the same network on a GPU. No training is repeated.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "experiments/commands.h"
#include "experiments/energy_report.h"
#include "experiments/train_run.h"

namespace eqprop {
namespace {

struct EnergyArguments {
  std::string run;
  std::string prices;
  std::string gpu;
  bool json = false;
};

int energy(const EnergyArguments& arguments) {
  const std::filesystem::path folder = arguments.run;
  Config config = read_run_config(folder);
  if (!arguments.prices.empty()) config.prices = arguments.prices;
  if (!arguments.gpu.empty()) config.gpu = arguments.gpu;
  const LedgerFile file = read_ledger_json(folder / "ledger.json");
  if (file.samples_trained < 1)
    throw InputError(Code::nothing_to_price, {(folder / "ledger.json").string()}, "no sample was trained yet: nothing to price",
                     "go on with the run: eqprop train CONFIG --out RUN --resume");
  const EnergyReport report = energy_report(config, file, Prices::read(find_places(), config));
  if (arguments.json) {
    std::puts(energy_json(report, config, file).dump().c_str());
  } else {
    std::fputs(energy_table(report, config, file).c_str(), stdout);
  }
  return kExitDone;
}

}  // namespace

void add_energy(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("energy", "price a run's ledger in joules, beside backprop on a GPU");
  auto given = std::make_shared<EnergyArguments>();
  command->add_option("RUN", given->run, "run folder of `eqprop train`")->required();
  command->add_option("--prices", given->prices, "another price list: a name as in energy/prices, or a file");
  command->add_option("--gpu", given->gpu, "another GPU model: a name as in energy/prices, or a file");
  command->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  command->callback([given, &exit_code] { exit_code = energy(*given); });
}

}  // namespace eqprop
