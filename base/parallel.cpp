#include "base/parallel.h"

#include <algorithm>
#include <atomic>
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

// turns of a spinning wait before it sleeps: a few microseconds, so that loops that follow each other closely need no system call
constexpr int kSpins = 100;

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
    for (int turn = 0; turn < kSpins; ++turn) {
      if (ready()) return;
      pause();
    }
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

  // items are handed out in rising order, so when one fails all lower ones have begun: skipping the higher ones loses no lower failure
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

// What is left of a round, in one word: threads that may help (24 bits), items (20), the next item (20). An item belongs to who raised
// `next`; nothing else of a job is read before that. Hence a thread that slept through jobs does no harm: either its view of the word
// is stale and the exchange fails, or the word has come round to the same value and the item it gets is one of today's.
using Ticket = std::uint64_t;
constexpr int kItemBits = 20;
constexpr std::size_t kRoundItems = (std::size_t{1} << kItemBits) - 1;
constexpr std::size_t kMostThreads = (std::size_t{1} << 24) - 1;

Ticket make_ticket(std::size_t team, std::size_t items) { return Ticket{team} << 2 * kItemBits | Ticket{items} << kItemBits; }
std::size_t next_of(Ticket t) { return t & kRoundItems; }
bool open_to(Ticket t, std::size_t rank) { return next_of(t) < (t >> kItemBits & kRoundItems) && rank < t >> 2 * kItemBits; }

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
      ticket_ = make_ticket(team, items);
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
      work_.wait_until([&] { return open_to(ticket_, rank) || stop_; });
    }
  }

  // claims and runs items until none is left for this rank
  void take(std::size_t rank) {
    Ticket ticket = ticket_;
    while (open_to(ticket, rank)) {
      if (!ticket_.compare_exchange_weak(ticket, ticket + 1)) continue;
      job_->run(job_->first + next_of(ticket));
      if (--unfinished_ == 0) done_.ring();  // from here on the job may be gone
      ticket = ticket_;
    }
  }

  std::mutex in_use_;
  std::vector<std::thread> helpers_;
  std::atomic<bool> stop_ = false;
  Job* job_ = nullptr;
  Bell work_;
  Bell done_;
  alignas(64) std::atomic<Ticket> ticket_ = 0;
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
