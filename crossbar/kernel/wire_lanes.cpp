#include "crossbar/kernel/wire_lanes.h"

#include <algorithm>

// scalable vectors cannot be kept in arrays; such CPUs run the fixed-size code (SSSE3 alone is not worth its code)
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "crossbar/kernel/wire_lanes.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace eqprop::wire_lanes {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<double, 8>;
using V = hn::Vec<D>;
#if HWY_TARGET == HWY_SCALAR
inline constexpr std::size_t kLanes = 1;
#else
inline constexpr std::size_t kLanes = HWY_MAX_BYTES >= 64 && hn::MaxLanes(D()) == 8 ? 8 : hn::MaxLanes(D());
#endif
inline constexpr std::size_t kParts = kGroup / kLanes;  // vectors that hold one column of eight word lines

// eight rows of kLanes columns from [rows][step] into [columns][8], and back
HWY_INLINE void turn_in(const V (&row)[kGroup], double* HWY_RESTRICT to) {
  const D d;
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t g = 0; g < kGroup; ++g) hn::Store(row[g], d, to + g);
#else
  HWY_ALIGN double half[2][4 * kLanes];
  hn::StoreInterleaved4(row[0], row[1], row[2], row[3], d, half[0]);
  hn::StoreInterleaved4(row[4], row[5], row[6], row[7], d, half[1]);
  const hn::CappedTag<double, 4> d4;
  const std::size_t step = hn::Lanes(d4);
  for (std::size_t c = 0; c < kLanes; ++c) {
    for (std::size_t k = 0; k < 4; k += step) {
      hn::Store(hn::Load(d4, half[0] + 4 * c + k), d4, to + kGroup * c + k);
      hn::Store(hn::Load(d4, half[1] + 4 * c + k), d4, to + kGroup * c + 4 + k);
    }
  }
#endif
}

HWY_INLINE void turn_out(const double* HWY_RESTRICT from, V (&row)[kGroup]) {
  const D d;
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t g = 0; g < kGroup; ++g) row[g] = hn::Load(d, from + g);
#else
  HWY_ALIGN double half[2][4 * kLanes];
  const hn::CappedTag<double, 4> d4;
  const std::size_t step = hn::Lanes(d4);
  for (std::size_t c = 0; c < kLanes; ++c) {
    for (std::size_t k = 0; k < 4; k += step) {
      hn::Store(hn::Load(d4, from + kGroup * c + k), d4, half[0] + 4 * c + k);
      hn::Store(hn::Load(d4, from + kGroup * c + 4 + k), d4, half[1] + 4 * c + k);
    }
  }
  hn::LoadInterleaved4(d, half[0], row[0], row[1], row[2], row[3]);
  hn::LoadInterleaved4(d, half[1], row[4], row[5], row[6], row[7]);
#endif
}

void to_eights_here(const double* from, std::size_t rows, std::size_t columns, std::size_t step, double* to) {
  const D d;
  V row[kGroup];
  for (std::size_t r = 0; r < rows; r += kGroup) {
    for (std::size_t c = 0; c < columns; c += kLanes) {
      for (std::size_t g = 0; g < kGroup; ++g) row[g] = hn::Load(d, from + (r + g) * step + c);
      turn_in(row, to + (r * columns + c * kGroup));
    }
  }
}

void from_eights_here(const double* from, std::size_t rows, std::size_t columns, std::size_t step, double* to) {
  const D d;
  V row[kGroup];
  for (std::size_t r = 0; r < rows; r += kGroup) {
    for (std::size_t c = 0; c < columns; c += kLanes) {
      turn_out(from + (r * columns + c * kGroup), row);
      for (std::size_t g = 0; g < kGroup; ++g) hn::Store(row[g], d, to + (r + g) * step + c);
    }
  }
}

// one division after another along a line: four groups of lines hide its latency
void factor_words_here(const double* a8, std::size_t rows, std::size_t columns, double* inv8) {
  const D d;
  const V one = hn::Set(d, 1.0);
  constexpr std::size_t kAtOnce = 4 * kParts;
  const std::size_t line = columns * kGroup;
  for (std::size_t first = 0; first < rows * columns; first += 4 * line) {
    const std::size_t groups = std::min<std::size_t>(4, (rows * columns - first) / line);
    V before[kAtOnce];
    for (V& b : before) b = hn::Zero(d);
    for (std::size_t c = 0; c < line; c += kGroup) {
      for (std::size_t g = 0; g < groups; ++g) {
        for (std::size_t k = 0; k < kParts; ++k) {
          const std::size_t at = first + g * line + c + k * kLanes;
          V& b = before[g * kParts + k];
          b = hn::Div(one, hn::Sub(hn::Load(d, a8 + at), b));
          hn::Store(b, d, inv8 + at);
        }
      }
    }
  }
}

void factor_bits_here(const double* a, std::size_t rows, std::size_t columns, std::size_t step, double* inv) {
  const D d;
  const V one = hn::Set(d, 1.0);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; c += kLanes) {
      const std::size_t at = r * step + c;
      const V before = r == 0 ? hn::Zero(d) : hn::Load(d, inv + at - step);
      hn::Store(hn::Div(one, hn::Sub(hn::Load(d, a + at), before)), d, inv + at);
    }
  }
}

// eight lines: f <- D? (Tw + D)^-1 D? f; with kCells the cells stand before and after
template <bool kCells>
HWY_INLINE void sweep_words(const double* HWY_RESTRICT d8, const double* HWY_RESTRICT inv8, std::size_t line, double* HWY_RESTRICT f) {
  const D d;
  V before[kParts];
  for (V& b : before) b = hn::Zero(d);
  for (std::size_t c = 0; c < line; c += kGroup) {
    for (std::size_t k = 0; k < kParts; ++k) {
      const std::size_t at = c + k * kLanes;
      const V inv = hn::Load(d, inv8 + at);
      V own = hn::Load(d, f + at);
      if constexpr (kCells) own = hn::Mul(own, hn::Load(d, d8 + at));
      before[k] = hn::MulAdd(inv, before[k], hn::Mul(inv, own));
      hn::Store(before[k], d, f + at);
    }
  }
  for (V& b : before) b = hn::Zero(d);
  for (std::size_t c = line; c > 0;) {
    c -= kGroup;
    for (std::size_t k = 0; k < kParts; ++k) {
      const std::size_t at = c + k * kLanes;
      before[k] = hn::MulAdd(hn::Load(d, inv8 + at), before[k], hn::Load(d, f + at));
      hn::Store(kCells ? hn::Mul(before[k], hn::Load(d, d8 + at)) : before[k], d, f + at);
    }
  }
}

void solve_words_here(const Lines& lines, double* f8) {
  const std::size_t line = lines.columns * kGroup;
  for (std::size_t first = 0; first < lines.rows * lines.columns; first += line)
    sweep_words<false>(lines.d8 + first, lines.inv8 + first, line, f8 + first);
}

// the way back up the bit lines; z holds what the way down left
HWY_INLINE double climb(const Lines& lines, const double* HWY_RESTRICT r, double* HWY_RESTRICT z) {
  const D d;
  V sum = hn::Zero(d), sum2 = hn::Zero(d);
  for (std::size_t row = lines.rows; row-- > 0;) {
    for (std::size_t c = 0; c < lines.columns; c += kLanes) {
      const std::size_t at = row * lines.step + c;
      V own = hn::Load(d, z + at);
      if (row + 1 < lines.rows) {
        own = hn::MulAdd(hn::Load(d, lines.inv + at), hn::Load(d, z + at + lines.step), own);
        hn::Store(own, d, z + at);
      }
      V& to = (c / kLanes) % 2 == 0 ? sum : sum2;
      to = hn::MulAdd(own, hn::Load(d, r + at), to);
    }
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(sum, sum2)));
}

double precondition_here(const Lines& lines, const double* r, double* z) {
  const D d;
  for (std::size_t row = 0; row < lines.rows; ++row) {
    for (std::size_t c = 0; c < lines.columns; c += kLanes) {
      const std::size_t at = row * lines.step + c;
      V own = hn::Load(d, r + at);
      if (row > 0) own = hn::Add(own, hn::Load(d, z + at - lines.step));
      hn::Store(hn::Mul(hn::Load(d, lines.inv + at), own), d, z + at);
    }
  }
  return climb(lines, r, z);
}

template <bool kFirst>
double direct_on(const Lines& lines, double beta, const Gradients& g, double* scratch) {
  const D d;
  const V b = hn::Set(d, beta);
  const std::size_t line = lines.columns * kGroup;
  V row[kGroup];
  V sum = hn::Zero(d), sum2 = hn::Zero(d);
  for (std::size_t first = 0; first < lines.rows; first += kGroup) {
    for (std::size_t c = 0; c < lines.columns; c += kLanes) {
      for (std::size_t k = 0; k < kGroup; ++k) {
        const std::size_t at = (first + k) * lines.step + c;
        const V z = hn::Load(d, g.z + at), r = hn::Load(d, g.r + at);
        row[k] = kFirst ? z : hn::MulAdd(b, hn::Load(d, g.p + at), z);
        hn::Store(row[k], d, g.p + at);
        hn::Store(kFirst ? r : hn::MulAdd(b, hn::Load(d, g.q + at), r), d, g.q + at);
      }
      turn_in(row, scratch + c * kGroup);
    }
    const std::size_t at8 = first * lines.columns;
    sweep_words<true>(lines.d8 + at8, lines.inv8 + at8, line, scratch);
    for (std::size_t c = 0; c < lines.columns; c += kLanes) {
      turn_out(scratch + c * kGroup, row);
      for (std::size_t k = 0; k < kGroup; ++k) {
        const std::size_t at = (first + k) * lines.step + c;
        hn::Store(row[k], d, g.w + at);
        V& to = k % 2 == 0 ? sum : sum2;
        to = hn::MulAdd(hn::Load(d, g.p + at), hn::Sub(hn::Load(d, g.q + at), row[k]), to);
      }
    }
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(sum, sum2)));
}

double direct_here(const Lines& lines, bool first, double beta, const Gradients& g, double* scratch) {
  return first ? direct_on<true>(lines, beta, g, scratch) : direct_on<false>(lines, beta, g, scratch);
}

Advance advance_here(const Lines& lines, double alpha, const Gradients& g) {
  const D d;
  const V a = hn::Set(d, alpha);
  V largest = hn::Zero(d);
  for (std::size_t row = 0; row < lines.rows; ++row) {
    for (std::size_t c = 0; c < lines.columns; c += kLanes) {
      const std::size_t at = row * lines.step + c;
      hn::Store(hn::MulAdd(a, hn::Load(d, g.p + at), hn::Load(d, g.x + at)), d, g.x + at);
      const V r = hn::NegMulAdd(a, hn::Sub(hn::Load(d, g.q + at), hn::Load(d, g.w + at)), hn::Load(d, g.r + at));
      hn::Store(r, d, g.r + at);
      largest = hn::Max(largest, hn::Abs(r));
      const V own = row > 0 ? hn::Add(r, hn::Load(d, g.z + at - lines.step)) : r;
      hn::Store(hn::Mul(hn::Load(d, lines.inv + at), own), d, g.z + at);
    }
  }
  return {climb(lines, g.r, g.z), hn::GetLane(hn::MaxOfLanes(d, largest))};
}

}  // namespace HWY_NAMESPACE
}  // namespace eqprop::wire_lanes
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eqprop::wire_lanes {
HWY_EXPORT(to_eights_here);
HWY_EXPORT(from_eights_here);
HWY_EXPORT(factor_words_here);
HWY_EXPORT(factor_bits_here);
HWY_EXPORT(solve_words_here);
HWY_EXPORT(precondition_here);
HWY_EXPORT(direct_here);
HWY_EXPORT(advance_here);

void to_eights(const double* from, std::size_t rows, std::size_t columns, std::size_t step, double* to) {
  HWY_DYNAMIC_DISPATCH(to_eights_here)(from, rows, columns, step, to);
}
void from_eights(const double* from, std::size_t rows, std::size_t columns, std::size_t step, double* to) {
  HWY_DYNAMIC_DISPATCH(from_eights_here)(from, rows, columns, step, to);
}
void factor_words(const double* a8, std::size_t rows, std::size_t columns, double* inv8) {
  HWY_DYNAMIC_DISPATCH(factor_words_here)(a8, rows, columns, inv8);
}
void factor_bits(const double* a, std::size_t rows, std::size_t columns, std::size_t step, double* inv) {
  HWY_DYNAMIC_DISPATCH(factor_bits_here)(a, rows, columns, step, inv);
}
void solve_words(const Lines& lines, double* f8) { HWY_DYNAMIC_DISPATCH(solve_words_here)(lines, f8); }
double precondition(const Lines& lines, const double* r, double* z) { return HWY_DYNAMIC_DISPATCH(precondition_here)(lines, r, z); }
double direct(const Lines& lines, bool first, double beta, const Gradients& g, double* scratch) {
  return HWY_DYNAMIC_DISPATCH(direct_here)(lines, first, beta, g, scratch);
}
Advance advance(const Lines& lines, double alpha, const Gradients& g) { return HWY_DYNAMIC_DISPATCH(advance_here)(lines, alpha, g); }

std::int64_t targets() { return hwy::SupportedTargets() & HWY_TARGETS; }
void restrict_targets(std::int64_t mask) { hwy::SetSupportedTargetsForTest(mask); }

}  // namespace eqprop::wire_lanes
#endif
