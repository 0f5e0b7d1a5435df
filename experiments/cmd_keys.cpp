// keys [KEY]: the keys of a config, with range, default and meaning.
#include "experiments/config_keys.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "energy/nearest.h"
#include "experiments/commands.h"
#include "experiments/config.h"

namespace eqprop {
namespace {

struct KeysArguments {
  std::string key;
  bool markdown = false;
};

std::string accepted_text(const ConfigKey& k) { return k.accepted.empty() ? k.kind : k.kind + " " + k.accepted; }
std::string standard_text(const ConfigKey& k) { return k.required ? "must be given" : k.standard.empty() ? "none" : k.standard; }

int keys(const KeysArguments& arguments) {
  if (arguments.markdown) {
    std::fputs(keys_markdown().c_str(), stdout);
    return kExitDone;
  }
  const auto all = config_keys();
  std::vector<std::string> paths;
  bool found = false;
  for (const ConfigKey& k : all) {
    paths.push_back(k.path());
    if (!arguments.key.empty() && k.path() != arguments.key && k.section != arguments.key && k.key != arguments.key) continue;
    found = true;
    fmt::print("{}\n    {}\n    {}; default: {}\n", k.path(), key_meanings().at(k.path()), accepted_text(k), standard_text(k));
  }
  if (!found)
    throw InputError(Code::unknown_name, {}, "there is no key or section `" + arguments.key + "`",
                     name_hint(arguments.key, {paths.begin(), paths.end()}));
  return kExitDone;
}

}  // namespace

const std::map<std::string, std::string>& key_meanings() {
  static const std::map<std::string, std::string> meanings = {
      {"seed", "names every random number of the run"},
      {"data.name", "the data set; csv and idx are your own files"},
      {"data.validation_fraction", "of each class of the training set, set aside for validation"},
      {"data.train", "csv: the training table; required there"},
      {"data.test", "csv: the test table; without it test_fraction is carved from train"},
      {"data.test_fraction", "csv without test: share of each class set aside, by seed"},
      {"data.label_column", "csv: where the label stands"},
      {"data.scale", "csv, idx (1 and above, default 255): largest feature value; features are divided by it"},
      {"data.train_images", "idx: the four files, plain or gzip; required there"},
      {"data.train_labels", "idx: labels of train_images"},
      {"data.test_images", "idx: images of the test set"},
      {"data.test_labels", "idx: labels of test_images"},
      {"network.layers", "units per layer, from the features to the classes"},
      {"network.hidden", "activation of the hidden layers"},
      {"network.cost", "what is minimised; cross_entropy reads the last hidden layer out beside the system"},
      {"network.output", "activation of the last layer; softmax with cross_entropy only"},
      {"network.ceiling", "upper bound of clipped_relu units"},
      {"network.initial_scale", "weights start uniform on +- this / sqrt(inputs)"},
      {"network.coupling", "exact weights, or memristor arrays"},
      {"train.epochs", "passes over the training set"},
      {"train.batch", "samples per update"},
      {"train.estimator", "how the gradient is estimated from the phases"},
      {"train.beta",
       "strength of the nudge, share of a clamp, or radius of holomorphic EP; not 0; 1 for activity_difference only; contrastive and the "
       "baselines do not look at it. \"auto\" finds it in the untrained network: docs/concepts/noise-budget.md"},
      {"train.points", "holomorphic: points on the circle of nudges"},
      {"train.unrolled", "truncated_bptt: sweeps gone back through; continual and agnostic: most moves of the weights in a phase"},
      {"train.rates", "learning rate per coupling, the one above the input first"},
      {"train.momentum", "of the velocity; 0 is plain gradient descent"},
      {"train.weight_decay", "every step takes rate times this times the weight from each weight; exact weights only"},
      {"train.schedule", "how the rates fall over the run"},
      {"train.final_fraction", "of the rates, left at the end of the schedule"},
      {"train.calibration_samples", "training samples whose states set the converters' ranges before each epoch; 0: never"},
      {"train.kernel", "use a specialised kernel where one fits"},
      {"settle.tolerance", "a settle ends when no unit changed by more than this in a sweep; 0 runs the whole budget"},
      {"settle.budget", "most sweeps of a phase"},
      {"settle.noise_window", "sweeps over which a change is compared with the noise, and states are averaged"},
      {"settle.noise_margin", "at the noise floor when the mean-square change is below this times the prediction"},
      {"settle.method", "the order of updates in a sweep; difference is for nudged_method"},
      {"settle.step", "euler: time step in time constants of the units"},
      {"settle.memory", "anderson: sweeps that are looked back to"},
      {"settle.threshold", "event_driven: least change of a unit that is told to its neighbours"},
      {"settle.activation_noise", "sd of Gaussian noise on every state at every sweep"},
      {"settle.state_bits", "states are rounded to this many bits; 0: not rounded"},
      {"settle.nudged_method", "order of updates in the nudged phases; default: as method"},
      {"settle.nudged_tolerance", "tolerance of the nudged phases; default: as tolerance"},
      {"settle.nudged_budget", "budget of the nudged phases; default: as budget"},
      {"network.backward_error", "ideal couplings: relative sd of a static error of every weight as it is read backward"},
      {"measurement.offset", "added to every measured state, in both circuits"},
      {"measurement.mismatch_offset", "added by the second circuit alone: the one that reads every other phase"},
      {"measurement.mismatch_gain", "the second circuit reads 1 + this times the state"},
      {"measurement.bits", "of a measured state; 0: not rounded, nor are unbounded layers"},
      {"measurement.chopping", "the circuits swap roles every batch"},
      {"measurement.over_clamp", "outputs are driven this far beyond the target: the remedy of a measurement bias"},
      {"crossbar.device", "the memristor preset, or a file of your own (Device files, below)"},
      {"crossbar.loop", "digital: converters in every sweep; analog: neurons close the loop"},
      {"crossbar.mapping", "what a weight is: the difference of a pair, or of one device and its line's in a reference column of the tile"},
      {"crossbar.slices", "arrays of one matrix, each a digit below the one before it"},
      {"crossbar.slice_bits", "slices > 1: bits from a digit to the next"},
      {"crossbar.slice_correct",
       "slices > 1: a slice takes over what a verify read says the one above it missed, when written and in carries"},
      {"crossbar.carry_every", "slices > 1: updates after which slices that have left carry_band move what they hold up"},
      {"crossbar.carry_band", "slices > 1: share of the weight window in which a slice is left alone"},
      {"crossbar.max_rows", "lines of a tile, bias line included"},
      {"crossbar.max_columns", "outputs of a tile"},
      {"crossbar.read_voltage", "at an input of full scale"},
      {"crossbar.read_time", "cells are under voltage per read"},
      {"crossbar.dac_bits", "0 off, else 2 and more"},
      {"crossbar.dac_rounding", "of the DAC"},
      {"crossbar.dac_gain", "gain of the DAC, 1 is right"},
      {"crossbar.dac_offset", "offset of the DAC, in its input's unit"},
      {"crossbar.adc_bits", "0 off, else 2 and more"},
      {"crossbar.adc_rounding", "of the ADC"},
      {"crossbar.adc_gain", "gain of the ADC, 1 is right"},
      {"crossbar.adc_offset", "offset of the ADC, in logical output units"},
      {"crossbar.adc_range_forward", "full scale of forward reads in logical output units; 0 measures it"},
      {"crossbar.adc_range_backward", "the same of backward reads"},
      {"crossbar.adc_margin", "measured range = this times what adc_calibration says"},
      {"crossbar.dac_gain_spread", "relative sd of the gain from DAC to DAC"},
      {"crossbar.dac_offset_spread", "sd of the offset from DAC to DAC, in codes"},
      {"crossbar.dac_inl", "largest integral nonlinearity of a DAC, in codes; uniform on +- this from one to the next"},
      {"crossbar.adc_gain_spread", "relative sd of the gain from ADC to ADC"},
      {"crossbar.adc_offset_spread", "sd of the offset from ADC to ADC, in codes"},
      {"crossbar.adc_inl", "largest integral nonlinearity of an ADC, in codes; uniform on +- this from one to the next"},
      {"crossbar.adc_calibration",
       "of the sums seen: the largest, or a percentile; analytic: adc_sigmas times their rms by the weights and the drive's rms"},
      {"crossbar.adc_percentile", "adc_calibration = percentile: of the magnitudes of the sums seen"},
      {"crossbar.adc_sigmas", "adc_calibration = analytic: times the rms"},
      {"crossbar.adc_share", "neighbouring columns (backward: lines) that share one ADC, which converts them one after another"},
      {"crossbar.adc_type", "direct: flash, SAR, one event each; integrating: a counter of 2^adc_bits clock periods"},
      {"crossbar.adc_time", "adc_type = direct: each further conversion of a shared ADC; 0: as long as a read"},
      {"crossbar.adc_clock", "adc_type = integrating: period of the counter's clock"},
      {"crossbar.input", "how a code reaches its line: by a DAC, or bit by bit with a read and conversion for each"},
      {"crossbar.read_noise", "sd of a device per read, share of its window"},
      {"crossbar.read_noise_proportional", "the same, share of its conductance"},
      {"crossbar.flicker", "1/f noise between slowest_time and a sixteenth of step_time: sd of a device, share of its conductance"},
      {"crossbar.telegraph", "random telegraph noise: jump of a trap, share of the conductance"},
      {"crossbar.telegraph_share", "share of devices that have a trap"},
      {"crossbar.slowest_time", "longest time constant of 1/f and telegraph noise"},
      {"crossbar.step_time", "simulated time of a training step: the clock of drift, 1/f and telegraph noise"},
      {"crossbar.programming", "how a wanted change becomes pulses"},
      {"crossbar.pair", "which device of a pair moves"},
      {"crossbar.max_pulses", "most pulses per weight and update"},
      {"crossbar.least_pulses", "programming = threshold_accumulate: a weight is written once it needs as many pulses"},
      {"crossbar.sign_threshold", "programming = sign: smallest change that is written"},
      {"crossbar.train_length", "programming = coincidence, tiki_taka: most slots of a pulse train"},
      {"crossbar.fast_gain", "programming = tiki_taka: wanted changes times this go to the fast array"},
      {"crossbar.transfer_rate",
       "programming = tiki_taka: share of what a line of the fast array holds that goes to the slow one when read"},
      {"crossbar.transfer_lines", "programming = tiki_taka: lines of the fast array read per transfer"},
      {"crossbar.transfer_every", "programming = tiki_taka: updates from transfer to transfer"},
      {"crossbar.half_select",
       "what a write pulse does to the other cells of its tile: gated (1T1R) nothing, half V/2 on its line and column, "
       "third V/3 there and -V/3 on the rest"},
      {"crossbar.write_nonlinearity",
       "half_select = half, third: a cell's current at a pulse's voltage over that at half of it; 2: ohmic, more: a selector"},
      {"crossbar.write_segment_resistance", "of a line between neighbouring cells, as write pulses meet it; 0: ideal"},
      {"crossbar.write_driver_resistance", "of all else in the path of a write pulse: both drivers, the transistor of a gated cell"},
      {"crossbar.write_passes", "times that write-verify goes through all devices: later ones mend what half-selected cells suffered"},
      {"crossbar.wear_out", "devices stay where they are once they have had their rated pulses"},
      {"crossbar.write_tolerance", "of the first write, per device; default: the device's"},
      {"crossbar.write_max_pulses", "of the first write, per device"},
      {"crossbar.weight_headroom", "largest weight = this times the largest initial weight"},
      {"crossbar.weight_max", "fixes the largest weight instead; 0: by weight_headroom"},
      {"crossbar.analog_time", "loop = analog: time constant of a neuron"},
      {"crossbar.linear_range", "converter range of an unbounded layer"},
      {"wires.model",
       "resistance of the arrays' lines: exact solves their circuit by the cheapest way; effective by matrices that are rebuilt as cells "
       "move; solve for every read; lumped is a closed form"},
      {"wires.segment_resistance", "of a line between neighbouring cells"},
      {"wires.driver_resistance", "between a word line's outermost segment and its source"},
      {"wires.sense_resistance", "between a bit line's outermost segment and its virtual ground"},
      {"wires.double_sided", "word lines are driven at both ends"},
      {"wires.swap_ends", "transposed reads: driver and sense resistances change places, so that weights read differently backward"},
      {"wires.stale_error",
       "exact, effective: relative error of the matrices that is aimed at between rebuilds; 0 rebuilds at every update"},
      {"wires.residual", "of the solves: largest Kirchhoff residual over the largest current of a source"},
      {"faults.yield", "share of devices that have contact; the others conduct nothing"},
      {"faults.dead_lines", "share of lines that are broken"},
      {"faults.dead_columns", "share of device columns that are broken"},
      {"faults.spare_columns", "output columns of a tile beside those it needs: they replace the worst"},
      {"faults.maps", "files of known faults, one per coupling, or \"none\": a row per line, two cells per output"},
      {"device.set_voltage", "of a SET pulse; default: the preset's, as for all of [device]"},
      {"device.reset_voltage", "of a RESET pulse, negative"},
      {"device.pulse_time", "length of a pulse"},
      {"device.half_step",
       "step of a pulse of half the voltage over that of a full one; needed by half_select = half, third and by write resistances, "
       "unless the law has an equation of motion"},
      {"device.conductance_min", "lower end of the window"},
      {"device.conductance_max", "upper end of the window"},
      {"device.pulses_per_window",
       "as the law defines it; scales its steps (laws strachan and vteam: none, their steps follow from volts and seconds)"},
      {"device.cycle_sd", "spread from pulse to pulse, in steps; law quantile_table: times the spread of its table"},
      {"device.cycle_floor", "and beside it, in shares of the window whatever the step"},
      {"device.cycle_slope", "and in shares of the conductance above its minimum"},
      {"device.step_spread", "spread of the step from device to device"},
      {"device.bound_spread", "spread of the window's ends from device to device"},
      {"device.low_spread", "instead: spread of the lower end, in distances from the middle of the window"},
      {"device.high_spread", "instead: spread of the upper end, in distances from the middle of the window"},
      {"device.asymmetry_spread", "up steps times 1 + u, down steps times 1 - u, u uniform on +- this"},
      {"device.write_noise", "sd of the apparent conductance after a write, in nominal steps"},
      {"device.stuck_low", "share of devices stuck at their lower end"},
      {"device.stuck_high", "share of devices stuck at their upper end"},
      {"device.endurance_min", "rated pulses: with crossbar.wear_out a device's life is log-uniform from this"},
      {"device.endurance_max", "to this"},
      {"device.drift_exponent", "drift: G falls as (1 + t / drift_time)^-this after it was written"},
      {"device.drift_spread", "drift: sd of the exponent from device to device"},
      {"device.drift_time", "drift: the time it is counted from"},
      {"device.retention_time", "time in which a device loses all but 1/e of what it holds above its lower bound"},
      {"energy.prices", "price list: a name of energy/prices, or the path of a .toml file"},
      {"energy.gpu", "GPU model: a name of energy/prices, or the path of a .toml file"},
      {"target.validation_accuracy", "train: exit code 4 below it"},
      {"target.test_accuracy", "train: exit code 4 below it"},
      {"target.cosine", "gradcheck: exit code 1 below it"},
  };
  return meanings;
}

std::string keys_markdown() {
  std::string out, section = "-";
  for (const ConfigKey& k : config_keys()) {
    if (k.section != section) {
      section = k.section;
      out += fmt::format("\n### {}\n| key | meaning | accepted | default |\n|---|---|---|---|\n",
                         section.empty() ? "Top of the file" : "[" + section + "]");
    }
    out += fmt::format("| `{}` | {} | {} | {} |\n", k.key, key_meanings().at(k.path()), accepted_text(k), standard_text(k));
  }
  return out;
}

void add_keys(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("keys", "the keys of a config with meaning, range and default");
  auto given = std::make_shared<KeysArguments>();
  command->add_option("KEY", given->key, "a key or section, e.g. train.beta or crossbar; default: all");
  command->add_flag("--markdown", given->markdown, "all of them as the tables of docs/formats.md");
  command->callback([given, &exit_code] { exit_code = keys(*given); });
}

}  // namespace eqprop
