#include "crossbar/kernel/kirchhoff_lanes.h"

#include <algorithm>

// scalable vectors cannot be kept in arrays; such CPUs run the fixed-size code (SSSE3 alone is not worth its code)
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "crossbar/kernel/kirchhoff_lanes.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace eqprop::kirchhoff_lanes {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<double, 8>;
using V = hn::Vec<D>;
inline constexpr std::size_t kLanes = hn::MaxLanes(D());

HWY_INLINE void put(V v, float* to) {
  const hn::Rebind<float, D> to_float;
  hn::StoreU(hn::DemoteTo(to_float, v), to_float, to);
}
HWY_INLINE void put(V v, double* to) { hn::StoreU(v, D(), to); }

struct Lanes {
  V word_left, bit_left, word_volt, bit_volt, cell_power, wire_power;
};

// kLanes columns of a row. kEdge: the first or the last of them
template <class T, bool kEdge>
HWY_INLINE void columns(const Circuit& circuit, std::size_t row, std::size_t column, V scale, T* word_left, T* bit_left, Lanes& sum) {
  const D d;
  const std::size_t at = row * circuit.step + column;
  const V word = hn::LoadU(d, circuit.word + at), bit = hn::LoadU(d, circuit.bit + at);
  const V over = hn::Sub(word, bit);
  V through = hn::Mul(hn::LoadU(d, circuit.cells + at), over);
  if (circuit.offset != nullptr) through = hn::Add(through, hn::LoadU(d, circuit.offset + at));

  V from_left, to_right = hn::Sub(word, hn::LoadU(d, circuit.word + at + 1));
  V heat = hn::Mul(to_right, to_right);
  if constexpr (kEdge) {
    HWY_ALIGN double before[2 * kLanes] = {};
    if (column > 0) before[kLanes - 1] = circuit.word[at - 1];
    hn::Store(word, d, before + kLanes);
    from_left = hn::Sub(hn::LoadU(d, before + kLanes - 1), word);
    if (column == 0) from_left = hn::IfThenElse(hn::FirstN(d, 1), hn::Set(d, circuit.into_first[row]), from_left);
    const std::size_t inner = std::min(kLanes, circuit.columns - 1 - column);  // segments that end inside
    to_right = hn::IfThenElse(hn::FirstN(d, inner), to_right, hn::Set(d, -circuit.into_last[row]));
    heat = hn::IfThenElseZero(hn::FirstN(d, inner), heat);
  } else {
    from_left = hn::Sub(hn::LoadU(d, circuit.word + at - 1), word);
  }
  V into_word = hn::Sub(hn::Sub(from_left, to_right), through);

  const bool last = row + 1 == circuit.rows;
  V into_bit = through;
  if (row > 0) into_bit = hn::Add(into_bit, hn::Sub(hn::LoadU(d, circuit.bit + at - circuit.step), bit));
  if (last) {
    into_bit = hn::Add(into_bit, hn::LoadU(d, circuit.into_bits + column));
  } else {
    const V down = hn::Sub(bit, hn::LoadU(d, circuit.bit + at + circuit.step));
    into_bit = hn::Sub(into_bit, down);
    heat = hn::MulAdd(down, down, heat);
  }
  if constexpr (kEdge) {
    const auto real = hn::FirstN(d, std::min(kLanes, circuit.columns - column));
    into_word = hn::IfThenElseZero(real, into_word);
    into_bit = hn::IfThenElseZero(real, into_bit);
  }
  sum.cell_power = hn::MulAdd(through, over, sum.cell_power);
  sum.wire_power = hn::Add(sum.wire_power, heat);
  sum.word_left = hn::Max(sum.word_left, hn::Abs(into_word));
  sum.bit_left = hn::Max(sum.bit_left, hn::Abs(into_bit));
  sum.word_volt = hn::Max(sum.word_volt, hn::Abs(word));
  sum.bit_volt = hn::Max(sum.bit_volt, hn::Abs(bit));
  put(hn::Mul(scale, into_word), word_left);
  put(hn::Mul(scale, into_bit), bit_left);
}

template <class T>
Sums residuals_of(const Circuit& circuit, double scale, std::size_t strip, T* word_left, T* bit_left) {
  const D d;
  constexpr std::size_t kWidth = 64 / sizeof(T);
  const V factor = hn::Set(d, scale);
  const V zero = hn::Zero(d);
  Lanes sum{zero, zero, zero, zero, zero, zero};
  for (std::size_t row = 0; row < circuit.rows; ++row) {
    for (std::size_t c = 0; c < circuit.columns; c += kLanes) {
      const std::size_t to = c / kWidth * strip + row * kWidth + c % kWidth;
      if (c == 0 || c + kLanes >= circuit.columns) {
        columns<T, true>(circuit, row, c, factor, word_left + to, bit_left + to, sum);
      } else {
        columns<T, false>(circuit, row, c, factor, word_left + to, bit_left + to, sum);
      }
    }
  }
  const auto largest = [&](V lanes) HWY_ATTR { return hn::GetLane(hn::MaxOfLanes(d, lanes)); };
  return {largest(sum.word_left),
          largest(sum.bit_left),
          largest(sum.word_volt),
          largest(sum.bit_volt),
          hn::GetLane(hn::SumOfLanes(d, sum.cell_power)),
          hn::GetLane(hn::SumOfLanes(d, sum.wire_power))};
}

Sums float_residuals(const Circuit& circuit, double scale, std::size_t strip, float* word_left, float* bit_left) {
  return residuals_of(circuit, scale, strip, word_left, bit_left);
}
Sums double_residuals(const Circuit& circuit, double scale, std::size_t strip, double* word_left, double* bit_left) {
  return residuals_of(circuit, scale, strip, word_left, bit_left);
}

}  // namespace HWY_NAMESPACE
}  // namespace eqprop::kirchhoff_lanes
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eqprop::kirchhoff_lanes {
HWY_EXPORT(float_residuals);
HWY_EXPORT(double_residuals);

template <>
Sums residuals(const Circuit& circuit, double scale, std::size_t strip, float* word_left, float* bit_left) {
  return HWY_DYNAMIC_DISPATCH(float_residuals)(circuit, scale, strip, word_left, bit_left);
}
template <>
Sums residuals(const Circuit& circuit, double scale, std::size_t strip, double* word_left, double* bit_left) {
  return HWY_DYNAMIC_DISPATCH(double_residuals)(circuit, scale, strip, word_left, bit_left);
}

}  // namespace eqprop::kirchhoff_lanes
#endif
