// The vectorised normals and uniforms are RandomKey's, on every instruction set and for every cut.
#include "crossbar/kernel/random_lanes.h"

#include <vector>

#include "tests/catch.h"

using namespace eqprop;

TEST_CASE("vectorised normals are those of the plain fill on every instruction set", "[crossbar][random]") {
  const RandomKey key(7, Purpose::cycle_noise, 3);
  const Place place{.step = 11, .sample = 5, .phase = 2, .sweep = 9};
  constexpr std::size_t kCount = 4099;
  std::vector<float> plain(kCount), fast(kCount), part(kCount);
  key.fill_normal(place, 8, plain.data(), kCount);
  int sets = 0;
  for (std::int64_t left = random_lanes::targets(); left != 0; left &= left - 1, ++sets) {
    random_lanes::restrict_targets(left & -left);
    random_lanes::fill_normal(key, place, 8, fast.data(), kCount);
    // two fills that meet at any multiple of 4 give the same bits as one
    for (const std::size_t cut : {std::size_t{4}, std::size_t{20}, std::size_t{100}, std::size_t{4092}}) {
      random_lanes::fill_normal(key, place, 8, part.data(), cut);
      random_lanes::fill_normal(key, place, 8 + static_cast<std::uint32_t>(cut), part.data() + cut, kCount - cut);
      CHECK(part == fast);
    }
    random_lanes::restrict_targets(0);
    double worst = 0;
    for (std::size_t i = 0; i < kCount; ++i) worst = std::max(worst, std::abs(double{fast[i]} - double{plain[i]}));
    CHECK(worst < 4e-6);  // some last bits of numbers up to 6.7
  }
  CHECK(sets >= 1);
}

TEST_CASE("vectorised uniforms are those of the plain fill, bit for bit, on every instruction set", "[crossbar][random]") {
  const RandomKey key(7, Purpose::cycle_noise, 3);
  const Place place{.step = 11, .sample = 5, .phase = 2, .sweep = 9};
  for (const std::size_t count : {std::size_t{1}, std::size_t{63}, std::size_t{4099}}) {
    std::vector<float> plain(count), fast(count);
    key.fill_uniform(place, 8, plain.data(), count);
    for (std::int64_t left = random_lanes::targets(); left != 0; left &= left - 1) {
      random_lanes::restrict_targets(left & -left);
      random_lanes::fill_uniform(key, place, 8, fast.data(), count);
      random_lanes::restrict_targets(0);
      CHECK(fast == plain);
    }
  }
}
