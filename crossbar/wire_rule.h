#pragma once
// The cheaper exact way through the wires of a tile, counted in cold solves of its circuit, so that the choice is the same on every machine:
//   matrices  a rebuild of effective matrices takes a solve for every line and output, once in so many updates; reads are then products,
//             and updates in between are followed to first order
//   solves    every read is a solve, warm where the one before was near, and every update sets the circuit anew
// The reads are those of training since the last rebuild; before an evaluation, which reads the same cells many times, a tile that is read by
// solves may have its matrices rebuilt.
#include <algorithm>
#include <cstdint>

namespace eqprop {

/// Cold solves that an update takes, all the reads that follow it included.
struct WireCost {
  double matrices = 0;
  double solves = 0;
  WireCost& operator+=(const WireCost& other) {
    matrices += other.matrices;
    solves += other.solves;
    return *this;
  }
};

// measured on a tile of 128 word lines and 64 pairs, 1 ohm, residual 1e-6: bench/tile_wires.cpp, docs/measured.md
inline constexpr double kRebuildSolve = 1.45;  ///< one solve of a rebuild, with what is gathered from it
inline constexpr double kReadSolve = 0.9;      ///< the solve of a read, warm where it can be
inline constexpr double kSetCircuit = 0.2;     ///< new cells behind the same lines
inline constexpr double kCorrect = 0.05;       ///< matrices followed to first order

/// rebuild_solves: of one rebuild; interval: updates from one rebuild to the next; reads: vectors that are read for every update.
inline WireCost wire_cost(std::int64_t rebuild_solves, std::int64_t interval, double reads) {
  return {kCorrect + kRebuildSolve * static_cast<double>(rebuild_solves) / static_cast<double>(std::max<std::int64_t>(1, interval)),
          kCorrect + kSetCircuit + kReadSolve * reads};
}

}  // namespace eqprop
