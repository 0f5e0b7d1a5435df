// crossbar solve: the currents of an array of given cells through resistive lines, exactly, and a map of its voltages.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/parallel.h"
#include "crossbar/wires/nonlinear.h"
#include "eqprop/data/checkpoint.h"
#include "eqprop/data/matrix_csv.h"
#include "experiments/commands.h"
#include "experiments/crossbar_cells.h"
#include "experiments/crossbar_commands.h"
#include "experiments/plot/voltage_map.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

struct SolveArguments {
  std::string conductance, input, out, map;
  Eigen::Index map_vector = 1;
  WireArguments wires;
  CellArguments cells;
  WireTolerance tolerance;
  bool backward = false;
  bool json = false;
  int threads = hardware_threads();

  Direction direction() const { return backward ? Direction::backward : Direction::forward; }
};

// of all input vectors; steps of Newton are taken only where cells are not ohmic
NewtonReport worst_of(const auto& reports) {
  NewtonReport worst;
  worst.converged = true;
  for (const auto& report : reports) {
    if constexpr (requires { report.steps; }) worst.steps = std::max(worst.steps, report.steps);
    worst.iterations = std::max(worst.iterations, report.iterations);
    worst.converged &= report.converged;
    worst.kcl_residual = std::max(worst.kcl_residual, report.kcl_residual);
    worst.charge_balance_error = std::max(worst.charge_balance_error, report.charge_balance_error);
    worst.power_balance_error = std::max(worst.power_balance_error, report.power_balance_error);
  }
  return worst;
}

void check_tables(const SolveArguments& arguments, const Eigen::MatrixXd& siemens, const Eigen::MatrixXd& volt) {
  const Eigen::Index driven = arguments.backward ? siemens.cols() : siemens.rows();
  if (volt.rows() != driven)
    throw InputError(
        Code::files_disagree, {arguments.input, 0, 0},
        fmt::format("{} rows, but {} has {} {} lines", volt.rows(), arguments.conductance, driven, arguments.backward ? "bit" : "word"),
        "a row of volts per driven line, a column per input vector");
  if (siemens.maxCoeff() == 0)
    throw InputError(Code::bad_cell, {arguments.conductance, 0, 0}, "an open circuit: every cell is absent, no current can flow",
                     "conductances in siemens, word lines in rows, bit lines in columns");
  if (arguments.map_vector > volt.cols())
    throw InputError(Code::out_of_range, {fmt::format("--map-vector {}", arguments.map_vector), 0, 0},
                     fmt::format("{} has {} input vectors", arguments.input, volt.cols()), "they count from 1");
}

// the picture of one input vector, solved for once more since a batch keeps no voltages
std::string map_svg(const SolveArguments& arguments, const Wires& wires, const Eigen::MatrixXd& volt, const std::string& lines) {
  const Eigen::VectorXd v = volt.col(arguments.map_vector - 1);
  Eigen::VectorXd ampere(arguments.backward ? wires.word_lines() : wires.bit_lines());
  WireState state;
  wires.solve(arguments.direction(), {v.data(), static_cast<std::size_t>(v.size())},
              {ampere.data(), static_cast<std::size_t>(ampere.size())}, arguments.tolerance, state);
  const std::string which = volt.cols() == 1 ? "" : fmt::format(", vector {} of {}", arguments.map_vector, volt.cols());
  return figure_svg(voltage_figure(wires, state, lines + which + (arguments.backward ? ", read backward" : "")));
}

int solve(const SolveArguments& arguments) {
  const WireOptions options = arguments.wires.given();
  const CellOptions cells = arguments.cells.given();
  if (!arguments.map.empty() && !arguments.cells.plain())
    throw InputError(Code::conflict, {}, "--map draws arrays of ohmic 1r cells only", "leave it out, or --cell and --sinh-volt");
  const Eigen::MatrixXd siemens = read_matrix_csv(arguments.conductance, 0);
  const Eigen::MatrixXd volt = read_matrix_csv(arguments.input);
  check_tables(arguments, siemens, volt);
  Eigen::MatrixXd ampere(arguments.backward ? siemens.rows() : siemens.cols(), volt.cols());
  const auto start = std::chrono::steady_clock::now();
  const Wires wires(siemens, options);
  const NewtonReport report =
      arguments.cells.plain()
          ? worst_of(wires.solve(arguments.direction(), volt, ampere, arguments.tolerance, arguments.threads))
          : worst_of(NonlinearWires(siemens, options, cells)
                         .solve(arguments.direction(), volt, ampere, {arguments.tolerance.residual}, arguments.threads));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const std::string size =
      fmt::format("{} word lines x {} bit lines, {:g} ohm a segment", siemens.rows(), siemens.cols(), options.segment_ohm);
  const std::string lines = fmt::format("{}, {} input vector{}", size, volt.cols(), volt.cols() == 1 ? "" : "s");
  if (!report.converged) {
    warn(Code::wires_not_solved,
         "{}: after {} iterations a node's currents still differ by {:.2g} of the largest input current, wanted {:g}. {}", lines,
         report.iterations, report.kcl_residual, arguments.tolerance.residual,
         arguments.out.empty() ? "No currents are printed" : "Nothing is written");
  } else {
    // drawn before anything is written
    const std::string map = arguments.map.empty() ? "" : map_svg(arguments, wires, volt, size);
    if (!arguments.out.empty()) write_text_atomic(arguments.out, matrix_csv(ampere));
    if (!arguments.map.empty()) write_text_atomic(arguments.map, map);
  }
  if (arguments.json) {
    nlohmann::ordered_json json = {{"iterations", report.iterations},
                                   {"converged", report.converged},
                                   {"kcl_residual", report.kcl_residual},
                                   {"charge_balance_error", report.charge_balance_error},
                                   {"power_balance_error", report.power_balance_error},
                                   {"seconds", seconds}};
    if (!arguments.cells.plain()) json["newton_steps"] = report.steps;
    std::puts(json.dump().c_str());
  } else {
    say("{}", lines);
    if (!arguments.cells.plain()) say("  cells that are not plain resistors: {} steps of Newton's method", report.steps);
    say("  {} iterations, {:.3g} ms; largest Kirchhoff residual {:.2g} of the largest input current; balance of charge {:.2g}, of power "
        "{:.2g}",
        report.iterations, 1e3 * seconds, report.kcl_residual, report.charge_balance_error, report.power_balance_error);
    if (report.converged && arguments.out.empty()) std::fputs(matrix_csv(ampere).c_str(), stdout);
    if (report.converged && !arguments.out.empty()) say("  amperes in {}, a row per sensed line, a column per input vector", arguments.out);
    if (report.converged && !arguments.map.empty()) say("  voltages of all nodes drawn in {}", arguments.map);
  }
  return report.converged ? kExitDone : kExitCheckFailed;
}

}  // namespace

void add_crossbar_solve(CLI::App& crossbar, int& exit_code) {
  auto given = std::make_shared<SolveArguments>();
  auto* sub = crossbar.add_subcommand("solve", "the exact currents through resistive lines");
  sub->add_option("--conductance", given->conductance,
                  "CSV of siemens: word lines (inputs) in rows, bit lines (outputs) in columns; 0: no cell")
      ->required();
  sub->add_option("--input", given->input, "CSV of volts: a row per driven line, a column per input vector")->required();
  given->wires.add_to(*sub);
  given->wires.wire->required();
  given->wires.driver->capture_default_str();
  given->wires.sense->capture_default_str();
  given->cells.add_to(*sub);
  sub->add_flag("--backward", given->backward, "drive the bit lines at their ends, sense the word lines");
  sub->add_option("--tolerance", given->tolerance.residual, "largest Kirchhoff residual over the largest input current")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  sub->add_option("--out", given->out, "CSV of amperes: a row per sensed line, a column per input vector; without it they are printed");
  sub->add_option("--map", given->map, "SVG of the voltages of all nodes and over all cells, for one input vector of an array of ohmic cells");
  sub->add_option("--map-vector", given->map_vector, "the column of --input that --map shows, from 1")
      ->check(CLI::Range(1, 1000000000))
      ->capture_default_str();
  sub->add_option("--threads", given->threads, "threads; never changes results")->check(CLI::Range(1, 1024))->capture_default_str();
  sub->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  sub->callback([given, &exit_code] { exit_code = solve(*given); });
}

}  // namespace eqprop
