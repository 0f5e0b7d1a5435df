#include "eqprop/data/matrix_csv.h"

#include <array>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "eqprop/data/csv_cells.h"
#include "eqprop/data/file.h"

namespace eqprop {
namespace {

// the fewest that read back to the same number
std::string digits(double value) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

}  // namespace

Eigen::MatrixXd parse_matrix_csv(std::string_view text, const std::string& file, double least) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<double> values;
  std::vector<csv::Cell> cells;
  std::size_t width = 0;
  int line = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view row = text.substr(begin, end - begin);
    begin = end + 1;
    ++line;
    if (row.find_first_not_of(" \t\r") == std::string_view::npos || row.front() == '#') continue;
    csv::split_cells(row, cells);
    if (width == 0) width = cells.size();
    if (cells.size() != width)
      throw InputError(Code::bad_cell, {file, line, 1},
                       "a row of " + std::to_string(cells.size()) + " cells, the first has " + std::to_string(width),
                       "every row must have as many cells as the first");
    for (std::size_t k = 0; k < width; ++k) {
      const csv::Number number = csv::parse_number(cells[k].text);
      if (number.error != std::errc() || !std::isfinite(number.value))
        throw InputError(
            Code::bad_cell, {file, line, cells[k].column},
            "cell " + std::to_string(k + 1) + " is '" + std::string(cells[k].text.substr(0, 40)) + "', expected a finite number",
            "numbers like 0.2 or 5e-6, separated by commas, without units or a header");
      if (number.value < least)
        throw InputError(Code::bad_cell, {file, line, cells[k].column},
                         "cell " + std::to_string(k + 1) + " is " + std::string(cells[k].text.substr(0, 40)) + ", expected no less than " +
                             digits(least),
                         "correct the cell");
      values.push_back(number.value);
    }
  }
  if (width == 0)
    throw InputError(Code::bad_cell, {file, 0, 0}, "a table without rows, expected at least one number",
                     "rows of numbers, separated by commas");
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const RowMajor>(values.data(), static_cast<Eigen::Index>(values.size() / width), static_cast<Eigen::Index>(width));
}

Eigen::MatrixXd read_matrix_csv(const std::filesystem::path& path, double least) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  return parse_matrix_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string(), least);
}

std::string matrix_csv(const Eigen::MatrixXd& matrix) {
  std::string out;
  for (Eigen::Index i = 0; i < matrix.rows(); ++i) {
    for (Eigen::Index j = 0; j < matrix.cols(); ++j) {
      if (j > 0) out += ',';
      out += digits(matrix(i, j));
    }
    out += '\n';
  }
  return out;
}

}  // namespace eqprop
