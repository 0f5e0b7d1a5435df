#pragma once
// The same circuit, slowly and plainly: every node an unknown, every resistor stamped, a sparse Cholesky factorisation.
#include "crossbar/wires/wires.h"

namespace eqprop {

struct WireReference {
  Eigen::VectorXd ampere;  ///< [A] into the virtual grounds
  Eigen::MatrixXd word;    ///< [V] word lines x bit lines
  Eigen::MatrixXd bit;     ///< [V] word lines x bit lines
};

/// Throws std::logic_error when the factorisation fails.
WireReference solve_reference(const Eigen::MatrixXd& siemens, const WireOptions& options, Direction direction, const Eigen::VectorXd& volt);

}  // namespace eqprop
