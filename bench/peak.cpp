#include "bench/peak.h"

#include <algorithm>

// scalable vectors cannot be kept in arrays
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/peak.cpp"
#include <hwy/aligned_allocator.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace eqprop::bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
inline constexpr int kChains = 12;  // more than latency times ports of the CPUs we know

// returns the FLOPs done; `sink`, 16 floats that the caller looks at, keeps the compiler from dropping them
double multiply_add(std::size_t rounds, float* sink) {
  const D d;
  const V factor = hn::Set(d, *sink);
  V chain[kChains];
  HWY_UNROLL(16)
  for (int k = 0; k < kChains; ++k) chain[k] = hn::Set(d, static_cast<float>(k));
  for (std::size_t r = 0; r < rounds; ++r) {
    HWY_UNROLL(16)
    for (int k = 0; k < kChains; ++k) chain[k] = hn::MulAdd(chain[k], factor, factor);
  }
  HWY_UNROLL(16)
  for (int k = 1; k < kChains; ++k) chain[0] = hn::Add(chain[0], chain[k]);
  hn::StoreU(hn::Mul(chain[0], hn::Set(d, 1.0F / (2 * kChains))), d, sink);
  return 2.0 * kChains * static_cast<double>(rounds) * static_cast<double>(hn::Lanes(d));
}

void read_all(const float* data, std::size_t n, float* sink) {
  const D d;
  const std::size_t step = hn::Lanes(d);
  V sum[8];
  HWY_UNROLL(8)
  for (int k = 0; k < 8; ++k) sum[k] = hn::Zero(d);
  for (std::size_t i = 0; i + 8 * step <= n; i += 8 * step) {
    HWY_UNROLL(8)
    for (int k = 0; k < 8; ++k) sum[k] = hn::Add(sum[k], hn::Load(d, data + i + static_cast<std::size_t>(k) * step));
  }
  HWY_UNROLL(8)
  for (int k = 1; k < 8; ++k) sum[0] = hn::Add(sum[0], sum[k]);
  *sink += hn::GetLane(hn::SumOfLanes(d, sum[0]));
}

void update_all(float* data, std::size_t n) {
  const D d;
  const std::size_t step = hn::Lanes(d);
  const V small = hn::Set(d, 1e-6F);
  for (std::size_t i = 0; i + step <= n; i += step) hn::Store(hn::Add(hn::Load(d, data + i), small), d, data + i);
}

}  // namespace HWY_NAMESPACE
}  // namespace eqprop::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eqprop::bench {
HWY_EXPORT(multiply_add);
HWY_EXPORT(read_all);
HWY_EXPORT(update_all);

namespace {
volatile float looked_at;  // with one instruction set compiled in, compilers see through the dispatch and drop work without a result
}

double peak_flops() {
  float sink[16] = {0.5F};
  double flops = 0;
  const double time = best_seconds(60, [&] { flops = HWY_DYNAMIC_DISPATCH(multiply_add)(200000, sink); });
  looked_at = sink[0];
  return flops / time;
}

namespace {

// at least 64 MiB per timed run
template <class Work>
double rate(std::size_t bytes, double moved_per_byte, Work&& work) {
  const std::size_t rounds = std::max<std::size_t>(1, (std::size_t{64} << 20) / bytes);
  const double time = best_seconds(12, [&] {
    for (std::size_t r = 0; r < rounds; ++r) work();
  });
  return static_cast<double>(bytes * rounds) * moved_per_byte / time;
}

}  // namespace

double read_bandwidth(std::size_t bytes) {
  const std::size_t n = bytes / sizeof(float);
  const auto data = hwy::AllocateAligned<float>(n);
  std::fill(data.get(), data.get() + n, 1.0F);
  float sink = 0;
  const double result = rate(bytes, 1, [&] { HWY_DYNAMIC_DISPATCH(read_all)(data.get(), n, &sink); });
  looked_at = sink;
  return result;
}

double update_bandwidth(std::size_t bytes) {
  const std::size_t n = bytes / sizeof(float);
  const auto data = hwy::AllocateAligned<float>(n);
  std::fill(data.get(), data.get() + n, 1.0F);
  return rate(bytes, 2, [&] { HWY_DYNAMIC_DISPATCH(update_all)(data.get(), n); });
}

}  // namespace eqprop::bench
#endif
