#pragma once
// Tables as text: one sample per line, cells separated by commas, one of them the label. Plain or gzip. Empty lines and lines that
// begin with '#' are skipped.
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "eqprop/data/dataset.h"

namespace eqprop {

enum class LabelColumn { first, last };
/// automatic: the first row is a header when none of its cells is a number.
enum class CsvHeader { automatic, present, absent };

struct CsvOptions {
  std::string name;  ///< of the data set; empty: the file's name
  LabelColumn label_column = LabelColumn::last;
  CsvHeader header = CsvHeader::automatic;
  double scale = 1.0;          ///< largest value of a feature: x = value / scale, which must lie in [0, 1]
  int classes = 0;             ///< 0: largest label + 1
  std::uint32_t first_id = 0;  ///< id of the first sample; kTestIdOffset for a test set
};

/// Parses a table; `file` is named in errors. Throws InputError(file) with line and column of the cell when it is no finite number, lies
/// outside [0, scale], is no valid label, or when a row has another number of cells than the first; InputError(config) when scale is
/// not a positive number.
Dataset parse_csv(std::string_view text, const std::string& file, const CsvOptions& options = {});
/// Reads a file as parse_csv does.
Dataset read_csv(const std::filesystem::path& path, const CsvOptions& options = {});

}  // namespace eqprop
