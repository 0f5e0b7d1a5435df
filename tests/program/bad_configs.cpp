#include "tests/program/bad_input.h"
#include "tests/program/process.h"

namespace eqprop::testing {
namespace {

/// A line replaced in the small config, and what the error must say.
struct BadConfig {
  std::string line;  // looked for in the config; empty: `wrong` is put at the end
  std::string wrong;
  Code code;
  std::vector<std::string> says;
};

const std::string kRates = "rates = [0.2, 0.1]\n";
const std::string kLayers = "layers = [64, 16, 10]\n";

std::vector<BadConfig> rows() {
  using enum Code;
  return {
      {"seed = 1\n", "", missing_key, {"bad.toml", "`seed`", "seed = 1"}},
      {"seed = 1\n", "seed = -1\n", out_of_range, {"bad.toml:1:1", "`seed` = -1", "0 .. 4294967295"}},
      {"seed = 1\n", "seed = 4294967296\n", out_of_range, {"bad.toml:1:1", "`seed`"}},
      {"seed = 1\n", "seed = \"one\"\n", wrong_type, {"bad.toml:1:1", "`seed` = \"one\"", "whole number"}},
      {"seed = 1\n", "seed = 1979-05-27\n", wrong_type, {"bad.toml:1:1", "`seed`", "date"}},
      {"seed = 1\n", "seed = \n", toml_syntax, {"bad.toml:1:", "not valid TOML"}},
      {"seed = 1\n", "seed = 1\nseed = 2\n", toml_syntax, {"bad.toml:2:", "not valid TOML"}},
      {"seed = 1\n", "seed = 1\n\xff\xfe\n", toml_syntax, {"bad.toml:1:", "utf-8"}},
      {"epochs = 3\n", "", missing_key, {"[train]", "`epochs`", "epochs = 10"}},
      {"epochs = 3\n", "epoch = 3\nepochs = 3\n", unknown_key, {"bad.toml:8:1", "`train.epoch`", "did you mean `epochs`"}},
      {"epochs = 3\n", "epochs = 0\n", out_of_range, {"bad.toml:8:1", "`train.epochs` = 0", "1 .. 1000000"}},
      {"epochs = 3\n", "epochs = 2.5\n", wrong_type, {"bad.toml:8:1", "`train.epochs` = 2.5", "whole number"}},
      {"epochs = 3\n", "epochs = true\n", wrong_type, {"bad.toml:8:1", "`train.epochs` = true"}},
      {"batch = 16\n", "batch = 0\n", out_of_range, {"bad.toml:9:1", "`train.batch` = 0"}},
      {"[settle]\n", "[setle]\n", unknown_key, {"bad.toml:13:1", "[setle]", "did you mean `settle`"}},
      {"budget = 12\n", "layers = [3]\nbudget = 12\n", unknown_key, {"bad.toml:13:1", "`settle.layers`", "section [network]"}},
      {"budget = 12\n", "budget = 12\n[settle.deep]\nx = 1\n", wrong_type, {"bad.toml:14:", "`settle.deep`", "table"}},
      {"budget = 12\n", "budget = 0\n", out_of_range, {"bad.toml:13:1", "`settle.budget` = 0"}},
      {"budget = 12\n", "tolerance = 1\n", out_of_range, {"bad.toml:13:1", "`settle.tolerance` = 1"}},
      {"beta = 0.5\n", "beta = 0\n", out_of_range, {"bad.toml:10:1", "`train.beta`", "other than 0"}},
      {"beta = 0.5\n", "beta = 1.5\n", out_of_range, {"bad.toml:10:1", "`train.beta` = 1.5", "(-1, 1"}},
      {"beta = 0.5\n", "beta = 1.0\n", out_of_range, {"bad.toml:10:1", "train.beta", "1 for activity_difference"}},
      {"beta = 0.5\n", "beta = 0.6\nestimator = \"fourth_order\"\n", out_of_range, {"bad.toml:10:1", "twice beta", "(-0.5, 0.5)"}},
      {"beta = 0.5\n", "beta = nan\n", out_of_range, {"bad.toml:10:1", "`train.beta`"}},
      {kRates, "rates = [nan, 0.1]\n", out_of_range, {"bad.toml:11:10", "`train.rates`"}},
      {kRates, "rates = [0.2, inf]\n", out_of_range, {"bad.toml:11:15", "`train.rates`"}},
      {kRates, "rates = [0.2, -0.1]\n", out_of_range, {"bad.toml:11:15", "`train.rates` = -0.1"}},
      {kRates, "rates = [0.2, \"0.1\"]\n", wrong_type, {"bad.toml:11:15", "`train.rates` = \"0.1\""}},
      {kRates, "rates = 0.2\n", wrong_type, {"bad.toml:11:1", "list of numbers"}},
      {kRates, "rates = [0.2]\n", conflict, {"bad.toml:11:1", "1 rates", "2 couplings"}},
      {kRates, kRates + "schedule = \"exponential\"\nfinal_fraction = 0\n", conflict, {"bad.toml:13:1", "train.final_fraction", "(0, 1]"}},
      {kRates, kRates + "estimator = \"centred\"\n", unknown_name, {"bad.toml:12:1", "did you mean `centered`"}},
      {kRates, kRates + "estimator = \"holomorphic\"\n", conflict, {"bad.toml:12:1", "tanh, logistic or linear", "hard_sigmoid"}},
      {kRates, kRates + "estimator = \"holomorphic\"\npoints = 1\n", out_of_range, {"bad.toml:13:1", "`train.points` = 1", "2 .. 18"}},
      {kRates, kRates + "estimator = \"continual\"\nmomentum = 0.5\n", conflict, {"bad.toml:13:1", "momentum", "continual"}},
      {kRates, kRates + "estimator = \"truncated_bptt\"\nunrolled = 0\n", out_of_range, {"bad.toml:13:1", "`train.unrolled` = 0"}},
      {"budget = 12\n", "method = \"sideways\"\n", unknown_name, {"bad.toml:13:1", "settle.method", "synchronous"}},
      {"budget = 12\n", "method = \"difference\"\n", conflict, {"bad.toml:13:1", "nudged_method"}},
      {"budget = 12\n", "method = \"euler\"\nstep = 0\n", out_of_range, {"bad.toml:14:1", "`settle.step` = 0"}},
      {"budget = 12\n", "state_bits = 25\n", out_of_range, {"bad.toml:13:1", "`settle.state_bits` = 25"}},
      {"budget = 12\n", "activation_noise = -1\n", out_of_range, {"bad.toml:13:1", "`settle.activation_noise`"}},
      {"budget = 12\n", "[measurement]\nbits = 21\n", out_of_range, {"bad.toml:14:1", "`measurement.bits` = 21"}},
      {kLayers, kLayers + "backward_error = 3\n", out_of_range, {"bad.toml:6:1", "`network.backward_error` = 3"}},
      {kLayers, "layers = [64, 0, 10]\n", out_of_range, {"bad.toml:5:15", "`network.layers` = 0"}},
      {kLayers, "layers = [64]\n", out_of_range, {"bad.toml:5:1", "at least one layer"}},
      {kLayers, "layers = []\n", out_of_range, {"bad.toml:5:1", "at least one layer"}},
      {kLayers, "layers = [784, 16, 10]\n", layers_and_data, {"bad.toml:5:1", "64 features", "10 classes"}},
      {kLayers, kLayers + "hidden = \"hard_sigmoidal\"\n", unknown_name, {"bad.toml:6:1", "did you mean `hard_sigmoid`"}},
      {kLayers, kLayers + "output = \"softmax\"\n", conflict, {"bad.toml:6:1", "`network.output`", "cross_entropy"}},
      {kLayers, kLayers + "initial_scale = 0\n", out_of_range, {"bad.toml:6:1", "`network.initial_scale`"}},
      {"name = \"digits\"\n", "name = \"digit\"\n", unknown_name, {"bad.toml:3:1", "did you mean `digits`"}},
      {"name = \"digits\"\n", "name = \"digits\"\nvalidation_fraction = 1\n", out_of_range, {"bad.toml:4:1", "(0, 1)"}},
      {"name = \"digits\"\n", "name = \"digits\"\nvalidation_fraction = 0.0001\n", carve, {"bad.toml:3:1", "validation", "class 0"}},
      {"name = \"digits\"\n", "name = \"digits\"\ntrain = \"x.csv\"\n", conflict, {"bad.toml:4:1", "`data.train`", "name = \"csv\""}},
      {"budget = 12\n", "[wires]\nsegment_resistance = \"0 Ohm\"\n", out_of_range, {"bad.toml:14:1", "`wires.segment_resistance`"}},
      {"budget = 12\n", "[wires]\nmodel = \"effectiv\"\n", unknown_name, {"bad.toml:14:1", "did you mean `effective`"}},
      {"budget = 12\n", "[wires]\nstale_error = -1\n", out_of_range, {"bad.toml:14:1", "`wires.stale_error` = -1"}},
      {"budget = 12\n", "[faults]\nyield = 1.5\n", out_of_range, {"bad.toml:14:1", "`faults.yield` = 1.5"}},
      {"budget = 12\n", "[faults]\nmaps = [\"none.csv\"]\n", missing_file, {"bad.toml:14:1", "`faults.maps`", "none.csv"}},
      {"budget = 12\n", "[faults]\nmaps = [\"none\", \"none\", \"none\"]\n", conflict, {"bad.toml:14:1", "3 maps", "2 couplings"}},
      {"budget = 12\n", "[crossbar]\nleast_pulses = 17\n", out_of_range, {"plan.least_pulses", "16"}},
      {"budget = 12\n", "[crossbar]\nprogramming = \"tikitaka\"\n", unknown_name, {"bad.toml:14:1", "tiki_taka"}},
      {"budget = 12\n", "[crossbar]\nflicker = -1\n", out_of_range, {"bad.toml:14:1", "`crossbar.flicker` = -1"}},
      {"budget = 12\n", "[crossbar]\nflicker = 0.1\n[wires]\nmodel = \"exact\"\n", conflict, {"bad.toml:14:1", "wires.model"}},
      {"budget = 12\n", "[crossbar]\nstep_time = \"1 fortnight\"\n", unit, {"bad.toml:14:1", "min, h, d, y"}},
      {"budget = 12\n", "[crossbar]\nhalf_select = \"half\"\n", Code::device, {"bad.toml:14:1", "TaOx-180nm", "device.half_step"}},
      {"budget = 12\n", "[crossbar]\nhalf_select = \"quarter\"\n", unknown_name, {"bad.toml:14:1", "third"}},
      {"budget = 12\n", "[crossbar]\nwrite_driver_resistance = \"50 Ohm\"\n", Code::device, {"bad.toml:14:1", "device.half_step"}},
      {"budget = 12\n", "[crossbar]\nwrite_nonlinearity = 10\n", conflict, {"bad.toml:14:1", "write_nonlinearity", "half_select"}},
      {"budget = 12\n", "[device]\nhalf_step = 0.6\n", out_of_range, {"bad.toml:14:1", "`device.half_step` = 0.6"}},
      {"budget = 12\n", "[device]\ndrift_exponent = 0.1\n", conflict, {"drift exponent", "drift_time"}},
      {"", "[device]\ndrift_spread = 0.1\n", conflict, {"`device.drift_spread` = 0.1 does nothing", "TaOx-180nm", "device.drift_time"}},
      {"", "[crossbar]\ntelegraph = 0.5\n", conflict, {"`crossbar.telegraph` = 0.5 does nothing", "crossbar.telegraph_share"}},
      {"", "[crossbar]\ntelegraph_share = 0.5\n", conflict, {"`crossbar.telegraph_share` = 0.5 does nothing", "set crossbar.telegraph,"}},
      {kRates,
       kRates + "momentum = 0.5\n[crossbar]\nprogramming = \"coincidence\"\n",
       conflict,
       {"bad.toml:12:1", "momentum", "coincidence"}},
      {"", "momentum = 1\n", unknown_key, {"`settle.momentum`", "section [train]"}},
      {"", "[crossbar]\nread_voltage = 0.2\n", unit, {"bad.toml:15:1", "`crossbar.read_voltage` = 0.2", "mV"}},
      {"", "[crossbar]\nread_voltage = \"200\"\n", unit, {"bad.toml:15:1", "no unit", "mV"}},
      {"", "[crossbar]\nread_voltage = \"200 ms\"\n", unit, {"bad.toml:15:1", "mV"}},
      {"", "[crossbar]\nread_voltage = \"200 V\"\n", out_of_range, {"bad.toml:15:1", "10 V"}},
      {"", "[crossbar]\ndevice = \"TaOx-180\"\n", unknown_name, {"bad.toml:15:1", "did you mean `TaOx-180nm`"}},
      {"", "[crossbar]\nadc_rounding = \"down\"\n", unknown_name, {"bad.toml:15:1", "`crossbar.adc_rounding`", "truncate"}},
      {"", "[crossbar]\nadc_range_forward = -1\n", out_of_range, {"bad.toml:15:1", "`crossbar.adc_range_forward` = -1"}},
      {"", "[crossbar]\nadc_bits = 1\n", out_of_range, {"bad.toml:15:1", "`crossbar.adc_bits`", "2 .. 20"}},
      {"", "[crossbar]\nadc_gain_spread = -0.1\n", out_of_range, {"bad.toml:15:1", "`crossbar.adc_gain_spread` = -0.1"}},
      {"", "[crossbar]\nadc_bits = 0\nadc_inl = 1\n", conflict, {"bad.toml:16:1", "crossbar.adc_inl", "crossbar.adc_bits = 0"}},
      {"", "[crossbar]\ndac_bits = 0\ndac_offset_spread = 1\n", conflict, {"bad.toml:16:1", "crossbar.dac_offset_spread"}},
      {"", "[crossbar]\nadc_share = 0\n", out_of_range, {"bad.toml:15:1", "`crossbar.adc_share` = 0", "1 .. 65536"}},
      {"", "[crossbar]\nadc_calibration = \"percentil\"\n", unknown_name, {"bad.toml:15:1", "did you mean `percentile`"}},
      {"", "[crossbar]\nadc_percentile = 100\n", out_of_range, {"bad.toml:15:1", "`crossbar.adc_percentile` = 100"}},
      {"", "[crossbar]\nadc_sigmas = 0\n", out_of_range, {"bad.toml:15:1", "`crossbar.adc_sigmas` = 0"}},
      {"", "[crossbar]\nadc_type = \"ramp\"\n", unknown_name, {"bad.toml:15:1", "`crossbar.adc_type`", "integrating"}},
      {"", "[crossbar]\nadc_type = \"integrating\"\nadc_bits = 0\n", conflict, {"bad.toml:15:1", "crossbar.adc_type", "adc_bits"}},
      {"", "[crossbar]\nadc_type = \"integrating\"\nadc_time = \"10 ns\"\n", conflict, {"bad.toml:16:1", "crossbar.adc_time", "adc_clock"}},
      {"", "[crossbar]\nadc_clock = \"0 s\"\n", out_of_range, {"bad.toml:15:1", "`crossbar.adc_clock`"}},
      {"", "[crossbar]\ninput = \"bits\"\n", unknown_name, {"bad.toml:15:1", "`crossbar.input`", "serial"}},
      {"", "[crossbar]\ninput = \"serial\"\ndac_bits = 0\n", conflict, {"bad.toml:15:1", "crossbar.input", "crossbar.dac_bits = 0"}},
      {"", "[crossbar]\ninput = \"serial\"\nloop = \"analog\"\n", conflict, {"bad.toml:15:1", "crossbar.input", "loop = \"digital\""}},
      {"", "[crossbar]\ninput = \"serial\"\ndac_inl = 1\n", conflict, {"bad.toml:15:1", "crossbar.input", "dac_gain_spread"}},
      {"", "[crossbar]\nmapping = \"offset\"\n", unknown_name, {"bad.toml:15:1", "`crossbar.mapping`", "offset_column"}},
      {"",
       "[crossbar]\nmapping = \"offset_column\"\npair = \"alternate\"\n",
       conflict,
       {"bad.toml:15:1", "crossbar.mapping", "crossbar.pair"}},
      {"",
       "[crossbar]\nmapping = \"offset_column\"\nflicker = 0.01\n",
       conflict,
       {"bad.toml:15:1", "crossbar.mapping", "crossbar.flicker"}},
      {"",
       "[crossbar]\nmapping = \"offset_column\"\nprogramming = \"tiki_taka\"\n",
       conflict,
       {"bad.toml:15:1", "crossbar.mapping", "tiki_taka"}},
      {"",
       "[crossbar]\nmapping = \"offset_column\"\n[wires]\nmodel = \"exact\"\n",
       conflict,
       {"bad.toml:15:1", "crossbar.mapping", "wires.model"}},
      {"",
       "[crossbar]\nmapping = \"offset_column\"\nloop = \"analog\"\n",
       conflict,
       {"bad.toml:15:1", "crossbar.mapping", "crossbar.loop"}},
      {"", "[crossbar]\nslices = 5\n", out_of_range, {"bad.toml:15:1", "`crossbar.slices` = 5", "1 .. 4"}},
      {"", "[crossbar]\nslices = 2\nslice_bits = 0\n", out_of_range, {"bad.toml:16:1", "`crossbar.slice_bits` = 0"}},
      {"", "[crossbar]\nslices = 2\nloop = \"analog\"\n", conflict, {"bad.toml:15:1", "crossbar.slices", "crossbar.loop"}},
      {"", "[crossbar]\nslices = 2\nprogramming = \"tiki_taka\"\n", conflict, {"bad.toml:15:1", "crossbar.slices", "tiki_taka"}},
      {"", "[device]\nconductance_max = 1e-4\n", unit, {"bad.toml:15:1", "`device.conductance_max`", "uS"}},
      {"", "[device]\nreset_voltage = \"1 V\"\n", out_of_range, {"bad.toml:15:1", "`device.reset_voltage`", "-100 V"}},
      {"", "[device]\nset_volt = \"1 V\"\n", unknown_key, {"bad.toml:15:1", "did you mean `set_voltage`"}},
      {"", "[device]\nconductance_min = \"200 uS\"\n", Code::device, {"bad.toml", "G_max must be above G_min"}},
      {"", "[crossbar]\ndevice = \"Sandia-cell\"\n", Code::device, {"bad.toml:15:1", "[device]", "set_voltage = ", "pulse_time = "}},
      {"", "[crossbar]\ndevice = \"HfOx-NeuRRAM\"\n", Code::device, {"bad.toml:15:1", "no pulse law"}},
      {"",
       "[crossbar]\ndevice = \"TaOx-HP\"\n[device]\npulses_per_window = 50\n",
       conflict,
       {"bad.toml:17:1", "follow from volts and seconds", "set_voltage"}},
      {"",
       "[crossbar]\ndevice = \"TaOx-HP\"\n[device]\nconductance_max = \"30 mS\"\n",
       out_of_range,
       {"bad.toml:15:1", "not within what the state of the law reaches"}},
      {"", "[energy]\nprices = \"cmos13\"\n", unknown_name, {"`energy.prices`", "did you mean `cmos130`"}},
      {"", "[energy]\ngpu = 100\n", wrong_type, {"bad.toml:15:1", "text in quotes"}},
      {"", "[target]\ntest_accuracy = 95\n", out_of_range, {"bad.toml:15:1", "`target.test_accuracy` = 95"}},
  };
}

}  // namespace

std::vector<BadCase> bad_configs() {
  std::vector<BadCase> cases;
  for (const BadConfig& row : rows()) {
    const std::string text = replaced(small_config("crossbar", 3), row.line, row.wrong);
    cases.push_back(
        {"config with " + row.wrong + " for " + row.line, row.code, row.says, {"train", "bad.toml"}, [text](const auto& folder) {
           write_file_text(folder / "bad.toml", text);
         }});
  }
  return cases;
}

std::vector<BadCase> bad_arguments() {
  using enum Code;
  struct Row {
    std::vector<std::string> arguments;
    Code code;
    std::vector<std::string> says;
  };
  const std::vector<Row> rows = {
      {{}, usage, {"--help"}},
      {{"trian", "good.toml"}, usage, {"--help"}},
      {{"train"}, usage, {"CONFIG"}},
      {{"train", "good.toml", "--sed", "1"}, usage, {"--sed"}},
      {{"train", "good.toml", "--seed", "-1"}, usage, {"--seed"}},
      {{"train", "good.toml", "--seed", "1", "--seeds", "1..2"}, usage, {"--seed"}},
      {{"train", "good.toml", "--threads", "0"}, usage, {"--threads"}},
      {{"train", "good.toml", "--seeds", "5..1"}, seeds, {"--seeds 5..1", "1..5 or 1,2,7"}},
      {{"train", "good.toml", "--seeds", "1,1"}, seeds, {"1..5 or 1,2,7"}},
      {{"train", "good.toml", "--seeds", "1,,2"}, seeds, {"1..5 or 1,2,7"}},
      {{"train", "good.toml", "--set", "epochs"}, assignment, {"section.key=value"}},
      {{"train", "good.toml", "--set", "train.epochs="}, assignment, {"no value"}},
      {{"train", "good.toml", "--set", "train.rates=[0.1"}, assignment, {"not a TOML value"}},
      {{"train", "good.toml", "--set", "train.epochs=two"}, wrong_type, {"--set train.epochs=two: `train.epochs` = \"two\""}},
      {{"train", "good.toml", "--set", "train.epoch=2"}, unknown_key, {"did you mean `epochs`"}},
      {{"train", "good.toml", "--checkpoint-every", "0"}, out_of_range, {"--checkpoint-every 0", "500", "30 s"}},
      {{"train", "good.toml", "--checkpoint-every", "3 V"}, out_of_range, {"--checkpoint-every 3 V", "30 s"}},
      {{"gradcheck", "good.toml", "--estimator", "centred"}, unknown_name, {"did you mean `centered`"}},
      {{"gradcheck", "good.toml", "--beta", "0"}, out_of_range, {"train.beta"}},
      {{"devices", "TaOx"}, unknown_name, {"TaOx-180nm"}},
  };
  std::vector<BadCase> cases;
  for (const Row& row : rows) {
    std::string title = "eqprop";
    for (const std::string& word : row.arguments) title += " " + word;
    cases.push_back({title, row.code, row.says, row.arguments});
  }
  return cases;
}

}  // namespace eqprop::testing
