#include "experiments/plot/sensitivity_map.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "experiments/plot/array_map.h"

namespace eqprop {
namespace {

// a single line's current leaves most of the array dark on an even scale
ArrayPanel panel(const char* name, const char* title, const char* unit, const Eigen::MatrixXd& value) {
  std::vector<double> sizes(value.size());
  std::transform(value.reshaped().begin(), value.reshaped().end(), sizes.begin(), [](double x) { return std::abs(x); });
  const auto middle = sizes.begin() + value.size() / 2;
  std::nth_element(sizes.begin(), middle, sizes.end());
  const double largest = value.cwiseAbs().maxCoeff();
  return {name, title, unit, value, *middle < 0.02 * largest ? 4 : 0};
}

}  // namespace

Figure sensitivity_figure(const WireSensitivity& sensitivity, const std::string& current, const std::string& caption) {
  return array_figure("sensitivity", "Derivatives of " + current, caption,
                      {panel("cell", "dI/dG of the cells", "V", sensitivity.siemens),
                       panel("word", "dI/dR, word segments left of cells", "A/Ω", sensitivity.word_ohm),
                       panel("bit", "dI/dR, bit segments below cells", "A/Ω", sensitivity.bit_ohm)});
}

}  // namespace eqprop
