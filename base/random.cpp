#include "base/random.h"

#include <Random123/philox.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/math.h"

namespace eqprop {
namespace {

constexpr std::size_t kLanes = 16;             // blocks made at once
constexpr std::size_t kChunk = 4 * kLanes;     // numbers made at once
constexpr std::uint32_t kPlaces24 = 1u << 24;  // tiles and sweeps share a word with eight bits of purpose or phase

std::uint32_t join(std::uint32_t high8, std::uint32_t low24) { return high8 << 24 | low24; }

/// The four words of kLanes blocks that follow each other.
struct Words {
  alignas(64) std::uint32_t w[4][kLanes];
};

/// Philox4x32-10 over lanes: the rounds of Random123's philox4x32, written so that a compiler keeps each word of all lanes in registers.
void philox(const std::uint32_t key[2], const std::uint32_t counter[3], std::uint32_t first_block, Words& out) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    std::uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = first_block + static_cast<std::uint32_t>(lane);
    std::uint32_t k0 = key[0], k1 = key[1];
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{PHILOX_M4x32_0} * c0;
      const std::uint64_t p1 = std::uint64_t{PHILOX_M4x32_1} * c2;
      c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
      c1 = static_cast<std::uint32_t>(p1);
      c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c3 = static_cast<std::uint32_t>(p0);
      k0 += PHILOX_W32_0;
      k1 += PHILOX_W32_1;
    }
    out.w[0][lane] = c0;
    out.w[1][lane] = c1;
    out.w[2][lane] = c2;
    out.w[3][lane] = c3;
  }
}

/// (k + 1/2) 2^-23 for the upper 23 bits k: exact in float, so never 0 or 1 (24 bits would round up to 1).
[[gnu::always_inline]] inline float to_uniform(std::uint32_t bits) {
  return mul_add(static_cast<float>(static_cast<std::int32_t>(bits >> 9)), 0x1p-23f, 0x1p-24f);
}

/// Box and Muller, 10.1214/aoms/1177706645: two words become two independent normals, up to 6.66 sigma.
[[gnu::always_inline]] inline SinCos to_normals(std::uint32_t radius_bits, std::uint32_t angle_bits) {
  // radius from 31 bits in (0, 1], fine steps near zero, where the tail of the normal lies
  const float u = mul_add(static_cast<float>(static_cast<std::int32_t>(radius_bits >> 1)), 0x1p-31f, 0x1p-32f);
  const float radius = std::sqrt(-2.0f * math_detail::log_positive(u));
  // angle: the nearest quarter turn and a signed rest of 30 bits
  const float rest = mul_add(static_cast<float>(static_cast<std::int32_t>(angle_bits << 2)), 0x1p-32f, 0x1p-31f);
  const SinCos turn = sincos_quarter((angle_bits + (1u << 29)) >> 30, rest);
  return {radius * turn.sin, radius * turn.cos};
}

void uniforms(const Words& words, float* out) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    for (std::size_t j = 0; j < 4; ++j) out[4 * lane + j] = to_uniform(words.w[j][lane]);
  }
}

void normals(const Words& words, float* out) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const SinCos a = to_normals(words.w[0][lane], words.w[1][lane]);
    const SinCos b = to_normals(words.w[2][lane], words.w[3][lane]);
    out[4 * lane] = a.sin;
    out[4 * lane + 1] = a.cos;
    out[4 * lane + 2] = b.sin;
    out[4 * lane + 3] = b.cos;
  }
}

/// Makes whole chunks; the last one goes through a buffer of which a part is kept, so that every number comes from the same code.
template <class Transform>
void fill(const PhiloxBlocks& blocks, float* out, std::size_t n, Transform transform) {
  std::uint32_t block = blocks.first;
  Words words;
  for (; n >= kChunk; n -= kChunk, out += kChunk, block += kLanes) {
    philox(blocks.key, blocks.counter, block, words);
    transform(words, out);
  }
  if (n > 0) {
    alignas(64) float buffer[kChunk];
    philox(blocks.key, blocks.counter, block, words);
    transform(words, buffer);
    std::copy_n(buffer, n, out);
  }
}

}  // namespace

RandomKey::RandomKey(std::uint32_t seed, Purpose purpose, std::uint32_t tile)
    : key_{seed, join(static_cast<std::uint32_t>(purpose), tile)} {
  check(tile < kPlaces24, "tile < 2^24");
}

std::array<std::uint32_t, 4> RandomKey::bits(const Place& place, std::uint32_t block) const {
  check(place.sweep < kPlaces24, "sweep < 2^24");
  const philox4x32_ctr_t counter = {{place.step, place.sample, join(place.phase, place.sweep), block}};
  const philox4x32_key_t key = {{key_[0], key_[1]}};
  const philox4x32_ctr_t words = philox4x32(counter, key);
  return {words.v[0], words.v[1], words.v[2], words.v[3]};
}

float RandomKey::uniform(const Place& place, std::uint32_t index) const { return to_uniform(bits(place, index / 4)[index % 4]); }

float RandomKey::normal(const Place& place, std::uint32_t index) const {
  const auto words = bits(place, index / 4);
  const std::size_t pair = index % 4 / 2 * 2;
  const SinCos both = to_normals(words[pair], words[pair + 1]);
  return index % 2 == 0 ? both.sin : both.cos;
}

void RandomKey::fill_uniform(const Place& place, std::uint32_t first, float* out, std::size_t n) const {
  fill(blocks(place, first, n), out, n, uniforms);
}

void RandomKey::fill_normal(const Place& place, std::uint32_t first, float* out, std::size_t n) const {
  fill(blocks(place, first, n), out, n, normals);
}

PhiloxBlocks RandomKey::blocks(const Place& place, std::uint32_t first, std::size_t n) const {
  check(first % 4 == 0, "random numbers are filled from a multiple of 4");
  check(n <= (std::uint64_t{1} << 32) - first, "a place has 2^32 random numbers");
  check(place.sweep < kPlaces24, "sweep < 2^24");
  return {{key_[0], key_[1]}, {place.step, place.sample, join(place.phase, place.sweep)}, first / 4};
}

std::uint32_t RandomKey::below(const Place& place, std::uint32_t index, std::uint32_t bound) const {
  check(bound >= 1, "a draw below 0 has no value");
  // the upper 32 bits of a 64-bit uniform times the bound: the bias is below bound / 2^64
  const auto words = bits(place, index);
  const std::uint64_t low = std::uint64_t{words[1]} * bound;
  return static_cast<std::uint32_t>((std::uint64_t{words[0]} * bound + (low >> 32)) >> 32);
}

}  // namespace eqprop
