#pragma once
// What one core of this machine does at most, measured in this process: the denominators of "share of the limit".
#include <algorithm>
#include <chrono>
#include <cstddef>

namespace eqprop::bench {

/// Monotonic time [s].
inline double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Shortest of `repeats` runs of `work` [s].
template <class Work>
double best_seconds(int repeats, Work&& work) {
  double best = 1e300;
  for (int r = 0; r < repeats; ++r) {
    const double start = seconds();
    work();
    best = std::min(best, seconds() - start);
  }
  return best;
}

/// Single precision multiply-adds on registers with the widest vectors of this CPU [FLOP/s]; a multiply-add counts two.
double peak_flops();

/// Reading `bytes` again and again [byte/s]: 1 MiB shows a near cache, 256 MiB memory.
double read_bandwidth(std::size_t bytes);

/// Reading and writing back `bytes` again and again [byte/s], both directions counted.
double update_bandwidth(std::size_t bytes);

}  // namespace eqprop::bench
