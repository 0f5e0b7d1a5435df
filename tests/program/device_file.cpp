// Device files of laws with an equation of motion, and overrides of them.
#include "experiments/device_file.h"

#include <filesystem>

#include "base/check.h"
#include "experiments/device_overrides.h"
#include "tests/catch.h"
#include "tests/source_dir.h"

using namespace eqprop;

namespace {

constexpr const char* kWall =
    "name = \"wall\"\n"
    "[device]\n"
    "law = \"vteam\"\n"
    "conductance_min = \"40 uS\"\n"
    "conductance_max = \"150 uS\"\n"
    "set_voltage = \"1.2 V\"\n"
    "reset_voltage = \"-1.4 V\"\n"
    "pulse_time = \"100 ns\"\n"
    "cycle_sd = 0.3\n"
    "[law]\n"
    "k_on = -1e-6\n"
    "k_off = 3e-5\n"
    "alpha_on = 3\n"
    "alpha_off = 1\n"
    "v_on = \"-200 mV\"\n"
    "v_off = \"300 mV\"\n"
    "d = 3e-9\n"
    "R_on = \"6 kOhm\"\n"
    "R_off = \"30 kOhm\"\n"
    "edge_time = \"5 ns\"\n";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a device file of VTEAM is read, integrated, and written back") {
  const DevicePreset d = parse_device(kWall, "wall.toml");
  const auto& law = std::get<VteamStep>(d.law);
  CHECK(
      law.model ==
      Vteam{
          .k_on = -1e-6, .k_off = 3e-5, .alpha_on = 3, .alpha_off = 1, .v_on = -0.2, .v_off = 0.3, .d = 3e-9, .R_on = 6e3, .R_off = 30e3});
  CHECK(law.edge_second == 5e-9);
  CHECK_NOTHROW(d.validate());
  CHECK(d.pulses_per_window > d.window() / d.nominal_step());
  // the wall goes down by |k_on| (v/v_on - 1)^3 for 95 ns and along both edges: from R = 1/G to less
  const double full = 1e-6 * 125 / 3e-9 * 95e-9, edges = 2 * 1e-6 / 3e-9 * (5e-9 / 6) * std::pow(5.0, 4) / 4, g = 90e-6;
  CHECK(d.mean_step(g, true) == Approx(1 / (1 / g - 24e3 * (full + edges)) - g).epsilon(1e-4));
  const std::string text = device_text(d);
  CHECK(device_text(parse_device(text, "again.toml")) == text);
  CHECK(parse_device(text, "again.toml").mean_step(g, true) == d.mean_step(g, true));
}

TEST_CASE("the preset TaOx-HP reads back from a file, steps and all") {
  const DevicePreset d = preset("TaOx-HP"), again = parse_device(device_text(d), "again.toml");
  CHECK(std::get<StrachanStep>(again.law).model == std::get<StrachanStep>(d.law).model);
  CHECK(again.pulses_per_window == d.pulses_per_window);
  for (int k = 0; k <= 10; ++k)
    for (const bool up : {true, false})
      CHECK(again.mean_step(d.G_min + d.window() * k / 10, up) == d.mean_step(d.G_min + d.window() * k / 10, up));
}

TEST_CASE("a device file of an integrated law that is wrong is refused at its line") {
  const auto refused = [](const std::string& from, const std::string& to, Code code, const std::string& says) {
    INFO(to);
    try {
      parse_device(replaced(kWall, from, to), "wall.toml");
      FAIL("accepted");
    } catch (const InputError& error) {
      INFO(error.what());
      CHECK(error.code() == code);
      CHECK(error.where().file == "wall.toml");
      if (code != Code::missing_key) CHECK(error.where().line > 0);
      CHECK(std::string(error.what()).find(says) != std::string::npos);
    }
  };
  refused("pulse_time = \"100 ns\"\n", "", Code::missing_key, "pulse_time");
  refused("cycle_sd = 0.3\n", "pulses_per_window = 100\n", Code::unknown_key, "pulses_per_window");
  refused("R_on = \"6 kOhm\"", "R_on = \"40 kOhm\"", Code::out_of_range, "R_on");
  refused("R_on = \"6 kOhm\"", "R_on = \"10 kOhm\"", Code::out_of_range, "not within what the state of the law reaches");
  refused("set_voltage = \"1.2 V\"", "set_voltage = \"0.1 V\"", Code::out_of_range, "does not move a device");
  refused("k_on = -1e-6", "k_on = 1e-6", Code::out_of_range, "k_on");
  refused("k_on = -1e-6\n", "", Code::missing_key, "k_on");
  refused("edge_time = \"5 ns\"", "edge_time = \"200 ns\"", Code::out_of_range, "edge of a pulse");
}

TEST_CASE("volts, seconds and window set by a config give other steps; pulses per window cannot be set") {
  const DevicePreset d = parse_device(kWall, "wall.toml");
  DeviceOverrides set;
  set.cycle_sd = 0.1;
  CHECK(overridden(d, set).nominal_step() == d.nominal_step());
  set.pulse_time = 200e-9;
  const DevicePreset longer = overridden(d, set);
  CHECK(longer.nominal_step() > 1.9 * d.nominal_step());
  CHECK(longer.pulses_per_window < 0.53 * d.pulses_per_window);
  CHECK_NOTHROW(longer.validate());
  DeviceOverrides narrow;
  narrow.conductance_max = 100e-6;
  CHECK(overridden(d, narrow).mean_step(70e-6, true) == Approx(d.mean_step(70e-6, true)).epsilon(1e-4));
  DeviceOverrides count;
  count.pulses_per_window = 50;
  CHECK_THROWS_AS(overridden(d, count), InputError);
}

TEST_CASE("the fitted devices that come with the program can be trained") {
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(eqprop::testing::source_dir() + "/experiments/device")) {
    INFO(entry.path().string());
    const DevicePreset device = read_device(entry.path());
    CHECK_NOTHROW(device.validate());
    CHECK_FALSE(device.assumed.empty());
    ++found;
  }
  CHECK(found >= 2);
}
