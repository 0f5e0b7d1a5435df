#pragma once
// What the wires stages of a run have done.
#include <algorithm>
#include <cstdint>

#include "crossbar/wire_rule.h"

namespace eqprop {

/// Zeros where there are no wires.
struct WireUse {
  std::int64_t updates = 0;    ///< of a tile's cells
  std::int64_t rebuilds = 0;   ///< of a tile's effective matrices after its first
  std::int64_t solves = 0;     ///< of a tile's circuit for matrices, the first ones included
  std::int64_t reads = 0;      ///< vectors read through a tile in training
  std::int64_t tiles = 0;      ///
  std::int64_t solving = 0;    ///< of them, whose reads are solves now
  WireCost cost;               ///< of an update now, over the tiles whose reads are products
  WireCost solving_cost;       ///< the same, over those whose reads are solves
  double stale_error = 0;      ///< relative error of corrected matrices just before they were rebuilt, mean over rebuilds
  double stale_error_max = 0;  ///< the largest of them
  double stale_power = 0;      ///< largest relative error of the power's forms, which are not corrected
  /// Of another tile or array as well.
  WireUse& operator+=(const WireUse& other) {
    const auto all = static_cast<double>(rebuilds + other.rebuilds);
    if (all > 0)
      stale_error = (stale_error * static_cast<double>(rebuilds) + other.stale_error * static_cast<double>(other.rebuilds)) / all;
    updates += other.updates;
    rebuilds += other.rebuilds;
    solves += other.solves;
    reads += other.reads;
    tiles += other.tiles;
    solving += other.solving;
    cost += other.cost;
    solving_cost += other.solving_cost;
    stale_error_max = std::max(stale_error_max, other.stale_error_max);
    stale_power = std::max(stale_power, other.stale_power);
    return *this;
  }
};

}  // namespace eqprop
