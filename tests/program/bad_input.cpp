// Wrong input ends with the right exit code, names place and key, says how to mend it, and writes nothing.
#include <filesystem>

#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop::testing;
namespace fs = std::filesystem;

namespace {

/// A line replaced in the small config, and what the error must say.
struct BadConfig {
  std::string line;  // looked for in the config; empty: `wrong` is put at the end
  std::string wrong;
  std::vector<std::string> says;
};

const BadConfig kBadConfigs[] = {
    {"seed = 1\n", "", {"bad.toml", "`seed`", "seed = 1"}},
    {"seed = 1\n", "seed = -1\n", {"bad.toml:1:1", "`seed` = -1", "0 .. 4294967295"}},
    {"seed = 1\n", "seed = 4294967296\n", {"bad.toml:1:1", "`seed`"}},
    {"seed = 1\n", "seed = \"one\"\n", {"bad.toml:1:1", "`seed` = \"one\"", "whole number"}},
    {"seed = 1\n", "seed = 1979-05-27\n", {"bad.toml:1:1", "`seed`", "date"}},
    {"seed = 1\n", "seed = \n", {"bad.toml:1:", "not valid TOML"}},
    {"seed = 1\n", "seed = 1\nseed = 2\n", {"bad.toml:2:", "not valid TOML"}},
    {"epochs = 3\n", "", {"[train]", "`epochs`", "epochs = 10"}},
    {"epochs = 3\n", "epoch = 3\nepochs = 3\n", {"bad.toml:8:1", "`train.epoch`", "did you mean `epochs`"}},
    {"epochs = 3\n", "epochs = 0\n", {"bad.toml:8:1", "`train.epochs` = 0", "1 .. 1000000"}},
    {"epochs = 3\n", "epochs = 2.5\n", {"bad.toml:8:1", "`train.epochs` = 2.5", "whole number"}},
    {"epochs = 3\n", "epochs = true\n", {"bad.toml:8:1", "`train.epochs` = true"}},
    {"[settle]\n", "[setle]\n", {"bad.toml:13:1", "[setle]", "did you mean `settle`"}},
    {"budget = 12\n", "layers = [3]\nbudget = 12\n", {"bad.toml:13:1", "`settle.layers`", "section [network]"}},
    {"budget = 12\n", "budget = 12\n[settle.deep]\nx = 1\n", {"bad.toml:14:", "`settle.deep`", "table"}},
    {"budget = 12\n", "budget = 0\n", {"bad.toml:13:1", "`settle.budget` = 0"}},
    {"beta = 0.5\n", "beta = 0\n", {"bad.toml:10:1", "`train.beta`", "other than 0"}},
    {"beta = 0.5\n", "beta = 1.5\n", {"bad.toml:10:1", "`train.beta` = 1.5", "(-1, 1)"}},
    {"beta = 0.5\n", "beta = nan\n", {"bad.toml:10:1", "`train.beta`"}},
    {"rates = [0.2, 0.1]\n", "rates = [nan, 0.1]\n", {"bad.toml:11:10", "`train.rates`"}},
    {"rates = [0.2, 0.1]\n", "rates = [0.2, -0.1]\n", {"bad.toml:11:15", "`train.rates` = -0.1"}},
    {"rates = [0.2, 0.1]\n", "rates = 0.2\n", {"bad.toml:11:1", "list of numbers"}},
    {"rates = [0.2, 0.1]\n", "rates = [0.2]\n", {"bad.toml:11:1", "1 rates", "2 couplings"}},
    {"layers = [64, 16, 10]\n", "layers = [64, 0, 10]\n", {"bad.toml:5:15", "`network.layers` = 0"}},
    {"layers = [64, 16, 10]\n", "layers = [64]\n", {"bad.toml:5:1", "at least one layer"}},
    {"layers = [64, 16, 10]\n", "layers = [784, 16, 10]\n", {"bad.toml:5:1", "64 features", "10 classes"}},
    {"layers = [64, 16, 10]\n", "layers = [64, 16, 10]\nhidden = \"hard_sigmoidal\"\n", {"bad.toml:6:1", "did you mean `hard_sigmoid`"}},
    {"layers = [64, 16, 10]\n", "layers = [64, 16, 10]\noutput = \"softmax\"\n", {"bad.toml:6:1", "`network.output`", "cross_entropy"}},
    {"name = \"digits\"\n", "name = \"digit\"\n", {"bad.toml:3:1", "did you mean `digits`"}},
    {"name = \"digits\"\n", "name = \"digits\"\nvalidation_fraction = 1\n", {"bad.toml:4:1", "(0, 1)"}},
    {"", "momentum = 1\n", {"`settle.momentum`", "section [train]"}},
    {"", "[crossbar]\nread_voltage = 0.2\n", {"bad.toml:15:1", "`crossbar.read_voltage` = 0.2", "mV"}},
    {"", "[crossbar]\nread_voltage = \"200\"\n", {"bad.toml:15:1", "no unit", "mV"}},
    {"", "[crossbar]\nread_voltage = \"200 ms\"\n", {"bad.toml:15:1", "mV"}},
    {"", "[crossbar]\nread_voltage = \"200 V\"\n", {"bad.toml:15:1", "10 V"}},
    {"", "[crossbar]\ndevice = \"TaOx-180\"\n", {"bad.toml:15:1", "did you mean `TaOx-180nm`"}},
    {"", "[crossbar]\nadc_rounding = \"down\"\n", {"bad.toml:15:1", "`crossbar.adc_rounding`", "truncate"}},
    {"", "[crossbar]\nadc_range_forward = -1\n", {"bad.toml:15:1", "`crossbar.adc_range_forward` = -1"}},
    {"", "[device]\nconductance_max = 1e-4\n", {"bad.toml:15:1", "`device.conductance_max`", "uS"}},
    {"", "[device]\nreset_voltage = \"1 V\"\n", {"bad.toml:15:1", "`device.reset_voltage`", "-100 V"}},
    {"", "[device]\nset_volt = \"1 V\"\n", {"bad.toml:15:1", "did you mean `set_voltage`"}},
    {"", "[crossbar]\nadc_bits = 1\n", {"bad.toml:15:1", "`crossbar.adc_bits`", "2 .. 20"}},
    {"", "[energy]\nprices = \"cmos13\"\n", {"`energy.prices`", "did you mean `cmos130`"}},
    {"", "[energy]\ngpu = 100\n", {"bad.toml:15:1", "text in quotes"}},
};

std::string replaced(std::string text, const std::string& line, const std::string& by) {
  if (line.empty()) return text + by;
  const auto at = text.find(line);
  REQUIRE(at != std::string::npos);
  return text.replace(at, line.size(), by);
}

void check_says(const Outcome& outcome, int exit_code, const std::vector<std::string>& says) {
  INFO(outcome.err);
  CHECK(outcome.exit_code == exit_code);
  CHECK(outcome.out.empty());
  for (const std::string& part : says) {
    INFO("must say " << part);
    CHECK(outcome.err.find(part) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("bad configs end with 2, place and key") {
  const TemporaryFolder folder;
  for (const BadConfig& bad : kBadConfigs) {
    INFO(bad.wrong);
    write_file_text(folder / "bad.toml", replaced(small_config("ideal", 3), bad.line, bad.wrong));
    check_says(run_program({"train", "bad.toml"}, folder.path()), 2, bad.says);
    CHECK_FALSE(fs::exists(folder / "runs"));
  }
}

TEST_CASE("a device that cannot be trained points to the keys that mend it") {
  const TemporaryFolder folder;
  const std::string config = small_config("crossbar", 1) + "[crossbar]\ndevice = ";
  write_file_text(folder / "bad.toml", config + "\"Sandia-cell\"\n");
  check_says(run_program({"train", "bad.toml"}, folder.path()), 2,
             {"bad.toml:15:1", "[device]", "set_voltage = ", "reset_voltage = ", "pulse_time = "});
  write_file_text(folder / "bad.toml", config + "\"HfOx-NeuRRAM\"\n");
  check_says(run_program({"train", "bad.toml"}, folder.path()), 2, {"bad.toml:15:1", "no pulse law"});
  write_file_text(folder / "bad.toml", small_config("crossbar", 1) + "[device]\nconductance_min = \"200 uS\"\n");
  check_says(run_program({"train", "bad.toml"}, folder.path()), 2, {"bad.toml", "G_max must be above G_min"});
  CHECK_FALSE(fs::exists(folder / "runs"));
}

TEST_CASE("bad arguments end with 2") {
  const TemporaryFolder folder;
  write_file_text(folder / "good.toml", small_config("ideal", 1));
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{}, "--help"},
      {{"trian", "good.toml"}, "--help"},
      {{"train"}, "CONFIG"},
      {{"train", "good.toml", "--sed", "1"}, "--sed"},
      {{"train", "good.toml", "--seed", "-1"}, "--seed"},
      {{"train", "good.toml", "--seed", "1", "--seeds", "1..2"}, "--seed"},
      {{"train", "good.toml", "--seeds", "5..1"}, "1..5 or 1,2,7"},
      {{"train", "good.toml", "--seeds", "1,1"}, "1..5 or 1,2,7"},
      {{"train", "good.toml", "--seeds", "1,,2"}, "1..5 or 1,2,7"},
      {{"train", "good.toml", "--threads", "0"}, "--threads"},
      {{"train", "good.toml", "--set", "epochs"}, "section.key=value"},
      {{"train", "good.toml", "--set", "train.epochs="}, "no value"},
      {{"train", "good.toml", "--set", "train.epochs=two"}, "--set train.epochs=two: `train.epochs` = \"two\""},
      {{"train", "good.toml", "--set", "train.epoch=2"}, "did you mean `epochs`"},
      {{"train", "good.toml", "--set", "train.rates=[0.1"}, "not a TOML value"},
      {{"gradcheck", "good.toml", "--estimator", "centred"}, "did you mean `centered`"},
      {{"gradcheck", "good.toml", "--beta", "0"}, "train.beta"},
      {{"devices", "TaOx"}, "TaOx-180nm"},
  };
  for (const auto& [arguments, says] : cases) {
    INFO(says);
    check_says(run_program(arguments, folder.path()), 2, {says});
  }
  CHECK_FALSE(fs::exists(folder / "runs"));
}

TEST_CASE("missing and damaged input files end with 3") {
  const TemporaryFolder folder;
  write_file_text(folder / "mnist.toml",
                  replaced(replaced(small_config("ideal", 1), "\"digits\"", "\"mnist\""), "[64, 16, 10]", "[784, 16, 10]"));
  check_says(run_program({"train", "missing.toml"}, folder.path()), 3, {"missing.toml"});
  check_says(run_program({"train", "mnist.toml"}, folder.path()), 3, {"mnist", "EQPROP_DATA_DIR"});
  check_says(run_program({"train", "mnist.toml"}, folder.path(), (folder / "nowhere").string()), 3, {"nowhere", "EQPROP_DATA_DIR"});
  write_file_text(folder / "good.toml", small_config("ideal", 1));
  check_says(run_program({"train", "good.toml", "--out", "/proc/nowhere/run"}, folder.path()), 3, {"/proc/nowhere/run", "--out"});
  check_says(run_program({"eval", "nothing"}, folder.path()), 3, {"nothing", "run folder"});
  check_says(run_program({"energy", "nothing"}, folder.path()), 3, {"nothing", "run folder"});

  write_file_text(folder / "prices.toml", "name = \"half\"\n");
  write_file_text(folder / "priced.toml", small_config("crossbar", 1) + "[energy]\nprices = \"prices.toml\"\n");
  check_says(run_program({"train", "priced.toml"}, folder.path()), 3, {"prices.toml", "no price"});
  CHECK_FALSE(fs::exists(folder / "runs"));
}

TEST_CASE("run folders are never overwritten") {
  const TemporaryFolder folder;
  write_file_text(folder / "good.toml", small_config("ideal", 1));
  fs::create_directory(folder / "mine");
  write_file_text(folder / "mine/thesis.txt", "years of work");
  check_says(run_program({"train", "good.toml", "--out", "mine"}, folder.path()), 2, {"mine", "--out"});
  check_says(run_program({"train", "good.toml", "--out", "good.toml"}, folder.path()), 2, {"file", "--out"});

  REQUIRE(run_program({"train", "good.toml", "--out", "run"}, folder.path()).exit_code == 0);
  const std::string checkpoint = read_file_text(folder / "run/checkpoint.eqp");
  check_says(run_program({"train", "good.toml", "--out", "run"}, folder.path()), 2, {"run", "--resume"});
  check_says(run_program({"train", "good.toml", "--out", "run", "--resume", "--set", "train.batch=8"}, folder.path()), 2,
             {"another config", "[train]", "`batch = 16` then", "`batch = 8` now"});
  CHECK(read_file_text(folder / "run/checkpoint.eqp") == checkpoint);

  // a damaged checkpoint is refused and left as it is
  for (const std::string& damaged : {checkpoint.substr(0, checkpoint.size() / 2), std::string("hello"), checkpoint + "x"}) {
    write_file_text(folder / "run/checkpoint.eqp", damaged);
    check_says(run_program({"train", "good.toml", "--out", "run", "--resume"}, folder.path()), 3, {"checkpoint.eqp"});
    check_says(run_program({"eval", "run"}, folder.path()), 3, {"checkpoint.eqp"});
    CHECK(read_file_text(folder / "run/checkpoint.eqp") == damaged);
  }
  std::string flipped = checkpoint;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  write_file_text(folder / "run/checkpoint.eqp", flipped);
  check_says(run_program({"eval", "run"}, folder.path()), 3, {"checkpoint.eqp"});

  const std::string ledger = read_file_text(folder / "run/ledger.json");
  for (const std::string& damaged : {ledger.substr(0, ledger.size() / 2), std::string("{}"), std::string("[1, 2]")}) {
    write_file_text(folder / "run/ledger.json", damaged);
    check_says(run_program({"energy", "run"}, folder.path()), 3, {"ledger.json"});
  }
}
