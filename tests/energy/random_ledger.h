#pragma once
// Random ledgers for the property tests.
#include <random>

#include "energy/ledger.h"

namespace eqprop::testing {

/// About `entries` random additions over up to `layers` layers, every phase and event.
inline Ledger random_ledger(std::mt19937& engine, int layers, int entries) {
  const auto below = [&](int n) { return static_cast<int>(engine() % static_cast<unsigned>(n)); };
  const auto unit = [&] { return static_cast<double>(engine()) / 4294967296.0; };
  Ledger ledger;
  for (int i = 0; i < entries; ++i) {
    const int layer = below(layers);
    const PhaseId phase = static_cast<PhaseId>(below(static_cast<int>(kPhaseCount)));
    const Event event = static_cast<Event>(below(static_cast<int>(kEventCount)));
    const std::int64_t count = 1 + below(1000000);
    switch (below(3)) {
      case 0:
        ledger.add(layer, phase, event, count);
        break;
      case 1:
        ledger.add_power(layer, phase, event, count, 1e-3 * unit(), 1e-6 * unit());
        break;
      default:
        ledger.add_joule(layer, phase, event, count, 1e-9 * unit());
        break;
    }
  }
  return ledger;
}

}  // namespace eqprop::testing
