#pragma once
// The circuit that `eqprop crossbar solve` and `sensitivity` take from tables and options, and what guards the files they write.
#include <CLI/CLI.hpp>

#include <initializer_list>
#include <string>

#include "crossbar/wires/wires.h"
#include "experiments/crossbar_commands.h"

namespace eqprop {

/// What the tables and options say, checked against each other.
struct Circuit {
  Eigen::MatrixXd siemens;  ///< [S] word lines x bit lines
  Eigen::MatrixXd volt;     ///< [V] driven lines x input vectors
  WireOptions wires;
  Direction direction = Direction::forward;

  Eigen::Index sensed_lines() const { return direction == Direction::forward ? siemens.cols() : siemens.rows(); }
  /// "64 word lines x 32 bit lines, 2 ohm a segment".
  std::string size_text() const;
  /// The same with ", vector 2 of 3" where there are more than one, and ", read backward" where it is.
  std::string caption(Eigen::Index vector) const;
};

/// --conductance, --input, the options of the wires, --backward and --tolerance.
struct CircuitArguments {
  std::string conductance, input;
  WireArguments wires;
  WireTolerance tolerance;
  bool backward = false;

  void add_tables_to(CLI::App& command);
  void add_direction_to(CLI::App& command);
  /// Throws InputError: an ohm out of range, a table that is none, tables that do not fit, no cell at all.
  Circuit read() const;
  /// [V] input vector `number`, from 1, which `option` asks for. Throws InputError(config) when there are fewer.
  Eigen::VectorXd vector(const Circuit& circuit, const std::string& option, Eigen::Index number) const;
};

/// A file of the command line: its option, and its name, empty when the option was not given.
struct NamedPath {
  const char* option;
  const std::string& path;
};
/// Before a command computes: throws InputError when two of the files it is to write are the same, one of them is an input, or the folder
/// of one is not there.
void check_outputs(std::initializer_list<NamedPath> inputs, std::initializer_list<NamedPath> outputs);

}  // namespace eqprop
