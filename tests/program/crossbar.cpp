// `eqprop crossbar solve`: the circuit of two tables.
#include <nlohmann/json.hpp>

#include "crossbar/wires/reference.h"
#include "eqprop/data/matrix_csv.h"
#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop;
using namespace eqprop::testing;
namespace fs = std::filesystem;

namespace {

constexpr const char* kCells = "# siemens\n1e-4,5e-5,0\n2e-5,1e-4,7e-5\n";
constexpr const char* kVolts = "0.2,0\n0.1,0.15\n";

Outcome solve(const TemporaryFolder& folder, std::vector<std::string> more) {
  std::vector<std::string> words = {"crossbar", "solve", "--conductance", "g.csv", "--input", "v.csv"};
  words.insert(words.end(), more.begin(), more.end());
  return run_program(words, folder.path());
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("crossbar solve writes the currents of every bit line and input vector, and says how well the circuit closes") {
  const TemporaryFolder folder;
  write_file_text(folder / "g.csv", kCells);
  write_file_text(folder / "v.csv", kVolts);
  const Outcome outcome = solve(folder, {"--wire-ohm", "20", "--driver-ohm", "100", "--tolerance", "1e-12", "--out", "i.csv", "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Eigen::MatrixXd got = read_matrix_csv(folder / "i.csv"), g = parse_matrix_csv(kCells, ""), v = parse_matrix_csv(kVolts, "");
  REQUIRE((got.rows() == 3 && got.cols() == 2));
  for (Eigen::Index k = 0; k < 2; ++k) {
    const Eigen::VectorXd want = solve_reference(g, {20, 100, 0, false}, Direction::forward, v.col(k)).ampere;
    CHECK((got.col(k) - want).cwiseAbs().maxCoeff() < 1e-11 * want.maxCoeff());
  }
  const nlohmann::json json = nlohmann::json::parse(outcome.last_line());
  CHECK(json["iterations"].get<int>() > 0);
  for (const char* key : {"kcl_residual", "charge_balance_error", "power_balance_error"}) CHECK(json[key].get<double>() < 1e-10);
  CHECK(json["seconds"].get<double>() > 0);
  // without --out they are printed
  CHECK(has(solve(folder, {"--wire-ohm", "20"}).out, ","));
  // the other way: bit lines drive
  write_file_text(folder / "v.csv", "0.1\n0.2\n0.3\n");
  CHECK(solve(folder, {"--wire-ohm", "20", "--backward", "--out", "b.csv"}).exit_code == 0);
  CHECK(read_matrix_csv(folder / "b.csv").rows() == 2);
}

TEST_CASE("crossbar solve refuses what is no circuit, and writes nothing") {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& cells, const std::string& volts, std::vector<std::string> options, int exit_code,
                           const std::string& words) {
    write_file_text(folder / "g.csv", cells);
    write_file_text(folder / "v.csv", volts);
    options.insert(options.end(), {"--out", "i.csv"});
    const Outcome outcome = solve(folder, options);
    INFO(outcome.err);
    CHECK(outcome.exit_code == exit_code);
    CHECK(has(outcome.err, "error: "));
    CHECK(has(outcome.err, words));
    CHECK_FALSE(fs::exists(folder / "i.csv"));
  };
  const std::vector<std::string> one = {"--wire-ohm", "1"};
  refused("1e-4,-1e-5\n", "0.1\n", one, 3, "g.csv:1:6");
  refused("1e-4,nan\n", "0.1\n", one, 3, "g.csv:1:6");
  refused("1e-4,ohm\n", "0.1\n", one, 3, "'ohm'");
  refused("1e-4\n1e-4,1e-5\n", "0.1\n", one, 3, "g.csv:2");
  refused("1e-4,1e-5\n", "0.1\n0.2\n", one, 3, "2 rows, but g.csv has 1 word lines");
  refused("0,0\n0,0\n", "0.1\n0.2\n", one, 3, "open circuit");
  refused("1e-4\n", "0.1\n", {"--wire-ohm", "0"}, 2, "--wire-ohm");
  refused("1e-4\n", "0.1\n", {"--wire-ohm", "-1"}, 2, "--wire-ohm");
  refused("1e-4\n", "0.1\n", {"--wire-ohm", "1", "--driver-ohm", "-1"}, 2, "--driver-ohm");
}
