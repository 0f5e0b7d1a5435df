#pragma once
// Starts of solves. While a network settles, a sample's reads of one phase follow each other, each near the last: the voltages of one are where
// the next begins. Of one update only, named by sample and phase, so that the bits depend on neither threads nor their order.
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/random.h"
#include "crossbar/wires/wires.h"

namespace eqprop {

/// Starts for the reads of one array in one direction. Safe from several threads, each with samples of its own.
class WarmStarts {
 public:
  WarmStarts() = default;
  /// Copies and moves start cold.
  WarmStarts(const WarmStarts&) {}
  WarmStarts(WarmStarts&&) noexcept {}
  WarmStarts& operator=(const WarmStarts&) { return *this; }
  WarmStarts& operator=(WarmStarts&&) noexcept { return *this; }

  /// What the last read of this sample, step and phase left, not set for the first one; the read puts its own voltages there. Null where the
  /// phase's first sweep did not ask, so that only shards that were small from the beginning take memory.
  WireStart* of(const Place& place, std::uint32_t sample) {
    const std::lock_guard lock(mutex_);
    if (place.step != step_) {
      for (auto& [name, start] : starts_) free_.push_back(std::move(start));
      starts_.clear();
      step_ = place.step;
    }
    if (place.sweep > 1 && !starts_.contains({sample, place.phase})) return nullptr;
    std::unique_ptr<WireStart>& start = starts_[{sample, place.phase}];
    if (start == nullptr) {
      if (free_.empty()) free_.push_back(std::make_unique<WireStart>());
      start = std::move(free_.back());
      free_.pop_back();
      start->set = false;
    }
    start->set = start->set && start->sweep < place.sweep;  // else the phase has begun anew
    start->sweep = place.sweep;
    return start.get();
  }

 private:
  std::mutex mutex_;
  std::uint32_t step_ = 0;
  std::map<std::pair<std::uint32_t, std::uint8_t>, std::unique_ptr<WireStart>> starts_;
  std::vector<std::unique_ptr<WireStart>> free_;
};

}  // namespace eqprop
