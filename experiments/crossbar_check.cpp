// crossbar check RUN: the exact solver against ngspice on the arrays of a run.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/parallel.h"
#include "crossbar/wires/spice.h"
#include "experiments/child_process.h"
#include "experiments/commands.h"
#include "experiments/crossbar_commands.h"
#include "experiments/crossbar_run.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

using Eigen::Index;
using Json = nlohmann::ordered_json;

struct CheckArguments {
  std::string run;
  WireArguments wires;
  std::size_t vectors = 2;
  Index size = 32;
  double tolerance = 1e-9;
  int threads = hardware_threads();
  bool json = false;
};

// the first lines of a tile, read one way
struct Corner {
  const TileCircuit* tile;
  Direction direction;
  WireOptions wires;
  Eigen::MatrixXd siemens, volt;
  Index undriven = 0;  ///< vectors that drive none of the lines: one unit on each line stands in
};

Corner corner_of(const TileCircuit& tile, Direction direction, Index size) {
  const bool forward = direction == Direction::forward;
  const Eigen::MatrixXd& volt = forward ? tile.forward_volt : tile.backward_volt;
  Corner out{&tile, direction, forward ? tile.forward_wires : tile.backward_wires,
             tile.siemens.topLeftCorner(std::min(size, tile.siemens.rows()), std::min(size, tile.siemens.cols())),
             volt.topRows(std::min(size, volt.rows()))};
  for (Index k = 0; k < volt.cols(); ++k) {
    if (!out.volt.col(k).isZero(0)) continue;
    out.volt.col(k).setConstant(tile.volt_per_unit);
    ++out.undriven;
  }
  return out;
}

Eigen::MatrixXd ngspice(const Corner& corner) {
  const std::string netlist = spice_netlist(corner.siemens, corner.wires, corner.direction, corner.volt, corner.tile->name());
  const ChildOutcome outcome =
      run_child({"ngspice", "the circuit simulator that the check compares with", "apt install ngspice"}, {"-n", "-b"}, netlist);
  if (outcome.exit_code != 0)
    throw InputError(Code::missing_program, {}, "ngspice failed: " + one_line(outcome.err), "apt install ngspice");
  const Index sensed = corner.direction == Direction::forward ? corner.siemens.cols() : corner.siemens.rows();
  return parse_spice_currents(outcome.out, corner.direction, sensed, corner.volt.cols());
}

struct Compared {
  double deviation = 0;  ///< largest of any output and vector, over the largest output of its vector
  bool solved = true;
};

Compared compare(const Corner& corner, int threads) {
  constexpr WireTolerance kTight{1e-12, 10000};
  const Eigen::MatrixXd spice = ngspice(corner);
  Eigen::MatrixXd solved(spice.rows(), spice.cols());
  Compared out;
  for (const WireReport& report : Wires(corner.siemens, corner.wires).solve(corner.direction, corner.volt, solved, kTight, threads))
    out.solved &= report.converged;
  for (Index k = 0; k < spice.cols(); ++k) {
    const double largest = spice.col(k).cwiseAbs().maxCoeff(), apart = (solved.col(k) - spice.col(k)).cwiseAbs().maxCoeff();
    if (apart > 0) out.deviation = std::max(out.deviation, apart / largest);
  }
  return out;
}

std::vector<Corner> corners_of(const RunArrays& arrays, Index size) {
  std::vector<Corner> out;
  for (const TileCircuit& tile : arrays.tiles) {
    out.push_back(corner_of(tile, Direction::forward, size));
    if (tile.backward_volt.size() > 0) out.push_back(corner_of(tile, Direction::backward, size));
  }
  return out;
}

int check_arrays(const CheckArguments& arguments) {
  const RunArrays arrays = read_run_arrays(
      arguments.run, [&](const WireOptions& wires) { return arguments.wires.given(wires); }, arguments.threads,
      [&](std::size_t samples) {
        std::vector<std::uint32_t> rows(std::min(arguments.vectors, samples));
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::uint32_t>(i * samples / rows.size());
        return rows;
      });
  const std::vector<Corner> corners = corners_of(arrays, arguments.size);
  const WireOptions& wires = arrays.tiles.front().forward_wires;
  say("{} after {} epochs: {} tile{}, {} validation sample{}; {:g} ohm a segment, {:g} at drivers, {:g} at sense inputs", arguments.run,
      arrays.epochs_done, arrays.tiles.size(), arrays.tiles.size() == 1 ? "" : "s", corners.front().volt.cols(),
      corners.front().volt.cols() == 1 ? "" : "s", wires.segment_ohm, wires.driver_ohm, wires.sense_ohm);
  const WireOptions& back = arrays.tiles.front().backward_wires;
  if (back.driver_ohm != wires.driver_ohm || back.sense_ohm != wires.sense_ohm)
    say("  backward reads: {:g} ohm at word lines, {:g} at bit lines, since ends change places", back.driver_ohm, back.sense_ohm);

  double worst = 0;
  bool cut = false, solved = true;
  Json tiles = Json::array();
  for (const Corner& corner : corners) {
    const Compared got = compare(corner, arguments.threads);
    const TileCircuit& tile = *corner.tile;
    const char* direction = corner.direction == Direction::forward ? "forward" : "backward";
    const bool part = corner.siemens.size() < tile.siemens.size();
    if (!got.solved)
      warn(Code::wires_not_solved, "{}, {}: conjugate gradients ended before the tolerance of 1e-12", tile.name(), direction);
    say("  {}, {}: {}{} x {} lines{}: {:.2g}", tile.name(), direction, part ? "first " : "", corner.siemens.rows(), corner.siemens.cols(),
        corner.undriven > 0 ? fmt::format(" ({} sample{} without a volt on them: one unit on each instead)", corner.undriven,
                                          corner.undriven == 1 ? "" : "s")
                            : "",
        got.deviation);
    tiles.push_back({{"layer", tile.layer_number},
                     {"part", tile.part},
                     {"tile", tile.tile},
                     {"direction", direction},
                     {"word_lines", corner.siemens.rows()},
                     {"bit_lines", corner.siemens.cols()},
                     {"whole", !part},
                     {"deviation", got.deviation}});
    worst = std::max(worst, got.deviation);
    cut |= part;
    solved &= got.solved;
  }
  const bool agree = solved && worst <= arguments.tolerance;
  if (cut) say("  only the first {0} x {0} lines of larger tiles: --size takes more, but ngspice takes minutes for 128", arguments.size);
  const std::string result = fmt::format("largest deviation from ngspice: {:.2g} of the largest output, tolerance {:g}: {}", worst,
                                         arguments.tolerance, agree ? "they agree" : "they do NOT agree");
  if (arguments.json) {
    say("{}", result);
    std::puts(Json{{"deviation", worst}, {"tolerance", arguments.tolerance}, {"agree", agree}, {"tiles", tiles}}.dump().c_str());
  } else {
    std::puts(result.c_str());
  }
  return agree ? kExitDone : kExitCheckFailed;
}

}  // namespace

void add_crossbar_check(CLI::App& crossbar, int& exit_code) {
  auto given = std::make_shared<CheckArguments>();
  auto* sub = crossbar.add_subcommand("check", "the exact solver against ngspice on the arrays of a run");
  sub->add_option("RUN", given->run, "run folder of `eqprop train`")->required();
  sub->add_option("--vectors", given->vectors, "validation samples whose free states drive the lines, spread evenly")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  sub->add_option("--size", given->size,
                  "most word lines and bit lines of a tile: its first; ngspice takes seconds for 64, minutes for 128")
      ->check(CLI::Range(1, 131072))
      ->capture_default_str();
  sub->add_option("--tolerance", given->tolerance, "largest deviation of an output over the largest output; above it the exit code is 1")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  given->wires.add_to(*sub);
  sub->add_option("--threads", given->threads, "threads; never changes results")->check(CLI::Range(1, 1024))->capture_default_str();
  sub->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  sub->footer(
      "Ohms that are not given are those of the run, or 1 ohm a segment and none at the ends where its reads pass no wires.\n"
      "Exit codes: 0 they agree, 1 they do not, 2 a run without arrays, 3 no run, or ngspice is not installed.");
  sub->callback([given, &exit_code] { exit_code = check_arrays(*given); });
}

}  // namespace eqprop
