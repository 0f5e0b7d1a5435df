#include "experiments/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "energy/nearest.h"
#include "eqprop/learn/noise_budget.h"
#include "experiments/config_keys.h"
#include "experiments/crossbar_fields.h"
#include "experiments/device_file.h"
#include "experiments/fault_map.h"
#include "experiments/write_config.h"

namespace eqprop {
namespace {

constexpr Interval kFraction{0, 1, false, false};
constexpr Interval kPart{0, 1, true, true};
constexpr double kBetaBefore = 0.25;  // stands where "auto" is not resolved yet; every estimator takes it

template <class E, class Name>
std::vector<std::pair<std::string_view, E>> named(std::initializer_list<E> values, Name name) {
  std::vector<std::pair<std::string_view, E>> out;
  for (const E value : values) out.emplace_back(name(value), value);
  return out;
}

const auto kActivations = named(
    {Activation::hard_sigmoid, Activation::clipped_relu, Activation::linear, Activation::tanh, Activation::logistic}, activation_name);
const auto kEstimators = [] {
  std::vector<std::pair<std::string_view, Estimator>> out;
  for (const Estimator estimator : all_estimators()) out.emplace_back(estimator_name(estimator), estimator);
  return out;
}();
const auto kMethods = named({Method::forward, Method::backward, Method::asynchronous, Method::event_driven, Method::synchronous,
                             Method::euler, Method::anderson, Method::difference},
                            method_name);
const auto kSchedules = named({Schedule::constant, Schedule::linear, Schedule::exponential, Schedule::cosine}, schedule_name);
const std::vector<std::pair<std::string_view, Cost>> kCosts = {{"squared_error", Cost::squared_error},
                                                               {"cross_entropy", Cost::cross_entropy}};
const std::vector<std::pair<std::string_view, Substrate>> kSubstrates = {{"ideal", Substrate::ideal}, {"crossbar", Substrate::crossbar}};

const std::vector<std::pair<std::string_view, LabelColumn>> kLabelColumns = {{"last", LabelColumn::last}, {"first", LabelColumn::first}};

std::vector<std::string> all_data_names() {
  std::vector<std::string> names = data_names();
  names.insert(names.end(), {"csv", "idx"});
  return names;
}

// keys of files are read for any data set, so that one in the wrong place is told apart from a misspelt one
template <class Fields, class C>
void visit_data(Fields& f, C& c) {
  const auto names = all_data_names();
  f.section("data");
  f.require("name = \"digits\"");
  f.choice("name", c.data, texts(names));
  f.number("validation_fraction", c.validation_fraction, kPart);
  const bool csv = c.data == "csv", idx = c.data == "idx";
  if (Fields::kReads || csv) {
    if (csv) f.require("train = \"train.csv\"");
    f.file("train", c.csv.train);
    if (Fields::kReads || !c.csv.test.empty()) f.file("test", c.csv.test);
    if (Fields::kReads || c.csv.test.empty()) f.number("test_fraction", c.csv.test_fraction, kPart);
    f.choice("label_column", c.csv.label_column, kLabelColumns);
    if (!idx) f.number("scale", c.csv.scale, {0, std::numeric_limits<double>::max(), true, false});
  }
  if (Fields::kReads || idx) {
    if (idx) f.require("train_images = \"train-images-idx3-ubyte.gz\"");
    f.file("train_images", c.idx.train_images);
    if (idx) f.require("train_labels = \"train-labels-idx1-ubyte.gz\"");
    f.file("train_labels", c.idx.train_labels);
    if (idx) f.require("test_images = \"test-images-idx3-ubyte.gz\"");
    f.file("test_images", c.idx.test_images);
    if (idx) f.require("test_labels = \"test-labels-idx1-ubyte.gz\"");
    f.file("test_labels", c.idx.test_labels);
    if (idx) f.number("scale", c.idx.scale, {1, 1e6, false, false});
  }
}

template <class Fields, class C>
void visit_network(Fields& f, C& c) {
  f.section("network");
  f.require("layers = [64, 128, 10]");
  f.integers("layers", c.layers, 1, 100000);
  f.choice("hidden", c.hidden, kActivations);
  f.choice("cost", c.cost, kCosts);
  std::vector<std::pair<std::string_view, std::optional<Activation>>> outputs(kActivations.begin(), kActivations.end());
  outputs.emplace_back("softmax", std::nullopt);
  if constexpr (Fields::kReads) {
    if (c.cost == Cost::cross_entropy) c.output = std::nullopt;
  }
  f.choice("output", c.output, outputs);
  f.number("ceiling", c.ceiling, {0, 1000, true, false});
  f.number("initial_scale", c.initial_scale, {0, 100, true, false});
  f.choice("coupling", c.coupling, kSubstrates);
  if (Fields::kReads || c.backward_error > 0) f.number("backward_error", c.backward_error, {0, 2, false, false});
}

template <class Fields, class C>
void visit_train(Fields& f, C& c) {
  auto& train = c.train;
  f.section("train");
  f.require("epochs = 10");
  f.integer("epochs", train.epochs, 1, 1000000);
  f.integer("batch", train.batch, 1, 65536);
  f.choice("estimator", train.estimator, kEstimators);
  f.number_or_auto("beta", train.beta, c.beta_auto, {-1, 1, true, false});
  if constexpr (Fields::kReads) {
    if (c.beta_auto) train.beta = kBetaBefore;
  }
  if (Fields::kReads || train.estimator == Estimator::holomorphic) f.integer("points", train.points, 2, 18);
  const bool unrolls = train.estimator == Estimator::truncated_bptt || family_of(train.estimator) == EstimatorFamily::moving;
  if (Fields::kReads || unrolls) f.integer("unrolled", train.unrolled, 1, 4000);
  f.require("rates = [0.3, 0.1]");
  f.numbers("rates", train.rule.rates, {0, 1e6, false, false});
  f.number("momentum", train.rule.momentum, {0, 1, false, true});
  if (Fields::kReads || train.rule.weight_decay > 0) f.number("weight_decay", train.rule.weight_decay, {0, 1, false, false});
  f.choice("schedule", train.rule.schedule, kSchedules);
  f.number("final_fraction", train.rule.final_fraction, kFraction);
  f.integer("calibration_samples", train.calibration_samples, 0, 1000000);
  f.flag("kernel", train.kernel);

  f.section("settle");
  f.number("tolerance", train.free.tolerance, {0, 1, false, true});
  f.integer("budget", train.free.budget, 1, 60000);
  f.integer("noise_window", train.free.noise_window, 1, 1000);
  f.number("noise_margin", train.free.noise_margin, {0, 100, true, false});
  f.choice("method", train.free.method, kMethods);
  const auto either = [&](Method method) { return Fields::kReads || train.free.method == method || train.nudged.method == method; };
  if (either(Method::euler)) f.number("step", train.free.step, {0, 1, true, false});
  if (either(Method::anderson)) f.integer("memory", train.free.memory, 1, 20);
  if (either(Method::event_driven)) f.number("threshold", train.free.threshold, {0, 1, false, true});
  if (Fields::kReads || train.free.activation_noise > 0) f.number("activation_noise", train.free.activation_noise, {0, 10, false, false});
  if (Fields::kReads || train.free.state_bits > 0) f.integer("state_bits", train.free.state_bits, 0, 24);
  // what is not said about the nudged phases is as in the free phase
  if constexpr (Fields::kReads) train.nudged = train.free;
  f.number("nudged_tolerance", train.nudged.tolerance, {0, 1, false, true});
  f.integer("nudged_budget", train.nudged.budget, 1, 60000);
  f.choice("nudged_method", train.nudged.method, kMethods);

  auto& measurement = train.measurement;
  if (!Fields::kReads && measurement.is_perfect()) return;
  f.section("measurement");
  f.number("offset", measurement.offset, {-1, 1, false, false});
  f.number("mismatch_offset", measurement.mismatch_offset, {-1, 1, false, false});
  f.number("mismatch_gain", measurement.mismatch_gain, {-0.5, 0.5, false, false});
  f.integer("bits", measurement.bits, 0, 20);
  f.flag("chopping", measurement.chopping);
  f.number("over_clamp", measurement.over_clamp, {0, 1, false, false});
}

// all keys of a config, once for reading and once for writing
template <class Fields, class C>
void visit(Fields& f, C& c, bool with_target) {
  f.section("");
  f.require("seed = 1");
  f.integer("seed", c.seed);
  visit_data(f, c);
  visit_network(f, c);
  visit_train(f, c);
  // a file may describe the crossbar and not use it, so that one --set compares the two
  if (Fields::kReads || c.coupling == Substrate::crossbar) {
    visit_crossbar(f, c);
    visit_wires(f, c);
    visit_faults(f, c);
  }
  f.section("energy");
  f.text("prices", c.prices);
  f.text("gpu", c.gpu);
  if (!with_target) return;
  f.section("target");
  f.number("validation_accuracy", c.target.validation_accuracy, kFraction);
  f.number("test_accuracy", c.target.test_accuracy, kFraction);
  f.number("cosine", c.target.cosine, {-1, 1, false, false});
}

void check_data(const Config& c, const FieldReader& reader) {
  const auto fail = [&](const std::string& key, const std::string& message, const std::string& remedy) {
    throw InputError(Code::conflict, reader.where("data." + key), "`data." + key + "` " + message, remedy);
  };
  const auto only = [&](std::initializer_list<const char*> keys, bool fits, const std::string& of) {
    for (const std::string key : keys)
      if (!fits && reader.given("data." + key)) fail(key, "is no key of data set \"" + c.data + "\"", "it belongs to " + of);
  };
  const bool csv = c.data == "csv", idx = c.data == "idx";
  only({"train", "test", "test_fraction", "label_column"}, csv, "name = \"csv\"");
  only({"train_images", "train_labels", "test_images", "test_labels"}, idx, "name = \"idx\"");
  only({"scale"}, csv || idx, "name = \"csv\" or \"idx\"");
  if (csv && reader.given("data.test") && reader.given("data.test_fraction"))
    fail("test_fraction", "cannot stand beside `data.test`", "remove one: without `test` this fraction of `train` is carved for testing");
  if (csv && c.csv.test.lexically_normal() == c.csv.train.lexically_normal())
    fail("test", "is the training file", "name another, or remove it: a part of `train` is then carved for testing");
  if (idx && c.idx.test_images.lexically_normal() == c.idx.train_images.lexically_normal())
    fail("test_images", "is the training file", "name another");
}

// what fields cannot tell one by one
void check_together(const Config& c, const FieldReader& reader) {
  const auto fail = [&](const std::string& key, const std::string& message, const std::string& remedy = {}, Code code = Code::conflict) {
    throw InputError(code, reader.where(key), "`" + key + "` " + message, remedy);
  };
  if (c.layers.size() < 2)
    fail("network.layers", "needs the input and at least one layer", "e.g. layers = [64, 128, 10]", Code::out_of_range);
  if (c.cost == Cost::cross_entropy && c.layers.size() < 3)
    fail("network.layers", "needs a hidden layer with cost = \"cross_entropy\"",
         "the read-out stands beside the system, e.g. layers = [64, 128, 10]");
  if ((c.cost == Cost::cross_entropy) != !c.output.has_value())
    fail("network.output", c.output ? "must be \"softmax\" with cost = \"cross_entropy\"" : "= \"softmax\" needs cost = \"cross_entropy\"");
  if (c.train.rule.rates.size() + 1 != c.layers.size())
    fail("train.rates",
         fmt::format("has {} rates, but layers {} have {} couplings", c.train.rule.rates.size(), layers_text(c), c.layers.size() - 1),
         "one rate per coupling, first the one above the input");
  if (c.train.beta == 0) fail("train.beta", "= 0: expected a number other than 0 in (-1, 1)", "try 0.5", Code::out_of_range);
  if (c.beta_auto && !has_beta(c.train.estimator))
    fail("train.beta",
         fmt::format("= \"auto\" has no meaning with estimator = \"{}\", which has no nudge to choose", estimator_name(c.train.estimator)),
         "remove it, or choose an estimator of nudged or clamped phases");
  if (c.crossbar.array.dac.bits == 1) fail("crossbar.dac_bits", "= 1: expected 0 (off) or 2 .. 20", {}, Code::out_of_range);
  if (c.crossbar.array.adc_forward.bits == 1) fail("crossbar.adc_bits", "= 1: expected 0 (off) or 2 .. 20", {}, Code::out_of_range);
}

// keys that do nothing without another one
void check_effects(const Config& c, const FieldReader& reader) {
  const auto idle = [&](const std::string& key, double value, const std::string& why, const std::string& remedy) {
    throw InputError(Code::conflict, reader.where(key), fmt::format("`{}` = {:g} does nothing: {}", key, value, why), remedy);
  };
  const SlowNoise& slow = c.crossbar.array.slow_noise;
  if (slow.telegraph > 0 && slow.telegraph_share == 0)
    idle("crossbar.telegraph", slow.telegraph, "no device has a trap", "set crossbar.telegraph_share, e.g. 0.1, or remove it");
  if (slow.telegraph_share > 0 && slow.telegraph == 0)
    idle("crossbar.telegraph_share", slow.telegraph_share, "traps have no jump", "set crossbar.telegraph, e.g. 0.05, or remove it");
  const double spread = c.device_set.drift_spread.value_or(0);
  if (spread > 0 && c.crossbar.array.device.drift.second == 0)
    idle("device.drift_spread", spread, "device " + c.crossbar.array.device.name + " does not drift",
         "set device.drift_time, e.g. \"1 s\", or remove it");
}

// a device of the program, or of a file beside the config; the file's own name is forgotten
void read_preset(Config& config, const FieldReader& reader) {
  if (!is_device_file(config.device)) {
    config.device_preset = preset(config.device);
    return;
  }
  const std::filesystem::path file = (std::filesystem::absolute(reader.file()).parent_path() / config.device).lexically_normal();
  if (std::error_code none; !std::filesystem::exists(file, none))
    throw InputError(Code::missing_file, reader.where("crossbar.device"),
                     fmt::format("`crossbar.device` = \"{}\": there is no file {}", config.device, file.string()),
                     "a path is taken from the config's folder; `eqprop devices fit` writes such files");
  config.device_preset = read_device(file);
  config.device = kDeviceFile;
}

// fault maps, from files beside the config
void read_fault_maps(Config& config, const FieldReader& reader) {
  config.crossbar.fault_maps.clear();
  const std::size_t couplings = config.layers.size() - 1;
  for (std::size_t k = 0; k < config.fault_maps.size(); ++k) {
    std::string& name = config.fault_maps[k];
    config.crossbar.fault_maps.emplace_back();
    if (name == "none") continue;
    const std::filesystem::path file = (std::filesystem::absolute(reader.file()).parent_path() / name).lexically_normal();
    if (std::error_code none; !std::filesystem::exists(file, none))
      throw InputError(Code::missing_file, reader.where("faults.maps"), fmt::format("`faults.maps`: there is no file {}", file.string()),
                       "a path is taken from the config's folder");
    FaultMap& map = config.crossbar.fault_maps.back() = read_fault_map(file);
    if (k >= couplings) continue;
    const ArrayOptions& array = config.crossbar.array;
    const bool pairs = array.mapping == Mapping::differential;
    const Eigen::Index lines = config.layers[k] + 1, outputs = config.layers[k + 1];
    const Eigen::Index columns = pairs ? 2 * outputs : outputs + (outputs + array.max_cols - 1) / array.max_cols;
    if (map.rows() != lines || map.cols() != columns)
      throw InputError(Code::conflict, reader.where("faults.maps"),
                       fmt::format("`faults.maps`: {} is {} x {}, coupling {} has {} lines (the bias last) x {} device columns", name,
                                   map.rows(), map.cols(), k + 1, lines, columns),
                       pairs ? "a row per line and two cells per output, G+ first"
                             : "a row per line and a cell per output, then one per tile along the outputs for the references");
    name = fault_map_file(k);  // the run keeps a copy beside its config
  }
  if (config.fault_maps.size() > couplings)
    throw InputError(Code::conflict, reader.where("faults.maps"),
                     fmt::format("`faults.maps` has {} maps, the network {} couplings", config.fault_maps.size(), couplings),
                     "one map per coupling, first the one above the input; \"none\" where none is known");
}

// the library's own checks name "section.key" first: the file's line is found by that
template <class Check>
void with_place(const FieldReader& reader, Check library_check) {
  try {
    library_check();
  } catch (const InputError& error) {
    if (!error.where().file.empty()) throw;
    const std::string& message = error.message();
    const auto end = std::min(message.find_first_not_of("abcdefghijklmnopqrstuvwxyz_."), message.size());
    throw error.at(reader.where(message.substr(0, end)));
  }
}

// a config of arrays that are trained, or only written and read
Config parse(const std::string& text, const std::string& file, const Overrides& overrides, bool trains) {
  TomlValues values(text, file);
  for (const std::string& assignment : overrides.sets) values.set(assignment);
  if (overrides.seed) values.set("seed", TomlValue{{"--seed", 0, 0}, std::int64_t{*overrides.seed}});
  if (overrides.estimator) values.set("train.estimator", TomlValue{{"--estimator", 0, 0}, *overrides.estimator});
  if (overrides.beta) values.set("train.beta", TomlValue{{"--beta", 0, 0}, *overrides.beta});
  if (overrides.beta_auto) values.set("train.beta", TomlValue{{"--beta", 0, 0}, std::string("auto")});

  Config config;
  config.crossbar.array.write.tolerance = 0;  // until it is known whether the config sets it
  FieldReader reader(values);
  visit(reader, config, true);
  reader.finish();
  check_data(config, reader);
  check_together(config, reader);
  read_preset(config, reader);
  read_fault_maps(config, reader);
  try {
    config.crossbar.array.device = overridden(config.device_preset, config.device_set);
  } catch (const InputError& error) {
    throw error.at(reader.where(error.code() == Code::conflict ? "device.pulses_per_window" : "crossbar.device"));
  }
  check_effects(config, reader);
  double& tolerance = config.crossbar.array.write.tolerance;
  if (tolerance == 0) tolerance = config.crossbar.array.device.verify_tolerance;
  if (config.coupling == Substrate::crossbar) {
    try {
      // what can only be written has no pulse law that training asks for
      if (const DevicePreset& device = config.crossbar.array.device; !trains && device.kind == DeviceKind::verify_only)
        device.validate();
      else
        check_trainable(device);
    } catch (const InputError& error) {
      throw error.at(reader.where("crossbar.device"));
    }
  }
  config.where_layers = reader.where("network.layers");
  config.where_data = reader.where("data.name");
  with_place(reader, [&] { config.crossbar.check_converters(); });
  with_place(reader, [&] { config.crossbar.check_mapping(); });
  with_place(reader, [&] { config.network().validate(); });
  with_place(reader, [&] { config.train.validate(config.network()); });
  return config;
}

}  // namespace

NetworkOptions Config::network() const {
  NetworkOptions out;
  const std::size_t settling = layers.size() - (output ? 0 : 1);
  for (std::size_t l = 0; l < settling; ++l) {
    const bool last = l + 1 == layers.size();
    out.layers.push_back({layers[l], last ? *output : hidden, ceiling});
  }
  out.cost = cost;
  out.classes = layers.back();
  out.initial_scale = initial_scale;
  out.substrate = coupling;
  out.crossbar = crossbar;
  out.crossbar.bipolar = drives_signed(train.estimator);
  out.backward_error = backward_error;
  return out;
}

Config parse_config(const std::string& text, const std::string& file, const Overrides& overrides) {
  return parse(text, file, overrides, true);
}

Config parse_write_config(const std::string& text, const std::string& file, const Overrides& overrides) {
  return parse(text, file, overrides, false);
}

Config read_config(const std::filesystem::path& file, const Overrides& overrides) {
  Config config = parse_config(read_config_text(file), file.string(), overrides);
  // a file given as a path lies beside the config; made absolute, since the resolved config will stand elsewhere
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  for (std::string* name : {&config.prices, &config.gpu})
    if (name->find('/') != std::string::npos || name->ends_with(".toml")) *name = (folder / *name).lexically_normal().string();
  for (std::filesystem::path* path : {&config.csv.train, &config.csv.test, &config.idx.train_images, &config.idx.train_labels,
                                      &config.idx.test_images, &config.idx.test_labels})
    if (!path->empty()) *path = (folder / *path).lexically_normal();
  return config;
}

std::string config_text(const Config& config) {
  FieldWriter writer;
  visit(writer, config, true);
  return writer.result();
}

std::string config_identity(const Config& config) {
  FieldWriter writer;
  visit(writer, config, false);
  const bool own = config.coupling == Substrate::crossbar && config.device == kDeviceFile;
  std::string maps;
  for (const FaultMap& map : config.crossbar.fault_maps) maps += "\n" + fault_list(map);
  return writer.result() + (own ? "\n" + device_text(config.device_preset) : "") + (config.coupling == Substrate::crossbar ? maps : "");
}

std::vector<ConfigKey> config_keys() {
  FieldLister lister;
  Config defaults;
  visit(lister, defaults, true);
  return lister.keys();
}

std::string layers_text(const Config& config) { return fmt::format("{}", fmt::join(config.layers, "-")); }

}  // namespace eqprop
