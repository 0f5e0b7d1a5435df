#include "experiments/fault_map.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/check.h"
#include "eqprop/data/csv_cells.h"
#include "eqprop/data/file.h"

namespace eqprop {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 28;
constexpr double kMostSiemens = 1;

float fault_of(const csv::Cell& cell, const std::string& file, int line) {
  if (cell.text.empty() || cell.text == "ok") return std::numeric_limits<float>::quiet_NaN();
  if (cell.text == "low") return kStuckLow;
  if (cell.text == "high") return kStuckHigh;
  if (cell.text == "open") return 0;
  const csv::Number x = csv::parse_number(cell.text);
  if (x.error != std::errc() || !(x.value >= 0 && x.value <= kMostSiemens))
    throw InputError(Code::bad_cell, {file, line, cell.column}, fmt::format("`{}` is no fault", cell.text),
                     "write nothing or ok, low, high, open, or the siemens at which the device is stuck, e.g. 1.2e-5");
  return static_cast<float>(x.value);
}

// `ok` and not nothing, so that a row of working devices is no empty line
std::string cell_text(float fault) {
  if (std::isnan(fault)) return "ok";
  if (fault == kStuckLow) return "low";
  if (fault == kStuckHigh) return "high";
  return fault == 0 ? "open" : fmt::format("{}", fault);
}

}  // namespace

FaultMap parse_fault_map(std::string_view text, const std::string& file) {
  std::vector<float> faults;
  std::vector<csv::Cell> cells;
  std::size_t columns = 0, rows = 0;
  int line = 0;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view row = text.substr(at, end - at);
    at = end + 1;
    if (row.find_first_not_of(" \t\r") == std::string_view::npos || row.front() == '#') continue;
    csv::split_cells(row, cells);
    if (rows == 0) columns = cells.size();
    if (cells.size() != columns)
      throw InputError(Code::bad_cell, {file, line + 1, 1}, fmt::format("{} cells in a row of a map of {} columns", cells.size(), columns),
                       "a row per line and two cells per output, G+ first");
    for (const csv::Cell& cell : cells) faults.push_back(fault_of(cell, file, line + 1));
    ++rows;
  }
  if (rows == 0)
    throw InputError(Code::bad_cell, {file, 1, 1}, "the fault map is empty", "a row per line and two cells per output, G+ first");
  return Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
      faults.data(), static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns));
}

FaultMap read_fault_map(const std::filesystem::path& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, kMostBytes);
  return parse_fault_map({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

std::string fault_map_text(const FaultMap& map) {
  std::string text;
  for (Eigen::Index row = 0; row < map.rows(); ++row)
    for (Eigen::Index column = 0; column < map.cols(); ++column) {
      text += cell_text(map(row, column));
      text += column + 1 < map.cols() ? "," : "\n";
    }
  return text;
}

std::string fault_list(const FaultMap& map) {
  std::string text = fmt::format("{} x {}:", map.rows(), map.cols());
  for (Eigen::Index row = 0; row < map.rows(); ++row)
    for (Eigen::Index column = 0; column < map.cols(); ++column)
      if (!std::isnan(map(row, column))) text += fmt::format(" {},{}={}", row, column, cell_text(map(row, column)));
  return text;
}

std::string fault_map_file(std::size_t index) { return fmt::format("faults-{}.csv", index + 1); }

}  // namespace eqprop
