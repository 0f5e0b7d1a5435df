// Tables against a second parser that goes character by character. Input: one byte of options, then the table.
#include "eqprop/data/csv.h"

#include <cmath>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/number.h"

namespace {

using namespace eqprop;
using fuzz::expect;

struct Cell {
  bool number = false;  // a number as far as a header is concerned, finite or not
  bool finite = false;
  bool underflowed = false;
  double value = 0;
};

Cell read_cell(const std::string& text) {
  Cell cell;
  const fuzz::Decimal decimal = fuzz::read_decimal(text);
  if (decimal.length > 0 && decimal.length == text.size()) {
    cell.number = true;
    cell.finite = std::isfinite(decimal.value);
    cell.value = decimal.value;
    cell.underflowed = decimal.underflowed;
    return cell;
  }
  // infinity and nan(...) are numbers to from_chars
  std::string word;
  for (const char c : text.substr(text.starts_with('-') ? 1 : 0)) word += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  cell.number = word == "inf" || word == "infinity" || word == "nan";
  if (word.starts_with("nan(") && word.ends_with(")")) {
    cell.number = true;
    for (const char c : word.substr(4, word.size() - 5)) cell.number &= fuzz::is_digit(c) || (c >= 'a' && c <= 'z') || c == '_';
  }
  return cell;
}

struct Row {
  std::vector<Cell> cells;
  std::vector<bool> empty;
};

Row read_row(const std::string& line) {
  Row row;
  std::string cell;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    if (i < line.size() && line[i] != ',') {
      cell += line[i];
      continue;
    }
    while (!cell.empty() && (cell.back() == ' ' || cell.back() == '\t' || cell.back() == '\r')) cell.pop_back();
    while (!cell.empty() && (cell.front() == ' ' || cell.front() == '\t' || cell.front() == '\r')) cell.erase(0, 1);
    row.cells.push_back(read_cell(cell));
    row.empty.push_back(cell.empty());
    cell.clear();
  }
  return row;
}

struct Table {
  bool good = true;
  bool unsure = false;  // holds a number below the range of a double
  std::vector<float> x;
  std::vector<std::int32_t> labels;
};

Table read_table(std::string_view text, const CsvOptions& options) {
  Table table;
  std::size_t width = 0;
  std::string line;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::string> lines(1);
  for (const char c : text) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  for (const std::string& one : lines) {
    bool blank = true;
    for (const char c : one) blank &= c == ' ' || c == '\t' || c == '\r';
    if (blank || one[0] == '#') continue;
    const Row row = read_row(one);
    if (width == 0) {
      width = row.cells.size();
      table.good &= width >= 2;
      bool header = true;
      for (std::size_t k = 0; k < width; ++k) header &= !row.cells[k].number && !row.empty[k];
      if (options.header == CsvHeader::automatic ? header : options.header == CsvHeader::present) continue;
    }
    table.good &= row.cells.size() == width;
    if (!table.good) return table;
    for (std::size_t k = 0; k < width; ++k) {
      const Cell& cell = row.cells[k];
      table.unsure |= cell.underflowed;
      table.good &= cell.finite;
      if (k == (options.label_column == LabelColumn::first ? 0 : width - 1)) {
        const int classes = options.classes > 0 ? options.classes : 65536;
        const bool label = cell.value >= 0 && cell.value < classes && std::fmod(cell.value, 1.0) == 0;
        table.good &= label;
        table.labels.push_back(label ? static_cast<std::int32_t>(cell.value) : 0);
      } else {
        table.good &= cell.value >= 0 && cell.value <= options.scale;
        table.x.push_back(static_cast<float>(cell.value / options.scale));
      }
    }
    if (!table.good) return table;
  }
  table.good &= !table.labels.empty();
  return table;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const unsigned choice = input.byte();
  CsvOptions options;
  options.label_column = (choice & 1) != 0 ? LabelColumn::first : LabelColumn::last;
  options.header = static_cast<CsvHeader>(choice / 2 % 4 % 3);
  options.scale = std::vector<double>{1, 16, 255, 0.1}[choice / 8 % 4];
  options.classes = (choice & 32) != 0 ? 3 : 0;
  options.first_id = (choice & 64) != 0 ? kTestIdOffset : 0;
  const std::string_view text = fuzz::text_of(input.rest());

  const auto set = fuzz::accepted([&] { return parse_csv(text, "fuzz.csv", options); });
  const Table table = read_table(text, options);
  if (table.unsure) return 0;
  expect(set.has_value() == table.good, "both parsers accept the table, or none");
  if (!set) return 0;
  expect(set->labels == table.labels, "labels are as written");
  expect(set->x == table.x, "features are as written");
  expect(set->ids.size() == set->labels.size() && set->ids.back() == options.first_id + set->labels.size() - 1, "ids count the samples");
  expect(static_cast<std::size_t>(set->features) * set->size() == set->x.size(), "samples are of equal size");
  for (const float x : set->x) expect(x >= 0 && x <= 1, "features lie in [0, 1]");
  for (const std::int32_t label : set->labels) expect(label >= 0 && label < set->classes, "labels lie below the number of classes");
  return 0;
}
