#pragma once
// The same circuits, slowly and plainly: every node an unknown, every resistor stamped, a sparse Cholesky factorisation; of cells that do not
// obey Ohm's law, one in every step of Newton's method.
#include <functional>

#include "crossbar/wires/cells.h"
#include "crossbar/wires/wires.h"

namespace eqprop {

struct WireReference {
  Eigen::VectorXd ampere;  ///< [A] into the virtual grounds
  Eigen::MatrixXd word;    ///< [V] word lines x bit lines
  Eigen::MatrixXd bit;     ///< [V] word lines x bit lines
};

/// Throws std::logic_error when the factorisation fails.
WireReference solve_reference(const Eigen::MatrixXd& siemens, const WireOptions& options, Direction direction, const Eigen::VectorXd& volt);

/// Current and slope of the cell of a word line and a bit line at a voltage, rising.
using CellCurve = std::function<CellPoint(Eigen::Index row, Eigen::Index column, double volt)>;

/// The same with cells of any law, from 0 V at every node, until rounding ends it. Throws std::logic_error when Newton's steps do not end or a
/// factorisation fails.
WireReference solve_reference(Eigen::Index word_lines, Eigen::Index bit_lines, const CellCurve& cell, const WireOptions& options,
                              Direction direction, const Eigen::VectorXd& volt);

}  // namespace eqprop
