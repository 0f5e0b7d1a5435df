#pragma once
// Where the power of a read goes.

namespace eqprop {

/// Sums over a batch, in [W], or in [S] per squared volt.
struct ReadHeat {
  double cells = 0;    ///< in the cells; all of it where lines have no resistance
  double wires = 0;    ///< in the segments of the lines
  double drivers = 0;  ///< in the resistances of drivers and sense inputs
  double all() const { return cells + wires + drivers; }
  ReadHeat& operator+=(const ReadHeat& other) {
    cells += other.cells;
    wires += other.wires;
    drivers += other.drivers;
    return *this;
  }
  friend ReadHeat operator*(double factor, const ReadHeat& heat) {
    return {factor * heat.cells, factor * heat.wires, factor * heat.drivers};
  }
};

}  // namespace eqprop
