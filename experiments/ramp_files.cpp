#include "experiments/ramp_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <tuple>

#include "base/check.h"
#include "eqprop/data/csv_cells.h"
#include "eqprop/data/file.h"

namespace eqprop {
namespace {

using Cells = std::vector<csv::Cell>;

constexpr double kMost = 1e6;  // of any number of a file: beyond it there is no device

// calls row(line number, cells) for every line that holds something
template <class Row>
void for_rows(std::string_view text, const Row& row) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  Cells cells;
  int line = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view one = text.substr(begin, end - begin);
    begin = end + 1;
    ++line;
    if (one.find_first_not_of(" \t\r") == std::string_view::npos || one.front() == '#') continue;
    csv::split_cells(one, cells);
    row(line, cells);
  }
}

[[noreturn]] void fail(const std::string& file, int line, int column, const std::string& message, const std::string& remedy) {
  throw InputError(Code::bad_cell, {file, line, column}, message, remedy);
}

std::string shown(const csv::Cell& cell) { return "'" + std::string(cell.text.substr(0, 40)) + "'"; }

double number_of(const std::string& file, int line, const csv::Cell& cell, bool weights, const char* unit) {
  const csv::Number number = csv::parse_number(cell.text);
  if (number.error != std::errc() || !std::isfinite(number.value))
    fail(file, line, cell.column, fmt::format("{}: expected a finite number of {}", shown(cell), unit),
         "numbers like 1.6e-4, without units");
  if (number.value < 0 && !weights)
    fail(file, line, cell.column, fmt::format("{}: expected {} not below 0", shown(cell), unit),
         "read at a positive voltage, or give plain weights by --units weight");
  if (std::abs(number.value) > kMost)
    fail(file, line, cell.column, fmt::format("{}: expected {} of at most {:g}", shown(cell), unit, kMost), "mend the cell");
  return number.value;
}

bool is_header(const Cells& cells) {
  return std::none_of(cells.begin(), cells.end(), [](const csv::Cell& cell) {
    return cell.text.empty() || csv::parse_number(cell.text).error != std::errc::invalid_argument;
  });
}

void check_length(const Ramp& ramp, const std::string& file, int line, int column, const std::string& what) {
  if (ramp.siemens.size() < kLeastPulses)
    fail(file, line, column, fmt::format("{} has {} pulses, expected at least {}", what, ramp.siemens.size(), kLeastPulses),
         "take the ramp out, or measure more pulses");
}

template <class Parse>
auto parse_file(const std::filesystem::path& file, const Parse& parse) {
  const std::vector<std::uint8_t> bytes = read_file(file);
  return parse(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

// one row of a long table's header: where each column stands
constexpr std::array<std::string_view, 5> kColumns = {"device", "cycle", "pulse", "polarity", "siemens"};

std::array<std::size_t, 5> places_of(const std::string& file, int line, const Cells& header) {
  std::array<std::size_t, 5> out{};
  std::string missing;
  for (std::size_t k = 0; k < kColumns.size(); ++k) {
    const auto at = std::find_if(header.begin(), header.end(), [&](const csv::Cell& cell) { return cell.text == kColumns[k]; });
    if (at == header.end()) missing += (missing.empty() ? "" : ", ") + std::string(kColumns[k]);
    out[k] = static_cast<std::size_t>(at - header.begin());
  }
  if (!missing.empty())
    fail(file, line, 1, fmt::format("the header names no column {}", missing), "the first row must be device,cycle,pulse,polarity,siemens");
  return out;
}

bool is_up(const std::string& file, int line, const csv::Cell& cell) {
  std::string word(cell.text);
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (word == "set" || word == "up" || word == "1" || word == "+1" || word == "+") return true;
  if (word == "reset" || word == "down" || word == "-1" || word == "-") return false;
  fail(file, line, cell.column, fmt::format("{} is no polarity", shown(cell)), "set or reset, up or down, 1 or -1");
}

}  // namespace

std::vector<Ramp> parse_ramps(std::string_view text, const std::string& file, const RampFormat& format) {
  std::vector<Ramp> ramps;
  std::vector<std::string> names;
  std::vector<int> ended, last_line, last_column;  // per column: the line of its first empty cell, and where its last value stands
  const char* unit = format.weights ? "a weight" : "amperes";
  for_rows(text, [&](int line, const Cells& cells) {
    if (names.empty()) {
      const bool header = is_header(cells);
      for (std::size_t k = 0; k < cells.size(); ++k)
        names.push_back(header ? fmt::format("column {} ({})", k + 1, cells[k].text.substr(0, 40)) : fmt::format("column {}", k + 1));
      ramps.assign(cells.size(), Ramp{"", format.up, {}});
      ended.assign(cells.size(), 0);
      last_line.assign(cells.size(), line);
      for (const csv::Cell& cell : cells) last_column.push_back(cell.column);
      if (format.column > static_cast<int>(cells.size()))
        fail(file, line, 1, fmt::format("there is no column {}, the first row has {} cells", format.column, cells.size()),
             "columns count from 1");
      if (header) return;
    }
    if (cells.size() != names.size())
      fail(file, line, 1, fmt::format("a row of {} cells, the first has {}", cells.size(), names.size()),
           "a ramp that ends early leaves its further cells empty, commas and all");
    for (std::size_t k = 0; k < cells.size(); ++k) {
      if (cells[k].text.empty()) {
        if (ended[k] == 0) ended[k] = line;
        continue;
      }
      if (ended[k] != 0)
        fail(file, line, cells[k].column, fmt::format("{} goes on after its empty cell in line {}", names[k], ended[k]),
             "only the last cells of a ramp may be empty: fill the gap, or make it two columns");
      const double value = number_of(file, line, cells[k], format.weights, unit);
      ramps[k].siemens.push_back(format.weights ? value : value / format.read_volt);
      last_line[k] = line;
      last_column[k] = cells[k].column;
    }
  });
  if (ramps.empty()) fail(file, 0, 0, "no ramps here", "a column per ramp, a row per pulse");
  std::vector<Ramp> out;
  for (std::size_t k = 0; k < ramps.size(); ++k) {
    if (format.column != 0 && format.column != static_cast<int>(k) + 1) continue;
    check_length(ramps[k], file, last_line[k], last_column[k], names[k]);
    out.push_back(std::move(ramps[k]));
  }
  return out;
}

std::vector<Ramp> parse_ramp_table(std::string_view text, const std::string& file, bool weights) {
  struct Open {
    std::size_t ramp;
    double pulse;
    int line;
  };
  std::vector<Ramp> ramps;
  std::map<std::tuple<std::string, std::string, bool>, Open> open;
  std::array<std::size_t, 5> at{};
  std::size_t width = 0;
  for_rows(text, [&](int line, const Cells& cells) {
    if (width == 0) {
      at = places_of(file, line, cells);
      width = cells.size();
      return;
    }
    if (cells.size() != width)
      fail(file, line, 1, fmt::format("a row of {} cells, the header has {}", cells.size(), width), "mend the row");
    for (std::size_t k = 0; k < kColumns.size(); ++k)
      if (cells[at[k]].text.empty())
        fail(file, line, cells[at[k]].column, fmt::format("the cell of column {} is empty", kColumns[k]), "every pulse needs all five");
    const bool up = is_up(file, line, cells[at[3]]);
    const double pulse = number_of(file, line, cells[at[2]], true, "a pulse");
    const double siemens = number_of(file, line, cells[at[4]], weights, weights ? "a weight" : "siemens");
    const std::string device(cells[at[0]].text);
    const auto [entry, fresh] = open.try_emplace({device, std::string(cells[at[1]].text), up}, Open{ramps.size(), pulse, line});
    if (fresh) {
      ramps.push_back({device, up, {}});
    } else if (pulse <= entry->second.pulse) {
      fail(file, line, cells[at[2]].column,
           fmt::format("pulse {} of this device, cycle and polarity comes after pulse {} in line {}", pulse, entry->second.pulse,
                       entry->second.line),
           "rows of a ramp stand in the order of their pulses; a second ramp has another cycle");
    } else if (pulse != entry->second.pulse + 1) {
      fail(file, line, cells[at[2]].column,
           fmt::format("pulse {} of this device, cycle and polarity comes after pulse {} in line {}, expected pulse {}: a step is what one "
                       "pulse does",
                       pulse, entry->second.pulse, entry->second.line, entry->second.pulse + 1),
           "read the device after every pulse, or give the rows behind the gap another cycle: a ramp of their own");
    }
    entry->second.pulse = pulse;
    entry->second.line = line;
    ramps[entry->second.ramp].siemens.push_back(siemens);
  });
  if (ramps.empty()) fail(file, 0, 0, "no pulses here", "a header device,cycle,pulse,polarity,siemens and a row per pulse");
  for (const auto& [key, last] : open)
    check_length(ramps[last.ramp], file, last.line, 1,
                 fmt::format("the {} ramp of device {}, cycle {}", std::get<2>(key) ? "SET" : "RESET", std::get<0>(key), std::get<1>(key)));
  return ramps;
}

std::vector<Ramp> read_ramps(const std::filesystem::path& file, const RampFormat& format) {
  return parse_file(file, [&](std::string_view text) { return parse_ramps(text, file.string(), format); });
}

std::vector<Ramp> read_ramp_table(const std::filesystem::path& file, bool weights) {
  return parse_file(file, [&](std::string_view text) { return parse_ramp_table(text, file.string(), weights); });
}

}  // namespace eqprop
