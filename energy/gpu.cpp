#include "energy/gpu.h"

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "energy/price_file.h"

namespace eqprop {
namespace {

constexpr double kBytesPerNumber = 4;  // float32

// the end of a rate's range that costs as much as `level` says: a high rate is cheap
double rate_at(const Price& rate, PriceLevel level) {
  return level == PriceLevel::min ? rate.max : level == PriceLevel::max ? rate.min : rate.typical;
}

}  // namespace

Workload backprop_workload(const std::vector<int>& widths, int batch) {
  check(widths.size() >= 2, "backprop_workload: at least an input and an output layer");
  check(std::all_of(widths.begin(), widths.end(), [](int n) { return n >= 1; }), "backprop_workload: every layer has a unit");
  check(batch >= 1, "backprop_workload: at least one sample");

  double weights = 0;
  double units = 0;
  for (std::size_t l = 1; l < widths.size(); ++l) {
    weights += static_cast<double>(widths[l]) * widths[l - 1];
    units += widths[l];
  }
  const double first = static_cast<double>(widths[0]) * widths[1];  // weights below which nobody asks for a gradient
  const double outputs = widths.back();
  const double hidden = units - outputs;
  const double B = batch;

  Workload work;
  work.batch = B;
  work.flops = 2 * B * (3 * weights - first) + B * (3 * units + outputs + 2 * hidden) + 2 * (weights + units);
  const double parameters = 5 * (weights + units) + (weights - first);
  const double activations = B * (2.0 * widths[0] + 7 * units + 4 * hidden + units - widths[1]);
  work.bytes = kBytesPerNumber * (parameters + activations);
  work.launches = 6.0 * static_cast<double>(widths.size() - 1);
  return work;
}

GpuModel GpuModel::read(const std::filesystem::path& file) { return parse(read_text(file), file.string()); }

GpuModel GpuModel::parse(const std::string& text, const std::string& name) {
  const PriceFile file = parse_price_file(text, name,
                                          {{"flop", "J per FLOP", "G0", EnergyBoundary::B0},
                                           {"byte", "J per byte", "G1", EnergyBoundary::B1},
                                           {"constant_power", "W", "G2", EnergyBoundary::B2},
                                           {"launch_time", "s per launch", "G2", EnergyBoundary::B2},
                                           {"flop_rate", "FLOP/s", "G2", EnergyBoundary::B2},
                                           {"bandwidth", "byte/s", "G2", EnergyBoundary::B2}});
  if (file.status != "measured" && file.status != "estimate" && file.status != "bound")
    throw InputError(Code::bad_price, {name}, "status \"" + file.status + "\" is not known", "accepted: measured, estimate, bound");
  if (!(file.prices[4].min > 0 && file.prices[5].min > 0))
    throw InputError(Code::bad_price, {name}, "`flop_rate` and `bandwidth` must be above 0");
  return {file.name, file.status, file.prices[0], file.prices[1], file.prices[2], file.prices[3], file.prices[4], file.prices[5]};
}

GpuEnergy gpu_energy(const GpuModel& gpu, const Workload& work, PriceLevel level) {
  check(work.batch >= 1, "gpu_energy: at least one sample");
  const double time = std::max(
      {work.flops / rate_at(gpu.flop_rate, level), work.bytes / rate_at(gpu.bandwidth, level), work.launches * gpu.launch_time.at(level)});
  const double arithmetic = work.flops * gpu.flop.at(level);
  const double memory = work.bytes * gpu.byte.at(level);
  GpuEnergy energy;
  energy.batch = work.batch;
  energy.G0 = arithmetic / work.batch;
  energy.G1 = energy.G0 + memory / work.batch;
  energy.G2 = energy.G1 + gpu.constant_power.at(level) * time / work.batch;
  return energy;
}

GpuEnergy gpu_best_batch(const GpuModel& gpu, const std::vector<int>& widths, int largest, PriceLevel level) {
  check(largest >= 1, "gpu_best_batch: at least one sample");
  GpuEnergy best = gpu_energy(gpu, backprop_workload(widths, largest), level);
  for (std::int64_t batch = 1; batch < largest; batch *= 2) {
    const GpuEnergy energy = gpu_energy(gpu, backprop_workload(widths, static_cast<int>(batch)), level);
    if (energy.G2 < best.G2) best = energy;
  }
  return best;
}

double energy_ratio(EnergyBoundary analog_rank, double analog_joule, GpuRank gpu_rank, double gpu_joule) {
  if (static_cast<int>(analog_rank) != static_cast<int>(gpu_rank))
    throw InputError(Code::ranks, {},
                     "no ratio of " + std::string(boundary_name(analog_rank)) + " to G" + std::to_string(static_cast<int>(gpu_rank)) +
                         ": the ranks differ",
                     "compare B0 with G0, B1 with G1, B2 with G2");
  check(gpu_joule > 0, "energy_ratio: the GPU's energy must be positive");
  return analog_joule / gpu_joule;
}

}  // namespace eqprop
