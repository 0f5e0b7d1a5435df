#include "experiments/plot/voltage_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/plot/gnuplot.h"

namespace eqprop {
namespace {

using Eigen::Index;

// nine points of viridis (S. van der Walt, N. Smith, matplotlib, CC0) for one sign; blue, white, red around zero for both
constexpr const char* kOneSign =
    "set palette defined (0 '#440154', 1 '#472d7b', 2 '#3b528b', 3 '#2c728e', 4 '#21918c', 5 '#28ae80', 6 '#5ec962', 7 '#addc30', 8 "
    "'#fde725') maxcolors 256\n";
constexpr const char* kBothSigns =
    "set palette defined (0 '#053061', 1 '#2166ac', 2 '#4393c3', 3 '#92c5de', 4 '#f7f7f7', 5 '#f4a582', 6 '#d6604d', 7 '#b2182b', 8 "
    "'#67001f') maxcolors 255\n";

struct Prefix {
  const char* unit;
  double volt;
};

Prefix prefix_for(double largest) {
  for (const Prefix& prefix : {Prefix{"V", 1}, Prefix{"mV", 1e-3}, Prefix{"µV", 1e-6}, Prefix{"nV", 1e-9}})
    if (largest >= prefix.volt) return prefix;
  return {"V", 1};
}

struct Panel {
  std::string name, title, data, ranges, unit;
};

Panel panel(const std::string& name, const std::string& title, const Eigen::MatrixXd& volt) {
  const double low = volt.minCoeff(), high = volt.maxCoeff(), largest = std::max(std::abs(low), std::abs(high));
  const Prefix prefix = prefix_for(largest);
  Panel out{name, title, "$" + name + " << EOD\n", "", prefix.unit};
  for (Index i = 0; i < volt.rows(); ++i) {
    for (Index j = 0; j < volt.cols(); ++j) out.data += (j == 0 ? "" : " ") + fmt::format("{:.6g}", volt(i, j) / prefix.volt);
    out.data += "\n";
  }
  out.data += "EOD\n";
  const bool both = low < -0.02 * largest && high > 0.02 * largest;
  double from = both ? -largest : low, to = both ? largest : high;
  // a panel of one colour still has a scale
  if (!(to - from > 1e-9 * largest)) from = to > 0 ? 0 : to, to = to > 0 ? to : to < 0 ? 0 : 1;
  out.ranges = fmt::format("{}set cbrange [{:.6g}:{:.6g}]\n", both ? kBothSigns : kOneSign, from / prefix.volt, to / prefix.volt);
  return out;
}

}  // namespace

Figure voltage_figure(const Wires& wires, const WireState& state, const std::string& caption) {
  const Index rows = wires.word_lines(), columns = wires.bit_lines();
  Eigen::MatrixXd word(rows, columns), bit(rows, columns);
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) {
      word(i, j) = state.word_volt(i, j);
      bit(i, j) = state.bit_volt(i, j);
    }
  const Panel panels[] = {panel("word", "nodes of the word lines", word), panel("bit", "nodes of the bit lines", bit),
                          panel("cell", "over the cells, word line minus bit line", word - bit)};

  Figure figure;
  figure.name = "voltages";
  figure.width = 1320;
  figure.height = 460;
  constexpr double kSlot = 436, kLeft = 78, kSide = 280, kBottom = 92;  // [px] of a panel
  const double w = figure.width, h = figure.height;
  std::string plots;
  for (int p = 0; p < 3; ++p) {
    const Panel& one = panels[p];
    figure.script += one.data;
    const double left = kSlot * p + kLeft, right = left + kSide;
    plots += fmt::format("set lmargin at screen {:.5f}\nset rmargin at screen {:.5f}\n", left / w, right / w);
    plots += fmt::format("set bmargin at screen {:.5f}\nset tmargin at screen {:.5f}\n", kBottom / h, (kBottom + kSide) / h);
    plots += fmt::format("set colorbox vertical user origin {:.5f},{:.5f} size {:.5f},{:.5f} noborder\n", (right + 12) / w, kBottom / h,
                         14 / w, kSide / h);
    // the unit stands on its scale
    plots += fmt::format("set label 1 '{}' at screen {:.5f},{:.5f} center\n", one.unit, (right + 19) / w, (kBottom + kSide + 12) / h);
    plots += one.ranges;
    plots += fmt::format("set title {} offset 0,-0.4\nplot ${} matrix using ($1+1):($2+1):3 with image notitle\nunset label 99\n",
                         gnuplot_text(one.title), one.name);
  }
  figure.script += fmt::format("set multiplot title {} font ',16'\n", gnuplot_text("Voltages in the array"));
  figure.script +=
      fmt::format("set label 99 {} at screen 0.5,{:.4f} center font ',11' textcolor rgb '#555555'\n", gnuplot_text(caption), 16 / h);
  // word line 1 on top: sources are at the left, outputs at the bottom
  figure.script += fmt::format("set xrange [0.5:{0}.5]\nset yrange [{1}.5:0.5]\n", columns, rows);
  figure.script +=
      "unset grid\nunset key\nset border 15\nset tics front\nset style fill solid 1\nset cbtics nomirror out scale 0.5 offset -0.4,0\nset "
      "xlabel 'bit line' offset 0,0.3\nset ylabel 'word line' offset 1.4,0\n";
  figure.script += plots + end_panels();
  return figure;
}

}  // namespace eqprop
