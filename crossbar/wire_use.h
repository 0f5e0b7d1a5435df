#pragma once
// What the wires stages of a run have done.
#include <algorithm>
#include <cstdint>

namespace eqprop {

/// Zeros where there are no wires.
struct WireUse {
  std::int64_t updates = 0;    ///< of a tile's cells
  std::int64_t rebuilds = 0;   ///< of a tile's effective matrices after its first
  std::int64_t solves = 0;     ///< of a tile's circuit, the first matrices included
  double stale_error = 0;      ///< relative error of corrected matrices just before they were rebuilt, mean over rebuilds
  double stale_error_max = 0;  ///< the largest of them
  /// Of another tile or array as well.
  WireUse& operator+=(const WireUse& other) {
    const auto all = static_cast<double>(rebuilds + other.rebuilds);
    if (all > 0)
      stale_error = (stale_error * static_cast<double>(rebuilds) + other.stale_error * static_cast<double>(other.rebuilds)) / all;
    updates += other.updates;
    rebuilds += other.rebuilds;
    solves += other.solves;
    stale_error_max = std::max(stale_error_max, other.stale_error_max);
    return *this;
  }
};

}  // namespace eqprop
