#pragma once
// Pulses on a tile, whom they half-select, and devices that answer for weaker pulses: shared by tests of write schemes.
#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "crossbar/disturb.h"
#include "tests/crossbar/sample_arrays.h"

namespace eqprop::testing {

using Eigen::Index;

/// One pulse on a device of a tile.
struct Pulse {
  Index line, output;
  int plane;
  bool set;
  Index column() const { return 2 * output + plane; }
};

/// Pulses on random devices, ordered as write-verify goes: line after line, G+ first, output after output.
inline std::vector<Pulse> random_pulses(Index outputs, Index lines, double share, std::uint32_t draw) {
  const RandomKey key(11, Purpose::test);
  std::vector<Pulse> out;
  for (Index line = 0; line < lines; ++line)
    for (int plane = 0; plane < 2; ++plane)
      for (Index j = 0; j < outputs; ++j) {
        const auto u = [&](std::uint32_t what) {
          return double{key.uniform({.step = draw, .sample = what}, static_cast<std::uint32_t>((line * 2 + plane) * outputs + j))};
        };
        if (u(0) >= share) continue;
        const int n = 1 + static_cast<int>(3 * u(1));
        for (int p = 0; p < n; ++p) out.push_back({line, j, plane, u(2) < 0.7});
      }
  return out;
}

inline PulseTally tallied(const std::vector<Pulse>& pulses, Index outputs, Index lines) {
  PulseTally tally(outputs, lines);
  for (Index b = 0; b * kLineBlock < lines; ++b) tally.clear(b);
  for (const Pulse& p : pulses) tally.add(p.plane, p.set, p.output, p.line, 1);
  tally.sum();
  return tally;
}

/// Every half pulse on one device, one by one: of a pulse on its line or column, or elsewhere.
struct Seen {
  double direct[2] = {0, 0}, rest[2] = {0, 0};
};
inline Seen seen_by(Index line, Index output, int plane, HalfOrder order, const std::vector<Pulse>& pulses) {
  Seen seen;
  const Index column = 2 * output + plane;
  const auto rank = [](Index l, int side, Index j) { return std::tuple(l, side, j); };
  for (const Pulse& p : pulses) {
    if (p.line == line && p.column() == column) continue;
    if (order == HalfOrder::after && rank(p.line, p.plane, p.output) < rank(line, plane, output)) continue;
    const bool near = p.line == line || p.column() == column;
    (near ? seen.direct : seen.rest)[p.set] += 1;
  }
  return seen;
}

inline DevicePreset stated(DevicePreset device, double half_step) {
  if (!device.law_integrates()) device.half_step = half_step;
  return device;
}

inline ArrayOptions with_scheme(HalfSelect select, double half_step, DevicePreset device = preset("TaOx-180nm")) {
  ArrayOptions o = quiet(stated(std::move(device), half_step));
  o.scheme.half_select = select;
  return o;
}

}  // namespace eqprop::testing
