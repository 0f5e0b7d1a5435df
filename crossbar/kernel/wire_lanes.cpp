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

template <class T>
using Tag = hn::CappedTag<T, kWidth<T>>;
template <class T>
using Vec = hn::Vec<Tag<T>>;
template <class T>
inline constexpr std::size_t kLanes = hn::MaxLanes(Tag<T>());
template <class T>
inline constexpr std::size_t kParts = kWidth<T> / kLanes<T>;  // vectors of a row of a strip
template <class T>
inline constexpr std::size_t kBlock = 16 / sizeof(T) < kLanes<T> ? 16 / sizeof(T) : kLanes<T>;  // numbers of 128 bits
// strips that are swept side by side, to hide the latency of each one's chain
template <class T>
inline constexpr std::size_t kSide = kParts<T> == 1 ? 2 : 1;

// blocks that lie `step` apart as one vector, and back
template <class D, class T>
HWY_INLINE hn::Vec<D> gather(D d, const T* from, [[maybe_unused]] std::size_t step) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (hn::MaxLanes(D()) > kBlock<T>) {
    const hn::Half<D> half;
    return hn::Combine(d, gather(half, from + hn::MaxLanes(half) / kBlock<T> * step, step), gather(half, from, step));
  }
#endif
  return hn::Load(d, from);
}
template <class D, class T>
HWY_INLINE void scatter(D d, hn::Vec<D> v, T* to, [[maybe_unused]] std::size_t step) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (hn::MaxLanes(D()) > kBlock<T>) {
    const hn::Half<D> half;
    scatter(half, hn::LowerHalf(half, v), to, step);
    scatter(half, hn::UpperHalf(half, v), to + hn::MaxLanes(half) / kBlock<T> * step, step);
    return;
  }
#endif
  hn::Store(v, d, to);
}

// every block of kBlock vectors is a square: turn all of them
template <class T>
HWY_INLINE void turn([[maybe_unused]] Vec<T> (&v)[kBlock<T>]) {
#if HWY_TARGET != HWY_SCALAR
  const Tag<T> d;
  if constexpr (kBlock<T> == 2) {
    const Vec<T> a = v[0];
    v[0] = hn::InterleaveLower(d, a, v[1]);
    v[1] = hn::InterleaveUpper(d, a, v[1]);
  } else {
    const Vec<T> a = hn::InterleaveLower(d, v[0], v[2]), b = hn::InterleaveUpper(d, v[0], v[2]);
    const Vec<T> c = hn::InterleaveLower(d, v[1], v[3]), e = hn::InterleaveUpper(d, v[1], v[3]);
    v[0] = hn::InterleaveLower(d, a, c);
    v[1] = hn::InterleaveUpper(d, a, c);
    v[2] = hn::InterleaveLower(d, b, e);
    v[3] = hn::InterleaveUpper(d, b, e);
  }
#endif
}

// kBlock columns of a square [kWidth][kWidth], kLanes rows from `row` on
template <class T>
HWY_INLINE void columns_of(const T* square, std::size_t row, std::size_t column, Vec<T> (&v)[kBlock<T>]) {
  HWY_UNROLL(4)
  for (std::size_t j = 0; j < kBlock<T>; ++j) v[j] = gather(Tag<T>(), square + (row + j) * kWidth<T> + column, kBlock<T> * kWidth<T>);
  turn<T>(v);
}
template <class T>
HWY_INLINE void to_columns(Vec<T> (&v)[kBlock<T>], std::size_t row, std::size_t column, T* square) {
  turn<T>(v);
  HWY_UNROLL(4)
  for (std::size_t j = 0; j < kBlock<T>; ++j) scatter(Tag<T>(), v[j], square + (row + j) * kWidth<T> + column, kBlock<T> * kWidth<T>);
}

template <class T>
void factor_words(const Lines<T>& lines, T first, T last, T* word_inv) {
  const Tag<T> d;
  const Vec<T> one = hn::Set(d, T(1));
  for (std::size_t group = 0; group < lines.groups(); ++group) {
    T* inv = word_inv + group * lines.strips() * kWidth<T> * kWidth<T>;
    for (std::size_t part = 0; part < kParts<T>; ++part) {
      Vec<T> shunt = hn::Set(d, first);  // what the node's line leads to ground behind it, and its end
      for (std::size_t c = 0; c < lines.strips() * kWidth<T>; c += kBlock<T>) {
        Vec<T> cells[kBlock<T>];
        columns_of(lines.cells + c / kWidth<T> * lines.strip + group * kWidth<T> * kWidth<T>, part * kLanes<T>, c % kWidth<T>, cells);
        for (std::size_t j = 0; j < kBlock<T>; ++j) {
          const std::size_t column = c + j;
          const bool end = column + 1 == lines.columns;
          if (end) shunt = hn::Add(shunt, hn::Set(d, last));
          shunt = hn::Add(shunt, cells[j]);
          const Vec<T> own = column < lines.columns ? hn::Div(one, end ? shunt : hn::Add(one, shunt)) : hn::Zero(d);
          hn::Store(own, d, inv + column * kWidth<T> + part * kLanes<T>);
          shunt = hn::Mul(shunt, own);
        }
      }
    }
  }
}

template <class T>
void factor(const Lines<T>& lines, T first, T last, T* word_inv, T* bit_inv) {
  factor_words(lines, first, last, word_inv);
  const Tag<T> d;
  const Vec<T> one = hn::Set(d, T(1));
  for (std::size_t s = 0; s < lines.strips(); ++s) {
    Vec<T> shunt[kParts<T>];
    for (Vec<T>& v : shunt) v = hn::Zero(d);
    for (std::size_t r = 0; r < lines.rows; ++r) {
      for (std::size_t v = 0; v < kParts<T>; ++v) {
        const std::size_t at = s * lines.strip + r * kWidth<T> + v * kLanes<T>;
        const bool end = r + 1 == lines.rows;
        if (end) shunt[v] = hn::Add(shunt[v], hn::Set(d, lines.bit_end));
        shunt[v] = hn::Add(shunt[v], hn::Load(d, lines.cells + at));
        const Vec<T> own = hn::Div(one, end ? shunt[v] : hn::Add(one, shunt[v]));
        hn::Store(own, d, bit_inv + at);
        shunt[v] = hn::Mul(shunt[v], own);
      }
    }
  }
}

enum class Pass { begin, first, next, finish };

struct Curvature {
  double lines = 0;  // p' (Tb + D) p
  double words = 0;  // p' D (Tw + D)^-1 D p
};

// one square of rows, made ready for the way there: D p, or the word lines' residual
template <class T, Pass kPass>
HWY_INLINE void fill_square(const Lines<T>& lines, Vec<T> beta, const Fields<T>& f, std::size_t row, std::size_t at, Vec<T>& curvature,
                            T* HWY_RESTRICT square) {
  const Tag<T> d;
  for (std::size_t v = 0; v < kParts<T>; ++v) {
    Vec<T> above = hn::Zero(d);
    if (kPass == Pass::first || kPass == Pass::next) {
      if (row > 0) {
        above = hn::Load(d, f.p + at + v * kLanes<T> - kWidth<T>);
      } else {
        above = hn::Load(d, f.z + at + v * kLanes<T>);
        if (kPass == Pass::next) above = hn::MulAdd(beta, hn::Load(d, f.p + at + v * kLanes<T>), above);
      }
    }
    for (std::size_t k = 0; k < kWidth<T>; ++k) {
      const std::size_t here = at + k * kWidth<T> + v * kLanes<T>;
      Vec<T> out;
      if constexpr (kPass == Pass::begin) {
        out = hn::Load(d, f.word + here);
      } else if constexpr (kPass == Pass::finish) {
        out = hn::MulAdd(hn::Load(d, lines.cells + here), hn::Load(d, f.x + here), hn::Load(d, f.word + here));
      } else {
        Vec<T> p = hn::Load(d, f.z + here);
        if constexpr (kPass == Pass::next) p = hn::MulAdd(beta, hn::Load(d, f.p + here), p);
        hn::Store(p, d, f.p + here);
        out = hn::Mul(p, hn::Load(d, lines.cells + here));
        const Vec<T> along = hn::Sub(above, p);
        curvature = hn::MulAdd(along, along, hn::MulAdd(p, out, curvature));
        above = p;
      }
      hn::Store(out, d, square + k * kWidth<T> + v * kLanes<T>);
    }
  }
}

template <class T, Pass kPass>
HWY_INLINE void empty_square(const Lines<T>& lines, const T* HWY_RESTRICT square, std::size_t at, const Fields<T>& f) {
  const Tag<T> d;
  for (std::size_t k = 0; k < kWidth<T> * kWidth<T>; k += kLanes<T>) {
    const Vec<T> word = hn::Load(d, square + k);
    if constexpr (kPass == Pass::finish) {
      hn::Store(word, d, f.w + at + k);
    } else {
      const Vec<T> cells = hn::Load(d, lines.cells + at + k);
      if constexpr (kPass == Pass::begin) {
        hn::Store(word, d, f.x + at + k);
        hn::Store(hn::MulAdd(cells, word, hn::Load(d, f.w + at + k)), d, f.w + at + k);
      } else {
        hn::Store(hn::Mul(cells, word), d, f.w + at + k);
      }
    }
  }
}

// kWidth word lines there and back
template <class T, Pass kPass>
Curvature sweep_group(const Lines<T>& lines, Vec<T> beta, const Fields<T>& f, std::size_t group) {
  const Tag<T> d;
  constexpr std::size_t kW = kWidth<T>, kL = kLanes<T>, kB = kBlock<T>;
  HWY_ALIGN T square[kW * kW];
  const T* HWY_RESTRICT inv = lines.word_inv + group * lines.strips() * kW * kW;
  Vec<T> before[kParts<T>], columns[kB];
  for (Vec<T>& b : before) b = hn::Zero(d);
  Vec<T> along = hn::Zero(d), across = hn::Zero(d);
  for (std::size_t s = 0; s < lines.strips(); ++s) {
    fill_square<T, kPass>(lines, beta, f, group * kW, s * lines.strip + group * kW * kW, along, square);
    for (std::size_t part = 0; part < kParts<T>; ++part) {
      for (std::size_t c = 0; c < kW; c += kB) {
        columns_of(square, part * kL, c, columns);
        HWY_UNROLL(4)
        for (std::size_t j = 0; j < kB; ++j) {
          const std::size_t at = (s * kW + c + j) * kW + part * kL;
          const Vec<T> own = hn::Load(d, inv + at), sum = hn::Add(columns[j], before[part]);
          before[part] = hn::MulAdd(own, before[part], hn::Mul(own, columns[j]));  // the chain is one fused step long
          if constexpr (kPass == Pass::first || kPass == Pass::next) across = hn::MulAdd(before[part], sum, across);
          hn::Store(before[part], d, f.turned + at);
        }
      }
    }
  }
  for (Vec<T>& b : before) b = hn::Zero(d);
  for (std::size_t s = lines.strips(); s-- > 0;) {
    for (std::size_t part = 0; part < kParts<T>; ++part) {
      for (std::size_t c = kW; c > 0;) {
        c -= kB;
        HWY_UNROLL(4)
        for (std::size_t j = 1; j <= kB; ++j) {
          const std::size_t at = (s * kW + c + kB - j) * kW + part * kL;
          before[part] = hn::MulAdd(hn::Load(d, inv + at), before[part], hn::Load(d, f.turned + at));
          columns[kB - j] = before[part];
        }
        to_columns(columns, part * kL, c, square);
      }
    }
    empty_square<T, kPass>(lines, square, s * lines.strip + group * kW * kW, f);
  }
  return {static_cast<double>(hn::GetLane(hn::SumOfLanes(d, along))), static_cast<double>(hn::GetLane(hn::SumOfLanes(d, across)))};
}

template <class T, Pass kPass>
double sweep_words(const Lines<T>& lines, T beta, const Fields<T>& f) {
  const Tag<T> d;
  Curvature sum;
  for (std::size_t group = 0; group < lines.groups(); ++group) {
    const Curvature own = sweep_group<T, kPass>(lines, hn::Set(d, beta), f, group);
    sum.lines += own.lines;
    sum.words += own.words;
  }
  if (kPass == Pass::begin || kPass == Pass::finish) return 0;
  // the ends of the bit lines; a row of zeros below the last one has been counted as an end of 1
  Vec<T> ends = hn::Zero(d);
  for (std::size_t s = 0; s < lines.strips(); ++s) {
    for (std::size_t v = 0; v < kWidth<T>; v += kLanes<T>) {
      const Vec<T> p = hn::Load(d, f.p + s * lines.strip + (lines.rows - 1) * kWidth<T> + v);
      ends = hn::MulAdd(p, p, ends);
    }
  }
  const double end = static_cast<double>(lines.bit_end) - (lines.rows % kWidth<T> == 0 ? 0 : 1);
  return sum.lines + end * static_cast<double>(hn::GetLane(hn::SumOfLanes(d, ends))) - sum.words;
}

enum class Climb { begin, first, next };

template <class T>
struct Sums {
  Vec<T> rz, largest;
};

// kStrips strips down and up; what is left on the way down stays in w
template <class T, Climb kClimb, std::size_t kStrips>
Sums<T> sweep_strips(const Lines<T>& lines, Vec<T> alpha, const Fields<T>& f, std::size_t first) {
  const Tag<T> d;
  constexpr std::size_t kV = kStrips * kParts<T>;
  const auto at = [&](std::size_t row, std::size_t v) {
    return first + v / kParts<T> * lines.strip + row * kWidth<T> + v % kParts<T> * kLanes<T>;
  };
  Vec<T> s[kV], z[kV], part[kV];
  for (Vec<T>& v : s) v = hn::Zero(d);
  for (std::size_t row = 0; row < lines.rows; ++row) {
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < kV; ++v) {
      const Vec<T> inv = hn::Load(d, lines.bit_inv + at(row, v));
      s[v] = hn::MulAdd(inv, s[v], hn::Mul(inv, hn::Load(d, f.w + at(row, v))));
      hn::Store(s[v], d, f.w + at(row, v));
    }
  }
  Sums<T> sum{hn::Zero(d), hn::Zero(d)};
  const Vec<T> end = hn::Set(d, lines.bit_end);
  for (std::size_t v = 0; v < kV; ++v) s[v] = z[v] = part[v] = hn::Zero(d);
  for (std::size_t row = lines.rows; row-- > 0;) {
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < kV; ++v) {
      const std::size_t here = at(row, v);
      s[v] = hn::MulAdd(hn::Load(d, lines.bit_inv + here), s[v], hn::Load(d, f.w + here));
      Vec<T> own = s[v];
      if constexpr (kClimb != Climb::begin) {
        const Vec<T> p = hn::Load(d, f.p + here);
        own = hn::NegMulAdd(alpha, hn::Sub(p, s[v]), hn::Load(d, f.z + here));
        hn::Store(kClimb == Climb::first ? hn::Mul(alpha, p) : hn::MulAdd(alpha, p, hn::Load(d, f.x + here)), d, f.x + here);
      }
      hn::Store(own, d, f.z + here);
      // (Tb + D) z is the residual: that of the row below is known now
      const Vec<T> along = row + 1 == lines.rows ? hn::Mul(end, own) : hn::Sub(own, z[v]);
      if (row + 1 < lines.rows) sum.largest = hn::Max(sum.largest, hn::Abs(hn::Sub(part[v], along)));
      const Vec<T> through = hn::Mul(own, hn::Load(d, lines.cells + here));
      part[v] = hn::Add(through, along);
      sum.rz = hn::MulAdd(own, through, hn::MulAdd(along, row + 1 == lines.rows ? own : along, sum.rz));
      z[v] = own;
    }
  }
  for (std::size_t v = 0; v < kV; ++v) sum.largest = hn::Max(sum.largest, hn::Abs(part[v]));
  return sum;
}

template <class T, Climb kClimb>
Norms sweep_bits(const Lines<T>& lines, T alpha, const Fields<T>& f) {
  const Tag<T> d;
  Norms norms{0, 0};
  const auto add = [&](const Sums<T>& own) HWY_ATTR {
    norms.rz += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, own.rz)));
    norms.largest = std::max(norms.largest, static_cast<double>(hn::GetLane(hn::MaxOfLanes(d, own.largest))));
  };
  const Vec<T> step = hn::Set(d, alpha);
  std::size_t s = 0;
  for (; s + kSide<T> <= lines.strips(); s += kSide<T>) add(sweep_strips<T, kClimb, kSide<T>>(lines, step, f, s * lines.strip));
  for (; s < lines.strips(); ++s) add(sweep_strips<T, kClimb, 1>(lines, step, f, s * lines.strip));
  return norms;
}

template <class T>
Norms begin(const Lines<T>& lines, const Fields<T>& f) {
  sweep_words<T, Pass::begin>(lines, T(0), f);
  return sweep_bits<T, Climb::begin>(lines, T(0), f);
}

template <class T>
double direct(const Lines<T>& lines, bool first, T beta, const Fields<T>& f) {
  return first ? sweep_words<T, Pass::first>(lines, beta, f) : sweep_words<T, Pass::next>(lines, beta, f);
}

template <class T>
Norms advance(const Lines<T>& lines, bool first, T alpha, const Fields<T>& f) {
  return first ? sweep_bits<T, Climb::first>(lines, alpha, f) : sweep_bits<T, Climb::next>(lines, alpha, f);
}

template <class T>
void finish(const Lines<T>& lines, const Fields<T>& f) {
  sweep_words<T, Pass::finish>(lines, T(0), f);
}

template <class T>
void put(const Lines<T>& lines, std::size_t row, const double* HWY_RESTRICT from, double scale, T* HWY_RESTRICT field) {
  T* to = field + row * kWidth<T>;
  std::size_t c = 0;
  for (; c + kWidth<T> <= lines.columns; c += kWidth<T>, to += lines.strip)
    for (std::size_t k = 0; k < kWidth<T>; ++k) to[k] = static_cast<T>(scale * from[c + k]);
  for (std::size_t k = 0; c + k < lines.columns; ++k) to[k] = static_cast<T>(scale * from[c + k]);
}

template <class T>
void add(const Lines<T>& lines, const T* HWY_RESTRICT field, double scale, double* HWY_RESTRICT to, std::size_t step) {
  for (std::size_t r = 0; r < lines.rows; ++r, to += step) {
    const T* from = field + r * kWidth<T>;
    std::size_t c = 0;
    for (; c + kWidth<T> <= lines.columns; c += kWidth<T>, from += lines.strip)
      for (std::size_t k = 0; k < kWidth<T>; ++k) to[c + k] += scale * static_cast<double>(from[k]);
    for (std::size_t k = 0; c + k < lines.columns; ++k) to[c + k] += scale * static_cast<double>(from[k]);
  }
}

template <class T>
Steps<T> steps_of() {
  return {factor<T>, begin<T>, direct<T>, advance<T>, finish<T>, put<T>, add<T>};
}
Steps<float> float_steps() { return steps_of<float>(); }
Steps<double> double_steps() { return steps_of<double>(); }

}  // namespace HWY_NAMESPACE
}  // namespace eqprop::wire_lanes
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eqprop::wire_lanes {
HWY_EXPORT(float_steps);
HWY_EXPORT(double_steps);

template <>
Steps<float> steps<float>() {
  return HWY_DYNAMIC_DISPATCH(float_steps)();
}
template <>
Steps<double> steps<double>() {
  return HWY_DYNAMIC_DISPATCH(double_steps)();
}

std::int64_t targets() { return hwy::SupportedTargets() & HWY_TARGETS; }
void restrict_targets(std::int64_t mask) { hwy::SetSupportedTargetsForTest(mask); }

}  // namespace eqprop::wire_lanes
#endif
