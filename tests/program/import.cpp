// Weights from elsewhere, written to an array.
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "eqprop/data/matrix_csv.h"
#include "eqprop/data/npy.h"
#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

Eigen::MatrixXd weights() {
  Eigen::MatrixXd w(20, 33);
  for (Eigen::Index i = 0; i < w.size(); ++i) w(i) = RandomKey(3, Purpose::test).normal({}, static_cast<std::uint32_t>(i));
  return w;
}

}  // namespace

TEST_CASE("weights from .npy and from a table are written, with the error that remains") {
  const TemporaryFolder folder;
  write_file_text(folder / "W.npy", npy(weights()));
  write_file_text(folder / "W.csv", matrix_csv(weights()));
  write_file_text(folder / "b.csv", matrix_csv(Eigen::MatrixXd::Constant(1, 20, 0.5)));
  const auto import = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "import");
    arguments.insert(arguments.end(), {"--seed", "1", "--json"});
    const Outcome outcome = run_program(arguments, folder.path());
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return nlohmann::json::parse(outcome.last_line());
  };
  const auto one = import({"W.npy", "--bias", "b.csv", "--out", "written.npy"});
  const Eigen::MatrixXd written = read_npy(folder / "written.npy");
  REQUIRE(written.cols() == 34);
  const double error = (written.leftCols(33) - weights()).norm() / weights().norm();
  CHECK(error < 0.1);
  CHECK(one["error_relative"].get<double>() == Approx(error).epsilon(0.05));
  CHECK(written.col(33).mean() == Approx(0.5).margin(0.1));
  CHECK(one["pulses"].get<std::int64_t>() > 0);
  CHECK(one["joule"]["B1"].get<double>() > one["joule"]["B0"].get<double>());
  CHECK(import({"W.csv", "--bias", "b.csv"}) == one);
  // a finer tolerance is nearer, and costs more
  const auto fine = import({"W.npy", "--bias", "b.csv", "--set", "crossbar.write_tolerance=1 uS"});
  CHECK(fine["error_relative"].get<double>() < 0.9 * error);
  CHECK(fine["pulses"].get<std::int64_t>() > one["pulses"].get<std::int64_t>());
  // faults are seen in the error
  const auto faulty = import({"W.npy", "--set", "faults.yield=0.9"});
  CHECK(faulty["error_relative"].get<double>() > 2 * error);
  CHECK(faulty["devices_faulty"].get<std::int64_t>() > 50);
}

TEST_CASE("biases may be NumPy's vector of one dimension") {
  const TemporaryFolder folder;
  write_file_text(folder / "W.npy", npy(weights()));
  const Eigen::MatrixXd biases = Eigen::VectorXd::LinSpaced(20, -1, 1);
  std::string vector = npy(biases);
  const std::string two = "(20, 1), }", one = "(20,), }  ";
  vector.replace(vector.find(two), two.size(), one);
  write_file_text(folder / "vector.npy", vector);
  write_file_text(folder / "column.npy", npy(biases));
  write_file_text(folder / "row.npy", npy(biases.transpose()));
  const auto import = [&](const std::string& bias) {
    const Outcome outcome = run_program({"import", "W.npy", "--bias", bias, "--seed", "1", "--json"}, folder.path());
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return outcome.last_line();
  };
  const std::string as_column = import("column.npy");
  CHECK(import("vector.npy") == as_column);
  CHECK(import("row.npy") == as_column);
  const Outcome none = run_program({"import", "vector.npy", "--seed", "1"}, folder.path());
  CHECK(none.exit_code == 3);
  CHECK(none.err.find("expected a matrix") != std::string::npos);
}

TEST_CASE("a device that can only be written takes weights, and is refused by train alone") {
  const TemporaryFolder folder;
  write_file_text(folder / "W.npy", npy(weights()));
  const std::vector<std::string> words = {"import", "W.npy", "--seed", "1", "--set", "crossbar.device=HfOx-NeuRRAM"};
  const Outcome text = run_program(words, folder.path());
  INFO(text.err);
  REQUIRE(text.exit_code == 0);
  CHECK(text.out.find("write error") != std::string::npos);
  std::vector<std::string> more = words;
  more.insert(more.end(), {"--json", "--out", "written.csv"});
  const auto json = nlohmann::json::parse(run_program(more, folder.path()).last_line());
  const Eigen::MatrixXd written = read_matrix_csv(folder / "written.csv");
  const double error = (written.leftCols(33) - weights()).norm() / weights().norm();
  // some 2 uS of a window of 39.3 uS for two devices of a pair
  CHECK(error > 0.05);
  CHECK(error < 0.5);
  CHECK(json["error_relative"].get<double>() == Approx(error).epsilon(0.05));
  CHECK(json["devices_missed"].is_null());
  CHECK(json["joule"]["B0"].get<double>() > 0);
  write_file_text(folder / "c.toml", small_config("crossbar", 1) + "[crossbar]\ndevice = \"HfOx-NeuRRAM\"\n");
  const Outcome trained = run_program({"train", "c.toml", "--out", "run"}, folder.path());
  CHECK(trained.exit_code == 2);
  CHECK(trained.err.find("EQ-015") != std::string::npos);
}

TEST_CASE("import refuses what is no matrix, and writes over nothing") {
  const TemporaryFolder folder;
  write_file_text(folder / "W.npy", npy(weights()).substr(0, 200));
  write_file_text(folder / "b.csv", "1\n2\n");
  write_file_text(folder / "good.npy", npy(weights()));
  const auto refused = [&](const std::vector<std::string>& arguments, int exit_code, const std::string& says) {
    const Outcome outcome = run_program(arguments, folder.path());
    INFO(outcome.err);
    CHECK(outcome.exit_code == exit_code);
    CHECK(outcome.err.find(says) != std::string::npos);
  };
  refused({"import", "W.npy", "--seed", "1"}, 3, "ends");
  refused({"import", "none.npy", "--seed", "1"}, 3, "none.npy");
  refused({"import", "good.npy", "--seed", "1", "--bias", "b.csv"}, 3, "20 outputs");
  refused({"import", "good.npy", "--seed", "1", "--out", "b.csv"}, 2, "already there");
  refused({"import", "good.npy", "--seed", "1", "--out", "o.txt"}, 2, "ends with .npy or .csv");
  refused({"import", "good.npy", "--seed", "1", "--set", "crossbar.device=Tin"}, 2, "Tin");
  // keys that writing does not depend on
  const std::string sections = "expected a key of [crossbar], [device], [faults], [energy], [wires]";
  refused({"import", "good.npy", "--seed", "1", "--set", "train.epochs=3"}, 2, "--set train.epochs=3: `train.epochs` says nothing");
  refused({"import", "good.npy", "--seed", "1", "--set", "network.initial_scale=3"}, 2, sections);
  refused({"import", "good.npy", "--seed", "1", "--set", "seed=3"}, 2, "give --seed");
  refused({"import", "good.npy", "--seed", "1", "--set", "device.set_volts=1 V"}, 2, "set_voltage");
  CHECK_FALSE(std::filesystem::exists(folder / "o.txt"));
  CHECK(read_file_text(folder / "b.csv") == "1\n2\n");
}
