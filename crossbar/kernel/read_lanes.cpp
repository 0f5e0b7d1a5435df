#include "crossbar/kernel/read_lanes.h"

#include <algorithm>

// scalable vectors cannot be kept in arrays; such CPUs run the fixed-size code (SSSE3 alone is not worth its code)
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "crossbar/kernel/read_lanes.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace eqprop::read_lanes {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;

// 24 sums in registers where there are 32 of them, 12 where there are 16
inline constexpr int kMostColumns = 6;
#if defined(__clang__)
inline constexpr int kColumnsOfBoth = 4;  // Clang 14 keeps no more of two products in registers
#else
inline constexpr int kColumnsOfBoth = kMostColumns;
#endif
#if HWY_MAX_BYTES >= 64 || HWY_ARCH_ARM_A64
inline constexpr int kVectors = 2;
#else
inline constexpr int kVectors = 1;
#endif
inline constexpr std::size_t kAhead = 8;  // rows of `a` fetched ahead: they lie far apart

// sum[c][v] += a[v] * b[c] for one k
template <class Tag, int kV, int kC>
HWY_INLINE void add_products(Tag d, const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, std::size_t b_step,
                             hn::Vec<Tag> (&sum)[kC][kV]) {
  using V = hn::Vec<Tag>;
  const std::size_t lanes = hn::Lanes(d);
  V x[kV];
  HWY_UNROLL(4)
  for (int v = 0; v < kV; ++v) x[v] = hn::LoadU(d, a + static_cast<std::size_t>(v) * lanes);
  // three columns from one pointer each: addresses of the form pointer + step * 0, 1, 2 need no registers of their own
  HWY_UNROLL(8)
  for (int c = 0; c < kC; ++c) {
    const V y = hn::Set(d, (b + static_cast<std::size_t>(c / 3 * 3) * b_step)[static_cast<std::size_t>(c % 3) * b_step]);
    HWY_UNROLL(4)
    for (int v = 0; v < kV; ++v) sum[c][v] = hn::MulAdd(x[v], y, sum[c][v]);
  }
}

// kV vectors of rows, kC columns, k from `begin` to `end`; kFetch: rows of `a` that come later are fetched ahead
template <class Tag, int kV, int kC, bool kBoth, bool kFetch>
HWY_NOINLINE void panel(const Product& p, std::size_t row, std::size_t column, std::size_t begin, std::size_t end) {
  const Tag d;
  using V = hn::Vec<Tag>;
  const std::size_t lanes = hn::Lanes(d);
  V sum[kC][kV], sum2[kC][kV];
  const auto at = [&](int c, int v) {
    return (column + static_cast<std::size_t>(c)) * p.sum_step + row + static_cast<std::size_t>(v) * lanes;
  };
  HWY_UNROLL(8)
  for (int c = 0; c < kC; ++c) {
    HWY_UNROLL(4)
    for (int v = 0; v < kV; ++v) {
      sum[c][v] = begin == 0 ? hn::Zero(d) : hn::LoadU(d, p.sum + at(c, v));
      if (kBoth) sum2[c][v] = begin == 0 ? hn::Zero(d) : hn::LoadU(d, p.sum2 + at(c, v));
    }
  }
  const std::size_t a_step = p.a_step, b_step = p.b_step;
  const float* a = p.a + begin * a_step + row;
  const float* a2 = kBoth ? p.a2 + begin * a_step + row : nullptr;
  const float* b = p.b + column * b_step + begin;
  const float* b2 = kBoth ? p.b2 + column * b_step + begin : nullptr;
  for (std::size_t k = end - begin; k > 0; --k) {
    if (kFetch) {
      HWY_UNROLL(4)
      for (int v = 0; v < kV; ++v) {
        hwy::Prefetch(a + kAhead * a_step + static_cast<std::size_t>(v) * lanes);
        if (kBoth) hwy::Prefetch(a2 + kAhead * a_step + static_cast<std::size_t>(v) * lanes);
      }
    }
    add_products(d, a, b, b_step, sum);
    a += a_step;
    ++b;
    if (kBoth) {
      add_products(d, a2, b2, b_step, sum2);
      a2 += a_step;
      ++b2;
    }
  }
  HWY_UNROLL(8)
  for (int c = 0; c < kC; ++c) {
    HWY_UNROLL(4)
    for (int v = 0; v < kV; ++v) {
      hn::StoreU(sum[c][v], d, p.sum + at(c, v));
      if (kBoth) hn::StoreU(sum2[c][v], d, p.sum2 + at(c, v));
    }
  }
}

// all columns of kV vectors of rows
template <class Tag, int kV, bool kBoth>
void rows_of(const Product& p, std::size_t row, std::size_t begin, std::size_t end) {
  constexpr int kColumns = kBoth ? kColumnsOfBoth : kMostColumns;
  std::size_t c = 0;
  if (p.columns > kColumns) {
    panel<Tag, kV, kColumns, kBoth, true>(p, row, 0, begin, end);
    c = kColumns;
  }
  for (; c + kColumns <= p.columns; c += kColumns) panel<Tag, kV, kColumns, kBoth, false>(p, row, c, begin, end);
  switch (p.columns - c) {
    case 1:
      return panel<Tag, kV, 1, kBoth, false>(p, row, c, begin, end);
    case 2:
      return panel<Tag, kV, 2, kBoth, false>(p, row, c, begin, end);
    case 3:
      return panel<Tag, kV, 3, kBoth, false>(p, row, c, begin, end);
    case 4:
      return panel<Tag, kV, 4, kBoth, false>(p, row, c, begin, end);
    case 5:
      return panel<Tag, kV, 5, kBoth, false>(p, row, c, begin, end);
    default:
      return;
  }
}

template <class Tag, bool kBoth>
void multiply_with(const Product& p) {
  constexpr int kV = kBoth ? kVectors : 2 * kVectors;
  const std::size_t lanes = hn::Lanes(Tag());
  const std::size_t wide = kV * lanes;
  std::size_t row = 0;
  for (std::size_t begin = 0; begin < p.depth; begin += p.depth_block) {
    const std::size_t end = std::min(p.depth, begin + p.depth_block);
    for (row = 0; row + wide <= p.rows; row += wide) rows_of<Tag, kV, kBoth>(p, row, begin, end);
  }
  // the rest: one vector after the other over the whole depth, the last one over rows of its neighbour, which come out the same
  for (; row < p.rows; row += lanes) rows_of<Tag, 1, kBoth>(p, std::min(row, p.rows - lanes), 0, p.depth);
}

template <bool kBoth>
void multiply_rows(const Product& p) {
  if (p.rows >= hn::Lanes(D())) return multiply_with<D, kBoth>(p);
  if (p.rows >= 8) return multiply_with<hn::CappedTag<float, 8>, kBoth>(p);
  if (p.rows >= 4) return multiply_with<hn::CappedTag<float, 4>, kBoth>(p);
  multiply_with<hn::CappedTag<float, 1>, kBoth>(p);
}

void multiply_here(const Product& p) { p.a2 ? multiply_rows<true>(p) : multiply_rows<false>(p); }

// the steps of Converter::convert one by one, so that their bits agree; from v, the value in codes, on
template <class Tag>
HWY_INLINE hn::Vec<Tag> rounded(Tag d, const Codes& codes, hn::Vec<Tag> v) {
  using V = hn::Vec<Tag>;
  const V low = hn::Set(d, codes.low), high = hn::Set(d, codes.high);
  v = hn::IfThenElse(hn::Lt(v, low), low, v);
  v = hn::IfThenElse(hn::Gt(v, high), high, v);
  const V rounder = hn::Set(d, 12582912.0F);
  V code = hn::Sub(hn::Add(v, rounder), rounder);
  if (codes.truncate) {
    const auto above = hn::Gt(hn::Sub(code, v), hn::Mul(hn::Set(d, 2.5e-7F), hn::Abs(v)));
    code = hn::Sub(code, hn::IfThenElseZero(above, hn::Set(d, 1.0F)));
  }
  return hn::Mul(code, hn::Set(d, codes.step));
}

template <class Tag>
HWY_INLINE hn::Vec<Tag> converted(Tag d, const Codes& codes, hn::Vec<Tag> x) {
  const auto y = hn::Add(hn::Mul(x, hn::Set(d, codes.gain)), hn::Set(d, codes.offset));
  return codes.on ? rounded(d, codes, hn::Div(y, hn::Set(d, codes.step))) : y;
}

// the same by the instances of lines i .., step by step as convert_with() has it
template <class Tag>
HWY_INLINE hn::Vec<Tag> converted_by(Tag d, const Codes& codes, const Errors& errors, std::size_t i, hn::Vec<Tag> x) {
  using V = hn::Vec<Tag>;
  const V y = hn::Add(hn::Mul(x, hn::Set(d, codes.gain)), hn::Set(d, codes.offset));
  const V gain = hn::LoadU(d, errors.gain + i);
  if (!codes.on) return hn::Mul(y, gain);
  const V v = hn::Div(y, hn::Set(d, codes.step));
  const bool unipolar = codes.low == 0;
  V u = hn::Mul(v, hn::Set(d, 1.0F / codes.high));
  const V one = hn::Set(d, 1.0F), least = hn::Set(d, unipolar ? 0.0F : -1.0F);
  u = hn::IfThenElse(hn::Gt(u, one), one, u);
  u = hn::IfThenElse(hn::Lt(u, least), least, u);
  const V square = hn::Mul(u, u);
  const V shape =
      unipolar ? hn::Mul(hn::Set(d, 4.0F), hn::Sub(u, square)) : hn::Mul(hn::Set(d, 2.5980762F), hn::Sub(u, hn::Mul(square, u)));
  const V bow = hn::Mul(hn::LoadU(d, errors.bow + i), shape);
  return rounded(d, codes, hn::Add(hn::Add(hn::Mul(v, gain), hn::LoadU(d, errors.offset + i)), bow));
}

// body(tag, first index) on whole vectors, then number by number
template <class Body>
HWY_INLINE void over(std::size_t n, Body body) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) body(d, i);
  const hn::CappedTag<float, 4> d4;
  for (; i + hn::Lanes(d4) <= n; i += hn::Lanes(d4)) body(d4, i);
  for (; i < n; ++i) body(hn::CappedTag<float, 1>(), i);
}

void convert_here(const Codes& codes, const float* in, std::size_t n, float* out) {
  over(n, [&](auto d, std::size_t i) HWY_ATTR { hn::StoreU(converted(d, codes, hn::LoadU(d, in + i)), d, out + i); });
}

template <bool kNoise, bool kVariance, bool kErrors>
void finish_with(const Stage& stage, const float* HWY_RESTRICT sum, const float* HWY_RESTRICT variance, const float* HWY_RESTRICT normal,
                 std::size_t n, float* HWY_RESTRICT out) {
  over(n, [&](auto d, std::size_t i) HWY_ATTR {
    auto y = hn::Mul(hn::Set(d, stage.gain), hn::LoadU(d, sum + i));
    if constexpr (kNoise) {
      auto square = hn::Set(d, stage.white);
      if constexpr (kVariance) square = hn::MulAdd(hn::Set(d, stage.variance_gain), hn::LoadU(d, variance + i), square);
      y = hn::MulAdd(hn::Sqrt(square), hn::LoadU(d, normal + i), y);
    }
    if constexpr (kErrors)
      y = converted_by(d, stage.adc, stage.errors, i, y);
    else
      y = converted(d, stage.adc, y);
    hn::StoreU(hn::Add(hn::LoadU(d, out + i), y), d, out + i);
  });
}

template <bool kErrors>
void finish_noise(const Stage& stage, const float* sum, const float* variance, const float* normal, std::size_t n, float* out) {
  if (!normal) return finish_with<false, false, kErrors>(stage, sum, variance, normal, n, out);
  if (!variance) return finish_with<true, false, kErrors>(stage, sum, variance, normal, n, out);
  finish_with<true, true, kErrors>(stage, sum, variance, normal, n, out);
}

void finish_here(const Stage& stage, const float* sum, const float* variance, const float* normal, std::size_t n, float* out) {
  stage.errors.gain ? finish_noise<true>(stage, sum, variance, normal, n, out) : finish_noise<false>(stage, sum, variance, normal, n, out);
}

void square_here(const float* x, std::size_t n, float* square) {
  over(n, [&](auto d, std::size_t i) HWY_ATTR {
    const auto v = hn::LoadU(d, x + i);
    hn::StoreU(hn::Mul(v, v), d, square + i);
  });
}

// a block of 4 x 4
#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void transpose4(const float* HWY_RESTRICT from, std::size_t from_step, float* HWY_RESTRICT to, std::size_t to_step) {
  for (std::size_t r = 0; r < 4; ++r)
    for (std::size_t c = 0; c < 4; ++c) to[c * to_step + r] = from[r * from_step + c];
}
#else
// two rounds of interleaving
HWY_INLINE void transpose4(const float* HWY_RESTRICT from, std::size_t from_step, float* HWY_RESTRICT to, std::size_t to_step) {
  const hn::FixedTag<float, 4> d;
  const hn::Repartition<double, decltype(d)> d64;
  const auto r0 = hn::LoadU(d, from), r1 = hn::LoadU(d, from + from_step);
  const auto r2 = hn::LoadU(d, from + 2 * from_step), r3 = hn::LoadU(d, from + 3 * from_step);
  const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, r0, r1)), high01 = hn::BitCast(d64, hn::InterleaveUpper(d, r0, r1));
  const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d, r2, r3)), high23 = hn::BitCast(d64, hn::InterleaveUpper(d, r2, r3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, low01, low23)), d, to);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, low01, low23)), d, to + to_step);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, high01, high23)), d, to + 2 * to_step);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, high01, high23)), d, to + 3 * to_step);
}
#endif

void transpose_here(const float* HWY_RESTRICT from, std::size_t from_step, std::size_t rows, std::size_t columns, float* HWY_RESTRICT to,
                    std::size_t to_step, std::size_t filled) {
  const std::size_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
  for (std::size_t c = 0; c < whole_columns; c += 4)
    for (std::size_t r = 0; r < whole_rows; r += 4) transpose4(from + r * from_step + c, from_step, to + c * to_step + r, to_step);
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t r = c < whole_columns ? whole_rows : 0; r < rows; ++r) to[c * to_step + r] = from[r * from_step + c];
    for (std::size_t r = rows; r < filled; ++r) to[c * to_step + r] = 0;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eqprop::read_lanes
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eqprop::read_lanes {
HWY_EXPORT(multiply_here);
HWY_EXPORT(convert_here);
HWY_EXPORT(finish_here);
HWY_EXPORT(square_here);
HWY_EXPORT(transpose_here);

void multiply(const Product& product) { HWY_DYNAMIC_DISPATCH(multiply_here)(product); }

void convert(const Codes& codes, const float* in, std::size_t n, float* out) { HWY_DYNAMIC_DISPATCH(convert_here)(codes, in, n, out); }

void finish(const Stage& stage, const float* sum, const float* variance, const float* normal, std::size_t n, float* out) {
  HWY_DYNAMIC_DISPATCH(finish_here)(stage, sum, variance, normal, n, out);
}

void square(const float* x, std::size_t n, float* square) { HWY_DYNAMIC_DISPATCH(square_here)(x, n, square); }

void transpose(const float* from, std::size_t from_step, std::size_t rows, std::size_t columns, float* to, std::size_t to_step,
               std::size_t filled) {
  HWY_DYNAMIC_DISPATCH(transpose_here)(from, from_step, rows, columns, to, to_step, filled);
}

std::int64_t targets() { return hwy::SupportedTargets() & HWY_TARGETS; }

void restrict_targets(std::int64_t mask) { hwy::SetSupportedTargetsForTest(mask); }

}  // namespace eqprop::read_lanes
#endif
