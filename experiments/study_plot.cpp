#include "experiments/study_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/plot/gnuplot.h"
#include "experiments/study_figures.h"

namespace eqprop {
namespace {

std::vector<double> values_of(const Stored& stored, const std::string& run, const std::string& name) {
  for (const StoredFigure& figure : stored.figures)
    if (figure.run == run && figure.figure == name) return figure.values;
  return {};
}

// mean and range of the seeds, the first run on top
std::string runs_panel(const Study& study, Figure& figure) {
  std::string block = "$runs << EOD\n", names;
  double least = 1, most = 0;
  std::size_t row = study.runs.size();
  for (const StudyRun& run : study.runs) {
    const std::vector<double> errors = values_of(*study.stored, run.name, "test_error");
    --row;
    names += fmt::format("{}{} {}", names.empty() ? "" : ", ", gnuplot_text(run.name), row);
    if (errors.empty()) continue;
    const auto [low, high] = std::minmax_element(errors.begin(), errors.end());
    const double mean = mean_of(errors);
    least = std::min(least, *low);
    most = std::max(most, *high);
    block += fmt::format("{} {} {} {}\n", row, gnuplot_number(100 * mean), gnuplot_number(100 * *low), gnuplot_number(100 * *high));
    figure.csv += fmt::format("{},{},{},{},{}\n", cell(run.name), errors.size(), cell(mean), cell(*low), cell(*high));
  }
  figure.script = block + "EOD\n" + begin_panels(study.title, "eqprop reproduce " + study.name, 1, 1, figure);
  figure.script +=
      fmt::format("set lmargin at screen 0.36\nset ytics ({})\nset yrange [-0.6:{}]\nset xlabel 'test error [%]'\nunset key\nset grid x y\n"
                  "{}set xrange [{:.4g}:{:.4g}]\n",
                  names, static_cast<double>(study.runs.size()) - 0.4, most > 5 * least ? "set logscale x\n" : "",
                  100 * least / (most > 5 * least ? 1.3 : 1.1), 100 * most * (most > 5 * least ? 1.3 : 1.05));
  figure.script += fmt::format("plot $runs using 2:1:3:4 with xerrorbars pt 7 ps 1 lw 1.8 lc rgb '{}'\n", colour::kBlue);
  return figure.script + end_panels();
}

std::string critical_panel(const Study& study, const StudyCritical& search, Figure& figure) {
  std::string block = "$critical << EOD\n";
  double logs = 0, log_values = 0, count = 0;
  for (const double value : search.values) {
    const std::vector<double> found = values_of(*study.stored, search.name, fmt::format("critical_{}", value));
    if (found.empty()) continue;
    block += fmt::format("{} {}\n", gnuplot_number(value), gnuplot_number(found.front()));
    figure.csv += fmt::format("{},{}\n", cell(value), cell(found.front()));
    logs += std::log(found.front());
    log_values += std::log(value);
    ++count;
  }
  const std::vector<double> exponent = values_of(*study.stored, search.name, "exponent");
  std::string text = block + "EOD\n" + begin_panels(study.title, "eqprop reproduce " + study.name, 1, 1, figure);
  text += fmt::format("set logscale xy\nset xlabel {}\nset ylabel {}\nset key inside bottom right\n", gnuplot_text(search.over),
                      gnuplot_text("largest " + search.key + " that learns"));
  text += fmt::format("plot $critical using 1:2 with points pt 7 ps 1.2 lc rgb '{}' title 'critical'", colour::kBlue);
  if (!exponent.empty() && count > 0)
    text += fmt::format(", \\\n  {:.6g} * (x / {:.6g})**{:.6g} with lines lw 1.8 lc rgb '{}' title 'power {:.2f}'", std::exp(logs / count),
                        std::exp(log_values / count), exponent.front(), colour::kVermilion, exponent.front());
  return text + "\n" + end_panels();
}

}  // namespace

Figure study_plot(const Study& study) {
  Figure figure;
  figure.name = "study-" + study.name;
  if (!study.stored) {
    figure.skipped = "study " + study.name + " has no stored figures";
  } else if (!study.runs.empty()) {
    figure.height = 120 + 26 * static_cast<int>(study.runs.size());
    figure.csv = "run,seeds,test_error_mean,test_error_min,test_error_max\n";
    figure.script = runs_panel(study, figure);
  } else {
    figure.csv = fmt::format("{},{}\n", cell(study.criticals.front().over), cell(study.criticals.front().key));
    figure.script = critical_panel(study, study.criticals.front(), figure);
  }
  return figure;
}

}  // namespace eqprop
