#include "eqprop/data/csv.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <system_error>
#include <vector>

#include "base/check.h"
#include "eqprop/data/csv_cells.h"
#include "eqprop/data/file.h"

namespace eqprop {
namespace {

using namespace csv;

constexpr std::int32_t kLargestLabel = 65535;

// reads rows into a data set, knowing where it stands for the sake of errors
class Table {
 public:
  Table(const std::string& file, const CsvOptions& options, Dataset& data) : file_(file), options_(options), data_(data) {}

  void add_line(std::string_view line) {
    ++line_;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos || line.front() == '#') return;
    split_cells(line, cells_);
    if (width_ == 0) {
      width_ = cells_.size();
      if (width_ < 2) fail(1, "a row of 1 cell, expected a label and at least one feature", "separate cells by commas");
      data_.features = static_cast<int>(width_ - 1);
      if (is_header()) return;
    }
    add_row();
  }

 private:
  [[noreturn]] void fail(int column, const std::string& message, const std::string& remedy, Code code = Code::bad_cell) const {
    throw InputError(code, {file_, line_, column}, message, remedy);
  }
  [[noreturn]] void fail_cell(std::size_t k, const std::string& message, const std::string& remedy, Code code = Code::bad_cell) const {
    fail(cells_[k].column, "cell " + std::to_string(k + 1) + " is '" + std::string(cells_[k].text.substr(0, 40)) + "', " + message, remedy,
         code);
  }

  bool is_header() const {
    if (options_.header != CsvHeader::automatic) return options_.header == CsvHeader::present;
    return std::none_of(cells_.begin(), cells_.end(),
                        [](const Cell& cell) { return cell.text.empty() || parse_number(cell.text).error != std::errc::invalid_argument; });
  }

  void add_row() {
    if (cells_.size() != width_) {
      fail(cells_.size() > width_ ? cells_[width_].column : cells_.back().column,
           std::to_string(cells_.size()) + " cells in this row, expected " + std::to_string(width_) + " as in the first row",
           "mend the row");
    }
    const std::size_t label_at = options_.label_column == LabelColumn::first ? 0 : width_ - 1;
    for (std::size_t k = 0; k < width_; ++k) {
      const double value = finite(k);
      if (k == label_at) {
        data_.labels.push_back(label(k, value));
      } else {
        data_.x.push_back(feature(k, value));
      }
    }
    data_.ids.push_back(options_.first_id + static_cast<std::uint32_t>(data_.ids.size()));
    check(data_.ids.size() < kTestIdOffset, "csv: too many samples");
  }

  double finite(std::size_t k) const {
    const Number number = parse_number(cells_[k].text);
    if (number.error == std::errc::result_out_of_range) fail_cell(k, "too large or too small for a number", "mend the cell");
    if (number.error != std::errc()) {
      fail_cell(k, "expected a number", data_.labels.empty() ? "if this row is a header, say so in the options" : "mend the cell");
    }
    if (!std::isfinite(number.value)) fail_cell(k, "expected a finite number", "remove or mend the sample");
    return number.value;
  }

  float feature(std::size_t k, double value) const {
    if (value < 0.0 || value > options_.scale) {
      const std::string limit = std::to_string(options_.scale);
      fail_cell(k, "expected a feature from 0 to scale = " + limit, "set scale to the largest value of a feature");
    }
    return static_cast<float>(value / options_.scale);
  }

  std::int32_t label(std::size_t k, double value) const {
    const int largest = options_.classes > 0 ? options_.classes - 1 : kLargestLabel;
    if (value < 0.0 || value > largest || value != std::floor(value)) {
      fail_cell(k, "expected a label: a whole number from 0 to " + std::to_string(largest), "is the label in the column stated?",
                Code::bad_label);
    }
    return static_cast<std::int32_t>(value);
  }

  const std::string& file_;
  const CsvOptions& options_;
  Dataset& data_;
  std::vector<Cell> cells_;
  std::size_t width_ = 0;
  int line_ = 0;
};

}  // namespace

Dataset parse_csv(std::string_view text, const std::string& file, const CsvOptions& options) {
  if (!(options.scale > 0.0 && std::isfinite(options.scale))) {
    throw InputError(Code::out_of_range, {}, "csv: scale is " + std::to_string(options.scale) + ", expected a positive number");
  }
  Dataset data;
  data.name = options.name.empty() ? std::filesystem::path(file).filename().string() : options.name;
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);  // byte order mark that spreadsheets write

  Table table(file, options, data);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    table.add_line(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (data.labels.empty()) throw InputError(Code::wrong_format, {file}, "no samples, expected at least one row", "is this the right file?");
  data.classes = options.classes > 0 ? options.classes : *std::max_element(data.labels.begin(), data.labels.end()) + 1;
  return data;
}

Dataset read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  const auto bytes = read_file(path);
  return parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string(), options);
}

}  // namespace eqprop
