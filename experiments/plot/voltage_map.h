#pragma once
// The voltages inside an array behind resistive lines, as a picture.
#include <string>

#include "crossbar/wires/wires.h"
#include "experiments/plot/figure.h"

namespace eqprop {

/// Nodes of the word lines, nodes of the bit lines, and what is left over the cells, a panel each with its own scale of volts. `state` holds a
/// solve of `wires`; `caption` says which.
Figure voltage_figure(const Wires& wires, const WireState& state, const std::string& caption);

}  // namespace eqprop
