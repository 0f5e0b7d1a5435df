#pragma once
// Tables of numbers as text: a row per line, cells separated by commas, no header. Plain or gzip. Empty lines and lines that begin with '#'
// are skipped.
#include <Eigen/Core>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>

namespace eqprop {

/// Parses a table; `file` is named in errors. Throws InputError(file) with line and column of the cell when it is no finite number or below
/// `least`, when a row has another number of cells than the first, or when there is no row.
Eigen::MatrixXd parse_matrix_csv(std::string_view text, const std::string& file, double least = -std::numeric_limits<double>::infinity());
/// Reads a file as parse_matrix_csv does.
Eigen::MatrixXd read_matrix_csv(const std::filesystem::path& path, double least = -std::numeric_limits<double>::infinity());
/// The table as text, in the fewest digits that read back to the same numbers.
std::string matrix_csv(const Eigen::MatrixXd& matrix);

}  // namespace eqprop
