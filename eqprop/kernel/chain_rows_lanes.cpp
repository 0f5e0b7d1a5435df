// The input's product and the weight changes, vectorised: only rows of non-zero inputs are touched, a piece of a row stays in
// registers over its samples.
#include "eqprop/kernel/chain_lanes.h"

#include <algorithm>

// scalable vectors cannot be kept in arrays; such CPUs run the fixed-size code (SSSE3 alone is not worth its code)
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "eqprop/kernel/chain_rows_lanes.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace eqprop::lanes {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

inline constexpr std::size_t kAhead = 4;  // rows fetched ahead
inline constexpr std::size_t kLine = 16;  // floats per cache line

HWY_INLINE void fetch(const float* row, std::size_t columns) {
  for (std::size_t c = 0; c < columns; c += kLine) hwy::Prefetch(row + c);
}

void list_nonzeros_here(const float* x, std::size_t n0, std::uint32_t* index, float* value, std::uint32_t* start) {
  const D d;
  const hn::RebindToUnsigned<D> du;
  const std::size_t step = hn::Lanes(d);
  const V zero = hn::Zero(d);
  std::uint32_t found = 0;
  for (std::size_t first = 0; first < n0; first += kRowBlock) {
    *start++ = found;
    const std::size_t end = std::min(n0, first + kRowBlock);
    std::size_t i = first;
    for (; i + step <= end; i += step) {
      const V v = hn::LoadU(d, x + i);
      const auto there = hn::Ne(v, zero);
      // compressed in registers: the storing form is microcode on some CPUs
      hn::StoreU(hn::Compress(v, there), d, value + found);
      hn::StoreU(hn::Compress(hn::Iota(du, static_cast<std::uint32_t>(i)), hn::RebindMask(du, there)), du, index + found);
      found += static_cast<std::uint32_t>(hn::CountTrue(d, there));
    }
    for (; i < end; ++i) {
      value[found] = x[i];
      index[found] = static_cast<std::uint32_t>(i);
      found += x[i] != 0;
    }
  }
  *start = found;
}

// kGroup vectors of columns
template <int kGroup>
HWY_INLINE void forward_group(const float* HWY_RESTRICT w1, std::size_t ld, const float* b1, const std::uint32_t* HWY_RESTRICT index,
                              const float* HWY_RESTRICT value, std::size_t count, float* HWY_RESTRICT drive) {
  const D d;
  const std::size_t step = hn::Lanes(d);
  V sum[kGroup];
  HWY_UNROLL(8)
  for (int g = 0; g < kGroup; ++g) sum[g] = hn::Load(d, b1 + static_cast<std::size_t>(g) * step);
  for (std::size_t j = 0; j < count; ++j) {
    const float* row = w1 + index[j] * ld;
    if (j + kAhead < count) fetch(w1 + index[j + kAhead] * ld, kGroup * step);
    const V x = hn::Set(d, value[j]);
    HWY_UNROLL(8)
    for (int g = 0; g < kGroup; ++g) sum[g] = hn::MulAdd(x, hn::Load(d, row + static_cast<std::size_t>(g) * step), sum[g]);
  }
  HWY_UNROLL(8)
  for (int g = 0; g < kGroup; ++g) hn::Store(sum[g], d, drive + static_cast<std::size_t>(g) * step);
}

void forward_here(const float* w1, std::size_t ld, const float* b1, std::size_t first, std::size_t columns, const std::uint32_t* index,
                  const float* value, std::size_t count, float* drive) {
  const std::size_t step = hn::Lanes(D());
  const std::size_t end = first + columns;
  std::size_t c = first;
  for (; c + 8 * step <= end; c += 8 * step) forward_group<8>(w1 + c, ld, b1 + c, index, value, count, drive + c);
  for (; c + 2 * step <= end; c += 2 * step) forward_group<2>(w1 + c, ld, b1 + c, index, value, count, drive + c);
  for (; c < end; c += step) forward_group<1>(w1 + c, ld, b1 + c, index, value, count, drive + c);
}

template <int N>
void contrast_columns(const Moved& moved, std::size_t ld, std::size_t first, std::size_t columns, float rate1, float rate2,
                      float* difference, float* b1, float* w2) {
  const D d;
  const std::size_t step = hn::Lanes(d);
  const V rate = hn::Set(d, rate1);
  for (std::size_t c = 0; c < columns; c += step) {
    V sum[N];
    HWY_UNROLL(16)
    for (int k = 0; k < N; ++k) sum[k] = hn::Zero(d);
    V bias = hn::Zero(d);
    const float* pushed = moved.push;
    for (std::size_t m = 0; m < moved.n_samples; ++m) {
      const std::size_t from = moved.samples[m] * ld + first + c;
      V delta = hn::Zero(d);
      for (std::size_t p = 0; p < moved.n_phases; ++p, pushed += 16) {
        const V h = hn::Load(d, moved.phases[p].hidden + from);
        delta = hn::MulAdd(hn::Set(d, moved.phases[p].weight), h, delta);
        HWY_UNROLL(16)
        for (int k = 0; k < N; ++k) sum[k] = hn::MulAdd(hn::Set(d, pushed[k]), h, sum[k]);
      }
      delta = hn::Mul(delta, rate);
      bias = hn::Add(bias, delta);
      hn::Store(delta, d, difference + m * columns + c);
    }
    hn::Store(hn::Add(hn::Load(d, b1 + first + c), bias), d, b1 + first + c);
    const V rate_w2 = hn::Set(d, rate2);
    HWY_UNROLL(16)
    for (int k = 0; k < N; ++k) {
      float* w = w2 + static_cast<std::size_t>(k) * ld + first + c;
      hn::Store(hn::MulAdd(rate_w2, sum[k], hn::Load(d, w)), d, w);
    }
  }
}

void contrast_here(int n2, const Moved& moved, std::size_t ld, std::size_t first, std::size_t columns, float rate1, float rate2,
                   float* difference, float* b1, float* w2) {
  using Contrast = void (*)(const Moved&, std::size_t, std::size_t, std::size_t, float, float, float*, float*, float*);
  static constexpr Contrast kContrast[16] = {contrast_columns<1>,  contrast_columns<2>,  contrast_columns<3>,  contrast_columns<4>,
                                             contrast_columns<5>,  contrast_columns<6>,  contrast_columns<7>,  contrast_columns<8>,
                                             contrast_columns<9>,  contrast_columns<10>, contrast_columns<11>, contrast_columns<12>,
                                             contrast_columns<13>, contrast_columns<14>, contrast_columns<15>, contrast_columns<16>};
  kContrast[n2 - 1](moved, ld, first, columns, rate1, rate2, difference, b1, w2);
}

template <int kGroup>
HWY_INLINE void update_group(float* HWY_RESTRICT row, std::size_t columns, std::uint32_t count, const std::uint32_t* HWY_RESTRICT who,
                             const float* HWY_RESTRICT what, const float* HWY_RESTRICT difference) {
  const D d;
  const std::size_t step = hn::Lanes(d);
  V sum[kGroup];
  HWY_UNROLL(8)
  for (int g = 0; g < kGroup; ++g) sum[g] = hn::Zero(d);
  for (std::uint32_t j = 0; j < count; ++j) {
    const float* from = difference + who[j] * columns;
    const V x = hn::Set(d, what[j]);
    HWY_UNROLL(8)
    for (int g = 0; g < kGroup; ++g) sum[g] = hn::MulAdd(x, hn::Load(d, from + static_cast<std::size_t>(g) * step), sum[g]);
  }
  HWY_UNROLL(8)
  for (int g = 0; g < kGroup; ++g) {
    float* w = row + static_cast<std::size_t>(g) * step;
    hn::Store(hn::Add(hn::Load(d, w), sum[g]), d, w);
  }
}

void update_rows_here(float* w1, std::size_t ld, std::size_t first, std::size_t columns, const Users& users, const float* difference) {
  const std::size_t step = hn::Lanes(D());
  for (std::size_t r = 0; r < users.n_rows; ++r) {
    const std::size_t i = users.rows[r];
    const std::uint32_t count = users.count[i];
    const std::uint32_t* who = users.who + i * users.n_samples;
    const float* what = users.what + i * users.n_samples;
    float* row = w1 + i * ld + first;
    std::size_t c = 0;
    for (; c + 8 * step <= columns; c += 8 * step) update_group<8>(row + c, columns, count, who, what, difference + c);
    for (; c + 2 * step <= columns; c += 2 * step) update_group<2>(row + c, columns, count, who, what, difference + c);
    for (; c < columns; c += step) update_group<1>(row + c, columns, count, who, what, difference + c);
  }
}

std::int64_t compiled_here() { return HWY_TARGET; }

}  // namespace HWY_NAMESPACE
}  // namespace eqprop::lanes
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eqprop::lanes {
HWY_EXPORT(list_nonzeros_here);
HWY_EXPORT(forward_here);
HWY_EXPORT(contrast_here);
HWY_EXPORT(update_rows_here);
HWY_EXPORT(compiled_here);

void list_nonzeros(const float* x, std::size_t n0, std::uint32_t* index, float* value, std::uint32_t* start) {
  HWY_DYNAMIC_DISPATCH(list_nonzeros_here)(x, n0, index, value, start);
}

void forward(const float* w1, std::size_t ld, const float* b1, std::size_t first, std::size_t columns, const std::uint32_t* index,
             const float* value, std::size_t count, float* drive) {
  HWY_DYNAMIC_DISPATCH(forward_here)(w1, ld, b1, first, columns, index, value, count, drive);
}

void contrast(int n2, const Moved& moved, std::size_t ld, std::size_t first, std::size_t columns, float rate1, float rate2,
              float* difference, float* b1, float* w2) {
  HWY_DYNAMIC_DISPATCH(contrast_here)(n2, moved, ld, first, columns, rate1, rate2, difference, b1, w2);
}

void update_rows(float* w1, std::size_t ld, std::size_t first, std::size_t columns, const Users& users, const float* difference) {
  HWY_DYNAMIC_DISPATCH(update_rows_here)(w1, ld, first, columns, users, difference);
}

std::int64_t targets() { return hwy::SupportedTargets() & HWY_TARGETS; }

void restrict_targets(std::int64_t mask) { hwy::SetSupportedTargetsForTest(mask); }

const char* target_name() { return hwy::TargetName(HWY_DYNAMIC_DISPATCH(compiled_here)()); }

}  // namespace eqprop::lanes
#endif
