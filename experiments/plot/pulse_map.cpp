#include <fmt/format.h>

#include <algorithm>

#include "experiments/plot/figures.h"
#include "experiments/plot/gnuplot.h"

namespace eqprop {
namespace {

using Counts = DevicePlane::Counts;

// gnuplot has no palette of its own with even lightness; nine points of viridis (S. van der Walt, N. Smith, matplotlib, CC0)
constexpr const char* kViridis =
    "set palette defined (0 '#440154', 1 '#472d7b', 2 '#3b528b', 3 '#2c728e', 4 '#21918c', 5 '#28ae80', 6 '#5ec962', 7 '#addc30', 8 "
    "'#fde725') maxcolors 128\n";

std::string data(const std::string& name, const Counts& pulses) {
  std::string text = fmt::format("${} << EOD\n", name);
  for (Eigen::Index output = 0; output < pulses.rows(); ++output) {
    for (Eigen::Index line = 0; line < pulses.cols(); ++line) text += fmt::format("{}{}", line == 0 ? "" : " ", pulses(output, line));
    text += "\n";
  }
  return text + "EOD\n";
}

void add_csv(const CouplingState& layer, const char* device, const Counts& pulses, std::string& text) {
  for (Eigen::Index output = 0; output < pulses.rows(); ++output)
    for (Eigen::Index line = 0; line < pulses.cols(); ++line)
      text += fmt::format("{},{},{},{},{}\n", layer.name, device, output, line, pulses(output, line));
}

// end of the colours: all but one device in two hundred stay below, a few busy ones do not darken the rest
std::uint32_t upper_end(const CouplingState& layer) {
  std::vector<std::uint32_t> all(layer.plus_pulses.reshaped().begin(), layer.plus_pulses.reshaped().end());
  all.insert(all.end(), layer.minus_pulses.reshaped().begin(), layer.minus_pulses.reshaped().end());
  const auto at = all.begin() + static_cast<std::ptrdiff_t>((all.size() - 1) * 199 / 200);
  std::nth_element(all.begin(), at, all.end());
  return std::max(*at, 1U);
}

}  // namespace

Figure pulse_figure(const RunState& state) {
  Figure figure;
  figure.name = "pulses";
  if (!state.after.front().has_devices()) {
    figure.skipped = "ideal couplings have no devices, so no pulses";
    return figure;
  }
  const auto layers = static_cast<int>(state.after.size());
  figure.height = 150 + 290 * layers;
  figure.csv = "layer,device,output,line,pulses\n";
  std::string panels;
  for (std::size_t l = 0; l < state.after.size(); ++l) {
    const CouplingState& layer = state.after[l];
    const std::uint32_t end = upper_end(layer);
    panels += fmt::format("set cbrange [0:{}]\nset xrange [-0.5:{}]\nset yrange [-0.5:{}]\n", end,
                          static_cast<double>(layer.weights.cols()) - 0.5, static_cast<double>(layer.weights.rows()) - 0.5);
    for (const bool plus : {true, false}) {
      const Counts& pulses = plus ? layer.plus_pulses : layer.minus_pulses;
      const std::string name = fmt::format("{}{}", plus ? "p" : "m", l);
      figure.script += data(name, pulses);
      add_csv(layer, plus ? "G+" : "G-", pulses, figure.csv);
      panels += fmt::format(
          "set title {}\nset xlabel 'input line, the last is the bias'\nset ylabel '{}'\n{} colorbox\n"
          "plot ${} matrix with image notitle\nunset label 99\n",
          gnuplot_text(fmt::format("{}, device {} of each pair, most {}", layer.name, plus ? "G+" : "G−", pulses.maxCoeff())),
          plus ? "output" : "", plus ? "unset" : "set", name);
    }
  }
  figure.script += begin_panels("Pulses on every device, initial write and training", state.caption, layers, 2, figure, 135);
  figure.script += kViridis;
  figure.script +=
      "unset grid\nunset key\nset border 15\nset tics front\nset style fill solid 1\nset cblabel 'pulses (to the 99.5 % quantile)' offset "
      "1.2,0\n" +
      panels + end_panels();
  return figure;
}

}  // namespace eqprop
