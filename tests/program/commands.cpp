// The other commands: help, version, devices, eval, energy.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "crossbar/device/device.h"
#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop::testing;
using Json = nlohmann::json;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("help and version go to standard output") {
  const TemporaryFolder folder;
  const Outcome help = run_program({"--help"}, folder.path());
  CHECK(help.exit_code == 0);
  for (const char* command : {"train", "eval", "energy", "gradcheck", "devices"}) {
    CHECK(has(help.out, command));
    const Outcome own = run_program({command, "--help"}, folder.path());
    CHECK(own.exit_code == 0);
    CHECK(has(own.out, command));
  }
  const Outcome version = run_program({"--version"}, folder.path());
  CHECK(version.exit_code == 0);
  CHECK(version.out.substr(0, 7) == "eqprop ");
  CHECK(version.err.empty());
}

TEST_CASE("devices lists presets and tells what is assumed") {
  const TemporaryFolder folder;
  const Outcome all = run_program({"devices"}, folder.path());
  CHECK(all.exit_code == 0);
  CHECK(has(all.out, "TaOx-180nm"));
  const Outcome one = run_program({"devices", "TaOx-180nm"}, folder.path());
  CHECK(one.exit_code == 0);
  CHECK(has(one.out, "assumed, not measured"));
  CHECK(has(one.out, "reference"));
  const Outcome json = run_program({"devices", "TaOx-180nm", "--json"}, folder.path());
  const Json device = Json::parse(json.last_line())["devices"][0];
  CHECK(device["name"] == "TaOx-180nm");
  CHECK(device["G_max_siemens"].get<double>() > device["G_min_siemens"].get<double>());
  CHECK(device["assumed"].is_array());
}

TEST_CASE("devices shows drift, write errors, volts and units, as text and in JSON") {
  const TemporaryFolder folder;
  const auto text = [&](const std::string& name) { return run_program({"devices", name}, folder.path()).out; };
  const auto json = [&](const std::string& name) {
    return Json::parse(run_program({"devices", name, "--json"}, folder.path()).last_line())["devices"][0];
  };
  const auto says = [](const std::string& out, std::initializer_list<const char*> parts) {
    for (const char* part : parts) {
      INFO(part);
      CHECK(has(out, part));
    }
  };
  says(text("PCM-GST"), {"counted from 20 s", "0.0244 - 0.0155 ln(G / G_max), within 0.049 .. 0.1",
                         "-0.0059 - 0.0125 ln(G / G_max), within 0.008 .. 0.045"});
  const Json drift = json("PCM-GST")["drift"];
  CHECK(drift["second"] == 20);
  CHECK(drift["exponent"]["per_ln_G"] == -0.0155);
  CHECK(drift["spread"]["high"] == 0.045);

  says(text("HfOx-NeuRRAM"), {"1.053 + 0.2374 G - 0.01167 G^2 + 0.0001536 G^3, G in uS", "1.75 V", "-1.75 V   (assumed)", "8.5 us"});
  const Json neurram = json("HfOx-NeuRRAM");
  CHECK(neurram["write_sigma_microsiemens"] == Json({1.053, 0.2374, -0.01167, 1.536e-4}));
  CHECK(neurram["drift"].is_null());
  CHECK(neurram["retention_second"].is_null());

  says(text("TaOx-180nm"), {"1e+06 .. 1e+12 pulses", "stuck if moved by less than 5 uS"});
  CHECK(json("TaOx-180nm")["stuck_threshold_siemens"] == 5e-6);
  CHECK(json("TaOx-180nm")["write_sigma_microsiemens"].is_null());

  says(text("TaOx-HP"), {"25 mS", "7.2 uS", "4.7 1/sqrt(V)", "1e-10 1/s", "0.0001 1/s", "13 mV", "450 mV", "40 uW", "500 1/W", "200 ps"});
  const Json law = json("TaOx-HP")["law_parameters"];
  CHECK(law["s_off_volt"] == 0.013);
  CHECK(law["A_per_second"] == 1e-10);
  CHECK(law["a_siemens"] == 7.2e-6);
  CHECK(law["b_per_sqrt_volt"] == 4.7);
  CHECK(law["beta_per_watt"] == 500);
  CHECK(law["s_p_watt"] == 4e-5);
  CHECK(law["edge_second"] == 0.2e-9);
}

TEST_CASE("devices shows every preset with the parameters of its law, and writes its mean pulse curve") {
  const TemporaryFolder folder;
  const Json all = Json::parse(run_program({"devices", "--json"}, folder.path()).last_line())["devices"];
  CHECK(all.size() == eqprop::preset_names().size());
  for (const Json& device : all) {
    const std::string name = device["name"];
    CAPTURE(name);
    const Outcome one = run_program({"devices", name, "--csv", "curve.csv"}, folder.path());
    if (device["kind"] == "verify_only") {
      CHECK(one.exit_code == 2);
      CHECK(has(one.err, "verify_only"));
      continue;
    }
    REQUIRE(one.exit_code == 0);
    CHECK(has(one.out, "step_up"));
    CHECK(device["law_parameters"]["step_up_siemens"].get<double>() > 0);
    for (const std::string field : device["assumed"]) CHECK(has(one.out, field));
    // the train starts at the bottom, goes up and comes down again, and stays in the window
    std::istringstream table(read_file_text(folder / "curve.csv"));
    std::string line;
    std::getline(table, line);
    CHECK(line == "pulse,polarity,siemens_before,mean_step_siemens,step_sd_siemens,siemens_after");
    double before = device["G_min_siemens"], top = before;
    int rows = 0;
    for (; std::getline(table, line); ++rows) {
      int number = 0;
      char polarity[16];
      double at = 0, step = 0, sd = 0, after = 0;
      REQUIRE(std::sscanf(line.c_str(), "%d,%15[a-z],%lf,%lf,%lf,%lf", &number, polarity, &at, &step, &sd, &after) == 6);
      REQUIRE(number == rows + 1);
      REQUIRE(at == Approx(before).margin(1e-15));
      REQUIRE((std::string(polarity) == "set" ? after >= at : after <= at));
      REQUIRE(sd >= 0);
      before = after;
      top = std::max(top, after);
    }
    CHECK(rows >= 4);
    CHECK(top > device["G_min_siemens"].get<double>());
    CHECK(top <= device["G_max_siemens"].get<double>() * 1.000001);
    CHECK(before < top);
  }
  REQUIRE(run_program({"devices", "Ag-aSi", "--svg", "curve.svg"}, folder.path()).exit_code == 0);
  const std::string picture = read_file_text(folder / "curve.svg");
  CHECK(has(picture, "<svg"));
  CHECK(has(picture, "conductance (nS)"));
  CHECK(has(picture, "Ag-aSi"));
  const Outcome nameless = run_program({"devices", "--csv", "curve.csv"}, folder.path());
  CHECK(nameless.exit_code == 2);
  CHECK(has(nameless.err, "devices NAME"));
}

TEST_CASE("eval gives the accuracies that the run reported") {
  const TemporaryFolder folder;
  for (const std::string coupling : {"ideal", "crossbar"}) {
    write_file_text(folder / (coupling + ".toml"), small_config(coupling, 2));
    const Outcome trained = run_program({"train", coupling + ".toml", "--out", coupling, "--json"}, folder.path());
    REQUIRE(trained.exit_code == 0);
    const std::string checkpoint = read_file_text(folder / (coupling + "/checkpoint.eqp"));
    const Outcome outcome = run_program({"eval", coupling, "--json"}, folder.path());
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    const Json run = Json::parse(trained.last_line()), result = Json::parse(outcome.last_line());
    CHECK(result["test_accuracy"] == run["test_accuracy"]);
    CHECK(result["validation_accuracy"] == run["validation_accuracy"]);
    CHECK(result["epochs"] == 2);
    CHECK(has(run_program({"eval", coupling}, folder.path()).out, "validation"));
    CHECK(read_file_text(folder / (coupling + "/checkpoint.eqp")) == checkpoint);
  }
}

TEST_CASE("energy prices a ledger again without training") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("crossbar", 1));
  const Outcome trained = run_program({"train", "small.toml", "--out", "run", "--json"}, folder.path());
  REQUIRE(trained.exit_code == 0);
  const Outcome table = run_program({"energy", "run"}, folder.path());
  INFO(table.err);
  REQUIRE(table.exit_code == 0);
  for (const char* part : {"B0", "B1", "B2", "estimate", "initial write", "batch 1", "best batch", "G0", "G2", "B2/G2", "backprop",
                           "accuracies", "assumed", "loop digital"})
    CHECK(has(table.out, part));
  CHECK_FALSE(has(table.out, "better"));

  const Json same = Json::parse(run_program({"energy", "run", "--json"}, folder.path()).last_line());
  CHECK(same == Json::parse(read_file_text(folder / "run/energy.json")));
  CHECK(same["energy_per_sample_joule"] == Json::parse(trained.last_line())["energy_per_sample_joule"]);
  const Json& energy = same["energy_per_sample_joule"];
  const Json& gpu = same["gpu_energy_per_sample_joule"]["batch_1"];
  CHECK(same["ratio_batch_1"]["B1/G1"].get<double>() == Approx(energy["B1"].get<double>() / gpu["G1"].get<double>()));

  const Json other = Json::parse(run_program({"energy", "run", "--prices", "cmos32", "--json"}, folder.path()).last_line());
  CHECK(other["prices"] == "cmos32");
  CHECK(other["energy_per_sample_joule"]["B0"] == energy["B0"]);
  CHECK(other["energy_per_sample_joule"]["B2"].get<double>() < energy["B2"].get<double>());
  CHECK(run_program({"energy", "run", "--prices", "cmos33"}, folder.path()).exit_code == 2);
}

TEST_CASE("what a config sets on a device is shown as set, not as assumed") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("crossbar", 1) +
                                             "[crossbar]\ndevice = \"Sandia-cell\"\n[device]\nset_voltage = \"1.1 V\"\n"
                                             "reset_voltage = \"-1.2 V\"\npulse_time = \"50 ns\"\n");
  const Outcome trained = run_program({"train", "small.toml", "--out", "run"}, folder.path());
  INFO(trained.err);
  REQUIRE(trained.exit_code == 0);
  CHECK(has(run_program({"energy", "run"}, folder.path()).out, "set by the config: set_volt, reset_volt, pulse_second"));
  const Json device = Json::parse(read_file_text(folder / "run/energy.json"))["device"];
  CHECK(device["set_by_config"] == Json({"set_volt", "reset_volt", "pulse_second"}));
}

TEST_CASE("energy of ideal couplings is undefined, not zero") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("ideal", 1));
  REQUIRE(run_program({"train", "small.toml", "--out", "run"}, folder.path()).exit_code == 0);
  const Json json = Json::parse(run_program({"energy", "run", "--json"}, folder.path()).last_line());
  CHECK(json["energy_per_sample_joule"].is_null());
  CHECK(json["energy_reason"].get<std::string>().size() > 10);
  CHECK_FALSE(json.contains("ratio_batch_1"));
  const Outcome table = run_program({"energy", "run"}, folder.path());
  CHECK(table.exit_code == 0);
  CHECK(has(table.out, "undefined"));
  CHECK_FALSE(has(table.out, "B0"));
}
