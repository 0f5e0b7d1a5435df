#pragma once
// What the cells of `eqprop crossbar solve` are, from its options.
#include <CLI/CLI.hpp>

#include "crossbar/wires/cells.h"

namespace eqprop {

/// --cell, --sinh-volt, --read-volt, and the options of the partner in series.
struct CellArguments {
  CellOptions cells;

  void add_to(CLI::App& command);
  /// Throws InputError(config) when an option belongs to another kind of cell, or a value is out of range.
  CellOptions given() const;
  /// Ohmic cells with nothing in series.
  bool plain() const { return cells.kind == CellKind::resistor && cells.sinh_volt == 0; }

 private:
  CLI::Option *read_ = nullptr, *transistor_ = nullptr, *overdrive_ = nullptr, *ampere_ = nullptr, *volt_ = nullptr;
};

}  // namespace eqprop
