#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>

#include "base/check.h"
#include "experiments/plot/figures.h"
#include "experiments/plot/gnuplot.h"
#include "experiments/statistics.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;

enum Quantity { kTrain, kValidation, kCost, kPotential, kQuantities };
constexpr std::array<const char*, kQuantities> kColumns = {"train_accuracy", "validation_accuracy", "train_cost", "free_potential"};

using Metrics = std::vector<std::array<double, kQuantities>>;  // one row per epoch, NaN where the cell is empty

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells(1);
  for (const char c : line) {
    if (c == ',') {
      cells.emplace_back();
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  return cells;
}

// epochs of a run so far; none when there is no file yet
Metrics read_metrics(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  if (!in || !std::getline(in, line)) return {};
  const std::vector<std::string> names = split(line);
  std::array<std::size_t, kQuantities> at{};
  int row = 1;
  const auto fail = [&](const std::string& message) {
    throw InputError(Code::bad_cell, {file.string(), row}, message, "expected the metrics.csv of a run folder of `eqprop train`");
  };
  for (std::size_t q = 0; q < kQuantities; ++q) {
    at[q] = static_cast<std::size_t>(std::find(names.begin(), names.end(), kColumns[q]) - names.begin());
    if (at[q] == names.size()) fail(fmt::format("no column `{}`", kColumns[q]));
  }
  Metrics metrics;
  while (std::getline(in, line)) {
    ++row;
    const std::vector<std::string> cells = split(line);
    if (cells.size() != names.size()) fail(fmt::format("{} cells in a table of {} columns", cells.size(), names.size()));
    metrics.emplace_back();
    for (std::size_t q = 0; q < kQuantities; ++q) {
      const std::string& text = cells[at[q]];
      double& value = metrics.back()[q];
      value = std::numeric_limits<double>::quiet_NaN();
      if (text.empty()) continue;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc{} || end != text.data() + text.size()) fail(fmt::format("`{}` is no number", text));
    }
  }
  return metrics;
}

struct Spread {
  double mean, min, max, half_width;
};
Spread spread(const std::vector<double>& values) {
  if (values.empty()) return {NAN, NAN, NAN, NAN};
  const Estimate e = estimate(values);
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  return {e.mean, *min, *max, values.size() > 1 ? e.half_width : NAN};
}

// a group's epochs: how many seeds got there, and their spread
struct Epoch {
  std::size_t seeds = 0;
  std::array<Spread, kQuantities> spread;
};
std::vector<Epoch> epochs_of(const RunGroup& group) {
  std::vector<Metrics> runs;
  std::size_t longest = 0;
  for (const PlotRun& run : group.runs) {
    runs.push_back(read_metrics(run.folder / "metrics.csv"));
    longest = std::max(longest, runs.back().size());
  }
  std::vector<Epoch> epochs(longest);
  for (std::size_t e = 0; e < longest; ++e) {
    for (std::size_t q = 0; q < kQuantities; ++q) {
      std::vector<double> values;
      for (const Metrics& run : runs)
        if (e < run.size() && !std::isnan(run[e][q])) values.push_back(run[e][q]);
      epochs[e].spread[q] = spread(values);
    }
    epochs[e].seeds = static_cast<std::size_t>(std::count_if(runs.begin(), runs.end(), [&](const Metrics& run) { return e < run.size(); }));
  }
  return epochs;
}

std::string csv_header() {
  std::string line = "run,epoch,seeds";
  for (const char* column : kColumns)
    for (const char* what : {"mean", "min", "max", "half_width_95"}) line += fmt::format(",{}_{}", column, what);
  return line + "\n";
}

// datablock $g<i>: epoch, then mean, min, max of every quantity; accuracies in percent
void add_data(std::size_t i, const RunGroup& group, const std::vector<Epoch>& epochs, Figure& figure) {
  figure.script += fmt::format("$g{} << EOD\n", i);
  for (std::size_t e = 0; e < epochs.size(); ++e) {
    figure.csv += fmt::format("{},{},{}", cell(group.name), e + 1, epochs[e].seeds);
    figure.script += std::to_string(e + 1);
    for (std::size_t q = 0; q < kQuantities; ++q) {
      const Spread& s = epochs[e].spread[q];
      const double scale = q == kTrain || q == kValidation ? 100 : 1;
      figure.csv += fmt::format(",{},{},{},{}", cell(s.mean), cell(s.min), cell(s.max), cell(s.half_width));
      for (const double v : {s.mean, s.min, s.max}) figure.script += " " + gnuplot_number(scale * v);
    }
    figure.csv += "\n";
    figure.script += "\n";
  }
  figure.script += "EOD\n";
}

struct Curve {
  std::size_t group;
  Quantity quantity;
  std::string title;
  const char* colour;
  bool dashed;
};

// bands first, so that no band hides a line
std::string plot_command(const std::vector<Curve>& curves, const std::vector<RunGroup>& groups, const std::string& band_title) {
  std::string text;
  const auto add = [&](const std::string& element) { text += (text.empty() ? "plot " : ", \\\n  ") + element; };
  for (const Curve& c : curves) {
    const int column = 2 + 3 * c.quantity;
    if (groups[c.group].runs.size() > 1)
      add(fmt::format("$g{} using 1:{}:{} with filledcurves lc rgb '{}' fs transparent solid 0.2 noborder notitle", c.group, column + 1,
                      column + 2, c.colour));
  }
  for (const Curve& c : curves)
    add(fmt::format("$g{} using 1:{} with lines lw 2 dt {} lc rgb '{}' title {}", c.group, 2 + 3 * c.quantity, c.dashed ? "(4,3)" : "1",
                    c.colour, gnuplot_text(c.title)));
  if (!band_title.empty())
    add(fmt::format("NaN with filledcurves y1=0 lc rgb '#888888' fs solid 0.3 noborder title {}", gnuplot_text(band_title)));
  return text + "\n";
}

}  // namespace

Figure accuracy_figure(const std::vector<RunGroup>& groups) {
  Figure figure;
  figure.name = "accuracy";
  figure.width = 1320;
  figure.csv = csv_header();
  std::vector<Curve> accuracies, costs, potentials;
  std::string caption, band;
  std::size_t longest = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::vector<Epoch> epochs = epochs_of(groups[g]);
    if (epochs.empty()) continue;
    longest = std::max(longest, epochs.size());
    add_data(g, groups[g], epochs, figure);
    const bool alone = groups.size() == 1;
    const std::string prefix = alone ? "" : groups[g].name + ", ";
    accuracies.push_back({g, kTrain, prefix + "training", curve_colour(alone ? 1 : g), !alone});
    accuracies.push_back({g, kValidation, prefix + "validation", curve_colour(alone ? 0 : g), false});
    costs.push_back({g, kCost, prefix + "training", curve_colour(alone ? 1 : g), false});
    potentials.push_back({g, kPotential, prefix + "free phase, validation", curve_colour(alone ? 0 : g), false});
    const std::string name = alone ? config_text_short(groups[g].name, groups[g].runs.front().config) : groups[g].name;
    caption += (caption.empty() ? "" : ";  ") + name + ", " + seeds_text(groups[g]);
    if (groups[g].runs.size() > 1)
      band = alone ? fmt::format("least to largest of {} seeds", groups[g].runs.size()) : "least to largest of the seeds";
  }
  if (accuracies.empty()) {
    figure.skipped = "no epoch is finished yet";
    return figure;
  }
  figure.script += begin_panels("Accuracy, cost and potential during training", caption, 1, 3, figure);
  figure.script += fmt::format("set xlabel 'epoch'\nset xrange [1:{}]\nset title {}\n", std::max<std::size_t>(longest, 2),
                               gnuplot_text(band.empty() ? "accuracy" : "accuracy, mean over seeds"));
  figure.script += "set ylabel 'accuracy [%]'\nset yrange [:100]\nset key bottom right\n" + plot_command(accuracies, groups, band);
  figure.script += fmt::format(
      "unset label 99\nset title {}\nset ylabel 'mean cost per sample [1]'\nset yrange [*:*]\nset logscale y\nset key top right\n",
      gnuplot_text(band.empty() ? "cost" : "cost, mean over seeds"));
  figure.script += plot_command(costs, groups, band);
  figure.script += fmt::format(
      "unset label 99\nset title {}\nset ylabel 'mean potential per sample [1]'\nunset logscale y\nset yrange [*:*]\nset key top right\n",
      gnuplot_text(band.empty() ? "potential" : "potential, mean over seeds"));
  figure.script += plot_command(potentials, groups, band) + end_panels();
  return figure;
}

}  // namespace eqprop
