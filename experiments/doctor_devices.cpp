// The doctor's look at the devices: bounds of their window, stuck ones, pulses in vain, wear.
#include <fmt/format.h>

#include "eqprop/model/crossbar_coupling.h"
#include "experiments/doctor.h"
#include "experiments/progress.h"

namespace eqprop {
namespace {

struct PlaneCount {
  std::int64_t devices = 0;
  std::int64_t stuck = 0;
  std::int64_t stuck_driven = 0;  // stuck devices that got pulses
  std::int64_t at_low = 0;        // of those that move: within 1 % of the window of their own bound
  std::int64_t at_high = 0;
};

void count(const DevicePlane& plane, float near, PlaneCount& out) {
  for (Eigen::Index i = 0; i < plane.g.size(); ++i) {
    ++out.devices;
    if (plane.up.data()[i] == 0 && plane.down.data()[i] == 0) {
      ++out.stuck;
      out.stuck_driven += plane.pulses.data()[i] > 0 ? 1 : 0;
      continue;
    }
    const float g = (plane.hidden.size() ? plane.hidden : plane.g).data()[i];
    out.at_low += g <= plane.low.data()[i] + near ? 1 : 0;
    out.at_high += g >= plane.high.data()[i] - near ? 1 : 0;
  }
}

void look_at_array(std::size_t coupling, const Array& array, Findings& out) {
  PlaneCount planes[2];
  const auto near = static_cast<float>(0.01 * array.options().device.window());
  for (const Tile& tile : array.tiles()) {
    count(tile.plus, near, planes[0]);
    count(tile.minus, near, planes[1]);
  }
  const PlaneCount &plus = planes[0], &minus = planes[1];
  const auto devices = static_cast<double>(plus.devices + minus.devices);
  const auto stuck = static_cast<double>(plus.stuck + minus.stuck);
  if (const auto severity = stuck > 0 ? grade(stuck / devices, 0, 0.05) : std::nullopt)
    out.push_back(
        {Code::devices_stuck,
         *severity,
         fmt::format("coupling {}: {:.2g} % of the devices do not move (G+ {} of {}, G- {} of {}); {} of them got pulses", coupling + 1,
                     100 * stuck / devices, plus.stuck, plus.devices, minus.stuck, minus.devices, plus.stuck_driven + minus.stuck_driven),
         {{"coupling", static_cast<double>(coupling + 1)},
          {"stuck_fraction", stuck / devices},
          {"stuck_plus", static_cast<double>(plus.stuck)},
          {"stuck_minus", static_cast<double>(minus.stuck)}}});
  const double low = share(static_cast<double>(plus.at_low + minus.at_low), devices - stuck);
  const double high = share(static_cast<double>(plus.at_high + minus.at_high), devices - stuck);
  if (const auto severity = grade(low + high, 0.05, 0.2))
    out.push_back(
        {Code::devices_at_bound,
         *severity,
         fmt::format(
             "coupling {}: {:.0f} % of the devices stand at the lower and {:.0f} % at the upper bound of their window; weights go to "
             "+-{:.3g}",
             coupling + 1, 100 * low, 100 * high, array.weight_max()),
         {{"coupling", static_cast<double>(coupling + 1)}, {"at_low_fraction", low}, {"at_high_fraction", high}}});
}

}  // namespace

void look_at_devices(const Patient& patient, Findings& out) {
  const Network<float>& network = patient.experiment.network();
  for (int c = 0; c < network.coupling_count(); ++c)
    if (const auto* crossbar = dynamic_cast<const CrossbarCoupling<float>*>(&network.coupling(c)))
      look_at_array(static_cast<std::size_t>(c), crossbar->array(), out);

  const Wear wear = patient.experiment.trainer().wear();
  if (wear.devices == 0) return;
  const auto pulses = static_cast<double>(pulses_of(patient.experiment.trainer().ledger(), kPhaseUpdate));
  const double clipped = share(static_cast<double>(wear.clipped), pulses), capped = share(static_cast<double>(wear.capped), pulses);
  if (const auto severity = grade(clipped, 0.05, 0.2))
    out.push_back(
        {Code::pulses_clipped,
         *severity,
         fmt::format("{:.0f} % of {} training pulses ended at a bound of the conductance window", 100 * clipped, short_count(pulses)),
         {{"clipped_fraction", clipped}}});
  if (const auto severity = grade(capped, 0.05, 0.2))
    out.push_back({Code::changes_capped,
                   *severity,
                   fmt::format("{} wanted changes were cut to crossbar.max_pulses = {}, beside {} pulses written",
                               short_count(static_cast<double>(wear.capped)), patient.experiment.config().crossbar.array.plan.max_pulses,
                               short_count(pulses)),
                   {{"capped_per_pulse", capped}}});
  const DevicePreset& device = patient.experiment.config().crossbar.array.device;
  const double used = share(wear.pulses_per_device, device.endurance_min);
  if (const auto severity = grade(used, 0.1, 1))
    out.push_back({Code::endurance_used,
                   *severity,
                   fmt::format("{} pulses on the most used device of {}, rated for {:.3g} to {:.3g}", wear.pulses_per_device, device.name,
                               device.endurance_min, device.endurance_max),
                   {{"pulses", static_cast<double>(wear.pulses_per_device)}, {"rated_min", device.endurance_min}}});
}

}  // namespace eqprop
