#pragma once
// What a current owes to every cell and segment of an array, as a picture.
#include <string>

#include "crossbar/wires/effective.h"
#include "experiments/plot/figure.h"

namespace eqprop {

/// dI/dG of the cells, dI/dR of the word lines' segments and of the bit lines', a panel each. `current` says which current it is.
Figure sensitivity_figure(const WireSensitivity& sensitivity, const std::string& current, const std::string& caption);

}  // namespace eqprop
