#pragma once
// Counter-based random numbers: a number is named by its purpose and place, never drawn from a stream.
//   key     = (seed, purpose and tile)
//   counter = (update step, sample id, phase and sweep, device or output / 4)
// Philox4x32-10 (Salmon et al., SC'11, 10.1145/2063384.2063405), library Random123. Same bits for any number of threads.
#include <array>
#include <cstddef>
#include <cstdint>

namespace eqprop {

/// What a random number is for. Numbers are part of the meaning of a seed: append, never reorder.
enum class Purpose : std::uint8_t {
  test = 0,
  initial_weight,
  shuffle,
  split,
  nudge_sign,
  device_spread,
  read_noise,
  write_noise,
  cycle_noise,
  gradient_check,
  write_verify,
  fault,
  activation_noise,
  flicker,
  telegraph,
  pulse_train,
  converter_error,
};

/// Where and when a number is used. `step` counts over the whole training; `sample` is the stable sample id.
struct Place {
  std::uint32_t step = 0;
  std::uint32_t sample = 0;
  std::uint8_t phase = 0;   ///< an EP phase, see energy/ledger.h
  std::uint32_t sweep = 0;  ///< < 2^24
};

/// Key and counter of Philox4x32-10 for consecutive blocks of four words: what faster fills need to make the same numbers.
struct PhiloxBlocks {
  std::uint32_t key[2];
  std::uint32_t counter[3];  ///< the first three words; the fourth counts blocks
  std::uint32_t first;       ///< number of the first block
};

/// Names random numbers of one seed, purpose and tile (tile < 2^24). There is no default seed.
class RandomKey {
 public:
  RandomKey(std::uint32_t seed, Purpose purpose, std::uint32_t tile = 0);

  /// The raw block of four words at a place; `block` is (device or output) / 4.
  std::array<std::uint32_t, 4> bits(const Place& place, std::uint32_t block) const;

  /// Uniform on (0, 1), index counts single numbers. Same value as fill_uniform gives at that index.
  float uniform(const Place& place, std::uint32_t index) const;
  /// Standard normal. Same value as fill_normal gives at that index.
  float normal(const Place& place, std::uint32_t index) const;

  /// out[i] = uniform(place, first + i), i < n; `first` is a multiple of 4.
  void fill_uniform(const Place& place, std::uint32_t first, float* out, std::size_t n) const;
  /// out[i] = normal(place, first + i), i < n; `first` is a multiple of 4.
  void fill_normal(const Place& place, std::uint32_t first, float* out, std::size_t n) const;

  /// The blocks that n numbers from `first` on take; `first` is a multiple of 4.
  PhiloxBlocks blocks(const Place& place, std::uint32_t first, std::size_t n) const;

  /// A uniformly drawn integer in [0, bound), bound >= 1, without modulo bias that matters (64-bit multiply-shift).
  std::uint32_t below(const Place& place, std::uint32_t index, std::uint32_t bound) const;

 private:
  std::uint32_t key_[2];
};

}  // namespace eqprop
