// `eqprop crossbar export` and `check`: the arrays of a run in the hands of other programs; the map of `crossbar solve`.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "crossbar/wires/reference.h"
#include "crossbar/wires/spice.h"
#include "eqprop/data/matrix_csv.h"
#include "eqprop/data/npy.h"
#include "experiments/plot/run_state.h"
#include "experiments/plot/voltage_map.h"
#include "tests/catch.h"
#include "tests/crossbar/ngspice.h"
#include "tests/program/process.h"

using namespace eqprop;
using namespace eqprop::testing;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// 64-16-10 on arrays of two, or of one tile a layer, after an epoch
void train(const TemporaryFolder& folder, std::vector<std::string> more, const std::string& coupling = "crossbar") {
  write_file_text(folder / "small.toml", small_config(coupling, 1));
  std::vector<std::string> words = {"train", "small.toml", "--out", "run"};
  words.insert(words.end(), more.begin(), more.end());
  const Outcome outcome = run_program(words, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
}

Outcome crossbar(const TemporaryFolder& folder, std::vector<std::string> words) {
  words.insert(words.begin(), "crossbar");
  return run_program(words, folder.path());
}

Json index_of(const fs::path& folder) { return Json::parse(read_file_text(folder / "index.json")); }

// runs a program with an empty PATH
Outcome without_path(const TemporaryFolder& folder, const std::vector<std::string>& words) {
  const std::string path = std::getenv("PATH");
  setenv("PATH", folder.path().c_str(), 1);
  const Outcome outcome = crossbar(folder, words);
  setenv("PATH", path.c_str(), 1);
  return outcome;
}

}  // namespace

TEST_CASE("crossbar export writes both devices of every pair, tile by tile, and what turns them into weights") {
  const TemporaryFolder folder;
  train(folder, {"--set", "crossbar.max_rows=40", "--set", "crossbar.max_columns=8"});
  const Outcome outcome = crossbar(folder, {"export", "run", "--format", "csv", "--sample", "3"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.out == "run/arrays/csv/index.json\n");
  const Json index = index_of(folder / "run/arrays/csv");
  CHECK(index["format"] == "eqprop arrays 1");
  CHECK(index["wires"]["segment_ohm"] == 1);
  CHECK(index["wires_of_run"] == false);
  REQUIRE(index["tiles"].size() == 4 + 2);

  const std::vector<RunGroup> groups = find_runs({(folder / "run").string()});
  const RunState state(groups.front().runs.front(), find_places(), 1);
  std::vector<Eigen::Index> cells(2, 0);
  for (const Json& tile : index["tiles"]) {
    INFO(tile.dump());
    const auto layer = tile["layer"].get<std::size_t>() - 1;
    const CouplingState& want = state.after[layer];
    const Eigen::MatrixXd g = read_matrix_csv(folder / ("run/arrays/csv/" + tile["file"].get<std::string>()), 0);
    const Eigen::MatrixXd v = read_matrix_csv(folder / ("run/arrays/csv/" + tile["volt_file"].get<std::string>()));
    REQUIRE(g.rows() == tile["word_lines"].get<Eigen::Index>());
    REQUIRE(g.cols() == 2 * tile["outputs"].get<Eigen::Index>());
    REQUIRE((v.rows() == g.rows() && v.cols() == 1));
    CHECK(v.minCoeff() >= 0);
    CHECK(v.maxCoeff() <= tile["volt_per_unit"].get<double>() * (1 + 1e-6));
    if (tile["has_bias"]) CHECK(v(v.rows() - 1, 0) == tile["volt_per_unit"].get<double>());
    cells[layer] += g.size();
    for (Eigen::Index i = 0; i < g.rows(); ++i)
      for (Eigen::Index o = 0; 2 * o < g.cols(); ++o) {
        const Eigen::Index line = tile["first_input"].get<Eigen::Index>() - 1 + i,
                           output = tile["first_output"].get<Eigen::Index>() - 1 + o;
        REQUIRE(g(i, 2 * o) == double{want.plus(output, line)});
        REQUIRE(g(i, 2 * o + 1) == double{want.minus(output, line)});
        REQUIRE((g(i, 2 * o) - g(i, 2 * o + 1)) / tile["siemens_per_weight"].get<double>() ==
                Approx(want.weights(output, line)).margin(1e-6));
      }
  }
  CHECK(cells[0] == 2 * 65 * 16);
  CHECK(cells[1] == 2 * 17 * 10);

  // the same for NumPy, and again into the same folder
  for (int again = 0; again < 2; ++again) REQUIRE(crossbar(folder, {"export", "run", "--format", "npy", "--out", "arrays"}).exit_code == 0);
  CHECK(read_file_text(folder / "arrays/layer1-tile4.npy") == npy(read_matrix_csv(folder / "run/arrays/csv/layer1-tile4.csv")));
  CHECK(index_of(folder / "arrays")["tiles"][1]["volt_file"] == "layer1-tile2-volt.npy");
}

TEST_CASE("crossbar export writes every slice, whose sum is the weight, and the fast array of Tiki-Taka") {
  const TemporaryFolder folder;
  train(folder, {"--set", "crossbar.slices=3"});
  REQUIRE(crossbar(folder, {"export", "run", "--format", "csv"}).exit_code == 0);
  const Json index = index_of(folder / "run/arrays/csv");
  REQUIRE(index["tiles"].size() == 3 + 3);
  CHECK(index["tiles"][1]["part"] == "slice 2");
  CHECK(index["tiles"][1]["file"] == "layer1-slice2-tile1.csv");
  const std::vector<RunGroup> groups = find_runs({(folder / "run").string()});
  const RunState state(groups.front().runs.front(), find_places(), 1);
  std::vector<Eigen::MatrixXd> sum(2);
  for (const Json& tile : index["tiles"]) {
    const Eigen::MatrixXd g = read_matrix_csv(folder / ("run/arrays/csv/" + tile["file"].get<std::string>()), 0);
    Eigen::MatrixXd& w = sum[tile["layer"].get<std::size_t>() - 1];
    if (w.size() == 0) w = Eigen::MatrixXd::Zero(g.cols() / 2, g.rows());
    for (Eigen::Index o = 0; o < w.rows(); ++o)
      w.row(o) += ((g.col(2 * o) - g.col(2 * o + 1)) / tile["siemens_per_weight"].get<double>()).transpose();
  }
  for (std::size_t layer = 0; layer < 2; ++layer)
    CHECK((sum[layer] - state.after[layer].weights.cast<double>()).cwiseAbs().maxCoeff() < 1e-6);

  const TemporaryFolder other;
  train(other, {"--set", "crossbar.programming=tiki_taka"});
  REQUIRE(crossbar(other, {"export", "run", "--format", "csv"}).exit_code == 0);
  const Json arrays = index_of(other / "run/arrays/csv")["tiles"];
  REQUIRE(arrays.size() == 2 + 2);
  CHECK(arrays[0]["part"].is_null());
  CHECK(arrays[1]["file"] == "layer1-fast-tile1.csv");
}

TEST_CASE("crossbar solve on exported tables, and ngspice on the exported netlist, find the currents of the nodal analysis") {
  const TemporaryFolder folder;
  train(folder, {});
  const std::vector<std::string> ohms = {"--wire-ohm", "3", "--driver-ohm", "40", "--sense-ohm", "20", "--double-sided"};
  for (const char* format : {"csv", "spice"}) {
    std::vector<std::string> words = {"export", "run", "--format", format, "--out", format};
    words.insert(words.end(), ohms.begin(), ohms.end());
    REQUIRE(crossbar(folder, words).exit_code == 0);
  }
  CHECK(index_of(folder / "spice")["wires"] == Json{{"segment_ohm", 3}, {"driver_ohm", 40}, {"sense_ohm", 20}, {"double_sided", true}});
  const Eigen::MatrixXd g = read_matrix_csv(folder / "csv/layer2-tile1.csv"), v = read_matrix_csv(folder / "csv/layer2-tile1-volt.csv");
  const Eigen::VectorXd want = solve_reference(g, {3, 40, 20, true}, Direction::forward, v.col(0)).ampere;

  std::vector<std::string> solve = {"solve", "--conductance", "csv/layer2-tile1.csv", "--input", "csv/layer2-tile1-volt.csv",
                                    "--out", "i.csv",         "--tolerance",          "1e-12"};
  solve.insert(solve.end(), ohms.begin(), ohms.end());
  REQUIRE(crossbar(folder, solve).exit_code == 0);
  CHECK((read_matrix_csv(folder / "i.csv").col(0) - want).cwiseAbs().maxCoeff() < 1e-11 * want.maxCoeff());

  if (!ngspice_is_here()) return;
  const fs::path netlist = folder / "spice/layer2-tile1.cir", printed = folder / "printed";
  REQUIRE(std::system(("ngspice -b " + netlist.string() + " > " + printed.string() + " 2> /dev/null < /dev/null").c_str()) == 0);
  const Eigen::MatrixXd spice = parse_spice_currents(read_file_text(printed), Direction::forward, 20, 1);
  CHECK((spice.col(0) - want).cwiseAbs().maxCoeff() < 1e-11 * want.maxCoeff());
}

TEST_CASE("crossbar check compares every tile with ngspice, both ways where the network reads both ways") {
  if (!ngspice_is_here()) return;
  const TemporaryFolder folder;
  train(folder, {"--set", "crossbar.max_rows=40"});
  const Outcome outcome = crossbar(folder, {"check", "run", "--vectors", "3", "--size", "24", "--wire-ohm", "2", "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(has(outcome.err, "3 validation samples; 2 ohm a segment"));
  CHECK(has(outcome.err, "first 24 x 24 lines"));
  const Json json = Json::parse(outcome.last_line());
  CHECK(json["agree"] == true);
  CHECK(json["deviation"].get<double>() < 1e-10);
  CHECK(json["deviation"].get<double>() > 0);
  REQUIRE(json["tiles"].size() == 2 + 2);
  CHECK(json["tiles"][0]["word_lines"] == 24);
  CHECK(json["tiles"][0]["whole"] == false);
  CHECK(json["tiles"][2]["direction"] == "forward");
  CHECK(json["tiles"][3]["direction"] == "backward");
  CHECK(json["tiles"][3]["whole"] == true);
  // no two programs agree to this
  const Outcome strict = crossbar(folder, {"check", "run", "--size", "8", "--tolerance", "1e-18"});
  CHECK(strict.exit_code == 1);
  CHECK(has(strict.out, "they do NOT agree"));
}

TEST_CASE("crossbar export and check take the wires of the run") {
  const TemporaryFolder folder;
  train(folder, {"--set", "wires.model=effective", "--set", "wires.segment_resistance=\"2 Ohm\""});
  REQUIRE(crossbar(folder, {"export", "run", "--format", "spice", "--driver-ohm", "7"}).exit_code == 0);
  const Json index = index_of(folder / "run/arrays/spice");
  CHECK(index["wires_of_run"] == true);
  CHECK(index["wires"]["segment_ohm"] == 2);
  CHECK(index["wires"]["driver_ohm"] == 7);
}

TEST_CASE("crossbar export and check say what they cannot do, and write nothing") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "empty");
  train(folder, {});
  const auto refused = [&](std::vector<std::string> words, int exit_code, const std::string& part) {
    const Outcome outcome = crossbar(folder, words);
    INFO(outcome.err);
    CHECK(outcome.exit_code == exit_code);
    CHECK(has(outcome.err, "error: "));
    CHECK(has(outcome.err, part));
    CHECK_FALSE(fs::exists(folder / "new"));
    CHECK_FALSE(fs::exists(folder / "run/arrays"));
    CHECK_FALSE(fs::exists(folder / "empty/arrays"));
  };
  refused({"export", "empty", "--format", "csv"}, 3, "EQ-113");
  refused({"export", "nowhere", "--format", "csv"}, 3, "nowhere");
  refused({"check", "empty"}, 3, "EQ-113");
  refused({"export", "run"}, 2, "--format");
  refused({"export", "run", "--format", "spise", "--out", "new"}, 2, "did you mean `spice`");
  refused({"export", "run", "--format", "csv", "--out", "new", "--sample", "100000"}, 2, "--sample 100000");
  refused({"export", "run", "--format", "csv", "--out", "new", "--wire-ohm", "0"}, 2, "--wire-ohm 0");
  refused({"check", "run", "--sense-ohm", "-1"}, 2, "--sense-ohm -1");
  write_file_text(folder / "file", "");
  refused({"export", "run", "--format", "csv", "--out", "file"}, 2, "this is a file");
  refused({"export", "run", "--format", "csv", "--out", "file/new"}, 3, "choose another --out");
  fs::create_directory(folder / "mine");
  write_file_text(folder / "mine/index.json", "{\"mine\": 1}");
  refused({"export", "run", "--format", "csv", "--out", "mine"}, 2, "holds no export of arrays");
  CHECK(std::distance(fs::directory_iterator(folder / "mine"), fs::directory_iterator()) == 1);

  const Outcome absent = without_path(folder, {"check", "run"});
  CHECK(absent.exit_code == 3);
  CHECK(has(absent.err, "ngspice"));
  CHECK(has(absent.err, "apt install ngspice"));

  fs::remove(folder / "run/checkpoint.eqp");
  refused({"export", "run", "--format", "csv", "--out", "new"}, 3, "checkpoint.eqp");
  const TemporaryFolder ideal;
  train(ideal, {}, "ideal");
  for (const std::vector<std::string>& words : {std::vector<std::string>{"export", "run", "--format", "csv"}, {"check", "run"}}) {
    const Outcome outcome = crossbar(ideal, words);
    CHECK(outcome.exit_code == 2);
    CHECK(has(outcome.err, "the couplings of this run are ideal"));
    CHECK_FALSE(fs::exists(ideal / "run/arrays"));
  }
}

TEST_CASE("crossbar solve draws the voltages of one vector, or says why not and writes nothing") {
  const TemporaryFolder folder;
  write_file_text(folder / "g.csv", "1e-4,5e-5,0\n2e-5,1e-4,7e-5\n");
  write_file_text(folder / "v.csv", "0.2,0\n0.1,0.15\n");
  const std::vector<std::string> plain = {"solve", "--conductance", "g.csv", "--input", "v.csv", "--wire-ohm", "20", "--out", "i.csv"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), plain.begin(), plain.end());
    return more;
  };
  const auto nothing = [&](const Outcome& outcome, int exit_code, const std::string& part) {
    INFO(outcome.err);
    CHECK(outcome.exit_code == exit_code);
    CHECK(has(outcome.err, part));
    CHECK_FALSE(fs::exists(folder / "i.csv"));
    CHECK_FALSE(fs::exists(folder / "map.svg"));
  };
  nothing(crossbar(folder, with({"--map", "map.svg", "--map-vector", "3"})), 2, "v.csv has 2 input vectors");
  nothing(without_path(folder, with({"--map", "map.svg"})), 3, "apt install gnuplot-nox");
  nothing(crossbar(folder, with({"--map", "no/map.svg"})), 3, "EQ-114");
  nothing(crossbar(folder, with({"--map", "i.csv"})), 2, "--out and --map are the same file");
  nothing(crossbar(folder, with({"--map", "v.csv"})), 2, "--input and --map are the same file");
  nothing(without_path(folder, {"sensitivity", "--conductance", "g.csv", "--input", "v.csv", "--wire-ohm", "20", "--output", "1",
                                "--siemens-out", "i.csv", "--map", "map.svg"}),
          3, "apt install gnuplot-nox");
  REQUIRE(crossbar(folder, with({"--map", "map.svg", "--map-vector", "2"})).exit_code == 0);
  const std::string svg = read_file_text(folder / "map.svg");
  for (const char* text : {"<svg", "nodes of the word lines", "nodes of the bit lines", "over the cells", "word line", "bit line", "mV",
                           "2 word lines x 3 bit lines, 20 ohm a segment, vector 2 of 2"}) {
    INFO(text);
    CHECK(has(svg, text));
  }
  // one colour, and the other direction
  write_file_text(folder / "v.csv", "0\n0\n0\n");
  CHECK(crossbar(folder, with({"--map", "map.svg", "--backward"})).exit_code == 0);
  CHECK(has(read_file_text(folder / "map.svg"), "read backward"));
}

TEST_CASE("the map of voltages shows those of the nodal analysis, in the unit of its scale") {
  const Eigen::MatrixXd g = parse_matrix_csv("1e-4,5e-5,0\n2e-5,1e-4,7e-5\n", "");
  const Eigen::Vector2d v(2, 1);  // bit lines then see some mV
  const WireOptions options{20, 100, 5, false};
  const Wires wires(g, options);
  WireState state;
  Eigen::Vector3d ampere;
  REQUIRE(wires.solve(Direction::forward, {v.data(), 2}, {ampere.data(), 3}, {1e-12, 100}, state).converged);
  const std::string script = voltage_figure(wires, state, "caption").script;
  const WireReference want = solve_reference(g, options, Direction::forward, v);
  const auto panel = [&](const std::string& name) {
    const std::size_t from = script.find("$" + name + " << EOD\n") + name.size() + 9;
    std::istringstream in(script.substr(from, script.find("EOD\n", from) - from));
    Eigen::MatrixXd out(2, 3);
    for (Eigen::Index i = 0; i < 6; ++i) in >> out(i / 3, i % 3);
    return out;
  };
  CHECK((panel("word") - want.word).cwiseAbs().maxCoeff() < 1e-5);
  CHECK((1e-3 * panel("bit") - want.bit).cwiseAbs().maxCoeff() < 1e-7);
  CHECK((panel("cell") - (want.word - want.bit)).cwiseAbs().maxCoeff() < 1e-5);
  CHECK(want.bit.maxCoeff() > 1e-3);
}
