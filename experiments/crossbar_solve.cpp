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
#include "experiments/crossbar_circuit.h"
#include "experiments/crossbar_commands.h"
#include "experiments/plot/voltage_map.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

struct SolveArguments {
  CircuitArguments circuit;
  std::string out, map;
  Eigen::Index map_vector = 1;
  CellArguments cells;
  bool json = false;
  int threads = hardware_threads();
};

// of all input vectors; steps of Newton are taken only where cells are not ohmic
NewtonReport worst_of(const auto& reports) {
  NewtonReport worst;
  worst.converged = true;
  for (const auto& report : reports) {
    if constexpr (requires { report.steps; }) worst.steps = std::max(worst.steps, report.steps);
    worst.keep_worst(report);
  }
  return worst;
}

// the picture of one input vector, solved for once more since a batch keeps no voltages
std::string map_svg(const Circuit& circuit, const Wires& wires, const Eigen::VectorXd& volt, const WireTolerance& tolerance,
                    const std::string& caption) {
  Eigen::VectorXd ampere(circuit.sensed_lines());
  WireState state;
  wires.solve(circuit.direction, {volt.data(), static_cast<std::size_t>(volt.size())},
              {ampere.data(), static_cast<std::size_t>(ampere.size())}, tolerance, state);
  return figure_svg(voltage_figure(wires, state, caption));
}

int solve(const SolveArguments& arguments) {
  const WireTolerance& tolerance = arguments.circuit.tolerance;
  const CellOptions cells = arguments.cells.given();
  if (!arguments.map.empty() && !arguments.cells.plain())
    throw InputError(Code::conflict, {}, "--map draws arrays of ohmic 1r cells only", "leave it out, or --cell and --sinh-volt");
  check_outputs({{"--conductance", arguments.circuit.conductance}, {"--input", arguments.circuit.input}},
                {{"--out", arguments.out}, {"--map", arguments.map}});
  const Circuit circuit = arguments.circuit.read();
  const Eigen::VectorXd drawn = arguments.circuit.vector(circuit, "--map-vector", arguments.map_vector);
  const Eigen::MatrixXd& volt = circuit.volt;
  Eigen::MatrixXd ampere(circuit.sensed_lines(), volt.cols());
  const auto start = std::chrono::steady_clock::now();
  const Wires wires(circuit.siemens, circuit.wires);
  const NewtonReport report = arguments.cells.plain()
                                  ? worst_of(wires.solve(circuit.direction, volt, ampere, tolerance, arguments.threads))
                                  : worst_of(NonlinearWires(circuit.siemens, circuit.wires, cells)
                                                 .solve(circuit.direction, volt, ampere, {tolerance.residual}, arguments.threads));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const std::string lines = fmt::format("{}, {} input vector{}", circuit.size_text(), volt.cols(), volt.cols() == 1 ? "" : "s");
  if (!report.converged) {
    warn(Code::wires_not_solved,
         "{}: after {} iterations a node's currents still differ by {:.2g} of the largest input current, wanted {:g}. {}", lines,
         report.iterations, report.kcl_residual, tolerance.residual,
         arguments.out.empty() ? "No currents are printed" : "Nothing is written");
  } else {
    // drawn before anything is written
    const std::string map = arguments.map.empty() ? "" : map_svg(circuit, wires, drawn, tolerance, circuit.caption(arguments.map_vector));
    if (!arguments.out.empty()) write_text_atomic(arguments.out, matrix_csv(ampere));
    if (!arguments.map.empty()) write_text_atomic(arguments.map, map);
  }
  if (arguments.json) {
    nlohmann::ordered_json json = {{"iterations", report.iterations},
                                   {"converged", report.converged},
                                   {"kcl_residual", report.kcl_residual},
                                   {"rounding_floor", report.rounding_floor},
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
  given->circuit.add_tables_to(*sub);
  given->cells.add_to(*sub);
  given->circuit.add_direction_to(*sub);
  sub->add_option("--out", given->out, "CSV of amperes: a row per sensed line, a column per input vector; without it they are printed");
  sub->add_option("--map", given->map,
                  "SVG of the voltages of all nodes and over all cells, for one input vector of an array of ohmic cells");
  sub->add_option("--map-vector", given->map_vector, "the column of --input that --map shows, from 1")
      ->check(CLI::Range(1, 1000000000))
      ->capture_default_str();
  sub->add_option("--threads", given->threads, "threads; never changes results")->check(CLI::Range(1, 1024))->capture_default_str();
  sub->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  sub->callback([given, &exit_code] { exit_code = solve(*given); });
}

}  // namespace eqprop
