// plot RUN...: draws figures of runs with gnuplot, as SVG and PNG, with their numbers beside them as CSV.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/parallel.h"
#include "energy/nearest.h"
#include "experiments/commands.h"
#include "experiments/plot/figures.h"
#include "experiments/plot/gnuplot.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct PlotArguments {
  std::vector<std::string> runs;
  std::string out;
  std::vector<std::string> only;
  bool json = false;
};

Figure skipped(std::string_view name, const std::string& why) {
  Figure figure;
  figure.name = name;
  figure.skipped = why;
  return figure;
}

// the figures of one run; the network is restored once, when the first figure asks
class OneRun {
 public:
  OneRun(const PlotRun& run, const std::string& caption) : run_(run), caption_(caption), places_(find_places()) {}

  Figure draw(std::string_view name) {
    if (name == "energy") return energy();
    if (!fs::exists(run_.folder / "checkpoint.eqp")) return skipped(name, "no checkpoint is there yet");
    if (!state_) state_.emplace(run_, places_, hardware_threads());
    if (name == "histograms") return histogram_figure(*state_);
    if (name == "settle") return settle_figure(*state_);
    return pulse_figure(*state_);
  }

 private:
  Figure energy() const {
    if (!fs::exists(run_.folder / "ledger.json")) return skipped("energy", "no ledger is there yet");
    const LedgerFile file = read_ledger_json(run_.folder / "ledger.json");
    if (file.samples_trained < 1) return skipped("energy", "no sample was trained yet");
    const Prices prices = Prices::read(places_, run_.config);
    return energy_figure(energy_report(run_.config, file, prices), prices, run_.config, caption_);
  }

  const PlotRun& run_;
  std::string caption_;
  Places places_;
  std::optional<RunState> state_;
};

void check_names(const std::vector<std::string>& only) {
  const std::vector<std::string_view> known = figure_names();
  for (const std::string& name : only)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw InputError(Code::unknown_name, {"--only " + name}, "no figure of this name", name_hint(name, known));
}

void make_folder(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed)
    throw InputError(Code::cannot_write, {folder.string()}, "cannot make this folder: " + failed.message(), "choose another --out");
}

// a table of the user's own must not be taken for a figure's
void check_target(const Figure& figure, const fs::path& out) {
  const fs::path table = out / (figure.name + ".csv");
  std::ifstream in(table);
  std::string first;
  if (in && std::getline(in, first) && first.substr(0, first.find(',')) != figure.csv.substr(0, figure.csv.find(',')))
    throw InputError(Code::folder_taken, {table.string()}, "this is no table of `eqprop plot` and would be overwritten",
                     "choose another --out, or move the file away");
}

int plot(const PlotArguments& arguments) {
  check_names(arguments.only);
  const std::vector<RunGroup> groups = find_runs(arguments.runs);
  const fs::path out = arguments.out.empty() ? fs::path(arguments.runs.front()) / "plots" : fs::path(arguments.out);

  const PlotRun& first = groups.front().runs.front();
  const bool several = groups.size() > 1 || groups.front().runs.size() > 1;
  OneRun one(first, config_text_short(groups.front().name, first.config) + fmt::format(", seed {}", first.config.seed));
  bool told = !several;
  std::vector<Figure> figures;
  Json json = {{"figures", Json::array()}, {"skipped", Json::array()}};
  for (const std::string_view name : figure_names()) {
    if (!arguments.only.empty() && std::find(arguments.only.begin(), arguments.only.end(), name) == arguments.only.end()) continue;
    if (name != "accuracy" && !told) {
      say("figures of one run are of the first: {}", first.folder.string());
      told = true;
    }
    const Figure figure = name == "accuracy" ? accuracy_figure(groups) : one.draw(name);
    if (!figure.skipped.empty()) {
      say("no figure `{}`: {}", name, figure.skipped);
      json["skipped"].push_back({{"name", name}, {"reason", figure.skipped}});
      continue;
    }
    check_target(figure, out);
    figures.push_back(figure);
  }
  // nothing is written before everything is read and gnuplot has answered
  if (!figures.empty()) run_gnuplot("");
  make_folder(out);
  for (const Figure& figure : figures) {
    const FigureFiles files = write_figure(figure, out);
    json["figures"].push_back(
        {{"name", figure.name}, {"svg", files.svg.string()}, {"png", files.png.string()}, {"csv", files.csv.string()}});
    if (arguments.json) continue;
    for (const fs::path& file : {files.svg, files.png, files.csv}) std::puts(file.c_str());
  }
  if (arguments.json) std::puts(json.dump().c_str());
  return kExitDone;
}

}  // namespace

std::vector<std::string_view> figure_names() { return {"accuracy", "histograms", "settle", "pulses", "energy"}; }

void add_plot(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("plot", "draw figures of runs with gnuplot: SVG, PNG, and the numbers as CSV");
  auto given = std::make_shared<PlotArguments>();
  command
      ->add_option("RUN", given->runs,
                   "run folders of `eqprop train`, or folders of --seeds; runs that differ in the seed alone share a curve")
      ->required();
  command->add_option("--out", given->out, "folder for the figures; default RUN/plots of the first RUN");
  command->add_option("--only", given->only, "figures to draw: accuracy, histograms, settle, pulses, energy")
      ->delimiter(',')
      ->expected(1)
      ->take_all()
      ->type_name("NAME,...");
  command->add_flag("--json", given->json, "the files as one JSON object, last line of standard output");
  command->callback([given, &exit_code] { exit_code = plot(*given); });
}

}  // namespace eqprop
