#pragma once
// Heat maps over the crossings of an array.
#include <Eigen/Core>
#include <string>
#include <vector>

#include "experiments/plot/figure.h"

namespace eqprop {

struct ArrayPanel {
  std::string name;  ///< of its numbers in the script: letters
  std::string title;
  std::string unit;
  Eigen::MatrixXd value;  ///< [unit] word lines x bit lines
  /// 0: even colours. Else the logarithm of the size with its sign, down to this many decades below the largest; what is less is near 0.
  int decades = 0;
};

/// Panels side by side, word line 1 on top; each has a colour bar of its own with the unit on it, in the decimal prefix that fits.
/// `figure_name` is the stem of files.
Figure array_figure(const std::string& figure_name, const std::string& title, const std::string& caption,
                    const std::vector<ArrayPanel>& panels);

}  // namespace eqprop
