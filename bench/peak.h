#pragma once
// What this core can do at most, measured in this process: the denominators of "share of limit".
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace eqprop::bench {

inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Best of `repeats` runs of `work`, in seconds.
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

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
// twelve independent chains of fused multiply-adds, held in registers; three instructions sets, the widest this CPU has
#define EQPROP_PEAK_CHAINS(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)
#endif

}  // namespace eqprop::bench
