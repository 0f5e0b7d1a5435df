// Settling, vectorised: lanes run over hidden units; outputs and their accumulators stay in registers for a whole sweep.
// Two items are swept in turn, so that one's horizontal sums and clip are hidden behind the other's sweep.
#include "eqprop/kernel/chain_lanes.h"

// scalable vectors cannot be kept in arrays; such CPUs run the fixed-size code (SSSE3 alone is not worth its code)
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "eqprop/kernel/chain_settle_lanes.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace eqprop::lanes {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
using D4 = hn::CappedTag<float, 4>;  // outputs
using V4 = hn::Vec<D4>;
inline constexpr int kFour = HWY_TARGET == HWY_SCALAR ? 1 : 4;

// the bound comes first: min and max of x86 then hand a NaN through
template <class W>
HWY_INLINE W clip(W low, W high, W v) {
  return hn::Min(high, hn::Max(low, v));
}

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE V4 sum_four(D, V a, V, V, V) { return a; }
#else
// adds up the 128-bit blocks of a vector
template <class DD>
HWY_INLINE V4 add_blocks(DD, hn::Vec<DD> v) {
  if constexpr (hn::MaxLanes(DD()) <= 4) {
    return v;
  } else {
    const hn::Half<DD> half;
    return add_blocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// {sum a, sum b, sum c, sum e}
HWY_INLINE V4 sum_four(D d, V a, V b, V c, V e) {
  const hn::Repartition<double, D> wide;
  const V ab = hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  const V ce = hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
  const auto ab2 = hn::BitCast(wide, ab);
  const auto ce2 = hn::BitCast(wide, ce);
  const V low = hn::BitCast(d, hn::InterleaveLower(wide, ab2, ce2));
  const V high = hn::BitCast(d, hn::InterleaveUpper(wide, ab2, ce2));
  return add_blocks(d, hn::Add(low, high));
}
#endif

// one sweep of one item; with kTrack the hidden units are stored and the largest change is found
template <int N, bool kTrack>
HWY_NOINLINE void sweep(const float* HWY_RESTRICT packed, std::size_t ld, Item& item) {
  const D d;
  const std::size_t step = hn::Lanes(d);
  const V zero = hn::Zero(d);
  const V one = hn::Set(d, 1.0F);
  V sum[N + 3];  // the last three fill up the last four
  V out[N];
  HWY_UNROLL(32)
  for (int k = 0; k < N + 3; ++k) sum[k] = zero;
  HWY_UNROLL(16)
  for (int k = 0; k < N; ++k) out[k] = hn::Set(d, item.output[k]);
  V largest = zero;
  const float* HWY_RESTRICT drive = item.drive;
  const float* before = item.before;
  float* hidden = item.hidden;
  for (std::size_t c = 0; c < ld; c += step, packed += N * step) {
    // two chains of sums: half the latency
    V even = hn::Load(d, drive + c);
    V odd = zero;
    V w[N];
    HWY_UNROLL(16)
    for (int k = 0; k < N; ++k) {
      w[k] = hn::Load(d, packed + static_cast<std::size_t>(k) * step);
      if (k % 2 == 0) {
        even = hn::MulAdd(w[k], out[k], even);
      } else {
        odd = k == 1 ? hn::Mul(w[k], out[k]) : hn::MulAdd(w[k], out[k], odd);
      }
    }
    const V h = clip(zero, one, hn::Add(even, odd));
    if constexpr (kTrack) {
      largest = hn::Max(largest, hn::AbsDiff(h, hn::Load(d, before + c)));
      hn::Store(h, d, hidden + c);
    }
    HWY_UNROLL(16)
    for (int k = 0; k < N; ++k) sum[k] = hn::MulAdd(w[k], h, sum[k]);
  }

  const D4 d4;
  const V4 scale = hn::Set(d4, item.scale);
  const V4 low = hn::Set(d4, item.low);
  const V4 high = hn::Set(d4, item.high);
  V4 moved = hn::Zero(d4);
  HWY_UNROLL(16)
  for (int k = 0; k < N; k += kFour) {
    const V4 field = sum_four(d, sum[k], sum[k + 1], sum[k + 2], sum[k + 3]);
    const V4 next = clip(low, high, hn::Mul(hn::Add(field, hn::Load(d4, item.bias + k)), scale));
    if constexpr (kTrack) moved = hn::Max(moved, hn::AbsDiff(next, hn::Load(d4, item.output + k)));
    hn::Store(next, d4, item.output + k);
  }
  if constexpr (kTrack) {
    const float in_hidden = hn::GetLane(hn::MaxOfLanes(d, largest));
    const float in_output = hn::GetLane(hn::MaxOfLanes(d4, moved));
    item.change = in_hidden > in_output ? in_hidden : in_output;
    item.before = item.hidden;
  }
  ++item.sweeps;
}

// without a tolerance only the last two sweeps are tracked: the first of them leaves what the last is compared with
template <int N>
HWY_INLINE bool advance(const float* packed, std::size_t ld, Item& item, const Stop& stop) {
  if (stop.tolerance > 0 || item.sweeps + 2 >= stop.budget) {
    sweep<N, true>(packed, ld, item);
  } else {
    sweep<N, false>(packed, ld, item);
  }
  return item.sweeps >= stop.budget || (stop.tolerance > 0 && item.sweeps >= stop.min_sweeps && item.change <= stop.tolerance);
}

template <int N>
void settle_items(const float* packed, std::size_t ld, Item* items, std::size_t count, const Stop& stop) {
  Item* const end = items + count;
  Item* next = items;
  Item* first = next < end ? next++ : nullptr;
  Item* second = next < end ? next++ : nullptr;
  while (first != nullptr || second != nullptr) {
    if (first != nullptr && advance<N>(packed, ld, *first, stop)) first = next < end ? next++ : nullptr;
    if (second != nullptr && advance<N>(packed, ld, *second, stop)) second = next < end ? next++ : nullptr;
  }
}

void settle_here(int n2, const float* packed, std::size_t ld, Item* items, std::size_t count, const Stop& stop) {
  using Settle = void (*)(const float*, std::size_t, Item*, std::size_t, const Stop&);
  static constexpr Settle kSettle[16] = {settle_items<1>,  settle_items<2>,  settle_items<3>,  settle_items<4>,
                                         settle_items<5>,  settle_items<6>,  settle_items<7>,  settle_items<8>,
                                         settle_items<9>,  settle_items<10>, settle_items<11>, settle_items<12>,
                                         settle_items<13>, settle_items<14>, settle_items<15>, settle_items<16>};
  kSettle[n2 - 1](packed, ld, items, count, stop);
}

void pack_here(int n2, const float* w2, std::size_t ld, float* packed) {
  const D d;
  const std::size_t step = hn::Lanes(d);
  for (std::size_t c = 0; c < ld; c += step) {
    for (std::size_t k = 0; k < static_cast<std::size_t>(n2); ++k, packed += step) hn::Store(hn::Load(d, w2 + k * ld + c), d, packed);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eqprop::lanes
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eqprop::lanes {
HWY_EXPORT(settle_here);
HWY_EXPORT(pack_here);

void settle(int n2, const float* packed, std::size_t ld, Item* items, std::size_t count, const Stop& stop) {
  HWY_DYNAMIC_DISPATCH(settle_here)(n2, packed, ld, items, count, stop);
}

void pack(int n2, const float* w2, std::size_t ld, float* packed) { HWY_DYNAMIC_DISPATCH(pack_here)(n2, w2, ld, packed); }

}  // namespace eqprop::lanes
#endif
