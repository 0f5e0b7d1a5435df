#include "experiments/study_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "experiments/plot/gnuplot.h"
#include "experiments/study_figures.h"

namespace eqprop {
namespace {

constexpr double kLeastLack = 1e-7;  // of a cosine to 1, that a picture shows: where float32 ends
constexpr double kRightEdge = 0.97;  // of a second panel

std::vector<double> values_of(const Stored& stored, const std::string& run, const std::string& name) {
  for (const StoredFigure& figure : stored.figures)
    if (figure.run == run && figure.figure == name) return figure.values;
  return {};
}

// mean and range over the seeds
struct Spread {
  double mean, low, high;
};

std::optional<Spread> spread_of(const std::vector<double>& values) {
  if (values.empty()) return {};
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return Spread{mean_of(values), *low, *high};
}

// a panel of runs over each other, the first on top: `values` has a spread per run
std::string spread_panel(const std::string& block, const std::vector<std::optional<Spread>>& values, const char* colour) {
  std::string text = fmt::format("${} << EOD\n", block);
  std::size_t row = values.size();
  for (const auto& value : values) {
    --row;
    if (value)
      text += fmt::format("{} {} {} {}\n", row, gnuplot_number(value->mean), gnuplot_number(value->low), gnuplot_number(value->high));
  }
  return text + fmt::format("EOD\nset yrange [-0.6:{}]\nplot ${} using 2:1:3:4 with xerrorbars pt 7 ps 1 lw 1.8 lc rgb '{}'\n",
                            static_cast<double>(values.size()) - 0.4, block, colour);
}

// the axis of the errors [%]: from a little below the least to a little above the most, logarithmic when they are far apart
std::string error_axis(const std::vector<std::optional<Spread>>& errors) {
  double least = 100, most = 0;
  for (const auto& e : errors) {
    if (!e) continue;
    least = std::min(least, e->low);
    most = std::max(most, e->high);
  }
  const bool wide = most > 5 * least;
  return fmt::format("{}set xrange [{:.4g}:{:.4g}]\nset xlabel 'test error [%]'\n",
                     wide ? "set logscale x\nset xtics (0.5, 1, 2, 5, 10, 20, 50, 100)\n" : "", least / (wide ? 1.3 : 1.1),
                     most * (wide ? 1.3 : 1.05));
}

// what the panels show, one per run; the same as CSV
struct RunSpreads {
  std::vector<std::optional<Spread>> errors;  // [%]
  std::vector<std::optional<Spread>> lacks;   // of the cosine with the settled estimate to 1
  std::size_t cosines = 0;                    // runs that have one
};

RunSpreads collect(const Study& study, std::string& csv) {
  RunSpreads out;
  for (const StudyRun& run : study.runs) {
    const auto error = spread_of(values_of(*study.stored, run.name, "test_error"));
    const auto cosine = spread_of(values_of(*study.stored, run.name, "cosine_settled"));
    out.errors.push_back(error ? std::optional(Spread{100 * error->mean, 100 * error->low, 100 * error->high}) : std::nullopt);
    const auto lack = [](double c) { return std::max(1 - c, kLeastLack); };
    out.lacks.push_back(cosine ? std::optional(Spread{lack(cosine->mean), lack(cosine->high), lack(cosine->low)}) : std::nullopt);
    out.cosines += cosine ? 1 : 0;
  }
  const auto cells = [](const std::optional<Spread>& s) {
    return s ? fmt::format(",{},{},{}", cell(s->mean), cell(s->low), cell(s->high)) : std::string(",,,");
  };
  csv = std::string("run,seeds,test_error_mean,test_error_min,test_error_max") +
        (out.cosines > 0 ? ",cosine_settled_mean,cosine_settled_min,cosine_settled_max\n" : "\n");
  for (const StudyRun& run : study.runs) {
    const std::vector<double> errors = values_of(*study.stored, run.name, "test_error");
    csv += fmt::format("{},{}{}", cell(run.name), errors.size(), cells(spread_of(errors)));
    if (out.cosines > 0) csv += cells(spread_of(values_of(*study.stored, run.name, "cosine_settled")));
    csv += "\n";
  }
  return out;
}

// test errors, and beside them what the cosines lack to 1 where some run has one
std::string runs_panels(const Study& study, Figure& figure) {
  const RunSpreads spreads = collect(study, figure.csv);
  std::string names, blanks;
  std::size_t row = study.runs.size(), longest = 0;
  for (const StudyRun& run : study.runs) {
    names += fmt::format("{}{} {}", names.empty() ? "" : ", ", gnuplot_text(run.name), --row);
    blanks += fmt::format("{}'' {}", blanks.empty() ? "" : ", ", row);
    longest = std::max(longest, run.name.size());
  }
  const bool two = spreads.cosines > 0;
  std::string text = begin_panels(study.title, "eqprop reproduce " + study.name, 1, two ? 2 : 1, figure);
  const double names_wide = 0.04 + 0.008 * static_cast<double>(longest);  // of the screen
  const double left = two ? std::min(0.36, names_wide) : std::clamp(names_wide, 0.36, 0.5);
  const double half = (kRightEdge - left - 0.05) / 2;
  text += fmt::format("set lmargin at screen {:.3f}\n", left);
  if (two) text += fmt::format("set rmargin at screen {:.3f}\n", left + half);
  text += fmt::format("set ytics ({})\nunset key\nset grid x y\n", names);
  text += error_axis(spreads.errors) + spread_panel("runs", spreads.errors, colour::kBlue);
  if (two) {
    text += fmt::format("set lmargin at screen {:.3f}\nset rmargin at screen {}\nset ytics ({})\n", kRightEdge - half, kRightEdge, blanks);
    double least = 1;
    for (const auto& lack : spreads.lacks) least = lack ? std::min(least, lack->low) : least;
    text += fmt::format("set logscale x\nset xtics autofreq\nset format x '1e%T'\nset xrange [{}:2]\n",
                        std::pow(10, std::floor(std::log10(least))) / 2);
    text += "set xlabel '1 - cosine with the settled estimate'\n";
    text += spread_panel("cosines", spreads.lacks, colour::kVermilion);
  }
  return text + end_panels();
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
    figure.script = runs_panels(study, figure);
  } else {
    figure.csv = fmt::format("{},{}\n", cell(study.criticals.front().over), cell(study.criticals.front().key));
    figure.script = critical_panel(study, study.criticals.front(), figure);
  }
  return figure;
}

}  // namespace eqprop
