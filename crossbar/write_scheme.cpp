#include "crossbar/write_scheme.h"

#include <cmath>
#include <span>
#include <string>

#include "base/check.h"
#include "crossbar/option_check.h"

namespace eqprop {
namespace {

constexpr int kCells = 960;            // of the table of a sinh law
constexpr int kIntegratedCells = 384;  // each is an integration

/// [S] what a pulse of `volt` does to the nominal device at the middle of its window.
template <class Law>
double integrated_move(const Law& law, const DevicePreset& d, double volt) {
  if (volt == 0) return 0;
  const double middle = (d.G_min + d.G_max) / 2;
  const double state = law.model.state(middle, d.read_volt);
  double move = 0;
  const PulseShape shape = PulseShape::pulse(volt, d.pulse_second, law.edge_second);
  const IntegrateReport report = pulse_moves<double>(law.model, shape, std::span(&state, 1), std::span(&move, 1),
                                                     {.relative = 1e-7, .absolute = 1e-13, .max_steps = 20000});
  if (!report.done)
    throw InputError(Code::out_of_range, {}, "a pulse of " + short_number(volt) + " V cannot be integrated",
                     "mend the parameters of the law, or lower the volts");
  return law.model.conductance(state + move, d.read_volt) - law.model.conductance(state, d.read_volt);
}

/// r(f) of the device alone.
double device_share(const DevicePreset& d, double f, bool set) {
  if (!d.law_integrates()) return sinh_share(f, d.half_step);
  const double volt = set ? d.set_volt : d.reset_volt;
  return std::visit(
      [&]<class Law>(const Law& law) {
        if constexpr (NeedsIntegration<Law>)
          return integrated_move(law, d, f * volt) / integrated_move(law, d, volt);
        else
          return 0.0;
      },
      d.law);
}

}  // namespace

double sinh_share(double f, double half) {
  const double k = 2 * std::acosh(1 / (2 * half));
  if (k < 1e-6) return f;
  return std::exp(k * (f - 1)) * std::expm1(-2 * k * f) / std::expm1(-2 * k);
}

void WriteScheme::validate(const DevicePreset& device) const {
  check_option("scheme.nonlinearity", nonlinearity, 2, 1e12);
  check_option("scheme.segment_ohm [ohm]", segment_ohm, 0, 1e9);
  check_option("scheme.driver_ohm [ohm]", driver_ohm, 0, 1e9);
  if (nonlinearity > 2 && !disturbs())
    throw InputError(Code::conflict, {},
                     "crossbar.write_nonlinearity is of cells that are half-selected, and half_select = \"gated\" has none",
                     "set half_select to \"half\" or \"third\", or write_nonlinearity to 2");
  if (!disturbs() && !drops()) return;
  const std::string key = disturbs()        ? "crossbar.half_select"
                          : segment_ohm > 0 ? "crossbar.write_segment_resistance"
                                            : "crossbar.write_driver_resistance";
  if (device.kind == DeviceKind::verify_only)
    throw InputError(Code::device, {}, key + ": device " + device.name + " has no pulse law (verify_only)",
                     "choose a device of kind pulse, or half_select = \"gated\" and no write resistances");
  if (!device.law_integrates() && device.half_step == 0)
    throw InputError(Code::device, {}, key + ": device " + device.name + " does not state what a pulse of half its voltage does",
                     "set device.half_step, its step at half the voltage over that of a full pulse, above 0 and at most 0.5");
}

PulseStrength::PulseStrength(const DevicePreset& device, const WriteScheme& scheme) {
  const auto current = [&](double f) { return sinh_share(f, 1 / scheme.nonlinearity); };
  const auto share = [&](double f, bool set) { return f == 0 ? 0 : device_share(device, f, set) * current(f) / f; };
  const double f = scheme.half_select == HalfSelect::third ? 1.0 / 3 : 0.5;
  const double volts[2] = {-device.reset_volt, device.set_volt};
  for (const bool set : {false, true}) {
    if (scheme.disturbs()) {
      direct[set] = share(f, set);
      heat[set] = f * current(f) * volts[set] * volts[set] * device.pulse_second;
    }
    if (scheme.half_select == HalfSelect::third) {
      opposite[set] = share(f * volts[!set] / volts[set], set);
      heat_rest[set] = heat[set];
    }
    if (!scheme.drops()) continue;
    const int cells = device.law_integrates() ? kIntegratedCells : kCells;
    for (int i = 0; i <= cells; ++i) table_[set].push_back(static_cast<float>(share(static_cast<double>(i) / cells, set)));
  }
}

}  // namespace eqprop
