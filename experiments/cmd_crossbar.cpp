// crossbar solve: the currents of an array of given cells through resistive lines, exactly.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/parallel.h"
#include "crossbar/wires/wires.h"
#include "eqprop/data/checkpoint.h"
#include "eqprop/data/matrix_csv.h"
#include "experiments/commands.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

struct SolveArguments {
  std::string conductance, input, out;
  WireOptions wires;
  WireTolerance tolerance;
  bool backward = false;
  bool json = false;
  int threads = hardware_threads();
};

// the same circuit in the words of the options
Wires make_wires(const SolveArguments& arguments, const Eigen::MatrixXd& siemens) {
  const auto positive = [](const char* option, double value, bool zero_too) {
    if (!(value > 0 || (zero_too && value == 0)) || !std::isfinite(value))
      throw InputError(Code::out_of_range, {fmt::format("{} {:g}", option, value), 0, 0},
                       zero_too ? "expected ohms, 0 or more" : "expected ohms above 0",
                       zero_too ? "leave it out for none" : "a line without resistance is a very small one, like 1e-9");
  };
  positive("--wire-ohm", arguments.wires.segment_ohm, false);
  positive("--driver-ohm", arguments.wires.driver_ohm, true);
  positive("--sense-ohm", arguments.wires.sense_ohm, true);
  if (siemens.maxCoeff() == 0)
    throw InputError(Code::bad_cell, {arguments.conductance, 0, 0}, "an open circuit: every cell is absent, no current can flow",
                     "conductances in siemens, word lines in rows, bit lines in columns");
  return {siemens, arguments.wires};
}

WireReport worst_of(const std::vector<WireReport>& reports) {
  WireReport worst;
  worst.converged = true;
  for (const WireReport& report : reports) {
    worst.iterations = std::max(worst.iterations, report.iterations);
    worst.converged &= report.converged;
    worst.kcl_residual = std::max(worst.kcl_residual, report.kcl_residual);
    worst.charge_balance_error = std::max(worst.charge_balance_error, report.charge_balance_error);
    worst.power_balance_error = std::max(worst.power_balance_error, report.power_balance_error);
  }
  return worst;
}

int solve(const SolveArguments& arguments) {
  const Eigen::MatrixXd siemens = read_matrix_csv(arguments.conductance, 0);
  const Eigen::MatrixXd volt = read_matrix_csv(arguments.input);
  const Direction direction = arguments.backward ? Direction::backward : Direction::forward;
  const Eigen::Index driven = arguments.backward ? siemens.cols() : siemens.rows();
  if (volt.rows() != driven)
    throw InputError(
        Code::files_disagree, {arguments.input, 0, 0},
        fmt::format("{} rows, but {} has {} {} lines", volt.rows(), arguments.conductance, driven, arguments.backward ? "bit" : "word"),
        "a row of volts per driven line, a column per input vector");
  Eigen::MatrixXd ampere(arguments.backward ? siemens.rows() : siemens.cols(), volt.cols());
  const auto start = std::chrono::steady_clock::now();
  const Wires wires = make_wires(arguments, siemens);
  const WireReport report = worst_of(wires.solve(direction, volt, ampere, arguments.tolerance, arguments.threads));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const std::string lines = fmt::format("{} word lines x {} bit lines, {:g} ohm a segment, {} input vector{}", siemens.rows(),
                                        siemens.cols(), arguments.wires.segment_ohm, volt.cols(), volt.cols() == 1 ? "" : "s");
  if (!report.converged) {
    warn(Code::wires_not_solved,
         "{}: after {} iterations a node's currents still differ by {:.2g} of the largest input current, wanted {:g}. {}", lines,
         report.iterations, report.kcl_residual, arguments.tolerance.residual,
         arguments.out.empty() ? "No currents are printed" : "Nothing is written");
  } else if (!arguments.out.empty()) {
    write_text_atomic(arguments.out, matrix_csv(ampere));
  }
  if (arguments.json) {
    nlohmann::ordered_json json = {{"iterations", report.iterations},
                                   {"converged", report.converged},
                                   {"kcl_residual", report.kcl_residual},
                                   {"charge_balance_error", report.charge_balance_error},
                                   {"power_balance_error", report.power_balance_error},
                                   {"seconds", seconds}};
    std::puts(json.dump().c_str());
  } else {
    say("{}", lines);
    say("  {} iterations, {:.3g} ms; largest Kirchhoff residual {:.2g} of the largest input current; balance of charge {:.2g}, of power "
        "{:.2g}",
        report.iterations, 1e3 * seconds, report.kcl_residual, report.charge_balance_error, report.power_balance_error);
    if (report.converged && arguments.out.empty()) std::fputs(matrix_csv(ampere).c_str(), stdout);
    if (report.converged && !arguments.out.empty()) say("  amperes in {}, a row per sensed line, a column per input vector", arguments.out);
  }
  return report.converged ? kExitDone : kExitCheckFailed;
}

}  // namespace

void add_crossbar(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("crossbar", "arrays as circuits: solve");
  command->require_subcommand(1);
  auto given = std::make_shared<SolveArguments>();
  auto* sub = command->add_subcommand("solve", "the exact currents through resistive lines");
  sub->add_option("--conductance", given->conductance,
                  "CSV of siemens: word lines (inputs) in rows, bit lines (outputs) in columns; 0: no cell")
      ->required();
  sub->add_option("--input", given->input, "CSV of volts: a row per driven line, a column per input vector")->required();
  sub->add_option("--wire-ohm", given->wires.segment_ohm, "ohms of a line between neighbouring cells")->required();
  sub->add_option("--driver-ohm", given->wires.driver_ohm, "ohms of a source, beside the segment to its line's first cell")
      ->capture_default_str();
  sub->add_option("--sense-ohm", given->wires.sense_ohm, "ohms of a sense input, beside the segment from its line's last cell")
      ->capture_default_str();
  sub->add_flag("--double-sided", given->wires.double_sided, "word lines are driven at both ends");
  sub->add_flag("--backward", given->backward, "drive the bit lines at their ends, sense the word lines");
  sub->add_option("--tolerance", given->tolerance.residual, "largest Kirchhoff residual over the largest input current")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  sub->add_option("--out", given->out, "CSV of amperes: a row per sensed line, a column per input vector; without it they are printed");
  sub->add_option("--threads", given->threads, "threads; never changes results")->check(CLI::Range(1, 1024))->capture_default_str();
  sub->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  sub->callback([given, &exit_code] { exit_code = solve(*given); });
}

}  // namespace eqprop
