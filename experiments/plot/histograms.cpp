#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/plot/figures.h"
#include "experiments/plot/gnuplot.h"

namespace eqprop {
namespace {

constexpr int kBins = 60;

struct Histogram {
  double low = 0, width = 1;
  std::vector<std::int64_t> before, after;
  double edge(int bin) const { return low + width * bin; }
};

std::vector<double> values(std::initializer_list<const Eigen::MatrixXf*> matrices, double scale) {
  std::vector<double> out;
  for (const Eigen::MatrixXf* m : matrices)
    for (const float v : m->reshaped())
      if (std::isfinite(v)) out.push_back(scale * static_cast<double>(v));
  return out;
}

// the same bins for both, over what either holds
Histogram histogram(const std::vector<double>& before, const std::vector<double>& after) {
  double low = INFINITY, high = -INFINITY;
  for (const auto* all : {&before, &after}) {
    for (const double v : *all) {
      low = std::min(low, v);
      high = std::max(high, v);
    }
  }
  if (!(high > low)) {
    low = std::isfinite(low) ? low - 0.5 : 0;
    high = low + 1;
  }
  Histogram h{low, (high - low) / kBins, std::vector<std::int64_t>(kBins), std::vector<std::int64_t>(kBins)};
  const auto count = [&](const std::vector<double>& all, std::vector<std::int64_t>& bins) {
    for (const double v : all) ++bins[static_cast<std::size_t>(std::clamp(static_cast<int>((v - h.low) / h.width), 0, kBins - 1))];
  };
  count(before, h.before);
  count(after, h.after);
  return h;
}

// a datablock of steps, closed at both ends: x, before, after
std::string data(const std::string& name, const Histogram& h) {
  std::string text = fmt::format("${} << EOD\n{:.8g} 0 0\n", name, h.edge(0));
  for (int b = 0; b < kBins; ++b) {
    const auto i = static_cast<std::size_t>(b);
    text += fmt::format("{:.8g} {} {}\n", h.edge(b), h.before[i], h.after[i]);
  }
  return text + fmt::format("{:.8g} 0 0\nEOD\n", h.edge(kBins));
}

std::string csv(const std::string& layer, const char* quantity, double unit, const Histogram& h) {
  std::string text;
  for (const auto* bins : {&h.before, &h.after})
    for (int b = 0; b < kBins; ++b)
      text += fmt::format("{},{},{},{},{},{}\n", layer, quantity, bins == &h.before ? "before" : "after", cell(unit * h.edge(b)),
                          cell(unit * h.edge(b + 1)), (*bins)[static_cast<std::size_t>(b)]);
  return text;
}

// `marks` are drawn as dashed lines; the axes hold them and leave room for the legend
std::string panel(const std::string& name, const Histogram& h, const std::string& title, const std::string& x, const std::string& y,
                  const std::vector<double>& marks, const std::string& before) {
  double low = h.edge(0), high = h.edge(kBins);
  for (const double mark : marks) {
    low = std::min(low, mark);
    high = std::max(high, mark);
  }
  const auto top = static_cast<double>(std::max(std::ranges::max(h.before), std::ranges::max(h.after)));
  std::string text =
      fmt::format("set title {}\nset xlabel {}\nset ylabel {}\nunset arrow\nset xrange [{:.8g}:{:.8g}]\nset yrange [0:{:.8g}]\n",
                  gnuplot_text(title), gnuplot_text(x), gnuplot_text(y), low - 0.04 * (high - low), high + 0.04 * (high - low), 1.3 * top);
  for (const double mark : marks)
    text += fmt::format("set arrow from {0:.8g}, graph 0 to {0:.8g}, graph 1 nohead dt 2 lc rgb '#666666'\n", mark);
  return text + fmt::format(
                    "plot ${0} using 1:2 with fillsteps lc rgb '{1}' fs solid 0.35 noborder title {3}, \\\n"
                    "  ${0} using 1:3 with steps lw 1.8 lc rgb '{2}' title 'as trained'\nunset label 99\n",
                    name, colour::kOrange, colour::kBlue, gnuplot_text(before));
}

}  // namespace

Figure histogram_figure(const RunState& state) {
  Figure figure;
  figure.name = "histograms";
  figure.csv = "layer,quantity,when,low,high,count\n";
  const bool devices = state.after.front().has_devices();
  const auto layers = static_cast<int>(state.after.size());
  figure.width = std::max(600, 480 * layers);
  figure.height = devices ? 720 : 420;
  const char* before = devices ? "after the initial write" : "before training";

  std::string panels;
  if (devices) {
    const DevicePreset& device = state.experiment->config().crossbar.array.device;
    for (std::size_t l = 0; l < state.after.size(); ++l) {
      const CouplingState &old = state.before[l], &now = state.after[l];
      constexpr double kMicro = 1e-6;
      const Histogram h = histogram(values({&old.plus, &old.minus}, 1 / kMicro), values({&now.plus, &now.minus}, 1 / kMicro));
      const std::string name = fmt::format("g{}", l);
      figure.script += data(name, h);
      figure.csv += csv(now.name, "conductance_siemens", kMicro, h);
      panels += panel(name, h, now.name + ", both devices of a pair", "conductance G [µS]", "devices per bin",
                      {device.G_min / kMicro, device.G_max / kMicro}, before);
    }
  }
  for (std::size_t l = 0; l < state.after.size(); ++l) {
    const CouplingState& now = state.after[l];
    const Histogram h = histogram(values({&state.before[l].weights}, 1), values({&now.weights}, 1));
    const std::string name = fmt::format("w{}", l);
    figure.script += data(name, h);
    figure.csv += csv(now.name, "weight", 1, h);
    panels += panel(name, h, now.name + ", with biases", "weight w [1]", "weights per bin", {}, before);
  }
  figure.script += begin_panels(devices ? "Conductances and weights before and after training" : "Weights before and after training",
                                state.caption + (devices ? "; dashed: nominal window of the device" : ""), devices ? 2 : 1, layers, figure);
  figure.script += "set key top right\n" + panels + end_panels();
  return figure;
}

}  // namespace eqprop
