// `eqprop crossbar sensitivity`: its tables against what `crossbar solve` finds when a cell or the lines change, and against a circuit of
// single resistors.
#include <Eigen/LU>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "eqprop/data/matrix_csv.h"
#include "experiments/plot/sensitivity_map.h"
#include "tests/catch.h"
#include "tests/crossbar/wire_problem.h"
#include "tests/program/process.h"

using namespace eqprop;
using namespace eqprop::testing;
using namespace eqprop::wire_problem;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Json = nlohmann::json;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void write_table(const fs::path& file, const MatrixXd& table) { write_file_text(file, matrix_csv(table)); }

Outcome crossbar(const TemporaryFolder& folder, const Words& words) { return run_program(Words{"crossbar"} + words, folder.path()); }

Json json_of(const TemporaryFolder& folder, const Words& words) {
  const Outcome outcome = crossbar(folder, Words{"sensitivity"} + words + Words{"--json"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return Json::parse(outcome.last_line());
}

// the weighted sum of what `crossbar solve` finds
double solved(const TemporaryFolder& folder, const Words& words, const VectorXd& weights) {
  const Outcome outcome = crossbar(folder, Words{"solve", "--out", "i.csv", "--tolerance", "1e-13"} + words);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return weights.dot(read_matrix_csv(folder / "i.csv").col(0));
}

struct Ohms {
  double segment, driver, sense;
  Words words() const {
    const auto text = [](double value) { return matrix_csv(MatrixXd::Constant(1, 1, value)); };
    const auto ohm = [&](double value) { return text(value).substr(0, text(value).size() - 1); };
    return {"--wire-ohm", ohm(segment), "--driver-ohm", ohm(driver), "--sense-ohm", ohm(sense)};
  }
};

// ohms of every single resistor of the lines; `far` ends are there when word lines are driven at both
struct Lines {
  MatrixXd word, bit;
  VectorXd far;
};

// the sum of weighted bit currents by nodal analysis with a dense factorisation, nothing of the solver in it
double ampere_of(const MatrixXd& siemens, const Lines& lines, const VectorXd& volt, const VectorXd& weights) {
  const Index m = siemens.rows(), n = siemens.cols();
  MatrixXd a = MatrixXd::Zero(2 * m * n, 2 * m * n);
  VectorXd b = VectorXd::Zero(2 * m * n);
  const auto word = [&](Index i, Index j) { return i * n + j; };
  const auto bit = [&](Index i, Index j) { return m * n + i * n + j; };
  const auto between = [&](Index p, Index q, double g) {
    a(p, p) += g;
    a(q, q) += g;
    a(p, q) -= g;
    a(q, p) -= g;
  };
  const auto to_source = [&](Index p, double g, double source) {
    a(p, p) += g;
    b[p] += g * source;
  };
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) {
      between(word(i, j), bit(i, j), siemens(i, j));
      if (j == 0)
        to_source(word(i, 0), 1 / lines.word(i, 0), volt[i]);
      else
        between(word(i, j - 1), word(i, j), 1 / lines.word(i, j));
      if (i + 1 == m)
        to_source(bit(i, j), 1 / lines.bit(i, j), 0);
      else
        between(bit(i, j), bit(i + 1, j), 1 / lines.bit(i, j));
    }
  for (Index i = 0; i < lines.far.size(); ++i) to_source(word(i, n - 1), 1 / lines.far[i], volt[i]);
  const VectorXd v = a.partialPivLu().solve(b);
  double out = 0;
  for (Index j = 0; j < n; ++j) out += weights[j] * v[bit(m - 1, j)] / lines.bit(m - 1, j);
  return out;
}

const Words kTables = {"--conductance", "g.csv", "--input", "v.csv"};

}  // namespace

TEST_CASE("crossbar sensitivity: the tables are the slopes of what crossbar solve finds, both ways, for an output and for a sum") {
  const TemporaryFolder folder;
  MatrixXd g = uniform(5, 7, kLow, kHigh, 1);
  g(1, 2) = 0;
  const Ohms ohms{25, 60, 40};
  const bool backward = GENERATE(false, true), sum = GENERATE(false, true), both = GENERATE(false, true);
  CAPTURE(backward, sum, both);
  const Index driven = backward ? 7 : 5, sensed = backward ? 5 : 7;
  MatrixXd volt = uniform(driven, 2, 0.02, 0.2, 2);
  const VectorXd weights = sum ? VectorXd(uniform(sensed, 1, -1, 1, 3)) : VectorXd::Unit(sensed, 3).eval();
  write_table(folder / "g.csv", g);
  write_table(folder / "both.csv", volt);
  write_table(folder / "v.csv", volt.col(1));
  write_table(folder / "w.csv", weights);
  Words ways;
  if (backward) ways.push_back("--backward");
  if (both) ways.push_back("--double-sided");

  const Json json = json_of(folder, Words{"--conductance", "g.csv", "--input", "both.csv", "--vector", "2", "--tolerance", "1e-13",
                                          "--siemens-out", "dg.csv", "--word-ohm-out", "dw.csv", "--bit-ohm-out", "db.csv"} +
                                        ways + ohms.words() + (sum ? Words{"--weights", "w.csv"} : Words{"--output", "4"}));
  const MatrixXd dg = read_matrix_csv(folder / "dg.csv"), dw = read_matrix_csv(folder / "dw.csv"), db = read_matrix_csv(folder / "db.csv");
  for (const MatrixXd& table : {dg, dw, db}) REQUIRE((table.rows() == 5 && table.cols() == 7));
  const double ampere = solved(folder, kTables + ways + ohms.words(), weights);
  CHECK(json["ampere"].get<double>() == Approx(ampere).epsilon(1e-10));
  CHECK(json["kcl_residual"].get<double>() <= 1e-13);

  for (const auto& [i, j] : {std::pair<Index, Index>{0, 0}, {4, 6}, {3, 3}, {2, 4}, {0, 5}, {1, 2}}) {
    CAPTURE(i, j);
    const double step = 1e-3 * kHigh;
    MatrixXd up = g, down = g;
    up(i, j) += step;
    down(i, j) = std::max(0.0, g(i, j) - step);
    write_table(folder / "up.csv", up);
    write_table(folder / "down.csv", down);
    const auto with = [&](const char* cells) {
      return solved(folder, Words{"--conductance", cells, "--input", "v.csv"} + ways + ohms.words(), weights);
    };
    // the absent cell has but one side
    CHECK(dg(i, j) == Approx((with("up.csv") - with("down.csv")) / (up(i, j) - down(i, j))).epsilon(g(i, j) == 0 ? 1e-3 : 1e-5));
  }

  const auto slope = [&](double Ohms::*ohm) {
    Ohms up = ohms, down = ohms;
    up.*ohm *= 1.001;
    down.*ohm *= 0.999;
    return (solved(folder, kTables + ways + up.words(), weights) - solved(folder, kTables + ways + down.words(), weights)) /
           (0.002 * (ohms.*ohm));
  };
  const double all = slope(&Ohms::segment);
  CHECK(json["ampere_per_ohm"].get<double>() == Approx(all).epsilon(1e-5));
  CHECK(json["percent_per_percent"].get<double>() == Approx(all * ohms.segment / ampere).epsilon(1e-5));
  CHECK(json["bit_ampere_per_ohm"].get<double>() == Approx(db.sum()).epsilon(1e-9));
  CHECK(json["word_ampere_per_ohm"].get<double>() + json["bit_ampere_per_ohm"].get<double>() ==
        Approx(json["ampere_per_ohm"].get<double>()).epsilon(1e-9));
  if (!both) CHECK(json["word_ampere_per_ohm"].get<double>() == Approx(dw.sum()).epsilon(1e-9));
  // what is in series with a segment counts as it does
  CHECK(db.row(4).sum() == Approx(slope(&Ohms::sense)).epsilon(1e-5));
  if (!both) CHECK(dw.col(0).sum() == Approx(slope(&Ohms::driver)).epsilon(1e-5));
}

TEST_CASE("crossbar sensitivity: a segment's entry is the slope of that one resistor") {
  const TemporaryFolder folder;
  const MatrixXd g = uniform(3, 4, kLow, kHigh, 4);
  const VectorXd volt = uniform(3, 1, 0.02, 0.2, 5), weights = uniform(4, 1, -1, 1, 6);
  write_table(folder / "g.csv", g);
  write_table(folder / "v.csv", volt);
  write_table(folder / "w.csv", weights);
  const bool both = GENERATE(false, true);
  const Ohms ohms{30, 70, 50};
  const Json json =
      json_of(folder, kTables + ohms.words() +
                          Words{"--weights", "w.csv", "--word-ohm-out", "dw.csv", "--bit-ohm-out", "db.csv", "--tolerance", "1e-13"} +
                          (both ? Words{"--double-sided"} : Words{}));
  const MatrixXd dw = read_matrix_csv(folder / "dw.csv"), db = read_matrix_csv(folder / "db.csv");
  Lines lines{MatrixXd::Constant(3, 4, 30), MatrixXd::Constant(3, 4, 30), VectorXd::Constant(both ? 3 : 0, 100)};
  lines.word.col(0).array() += 70;
  lines.bit.row(2).array() += 50;
  CHECK(json["ampere"].get<double>() == Approx(ampere_of(g, lines, volt, weights)).epsilon(1e-10));
  const auto slope = [&](double& ohm) {
    const double middle = ohm;
    ohm = middle + 0.1;
    const double up = ampere_of(g, lines, volt, weights);
    ohm = middle - 0.1;
    const double down = ampere_of(g, lines, volt, weights);
    ohm = middle;
    return (up - down) / 0.2;
  };
  const double least = 1e-7 * std::max(dw.cwiseAbs().maxCoeff(), db.cwiseAbs().maxCoeff());
  for (Index i = 0; i < 3; ++i)
    for (Index j = 0; j < 4; ++j) {
      CAPTURE(both, i, j);
      CHECK(dw(i, j) == Approx(slope(lines.word(i, j))).epsilon(1e-5).margin(least));
      CHECK(db(i, j) == Approx(slope(lines.bit(i, j))).epsilon(1e-5).margin(least));
    }
}

TEST_CASE("crossbar sensitivity says which cells matter, and how much lines without resistance would leave them") {
  const TemporaryFolder folder;
  const MatrixXd g = uniform(6, 8, kLow, kHigh, 7);
  const VectorXd volt = uniform(6, 1, 0.02, 0.2, 8);
  write_table(folder / "g.csv", g);
  write_table(folder / "v.csv", volt);
  const Json json = json_of(folder, kTables + Words{"--wire-ohm", "30", "--output", "5", "--siemens-out", "dg.csv"});
  const MatrixXd dg = read_matrix_csv(folder / "dg.csv");
  const auto cell = [&](const Json& one) {
    return std::pair<Index, Index>{one["word_line"].get<Index>() - 1, one["bit_line"].get<Index>() - 1};
  };
  Index row = 0, column = 0;
  dg.col(4).cwiseAbs().maxCoeff(&row);
  CHECK(cell(json["largest"][0]) == std::pair<Index, Index>{row, 4});
  dg.col(4).cwiseAbs().minCoeff(&row);
  CHECK(cell(json["smallest"][0]) == std::pair<Index, Index>{row, 4});
  dg.col(4).cwiseQuotient(volt).minCoeff(&row);
  CHECK(cell(json["faded"][0]) == std::pair<Index, Index>{row, 4});
  CHECK(json["faded"][0]["of_ideal"].get<double>() == Approx(dg(row, 4) / volt[row]));
  MatrixXd rest = dg;
  rest.col(4).setZero();
  rest.cwiseAbs().maxCoeff(&row, &column);
  CHECK(cell(json["others"][0]) == std::pair<Index, Index>{row, column});
  CHECK(json["others"][0]["of_ideal"].is_null());
  for (const char* kind : {"largest", "smallest", "faded", "others"})
    for (const Json& one : json[kind]) CHECK(one["volt"].get<double>() == dg(cell(one).first, cell(one).second));
  CHECK(json["largest"].size() + json["smallest"].size() == 6);

  const Outcome told = crossbar(folder, Words{"sensitivity"} + kTables + Words{"--wire-ohm", "30", "--output", "5"});
  for (const char* part : {"the current of bit line 5: ", " A/ohm; word lines -", "1 % more ohms in every segment: -",
                           "largest   word line ", "of that with ideal lines", "by sneak paths"}) {
    CAPTURE(part);
    CHECK(has(told.out, part));
  }
  CHECK(has(told.err, "6 word lines x 8 bit lines, 30 ohm a segment"));
  CHECK(has(told.err, "Kirchhoff residual"));

  // lines of next to no resistance: the drive itself, and a current of nothing owes nothing to anyone
  const Json ideal = json_of(folder, kTables + Words{"--wire-ohm", "1e-4", "--output", "5"});
  for (const char* kind : {"largest", "smallest"})
    for (const Json& one : ideal[kind]) CHECK(one["volt"].get<double>() == Approx(volt[cell(one).first]).epsilon(1e-4));
  write_table(folder / "v.csv", VectorXd::Zero(6));
  const Json none = json_of(folder, kTables + Words{"--wire-ohm", "30", "--output", "5", "--map", "none.svg"});
  CHECK(none["ampere"] == 0);
  CHECK(none["percent_per_percent"].is_null());
  CHECK(none["largest"].empty());
}

TEST_CASE("crossbar sensitivity refuses what it cannot do, and writes nothing") {
  const TemporaryFolder folder;
  write_file_text(folder / "g.csv", "1e-4,5e-5,0\n2e-5,1e-4,7e-5\n");
  write_file_text(folder / "v.csv", "0.2,0\n0.1,0.15\n");
  write_file_text(folder / "w.csv", "1\n-1\n0\n");
  write_file_text(folder / "w2.csv", "1\n-1\n");
  write_file_text(folder / "w32.csv", "1,0\n-1,0\n0,1\n");
  write_file_text(folder / "w0.csv", "0\n0\n0\n");
  write_file_text(folder / "wx.csv", "1\nnan\n0\n");
  fs::create_directory(folder / "taken");
  const auto content = [&] {
    std::map<std::string, std::string> out;
    for (const auto& entry : fs::directory_iterator(folder.path()))
      if (entry.is_regular_file() && entry.path().extension() == ".csv") out[entry.path().filename()] = read_file_text(entry.path());
    return out;
  };
  const auto before = content();
  const auto refused = [&](const Words& words, int exit_code, const std::string& part) {
    const Outcome outcome =
        crossbar(folder, Words{"sensitivity"} + kTables + Words{"--siemens-out", "dg.csv", "--word-ohm-out", "dw.csv"} + words);
    INFO(outcome.err);
    CHECK(outcome.exit_code == exit_code);
    CHECK(has(outcome.err, part));
    CHECK(outcome.out.empty());
    CHECK(content() == before);
    CHECK_FALSE(fs::exists(folder / "map.svg"));
  };
  const Words wire = {"--wire-ohm", "20"}, good = wire + Words{"--output", "2"};
  refused(wire, 2, "derivatives of which current");
  refused(good + Words{"--weights", "w.csv"}, 2, "--weights");
  refused({"--output", "2"}, 2, "--wire-ohm");
  refused({"--output", "2", "--wire-ohm", "0"}, 2, "--wire-ohm 0");
  refused(wire + Words{"--output", "4"}, 2, "g.csv has 3 bit lines");
  refused(wire + Words{"--output", "0"}, 2, "--output");
  refused(good + Words{"--vector", "3"}, 2, "v.csv has 2 input vectors");
  refused(good + Words{"--backward"}, 3, "g.csv has 3 bit lines");
  refused(good + Words{"--cell", "1t1r"}, 2, "--cell");
  refused(wire + Words{"--weights", "w2.csv"}, 3, "2 rows and 1 columns, but g.csv has 3 bit lines");
  refused(wire + Words{"--weights", "w32.csv"}, 3, "3 rows and 2 columns");
  refused(wire + Words{"--weights", "w0.csv"}, 3, "every weight is 0");
  refused(wire + Words{"--weights", "wx.csv"}, 3, "wx.csv:2:1");
  refused(wire + Words{"--weights", "absent.csv"}, 3, "EQ-101");
  // files are looked at before anything is computed
  refused(good + Words{"--bit-ohm-out", "no/db.csv"}, 3, "EQ-114");
  refused(good + Words{"--map", "taken"}, 3, "this is a folder");
  refused(good + Words{"--map", "no/map.svg"}, 3, "EQ-114");
  refused(good + Words{"--bit-ohm-out", "dg.csv"}, 2, "--siemens-out and --bit-ohm-out are the same file");
  refused(good + Words{"--bit-ohm-out", "./taken/../g.csv"}, 2, "--conductance and --bit-ohm-out are the same file");
  refused(wire + Words{"--weights", "w.csv", "--map", "w.csv"}, 2, "--weights and --map are the same file");
  // rounding in such segments shows in the currents of such drivers
  const Words hard = {"--wire-ohm", "1e-6", "--driver-ohm", "1e6", "--output", "2", "--tolerance", "1e-16"};
  refused(hard, 1, "EQ-211");
  const Json json = Json::parse(crossbar(folder, Words{"sensitivity"} + kTables + hard + Words{"--map", "map.svg", "--json"}).last_line());
  CHECK(json["converged"] == false);
  CHECK_FALSE(json.contains("ampere"));
  CHECK_FALSE(fs::exists(folder / "map.svg"));
  // the same options without the mistake
  CHECK(crossbar(folder, Words{"sensitivity"} + kTables + good + Words{"--siemens-out", "dg.csv", "--map", "map.svg"}).exit_code == 0);
  CHECK(fs::exists(folder / "dg.csv"));
  const std::string svg = read_file_text(folder / "map.svg");
  for (const char* text : {"<svg", "Derivatives of the current of bit line 2", "dI/dG of the cells", "word segments left of cells",
                           "bit segments below cells", "nA/Ω", "mV", "vector 1 of 2"}) {
    CAPTURE(text);
    CHECK(has(svg, text));
  }
}

TEST_CASE("the map of sensitivities holds the tables in the unit of their scales, with decades where one line outshines the rest") {
  const MatrixXd g = uniform(6, 8, kLow, kHigh, 9);
  const VectorXd volt = uniform(6, 1, 0.02, 0.2, 10);
  const Wires wires(g, {10, 0, 0, false});
  const auto panel = [&](const std::string& script, const std::string& name) {
    const std::size_t from = script.find("$" + name + " << EOD\n") + name.size() + 9;
    std::istringstream in(script.substr(from, script.find("EOD\n", from) - from));
    MatrixXd out(6, 8);
    for (Index i = 0; i < out.size(); ++i) in >> out(i / 8, i % 8);
    return out;
  };
  const WireSensitivity one = sensitivity(wires, volt, VectorXd::Unit(8, 4), {1e-12, 100});
  const std::string script = sensitivity_figure(one, "a current", "caption").script;
  CHECK((1e-3 * panel(script, "cell")).isApprox(one.siemens, 1e-5));
  CHECK((1e-9 * panel(script, "word")).isApprox(one.word_ohm, 1e-5));
  CHECK((1e-9 * panel(script, "bit")).isApprox(one.bit_ohm, 1e-5));
  CHECK(has(script, "'100' "));
  CHECK(has(script, "'-0.1' "));
  CHECK(has(script, "log10(1+abs($3)/"));
  const WireSensitivity all = sensitivity(wires, volt, uniform(8, 1, 0.2, 1, 11), {1e-12, 100});
  CHECK_FALSE(has(sensitivity_figure(all, "a sum", "caption").script, "log10"));
}
