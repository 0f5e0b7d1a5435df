#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>

#include "base/check.h"

namespace eqprop {

std::size_t shard_count(std::size_t batch) { return batch / kShardSamples + (batch % kShardSamples != 0); }

Range shard(std::size_t batch, std::size_t i) {
  check(i < shard_count(batch), "a shard of the batch");
  return {i * kShardSamples, std::min(batch, (i + 1) * kShardSamples)};
}

void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& body) {
  check(threads >= 1, "threads >= 1");
  if (threads == 1 || count <= 1) {
    for (std::size_t i = 0; i < count; ++i) body(i);
    return;
  }
  // items are handed out in rising order, so when one fails all lower ones have begun: skipping the higher ones loses no lower failure
  std::atomic<std::size_t> failed = count;
  std::exception_ptr error;
  std::mutex guard;
  const int team = static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(threads), count));
  const auto items = static_cast<std::int64_t>(count);
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
  for (std::int64_t item = 0; item < items; ++item) {
    const auto i = static_cast<std::size_t>(item);
    if (i > failed.load(std::memory_order_relaxed)) continue;
    try {
      body(i);
    } catch (...) {
      const std::lock_guard lock(guard);
      if (i < failed.load()) {
        failed = i;
        error = std::current_exception();
      }
    }
  }
  if (error) std::rethrow_exception(error);
}

int hardware_threads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

}  // namespace eqprop
