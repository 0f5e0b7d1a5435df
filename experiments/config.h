#pragma once
// The config of a run: what a TOML file and --set options say, checked, with every default filled in.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "eqprop/data/sources.h"
#include "eqprop/train/options.h"
#include "experiments/device_overrides.h"

namespace eqprop {

/// Accuracies or cosines that a command must reach; what is absent is not asked for.
struct Target {
  std::optional<double> validation_accuracy;
  std::optional<double> test_accuracy;
  std::optional<double> cosine;  ///< gradcheck: least cosine of any coupling, float64
};

/// A run that trains devices of a file keeps them under this name beside its config.
inline constexpr const char* kDeviceFile = "device.toml";

struct Config {
  std::uint32_t seed = 0;
  std::string data;  ///< a name of data_names(), "csv" or "idx"
  CsvFiles csv;      ///< with data = "csv"; paths are absolute after read_config
  IdxFiles idx;      ///< with data = "idx"
  double validation_fraction = 0.1;
  std::vector<int> layers;  ///< sizes from the input to the answer, as written in the file
  Activation hidden = Activation::hard_sigmoid;
  std::optional<Activation> output = Activation::hard_sigmoid;  ///< empty: softmax of a read-out beside the system
  double ceiling = 6;                                           ///< of clipped_relu units
  Cost cost = Cost::squared_error;
  double initial_scale = 1;
  Substrate coupling = Substrate::ideal;
  double backward_error = 0;  ///< of ideal couplings
  TrainOptions train;
  bool beta_auto = false;  ///< train.beta = "auto": the number is found from the network at its start, beta_auto.h
  CrossbarOptions crossbar;
  std::string device = "TaOx-180nm";    ///< a preset, or kDeviceFile
  DevicePreset device_preset;           ///< as it is there, before [device] changes single fields
  DeviceOverrides device_set;           ///< single fields of the preset that the config sets; crossbar.array.device has them
  std::vector<std::string> fault_maps;  ///< [faults] maps: files, one per coupling; crossbar.fault_maps has what they say
  std::string prices = "cmos130";
  std::string gpu = "gpu_h100";
  Target target;

  Where where_layers, where_data;  ///< for errors that only the data can tell

  /// The network's own options.
  NetworkOptions network() const;
};

/// What the command line changes in a file.
struct Overrides {
  std::vector<std::string> sets;  ///< "section.key=value"
  std::optional<std::uint32_t> seed;
  std::optional<std::string> estimator;
  std::optional<double> beta;
  bool beta_auto = false;
};

/// Reads a config file with its overrides. Throws InputError(config) with file:line:column, what was expected and the nearest known key;
/// InputError(file) when the file is missing.
Config read_config(const std::filesystem::path& file, const Overrides& overrides = {});
/// The same from text; `file` is shown in errors.
Config parse_config(const std::string& text, const std::string& file, const Overrides& overrides = {});

/// The resolved config as TOML; parse_config gives the same config again.
std::string config_text(const Config& config);
/// The part of config_text that the bits of a run depend on, and its prices: all but [target].
std::string config_identity(const Config& config);

/// "64-128-10".
std::string layers_text(const Config& config);

}  // namespace eqprop
