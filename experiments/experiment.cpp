#include "experiments/experiment.h"

#include <fmt/format.h>

#include <sstream>

#include "eqprop/data/checkpoint.h"

namespace eqprop {
namespace {

constexpr std::string_view kPayload = "eqprop run 1";

// the first line in which two configs differ, with its section
std::string first_difference(const std::string& before, const std::string& now) {
  std::istringstream a(before), b(now);
  std::string line_a, line_b, section;
  for (;;) {
    const bool more_a = static_cast<bool>(std::getline(a, line_a));
    const bool more_b = static_cast<bool>(std::getline(b, line_b));
    if (!more_a && !more_b) return "nothing";
    if (line_a != line_b || more_a != more_b)
      return fmt::format("{}`{}` then, `{}` now", section, more_a ? line_a : "nothing", more_b ? line_b : "nothing");
    if (line_a.starts_with('[')) section = line_a + " ";
  }
}

}  // namespace

std::string_view program_version() { return EQPROP_VERSION; }

void check_layers(const Config& config, const Dataset& data) {
  if (config.layers.front() == data.features && config.layers.back() == data.classes) return;
  throw InputError(InputKind::config, config.where_layers,
                   fmt::format("`network.layers` = {} does not fit data set \"{}\": it has {} features and {} classes", layers_text(config),
                               config.data, data.features, data.classes),
                   fmt::format("the first layer must be {} and the last {}", data.features, data.classes));
}

Experiment::Experiment(const Config& config, const Places& places, int threads) : config_(config) {
  TrainTest data = load_named_data(places, config.data);
  check_layers(config, data.train);
  Split split = carve_validation(data.train, config.validation_fraction, config.seed);
  train_ = std::move(split.train);
  validation_ = std::move(split.validation);
  test_ = std::move(data.test);

  Ledger initial;
  Run run{config.seed, threads, &initial, 0};
  network_ = std::make_unique<Network<float>>(build_network<float>(config.network(), run));
  trainer_ = std::make_unique<Trainer<float>>(*network_, config.train, config.seed, threads, train_.size());
  trainer_->ledger() += initial;
}

void Experiment::save(const std::filesystem::path& file) const {
  ByteWriter out;
  out.put_string(kPayload);
  out.put_string(program_version());
  out.put_string(config_identity(config_));
  out.put<std::uint64_t>(train_.size());
  out.put<std::uint64_t>(test_.size());
  out.put<std::uint8_t>(test_accuracy ? 1 : 0);
  out.put<double>(test_accuracy.value_or(0));
  save_rows(rows, out);
  trainer_->save(out);
  write_checkpoint(file, out.bytes());
}

void Experiment::restore(const std::filesystem::path& file) {
  const auto payload = read_checkpoint(file);
  ByteReader in(payload, file.string());
  const auto fail = [&](const std::string& message, const std::string& remedy) {
    throw InputError(InputKind::file, {file.string()}, message, remedy);
  };
  if (in.get_string() != kPayload) fail("a checkpoint of another program", "expected one of `eqprop train`");
  if (const std::string version = in.get_string(); version != program_version())
    fail(fmt::format("written by eqprop {}, this is {}", version, program_version()), "use that version, or start the run anew");
  const std::string identity = config_identity(config_);
  if (const std::string before = in.get_string(); before != identity)
    throw InputError(InputKind::config, {file.string()}, "the run was started with another config: " + first_difference(before, identity),
                     "give the config and --set options of then, or another --out");
  if (in.get<std::uint64_t>() != train_.size() || in.get<std::uint64_t>() != test_.size())
    fail("the run was started with other data", "restore the data set of then");
  const bool tested = in.get<std::uint8_t>() != 0;
  const double accuracy = in.get<double>();
  rows = restore_rows(in);
  trainer_->restore(in);
  if (!in.done()) fail("more bytes than a run has", "the file is damaged: start the run anew");
  test_accuracy = tested ? std::optional(accuracy) : std::nullopt;
}

}  // namespace eqprop
