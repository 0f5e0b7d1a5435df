// crossbar: arrays as circuits. Its parts are crossbar_{solve,sensitivity,export,check}.cpp.
#include <fmt/format.h>

#include <cmath>

#include "base/check.h"
#include "experiments/commands.h"
#include "experiments/crossbar_commands.h"

namespace eqprop {
namespace {

void check_ohm(const char* option, double value, bool zero_too) {
  constexpr double kLeast = 1e-9, kMost = 1e12;
  if ((value >= kLeast || (zero_too && value == 0)) && value <= kMost) return;
  throw InputError(Code::out_of_range, {fmt::format("{} {:g}", option, value), 0, 0},
                   zero_too ? "expected ohms, 0 or 1e-9 to 1e12" : "expected ohms, 1e-9 to 1e12",
                   zero_too ? "leave it out for none" : "a line without resistance is a very small one, like 1e-4");
}

}  // namespace

void WireArguments::add_to(CLI::App& command) {
  wire = command.add_option("--wire-ohm", wires.segment_ohm, "ohms of a line between neighbouring cells");
  driver = command.add_option("--driver-ohm", wires.driver_ohm, "ohms of a source, beside the segment to its line's first cell");
  sense = command.add_option("--sense-ohm", wires.sense_ohm, "ohms of a sense input, beside the segment from its line's last cell");
  both = command.add_flag("--double-sided", wires.double_sided, "word lines are driven at both ends");
}

WireOptions WireArguments::given(const WireOptions& otherwise) const {
  const WireOptions out{wire->count() > 0 ? wires.segment_ohm : otherwise.segment_ohm,
                        driver->count() > 0 ? wires.driver_ohm : otherwise.driver_ohm,
                        sense->count() > 0 ? wires.sense_ohm : otherwise.sense_ohm, wires.double_sided || otherwise.double_sided};
  check_ohm("--wire-ohm", out.segment_ohm, false);
  check_ohm("--driver-ohm", out.driver_ohm, true);
  check_ohm("--sense-ohm", out.sense_ohm, true);
  return out;
}

void add_crossbar(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("crossbar", "arrays as circuits: solve, sensitivity, export, check");
  command->require_subcommand(1);
  add_crossbar_solve(*command, exit_code);
  add_crossbar_sensitivity(*command, exit_code);
  add_crossbar_export(*command, exit_code);
  add_crossbar_check(*command, exit_code);
}

}  // namespace eqprop
