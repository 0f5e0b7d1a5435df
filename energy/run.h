#pragma once
// What a computation may touch. It replaces every global.
#include <cstdint>

#include "base/random.h"
#include "energy/ledger.h"

namespace eqprop {

/// Passed by reference to every computation that draws numbers, counts events or uses threads.
struct Run {
  std::uint32_t seed;        ///< no default: whoever starts a run names its seed
  int threads = 1;           ///< how many threads the parallel loop may use; never changes results
  Ledger* ledger = nullptr;  ///< where events go; null counts nothing
  double clock = 0;          ///< [s] simulated hardware time
};

}  // namespace eqprop
