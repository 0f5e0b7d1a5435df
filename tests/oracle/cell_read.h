#pragma once
// A read cell by cell: every device its own draw, every current and power summed one after the other.
#include <Eigen/Core>
#include <cmath>

#include "base/random.h"
#include "crossbar/array.h"

namespace eqprop::oracle {

/// Drive of every line (forward: inputs and the bias) or output (backward) -> logical outputs, one column; with a draw per cell.
/// One tile only. `draw` names the draws: another value, another read.
inline Eigen::VectorXd cell_read(const Array& array, Direction direction, const Eigen::VectorXd& drive, std::uint32_t draw) {
  const Tile& tile = array.tiles()[0];
  const ArrayOptions& o = array.options();
  const RandomKey key(99, Purpose::test);
  const bool forward = direction == Direction::forward;
  Eigen::VectorXd out = Eigen::VectorXd::Zero(forward ? tile.outputs() : tile.lines());
  std::uint32_t index = 0;
  for (Eigen::Index i = 0; i < tile.lines(); ++i)
    for (Eigen::Index j = 0; j < tile.outputs(); ++j)
      for (int side = 0; side < 2; ++side) {
        const double g = side == 0 ? tile.plus.g(j, i) : tile.minus.g(j, i);
        const double sd = std::hypot(o.read_noise.white * o.device.window(), o.read_noise.proportional * g);
        const double seen = g + sd * double{key.normal({.step = draw}, index++)};
        out[forward ? j : i] += (side == 0 ? 1 : -1) * seen * drive[forward ? i : j];
      }
  return out / array.siemens_per_weight();
}

/// [W] sum of v^2 G over the cells of all tiles, cell by cell; drive as above but for the whole array, in logical units.
inline double cell_power(const Array& array, Direction direction, const Eigen::VectorXd& drive) {
  const double volt = array.options().read_volt / array.options().dac.range;
  double watt = 0;
  Eigen::Index first_line = 0, first_output = 0;
  for (const Tile& tile : array.tiles()) {
    for (Eigen::Index i = 0; i < tile.lines(); ++i)
      for (Eigen::Index j = 0; j < tile.outputs(); ++j) {
        const double v = volt * drive[direction == Direction::forward ? first_line + i : first_output + j];
        watt += v * v * (double{tile.plus.g(j, i)} + double{tile.minus.g(j, i)});
      }
    first_output += tile.outputs();
    if (first_output == array.outputs()) {
      first_output = 0;
      first_line += tile.lines();
    }
  }
  return watt;
}

}  // namespace eqprop::oracle
