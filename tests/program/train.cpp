// Training through the program: the JSON object, the run folder, seeds, targets.
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/catch.h"
#include "tests/program/process.h"
#include "tests/source_dir.h"

using namespace eqprop::testing;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

std::set<std::string> keys(const Json& object) {
  std::set<std::string> out;
  for (const auto& [key, value] : object.items()) out.insert(key);
  return out;
}

const std::set<std::string> kTrainKeys = {"validation_accuracy",
                                          "test_accuracy",
                                          "epochs",
                                          "samples_per_second",
                                          "sweeps_mean",
                                          "converged_fraction",
                                          "noise_floor_fraction",
                                          "pulses",
                                          "pulses_per_device_max",
                                          "energy_per_sample_joule",
                                          "gpu_energy_per_sample_joule",
                                          "seed"};

// same keys, types, texts and lengths; numbers within `tolerance` of the larger
void check_like(const Json& found, const Json& golden, double tolerance, const std::string& path) {
  INFO(path << ": found " << found.dump().substr(0, 200) << ", golden " << golden.dump().substr(0, 200));
  if (golden.is_number() && found.is_number()) {
    const double a = found.get<double>(), b = golden.get<double>();
    CHECK(std::abs(a - b) <= tolerance * std::max(std::abs(a), std::abs(b)));
    return;
  }
  REQUIRE(found.type() == golden.type());
  if (golden.is_object()) {
    CHECK(keys(found) == keys(golden));
    for (const auto& [key, value] : golden.items())
      if (found.contains(key)) check_like(found[key], value, tolerance, path + "." + key);
  } else if (golden.is_array()) {
    REQUIRE(found.size() == golden.size());
    for (std::size_t i = 0; i < golden.size(); ++i) check_like(found[i], golden[i], tolerance, path + "[" + std::to_string(i) + "]");
  } else {
    CHECK(found == golden);
  }
}

// a CSV file as rows of cells: numbers where they are numbers
Json table(const std::string& text) {
  Json rows = Json::array();
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    Json cells = Json::array();
    std::istringstream parts(line + ",");
    for (std::string cell; std::getline(parts, cell, ',');) {
      char* end = nullptr;
      const double number = std::strtod(cell.c_str(), &end);
      if (!cell.empty() && *end == 0) {
        cells.push_back(number);
      } else {
        cells.push_back(cell);
      }
    }
    rows.push_back(cells);
  }
  return rows;
}

}  // namespace

TEST_CASE("train --json on ideal couplings: exact keys, energy null with a reason") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("ideal", 4));
  const Outcome outcome = run_program({"train", "small.toml", "--json"}, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json result = Json::parse(outcome.last_line());
  auto expected = kTrainKeys;
  expected.insert("energy_reason");
  CHECK(keys(result) == expected);
  CHECK(result["energy_per_sample_joule"].is_null());
  CHECK(result["epochs"] == 4);
  CHECK(result["seed"] == 1);
  CHECK(result["pulses"] == 0);
  CHECK(result["test_accuracy"].get<double>() > 0.6);  // chance is 0.1
  CHECK(result["validation_accuracy"].get<double>() > 0.6);
  CHECK(result["samples_per_second"].get<double>() > 0);
  CHECK(fs::exists(folder / "runs/small-seed1/checkpoint.eqp"));
  // progress is a plain line per epoch when it is no terminal
  CHECK(outcome.err.find("epoch 4/4") != std::string::npos);
  CHECK(outcome.err.find('\r') == std::string::npos);
}

TEST_CASE("train --json on a crossbar: joules at nested boundaries beside the GPU") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("crossbar", 2));
  const Outcome outcome = run_program({"train", "small.toml", "--json", "--out", "run"}, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json result = Json::parse(outcome.last_line());
  CHECK(keys(result) == kTrainKeys);
  const Json& energy = result["energy_per_sample_joule"];
  CHECK(keys(energy) == std::set<std::string>{"B0", "B1", "B2"});
  CHECK(energy["B0"].get<double>() > 0);
  CHECK(energy["B1"].get<double>() > energy["B0"].get<double>());
  CHECK(energy["B2"].get<double>() > energy["B1"].get<double>());
  const Json& gpu = result["gpu_energy_per_sample_joule"];
  CHECK(keys(gpu) == std::set<std::string>{"batch_1", "best_batch"});
  for (const char* batch : {"batch_1", "best_batch"}) {
    CHECK(keys(gpu[batch]) == std::set<std::string>{"G0", "G1", "G2"});
    CHECK(gpu[batch]["G0"].get<double>() > 0);
  }
  CHECK(gpu["best_batch"]["G2"].get<double>() < gpu["batch_1"]["G2"].get<double>());
  CHECK(result["pulses"].get<double>() > 0);
  CHECK(result["pulses_per_device_max"].get<double>() > 0);
  CHECK(result["test_accuracy"].get<double>() > 0.3);

  // pulses are those of training everywhere, the initial write stands apart; the wear of a device has both
  const Json ledger = Json::parse(read_file_text(folder / "run/ledger.json"));
  double update = 0, initial = 0;
  for (const Json& entry : ledger["entries"]) {
    if (entry["event"] != "pulse_set" && entry["event"] != "pulse_reset") continue;
    (entry["phase"] == "initial_write" ? initial : update) += entry["count"].get<double>();
  }
  CHECK(initial > 0);
  CHECK(result["pulses"] == update);
  CHECK(ledger["pulses"] == update);
  CHECK(ledger["initial_write_pulses"] == initial);
  CHECK(table(read_file_text(folder / "run/metrics.csv"))[2][9] == update);

  // the parts sum to B2, and the files agree with the object
  const Json file = Json::parse(read_file_text(folder / "run/energy.json"));
  double sum = 0;
  for (const Json& part : file["parts_per_sample"]) sum += part["joule"].get<double>();
  CHECK(sum == Approx(energy["B2"].get<double>()).epsilon(1e-9));
  CHECK(file["energy_per_sample_joule"] == energy);
  CHECK(file["gpu_energy_per_sample_joule"] == gpu);
  CHECK(file["device"]["pulses"] == update);
  CHECK(file["device"]["initial_write_pulses"] == initial);

  // no batch is larger than the training set, and for a net this small the whole set is the best
  CHECK(file["gpu"]["best_batch_size"] == 1212);
  CHECK(outcome.err.find("batch 1212 (the whole training set)") != std::string::npos);
  CHECK(outcome.err.find("of hardware per sample") != std::string::npos);
}

TEST_CASE("the path that computed a run is named") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("ideal", 1));
  // the kernel wants a hidden layer that is larger than the layers beside it
  const std::string layers = "network.layers=[64, 128, 10]";
  const std::pair<std::string, std::string> cases[] = {{"true", "dense-chain kernel"}, {"false", "general path"}};
  for (const auto& [kernel, name] : cases) {
    const Outcome outcome =
        run_program({"train", "small.toml", "--set", layers, "--set", "train.kernel=" + kernel, "--out", kernel}, folder.path());
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    CHECK(outcome.out.find("settling     " + name) != std::string::npos);
    CHECK(read_file_text(folder / (kernel + "/version.txt")).find(name) != std::string::npos);
  }
}

TEST_CASE("a run that diverges stops with 1, says why and keeps its checkpoint") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("ideal", 5));
  const std::vector<std::string> wild = {"--set", "network.hidden=linear",   "--set", "network.output=linear",
                                         "--set", "train.rates=[1000, 1000]"};
  std::vector<std::string> train = {"train", "small.toml", "--out", "run"};
  train.insert(train.end(), wild.begin(), wild.end());
  const Outcome outcome = run_program(train, folder.path());
  INFO(outcome.err);
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.find("diverged") != std::string::npos);
  CHECK(outcome.err.find("smaller train.rates") != std::string::npos);
  CHECK(fs::exists(folder / "run/checkpoint.eqp"));
  const Json rows = table(read_file_text(folder / "run/metrics.csv"));
  REQUIRE(rows.size() == 2);
  CHECK(rows[0][2] == "train_cost");
  CHECK(rows[1][2] == "");  // no number, so no figure
  train.push_back("--resume");
  const Outcome resumed = run_program(train, folder.path());
  CHECK(resumed.exit_code == 1);
  CHECK(resumed.out.empty());
  CHECK(resumed.err.find("diverged") != std::string::npos);
}

TEST_CASE("pulses that end at the window or are cut are worth a warning") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("crossbar", 2));
  // steps of this device do not shrink towards the bounds, so pulses run into them
  const Outcome narrow = run_program(
      {"train", "small.toml", "--set", "crossbar.device=Sandia-cell", "--set", "device.set_voltage=1 V", "--set",
       "device.reset_voltage=-1 V", "--set", "device.pulse_time=100 ns", "--set", "crossbar.weight_max=0.02", "--out", "narrow"},
      folder.path());
  INFO(narrow.err);
  CHECK(narrow.exit_code == 0);
  CHECK(narrow.err.find("ended at a bound of the conductance window") != std::string::npos);
  const Outcome cut = run_program(
      {"train", "small.toml", "--set", "crossbar.max_pulses=1", "--set", "train.rates=[5.0, 5.0]", "--out", "cut"}, folder.path());
  INFO(cut.err);
  CHECK(cut.exit_code == 0);
  CHECK(cut.err.find("cut to crossbar.max_pulses") != std::string::npos);
  const Outcome good = run_program({"train", "small.toml", "--out", "good"}, folder.path());
  CHECK(good.err.find("warning") == std::string::npos);
}

TEST_CASE("converters that are off leave B1 and B2 unknown: null with a reason, never small") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("crossbar", 1));
  const Outcome outcome = run_program({"train", "small.toml", "--set", "crossbar.adc_bits=0", "--out", "run", "--json"}, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json json = Json::parse(outcome.out.substr(outcome.out.rfind('{', outcome.out.find("\"validation_accuracy\""))));
  CHECK(json["energy_per_sample_joule"]["B0"].get<double>() > 0);
  CHECK(json["energy_per_sample_joule"]["B1"].is_null());
  CHECK(json["energy_per_sample_joule"]["B2"].is_null());
  CHECK(json["energy_reason"].get<std::string>().find("converters are off") != std::string::npos);
  const Outcome energy = run_program({"energy", "run"}, folder.path());
  CHECK(energy.out.find("unknown") != std::string::npos);
}

// made anew by `eqprop train tests/program/golden/config.toml --out NEW`, then copy config.toml, metrics.csv, ledger.json and energy.json
TEST_CASE("a run folder is like the golden one") {
  const fs::path golden = source_dir() + "/tests/program/golden";
  const TemporaryFolder folder;
  const Outcome outcome = run_program({"train", (golden / "config.toml").string(), "--out", "run"}, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  std::set<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder / "run")) files.insert(entry.path().filename().string());
  CHECK(files == std::set<std::string>{"checkpoint.eqp", "config.toml", "energy.json", "ledger.json", "metrics.csv", "version.txt"});

  // a resolved config resolves to itself; its first line names the version that wrote it
  const auto keys_of = [](const fs::path& file) { return read_file_text(file).substr(read_file_text(file).find('\n')); };
  CHECK(keys_of(folder / "run/config.toml") == keys_of(golden / "config.toml"));
  for (const char* name : {"ledger.json", "energy.json"})
    check_like(Json::parse(read_file_text(folder / "run" / name)), Json::parse(read_file_text(golden / name)), 0.2, name);

  Json found = table(read_file_text(folder / "run/metrics.csv")), wanted = table(read_file_text(golden / "metrics.csv"));
  REQUIRE(found.size() == wanted.size());
  for (Json* rows : {&found, &wanted})
    for (std::size_t i = 1; i < rows->size(); ++i) {
      REQUIRE((*rows)[i].size() == (*rows)[0].size());
      (*rows)[i].erase((*rows)[i].size() - 1);  // samples_per_second is the machine's
    }
  check_like(found, wanted, 0.25, "metrics.csv");
}

TEST_CASE("--seeds runs each, prints each, mean and interval") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("ideal", 2));
  const Outcome outcome = run_program({"train", "small.toml", "--seeds", "1..2,5", "--json"}, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json result = Json::parse(outcome.last_line());
  CHECK(result["seed"] == Json({1, 2, 5}));
  REQUIRE(result["test_accuracy"].size() == 3);
  CHECK(result["energy_per_sample_joule"] == Json({nullptr, nullptr, nullptr}));
  double mean = 0;
  for (const Json& value : result["test_accuracy"]) mean += value.get<double>() / 3;
  CHECK(result["mean"]["test_accuracy"].get<double>() == Approx(mean));
  const Json& interval = result["interval_95"]["test_accuracy"];
  CHECK(interval[0].get<double>() <= mean);
  CHECK(interval[1].get<double>() >= mean);
  for (const char* seed : {"1", "2", "5"}) {
    CHECK(outcome.err.find("seed " + std::string(seed) + ": test") != std::string::npos);
    CHECK(fs::exists(folder / ("runs/small/seed-" + std::string(seed) + "/checkpoint.eqp")));
  }
  CHECK(outcome.err.find("3 seeds, mean") != std::string::npos);

  // a single run of one of the seeds gives the same bits
  REQUIRE(run_program({"train", "small.toml", "--seed", "5", "--out", "alone"}, folder.path()).exit_code == 0);
  CHECK(read_file_text(folder / "alone/checkpoint.eqp") == read_file_text(folder / "runs/small/seed-5/checkpoint.eqp"));
}

TEST_CASE("a target that is not reached ends with 4, the run is kept") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("ideal", 1));
  const Outcome missed = run_program({"train", "small.toml", "--set", "target.test_accuracy=1.0", "--out", "run"}, folder.path());
  CHECK(missed.exit_code == 4);
  CHECK(missed.err.find("target not reached: test_accuracy") != std::string::npos);
  // a target is no part of a run's identity: it may change afterwards
  const Outcome reached =
      run_program({"train", "small.toml", "--set", "target.test_accuracy=0.1", "--out", "run", "--resume"}, folder.path());
  CHECK(reached.exit_code == 0);
  CHECK(reached.err.find("finished") != std::string::npos);
  CHECK(reached.out == missed.out);
}

TEST_CASE("lost classes are reported in words") {
  // a small nudge and a high rate drive clamped outputs below their dead zone
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("ideal", 3));
  const Outcome outcome =
      run_program({"train", "small.toml", "--set", "train.beta=0.02", "--set", "train.rates=[1.0, 3.0]"}, folder.path());
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err.find(" lost: ") != std::string::npos);
  CHECK(outcome.err.find("cross_entropy") != std::string::npos);
}

TEST_CASE("one phase of two that diverges for every sample stops the run, and is named") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("ideal", 3));
  const Outcome outcome = run_program(
      {"train", "small.toml", "--out", "run", "--set", "network.hidden=linear", "--set", "network.output=linear", "--set",
       "network.initial_scale=0.5", "--set", "train.estimator=one_sided", "--set", "train.beta=-0.95", "--set", "train.rates=[0, 0]"},
      folder.path());
  INFO(outcome.err);
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.err.find("nudged phase") != std::string::npos);
  CHECK(outcome.err.find("beta") != std::string::npos);
  CHECK(fs::exists(folder / "run/checkpoint.eqp"));
}

TEST_CASE("weights that move in the phase and feed back on it are worth a warning") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("ideal", 1));
  const auto warned = [&](const std::string& rates) {
    const Outcome outcome = run_program({"train", "small.toml", "--out", "run-" + rates.substr(1, 4), "--set", "train.estimator=continual",
                                         "--set", "train.rates=" + rates},
                                        folder.path());
    return outcome.err.find("EQ-210") != std::string::npos;
  };
  CHECK(warned("[0.9, 0.1]"));
  CHECK_FALSE(warned("[0.00001, 0.00001]"));
}

TEST_CASE("the residual of weights that read differently backward is that of how they are read") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("ideal", 1));
  const Outcome outcome = run_program({"train", "small.toml", "--out", "run", "--set", "network.backward_error=0.3"}, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json rows = table(read_file_text(folder / "run/metrics.csv"));
  const auto column = static_cast<std::size_t>(std::find(rows[0].begin(), rows[0].end(), "residual") - rows[0].begin());
  REQUIRE(column < rows[0].size());
  // with transposed weights in place of those that are read back it would be of the order of the error
  CHECK(rows[1][column].get<double>() < 2e-3);
}
