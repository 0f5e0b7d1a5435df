// `eqprop crossbar solve` with cells that are not plain resistors.
#include <nlohmann/json.hpp>

#include "crossbar/wires/nonlinear.h"
#include "crossbar/wires/reference.h"
#include "eqprop/data/matrix_csv.h"
#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop;
using namespace eqprop::testing;
namespace fs = std::filesystem;

namespace {

constexpr const char* kCells = "1e-4,5e-5,0\n2e-5,1e-4,7e-5\n";
constexpr const char* kVolts = "0.2,-0.05\n0.1,0.15\n";

Outcome solve(const TemporaryFolder& folder, std::vector<std::string> more) {
  write_file_text(folder / "g.csv", kCells);
  write_file_text(folder / "v.csv", kVolts);
  std::vector<std::string> words = {"crossbar", "solve", "--conductance", "g.csv", "--input", "v.csv", "--wire-ohm", "20"};
  words.insert(words.end(), more.begin(), more.end());
  return run_program(words, folder.path());
}

}  // namespace

TEST_CASE("crossbar solve takes sinh devices, transistors and selectors") {
  const auto agrees = [](const CellOptions& cells, std::vector<std::string> words) {
    const TemporaryFolder folder;
    words.insert(words.end(), {"--tolerance", "1e-12", "--out", "i.csv", "--json"});
    const Outcome outcome = solve(folder, words);
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    const Eigen::MatrixXd got = read_matrix_csv(folder / "i.csv"), g = parse_matrix_csv(kCells, ""), v = parse_matrix_csv(kVolts, "");
    REQUIRE((got.rows() == 3 && got.cols() == 2));
    const CellLaw law(cells);
    const auto cell = [&](Eigen::Index i, Eigen::Index j, double volt) { return law.at(g(i, j), volt); };
    for (Eigen::Index k = 0; k < 2; ++k) {
      const Eigen::VectorXd want = solve_reference(2, 3, cell, {20, 0, 0, false}, Direction::forward, v.col(k)).ampere;
      CHECK((got.col(k) - want).cwiseAbs().maxCoeff() < 1e-9 * want.cwiseAbs().maxCoeff());
    }
    const nlohmann::json json = nlohmann::json::parse(outcome.last_line());
    CHECK(json["newton_steps"].get<int>() > 0);
    CHECK(json["converged"].get<bool>());
    CHECK(json["kcl_residual"].get<double>() <= 1e-12);
  };
  CellOptions cells;
  cells.sinh_volt = 0.05;
  agrees(cells, {"--sinh-volt", "0.05"});
  cells.read_volt = 0.2;
  agrees(cells, {"--sinh-volt", "0.05", "--read-volt", "0.2"});
  cells.kind = CellKind::transistor;
  cells.transistor_ohm = 5e3;
  cells.overdrive_volt = 0.03;
  agrees(cells, {"--cell", "1t1r", "--sinh-volt", "0.05", "--read-volt", "0.2", "--transistor-ohm", "5000", "--overdrive-volt", "0.03"});
  CellOptions selected;
  selected.kind = CellKind::selector;
  selected.selector_ampere = 1e-7;
  selected.selector_volt = 0.02;
  agrees(selected, {"--cell", "1s1r", "--selector-ampere", "1e-7", "--selector-volt", "0.02"});
}

TEST_CASE("crossbar solve says that a tolerance is not reached with nonlinear cells, and writes nothing") {
  const TemporaryFolder folder;
  const Outcome outcome = solve(folder, {"--sinh-volt", "0.05", "--tolerance", "1e-25", "--out", "i.csv", "--json"});
  CHECK(outcome.exit_code == 1);
  CHECK_FALSE(nlohmann::json::parse(outcome.last_line())["converged"].get<bool>());
  CHECK_FALSE(fs::exists(folder / "i.csv"));
}

TEST_CASE("crossbar solve refuses cells that are none, and options of other cells") {
  const TemporaryFolder folder;
  const auto refused = [&](std::vector<std::string> words, const std::string& said) {
    words.insert(words.end(), {"--out", "i.csv"});
    const Outcome outcome = solve(folder, words);
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.err.find(said) != std::string::npos);
    CHECK_FALSE(fs::exists(folder / "i.csv"));
  };
  refused({"--cell", "2r"}, "--cell");
  refused({"--sinh-volt", "0"}, "--sinh-volt");
  refused({"--sinh-volt", "-1"}, "--sinh-volt");
  refused({"--sinh-volt", "nan"}, "cell.sinh_volt");
  refused({"--read-volt", "0.2"}, "--sinh-volt");
  refused({"--sinh-volt", "1e-4", "--read-volt", "0.2"}, "700 times");
  refused({"--transistor-ohm", "1000"}, "--cell 1t1r");
  refused({"--overdrive-volt", "0.1"}, "--cell 1t1r");
  refused({"--cell", "1t1r", "--transistor-ohm", "0"}, "--transistor-ohm");
  refused({"--cell", "1t1r", "--selector-volt", "0.1"}, "--cell 1s1r");
  refused({"--cell", "1s1r", "--selector-ampere", "-1"}, "--selector-ampere");
  refused({"--sinh-volt", "0.05", "--map", "m.svg"}, "--map");
}
