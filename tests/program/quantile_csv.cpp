// Tables of measured steps as files: what is read, and what is refused where.
#include "experiments/quantile_csv.h"

#include "base/check.h"
#include "experiments/device_file.h"
#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

constexpr const char* kGood =
    "# steps of one cell\n"
    "polarity,siemens,0,0.5,1\n"
    "set, 2e-6, 1e-7, 2e-7, 3e-7\n"
    "set, 76e-6, 0, 1e-7, 2e-7\n"
    "\n"
    "set, 150e-6, 0, 0, 1e-7\n"
    "reset, 2e-6, -1e-7, 0, 0\n"
    "reset, 76e-6, -2e-7, -1e-7, 0\n"
    "reset, 150e-6, -3e-7, -2e-7, -1e-7\n";

std::string replaced(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& text) {
  try {
    parse_quantile_csv(text, "steps.csv");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a table of measured steps is read from a file") {
  const TemporaryFolder folder;
  write_file_text(folder / "steps.csv", kGood);
  const QuantileFile file = read_quantile_csv(folder / "steps.csv");
  CHECK(file.G_min == 2e-6);
  CHECK(file.G_max == 150e-6);
  CHECK(file.data.conductances == 3);
  CHECK(file.data.quantiles == 3);
  CHECK(file.data.set == std::vector<double>{1e-7, 2e-7, 3e-7, 0, 1e-7, 2e-7, 0, 0, 1e-7});
  CHECK(file.data.reset == std::vector<double>{-1e-7, 0, 0, -2e-7, -1e-7, 0, -3e-7, -2e-7, -1e-7});
  const QuantileTable law(file.data);
  CHECK(law.mean_step(76e-6f, true, 2e-6f, 150e-6f) == Approx(1e-7).epsilon(1e-4));
  CHECK(law.mean_step(76e-6f, false, 2e-6f, 150e-6f) == Approx(-1e-7).epsilon(1e-4));
  CHECK_THROWS_AS(read_quantile_csv(folder / "none.csv"), InputError);
}

TEST_CASE("a table that is not as described is refused where it goes wrong") {
  CHECK(error_of(kGood) == "no error");
  CHECK(contains(error_of(""), "the table is empty"));
  CHECK(contains(error_of(replaced("polarity,siemens", "sign,siemens")), "steps.csv:2:1: no header"));
  CHECK(contains(error_of(replaced("0,0.5,1", "0,0.4,1")), "steps.csv:2:20: u = 0.4 where 0.5 belongs"));
  CHECK(contains(error_of(replaced("set, 76e-6, 0, 1e-7, 2e-7", "set, 76e-6, 0, 1e-7")), "steps.csv:4:1: 4 cells in a table of 5 columns"));
  CHECK(contains(error_of(replaced("set, 76e-6, 0, 1e-7", "set, 76e-6, 0, x")), "steps.csv:4:16: `x` is no finite number"));
  CHECK(contains(error_of(replaced("set, 76e-6", "sett, 76e-6")), "steps.csv:4:1: `sett` is no polarity"));
  CHECK(contains(error_of(replaced("set, 76e-6", "set, 70e-6")), "conductance 2 of set is 7e-05 S where 7.6e-05 S belongs"));
  CHECK(contains(error_of(replaced("reset, 150e-6, -3e-7, -2e-7, -1e-7\n", "")), "3 conductances of set and 2 of reset"));
  CHECK(contains(error_of(replaced("1e-7, 2e-7, 3e-7", "2e-7, 1e-7, 3e-7")), "row 1 decreases"));
  CHECK(contains(error_of(replaced("reset, 76e-6, -2e-7, -1e-7, 0", "reset, 76e-6, 2e-7, 3e-7, 4e-7")), "wrong sign"));
}

TEST_CASE("a device file holds a table, or names it, and gives the same device again") {
  const TemporaryFolder folder;
  write_file_text(folder / "steps.csv", kGood);
  const std::string head =
      "name = \"measured\"\n[device]\nlaw = \"quantile_table\"\nconductance_min = \"2 uS\"\nconductance_max = \"150 uS\"\n"
      "pulses_per_window = 700\nset_voltage = \"1 V\"\nreset_voltage = \"-1 V\"\npulse_time = \"100 ns\"\n";
  const std::string text = head + "[law]\ntable = \"steps.csv\"\n";
  write_file_text(folder / "measured.toml", text);
  const DevicePreset device = read_device(folder / "measured.toml");
  CHECK(device.cycle_sd == 1);  // as measured, where the file says nothing
  CHECK(std::get<QuantileTable>(device.law).data().set[1] == 2e-7);
  CHECK_NOTHROW(device.validate());

  const std::string written = device_text(device);
  const DevicePreset again = parse_device(written, "elsewhere.toml");
  CHECK(device_text(again) == written);
  CHECK(std::get<QuantileTable>(again.law).data().reset == std::get<QuantileTable>(device.law).data().reset);
  CHECK(again.nominal_step() == device.nominal_step());

  const auto error = [&](const std::string& file) {
    try {
      parse_device(file, (folder / "bad.toml").string());
    } catch (const InputError& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  CHECK(contains(error(head + "[law]\ntable = \"none.csv\"\n"), "none.csv"));
  CHECK(contains(error(head + "[law]\nstep_up = \"1 uS\"\n"), "table"));
  CHECK(contains(error(replaced("polarity", "x") + text), "bad.toml"));
  std::string narrow = text;
  narrow.replace(narrow.find("150 uS"), 6, "140 uS");
  CHECK(contains(error(narrow), "the table goes from 2 uS to 150 uS, the window from 2 uS to 140 uS"));

  // a run keeps the table beside its config
  write_file_text(folder / "small.toml", small_config("crossbar", 1));
  const Outcome run =
      run_program({"train", "small.toml", "--set", "crossbar.device=measured.toml", "--out", "run", "--json"}, folder.path());
  INFO(run.err);
  REQUIRE(run.exit_code == 0);
  std::filesystem::remove(folder / "steps.csv");
  std::filesystem::remove(folder / "measured.toml");
  CHECK(run_program({"eval", "run", "--json"}, folder.path()).exit_code == 0);
}
