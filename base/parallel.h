#pragma once
// The one parallel loop, and the cut of a batch into shards. Bits never depend on threads: work is cut before it is handed out.
#include <cstddef>
#include <memory>
#include <type_traits>

namespace eqprop {

/// Largest number of samples in a shard; part of the meaning of a checkpoint.
inline constexpr std::size_t kShardSamples = 16;

/// A half-open range [begin, end).
struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t size() const { return end - begin; }
};

/// Number of shards of a batch: ceil(batch / kShardSamples).
std::size_t shard_count(std::size_t batch);
/// Shard i of a batch: kShardSamples samples each, the last may be shorter. A function of the batch size alone.
Range shard(std::size_t batch, std::size_t i);

/// A loop's body, seen, not owned: any callable that takes an index. Lives as long as the call it is passed to; making one allocates nothing.
class LoopBody {
 public:
  template <class F>
  requires std::is_invocable_v<const F&, std::size_t> LoopBody(
      const F& body)  // NOLINT(google-explicit-constructor): a lambda is to be passed as it is
      : body_(std::addressof(body)), call_([](const void* f, std::size_t i) { (*static_cast<const F*>(f))(i); }) {}
  void operator()(std::size_t i) const { call_(body_, i); }

 private:
  const void* body_;
  void (*call_)(const void*, std::size_t);
};

/// Calls body(i) for every i < count, on up to `threads` threads (>= 1; 1 runs inline). Items may run in any order and must not share
/// writes. An exception of a body is rethrown here: the one of the lowest index. Runs inline when called from a body, or while another
/// thread's call uses the helping threads; these are made when first asked for, kept, and joined at exit. Allocates nothing but these.
void parallel_for(std::size_t count, int threads, const LoopBody& body);

/// Threads this machine offers (hardware concurrency, at least 1).
int hardware_threads();

}  // namespace eqprop
