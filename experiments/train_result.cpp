// The result of a run: the object of `train --json`, and a few lines for people.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "experiments/progress.h"
#include "experiments/train_run.h"

namespace eqprop {

using Json = nlohmann::ordered_json;

namespace {

// how reads met the wires, by the rule of crossbar/wire_rule.h, and how stale the effective matrices became, measured at every rebuild
std::string wires_text(const TrainResult& result) {
  const WireUse& use = result.wire_use;
  if (result.wires.empty() || result.wires == "lumped") return result.wires.empty() ? "" : fmt::format("  wires        {}\n", result.wires);
  std::string out = fmt::format("  wires        {}", result.wires);
  const auto way = [&](std::int64_t tiles, const char* what, double taken, const char* other, double instead) {
    if (tiles > 0)
      out += fmt::format("{} reads of {} tile{} are {}: an update and its reads take {:.3g} solves, {} would take {:.3g}",
                         out.ends_with(result.wires) ? ":" : ";", tiles, tiles == 1 ? "" : "s", what, taken, other, instead);
  };
  way(use.tiles - use.solving, "products", use.cost.matrices, "solving", use.cost.solves);
  way(use.solving, "solves", use.solving_cost.solves, "matrices", use.solving_cost.matrices);
  return out +
         fmt::format(
             "\n               {} solves for matrices, rebuilt after {:.3g} updates in the mean; their error before {:.2g} (mean), {:.2g} "
             "(largest), of their power {:.2g} at most\n",
             short_count(static_cast<double>(use.solves)), share(static_cast<double>(use.updates), static_cast<double>(use.rebuilds)),
             use.stale_error, use.stale_error_max, use.stale_power);
}

std::string faults_text(const FaultReport& faults) {
  const auto percent = [&](std::int64_t count) { return 100 * share(static_cast<double>(count), static_cast<double>(faults.devices)); };
  std::string text;
  if (faults.faulty + faults.repaired > 0)
    text += fmt::format("  faults       {} of {} devices ({:.2g} %) no pulse moves; {} columns replaced by spares\n", faults.faulty,
                        faults.devices, percent(faults.faulty), faults.repaired);
  if (faults.missed > 0)
    text += fmt::format("  first write  {} of {} devices ({:.2g} %) not within write_tolerance\n", faults.missed, faults.devices,
                        percent(faults.missed));
  return text;
}

// cold solves that an update and its reads take, over the tiles that are read in one way
Json wire_cost_json(const WireCost& cost) { return {{"solves_by_matrices", cost.matrices}, {"solves_by_reads", cost.solves}}; }

}  // namespace

Json result_json(const TrainResult& result) {
  const EpochSums sums = total(result.rows);
  const auto settles = static_cast<double>(sums.settles);
  Json out;
  out["validation_accuracy"] = result.validation_accuracy();
  out["test_accuracy"] = result.test_accuracy;
  out["epochs"] = result.rows.size();
  out["samples_per_second"] = samples_per_second(result.rows);
  out["sweeps_mean"] = share(static_cast<double>(sums.sweeps), settles);
  out["converged_fraction"] = share(static_cast<double>(sums.converged), settles);
  out["noise_floor_fraction"] = share(static_cast<double>(sums.noise_floor), settles);
  out["pulses"] = result.rows.back().pulses;
  out["pulses_per_device_max"] = result.rows.back().pulses_per_device_max;
  if (!result.wires.empty())
    out["wires"] = {{"model", result.wires},
                    {"rebuilds", result.wire_use.rebuilds},
                    {"solves", result.wire_use.solves},
                    {"updates", result.wire_use.updates},
                    {"reads", result.wire_use.reads},
                    {"tiles", result.wire_use.tiles},
                    {"tiles_solving", result.wire_use.solving},
                    {"products", wire_cost_json(result.wire_use.cost)},
                    {"solving", wire_cost_json(result.wire_use.solving_cost)},
                    {"stale_error_mean", result.wire_use.stale_error},
                    {"stale_error_max", result.wire_use.stale_error_max},
                    {"stale_power_max", result.wire_use.stale_power}};
  out["energy_per_sample_joule"] = per_sample_json(result.energy);
  if (!result.energy.reason.empty()) out["energy_reason"] = result.energy.reason;
  out["gpu_energy_per_sample_joule"] = gpu_json(result.energy);
  out["seed"] = result.seed;
  return out;
}

std::string result_text(const TrainResult& result) {
  const EpochSums sums = total(result.rows);
  const auto settles = static_cast<double>(sums.settles);
  const auto joules = [](double value) { return std::isnan(value) ? std::string("unknown") : format_quantity(value, Unit::joule); };
  const double rate = samples_per_second(result.rows);  // 0 when no epoch's time is known
  std::string text =
      fmt::format("seed {}: test {:.2f} %, validation {:.2f} % after {} epochs{}\n", result.seed, 100 * result.test_accuracy,
                  100 * result.validation_accuracy(), result.rows.size(), rate > 0 ? fmt::format(", {:.0f} samples/s", rate) : "");
  text +=
      fmt::format("  settling     {}, {:.1f} sweeps per phase; {:.1f} % to tolerance, {:.1f} % to the noise floor\n",
                  path_name(result.rows), share(static_cast<double>(sums.sweeps), settles),
                  100 * share(static_cast<double>(sums.converged), settles), 100 * share(static_cast<double>(sums.noise_floor), settles));
  text += wires_text(result);
  text += faults_text(result.faults);
  const EnergyReport& energy = result.energy;
  if (energy.ideal) {
    text += "  energy       none: " + energy.reason + "\n";
  } else {
    const EpochRow& last = result.rows.back();
    text += fmt::format("  programming  {} pulses, {} more in the initial write; most on one device {}\n",
                        short_count(static_cast<double>(last.pulses)), short_count(static_cast<double>(last.initial_write_pulses)),
                        last.pulses_per_device_max);
    text += fmt::format("  time         {} of hardware per sample, settling only, simulated\n",
                        format_quantity(share(sums.hardware_second, static_cast<double>(sums.samples)), Unit::second));
    text += fmt::format("  energy       per sample: B0 {}, B1 {}, B2 {} (estimate, {}, {} loop)\n", joules(energy.typical().B0),
                        joules(energy.typical().B1), joules(energy.typical().B2), energy.prices, energy.loop);
  }
  text += fmt::format("  beside it    one step of backprop of the same network on {} ({}), per sample:\n", energy.gpu, energy.gpu_status);
  const std::pair<std::string, const GpuEnergy*> rows[] = {{"batch 1", &energy.batch_1}, {best_batch_text(energy), &energy.best_batch}};
  for (const auto& [name, gpu] : rows)
    text += fmt::format("               {}: G0 {}, G1 {}, G2 {}\n", name, joules(gpu->G0), joules(gpu->G1), joules(gpu->G2));
  return text;
}

}  // namespace eqprop
