#include "crossbar/fluctuation.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"
#include "crossbar/kernel/random_lanes.h"
#include "crossbar/option_check.h"
#include "crossbar/pulse_line.h"

namespace eqprop {
namespace {

using Eigen::Index;
static_assert(std::endian::native == std::endian::little, "bytes of a word are read in this order");
constexpr int kComponentsMax = 24;

// components by how often they change: those below kFresh anew for every slot, then groups whose sums are kept
constexpr int kFresh = 3;
constexpr int kGroupEnds[] = {5, 8, kComponentsMax};

// draws of a line begin at a whole block of words
std::uint32_t bytes_begin(Index line, Index outputs) { return static_cast<std::uint32_t>(line * ((outputs + 15) / 16 * 4)); }
std::uint32_t bits_begin(Index line, Index outputs) { return static_cast<std::uint32_t>(line * ((outputs + 127) / 128 * 4)); }

// a byte as a number of variance 1
constexpr float kByteMean = 127.5f;
const float kByteSd = std::sqrt(65535.0f / 12.0f);

}  // namespace

int SlowNoise::components() const {
  int m = 1;
  for (double tau = slot_second(); tau < slowest_second && m < kComponentsMax; tau *= 4) ++m;
  return m;
}

void SlowNoise::validate() const {
  check_option("flicker", flicker, 0, 1);
  check_option("telegraph", telegraph, 0, 1);
  check_option("telegraph_share", telegraph_share, 0, 1);
  check_option("slowest_time [s]", slowest_second, 1e-9, 1e12);
  check_option("step_time [s]", step_second, 1e-12, 1e6);
  if (const double longest = slot_second() * std::ldexp(1.0, 2 * (kComponentsMax - 1)); any() && slowest_second > longest)
    throw InputError(Code::conflict, {}, "crossbar.slowest_time is more than 4^23 slots of a sixteenth of crossbar.step_time",
                     "a shorter slowest_time, or a longer step_time");
}

std::int64_t slot_of(const Place& place) { return std::int64_t{place.step} * kSlotsPerStep + place.phase; }

Fluctuation::Fluctuation(const SlowNoise& noise, std::uint32_t seed, const Tile& tile)
    : noise_(noise),
      components_(noise.components()),
      outputs_(tile.outputs()),
      lines_(tile.lines()),
      flicker_key_(seed, Purpose::flicker, tile.id),
      trap_key_{RandomKey(seed, Purpose::telegraph, 2 * tile.id), RandomKey(seed, Purpose::telegraph, 2 * tile.id + 1)} {
  offset_.resize(components_, lines_);
  window_.setConstant(components_, lines_, -1);
  const Place drawn_once{.step = 0, .sample = 1};
  for (Index line = 0; line < lines_; ++line)
    for (int m = 0; m < components_; ++m) {
      const double u = flicker_key_.uniform(drawn_once, static_cast<std::uint32_t>(line * kComponentsMax + m));
      offset_(m, line) = static_cast<std::int64_t>(u * std::ldexp(1.0, 2 * m));
    }
  if (noise_.flicker > 0)
    for (Eigen::MatrixXf& sum : sums_) sum.setZero(outputs_, lines_);
  if (noise_.telegraph > 0) draw_traps(tile);
}

void Fluctuation::draw_traps(const Tile& tile) {
  plus_state_.setZero(outputs_, lines_);
  minus_state_.setZero(outputs_, lines_);
  traps_.resize(static_cast<std::size_t>(lines_));
  const Place drawn_once{.step = 0, .sample = 1};
  for (Index line = 0; line < lines_; ++line) {
    LineTraps& own = traps_[static_cast<std::size_t>(line)];
    for (const bool plus : {true, false})
      for (Index j = 0; j < outputs_; ++j) {
        const auto index = programming_detail::line_index(tile, line) + static_cast<std::uint32_t>(j);
        const double u = trap_key_[plus ? 0 : 1].uniform(drawn_once, index);
        if (u >= noise_.telegraph_share) continue;
        const int component = std::min(static_cast<int>(u / noise_.telegraph_share * components_), components_ - 1);
        own.traps.push_back({static_cast<std::int32_t>(j), static_cast<std::uint8_t>(component), plus});
      }
    std::stable_sort(own.traps.begin(), own.traps.end(), [](const Trap& a, const Trap& b) { return a.component < b.component; });
    for (int m = 0; m <= components_; ++m)
      own.begin.push_back(static_cast<std::size_t>(
          std::partition_point(own.traps.begin(), own.traps.end(), [&](const Trap& t) { return t.component < m; }) - own.traps.begin()));
  }
}

std::int64_t Fluctuation::window(std::int64_t slot, Index line, int component) const {
  return (slot + offset_(component, line)) >> (2 * component);
}

Place Fluctuation::place(std::int64_t window, int component) const {
  const auto bits = static_cast<std::uint64_t>(window);
  return {.step = static_cast<std::uint32_t>(bits),
          .sample = 2 + static_cast<std::uint32_t>(bits >> 32),
          .phase = 0,
          .sweep = static_cast<std::uint32_t>(component)};
}

void Fluctuation::add_component(int component, Index line, Eigen::Ref<Eigen::VectorXf> sum) const {
  thread_local std::vector<std::uint32_t> words;
  const auto n = static_cast<std::size_t>((outputs_ + 3) / 4);
  if (words.size() < n) words.resize(n);
  random_lanes::fill_words(flicker_key_, place(window_(component, line), component), bytes_begin(line, outputs_), words.data(), n);
  const auto* bytes = reinterpret_cast<const unsigned char*>(words.data());
  float* __restrict out = sum.data();
  for (Index j = 0; j < outputs_; ++j) out[j] += static_cast<float>(bytes[j]) - kByteMean;
}

// seen += flicker sqrt(G+^2 + G-^2) F
void Fluctuation::add_flicker(const Tile& tile, Index line, std::uint32_t changed, Eigen::MatrixXf& seen) {
  thread_local Eigen::VectorXf buffer;
  if (buffer.size() < outputs_) buffer.resize(outputs_);
  auto sum = buffer.head(outputs_);
  sum.setZero();
  for (int m = 0; m < std::min(kFresh, components_); ++m) add_component(m, line, sum);
  for (int g = 0, begin = kFresh; g < kGroups && begin < components_; begin = kGroupEnds[g++]) {
    const int end = std::min(kGroupEnds[g], components_);
    auto kept = sums_[static_cast<std::size_t>(g)].col(line);
    if ((changed & ((1u << end) - (1u << begin))) != 0) {
      kept.setZero();
      for (int m = begin; m < end; ++m) add_component(m, line, kept);
    }
    sum += kept;
  }
  const auto sd = static_cast<float>(noise_.flicker / std::sqrt(components_)) / kByteSd;
  const float *plus = tile.plus.g.col(line).data(), *minus = tile.minus.g.col(line).data(), *f = sum.data();
  float* __restrict out = seen.col(line).data();
  for (Index j = 0; j < outputs_; ++j) out[j] += sd * __builtin_sqrtf(plus[j] * plus[j] + minus[j] * minus[j]) * f[j];
}

void Fluctuation::add_telegraph(const Tile& tile, Index line, std::uint32_t changed, Eigen::MatrixXf& seen) {
  thread_local std::vector<std::uint32_t> words[2];  // of G- and of G+
  const auto n = static_cast<std::size_t>((outputs_ + 31) / 32);
  for (auto& w : words)
    if (w.size() < n) w.resize(n);
  float* plus_state = plus_state_.col(line).data();
  float* minus_state = minus_state_.col(line).data();
  const LineTraps& own = traps_[static_cast<std::size_t>(line)];
  for (int m = 0; m < components_; ++m) {
    const std::size_t begin = own.begin[static_cast<std::size_t>(m)], end = own.begin[static_cast<std::size_t>(m) + 1];
    if ((changed >> m & 1u) == 0 || begin == end) continue;
    for (const bool plus : {true, false})
      random_lanes::fill_words(trap_key_[plus ? 0 : 1], place(window_(m, line), m), bits_begin(line, outputs_), words[plus].data(), n);
    for (std::size_t k = begin; k < end; ++k) {
      const Trap& trap = own.traps[k];
      const auto j = static_cast<std::size_t>(trap.output);
      (trap.plus ? plus_state : minus_state)[j] = static_cast<float>(words[trap.plus][j / 32] >> (j % 32) & 1u) - 0.5f;
    }
  }
  const auto jump = static_cast<float>(noise_.telegraph);
  const float *plus = tile.plus.g.col(line).data(), *minus = tile.minus.g.col(line).data();
  float* __restrict out = seen.col(line).data();
  for (Index j = 0; j < outputs_; ++j) out[j] += jump * (plus_state[j] * plus[j] - minus_state[j] * minus[j]);
}

void Fluctuation::at(const Tile& tile, std::int64_t slot, Index block, Eigen::MatrixXf& seen) {
  const Index end = std::min((block + 1) * kLineBlock, lines_);
  for (Index line = block * kLineBlock; line < end; ++line) {
    seen.col(line) = tile.difference.col(line);
    std::uint32_t changed = 0;  // a bit for each component
    for (int m = 0; m < components_; ++m) {
      const std::int64_t now = window(slot, line, m);
      changed |= now != window_(m, line) ? 1u << m : 0u;
      window_(m, line) = now;
    }
    if (noise_.flicker > 0) add_flicker(tile, line, changed, seen);
    if (noise_.telegraph > 0) add_telegraph(tile, line, changed, seen);
  }
}

double Fluctuation::pair_at(const Tile& tile, std::int64_t slot, Index output, Index line) const {
  const double plus = tile.plus.g(output, line), minus = tile.minus.g(output, line);
  double seen = plus - minus;
  const auto word = [](const RandomKey& key, const Place& place, std::uint32_t index) { return key.bits(place, index / 4)[index % 4]; };
  const auto j = static_cast<std::uint32_t>(output);
  for (int m = 0; m < components_ && noise_.flicker > 0; ++m) {
    const std::uint32_t bytes = word(flicker_key_, place(window(slot, line, m), m), bytes_begin(line, outputs_) + j / 4);
    const double xi = (static_cast<double>(bytes >> (8 * (j % 4)) & 255u) - 127.5) / std::sqrt(65535.0 / 12);
    seen += noise_.flicker / std::sqrt(components_) * std::hypot(plus, minus) * xi;
  }
  if (noise_.telegraph == 0) return seen;
  for (const Trap& trap : traps_[static_cast<std::size_t>(line)].traps) {
    if (trap.output != output) continue;
    const std::uint32_t bits =
        word(trap_key_[trap.plus ? 0 : 1], place(window(slot, line, trap.component), trap.component), bits_begin(line, outputs_) + j / 32);
    seen += noise_.telegraph * ((bits >> (j % 32) & 1u) != 0 ? 0.5 : -0.5) * (trap.plus ? plus : -minus);
  }
  return seen;
}

}  // namespace eqprop
