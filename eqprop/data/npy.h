#pragma once
// Matrices in NumPy's format 1.0 (numpy.org/doc/stable/reference/generated/numpy.lib.format.html): little-endian doubles in C order.
#include <Eigen/Core>
#include <string>

namespace eqprop {

/// The bytes of a .npy file: `numpy.load` gives a float64 array of the same shape.
std::string npy(const Eigen::MatrixXd& matrix);

}  // namespace eqprop
