// The config's keys: read, written and read again; statistics of several seeds.
#include "experiments/config.h"

#include <cmath>
#include <filesystem>

#include "experiments/statistics.h"
#include "tests/catch.h"
#include "tests/program/process.h"
#include "tests/source_dir.h"

using namespace eqprop;
using namespace eqprop::testing;

TEST_CASE("a resolved config reads back to itself") {
  for (const std::string coupling : {"ideal", "crossbar"}) {
    const Config config = parse_config(small_config(coupling, 3), "test.toml");
    const std::string text = config_text(config);
    CHECK(config_text(parse_config(text, "resolved.toml")) == text);
  }
}

TEST_CASE("figures survive writing bit for bit") {
  const double third = 1.0 / 3.0;
  Config config = parse_config(small_config("crossbar", 3), "test.toml");
  config.train.beta = third;
  config.train.rule.rates = {third, 1e-7};
  config.crossbar.array.read_volt = third;
  config.crossbar.array.read_second = 1.23456789e-7;
  config.crossbar.array.write.tolerance = third * 1e-5;
  config.target.test_accuracy = third;
  config.prices = "a \"quoted\\path\".toml";
  const Config again = parse_config(config_text(config), "resolved.toml");
  CHECK(again.train.beta == third);
  CHECK(again.train.rule.rates == config.train.rule.rates);
  CHECK(again.crossbar.array.read_volt == third);
  CHECK(again.crossbar.array.read_second == config.crossbar.array.read_second);
  CHECK(again.crossbar.array.write.tolerance == config.crossbar.array.write.tolerance);
  CHECK(again.target.test_accuracy == third);
  CHECK(again.prices == config.prices);
  CHECK(config_text(parse_config(small_config("crossbar", 3), "test.toml")).find("read_voltage = \"200 mV\"") != std::string::npos);
}

TEST_CASE("a minus before zero and a control character survive writing") {
  Overrides overrides;
  overrides.sets = {"train.momentum=-0.0", "target.cosine=-0.0", "energy.prices=\"a\\u007Fb\\u0001\""};
  const Config config = parse_config(small_config("ideal", 3), "test.toml", overrides);
  CHECK(config.prices ==
        "a\x7F"
        "b\x01");
  CHECK_FALSE(std::signbit(config.train.rule.momentum));
  const Config again = parse_config(config_text(config), "resolved.toml");
  CHECK(config_identity(again) == config_identity(config));
  CHECK(config_text(again) == config_text(config));
}

TEST_CASE("a quoted key does not pass for another, and letters outside texts are refused") {
  const auto code = [](const std::string& more) {
    try {
      parse_config(more + small_config("ideal", 3), "test.toml");
      return Code::internal;
    } catch (const InputError& error) {
      return error.code();
    }
  };
  CHECK(code("\"data.name\" = \"digits\"\n") == Code::unknown_key);
  CHECK(code("\"target.\" = 1\n") == Code::unknown_key);
  CHECK(code("\"\" = 1\n") == Code::unknown_key);
  CHECK(code("\u01FF\n") == Code::toml_syntax);
  CHECK(code("\u00E9 = 1\n") == Code::toml_syntax);
}

TEST_CASE("converters and device can be set from a config") {
  Overrides overrides;
  overrides.sets = {"crossbar.dac_rounding=truncate", "crossbar.dac_gain=1.01",        "crossbar.dac_offset=0.002",
                    "crossbar.adc_rounding=truncate", "crossbar.adc_gain=0.98",        "crossbar.adc_offset=-0.001",
                    "crossbar.adc_range_forward=2.5", "crossbar.adc_range_backward=1", "crossbar.adc_bits=6",
                    "device.set_voltage=1.1 V",       "device.reset_voltage=-1.3 V",   "crossbar.dac_gain_spread=0.01",
                    "crossbar.dac_offset_spread=0.2", "crossbar.dac_inl=0.3",          "crossbar.adc_gain_spread=0.04",
                    "crossbar.adc_offset_spread=0.5", "crossbar.adc_inl=0.6",          "crossbar.adc_calibration=percentile",
                    "crossbar.adc_percentile=99",     "crossbar.adc_share=4",          "crossbar.adc_type=integrating",
                    "crossbar.adc_clock=3 ns",        "device.pulse_time=50 ns",       "device.conductance_min=4 uS",
                    "device.conductance_max=78 uS",   "device.pulses_per_window=50",   "device.cycle_sd=0.1",
                    "device.step_spread=0.2",         "device.bound_spread=0.01",      "device.asymmetry_spread=0.05",
                    "device.write_noise=0.5",         "device.stuck_low=0.01",         "device.stuck_high=0.02"};
  const Config config = parse_config(small_config("crossbar", 1), "test.toml", overrides);
  const ArrayOptions& array = config.crossbar.array;
  CHECK(array.dac.rounding == Rounding::truncate);
  CHECK(array.dac.gain == 1.01);
  CHECK(array.dac.offset == 0.002);
  for (const Converter* adc : {&array.adc_forward, &array.adc_backward}) {
    CHECK(adc->bits == 6);
    CHECK(adc->rounding == Rounding::truncate);
    CHECK(adc->gain == 0.98);
    CHECK(adc->offset == -0.001);
  }
  CHECK(config.crossbar.adc_range_forward == 2.5);
  CHECK(config.crossbar.adc_range_backward == 1);
  const ConverterDesign& design = array.converters;
  CHECK(design.dac.gain == 0.01);
  CHECK(design.dac.offset == 0.2);
  CHECK(design.dac.inl == 0.3);
  CHECK(design.adc.gain == 0.04);
  CHECK(design.adc.offset == 0.5);
  CHECK(design.adc.inl == 0.6);
  CHECK(config.crossbar.adc_calibration == RangeRule::percentile);
  CHECK(config.crossbar.adc_percentile == 99);
  CHECK(design.adc_share == 4);
  CHECK(design.adc_type == AdcType::integrating);
  CHECK(design.adc_clock == Approx(3e-9));
  const DevicePreset& device = array.device;
  CHECK(device.set_volt == Approx(1.1));
  CHECK(device.reset_volt == Approx(-1.3));
  CHECK(device.pulse_second == Approx(50e-9));
  CHECK(device.G_min == Approx(4e-6));
  CHECK(device.G_max == Approx(78e-6));
  CHECK(device.cycle_sd == 0.1);
  CHECK(device.step_spread == 0.2);
  CHECK(device.bound_spread == 0.01);
  CHECK(device.asymmetry_spread == 0.05);
  CHECK(device.write_noise == 0.5);
  CHECK(device.stuck_low == 0.01);
  CHECK(device.stuck_high == 0.02);
  // half the window in a quarter of the pulses: twice the step
  CHECK(device.nominal_step() == Approx(2 * preset("TaOx-180nm").nominal_step()).epsilon(1e-6));
  // only the law's form is still assumed
  CHECK(device.assumed == std::vector<std::string>{"law"});
  CHECK(device.set.size() == 13);
  CHECK(config_text(parse_config(config_text(config), "resolved.toml")) == config_text(config));

  // the rest of the converters' keys
  overrides.sets = {"crossbar.adc_calibration=analytic", "crossbar.adc_sigmas=3", "crossbar.adc_time=20 ns", "crossbar.adc_share=2",
                    "crossbar.input=serial"};
  const Config serial = parse_config(small_config("crossbar", 1), "test.toml", overrides);
  CHECK(serial.crossbar.adc_calibration == RangeRule::analytic);
  CHECK(serial.crossbar.adc_sigmas == 3);
  CHECK(serial.crossbar.array.converters.adc_second == Approx(20e-9));
  CHECK(serial.crossbar.array.converters.input == DriveInput::serial);
  CHECK(config_text(parse_config(config_text(serial), "resolved.toml")) == config_text(serial));

  // write pulses on other cells and behind lines
  overrides.sets = {"crossbar.half_select=third", "crossbar.write_nonlinearity=10", "crossbar.write_segment_resistance=3 Ohm",
                    "crossbar.write_driver_resistance=200 Ohm", "crossbar.write_passes=3", "device.half_step=0.02"};
  const Config passive = parse_config(small_config("crossbar", 1), "test.toml", overrides);
  const WriteScheme& scheme = passive.crossbar.array.scheme;
  CHECK(scheme.half_select == HalfSelect::third);
  CHECK(scheme.nonlinearity == 10);
  CHECK(scheme.segment_ohm == Approx(3));
  CHECK(scheme.driver_ohm == Approx(200));
  CHECK(passive.crossbar.array.write.passes == 3);
  CHECK(passive.crossbar.array.device.half_step == 0.02);
  CHECK(config_text(parse_config(config_text(passive), "resolved.toml")) == config_text(passive));

  // how a weight lies on devices
  overrides.sets = {"crossbar.mapping=offset_column", "crossbar.slices=3",      "crossbar.slice_bits=5",
                    "crossbar.slice_correct=false",   "crossbar.carry_every=7", "crossbar.carry_band=0.25"};
  const Config sliced = parse_config(small_config("crossbar", 1), "test.toml", overrides);
  CHECK(sliced.crossbar.array.mapping == Mapping::offset_column);
  CHECK(sliced.crossbar.slices.slices == 3);
  CHECK(sliced.crossbar.slices.bits == 5);
  CHECK(!sliced.crossbar.slices.correct);
  CHECK(sliced.crossbar.slices.carry_every == 7);
  CHECK(sliced.crossbar.slices.carry_band == 0.25);
  CHECK(config_text(parse_config(config_text(sliced), "resolved.toml")) == config_text(sliced));

  // bounds that scatter around the middle, and noise beside the step's, are keys too
  overrides.sets = {"crossbar.device=ReRAM-ES", "device.cycle_floor=0.01", "device.cycle_slope=0.02", "device.low_spread=0.1",
                    "device.high_spread=0.2"};
  const DevicePreset reram = parse_config(small_config("crossbar", 1), "test.toml", overrides).crossbar.array.device;
  CHECK(reram.cycle_floor == 0.01);
  CHECK(reram.cycle_slope == 0.02);
  CHECK(reram.low_spread == 0.1);
  CHECK(reram.high_spread == 0.2);
  CHECK(reram.set.size() == 4);

  // a first write is as fine as the device allows, unless the config says otherwise
  const auto tolerance = [](const std::vector<std::string>& sets) {
    Overrides of_write;
    of_write.sets = sets;
    return parse_config(small_config("crossbar", 1), "test.toml", of_write).crossbar.array.write.tolerance;
  };
  CHECK(tolerance({"crossbar.device=ReRAM-ES"}) == preset("ReRAM-ES").verify_tolerance);
  CHECK(tolerance({"crossbar.device=ReRAM-ES", "crossbar.write_tolerance=7 uS"}) == Approx(7e-6));

  // without [device] the preset is as it is, and the resolved config has no such section
  const Config plain = parse_config(small_config("crossbar", 1), "test.toml");
  CHECK(plain.crossbar.array.device.set.empty());
  CHECK(plain.crossbar.array.device.assumed == preset("TaOx-180nm").assumed);
  CHECK(plain.crossbar.array.device.nominal_step() == preset("TaOx-180nm").nominal_step());
  CHECK(config_text(plain).find("[device]") == std::string::npos);
  CHECK(config_identity(plain) != config_identity(config));
}

TEST_CASE("--set overrides the file, bare words are texts") {
  Overrides overrides;
  overrides.sets = {"train.epochs=7",          "network.coupling=crossbar", "crossbar.read_voltage=150 mV",
                    "train.rates=[0.5, 0.25]", "network.hidden=\"tanh\"",   "train.kernel=false"};
  overrides.seed = 9;
  const Config config = parse_config(small_config("ideal", 3), "test.toml", overrides);
  CHECK(config.train.epochs == 7);
  CHECK(config.coupling == Substrate::crossbar);
  CHECK(config.crossbar.array.read_volt == 0.15);
  CHECK(config.train.rule.rates == std::vector<double>{0.5, 0.25});
  CHECK(config.hidden == Activation::tanh);
  CHECK_FALSE(config.train.kernel);
  CHECK(config.seed == 9);
}

TEST_CASE("the nudged phases settle as the free one unless told otherwise") {
  Overrides overrides;
  overrides.sets = {"settle.budget=33"};
  CHECK(parse_config(small_config("ideal", 1), "test.toml", overrides).train.nudged.budget == 33);
  overrides.sets.push_back("settle.nudged_budget=5");
  CHECK(parse_config(small_config("ideal", 1), "test.toml", overrides).train.nudged.budget == 5);
}

TEST_CASE("cross entropy takes the last layer out of the settling system") {
  Overrides overrides;
  overrides.sets = {"network.cost=cross_entropy"};
  const Config config = parse_config(small_config("ideal", 1), "test.toml", overrides);
  const NetworkOptions network = config.network();
  CHECK(network.layers.size() == 2);
  CHECK(network.classes == 10);
  CHECK(network.couplings() == 2);
}

TEST_CASE("the configs that come with the program are valid and say what they show") {
  int configs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() + "/experiments/config")) {
    INFO(entry.path().string());
    const Config config = read_config(entry.path());
    CHECK(config_text(parse_config(config_text(config), "again")) == config_text(config));
    const std::string text = read_file_text(entry.path());
    CHECK(text.substr(0, 2) == "# ");
    CHECK(text.find("eqprop ") != std::string::npos);
    ++configs;
  }
  CHECK(configs >= 4);
}

TEST_CASE("intervals by Student's t") {
  // quantiles from tables (Abramowitz & Stegun 26.10)
  CHECK(student_t(1) == Approx(12.706).margin(1e-3));
  CHECK(student_t(4) == Approx(2.776).margin(1e-3));
  CHECK(student_t(11) == Approx(2.201).margin(1e-3));
  CHECK(student_t(30) == Approx(2.042).margin(1e-3));
  const Estimate e = estimate({1, 2, 3, 4, 5});
  CHECK(e.mean == Approx(3));
  CHECK(e.half_width == Approx(2.7764 * std::sqrt(2.5 / 5)).epsilon(1e-4));
  CHECK(estimate({7}).half_width == 0);
}
