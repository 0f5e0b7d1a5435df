#include "experiments/plot/figure.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <string_view>

#include "eqprop/data/checkpoint.h"
#include "experiments/plot/gnuplot.h"

namespace eqprop {
namespace {

constexpr int kPngScale = 2;

std::string svg_terminal(const Figure& f) {
  return fmt::format("set terminal svg noenhanced standalone size {},{} font 'Helvetica,Arial,sans-serif,14' background '#ffffff'\n",
                     f.width, f.height);
}

std::string png_terminal(const Figure& f) {
  return fmt::format(
      "set terminal pngcairo noenhanced size {},{} font 'Sans,10.5' fontscale {} linewidth {} pointscale {} background '#ffffff'\n",
      kPngScale * f.width, kPngScale * f.height, kPngScale, kPngScale, kPngScale);
}

// thin frame on two sides, a grid that stays behind the data
constexpr const char* kStyle =
    "set encoding utf8\n"
    "set border 3 lc rgb '#444444' lw 1\n"
    "set tics nomirror out scale 0.6\n"
    "set grid lc rgb '#dddddd' lt 1 lw 0.7\n"
    "set key samplen 2 spacing 1.15\n"
    "set style fill solid 0.25 noborder\n";

// the cells of a map keep their edges when a browser enlarges it
std::string with_sharp_images(std::string svg) {
  constexpr std::string_view kImage = "<image ";
  for (std::size_t at = 0; (at = svg.find(kImage, at)) != std::string::npos; at += kImage.size())
    svg.insert(at + kImage.size(), "style='image-rendering:pixelated' ");
  return svg;
}

}  // namespace

std::string figure_svg(const Figure& figure) { return with_sharp_images(run_gnuplot(svg_terminal(figure) + kStyle + figure.script)); }

FigureFiles write_figure(const Figure& figure, const std::filesystem::path& folder) {
  const FigureFiles files{folder / (figure.name + ".svg"), folder / (figure.name + ".png"), folder / (figure.name + ".csv")};
  write_text_atomic(files.csv, figure.csv);
  write_text_atomic(files.svg, figure_svg(figure));
  write_text_atomic(files.png, run_gnuplot(png_terminal(figure) + kStyle + figure.script));
  return files;
}

const char* curve_colour(std::size_t i) {
  static constexpr const char* kCurves[] = {colour::kBlue,   colour::kVermilion, colour::kGreen,
                                            colour::kPurple, colour::kOrange,    colour::kSky};
  return kCurves[i % std::size(kCurves)];
}

std::string begin_panels(const std::string& title, const std::string& caption, int rows, int columns, const Figure& size, int right) {
  // margins in pixels, so that figures of all sizes look alike
  const double w = size.width, h = size.height;
  return fmt::format(
      "set multiplot layout {},{} title {} font ',16' margins {:.4f},{:.4f},{:.4f},{:.4f} spacing {:.4f},{:.4f}\n"
      "set label 99 {} at screen 0.5,{:.4f} center font ',11' textcolor rgb '#555555'\n",
      rows, columns, gnuplot_text(title), 92 / w, 1 - right / w, 84 / h, 1 - 72 / h, 104 / w, 96 / h, gnuplot_text(caption), 16 / h);
}

std::string end_panels() { return "unset multiplot\n"; }

std::string cell(double value) { return std::isfinite(value) ? fmt::format("{:.9g}", value) : std::string(); }

std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

}  // namespace eqprop
