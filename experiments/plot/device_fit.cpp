#include "experiments/plot/device_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/plot/gnuplot.h"

namespace eqprop {
namespace {

constexpr std::size_t kDots = 2500;  // of a panel: more make a file slow, and say no more
constexpr std::size_t kBins = 24;
constexpr int kLine = 120;

struct Axis {
  double unit;
  std::string siemens, step;
};

struct Mean {
  double x = 0, step = 0, residual = 0, error = 0, step_error = 0;
};

// means over bins of as many pulses each
std::vector<Mean> means(std::vector<FittedStep> steps, double unit) {
  std::sort(steps.begin(), steps.end(), [](const FittedStep& a, const FittedStep& b) { return a.siemens < b.siemens; });
  std::vector<Mean> out;
  const std::size_t bins = std::clamp<std::size_t>(steps.size() / 5, 1, kBins);
  for (std::size_t b = 0; b < bins; ++b) {
    const std::size_t first = steps.size() * b / bins, last = steps.size() * (b + 1) / bins;
    const auto n = static_cast<double>(last - first);
    Mean m;
    double square = 0;
    for (std::size_t k = first; k < last; ++k) {
      m.x += steps[k].siemens / unit / n;
      m.step += steps[k].step / unit / n;
      m.residual += steps[k].residual / n;
    }
    for (std::size_t k = first; k < last; ++k) square += std::pow(steps[k].step / unit - m.step, 2);
    m.error = 1 / std::sqrt(n);
    m.step_error = n > 1 ? std::sqrt(square / (n - 1) / n) : 0;
    out.push_back(m);
  }
  return out;
}

// datablocks: every so many pulses, their means, the law's line
std::string data(const std::string& name, const DirectionFit& d, double unit) {
  std::string text = fmt::format("${}dots << EOD\n", name);
  const std::size_t stride = std::max<std::size_t>((d.steps.size() + kDots - 1) / kDots, 1);
  for (std::size_t k = 0; k < d.steps.size(); k += stride)
    text += fmt::format("{:.6g} {:.6g} {:.4g}\n", d.steps[k].siemens / unit, d.steps[k].step / unit, d.steps[k].residual);
  text += fmt::format("EOD\n${}means << EOD\n", name);
  for (const Mean& m : means(d.steps, unit))
    text += fmt::format("{:.6g} {:.6g} {:.4g} {:.4g} {:.4g}\n", m.x, m.step, m.step_error, m.residual, m.error);
  text += fmt::format("EOD\n${}law << EOD\n", name);
  double low = d.steps.front().siemens, high = low;
  for (const FittedStep& s : d.steps) {
    low = std::min(low, s.siemens);
    high = std::max(high, s.siemens);
  }
  for (int i = 0; i <= kLine; ++i) {
    const double g = low + (high - low) * i / kLine;
    text += fmt::format("{:.6g} {} {}\n", g / unit, gnuplot_number(d.mean(g) / unit), gnuplot_number(d.c2c(g) / unit));
  }
  return text + "EOD\n";
}

std::string step_panel(const std::string& name, const std::string& title, const std::string& law, const Axis& axis) {
  return fmt::format(
      "set title {}\nunset xlabel\nset ylabel {}\nset autoscale y\n"
      "plot ${}dots using 1:2 with points pt 7 ps 0.15 lc rgb '{}' title 'pulses', \\\n"
      "  ${}law using 1:($2-$3):($2+$3) with filledcurves lc rgb '{}' fs transparent solid 0.2 noborder title 'cycle to cycle, 1 sd', \\\n"
      "  ${}law using 1:2 with lines lw 2.2 lc rgb '{}' title {}, \\\n"
      "  ${}means using 1:2:3 with yerrorbars pt 7 ps 0.5 lc rgb '{}' title 'means'\n",
      gnuplot_text(title), gnuplot_text(axis.step), name, colour::kGrey, name, colour::kOrange, name, colour::kVermilion, gnuplot_text(law),
      name, colour::kBlue);
}

std::string residual_panel(const std::string& name, const std::string& title, const Axis& axis) {
  return fmt::format(
      "set title {}\nset xlabel {} offset 0,0.6\nset ylabel {}\nset yrange [-4:4]\n"
      "plot ${}dots using 1:3 with points pt 7 ps 0.15 lc rgb '{}' title 'pulses', \\\n"
      "  0 with lines lw 1.2 lc rgb '{}' notitle, \\\n"
      "  ${}means using 1:4:5 with yerrorbars pt 7 ps 0.5 lc rgb '{}' title 'means'\n",
      gnuplot_text(title), gnuplot_text(axis.siemens), gnuplot_text("residual [sd]"), name, colour::kGrey, colour::kVermilion, name,
      colour::kBlue);
}

}  // namespace

Figure device_fit_figure(const DeviceFit& fit, const std::string& caption, bool siemens) {
  const LawFit& best = fit.laws.front();
  const Axis axis =
      siemens ? Axis{1e-6, "conductance before the pulse [µS]", "step [µS]"} : Axis{1, "weight before the pulse [1]", "step [1]"};
  Figure figure;
  figure.name = "device_fit";
  figure.width = 1080;
  figure.height = 820;
  figure.csv = "direction,conductance,step,law,residual_sd\n";
  for (const auto& [name, d] : {std::pair{"set", &best.set}, {"reset", &best.reset}}) {
    figure.script += data(name, *d, axis.unit);
    for (const FittedStep& s : d->steps)
      figure.csv += fmt::format("{},{},{},{},{}\n", name, cell(s.siemens), cell(s.step), cell(s.mean), cell(s.residual));
  }
  const auto title = [&](const char* sort, const DirectionFit& d) {
    return fmt::format("{}: {} ramps, {} pulses", sort, d.ramps, d.pulses);
  };
  figure.script += begin_panels("Steps of a device and the law " + best.law, caption, 2, 2, figure);
  // where steps grow upwards the lower right is free, where they are negative the upper left
  figure.script += "set key bottom right\n" + step_panel("set", title("SET", best.set), best.law, axis) + "set key top left\n" +
                   step_panel("reset", title("RESET", best.reset), best.law, axis) + residual_panel("set", "SET, what is left", axis) +
                   residual_panel("reset", "RESET, what is left", axis) + end_panels();
  return figure;
}

}  // namespace eqprop
