// Settling by lists of changes, vectorised: lanes run over units; a piece of a field stays in registers over a whole list.
#include "eqprop/kernel/deep_lanes.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

inline constexpr std::size_t kTileRows = 32;    // least lines that are worked on at a time: they stay in a first-level cache over the mails
inline constexpr std::size_t kTileChanges = 6;  // changes of a mail that a tile holds at least, in the mean
inline constexpr std::size_t kTurnAhead = 48;
inline constexpr std::size_t kLine = 16;  // floats per cache line

// where a unit goes; the bounds come first: min and max of x86 then hand a NaN through
HWY_INLINE V next_value(D d, const float* field, const float* value, std::size_t c, const Move& move, V omega) {
  V h = hn::Load(d, field + c);
  if (move.nudge != nullptr) h = hn::Mul(hn::Add(h, hn::Load(d, move.nudge + c)), hn::Set(d, move.scale));
  const V v = hn::Load(d, value + c);
  return hn::Min(hn::Set(d, move.high), hn::Max(hn::Set(d, move.low), hn::MulAdd(omega, hn::Sub(h, v), v)));
}

// the threshold of this update: small changes wait until the large ones are done
float threshold_of(const float* field, const float* value, std::size_t ld, const Move& move) {
  if (move.share == 0) return move.threshold;
  const D d;
  const V omega = hn::Set(d, move.omega);
  V squares = hn::Zero(d);
  std::size_t moving = 0;
  for (std::size_t c = 0; c < ld; c += hn::Lanes(d)) {
    const V change = hn::Sub(next_value(d, field, value, c, move, omega), hn::Load(d, value + c));
    squares = hn::MulAdd(change, change, squares);
    moving += hn::CountTrue(d, hn::Ne(change, hn::Zero(d)));
  }
  const float sum = hn::GetLane(hn::SumOfLanes(d, squares));
  const float size = std::sqrt(sum / static_cast<float>(std::max<std::size_t>(1, moving)));
  return std::isfinite(size) ? std::max(move.threshold, move.share * size) : move.threshold;
}

std::size_t move_layer_here(const float* HWY_RESTRICT field, float* HWY_RESTRICT value, std::size_t ld, const Move& move,
                            std::uint32_t* HWY_RESTRICT index, float* HWY_RESTRICT amount) {
  const D d;
  const hn::RebindToUnsigned<D> du;
  const V omega = hn::Set(d, move.omega);
  const V threshold = hn::Set(d, threshold_of(field, value, ld, move));
  std::size_t found = 0;
  for (std::size_t c = 0; c < ld; c += hn::Lanes(d)) {
    const V v = hn::Load(d, value + c);
    const V next = next_value(d, field, value, c, move, omega);
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
  const V infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  V largest = hn::Zero(d);
  for (std::size_t c = 0; c < ld; c += hn::Lanes(d)) {
    const V distance = hn::AbsDiff(next_value(d, field, value, c, move, hn::Set(d, 1.0F)), hn::Load(d, value + c));
    largest = hn::IfThenElse(hn::Lt(distance, infinity), hn::Max(largest, distance), infinity);
  }
  return hn::GetLane(hn::MaxOfLanes(d, largest));
}

HWY_INLINE void fetch(const float* line, std::size_t columns) {
  for (std::size_t c = 0; c < columns; c += kLine) __builtin_prefetch(line + c, 0, 2);
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
void send_columns(const float* lines, std::size_t ld, std::size_t rows, std::size_t tile, std::size_t c, Mail* mail, std::size_t count) {
  if (count == 0) return;
  for (std::size_t m = 0; m < count; ++m) mail[m].next = 0;
  const std::size_t share = (tile + count - 1) / count;
  for (std::size_t first = 0; first < rows; first += tile) {
    const std::size_t end = first + tile;
    for (std::size_t m = 0; m < count; ++m) {
      // the next tile comes nearer meanwhile
      const std::size_t fetched = std::min(rows, end + (m + 1) * share);
      for (std::size_t r = end + m * share; r < fetched; ++r) fetch(lines + r * ld + c, kGroup * hn::Lanes(D()));
      send_group<kGroup>(lines, ld, static_cast<std::uint32_t>(end), c, mail[m]);
    }
  }
}

// enough lines that a piece of a field is worth loading; the size does not touch the bits
std::size_t tile_rows(std::size_t rows, const Mail* mail, std::size_t count) {
  std::size_t total = 0;
  for (std::size_t m = 0; m < count; ++m) total += mail[m].count;
  std::size_t tile = kTileRows;
  while (tile < rows && tile * total < kTileChanges * count * rows) tile *= 2;
  return tile;
}

void send_here(const float* lines, std::size_t ld, std::size_t rows, std::size_t first, std::size_t columns, Mail* mail,
               std::size_t count) {
  const std::size_t step = hn::Lanes(D());
  const std::size_t end = first + columns;
  const std::size_t tile = tile_rows(rows, mail, count);
  std::size_t c = first;
  for (; c + 8 * step <= end; c += 8 * step) send_columns<8>(lines, ld, rows, tile, c, mail, count);
  for (; c + 4 * step <= end; c += 4 * step) send_columns<4>(lines, ld, rows, tile, c, mail, count);
  for (; c < end; c += step) send_columns<1>(lines, ld, rows, tile, c, mail, count);
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

// four by four numbers, or as many as there are in the corner
HWY_INLINE void turn_four(const float* HWY_RESTRICT from, std::size_t ld, std::size_t rows, std::size_t columns, float* HWY_RESTRICT to,
                          std::size_t to_ld) {
#if HWY_TARGET != HWY_SCALAR
  if (rows == 4 && columns == 4) {
    const hn::CappedTag<float, 4> d;
    const auto a = hn::LoadU(d, from);
    const auto b = hn::LoadU(d, from + ld);
    const auto c = hn::LoadU(d, from + 2 * ld);
    const auto e = hn::LoadU(d, from + 3 * ld);
    const auto ac_low = hn::InterleaveLower(d, a, c);
    const auto be_low = hn::InterleaveLower(d, b, e);
    const auto ac_high = hn::InterleaveUpper(d, a, c);
    const auto be_high = hn::InterleaveUpper(d, b, e);
    hn::StoreU(hn::InterleaveLower(d, ac_low, be_low), d, to);
    hn::StoreU(hn::InterleaveUpper(d, ac_low, be_low), d, to + to_ld);
    hn::StoreU(hn::InterleaveLower(d, ac_high, be_high), d, to + 2 * to_ld);
    hn::StoreU(hn::InterleaveUpper(d, ac_high, be_high), d, to + 3 * to_ld);
    return;
  }
#endif
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) to[j * to_ld + i] = from[i * ld + j];
  }
}

void turn_here(const float* lines, std::size_t ld, std::size_t first, std::size_t count, std::size_t columns, float* out,
               std::size_t out_ld) {
  // tiles of a cache line's width both ways
  const std::size_t end = first + count;
  for (std::size_t c = 0; c < columns; c += kLine) {
    for (std::size_t r = first; r < end; r += kLine) {
      for (std::size_t i = r + kTurnAhead; i < std::min(end, r + kTurnAhead + kLine); ++i) fetch(lines + i * ld + c, kLine);
      for (std::size_t j = c; j < std::min(columns, c + kLine); j += 4) {
        for (std::size_t i = r; i < std::min(end, r + kLine); i += 4)
          turn_four(lines + i * ld + j, ld, std::min<std::size_t>(4, end - i), std::min<std::size_t>(4, columns - j), out + j * out_ld + i,
                    out_ld);
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
