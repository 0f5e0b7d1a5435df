#pragma once
// The parts of `eqprop crossbar`, a file each.
#include <CLI/CLI.hpp>

#include "crossbar/wires/wires.h"

namespace eqprop {

void add_crossbar_solve(CLI::App& crossbar, int& exit_code);
void add_crossbar_sensitivity(CLI::App& crossbar, int& exit_code);
void add_crossbar_export(CLI::App& crossbar, int& exit_code);
void add_crossbar_check(CLI::App& crossbar, int& exit_code);

/// --wire-ohm, --driver-ohm, --sense-ohm, --double-sided. Those that were not given keep what `wires` holds when the command runs.
struct WireArguments {
  WireOptions wires;
  CLI::Option *wire = nullptr, *driver = nullptr, *sense = nullptr, *both = nullptr;

  void add_to(CLI::App& command);
  /// `wires`, with `otherwise` in place of what was not given. Throws InputError(config) that names the option when an ohm is out of range.
  WireOptions given(const WireOptions& otherwise = {}) const;
};

}  // namespace eqprop
