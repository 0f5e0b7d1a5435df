// Settling by lists of changes, vectorised: lanes run over units; a piece of a field stays in registers over a whole list.
#include "eqprop/kernel/deep_lanes.h"

#include <algorithm>

// scalable vectors cannot be kept in arrays; such CPUs run the fixed-size code (SSSE3 alone is not worth its code)
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "eqprop/kernel/deep_lanes.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace eqprop::deep {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

inline constexpr std::size_t kTileRows = 64;  // lines that stay in a first-level cache over the mails
inline constexpr std::size_t kLine = 16;  // floats per cache line

std::size_t move_layer_here(const float* HWY_RESTRICT field, float* HWY_RESTRICT value, std::size_t ld, const Move& move,
                            std::uint32_t* HWY_RESTRICT index, float* HWY_RESTRICT amount) {
  const D d;
  const hn::RebindToUnsigned<D> du;
  const std::size_t step = hn::Lanes(d);
  const V low = hn::Set(d, move.low);
  const V high = hn::Set(d, move.high);
  const V scale = hn::Set(d, move.scale);
  const V omega = hn::Set(d, move.omega);
  const V threshold = hn::Set(d, move.threshold);
  std::size_t found = 0;
  for (std::size_t c = 0; c < ld; c += step) {
    V h = hn::Load(d, field + c);
    if (move.nudge != nullptr) h = hn::Mul(hn::Add(h, hn::Load(d, move.nudge + c)), scale);
    const V v = hn::Load(d, value + c);
    // the bound comes first: min and max of x86 then hand a NaN through
    const V next = hn::Min(high, hn::Max(low, hn::MulAdd(omega, hn::Sub(h, v), v)));
    const V change = hn::Sub(next, v);
    const auto moves = hn::Not(hn::Le(hn::Abs(change), threshold));
    const std::size_t count = hn::CountTrue(d, moves);
    if (count == 0) continue;
    hn::Store(hn::IfThenElse(moves, next, v), d, value + c);
    // compressed in registers: the storing form is microcode on some CPUs
    hn::StoreU(hn::Compress(change, moves), d, amount + found);
    hn::StoreU(hn::Compress(hn::Iota(du, static_cast<std::uint32_t>(c)), hn::RebindMask(du, moves)), du, index + found);
    found += count;
  }
  return found;
}

float distance_here(const float* HWY_RESTRICT field, const float* HWY_RESTRICT value, std::size_t ld, const Move& move) {
  const D d;
  const std::size_t step = hn::Lanes(d);
  const V low = hn::Set(d, move.low);
  const V high = hn::Set(d, move.high);
  const V scale = hn::Set(d, move.scale);
  V largest = hn::Zero(d);
  for (std::size_t c = 0; c < ld; c += step) {
    V h = hn::Load(d, field + c);
    if (move.nudge != nullptr) h = hn::Mul(hn::Add(h, hn::Load(d, move.nudge + c)), scale);
    largest = hn::Max(largest, hn::AbsDiff(hn::Min(high, hn::Max(low, h)), hn::Load(d, value + c)));
  }
  return hn::GetLane(hn::MaxOfLanes(d, largest));
}

// the part of a mail that lies in lines below `end`, kGroup vectors of columns
template <int kGroup>
HWY_INLINE void send_group(const float* HWY_RESTRICT lines, std::size_t ld, std::uint32_t end, std::size_t c, Mail& mail) {
  const D d;
  const std::size_t step = hn::Lanes(d);
  const std::uint32_t* HWY_RESTRICT index = mail.index;
  const float* HWY_RESTRICT amount = mail.amount;
  float* HWY_RESTRICT field = mail.field + c;
  const std::size_t count = mail.count;
  std::size_t j = mail.next;
  if (j == count || index[j] >= end) return;
  V sum[kGroup];
  HWY_UNROLL(8)
  for (int g = 0; g < kGroup; ++g) sum[g] = hn::Load(d, field + static_cast<std::size_t>(g) * step);
  do {
    const float* line = lines + index[j] * ld + c;
    const V x = hn::Set(d, amount[j]);
    HWY_UNROLL(8)
    for (int g = 0; g < kGroup; ++g) sum[g] = hn::MulAdd(x, hn::Load(d, line + static_cast<std::size_t>(g) * step), sum[g]);
    ++j;
  } while (j < count && index[j] < end);
  HWY_UNROLL(8)
  for (int g = 0; g < kGroup; ++g) hn::Store(sum[g], d, field + static_cast<std::size_t>(g) * step);
  mail.next = j;
}

template <int kGroup>
void send_columns(const float* lines, std::size_t ld, std::size_t rows, std::size_t c, Mail* mail, std::size_t count) {
  for (std::size_t m = 0; m < count; ++m) mail[m].next = 0;
  for (std::size_t first = 0; first < rows; first += kTileRows) {
    const auto end = static_cast<std::uint32_t>(first + kTileRows);
    for (std::size_t m = 0; m < count; ++m) send_group<kGroup>(lines, ld, end, c, mail[m]);
  }
}

void send_here(const float* lines, std::size_t ld, std::size_t rows, std::size_t first, std::size_t columns, Mail* mail, std::size_t count) {
  const std::size_t step = hn::Lanes(D());
  const std::size_t end = first + columns;
  std::size_t c = first;
  for (; c + 8 * step <= end; c += 8 * step) send_columns<8>(lines, ld, rows, c, mail, count);
  for (; c + 4 * step <= end; c += 4 * step) send_columns<4>(lines, ld, rows, c, mail, count);
  for (; c < end; c += step) send_columns<1>(lines, ld, rows, c, mail, count);
}

void take_residual_here(const float* value, const float* field, std::size_t ld, float low, float high, float* out) {
  const D d;
  const V bottom = hn::Set(d, low);
  const V top = hn::Set(d, high);
  for (std::size_t c = 0; c < ld; c += hn::Lanes(d)) {
    const V v = hn::Load(d, value + c);
    const V h = hn::Load(d, field + c);
    const auto held = hn::Or(hn::And(hn::Eq(v, bottom), hn::Lt(h, bottom)), hn::And(hn::Eq(v, top), hn::Gt(h, top)));
    hn::Store(hn::IfThenElse(held, h, v), d, out + c);
  }
}

void turn_here(const float* HWY_RESTRICT lines, std::size_t ld, std::size_t first, std::size_t count, std::size_t columns,
               float* HWY_RESTRICT out, std::size_t out_ld) {
  // tiles of a cache line's width both ways
  for (std::size_t c = 0; c < columns; c += kLine) {
    const std::size_t wide = std::min(kLine, columns - c);
    for (std::size_t r = first; r < first + count; r += kLine) {
      const std::size_t high = std::min(kLine, first + count - r);
      if (wide == kLine && high == kLine) {
        float tile[kLine][kLine];
        for (std::size_t i = 0; i < kLine; ++i) {
          for (std::size_t j = 0; j < kLine; ++j) tile[j][i] = lines[(r + i) * ld + c + j];
        }
        for (std::size_t j = 0; j < kLine; ++j) std::copy_n(tile[j], kLine, out + (c + j) * out_ld + r);
      } else {
        for (std::size_t i = 0; i < high; ++i) {
          for (std::size_t j = 0; j < wide; ++j) out[(c + j) * out_ld + r + i] = lines[(r + i) * ld + c + j];
        }
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eqprop::deep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eqprop::deep {
HWY_EXPORT(move_layer_here);
HWY_EXPORT(distance_here);
HWY_EXPORT(send_here);
HWY_EXPORT(take_residual_here);
HWY_EXPORT(turn_here);

std::size_t move_layer(const float* field, float* value, std::size_t ld, const Move& move, std::uint32_t* index, float* amount) {
  return HWY_DYNAMIC_DISPATCH(move_layer_here)(field, value, ld, move, index, amount);
}

float distance(const float* field, const float* value, std::size_t ld, const Move& move) {
  return HWY_DYNAMIC_DISPATCH(distance_here)(field, value, ld, move);
}

void send(const float* lines, std::size_t ld, std::size_t rows, std::size_t first, std::size_t columns, Mail* mail, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(send_here)(lines, ld, rows, first, columns, mail, count);
}

void take_residual(const float* value, const float* field, std::size_t ld, float low, float high, float* out) {
  HWY_DYNAMIC_DISPATCH(take_residual_here)(value, field, ld, low, high, out);
}

void turn(const float* lines, std::size_t ld, std::size_t first, std::size_t count, std::size_t columns, float* out, std::size_t out_ld) {
  HWY_DYNAMIC_DISPATCH(turn_here)(lines, ld, first, count, columns, out, out_ld);
}

}  // namespace eqprop::deep
#endif
