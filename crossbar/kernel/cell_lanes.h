#pragma once
// Currents and slopes of many nonlinear cells at once: CellLaw::at (crossbar/wires/cells.h) with a cell in every lane. Compiled for several
// instruction sets, chosen at run time by Highway.
#include <cstddef>

namespace eqprop::cell_lanes {

enum class Partner { none, transistor, selector };

struct Law {
  Partner partner;
  double sinh_volt, scale;                // v_0 and s [V] of the device; v_0 = 0: Ohm's law
  double transistor_ohm, overdrive_volt;  // 0: never saturates
  double selector_ampere, selector_volt;
};

/// siemens [S] and volt [V] of `count` cells; ampere [A] and slope [S] may not overlap them.
void evaluate(const Law& law, const double* siemens, const double* volt, std::size_t count, double* ampere, double* slope);

}  // namespace eqprop::cell_lanes
