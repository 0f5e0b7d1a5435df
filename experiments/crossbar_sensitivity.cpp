// crossbar sensitivity: what a current of an array owes to every cell and every segment of its lines, exactly.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "crossbar/wires/effective.h"
#include "eqprop/data/checkpoint.h"
#include "eqprop/data/matrix_csv.h"
#include "experiments/commands.h"
#include "experiments/crossbar_circuit.h"
#include "experiments/crossbar_commands.h"
#include "experiments/plot/sensitivity_map.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Json = nlohmann::ordered_json;

constexpr std::size_t kShown = 3;  // cells of a kind

struct SensitivityArguments {
  CircuitArguments circuit;
  Index vector = 1, output = 0;
  std::string weights, siemens_out, word_out, bit_out, map;
  bool json = false;
};

const char* sensed_name(const Circuit& circuit) { return circuit.direction == Direction::forward ? "bit line" : "word line"; }

// of the sensed lines' currents
VectorXd weights_of(const SensitivityArguments& arguments, const Circuit& circuit) {
  const Index lines = circuit.sensed_lines();
  if (arguments.weights.empty()) {
    if (arguments.output > lines)
      throw InputError(Code::out_of_range, {fmt::format("--output {}", arguments.output), 0, 0},
                       fmt::format("{} has {} {}s", arguments.circuit.conductance, lines, sensed_name(circuit)), "they count from 1");
    return VectorXd::Unit(lines, arguments.output - 1);
  }
  const MatrixXd table = read_matrix_csv(arguments.weights);
  if (table.rows() != lines || table.cols() != 1)
    throw InputError(Code::files_disagree, {arguments.weights, 0, 0},
                     fmt::format("{} rows and {} columns, but {} has {} {}s", table.rows(), table.cols(), arguments.circuit.conductance,
                                 lines, sensed_name(circuit)),
                     "one column, a weight for every sensed line");
  if (table.isZero(0))
    throw InputError(Code::bad_cell, {arguments.weights, 0, 0}, "every weight is 0, so that the sum is no current",
                     "1 for a line's current");
  return table;
}

struct CellSlope {
  Index word, bit;  // from 0
  double volt;      // dI/dG
  double of_ideal;  // over dI/dG of lines without resistance; NaN where that is 0
};

struct CellSlopes {
  std::vector<CellSlope> largest, smallest;  // of cells between a driven and a summed line
  std::vector<CellSlope> faded;              // of these, what is least of its value with ideal lines
  std::vector<CellSlope> others;             // largest of the cells that would not matter with ideal lines
};

// ideal: [V] dI/dG with lines without resistance
CellSlopes slopes_of(const MatrixXd& siemens, const MatrixXd& slope, const MatrixXd& ideal) {
  std::vector<CellSlope> own, others;
  for (Index i = 0; i < siemens.rows(); ++i)
    for (Index j = 0; j < siemens.cols(); ++j) {
      if (siemens(i, j) == 0) continue;
      const bool counts = ideal(i, j) != 0;
      (counts ? own : others).push_back({i, j, slope(i, j), counts ? slope(i, j) / ideal(i, j) : std::numeric_limits<double>::quiet_NaN()});
    }
  const auto by_size = [](const CellSlope& a, const CellSlope& b) { return std::abs(a.volt) > std::abs(b.volt); };
  std::stable_sort(own.begin(), own.end(), by_size);
  std::stable_sort(others.begin(), others.end(), by_size);
  CellSlopes out;
  const std::size_t most = std::min(kShown, (own.size() + 1) / 2), least = std::min(kShown, own.size() / 2);
  out.largest.assign(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(most));
  out.smallest.assign(own.rbegin(), own.rbegin() + static_cast<std::ptrdiff_t>(least));
  const auto faded = std::ranges::min_element(own, {}, &CellSlope::of_ideal);
  if (faded != own.end()) out.faded = {*faded};
  others.resize(std::min(kShown, others.size()));
  out.others = std::move(others);
  return out;
}

struct Found {
  WireSensitivity slopes;
  CellSlopes cells;
  double percent;    // of the current per percent of the segments' ohms; NaN without a current
  double word_ohms;  // [A/ohm] all segments of word lines at once, the far ends of double-sided ones included
  double seconds;
};

Found find(const Circuit& circuit, const VectorXd& volt, const VectorXd& weights, const WireTolerance& tolerance) {
  // by reciprocity a backward read is a forward one in which drives and weights change places
  const bool forward = circuit.direction == Direction::forward;
  const VectorXd &words = forward ? volt : weights, &bits = forward ? weights : volt;
  const auto start = std::chrono::steady_clock::now();
  Found out{sensitivity(Wires(circuit.siemens, circuit.wires), words, bits, tolerance), {}, 0, 0, 0};
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const WireSensitivity& s = out.slopes;
  out.percent = s.ampere == 0 ? std::numeric_limits<double>::quiet_NaN() : s.segment_ohm * circuit.wires.segment_ohm / s.ampere;
  out.word_ohms = s.segment_ohm - s.bit_ohm.sum();
  out.cells = slopes_of(circuit.siemens, s.siemens, words * bits.transpose());
  return out;
}

std::string cells_text(const char* title, const std::vector<CellSlope>& cells) {
  std::string out;
  for (const CellSlope& cell : cells) {
    out += fmt::format("    {:<9} word line {}, bit line {}: {:.6g} V", &cell == &cells.front() ? title : "", cell.word + 1, cell.bit + 1,
                       cell.volt);
    if (!std::isnan(cell.of_ideal)) out += fmt::format(", {:.4g} % of that with ideal lines", 100 * cell.of_ideal);
    out += "\n";
  }
  return out;
}

std::string text_of(const Found& found, const std::string& current) {
  const WireSensitivity& s = found.slopes;
  std::string out = fmt::format("  {}: {:.8g} A\n", current, s.ampere);
  out += fmt::format("  dI/dR of all segments at once: {:.6g} A/ohm; word lines {:.6g}, bit lines {:.6g}\n", s.segment_ohm, found.word_ohms,
                     s.bit_ohm.sum());
  if (!std::isnan(found.percent)) out += fmt::format("  1 % more ohms in every segment: {:+.4g} % of the current\n", found.percent);
  const CellSlopes& cells = found.cells;
  if (!cells.largest.empty()) out += "  dI/dG of cells between driven and sensed lines\n";
  out += cells_text("largest", cells.largest) + cells_text("smallest", cells.smallest) + cells_text("faded", cells.faded);
  if (!cells.others.empty()) out += "  dI/dG of other cells, by sneak paths\n";
  out += cells_text("largest", cells.others);
  return out;
}

Json cells_json(const std::vector<CellSlope>& cells) {
  Json out = Json::array();
  for (const CellSlope& cell : cells)
    out.push_back({{"word_line", cell.word + 1},
                   {"bit_line", cell.bit + 1},
                   {"volt", cell.volt},
                   {"of_ideal", std::isnan(cell.of_ideal) ? Json(nullptr) : Json(cell.of_ideal)}});
  return out;
}

Json json_of(const Found& found) {
  const WireSensitivity& s = found.slopes;
  Json out = {{"converged", s.worst.converged},
              {"iterations", s.worst.iterations},
              {"kcl_residual", s.worst.kcl_residual},
              {"rounding_floor", s.worst.rounding_floor},
              {"seconds", found.seconds}};
  if (!s.worst.converged) return out;
  out["ampere"] = s.ampere;
  out["ampere_per_ohm"] = s.segment_ohm;
  out["word_ampere_per_ohm"] = found.word_ohms;
  out["bit_ampere_per_ohm"] = s.bit_ohm.sum();
  out["percent_per_percent"] = std::isnan(found.percent) ? Json(nullptr) : Json(found.percent);
  out["largest"] = cells_json(found.cells.largest);
  out["smallest"] = cells_json(found.cells.smallest);
  out["faded"] = cells_json(found.cells.faded);
  out["others"] = cells_json(found.cells.others);
  return out;
}

void write_files(const SensitivityArguments& arguments, const WireSensitivity& s, const std::string& current, const std::string& caption) {
  // drawn before anything is written
  const std::string map = arguments.map.empty() ? "" : figure_svg(sensitivity_figure(s, current, caption));
  const auto write = [](const std::string& path, const char* what, const std::string& text) {
    if (path.empty()) return;
    write_text_atomic(path, text);
    say("  {} in {}", what, path);
  };
  if (!arguments.siemens_out.empty()) write(arguments.siemens_out, "dI/dG of the cells [V]", matrix_csv(s.siemens));
  if (!arguments.word_out.empty()) write(arguments.word_out, "dI/dR of the word lines' segments [A/ohm]", matrix_csv(s.word_ohm));
  if (!arguments.bit_out.empty()) write(arguments.bit_out, "dI/dR of the bit lines' segments [A/ohm]", matrix_csv(s.bit_ohm));
  write(arguments.map, "all of them drawn", map);
}

int sensitivities(const SensitivityArguments& arguments) {
  const CircuitArguments& given = arguments.circuit;
  if (arguments.weights.empty() && arguments.output == 0)
    throw InputError(Code::usage, {}, "derivatives of which current? Neither --output nor --weights is given",
                     "--output J takes that of line J, --weights FILE a weighted sum of all");
  check_outputs({{"--conductance", given.conductance}, {"--input", given.input}, {"--weights", arguments.weights}},
                {{"--siemens-out", arguments.siemens_out},
                 {"--word-ohm-out", arguments.word_out},
                 {"--bit-ohm-out", arguments.bit_out},
                 {"--map", arguments.map}});
  const Circuit circuit = given.read();
  const VectorXd volt = given.vector(circuit, "--vector", arguments.vector), weights = weights_of(arguments, circuit);
  const Found found = find(circuit, volt, weights, given.tolerance);
  const WireReport& report = found.slopes.worst;
  const std::string caption = circuit.caption(arguments.vector);
  const std::string current = arguments.weights.empty()
                                  ? fmt::format("the current of {} {}", sensed_name(circuit), arguments.output)
                                  : fmt::format("the sum of {} currents weighted by {}", sensed_name(circuit), arguments.weights);
  if (!report.converged)
    warn(Code::wires_not_solved,
         "{}: after {} iterations a node's currents still differ by {:.2g} of the largest input current, wanted {:g}. Nothing is written",
         caption, report.iterations, report.kcl_residual, given.tolerance.residual);
  say("{}", caption);
  say("  two solves in {:.3g} ms, at most {} iterations; largest Kirchhoff residual {:.2g} of the largest input current",
      1e3 * found.seconds, report.iterations, report.kcl_residual);
  if (report.converged) write_files(arguments, found.slopes, current, caption);
  if (arguments.json)
    std::puts(json_of(found).dump().c_str());
  else if (report.converged)
    std::fputs(text_of(found, current).c_str(), stdout);
  return report.converged ? kExitDone : kExitCheckFailed;
}

}  // namespace

void add_crossbar_sensitivity(CLI::App& crossbar, int& exit_code) {
  auto given = std::make_shared<SensitivityArguments>();
  auto* sub = crossbar.add_subcommand("sensitivity", "exact derivatives of a current to every cell and segment");
  given->circuit.add_tables_to(*sub);
  auto* output =
      sub->add_option("--output", given->output, "the sensed line, from 1, whose current it is: a bit line, backward a word line")
          ->check(CLI::Range(1, 1000000000));
  sub->add_option("--weights", given->weights, "CSV of a weighted sum of currents instead: one column, a row per sensed line")
      ->excludes(output);
  sub->add_option("--vector", given->vector, "the column of --input that drives the lines, from 1")
      ->check(CLI::Range(1, 1000000000))
      ->capture_default_str();
  given->circuit.add_direction_to(*sub);
  sub->add_option("--siemens-out", given->siemens_out, "CSV of dI/dG in volts: a row per word line, a column per bit line");
  sub->add_option("--word-ohm-out", given->word_out, "CSV of dI/dR in amperes per ohm: the word line's segment left of every cell");
  sub->add_option("--bit-ohm-out", given->bit_out, "CSV of dI/dR in amperes per ohm: the bit line's segment below every cell");
  sub->add_option("--map", given->map, "SVG of the three tables");
  sub->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  sub->footer(
      "Two solves give all of them: the lines as they are driven, and the sensed lines driven by the weights.\n"
      "Exit codes: 0 done, 1 not solved to the tolerance, 2 wrong options, 3 wrong tables or files.");
  sub->callback([given, &exit_code] { exit_code = sensitivities(*given); });
}

}  // namespace eqprop
