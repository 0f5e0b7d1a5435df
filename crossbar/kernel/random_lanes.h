#pragma once
// Many random numbers at once: those of RandomKey::fill_normal and fill_uniform from code compiled for several instruction sets, chosen at
// run time by Highway.
#include <cstddef>
#include <cstdint>

#include "base/random.h"

namespace eqprop::random_lanes {

/// out[i] = key.normal(place, first + i), i < n, but for the last bits where this CPU fuses multiply-adds and the build does not;
/// `first` is a multiple of 4. A number's bits do not depend on where a fill begins or ends.
void fill_normal(const RandomKey& key, const Place& place, std::uint32_t first, float* out, std::size_t n);

/// The same of uniforms: out[i] = key.uniform(place, first + i).
void fill_uniform(const RandomKey& key, const Place& place, std::uint32_t first, float* out, std::size_t n);

/// The raw words, from number `first` on, a multiple of 4: out[i] = key.bits(place, (first + i) / 4)[(first + i) % 4].
void fill_words(const RandomKey& key, const Place& place, std::uint32_t first, std::uint32_t* out, std::size_t n);

/// Bit mask of the instruction sets compiled in that this CPU supports (Highway's numbering).
std::int64_t targets();
/// For tests: only these from now on; 0 lifts the restriction.
void restrict_targets(std::int64_t mask);

}  // namespace eqprop::random_lanes
