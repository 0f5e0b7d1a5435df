#include "experiments/experiment.h"

#include <fmt/format.h>

#include <bit>
#include <sstream>

#include "eqprop/data/checkpoint.h"

namespace eqprop {
namespace {

constexpr std::string_view kPayload = "eqprop run 4";

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

// tells data sets apart, so that a run does not go on with files that were edited: FNV-1a by words (isthe.com/chongo/tech/comp/fnv)
std::uint64_t fingerprint(const Dataset& data) {
  std::uint64_t hash = 14695981039346656037u;
  const auto mix = [&](std::uint32_t word) { hash = (hash ^ word) * 1099511628211u; };
  for (const float x : data.x) mix(std::bit_cast<std::uint32_t>(x));
  for (const std::int32_t label : data.labels) mix(static_cast<std::uint32_t>(label));
  for (const std::uint32_t id : data.ids) mix(id);
  return hash;
}

// a carve that fails tells no place: it is the config's
template <class Carve>
auto with_place(const Config& config, Carve carve) {
  try {
    return carve();
  } catch (const InputError& error) {
    if (error.kind() != InputKind::config || !error.where().file.empty()) throw;
    throw error.at(config.where_data);
  }
}

}  // namespace

std::string_view program_version() { return EQPROP_VERSION; }

void check_layers(const Config& config, const Dataset& data) {
  if (config.layers.front() == data.features && config.layers.back() == data.classes) return;
  throw InputError(Code::layers_and_data, config.where_layers,
                   fmt::format("`network.layers` = {} does not fit data set \"{}\": it has {} features and {} classes", layers_text(config),
                               data.name, data.features, data.classes),
                   fmt::format("the first layer must be {} and the last {}", data.features, data.classes));
}

TrainTest load_config_data(const Config& config, const Places& places) {
  if (config.data == "csv") return with_place(config, [&] { return read_csv_files(config.csv, config.seed); });
  if (config.data == "idx") return read_idx_files(config.idx);
  return load_named_data(places, config.data);
}

Experiment::Experiment(const Config& config, const Places& places, int threads) : config_(config) {
  TrainTest data = load_config_data(config, places);
  check_layers(config, data.train);
  Split split = with_place(config, [&] { return carve_validation(data.train, config.validation_fraction, config.seed); });
  train_ = std::move(split.train);
  validation_ = std::move(split.validation);
  test_ = std::move(data.test);
  prints_ = {fingerprint(train_), fingerprint(validation_), fingerprint(test_)};

  Ledger initial;
  Run run{config.seed, threads, &initial, 0};
  network_ = std::make_unique<Network<float>>(build_network<float>(config.network(), run));
  if (config_.beta_auto) {
    beta_budget_ = starting_budget(config_, *network_, train_, threads);
    config_.train.beta = beta_budget_->chosen;
  }
  trainer_ = std::make_unique<Trainer<float>>(*network_, config_.train, config.seed, threads, train_.size());
  trainer_->ledger() += initial;
}

void Experiment::save(const std::filesystem::path& file) const { write_checkpoint(file, payload()); }

void Experiment::restore(const std::filesystem::path& file) { restore_payload(read_checkpoint(file), file.string()); }

std::vector<std::uint8_t> Experiment::payload() const {
  ByteWriter out;
  out.put_string(kPayload);
  out.put_string(program_version());
  out.put_string(config_identity(config_));
  for (const std::uint64_t print : prints_) out.put<std::uint64_t>(print);
  out.put<std::uint8_t>(test_accuracy ? 1 : 0);
  out.put<double>(test_accuracy.value_or(0));
  save_rows(rows, out);
  trainer_->save(out);
  return out.bytes();
}

void Experiment::restore_payload(std::span<const std::uint8_t> payload, const std::string& name) {
  // what throws below knows no file
  try {
    restore_parts(payload, name);
  } catch (const InputError& error) {
    if (!error.where().file.empty()) throw;
    throw error.at({name});
  }
}

void Experiment::restore_parts(std::span<const std::uint8_t> payload, const std::string& name) {
  ByteReader in(payload, name);
  const auto fail = [&](Code code, const std::string& message, const std::string& remedy) {
    throw InputError(code, {name}, message, remedy);
  };
  if (in.get_string() != kPayload) fail(Code::wrong_format, "a checkpoint of another program", "expected one of `eqprop train`");
  if (const std::string version = in.get_string(); version != program_version())
    fail(Code::other_version, fmt::format("written by eqprop {}, this is {}", version, program_version()),
         "use that version, or start the run anew");
  const std::string identity = config_identity(config_);
  if (const std::string before = in.get_string(); before != identity)
    throw InputError(Code::other_config, {name}, "the run was started with another config: " + first_difference(before, identity),
                     "give the config and --set options of then, or another --out");
  for (const std::uint64_t print : prints_)
    if (in.get<std::uint64_t>() != print) fail(Code::other_data, "the run was started with other data", "restore the data set of then");
  const bool tested = in.get<std::uint8_t>() != 0;
  const double accuracy = in.get<double>();
  rows = restore_rows(in);
  trainer_->restore(in);
  const int epochs = trainer_->epochs_done();
  if (static_cast<int>(rows.size()) != epochs || epochs > config_.train.epochs || (tested && epochs < config_.train.epochs))
    fail(Code::damaged, "history and trainer are not of the same epoch", "the file is damaged: start the run anew");
  if (!in.done()) fail(Code::damaged, "more bytes than a run has", "the file is damaged: start the run anew");
  test_accuracy = tested ? std::optional(accuracy) : std::nullopt;
}

}  // namespace eqprop
