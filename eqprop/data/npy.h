#pragma once
// Matrices in NumPy's format 1.0 (numpy.org/doc/stable/reference/generated/numpy.lib.format.html): little-endian doubles in C order.
#include <Eigen/Core>
#include <filesystem>
#include <string>
#include <string_view>

namespace eqprop {

/// The bytes of a .npy file: `numpy.load` gives a float64 array of the same shape.
std::string npy(const Eigen::MatrixXd& matrix);

/// Reads a matrix of float32 or float64, in C or Fortran order. Throws InputError(file) for any other array, a file that is cut short or goes on
/// behind its numbers, and numbers that are not finite.
Eigen::MatrixXd parse_npy(std::string_view bytes, const std::string& file);
Eigen::MatrixXd read_npy(const std::filesystem::path& path);
/// The same of an array that may have one dimension instead of two, NumPy's usual vector: it is a column.
Eigen::MatrixXd parse_npy_vector(std::string_view bytes, const std::string& file);
Eigen::MatrixXd read_npy_vector(const std::filesystem::path& path);

}  // namespace eqprop
