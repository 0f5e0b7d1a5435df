#pragma once
// A line of a table, cell by cell.
#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <vector>

namespace eqprop::csv {

/// One cell of a line.
struct Cell {
  std::string_view text;  // without blanks around it
  int column = 0;         // of its first character, from 1
};

/// A number, or why a text is none.
struct Number {
  double value = 0.0;
  std::errc error = std::errc::invalid_argument;
};

inline Number parse_number(std::string_view text) {
  Number number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number.value);
  // what goes on behind a number is none, too large or not
  number.error = end != text.data() + text.size() ? std::errc::invalid_argument : error;
  return number;
}

inline bool blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/// The cells of a line, separated by commas.
inline void split_cells(std::string_view line, std::vector<Cell>& cells) {
  cells.clear();
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t comma = std::min(line.find(',', begin), line.size());
    std::size_t from = begin, to = comma;
    while (from < to && blank(line[from])) ++from;
    while (to > from && blank(line[to - 1])) --to;
    cells.push_back({line.substr(from, to - from), static_cast<int>(from) + 1});
    begin = comma + 1;
  }
}

}  // namespace eqprop::csv
