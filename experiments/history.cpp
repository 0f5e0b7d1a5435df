#include "experiments/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/check.h"
#include "eqprop/train/ledger_bytes.h"
#include "experiments/run_warnings.h"

namespace eqprop {

using Json = nlohmann::ordered_json;

constexpr const char* kLedgerRemedy = "expected the ledger.json of a run folder of `eqprop train`";

std::int64_t pulses_of(const Ledger& ledger, PhaseId wanted) {
  const Ledger phase = ledger.phases([&](PhaseId p) { return p == wanted; });
  return phase.total(Event::pulse_set).count + phase.total(Event::pulse_reset).count;
}

void save_rows(const std::vector<EpochRow>& rows, ByteWriter& out) {
  out.put<std::uint64_t>(rows.size());
  for (const EpochRow& row : rows) {
    const EpochSums& s = row.sums;
    out.put<std::int32_t>(row.epoch);
    for (const std::int64_t v : {s.samples, s.correct, s.settles, s.sweeps, s.converged, s.noise_floor, s.diverged, s.dropped, row.pulses,
                                 row.initial_write_pulses})
      out.put(v);
    for (const double v :
         {s.cost, s.hardware_second, row.validation_accuracy, row.free_potential, row.residual, row.joule[0], row.joule[1], row.joule[2]})
      out.put(v);
    out.put(row.pulses_per_device_max);
    out.put<std::uint8_t>(row.priced ? 1 : 0);
    out.put<std::uint8_t>(static_cast<std::uint8_t>(row.path));
  }
}

std::vector<EpochRow> restore_rows(ByteReader& in) {
  const auto need = [](bool ok) {
    if (!ok)
      throw InputError(Code::damaged, {}, "the checkpoint's history has an epoch or an amount out of range",
                       "the file is damaged: start the run anew");
  };
  std::vector<EpochRow> rows;
  const auto count = in.get<std::uint64_t>();
  const std::uint64_t most = static_cast<std::uint64_t>(kLargestCount) / std::max<std::uint64_t>(count, 1);  // so that sums do not overflow
  for (std::uint64_t i = 0; i < count; ++i) {
    EpochRow row;
    EpochSums& s = row.sums;
    row.epoch = in.get<std::int32_t>();
    need(row.epoch > 0 && static_cast<std::uint64_t>(row.epoch) == i + 1);
    for (std::int64_t* v : {&s.samples, &s.correct, &s.settles, &s.sweeps, &s.converged, &s.noise_floor, &s.diverged, &s.dropped,
                            &row.pulses, &row.initial_write_pulses}) {
      *v = in.get<std::int64_t>();
      need(*v >= 0 && static_cast<std::uint64_t>(*v) <= most);
    }
    for (double* v : {&s.cost, &s.hardware_second, &row.validation_accuracy, &row.free_potential, &row.residual, &row.joule[0],
                      &row.joule[1], &row.joule[2]})
      *v = in.get<double>();
    row.pulses_per_device_max = in.get<std::uint32_t>();
    row.priced = in.get<std::uint8_t>() != 0;
    const auto path = in.get<std::uint8_t>();
    need(path <= static_cast<std::uint8_t>(Path::deep));
    row.path = static_cast<Path>(path);
    rows.push_back(row);
  }
  return rows;
}

EpochSums total(const std::vector<EpochRow>& rows) {
  EpochSums sum;
  for (const EpochRow& row : rows) {
    sum.samples += row.sums.samples;
    sum.correct += row.sums.correct;
    sum.cost += row.sums.cost;
    sum.settles += row.sums.settles;
    sum.sweeps += row.sums.sweeps;
    sum.converged += row.sums.converged;
    sum.noise_floor += row.sums.noise_floor;
    sum.diverged += row.sums.diverged;
    sum.dropped += row.sums.dropped;
    sum.hardware_second += row.sums.hardware_second;
  }
  return sum;
}

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

std::string_view path_name(const std::vector<EpochRow>& rows) { return path_name(rows.empty() ? Path::general : rows.back().path); }

std::string_view metrics_header() {
  return "epoch,train_accuracy,train_cost,validation_accuracy,free_potential,residual,sweeps_mean,converged_fraction,noise_floor_fraction,"
         "pulses,"
         "pulses_per_device_max,energy_B0_joule,energy_B1_joule,energy_B2_joule,samples_per_second";
}

std::string metrics_csv(const std::vector<EpochRow>& rows) {
  std::string text = std::string(metrics_header()) + "\n";
  EpochRow before;
  for (const EpochRow& row : rows) {
    const auto samples = static_cast<double>(row.sums.samples);
    const auto settles = static_cast<double>(row.sums.settles);
    // the cost of an epoch that diverged means nothing, finite or not
    const std::string cost =
        std::isfinite(row.sums.cost) && !is_hopeless(row.sums) ? fmt::format("{:.6g}", share(row.sums.cost, samples)) : "";
    const std::string potential = std::isfinite(row.free_potential) ? fmt::format("{:.6g}", row.free_potential) : "";
    const std::string residual = std::isfinite(row.residual) ? fmt::format("{:.6g}", row.residual) : "";
    text += fmt::format("{},{:.6g},{},{:.6g},{},{},{:.6g},{:.6g},{:.6g},{},{}", row.epoch,
                        share(static_cast<double>(row.sums.correct), samples), cost, row.validation_accuracy, potential, residual,
                        share(static_cast<double>(row.sums.sweeps), settles), share(static_cast<double>(row.sums.converged), settles),
                        share(static_cast<double>(row.sums.noise_floor), settles), row.pulses, row.pulses_per_device_max);
    // joules of this epoch alone, per sample; an empty cell where there is no number
    for (int b = 0; b < 3; ++b) text += row.priced ? fmt::format(",{:.6g}", share(row.joule[b] - before.joule[b], samples)) : ",";
    // digits enough that a rate read back is printed as it was
    text += row.seconds > 0 ? fmt::format(",{:.10g}\n", samples / row.seconds) : ",\n";
    before = row;
  }
  return text;
}

void read_seconds(const std::filesystem::path& metrics, std::vector<EpochRow>& rows) {
  std::ifstream in(metrics);
  std::string line;
  if (!std::getline(in, line) || line != metrics_header()) return;
  for (EpochRow& row : rows) {
    if (!std::getline(in, line)) return;
    const std::string cell = line.substr(line.rfind(',') + 1);
    double rate = 0;
    std::from_chars(cell.data(), cell.data() + cell.size(), rate);
    if (line.starts_with(std::to_string(row.epoch) + ",") && rate > 0) row.seconds = static_cast<double>(row.sums.samples) / rate;
  }
}

double samples_per_second(const std::vector<EpochRow>& rows) {
  double samples = 0, seconds = 0;
  for (const EpochRow& row : rows) {
    if (row.seconds <= 0) continue;
    samples += static_cast<double>(row.sums.samples);
    seconds += row.seconds;
  }
  return share(samples, seconds);
}

std::string ledger_json(const LedgerFile& file) {
  Json out;
  out["format"] = "eqprop ledger 1";
  out["samples_trained"] = file.samples_trained;
  out["training_samples"] = file.training_samples;
  out["devices"] = file.wear.devices;
  out["pulses"] = pulses_of(file.ledger, kPhaseUpdate);
  out["initial_write_pulses"] = pulses_of(file.ledger, kPhaseInitialWrite);
  out["pulses_per_device_max"] = file.wear.pulses_per_device;
  out["pulses_clipped"] = file.wear.clipped;
  out["changes_capped"] = file.wear.capped;
  out["entries"] = Json::array();
  file.ledger.for_each([&](int layer, PhaseId phase, Event event, const Entry& entry) {
    out["entries"].push_back({{"layer", layer},
                              {"phase", phase_name(phase)},
                              {"event", event_name(event)},
                              {"count", entry.count},
                              {"watt", entry.watt},
                              {"second", entry.second},
                              {"joule", entry.joule}});
  });
  return out.dump(1) + "\n";
}

LedgerFile read_ledger_json(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw InputError(Code::missing_file, {path.string()}, "no ledger that can be read here", kLedgerRemedy);
  return parse_ledger_json({std::istreambuf_iterator<char>(in), {}}, path.string());
}

namespace {

// a whole number of this key; what JSON converts in silence (fractions, true, too many bits) is refused
std::int64_t whole(const Json& json, const char* key, std::int64_t high = kLargestCount) {
  const Json& value = json.at(key);
  const bool fits = value.is_number_unsigned() && value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high);
  if (!fits) throw std::out_of_range(fmt::format("`{}` = {}: expected a whole number 0 .. {}", key, value.dump(), high));
  return value.get<std::int64_t>();
}

double amount(const Json& json, const char* key) {
  const Json& value = json.at(key);
  const double x = value.is_number() ? value.get<double>() : -1;
  if (!(x >= 0)) throw std::out_of_range(fmt::format("`{}` = {}: expected a number of at least 0", key, value.dump()));
  return x;
}

}  // namespace

LedgerFile parse_ledger_json(const std::string& text, const std::string& name) {
  const auto fail = [&](const std::string& message) { throw InputError(Code::bad_ledger, {name}, message, kLedgerRemedy); };
  LedgerFile file;
  try {
    const Json json = Json::parse(text);
    if (json.at("format") != "eqprop ledger 1") fail("another format than \"eqprop ledger 1\"");
    file.samples_trained = whole(json, "samples_trained");
    file.training_samples = whole(json, "training_samples");
    file.wear.devices = whole(json, "devices");
    file.wear.pulses = whole(json, "pulses", kLargestCount / 2) + whole(json, "initial_write_pulses", kLargestCount / 2);
    file.wear.pulses_per_device =
        static_cast<std::uint32_t>(whole(json, "pulses_per_device_max", std::numeric_limits<std::uint32_t>::max()));
    file.wear.clipped = whole(json, "pulses_clipped");
    file.wear.capped = whole(json, "changes_capped");
    std::int64_t room = kLargestCount / 2;  // for the sum of all counts
    for (const Json& item : json.at("entries")) {
      const Entry entry{whole(item, "count", room), amount(item, "watt"), amount(item, "second"), amount(item, "joule")};
      const int layer = static_cast<int>(whole(item, "layer", kLayerLimit - 1));
      const PhaseId phase = phase_from_name(item.at("phase").get<std::string>());
      const Event event = event_from_name(item.at("event").get<std::string>());
      if (!(file.ledger.at(layer, phase, event) == Entry{}))
        fail(fmt::format("layer {} has `{}` in phase `{}` twice", layer, event_name(event), phase_name(phase)));
      file.ledger.add_entry(layer, phase, event, entry);
      room -= entry.count;
    }
  } catch (const Json::exception& error) {
    fail(std::string("not a ledger: ") + error.what());
  } catch (const InputError& error) {
    if (!error.where().file.empty()) throw;
    throw error.at({name});
  } catch (const std::out_of_range& error) {
    fail(std::string("not a ledger: ") + error.what());
  }
  return file;
}

}  // namespace eqprop
