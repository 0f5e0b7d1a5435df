#include "crossbar/kernel/random_lanes.h"

#include <algorithm>

// scalable vectors cannot be kept in arrays; such CPUs run the fixed-size code (SSSE3 alone is not worth its code)
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "crossbar/kernel/random_lanes.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace eqprop::random_lanes {
namespace HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR
namespace hn = hwy::HWY_NAMESPACE;

using DU = hn::CappedTag<std::uint32_t, 16>;
using DF = hn::RebindToFloat<DU>;
using D64 = hn::Repartition<std::uint64_t, DU>;
using U = hn::Vec<DU>;
inline constexpr std::size_t kMostNumbers = 64;  // of one vector of blocks

// Philox4x32-10 (10.1145/2063384.2063405) on words that stand in the lower halves of 64-bit lanes: a product's halves are then the next
// words in place, and what the upper halves hold never matters
struct State {
  U c0, c1, c2, c3;
};

HWY_INLINE void philox_round(State& s, std::uint32_t k0, std::uint32_t k1) {
  const DU d;
  const auto p0 = hn::MulEven(s.c0, hn::Set(d, 0xD2511F53U));
  const auto p1 = hn::MulEven(s.c2, hn::Set(d, 0xCD9E8D57U));
  s.c0 = hn::Xor(hn::Xor(hn::BitCast(d, hn::ShiftRight<32>(p1)), s.c1), hn::Set(d, k0));
  s.c1 = hn::BitCast(d, p1);
  s.c2 = hn::Xor(hn::Xor(hn::BitCast(d, hn::ShiftRight<32>(p0)), s.c3), hn::Set(d, k1));
  s.c3 = hn::BitCast(d, p0);
}

// word j of as many consecutive blocks as a vector has lanes, from block `first` on
HWY_INLINE void philox(const PhiloxBlocks& b, std::uint32_t first, U (&word)[4]) {
  const DU d;
  const D64 d64;
  const U block = hn::Iota(d, first);
  const U c0 = hn::Set(d, b.counter[0]), c1 = hn::Set(d, b.counter[1]), c2 = hn::Set(d, b.counter[2]);
  State even{c0, c1, c2, block};
  State odd{c0, c1, c2, hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(d64, block)))};
  std::uint32_t k0 = b.key[0], k1 = b.key[1];
  HWY_UNROLL(10)
  for (int round = 0; round < 10; ++round) {
    philox_round(even, k0, k1);
    philox_round(odd, k0, k1);
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  const auto joined = [&](U e, U o) HWY_ATTR { return hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(hn::BitCast(d64, o))), e); };
  word[0] = joined(even.c0, odd.c0);
  word[1] = joined(even.c1, odd.c1);
  word[2] = joined(even.c2, odd.c2);
  word[3] = joined(even.c3, odd.c3);
}

template <class Tag>
HWY_INLINE hn::Vec<Tag> to_float(Tag d, hn::Vec<hn::RebindToUnsigned<Tag>> bits) {
  return hn::ConvertTo(d, hn::BitCast(hn::RebindToSigned<Tag>(), bits));
}

// natural logarithm of a positive normal finite x, as math_detail::log_positive in base/math.h
template <class Tag>
HWY_INLINE hn::Vec<Tag> log_positive(Tag d, hn::Vec<Tag> x) {
  const hn::RebindToUnsigned<Tag> du;
  const hn::RebindToSigned<Tag> di;
  const auto half_root = hn::Set(du, 0x3f3504f3U);
  const auto offset = hn::Sub(hn::BitCast(du, x), half_root);
  const auto e = hn::ConvertTo(d, hn::ShiftRight<23>(hn::BitCast(di, offset)));
  const auto r = hn::Sub(hn::BitCast(d, hn::Add(hn::And(offset, hn::Set(du, 0x007fffffU)), half_root)), hn::Set(d, 1.0F));
  auto p = hn::Set(d, 7.0376836292e-2F);
  p = hn::MulAdd(p, r, hn::Set(d, -1.1514610310e-1F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.1676998740e-1F));
  p = hn::MulAdd(p, r, hn::Set(d, -1.2420140846e-1F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.4249322787e-1F));
  p = hn::MulAdd(p, r, hn::Set(d, -1.6668057665e-1F));
  p = hn::MulAdd(p, r, hn::Set(d, 2.0000714765e-1F));
  p = hn::MulAdd(p, r, hn::Set(d, -2.4999993993e-1F));
  p = hn::MulAdd(p, r, hn::Set(d, 3.3333331174e-1F));
  const auto r2 = hn::Mul(r, r);
  const auto tail = hn::MulAdd(hn::Set(d, -0.5F), r2, hn::MulAdd(e, hn::Set(d, -2.12194440e-4F), hn::Mul(hn::Mul(p, r), r2)));
  return hn::MulAdd(e, hn::Set(d, 0.693359375F), hn::Add(r, tail));
}

// Box and Muller, 10.1214/aoms/1177706645: two words become two independent normals, up to 6.66 sigma
template <class Tag>
HWY_INLINE void to_normals(Tag d, hn::Vec<hn::RebindToUnsigned<Tag>> radius_bits, hn::Vec<hn::RebindToUnsigned<Tag>> angle_bits,
                           hn::Vec<Tag>& sine, hn::Vec<Tag>& cosine) {
  const hn::RebindToUnsigned<Tag> du;
  // radius from 31 bits in (0, 1], fine steps near zero, where the tail of the normal lies
  const auto u = hn::MulAdd(to_float(d, hn::ShiftRight<1>(radius_bits)), hn::Set(d, 0x1p-31F), hn::Set(d, 0x1p-32F));
  const auto radius = hn::Sqrt(hn::Mul(hn::Set(d, -2.0F), log_positive(d, u)));
  // angle: the nearest quarter turn and a signed rest of 30 bits, which sincos_quarter in base/math.h takes too
  const auto rest = hn::MulAdd(to_float(d, hn::ShiftLeft<2>(angle_bits)), hn::Set(d, 0x1p-32F), hn::Set(d, 0x1p-31F));
  const auto x = hn::Mul(rest, hn::Set(d, 1.57079632679F));
  const auto x2 = hn::Mul(x, x);
  auto s = hn::MulAdd(hn::Set(d, -1.9515295891e-4F), x2, hn::Set(d, 8.3321608736e-3F));
  s = hn::MulAdd(s, x2, hn::Set(d, -1.6666654611e-1F));
  s = hn::MulAdd(hn::Mul(s, x2), x, x);
  auto c = hn::MulAdd(hn::Set(d, 2.443315711809948e-5F), x2, hn::Set(d, -1.388731625493765e-3F));
  c = hn::MulAdd(c, x2, hn::Set(d, 4.166664568298827e-2F));
  c = hn::MulAdd(c, hn::Mul(x2, x2), hn::MulAdd(hn::Set(d, -0.5F), x2, hn::Set(d, 1.0F)));
  // odd quarters swap sine and cosine; sine is negative in quarters 2, 3 and cosine in quarters 1, 2. Bit 31 of the shifted angle is the
  // quarter's upper bit, bit 30 its lower
  const auto turned = hn::Add(angle_bits, hn::Set(du, 1U << 29));
  const auto odd = hn::Ne(hn::And(turned, hn::Set(du, 1U << 30)), hn::Zero(du));
  const auto swap = hn::RebindMask(d, odd);
  const auto sign = hn::Set(du, 1U << 31);
  const auto sin_sign = hn::And(turned, sign);
  const auto cos_sign = hn::And(hn::Add(turned, hn::Set(du, 1U << 30)), sign);
  const auto flip = [&](auto v, auto bits) HWY_ATTR { return hn::BitCast(d, hn::Xor(hn::BitCast(du, v), bits)); };
  sine = hn::Mul(radius, flip(hn::IfThenElse(swap, c, s), sin_sign));
  cosine = hn::Mul(radius, flip(hn::IfThenElse(swap, s, c), cos_sign));
}

// four numbers of each block, the blocks one after the other
struct Normals {
  static HWY_INLINE void make(const PhiloxBlocks& b, std::uint32_t first, float* HWY_RESTRICT out) {
    const DF d;
    U word[4];
    philox(b, first, word);
    hn::Vec<DF> n0, n1, n2, n3;
    to_normals(d, word[0], word[1], n0, n1);
    to_normals(d, word[2], word[3], n2, n3);
    hn::StoreInterleaved4(n0, n1, n2, n3, d, out);
  }
};

struct Uniforms {
  static HWY_INLINE void make(const PhiloxBlocks& b, std::uint32_t first, float* HWY_RESTRICT out) {
    const DF d;
    U word[4];
    philox(b, first, word);
    // 23 bits, in the middle of their step: never 0, never 1
    const auto uniform = [&](U bits) HWY_ATTR {
      return hn::MulAdd(to_float(d, hn::ShiftRight<9>(bits)), hn::Set(d, 0x1p-23F), hn::Set(d, 0x1p-24F));
    };
    hn::StoreInterleaved4(uniform(word[0]), uniform(word[1]), uniform(word[2]), uniform(word[3]), d, out);
  }
};

struct Words {
  static HWY_INLINE void make(const PhiloxBlocks& b, std::uint32_t first, std::uint32_t* HWY_RESTRICT out) {
    U word[4];
    philox(b, first, word);
    hn::StoreInterleaved4(word[0], word[1], word[2], word[3], DU(), out);
  }
};

// whole vectors of blocks; the last one goes through a buffer of which a part is kept, so that every number comes from the same code
template <class Kind, class Number>
HWY_INLINE void fill_with(const PhiloxBlocks& b, Number* out, std::size_t n) {
  const auto blocks = static_cast<std::uint32_t>(hn::Lanes(DU()));
  const std::size_t numbers = 4 * hn::Lanes(DU());
  std::uint32_t first = b.first;
  for (; n >= numbers; n -= numbers, out += numbers, first += blocks) Kind::make(b, first, out);
  if (n == 0) return;
  HWY_ALIGN Number buffer[kMostNumbers];
  Kind::make(b, first, buffer);
  std::copy_n(buffer, n, out);
}

void normals_here(const PhiloxBlocks& b, float* out, std::size_t n) { fill_with<Normals>(b, out, n); }
void uniforms_here(const PhiloxBlocks& b, float* out, std::size_t n) { fill_with<Uniforms>(b, out, n); }
void words_here(const PhiloxBlocks& b, std::uint32_t* out, std::size_t n) { fill_with<Words>(b, out, n); }

// whether the code above runs here: one 32-bit lane holds no product
bool is_vector_here() { return true; }

#else

void normals_here(const PhiloxBlocks&, float*, std::size_t) {}
void uniforms_here(const PhiloxBlocks&, float*, std::size_t) {}
void words_here(const PhiloxBlocks&, std::uint32_t*, std::size_t) {}
bool is_vector_here() { return false; }

#endif

}  // namespace HWY_NAMESPACE
}  // namespace eqprop::random_lanes
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eqprop::random_lanes {
HWY_EXPORT(normals_here);
HWY_EXPORT(uniforms_here);
HWY_EXPORT(words_here);
HWY_EXPORT(is_vector_here);

void fill_normal(const RandomKey& key, const Place& place, std::uint32_t first, float* out, std::size_t n) {
  if (HWY_DYNAMIC_DISPATCH(is_vector_here)())
    HWY_DYNAMIC_DISPATCH(normals_here)(key.blocks(place, first, n), out, n);
  else
    key.fill_normal(place, first, out, n);
}

void fill_uniform(const RandomKey& key, const Place& place, std::uint32_t first, float* out, std::size_t n) {
  if (HWY_DYNAMIC_DISPATCH(is_vector_here)())
    HWY_DYNAMIC_DISPATCH(uniforms_here)(key.blocks(place, first, n), out, n);
  else
    key.fill_uniform(place, first, out, n);
}

void fill_words(const RandomKey& key, const Place& place, std::uint32_t first, std::uint32_t* out, std::size_t n) {
  if (HWY_DYNAMIC_DISPATCH(is_vector_here)()) return HWY_DYNAMIC_DISPATCH(words_here)(key.blocks(place, first, n), out, n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t index = first + static_cast<std::uint32_t>(i);
    out[i] = key.bits(place, index / 4)[index % 4];
  }
}

std::int64_t targets() { return hwy::SupportedTargets() & HWY_TARGETS; }

void restrict_targets(std::int64_t mask) { hwy::SetSupportedTargetsForTest(mask); }

}  // namespace eqprop::random_lanes
#endif
