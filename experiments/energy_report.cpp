#include "experiments/energy_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/units.h"

namespace eqprop {
namespace {

using Json = nlohmann::ordered_json;

constexpr PriceLevel kLevels[] = {PriceLevel::min, PriceLevel::typical, PriceLevel::max};
constexpr const char* kIdealReason = "ideal couplings are mathematics without hardware: their energy is undefined";
constexpr std::size_t kPartsShown = 12;

std::string joules(double value) { return std::isnan(value) ? "unknown" : format_quantity(value, Unit::joule); }

EnergySplit divided(EnergySplit split, double by) {
  split.B0 /= by;
  split.B1 /= by;
  split.B2 /= by;
  for (auto& part : split.parts) part.joule /= by;
  return split;
}

Json boundaries(const EnergySplit& split) { return {{"B0", split.B0}, {"B1", split.B1}, {"B2", split.B2}}; }
Json ranks(const GpuEnergy& energy) { return {{"G0", energy.G0}, {"G1", energy.G1}, {"G2", energy.G2}}; }

// analog / GPU at the three pairs of equal ranks
struct Ratios {
  double rank[3];
};
Ratios ratios(const EnergySplit& analog, const GpuEnergy& gpu) {
  return {{energy_ratio(EnergyBoundary::B0, analog.B0, GpuRank::G0, gpu.G0),
           energy_ratio(EnergyBoundary::B1, analog.B1, GpuRank::G1, gpu.G1),
           energy_ratio(EnergyBoundary::B2, analog.B2, GpuRank::G2, gpu.G2)}};
}

std::string coupling_name(const Config& config, int layer) {
  const auto l = static_cast<std::size_t>(layer);
  return l + 1 < config.layers.size() ? fmt::format("{}-{}", config.layers[l], config.layers[l + 1]) : std::to_string(layer);
}

std::string analog_table(const EnergyReport& report, const Config& config) {
  std::string text = fmt::format("energy per training sample: {} samples trained, prices {}, loop {} (estimate)\n", report.samples,
                                 report.prices, report.loop);
  const auto row = [&](const char* name, double EnergySplit::*rank) {
    return fmt::format("  {:<62}{:>12}{:>12}{:>12}\n", name, joules(report.sample[0].*rank), joules(report.sample[1].*rank),
                       joules(report.sample[2].*rank));
  };
  text += fmt::format("  {:<62}{:>12}{:>12}{:>12}\n", "", "min", "typical", "max");
  text += row("B0  cells", &EnergySplit::B0);
  text += row("B1  B0 + converters, drivers, neurons, write circuits", &EnergySplit::B1);
  text += row("B2  B1 + digital control and buffers", &EnergySplit::B2);
  if (!report.reason.empty()) text += "  " + report.reason + "\n";

  auto parts = report.typical().parts;
  std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.joule > b.joule; });
  text += fmt::format("\nlargest parts, typical\n  {:<14}{:<12}{:<16}{:<10}{:>12}{:>12}\n", "coupling", "phase", "event", "boundary",
                      "per sample", "of B2");
  for (std::size_t i = 0; i < std::min(parts.size(), kPartsShown); ++i) {
    const auto& part = parts[i];
    text +=
        fmt::format("  {:<14}{:<12}{:<16}{:<10}{:>12}{:>10.1f} %\n", coupling_name(config, part.layer), phase_name(part.phase),
                    event_name(part.event), boundary_name(part.boundary), joules(part.joule), 100 * share(part.joule, report.typical().B2));
  }
  if (parts.size() > kPartsShown) text += fmt::format("  and {} smaller ones, see energy.json\n", parts.size() - kPartsShown);

  text += fmt::format("\nnot part of a training sample, in all (B0 / B1 / B2, typical)\n");
  for (const auto& [name, split] :
       {std::pair{"initial write, once", &report.initial_write}, {"evaluation", &report.evaluation}, {"calibration", &report.calibration}})
    text += fmt::format("  {:<26}{:>12}{:>12}{:>12}\n", name, joules(split->B0), joules(split->B1), joules(split->B2));
  return text;
}

// what stopped the sweep of batches where the largest is the best
const char* end_of_sweep(const EnergyReport& report) { return report.whole_set ? "the whole training set" : "the largest that was tried"; }

std::string gpu_table(const EnergyReport& report) {
  std::string text = fmt::format("\nbackprop of the same network on {}, per training sample ({})\n  {:<24}{:>12}{:>12}{:>12}\n", report.gpu,
                                 report.gpu_status, "", "G0", "G1", "G2");
  const std::string best = fmt::format("best batch, {:.0f}", report.best_batch.batch);
  const bool at_end = report.best_batch.batch >= report.largest_batch;
  const std::pair<std::string, const GpuEnergy*> rows[] = {{"batch 1", &report.batch_1}, {best, &report.best_batch}};
  for (const auto& [name, gpu] : rows)
    text += fmt::format("  {:<24}{:>12}{:>12}{:>12}\n", name, joules(gpu->G0), joules(gpu->G1), joules(gpu->G2));
  text += "  G0 arithmetic, G1 + caches and memory, G2 + constant power of the board\n";
  if (at_end) text += fmt::format("  the best batch is {}\n", end_of_sweep(report));
  if (report.ideal) return text;
  text += fmt::format("\nratio crossbar / GPU, equal ranks only (estimate)\n  {:<24}{:>12}{:>12}{:>12}\n", "", "B0/G0", "B1/G1", "B2/G2");
  for (const auto& [name, gpu] : rows) {
    const Ratios r = ratios(report.typical(), *gpu);
    text += fmt::format("  {:<24}{:>12.3g}{:>12.3g}{:>12.3g}\n", name, r.rank[0], r.rank[1], r.rank[2]);
  }
  return text +
         "  the GPU's figures are for one step of backprop of this network; accuracies of the two may differ, and so may the epochs they "
         "need\n";
}

std::string device_table(const Config& config, const LedgerFile& file) {
  const DevicePreset& device = config.crossbar.array.device;
  const Wear& wear = file.wear;
  std::string text =
      fmt::format("\ndevice {}: {} devices, {} pulses in training, {} in the initial write, most on one device {}", device.name,
                  wear.devices, pulses_of(file.ledger, kPhaseUpdate), pulses_of(file.ledger, kPhaseInitialWrite), wear.pulses_per_device);
  if (device.endurance_max > 0) {
    text +=
        fmt::format("; rated endurance {:.3g} .. {:.3g} pulses: {:.2g} .. {:.2g} of it used\n", device.endurance_min, device.endurance_max,
                    wear.pulses_per_device / device.endurance_max, share(wear.pulses_per_device, device.endurance_min));
  } else {
    text += "; no rated endurance known\n";
  }
  if (!device.assumed.empty()) text += fmt::format("  assumed, not measured: {}\n", fmt::join(device.assumed, ", "));
  if (!device.set.empty()) text += fmt::format("  set by the config: {}\n", fmt::join(device.set, ", "));
  return text;
}

}  // namespace

Prices Prices::read(const Places& places, const Config& config) {
  return {PriceList::read(price_file(places, config.prices, "energy.prices")),
          GpuModel::read(price_file(places, config.gpu, "energy.gpu"))};
}

bool is_training(PhaseId phase) { return phase <= kPhaseUpdate; }

EnergySplit training_energy(const Ledger& ledger, const PriceList& prices) { return price(ledger.phases(is_training), prices); }

EnergyReport energy_report(const Config& config, const LedgerFile& file, const Prices& prices) {
  EnergyReport report;
  report.ideal = config.coupling == Substrate::ideal;
  report.samples = file.samples_trained;
  report.prices = prices.list.name();
  report.gpu = prices.gpu.name;
  report.gpu_status = prices.gpu.status;
  report.batch_1 = gpu_energy(prices.gpu, backprop_workload(config.layers, 1));
  report.whole_set = file.training_samples <= kLargestGpuBatch;
  report.largest_batch = static_cast<int>(std::clamp<std::int64_t>(file.training_samples, 1, kLargestGpuBatch));
  report.best_batch = gpu_best_batch(prices.gpu, config.layers, report.largest_batch);
  if (report.ideal) {
    report.reason = kIdealReason;
    return report;
  }
  report.loop = config.crossbar.loop == Loop::digital ? "digital" : "analog";
  const auto samples = static_cast<double>(std::max<std::int64_t>(file.samples_trained, 1));
  const Ledger training = file.ledger.phases(is_training);
  for (std::size_t i = 0; i < std::size(kLevels); ++i) report.sample[i] = divided(price(training, prices.list, kLevels[i]), samples);
  const auto only = [&](PhaseId wanted) { return price(file.ledger.phases([&](PhaseId phase) { return phase == wanted; }), prices.list); };
  report.initial_write = only(kPhaseInitialWrite);
  report.evaluation = only(kPhaseEvaluate);
  report.calibration = only(kPhaseCalibrate);
  const ArrayOptions& array = config.crossbar.array;
  if (array.dac.bits == 0 || array.adc_forward.bits == 0 || array.adc_backward.bits == 0) {
    // ideal converters have no energy to count: what holds them is unknown, and null in JSON, never small
    report.reason = "converters are off (bits = 0), so B1 and B2, which hold them, are unknown";
    for (EnergySplit* split :
         {&report.sample[0], &report.sample[1], &report.sample[2], &report.initial_write, &report.evaluation, &report.calibration})
      split->B1 = split->B2 = std::numeric_limits<double>::quiet_NaN();
  }
  return report;
}

Json per_sample_json(const EnergyReport& report) { return report.ideal || report.samples == 0 ? Json() : boundaries(report.typical()); }

Json gpu_json(const EnergyReport& report) { return {{"batch_1", ranks(report.batch_1)}, {"best_batch", ranks(report.best_batch)}}; }

std::string best_batch_text(const EnergyReport& report) {
  if (report.best_batch.batch < report.largest_batch) return fmt::format("batch {:.0f}", report.best_batch.batch);
  return fmt::format("batch {:.0f} ({})", report.best_batch.batch, end_of_sweep(report));
}

Json energy_json(const EnergyReport& report, const Config& config, const LedgerFile& file) {
  Json out;
  out["format"] = "eqprop energy 1";
  out["status"] = "estimate";
  out["coupling"] = report.ideal ? "ideal" : "crossbar";
  out["samples_trained"] = report.samples;
  out["energy_per_sample_joule"] = per_sample_json(report);
  if (!report.reason.empty()) out["energy_reason"] = report.reason;
  if (!report.ideal) {
    out["loop"] = report.loop;
    out["prices"] = report.prices;
    out["energy_per_sample_joule_min"] = boundaries(report.sample[0]);
    out["energy_per_sample_joule_max"] = boundaries(report.sample[2]);
    out["parts_per_sample"] = Json::array();
    for (const auto& part : report.typical().parts) {
      out["parts_per_sample"].push_back({{"layer", part.layer},
                                         {"phase", phase_name(part.phase)},
                                         {"event", event_name(part.event)},
                                         {"boundary", boundary_name(part.boundary)},
                                         {"joule", part.joule}});
    }
    out["initial_write_joule"] = boundaries(report.initial_write);
    out["evaluation_joule"] = boundaries(report.evaluation);
    out["calibration_joule"] = boundaries(report.calibration);
  }
  out["gpu"] = {{"name", report.gpu},
                {"status", report.gpu_status},
                {"best_batch_size", report.best_batch.batch},
                {"largest_batch_size", report.largest_batch}};
  out["gpu_energy_per_sample_joule"] = gpu_json(report);
  if (report.ideal) return out;
  for (const auto& [name, gpu] : {std::pair{"ratio_batch_1", &report.batch_1}, {"ratio_best_batch", &report.best_batch}}) {
    if (report.samples == 0) break;
    const Ratios r = ratios(report.typical(), *gpu);
    out[name] = {{"B0/G0", r.rank[0]}, {"B1/G1", r.rank[1]}, {"B2/G2", r.rank[2]}};
  }
  const DevicePreset& device = config.crossbar.array.device;
  out["device"] = {{"name", device.name},
                   {"devices", file.wear.devices},
                   {"pulses", pulses_of(file.ledger, kPhaseUpdate)},
                   {"initial_write_pulses", pulses_of(file.ledger, kPhaseInitialWrite)},
                   {"pulses_per_device_max", file.wear.pulses_per_device},
                   {"endurance", {device.endurance_min, device.endurance_max}},
                   {"assumed", device.assumed},
                   {"set_by_config", device.set}};
  return out;
}

std::string energy_table(const EnergyReport& report, const Config& config, const LedgerFile& file) {
  if (report.ideal) return "no energy: " + report.reason + "\n" + gpu_table(report);
  return analog_table(report, config) + gpu_table(report) + device_table(config, file);
}

}  // namespace eqprop
