#include "base/parallel.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/check.h"

namespace eqprop {
namespace {

// A wait spins before it sleeps: waking a sleeper costs a system call and often tens of microseconds, as much as a small loop takes.
// Beside other load a spinning wait would take time from the very thread that it waits for, so it is cut short then.
using Clock = std::chrono::steady_clock;
constexpr auto kLongSpin = std::chrono::microseconds(80);
constexpr int kShortSpin = 100;    // turns: a few microseconds
constexpr int kTurnsPerLook = 16;  // at the clock
constexpr int kMostFailures = 6;
constexpr auto kInterruption = std::chrono::microseconds(150);  // no look takes so long unless another thread got the processor
constexpr auto kCaution = std::chrono::milliseconds(100);       // how long waits are short after that

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Threads wait here until something holds. A condition variable, since std::atomic::wait of GCC 12 yields before it sleeps: beside other
// load a thread that yielded waits for its next turn, one that sleeps is woken at once.
class Bell {
 public:
  // `ready` reads atomics (sequentially consistent); whoever makes it true rings afterwards
  template <class Ready>
  void wait_until(const Ready& ready) {
    if (spin(ready)) return;
    std::unique_lock lock(guard_);
    for (;;) {
      asleep_ = true;  // before the last look: either we see the news, or the ringer sees us
      if (ready()) return;
      rung_.wait(lock);
    }
  }

  // costs one load while nobody sleeps
  void ring() {
    if (!asleep_ || !asleep_.exchange(false)) return;
    { const std::lock_guard lock(guard_); }  // whoever said that it is asleep now is
    rung_.notify_all();
  }

 private:
  template <class Ready>
  bool spin(const Ready& ready) {
    for (int turn = 0; turn < kShortSpin; ++turn) {
      if (ready()) return true;
      pause();
    }
    thread_local int failures = 0, to_skip = 0;  // long spins that failed on end; waits that go without
    if (to_skip > 0) {
      --to_skip;
      return false;
    }
    Clock::time_point last = Clock::now();
    if (last.time_since_epoch().count() < careful_until_.load(std::memory_order_relaxed)) return false;
    for (const Clock::time_point end = last + kLongSpin; last < end;) {
      for (int turn = 0; turn < kTurnsPerLook; ++turn) {
        if (ready()) {
          failures = 0;
          return true;
        }
        pause();
      }
      const Clock::time_point now = Clock::now();
      if (now - last > kInterruption) careful_until_.store((now + kCaution).time_since_epoch().count(), std::memory_order_relaxed);
      last = now;
    }
    // two on end: whom we wait for may need this very processor; the more often, the rarer we try
    failures = std::min(failures + 1, kMostFailures);
    to_skip = (1 << failures) - 2;
    return ready();
  }

  inline static std::atomic<Clock::rep> careful_until_ = 0;  // of all bells
  std::atomic<bool> asleep_ = false;
  std::mutex guard_;
  std::condition_variable rung_;
};

// one call of parallel_for
struct Job {
  const LoopBody& body;
  std::size_t first = 0;            // index of item 0 of the round
  std::atomic<std::size_t> failed;  // lowest index that failed so far; the number of items while none has
  std::exception_ptr error = nullptr;
  std::mutex guard{};

  // after a failure the items above it are skipped, those below still run: they might fail too, and the lowest counts
  void run(std::size_t i) {
    if (i > failed.load(std::memory_order_relaxed)) return;
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
};

// The items of a round are dealt to lanes like cards, lane l gets l, l + lanes, ...; a thread takes those of its own lane before it helps
// with others. Loops of one shape thus meet the same thread at the same item, which finds its data in its cache.
//
// What is left of a lane, in one word: threads that may help (24 bits), items of the round (20), how many the lane has handed out (20).
// An item belongs to who raised that; nothing else of a job is read before. Hence a thread that slept through jobs does no harm: either
// its view of the word is stale and the exchange fails, or the word has come round to the same value and the item it gets is one of today's.
using Ticket = std::uint64_t;
constexpr int kItemBits = 20;
constexpr std::size_t kRoundItems = (std::size_t{1} << kItemBits) - 1;
constexpr std::size_t kMostThreads = (std::size_t{1} << 24) - 1;
constexpr std::size_t kMostLanes = 64;

Ticket make_ticket(std::size_t team, std::size_t items) { return Ticket{team} << 2 * kItemBits | Ticket{items} << kItemBits; }
std::size_t team_of(Ticket t) { return t >> 2 * kItemBits; }
std::size_t lanes_of(Ticket t) { return std::min(team_of(t), kMostLanes); }
std::size_t item_of(Ticket t, std::size_t lane) { return lane + (t & kRoundItems) * lanes_of(t); }
bool open_to(Ticket t, std::size_t lane, std::size_t rank) {
  return rank < team_of(t) && item_of(t, lane) < (t >> kItemBits & kRoundItems);
}

thread_local bool inside = false;  // this thread works on an item

// The threads that help, made when first asked for. The caller is rank 0 and takes items like everybody; it waits for items that somebody
// has begun, never for a thread: one that the kernel leaves out delays nobody.
class Pool {
 public:
  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    stop_ = true;
    work_.ring();
    for (auto& helper : helpers_) helper.join();
  }

  // false, and nothing done, while another thread uses the pool
  bool run(Job& job, std::size_t count, std::size_t team) {
    const std::unique_lock use(in_use_, std::try_to_lock);
    if (!use) return false;
    grow(team - 1);
    inside = true;
    job_ = &job;
    for (std::size_t left = count; left > 0 && job.failed == count;) {
      const std::size_t items = std::min(left, kRoundItems);
      unfinished_ = items;
      const Ticket ticket = make_ticket(team, items);
      for (std::size_t lane = 0; lane < lanes_of(ticket); ++lane) lanes_[lane].ticket = ticket;
      work_.ring();
      take(0);
      done_.wait_until([&] { return unfinished_ == 0; });
      left -= items;
      job.first += items;
    }
    inside = false;
    return true;
  }

 private:
  void grow(std::size_t helpers) {
    try {
      while (helpers_.size() < helpers) helpers_.emplace_back([this, rank = helpers_.size() + 1] { help(rank); });
    } catch (const std::system_error&) {
      // the machine gives no more threads: those there are do the work
    }
  }

  void help(std::size_t rank) {
    inside = true;
    while (!stop_) {
      take(rank);
      work_.wait_until([&] { return open_lane(rank) != kMostLanes || stop_; });
    }
  }

  // the nearest lane that has an item for this rank, its own first; kMostLanes: none
  std::size_t open_lane(std::size_t rank) const {
    const std::size_t own = rank % kMostLanes;
    const std::size_t lanes = lanes_of(lanes_[own].ticket);
    for (std::size_t k = 0; k < lanes; ++k) {
      const std::size_t lane = (own + k) % lanes;
      if (open_to(lanes_[lane].ticket, lane, rank)) return lane;
    }
    return kMostLanes;
  }

  // claims and runs items until none is left for this rank
  void take(std::size_t rank) {
    for (std::size_t lane = open_lane(rank); lane != kMostLanes; lane = open_lane(rank)) {
      Ticket ticket = lanes_[lane].ticket;
      if (!open_to(ticket, lane, rank) || !lanes_[lane].ticket.compare_exchange_weak(ticket, ticket + 1)) continue;
      job_->run(job_->first + item_of(ticket, lane));
      if (--unfinished_ == 0) done_.ring();  // from here on the job may be gone
    }
  }

  std::mutex in_use_;
  std::vector<std::thread> helpers_;
  std::atomic<bool> stop_ = false;
  Job* job_ = nullptr;
  Bell work_;
  Bell done_;
  struct alignas(64) Lane {
    std::atomic<Ticket> ticket = 0;
  };
  std::array<Lane, kMostLanes> lanes_;
  alignas(64) std::atomic<std::size_t> unfinished_ = 0;  // items of the round that have not ended
};

}  // namespace

std::size_t shard_count(std::size_t batch) { return batch / kShardSamples + (batch % kShardSamples != 0); }

Range shard(std::size_t batch, std::size_t i) {
  check(i < shard_count(batch), "a shard of the batch");
  return {i * kShardSamples, std::min(batch, (i + 1) * kShardSamples)};
}

void parallel_for(std::size_t count, int threads, const LoopBody& body) {
  check(threads >= 1, "threads >= 1");
  if (threads > 1 && count > 1 && !inside) {
    static Pool pool;
    Job job{.body = body, .failed = count};
    if (pool.run(job, count, std::min({static_cast<std::size_t>(threads), count, kMostThreads}))) {
      if (job.error) std::rethrow_exception(job.error);
      return;
    }
  }
  for (std::size_t i = 0; i < count; ++i) body(i);
}

int hardware_threads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

}  // namespace eqprop
