#pragma once
// A figure: a gnuplot script without terminal and file, and the numbers behind it as CSV; drawn as SVG and PNG.
#include <filesystem>
#include <string>

namespace eqprop {

struct Figure {
  std::string name;     ///< stem of its files
  std::string skipped;  ///< why it cannot be made for this run; the rest is then empty
  int width = 960;      ///< [px] of the SVG; the PNG has twice as many
  int height = 420;
  std::string script;
  std::string csv;  ///< first line: names of the columns, with SI units
};

struct FigureFiles {
  std::filesystem::path svg, png, csv;
};

/// The picture alone, as the text of an SVG file. Throws InputError(file): no gnuplot.
std::string figure_svg(const Figure& figure);

/// Draws the figure into the folder, which must be there. Throws InputError(file): no gnuplot, not writable.
FigureFiles write_figure(const Figure& figure, const std::filesystem::path& folder);

/// Colours that colour-blind readers tell apart: M. Okabe, K. Ito, "Color universal design" (2008).
namespace colour {
inline constexpr const char* kBlue = "#0072B2";
inline constexpr const char* kVermilion = "#D55E00";
inline constexpr const char* kGreen = "#009E73";
inline constexpr const char* kPurple = "#CC79A7";
inline constexpr const char* kOrange = "#E69F00";
inline constexpr const char* kSky = "#56B4E9";
inline constexpr const char* kYellow = "#F0E442";
inline constexpr const char* kBlack = "#000000";
inline constexpr const char* kGrey = "#999999";
}  // namespace colour
/// Colour number i of a set of curves; repeats after six.
const char* curve_colour(std::size_t i);

/// Opens a figure of rows x columns panels under a title, with a small caption line at the lower edge. `right` [px] is the margin there.
std::string begin_panels(const std::string& title, const std::string& caption, int rows, int columns, const Figure& size, int right = 30);
std::string end_panels();

/// A number of a CSV cell: empty when it is not finite.
std::string cell(double value);
/// A text of a CSV cell, quoted where it must be.
std::string cell(const std::string& text);

}  // namespace eqprop
