// `eqprop devices fit`, files of devices, and training with them.
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/random.h"
#include "experiments/config.h"
#include "experiments/device_file.h"
#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop;
using namespace eqprop::testing;
namespace fs = std::filesystem;

namespace {

constexpr double kVolt = 0.1;

// amperes of ramps of a device whose steps are a straight line, a column per ramp
std::string ramps_csv(bool up, int ramps, int pulses, std::uint32_t seed, bool header = true) {
  const RandomKey key(seed, Purpose::test, up ? 1 : 2);
  std::vector<std::vector<double>> columns;
  std::uint32_t index = 0;
  for (int r = 0; r < ramps; ++r) {
    double g = up ? 20e-6 : 100e-6;
    auto& column = columns.emplace_back();
    for (int k = 0; k < pulses; ++k) {
      if (k > 0) g += (up ? 1.6e-6 - 0.008 * g : -1.2e-6) + 0.2e-6 * static_cast<double>(key.normal({}, index++));
      column.push_back(kVolt * g);
    }
  }
  std::string text;
  if (header)
    for (int r = 0; r < ramps; ++r) text += (r > 0 ? ",ramp" : "ramp") + std::to_string(r);
  if (header) text += "\n";
  for (int k = 0; k < pulses; ++k)
    for (int r = 0; r < ramps; ++r) {
      char cell[32];
      // the last ramp ends early
      std::snprintf(cell, sizeof cell, "%.9g", columns[static_cast<std::size_t>(r)][static_cast<std::size_t>(k)]);
      text += (r + 1 == ramps && r > 0 && k >= pulses - 5 ? "" : std::string(cell)) + (r + 1 == ramps ? "\n" : ",");
    }
  return text;
}

std::vector<std::string> fit_words(std::vector<std::string> more) {
  std::vector<std::string> words = {"devices", "fit", "--set", "set.csv", "--reset", "reset.csv", "--v-read", "0.1"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void write_ramps(const TemporaryFolder& folder) {
  write_file_text(folder / "set.csv", ramps_csv(true, 6, 60, 1));
  write_file_text(folder / "reset.csv", ramps_csv(false, 6, 60, 1, false));
}

constexpr const char* kTable = "cycle,device,polarity,pulse,siemens,comment\n";

}  // namespace

TEST_CASE("devices fit tells a device and writes a preset that train takes") {
  const TemporaryFolder folder;
  write_ramps(folder);
  const Outcome outcome = run_program(fit_words({"--out", "mine.toml", "--plot", "fit.svg", "--set-voltage", "1.1 V", "--reset-voltage",
                                                 "-1.2 V", "--pulse-time", "50 ns", "--json"}),
                                      folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const nlohmann::json json = nlohmann::json::parse(outcome.last_line());
  CHECK(json["expressed"].get<bool>());
  CHECK(json["laws"].size() == 4);
  const auto& best = json["laws"][0];
  CHECK(best["converged"].get<bool>());
  CHECK(best["set"]["ramps"] == 6);
  CHECK(best["set"]["pulses"] == 6 * 59 - 5);
  for (const auto& law : json["laws"]) {
    if (law["law"] != "linear_step") continue;
    const auto& slope = law["parameters"]["set_slope"];
    CHECK(slope["low"].get<double>() < -0.008);
    CHECK(slope["high"].get<double>() > -0.008);
    CHECK(law["parameters"]["set_c2c_siemens"]["value"].get<double>() == Approx(0.2e-6).epsilon(0.15));
  }
  const std::string svg = read_file_text(folder / "fit.svg");
  CHECK(svg.find("<svg") != std::string::npos);
  CHECK(svg.find("RESET: 6 ramps") != std::string::npos);

  const DevicePreset device = read_device(folder / "mine.toml");
  CHECK(device.name == "mine");
  CHECK(device.set_volt == 1.1);
  CHECK(device.read_volt == 0.1);
  CHECK_NOTHROW(device.validate());

  // a config in a folder of its own, run from elsewhere
  fs::create_directory(folder / "configs");
  fs::rename(folder / "mine.toml", folder / "configs/mine.toml");
  write_file_text(folder / "configs/train.toml", small_config("crossbar", 1) + "[crossbar]\ndevice = \"mine.toml\"\n");
  const Outcome trained = run_program({"train", "configs/train.toml", "--out", "run"}, folder.path());
  INFO(trained.err);
  REQUIRE(trained.exit_code == 0);
  // the run has all it needs
  CHECK(read_file_text(folder / "run/config.toml").find("device = \"device.toml\"") != std::string::npos);
  CHECK(device_text(read_device(folder / "run/device.toml")) == device_text(device));
  fs::remove_all(folder / "configs");
  fs::rename(folder / "run", folder / "elsewhere");
  const Outcome evaluated = run_program({"eval", "elsewhere"}, folder.path());
  INFO(evaluated.err);
  CHECK(evaluated.exit_code == 0);

  // another device is another run
  std::string other = read_file_text(folder / "elsewhere/device.toml");
  other.replace(other.find("pulses_per_window = "), 20, "pulses_per_window = 1");
  write_file_text(folder / "elsewhere/device.toml", other);
  CHECK(run_program({"eval", "elsewhere"}, folder.path()).exit_code != 0);
}

TEST_CASE("devices fit reads a long table, one column of a file, and plain weights") {
  const TemporaryFolder folder;
  std::string table = kTable;
  const RandomKey key(3, Purpose::test);
  std::uint32_t index = 0;
  for (int device = 0; device < 4; ++device)
    for (int cycle = 0; cycle < 2; ++cycle)
      for (const bool up : {true, false}) {
        double g = up ? 20e-6 : 80e-6;
        for (int k = 0; k < 40; ++k) {
          g += (up ? 1 : -1) * (1 + 0.2 * device) * 1e-6 + 0.2e-6 * static_cast<double>(key.normal({}, index++));
          table += std::to_string(cycle) + ",d" + std::to_string(device) + (up ? ",SET," : ",-1,") + std::to_string(k) + "," +
                   std::to_string(1e6 * g) + "e-6,x\n";
        }
      }
  write_file_text(folder / "long.csv", table);
  const Outcome outcome = run_program({"devices", "fit", "--table", "long.csv", "--law", "linear_step", "--json"}, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const nlohmann::json json = nlohmann::json::parse(outcome.last_line());
  CHECK(json["devices"] == 4);
  CHECK(json["laws"].size() == 1);
  const auto& spread = json["spread"]["step_spread"];
  // factors 1, 1.2, 1.4, 1.6 around their mean
  CHECK(spread["low"].get<double>() < 0.2);
  CHECK(spread["high"].get<double>() > 0.2);
  CHECK(spread["value"].get<double>() == Approx(0.2).margin(0.04));

  std::string weights;
  for (int k = 0; k < 50; ++k)
    weights += std::to_string(-0.5 + 0.02 * k + 0.004 * (k % 3)) + "," + std::to_string(0.5 - 0.02 * k + 0.004 * (k % 4)) + "\n";
  write_file_text(folder / "w.csv", weights);
  const Outcome plain =
      run_program({"devices", "fit", "--set", "w.csv:1", "--reset", "w.csv:2", "--units", "weight", "--law", "linear_step"}, folder.path());
  INFO(plain.err);
  CHECK(plain.exit_code == 0);
  CHECK(plain.out.find("step_up") != std::string::npos);
  CHECK(plain.out.find("S ..") == std::string::npos);
}

TEST_CASE("devices fit says when no law expresses the pulses") {
  const TemporaryFolder folder;
  for (const bool up : {true, false}) {
    const RandomKey key(4, Purpose::test, up ? 1 : 2);
    std::string text;
    std::vector<double> g(8, up ? 20e-6 : 90e-6);
    std::uint32_t index = 0;
    for (int k = 0; k < 60; ++k)
      for (std::size_t r = 0; r < g.size(); ++r) {
        g[r] += (up ? 1 : -1) * (1e-6 + 0.7e-6 * std::sin(g[r] / 7e-6)) + 0.1e-6 * static_cast<double>(key.normal({}, index++));
        text += std::to_string(1e6 * kVolt * g[r]) + (r + 1 == g.size() ? "e-6\n" : "e-6,");
      }
    write_file_text(folder / (up ? "set.csv" : "reset.csv"), text);
  }
  const Outcome outcome = run_program(fit_words({"--json"}), folder.path());
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err.find("warning: no law expresses these pulses") != std::string::npos);
  CHECK(outcome.err.find("[EQ-") != std::string::npos);
  CHECK_FALSE(nlohmann::json::parse(outcome.last_line())["expressed"].get<bool>());
}

TEST_CASE("devices fit refuses what it cannot read: one error with its place, and nothing written") {
  struct Bad {
    std::string set;  // content of set.csv; empty: good
    std::vector<std::string> words;
    int exit_code;
    std::vector<std::string> says;
  };
  std::string short_ramp, gap, ragged = ramps_csv(true, 2, 20, 1);
  for (int k = 0; k < 9; ++k) short_ramp += "1e-6\n";
  for (int k = 0; k < 20; ++k) gap += k == 6 ? "1e-6,\n" : "1e-6,2e-6\n";
  ragged += "1e-6\n";
  std::string table = kTable, unordered = kTable, polarity = kTable, few = kTable, thinned = kTable, halved = kTable;
  for (int k = 0; k < 12; ++k) {
    const std::string siemens = "," + std::to_string(10 + k) + "e-6,\n";
    unordered += "1,a,set," + std::to_string(k == 7 ? 3 : k) + siemens;
    polarity += "1,a,sideways," + std::to_string(k) + siemens;
    thinned += "1,a,set," + std::to_string(5 * k) + siemens;
    halved += "1,a,set," + std::to_string(k < 7 ? k : k + 0.5) + siemens;
    if (k < 4) few += "1,a,set," + std::to_string(k) + siemens;
  }
  const std::vector<std::string> long_table = {"devices", "fit", "--table", "set.csv", "--out", "out.toml"};
  const Bad cases[] = {
      {short_ramp, fit_words({}), 3, {"set.csv:9:1", "9 pulses", "at least 10", "EQ-107"}},
      {gap, fit_words({}), 3, {"set.csv:8:6", "line 7", "EQ-107"}},
      {ragged, fit_words({}), 3, {"set.csv:22:1", "a row of 1 cells, the first has 2", "EQ-107"}},
      {ramps_csv(true, 2, 20, 1) + "abc,\n", fit_words({}), 3, {"set.csv:22:1", "'abc'", "EQ-107"}},
      {ramps_csv(true, 2, 20, 1) + "nan,\n", fit_words({}), 3, {"set.csv:22:1", "finite", "EQ-107"}},
      {ramps_csv(true, 2, 20, 1) + "-1e-6,\n", fit_words({}), 3, {"set.csv:22:1", "below 0", "EQ-107"}},
      {"# nothing\n", fit_words({}), 3, {"set.csv", "no ramps", "EQ-107"}},
      {ramps_csv(false, 6, 60, 1), fit_words({}), 3, {"set.csv", "SET pulses do not raise", "EQ-109"}},
      {"", fit_words({"--law", "linear"}), 2, {"--law", "linear_step", "EQ-007"}},
      {"", {"devices", "fit", "--set", "set.csv", "--reset", "reset.csv", "--v-read", "0"}, 2, {"--v-read", "above 0", "EQ-006"}},
      {"", {"devices", "fit", "--set", "set.csv", "--reset", "reset.csv", "--v-read", "-0.1"}, 2, {"--v-read", "EQ-006"}},
      {"", {"devices", "fit", "--set", "set.csv", "--reset", "reset.csv"}, 2, {"--v-read", "EQ-001"}},
      {"", {"devices", "fit", "--set", "set.csv", "--v-read", "0.1"}, 2, {"--reset", "EQ-001"}},
      {"", {"devices", "fit"}, 2, {"--table", "EQ-001"}},
      {"", {"devices", "fit", "--set", "none.csv", "--reset", "reset.csv", "--v-read", "0.1"}, 3, {"none.csv", "EQ-101"}},
      {"", {"devices", "fit", "--set", "set.csv:9", "--reset", "reset.csv", "--v-read", "0.1"}, 3, {"no column 9", "EQ-107"}},
      {"",
       {"devices", "fit", "--set", "set.csv", "--reset", "reset.csv", "--units", "weight", "--out", "out.toml"},
       2,
       {"--out", "EQ-009"}},
      {"", fit_words({"--out", "set.csv"}), 2, {"--out"}},
      {"", fit_words({"--set-voltage", "1"}), 2, {}},
      {"", fit_words({"--set-voltage", "-1 V"}), 2, {"--set-voltage -1 V", "1 mV .. 100 V", "EQ-006"}},
      {"device,cycle,pulse,siemens\na,1,1,1e-6\n", long_table, 3, {"set.csv:1:1", "no column polarity", "EQ-107"}},
      {unordered, long_table, 3, {"set.csv:9:9", "pulse 3", "EQ-107"}},
      {thinned, long_table, 3, {"set.csv:3:9", "pulse 5", "after pulse 0 in line 2", "expected pulse 1", "another cycle", "EQ-107"}},
      {halved, long_table, 3, {"set.csv:9:9", "pulse 7.5", "after pulse 6 in line 8", "expected pulse 7", "EQ-107"}},
      {polarity, long_table, 3, {"set.csv:2:5", "'sideways'", "EQ-107"}},
      {few, long_table, 3, {"set.csv:5", "4 pulses", "EQ-107"}},
      {table, long_table, 3, {"set.csv", "no pulses", "EQ-107"}}};
  for (const Bad& bad : cases) {
    const TemporaryFolder folder;
    write_ramps(folder);
    if (!bad.set.empty()) write_file_text(folder / "set.csv", bad.set);
    std::vector<std::string> words = bad.words;
    if (std::find(words.begin(), words.end(), "--out") == words.end()) words.insert(words.end(), {"--out", "out.toml"});
    const Outcome outcome = run_program(words, folder.path());
    INFO(outcome.err);
    CHECK(outcome.exit_code == bad.exit_code);
    for (const std::string& part : bad.says) {
      INFO(part);
      CHECK(outcome.err.find(part) != std::string::npos);
    }
    CHECK_FALSE(fs::exists(folder / "out.toml"));
  }
}

TEST_CASE("devices fit refuses volts of the wrong sign where it writes no preset too") {
  const TemporaryFolder folder;
  write_ramps(folder);
  const Outcome outcome = run_program(fit_words({"--reset-voltage", "1.2 V"}), folder.path());
  INFO(outcome.err);
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.err.find("--reset-voltage 1.2 V: expected -100 V .. -1 mV") != std::string::npos);
  CHECK(outcome.err.find("\"-1.4 V\"") != std::string::npos);
}

TEST_CASE("devices fit writes no preset that train would refuse: it asks for the unit") {
  const TemporaryFolder folder;
  write_ramps(folder);
  // micro-siemens, and amperes over too few volts
  std::string table = kTable;
  for (const bool up : {true, false})
    for (int ramp = 0; ramp < 5; ++ramp)
      for (int k = 0; k < 40; ++k)
        table += std::to_string(ramp) + (up ? ",a,set," : ",a,reset,") + std::to_string(k) + "," +
                 std::to_string((up ? 20.0 + k : 60.0 - k) + 0.1 * ((7 * k + 3 * ramp) % 5)) + ",\n";
  write_file_text(folder / "micro.csv", table);
  const auto refused = [&](std::vector<std::string> words, const std::string& says) {
    words.insert(words.end(), {"--law", "linear_step", "--out", "out.toml", "--plot", "out.svg"});
    const Outcome outcome = run_program(words, folder.path());
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    for (const std::string& part : {std::string("--out out.toml"), std::string("expected 0 S .. 1 S"), std::string("EQ-006"), says})
      CHECK(outcome.err.find(part) != std::string::npos);
    CHECK_FALSE(fs::exists(folder / "out.toml"));
    CHECK_FALSE(fs::exists(folder / "out.svg"));
  };
  refused({"devices", "fit", "--table", "micro.csv"}, "is a unit off? Column siemens holds siemens");
  refused({"devices", "fit", "--set", "set.csv", "--reset", "reset.csv", "--v-read", "1e-6"}, "amperes and --v-read volts");
}

TEST_CASE("a device file reads back to itself, for every law that has a place in one") {
  for (const std::string& name : preset_names()) {
    const DevicePreset device = preset(name);
    if (device.kind != DeviceKind::pulse || std::holds_alternative<QuantileTable>(device.law)) continue;
    INFO(name);
    const std::string text = device_text(device);
    const DevicePreset again = parse_device(text, "again.toml");
    CHECK(device_text(again) == text);
    CHECK(again.nominal_step() == device.nominal_step());
    CHECK(again.law.index() == device.law.index());
    CHECK(again.G_min == device.G_min);
  }
}

TEST_CASE("a device file that is wrong is refused at its line") {
  const std::string good = device_text(preset("TaOx-180nm"));
  REQUIRE_NOTHROW(parse_device(good, "d.toml"));
  const auto refused = [&](const std::string& part, const std::string& by, Code code) {
    std::string text = good;
    const auto at = text.find(part);
    REQUIRE(at != std::string::npos);
    text.replace(at, part.size(), by);
    INFO(by);
    try {
      parse_device(text, "d.toml");
      FAIL("accepted");
    } catch (const InputError& error) {
      INFO(error.what());
      CHECK(error.code() == code);
      CHECK(error.where().file == "d.toml");
      if (code != Code::missing_key) CHECK(error.where().line > 0);
    }
  };
  refused("law = \"soft_bounds\"", "law = \"soft\"", Code::unknown_name);
  refused("law = \"soft_bounds\"", "law = \"quantile_table\"", Code::missing_key);
  refused("law = \"soft_bounds\"", "law = \"linear_step\"", Code::missing_key);
  refused("law = \"soft_bounds\"\n", "", Code::missing_key);
  refused("conductance_min = \"2 uS\"", "conductance_min = \"200 uS\"", Code::out_of_range);
  refused("conductance_min = \"2 uS\"", "conductance_min = 2e-6", Code::unit);
  refused("step_up", "step_upp", Code::missing_key);
  refused("write_noise", "write_nois", Code::unknown_key);
  refused("step_up = \"740 nS\"", "step_up = \"1 S\"", Code::out_of_range);
}

TEST_CASE("a config with a device file that is not there, or no device, says so") {
  const TemporaryFolder folder;
  write_file_text(folder / "c.toml", small_config("crossbar", 1) + "[crossbar]\ndevice = \"none.toml\"\n");
  const auto code = [&] {
    try {
      read_config(folder / "c.toml");
      return Code::internal;
    } catch (const InputError& error) {
      CHECK_FALSE(error.where().file.empty());
      CHECK(error.where().line > 0);
      return error.code();
    }
  };
  CHECK(code() == Code::missing_file);
  write_file_text(folder / "none.toml", "name = 3\n");
  CHECK(code() == Code::wrong_type);
  write_file_text(folder / "c.toml", small_config("crossbar", 1) + "[crossbar]\ndevice = \"TaOx-180mn\"\n");
  CHECK(code() == Code::unknown_name);
}

// the figures of the measured pulses that the issue of this command names, where the files are
TEST_CASE("devices fit on the measured pulses of CrossSim's cell") {
  const char* data = std::getenv("EQPROP_DATA_DIR");
  const fs::path files = data == nullptr ? fs::path() : fs::path(data) / "devices";
  if (data == nullptr || !fs::exists(files / "set.csv")) {
    WARN("skipped: EQPROP_DATA_DIR has no devices/set.csv");
    return;
  }
  const TemporaryFolder folder;
  const Outcome outcome = run_program({"devices", "fit", "--set", (files / "set.csv").string(), "--reset", (files / "reset.csv").string(),
                                       "--v-read", "0.1", "--law", "linear_step", "--json"},
                                      folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const auto law = nlohmann::json::parse(outcome.last_line())["laws"][0];
  const auto value = [&](const char* name) { return law["parameters"][name]["value"].get<double>(); };
  CHECK(value("set_intercept_siemens") == Approx(-8.35e-6).epsilon(0.05));
  CHECK(value("set_slope") == Approx(0.00651).epsilon(0.05));
  CHECK(value("step_down_siemens") == Approx(5.3e-6).epsilon(0.05));
  CHECK(law["set"]["residual_sd_siemens"].get<double>() == Approx(0.71e-6).epsilon(0.05));
  CHECK(law["reset"]["residual_sd_siemens"].get<double>() == Approx(0.81e-6).epsilon(0.05));
}
