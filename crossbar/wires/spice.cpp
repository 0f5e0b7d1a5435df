#include "crossbar/wires/spice.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/check.h"

namespace eqprop {
namespace {

using Eigen::Index;

// the fewest digits that read back to the same double, at most 17
std::string digits(double value) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

std::string word_node(Index row, Index column) { return "w" + std::to_string(row + 1) + "_" + std::to_string(column + 1); }
std::string bit_node(Index row, Index column) { return "b" + std::to_string(row + 1) + "_" + std::to_string(column + 1); }
std::string word_source(Index row) { return "vword" + std::to_string(row + 1); }
std::string bit_source(Index column) { return "vbit" + std::to_string(column + 1); }

std::string resistor(const std::string& name, const std::string& from, const std::string& to, double ohm) {
  return "r" + name + " " + from + " " + to + " " + digits(ohm) + "\n";
}

// source, driver and segment, the nodes of the line, and back to the source where it is driven at both ends
std::string word_line(Index row, Index columns, const WireOptions& wires, double volt) {
  const std::string number = std::to_string(row + 1), source = "s" + number;
  std::string out = word_source(row) + " " + source + " 0 dc " + digits(volt) + "\n";
  out += resistor("word" + number + "_0", source, word_node(row, 0), wires.segment_ohm + wires.driver_ohm);
  for (Index j = 0; j + 1 < columns; ++j)
    out += resistor("word" + number + "_" + std::to_string(j + 1), word_node(row, j), word_node(row, j + 1), wires.segment_ohm);
  if (wires.double_sided)
    out += resistor("word" + number + "_" + std::to_string(columns), word_node(row, columns - 1), source,
                    wires.segment_ohm + wires.driver_ohm);
  return out;
}

std::string bit_line(Index column, Index rows, const WireOptions& wires, double volt) {
  const std::string number = std::to_string(column + 1), end = "t" + number;
  std::string out;
  for (Index i = 0; i + 1 < rows; ++i)
    out += resistor("bit" + std::to_string(i + 1) + "_" + number, bit_node(i, column), bit_node(i + 1, column), wires.segment_ohm);
  out += resistor("bit" + std::to_string(rows) + "_" + number, bit_node(rows - 1, column), end, wires.segment_ohm + wires.sense_ohm);
  return out + bit_source(column) + " " + end + " 0 dc " + digits(volt) + "\n";
}

// what is asked of the circuit: for each vector the sources, an operating point, the currents
std::string questions(Direction direction, Index sensed, const Wires::In& volt) {
  const bool forward = direction == Direction::forward;
  std::string out = ".control\nset numdgt=16\n";
  for (Index k = 0; k < volt.cols(); ++k) {
    for (Index i = 0; k > 0 && i < volt.rows(); ++i)
      out += "alter " + (forward ? word_source(i) : bit_source(i)) + " dc = " + digits(volt(i, k)) + "\n";
    out += "op\n";
    for (Index j = 0; j < sensed; ++j) out += "print i(" + (forward ? bit_source(j) : word_source(j)) + ")\n";
  }
  return out + "quit 0\n.endc\n";
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) out += c >= ' ' && c <= '~' ? c : ' ';
  return out;
}

// ngspice marks what it could not do
std::string complaint(std::string_view printed) {
  for (const std::string_view mark : {"Fatal error", "Error", "error", "singular"}) {
    const std::size_t at = printed.find(mark);
    if (at == std::string_view::npos) continue;
    constexpr std::size_t kLongest = 200;
    return ": " + printable(printed.substr(at, std::min(printed.find('\n', at) - at, kLongest)));
  }
  return "";
}

}  // namespace

std::string spice_netlist(const Wires::In& siemens, const WireOptions& options, Direction direction, const Wires::In& volt,
                          std::string_view title) {
  options.validate();
  const bool forward = direction == Direction::forward;
  const Index rows = siemens.rows(), columns = siemens.cols();
  check(rows > 0 && columns > 0 && volt.cols() > 0, "an array with cells, and at least one vector");
  check(volt.rows() == (forward ? rows : columns), "a source voltage for every driven line");
  std::string out = "* " + printable(title) + "\n";
  out += "* " + std::to_string(rows) + " word lines, " + std::to_string(columns) + " bit lines, " + digits(options.segment_ohm) +
         " ohm a segment, driver " + digits(options.driver_ohm) + " ohm, sense " + digits(options.sense_ohm) +
         " ohm, word lines driven at " + (options.double_sided ? "both ends" : "one end") + "\n";
  out += "* nodes: wI_J and bI_J of word line I and bit line J at their crossing, sI source of word line I, tJ end of bit line J\n";
  out += ".options reltol=1e-12 abstol=1e-18 vntol=1e-15 gmin=1e-18\n";
  for (Index i = 0; i < rows; ++i) out += word_line(i, columns, options, forward ? volt(i, 0) : 0);
  for (Index j = 0; j < columns; ++j) out += bit_line(j, rows, options, forward ? 0 : volt(j, 0));
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j)
      if (siemens(i, j) > 0)
        out += resistor("cell" + std::to_string(i + 1) + "_" + std::to_string(j + 1), word_node(i, j), bit_node(i, j), 1 / siemens(i, j));
  return out + questions(direction, forward ? columns : rows, volt) + ".end\n";
}

Eigen::MatrixXd parse_spice_currents(std::string_view printed, Direction direction, Index lines, Index vectors) {
  Eigen::MatrixXd out(lines, vectors);
  std::size_t at = 0;
  for (Index k = 0; k < vectors; ++k) {
    for (Index j = 0; j < lines; ++j) {
      const std::string name = "i(" + (direction == Direction::forward ? bit_source(j) : word_source(j)) + ") = ";
      const std::size_t found = printed.find(name, at);
      const char* const end = printed.data() + printed.size();
      const char* const number = found == std::string_view::npos ? end : printed.data() + found + name.size();
      const auto [stop, error] = std::from_chars(number, end, out(j, k));
      if (error != std::errc{} || !std::isfinite(out(j, k)))
        throw InputError(
            Code::missing_program, {},
            "ngspice gave no current for line " + std::to_string(j + 1) + " of input vector " + std::to_string(k + 1) + complaint(printed),
            "ngspice of a current Debian or Ubuntu is needed: apt install ngspice");
      at = static_cast<std::size_t>(stop - printed.data());
    }
  }
  return out;
}

}  // namespace eqprop
