#include "experiments/plot/array_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
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
  const char* text;
  double factor;
};

Prefix prefix_for(double largest) {
  for (const Prefix& prefix :
       {Prefix{"", 1}, Prefix{"m", 1e-3}, Prefix{"µ", 1e-6}, Prefix{"n", 1e-9}, Prefix{"p", 1e-12}, Prefix{"f", 1e-15}})
    if (largest >= prefix.factor) return prefix;
  return {"", 1};
}

struct Drawn {
  std::string data, scale, unit;
  std::string colour = "3";  // of a cell, as gnuplot computes it from its value
};

// Palette and ends for values of which `negligible` makes no sign.
struct Scale {
  bool both;
  double from, to;
  std::string text() const {
    // bright is far from zero
    return fmt::format("{}set palette {}\nset cbrange [{:.6g}:{:.6g}]\n", both ? kBothSigns : kOneSign,
                       !both && -from > to ? "negative" : "positive", from, to);
  }
};

Scale scale_of(double low, double high, double negligible) {
  const double largest = std::max(std::abs(low), std::abs(high));
  if (low < -negligible && high > negligible) return {true, -largest, largest};
  // a panel of one colour still has a scale
  if (high - low > 1e-9 * largest) return {false, low, high};
  return high > 0 ? Scale{false, 0, high} : Scale{false, high, high < 0 ? 0.0 : 1.0};
}

// sgn(x) log10(1 + |x| / small), and powers of ten beside its colours
void scale_by_logarithm(double low, double high, int decades, Drawn& out) {
  const double largest = std::max(std::abs(low), std::abs(high)), small = largest * std::pow(10.0, -decades);
  const auto at = [&](double x) { return std::copysign(std::log10(1 + std::abs(x) / small), x); };
  const Scale scale = scale_of(at(low), at(high), 0.3);
  out.colour = fmt::format("(sgn($3)*log10(1+abs($3)/{:.6g}))", small);
  out.scale = scale.text() + "set cbtics ('0' 0";
  for (int k = 0; k < decades; ++k) {
    const double tick = std::pow(10.0, std::floor(std::log10(largest)) - k);
    if (at(tick) <= scale.to) out.scale += fmt::format(", '{:g}' {:.6g}", tick, at(tick));
    if (at(-tick) >= scale.from) out.scale += fmt::format(", '-{:g}' {:.6g}", tick, at(-tick));
  }
  out.scale += ")\n";
}

Drawn drawn(const ArrayPanel& panel) {
  const double low = panel.value.minCoeff(), high = panel.value.maxCoeff(), largest = std::max(std::abs(low), std::abs(high));
  const Prefix prefix = prefix_for(largest);
  Drawn out{"$" + panel.name + " << EOD\n", "", prefix.text + panel.unit};
  for (Index i = 0; i < panel.value.rows(); ++i) {
    for (Index j = 0; j < panel.value.cols(); ++j)
      out.data += (j == 0 ? "" : " ") + fmt::format("{:.6g}", panel.value(i, j) / prefix.factor);
    out.data += "\n";
  }
  out.data += "EOD\n";
  const double from = low / prefix.factor, to = high / prefix.factor;
  if (panel.decades > 0 && largest > 0)
    scale_by_logarithm(from, to, panel.decades, out);
  else
    out.scale = "set cbtics autofreq\n" + scale_of(from, to, 0.02 * largest / prefix.factor).text();
  return out;
}

}  // namespace

Figure array_figure(const std::string& figure_name, const std::string& title, const std::string& caption,
                    const std::vector<ArrayPanel>& panels) {
  check(!panels.empty(), "a map has panels");
  constexpr double kSlot = 436, kLeft = 78, kSide = 280, kBottom = 92;  // [px] of a panel
  Figure figure;
  figure.name = figure_name;
  figure.width = static_cast<int>(kSlot * static_cast<double>(panels.size())) + 12;
  figure.height = 460;
  const double w = figure.width, h = figure.height;
  std::string plots;
  double slot = 0;
  for (const ArrayPanel& panel : panels) {
    const Drawn one = drawn(panel);
    figure.script += one.data;
    const double left = slot + kLeft, right = left + kSide;
    slot += kSlot;
    plots += fmt::format("set lmargin at screen {:.5f}\nset rmargin at screen {:.5f}\n", left / w, right / w);
    plots += fmt::format("set bmargin at screen {:.5f}\nset tmargin at screen {:.5f}\n", kBottom / h, (kBottom + kSide) / h);
    plots += fmt::format("set colorbox vertical user origin {:.5f},{:.5f} size {:.5f},{:.5f} noborder\n", (right + 12) / w, kBottom / h,
                         14 / w, kSide / h);
    // the unit stands on its scale
    plots += fmt::format("set label 1 '{}' at screen {:.5f},{:.5f} center\n", one.unit, (right + 19) / w, (kBottom + kSide + 16) / h);
    plots += one.scale;
    plots += fmt::format("set title {} offset 0,-0.4\nplot ${} matrix using ($1+1):($2+1):{} with image notitle\nunset label 99\n",
                         gnuplot_text(panel.title), panel.name, one.colour);
  }
  figure.script += fmt::format("set multiplot title {} font ',16'\n", gnuplot_text(title));
  figure.script +=
      fmt::format("set label 99 {} at screen 0.5,{:.4f} center font ',11' textcolor rgb '#555555'\n", gnuplot_text(caption), 16 / h);
  // word line 1 on top: sources are at the left, outputs at the bottom
  const Index rows = panels.front().value.rows(), columns = panels.front().value.cols();
  figure.script += fmt::format("set xrange [0.5:{}.5]\nset yrange [{}.5:0.5]\n", columns, rows);
  // no ticks between lines
  if (columns <= 10) figure.script += "set xtics 1\n";
  if (rows <= 10) figure.script += "set ytics 1\n";
  figure.script +=
      "unset grid\nunset key\nset border 15\nset tics front\nset style fill solid 1\nset cbtics nomirror out scale 0.5 offset -0.4,0\nset "
      "xlabel 'bit line' offset 0,0.3\nset ylabel 'word line' offset 1.4,0\n";
  figure.script += plots + end_panels();
  return figure;
}

}  // namespace eqprop
