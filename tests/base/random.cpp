#include "base/random.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <vector>

#include "tests/catch.h"

using namespace eqprop;

namespace {

using Words = std::array<std::uint32_t, 4>;

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

/// Kolmogorov-Smirnov distance times sqrt(n) between a sample and a distribution function.
template <class Cdf>
double ks_statistic(std::vector<float> sample, Cdf cdf) {
  std::sort(sample.begin(), sample.end());
  const double n = static_cast<double>(sample.size());
  double distance = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double f = cdf(double{sample[i]});
    distance = std::max({distance, f - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - f});
  }
  return distance * std::sqrt(n);
}

// false alarms of the statistical tests: 1e-6 each, were the seeds drawn anew
constexpr double kKsLimit = 2.694;     // 2 exp(-2 x^2) = 1e-6
constexpr double kSigmaLimit = 4.892;  // two-sided normal

double mean_of_powers(const std::vector<float>& sample, int power) {
  double sum = 0;
  for (const float x : sample) sum += std::pow(double{x}, power);
  return sum / static_cast<double>(sample.size());
}

double correlation(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * b[i];
  return sum / static_cast<double>(a.size());
}

constexpr std::size_t kMany = 1 << 18;

std::vector<float> normals(const RandomKey& key, const Place& place, std::size_t n = kMany) {
  std::vector<float> out(n);
  key.fill_normal(place, 0, out.data(), n);
  return out;
}

}  // namespace

TEST_CASE("Philox4x32-10 gives the published known answers", "[base][random]") {
  // kat_vectors of Random123
  CHECK(RandomKey(0, Purpose{0}, 0).bits({0, 0, 0, 0}, 0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(RandomKey(0xffffffff, Purpose{0xff}, 0xffffff).bits({0xffffffff, 0xffffffff, 0xff, 0xffffff}, 0xffffffff) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(RandomKey(0xa4093822, Purpose{0x29}, 0x9f31d0).bits({0x243f6a88, 0x85a308d3, 0x13, 0x198a2e}, 0x03707344) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("filling gives the same bits as single draws, for any length and start", "[base][random]") {
  const RandomKey key(0xdeadbeef, Purpose::read_noise, 12345);
  const Place place{77, 4000000000u, 3, 0xabcdef};
  for (const std::uint32_t first : {0u, 4u, 252u, 1000000u, 0xfffffe00u}) {
    for (const std::size_t n : {0, 1, 3, 4, 63, 64, 65, 127, 200, 256}) {
      std::vector<float> u(n + 1, 9.0f), g(n + 1, 9.0f);
      key.fill_uniform(place, first, u.data(), n);
      key.fill_normal(place, first, g.data(), n);
      for (std::size_t i = 0; i < n; ++i) {
        const auto index = first + static_cast<std::uint32_t>(i);
        if (u[i] != key.uniform(place, index) || g[i] != key.normal(place, index)) FAIL("first " << first << ", n " << n << ", i " << i);
        // the lanes hold to Random123's own words
        if (u[i] != (static_cast<float>(key.bits(place, index / 4)[index % 4] >> 9) + 0.5f) * 0x1p-23f) FAIL("word " << index);
      }
      REQUIRE(u[n] == 9.0f);
      REQUIRE(g[n] == 9.0f);
    }
  }
}

TEST_CASE("normals are Box and Muller's transform of the words", "[base][random]") {
  const RandomKey key(5, Purpose::test);
  double worst = 0;
  for (std::uint32_t block = 0; block < 20000; ++block) {
    const Words words = key.bits({}, block);
    for (std::uint32_t pair = 0; pair < 2; ++pair) {
      const double radius = std::sqrt(-2 * std::log((words[2 * pair] + 0.5) * 0x1p-32));
      const double angle = 2 * 3.14159265358979323846 * (words[2 * pair + 1] + 0.5) * 0x1p-32;
      worst = std::max(worst, std::abs(key.normal({}, 4 * block + 2 * pair) - radius * std::sin(angle)));
      worst = std::max(worst, std::abs(key.normal({}, 4 * block + 2 * pair + 1) - radius * std::cos(angle)));
    }
  }
  INFO("worst absolute error " << worst);
  CHECK(worst < 5e-6);
}

TEST_CASE("uniforms are uniform and never 0 or 1", "[base][random]") {
  std::vector<float> sample(kMany);
  RandomKey(11, Purpose::test).fill_uniform({}, 0, sample.data(), sample.size());
  const auto [least, most] = std::minmax_element(sample.begin(), sample.end());
  CHECK(*least > 0.0f);
  CHECK(*most < 1.0f);
  // the outermost words, found by search
  const RandomKey key(11, Purpose::test);
  REQUIRE(key.bits({}, 27299611 / 4)[3] == 0x00000053);
  CHECK(key.uniform({}, 27299611) == 0x1p-24f);
  REQUIRE(key.bits({}, 137932835 / 4)[3] == 0xffffffbf);
  CHECK(key.uniform({}, 137932835) == 1 - 0x1p-24f);
  const double n = static_cast<double>(kMany);
  CHECK(std::abs(mean_of_powers(sample, 1) - 0.5) < kSigmaLimit * std::sqrt(1 / 12.0 / n));
  CHECK(std::abs(mean_of_powers(sample, 2) - 1 / 3.0) < kSigmaLimit * std::sqrt(4 / 45.0 / n));
  CHECK(ks_statistic(sample, [](double x) { return x; }) < kKsLimit);
}

TEST_CASE("normals are standard normal", "[base][random]") {
  for (const std::uint32_t seed : {1u, 2u, 3u}) {
    const auto sample = normals(RandomKey(seed, Purpose::test), {});
    const double n = static_cast<double>(kMany);
    CHECK(std::abs(mean_of_powers(sample, 1)) < kSigmaLimit * std::sqrt(1 / n));
    CHECK(std::abs(mean_of_powers(sample, 2) - 1) < kSigmaLimit * std::sqrt(2 / n));
    CHECK(std::abs(mean_of_powers(sample, 3)) < kSigmaLimit * std::sqrt(15 / n));
    CHECK(std::abs(mean_of_powers(sample, 4) - 3) < kSigmaLimit * std::sqrt(96 / n));
    CHECK(ks_statistic(sample, normal_cdf) < kKsLimit);
    // a tail is there: beyond 4 sigma 16.6 are expected; Poisson gives under 3 or above 45 in fewer than 1e-4 of samples
    const auto far = std::count_if(sample.begin(), sample.end(), [](float x) { return std::abs(x) > 4; });
    CHECK(far >= 3);
    CHECK(far <= 45);
  }
}

TEST_CASE("the four normals of a block are independent", "[base][random]") {
  const auto sample = normals(RandomKey(4, Purpose::test), {});
  for (std::size_t lag = 1; lag < 8; ++lag) {
    const std::vector<float> head(sample.begin(), sample.end() - 8),
        tail(sample.begin() + static_cast<std::ptrdiff_t>(lag), sample.end() - 8 + static_cast<std::ptrdiff_t>(lag));
    CHECK(std::abs(correlation(head, tail)) < kSigmaLimit / std::sqrt(static_cast<double>(head.size())));
  }
}

TEST_CASE("another seed, purpose, tile, step, sample, phase or sweep draws other, uncorrelated numbers", "[base][random]") {
  const auto base = normals(RandomKey(1, Purpose::read_noise, 5), {10, 20, 1, 30});
  const std::vector<std::vector<float>> others = {
      normals(RandomKey(2, Purpose::read_noise, 5), {10, 20, 1, 30}), normals(RandomKey(1, Purpose::write_noise, 5), {10, 20, 1, 30}),
      normals(RandomKey(1, Purpose::read_noise, 6), {10, 20, 1, 30}), normals(RandomKey(1, Purpose::read_noise, 5), {11, 20, 1, 30}),
      normals(RandomKey(1, Purpose::read_noise, 5), {10, 21, 1, 30}), normals(RandomKey(1, Purpose::read_noise, 5), {10, 20, 2, 30}),
      normals(RandomKey(1, Purpose::read_noise, 5), {10, 20, 1, 31}),
  };
  for (const auto& other : others) CHECK(std::abs(correlation(base, other)) < kSigmaLimit / std::sqrt(static_cast<double>(kMany)));
}

TEST_CASE("places of a training have distinct blocks: a sample never meets the same noise twice", "[base][random]") {
  // 2^13 places, 64 bits compared: a chance repeat has probability 2e-12
  const RandomKey key(9, Purpose::read_noise);
  std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
  std::size_t count = 0;
  for (std::uint32_t step = 0; step < 8; ++step)
    for (std::uint32_t sample = 0; sample < 8; ++sample)
      for (std::uint8_t phase = 0; phase < 4; ++phase)
        for (std::uint32_t sweep = 0; sweep < 8; ++sweep)
          for (std::uint32_t block = 0; block < 4; ++block, ++count) {
            const Words words = key.bits({step, sample, phase, sweep}, block);
            seen.insert({words[0], words[1]});
          }
  CHECK(seen.size() == count);
}

TEST_CASE("below draws every integer equally often", "[base][random]") {
  const RandomKey key(21, Purpose::shuffle);
  for (const std::uint32_t bound : {1u, 2u, 7u, 10u, 100u}) {
    std::vector<double> count(bound);
    const std::uint32_t draws = 100000;
    for (std::uint32_t i = 0; i < draws; ++i) {
      const std::uint32_t x = key.below({}, i, bound);
      REQUIRE(x < bound);
      ++count[x];
    }
    double chi2 = 0;
    const double expected = double{draws} / bound;
    for (const double c : count) chi2 += (c - expected) * (c - expected) / expected;
    // Wilson and Hilferty: (chi2 / k)^(1/3) is nearly normal
    const double k = bound - 1.0;
    if (bound > 1) CHECK((std::cbrt(chi2 / k) - (1 - 2 / (9 * k))) / std::sqrt(2 / (9 * k)) < kSigmaLimit);
  }
  double mean = 0;
  for (std::uint32_t i = 0; i < 100000; ++i) mean += key.below({1}, i, 0xffffffff) / 4294967295.0 / 100000;
  CHECK(std::abs(mean - 0.5) < kSigmaLimit * std::sqrt(1 / 12.0 / 100000));
}

TEST_CASE("keys and places out of range are mistakes of ours", "[base][random]") {
  CHECK_THROWS_AS(RandomKey(1, Purpose::test, 1u << 24), std::logic_error);
  const RandomKey key(1, Purpose::test);
  float out[4];
  CHECK_THROWS_AS(key.bits({0, 0, 0, 1u << 24}, 0), std::logic_error);
  CHECK_THROWS_AS(key.fill_normal({0, 0, 0, 1u << 24}, 0, out, 4), std::logic_error);
  CHECK_THROWS_AS(key.fill_uniform({}, 2, out, 1), std::logic_error);
  CHECK_THROWS_AS(key.fill_normal({}, 0xfffffffc, out, 5), std::logic_error);
  CHECK_THROWS_AS(key.below({}, 0, 0), std::logic_error);
}
