#include "crossbar/disturb.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "crossbar/kernel/random_lanes.h"
#include "crossbar/pulse_line.h"

namespace eqprop {
namespace {

using Eigen::Index;
using namespace programming_detail;

constexpr std::uint32_t kHalfSample = 1u << 31;  // in Place::sample of Purpose::cycle_noise: no train has such a number

/// sd [S] of a full pulse from cycle to cycle.
class PulseSpread {
 public:
  explicit PulseSpread(const DevicePreset& device) : cycle_(PulseNoise(device).cycle) {
    if (!std::holds_alternative<QuantileTable>(device.law) || device.cycle_sd == 0) return;
    constexpr int kPlaces = 65;
    for (const bool set : {false, true})
      for (int i = 0; i < kPlaces; ++i)
        table_[set].push_back(static_cast<float>(device.step_sd(device.G_min + device.window() * i / (kPlaces - 1), set)));
  }
  bool any() const { return cycle_.sd > 0 || cycle_.floor > 0 || cycle_.slope > 0; }
  /// step: the mean step, own factor included.
  float at(float g, bool set, float step, float factor, float low, float high) const {
    const std::vector<float>& table = table_[set];
    if (table.empty()) return std::abs(step) * cycle_.sd + factor * (cycle_.floor + cycle_.slope * (g - cycle_.bottom));
    const auto cells = static_cast<float>(table.size() - 1);
    const float y = std::clamp((g - low) / (high - low) * cells, 0.0f, cells);
    const auto i = std::min(static_cast<std::size_t>(y), table.size() - 2);
    return factor * (table[i] + (y - static_cast<float>(i)) * (table[i + 1] - table[i]));
  }

 private:
  CycleNoise cycle_;
  std::vector<float> table_[2];
};

/// Full pulses that the half pulses on a device are worth, and the sums of their squared shares.
struct Worth {
  double pulses[2];
  double squares[2];
};
Worth worth_of(const HalfPulses& got, Index j, const PulseStrength& r) {
  Worth out{};
  for (const int s : {0, 1}) {
    out.pulses[s] = got.direct[s][j] * r.direct[s] + got.rest[1 - s][j] * r.opposite[s];
    out.squares[s] = got.direct[s][j] * r.direct[s] * r.direct[s] + got.rest[1 - s][j] * r.opposite[s] * r.opposite[s];
  }
  return out;
}

/// [S] steps at the middle of the window of the nominal device, by polarity.
struct Nominal {
  explicit Nominal(const DevicePreset& d)
      : size{-d.mean_step(0.5 * (d.G_min + d.G_max), false), d.mean_step(0.5 * (d.G_min + d.G_max), true)} {}
  double size[2];
};

/// The mean: dG/du = sum of pulses times step, as many midpoint steps as keep each within a sixteenth of the window.
template <class Law>
float drifted(const Law& law, const Nominal& nominal, float g, const Worth& worth, float up, float down, float low, float high) {
  const auto rate = [&](float at) {
    return worth.pulses[1] * double{law.mean_step(at, true, low, high) * up} +
           worth.pulses[0] * double{law.mean_step(at, false, low, high) * down};
  };
  const auto size = [&](bool set, float factor) {
    return worth.pulses[set] * double{factor} * std::max(std::abs(double{law.mean_step(g, set, low, high)}), nominal.size[set]);
  };
  constexpr double kMost = 65536;
  const double parts = std::min(kMost, 1 + std::floor(16 * (size(true, up) + size(false, down)) / double{high - low}));
  double at = double{g};
  const auto within = [&](double x) { return std::clamp(x, double{low}, double{high}); };
  for (int i = 0; i < static_cast<int>(parts); ++i) {
    const double half = within(at + 0.5 * rate(static_cast<float>(at)) / parts);
    at = within(at + rate(static_cast<float>(half)) / parts);
  }
  return static_cast<float>(at);
}

/// Moves one plane of a line; returns the joules [J].
template <class Law>
double disturb_line(const Law& law, const Nominal& nominal, const Line& line, const PulseStrength& strength, const PulseSpread& spread,
                    const HalfPulses& got, const Eigen::ArrayXf& xi) {
  double joule = 0;
  for (Index j = 0; j < line.n; ++j) {
    const Worth worth = worth_of(got, j, strength);
    const float before = line.moved[j], up = line.up[j], down = line.down[j], low = line.low[j], high = line.high[j];
    float after = before;
    if (worth.pulses[0] + worth.pulses[1] > 0 && up > 0 && high > low) {
      after = drifted(law, nominal, before, worth, up, down, low, high);
      if (spread.any()) {
        const float rise = law.mean_step(before, true, low, high) * up, fall = law.mean_step(before, false, low, high) * down;
        const double sd_up = double{spread.at(before, true, rise, up, low, high)};
        const double sd_down = double{spread.at(before, false, fall, down, low, high)};
        const double sd = std::sqrt(worth.squares[1] * sd_up * sd_up + worth.squares[0] * sd_down * sd_down);
        after = clamped(after + static_cast<float>(sd) * xi[j], low, high);
      }
    }
    double heat = 0;
    for (const int s : {0, 1}) heat += got.direct[s][j] * strength.heat[s] + got.rest[s][j] * strength.heat_rest[s];
    joule += heat * 0.5 * double{before + after};
    line.moved[j] = after;
    if (line.g != line.moved) line.g[j] = clamped(line.g[j] + (after - before), low, high);
  }
  return joule;
}

}  // namespace

PulseTally::PulseTally(Index outputs, Index lines) {
  const Index blocks = (lines + kLineBlock - 1) / kLineBlock;
  for (const int s : {0, 1}) {
    for (const int plane : {0, 1}) {
      count_[plane][s].setZero(outputs, lines);
      columns_[plane][s].setZero(outputs, blocks + 1);
    }
    line_[s].setZero(lines);
    line_after_[s].setZero(lines);
  }
}

void PulseTally::clear(Index block) {
  const Index first = block * kLineBlock;
  for (auto& plane : count_)
    for (Counts& count : plane) count.middleCols(first, std::min(kLineBlock, count.cols() - first)).setZero();
}

void PulseTally::sum() {
  for (const int s : {0, 1}) {
    line_[s].setZero();
    for (const int plane : {0, 1}) {
      const Counts& count = count_[plane][s];
      line_[s] += count.cast<double>().colwise().sum().transpose().array();
      for (Index b = columns_[plane][s].cols() - 2; b >= 0; --b) {
        const Index first = b * kLineBlock;
        columns_[plane][s].col(b) =
            columns_[plane][s].col(b + 1) +
            count.middleCols(first, std::min(kLineBlock, count.cols() - first)).rowwise().sum().cast<double>().array();
      }
    }
    double after = 0;
    for (Index line = line_[s].size() - 1; line >= 0; --line) {
      line_after_[s][line] = after;
      after += line_[s][line];
    }
  }
}

void PulseTally::half_pulses(Index line, int plane, HalfOrder order, const Firings* firings, HalfPulses& out) const {
  if (firings)
    lone(line, plane, *firings, out);
  else
    order == HalfOrder::beside ? others(line, plane, out) : later(line, plane, out);
}

void PulseTally::others(Index line, int plane, HalfPulses& out) const {
  for (const int s : {0, 1}) {
    const auto own = count_[plane][s].col(line).cast<double>().array();
    const auto column = columns_[plane][s].col(0);
    out.direct[s] = line_[s][line] + column - 2 * own;
    out.rest[s] = pulses(s == 1) - line_[s][line] - column + own;
  }
}

void PulseTally::later(Index line, int plane, HalfPulses& out) const {
  const Index block = line / kLineBlock, end = std::min((block + 1) * kLineBlock, line_[0].size());
  for (const int s : {0, 1}) {
    const Counts& count = count_[plane][s];
    Eigen::ArrayXd below = columns_[plane][s].col(block + 1);
    below += count.middleCols(line + 1, end - line - 1).rowwise().sum().cast<double>().array();
    out.rest[s] = line_after_[s][line] - below;
    out.direct[s] = below;
    double in_line = plane == 0 ? count_[1][s].col(line).cast<double>().sum() : 0.0;
    for (Index j = count.rows() - 1; j >= 0; --j) {
      out.direct[s][j] += in_line;
      in_line += count(j, line);
    }
  }
}

void PulseTally::lone(Index line, int plane, const Firings& firings, HalfPulses& out) const {
  const auto pair = [&](int p) { return (count_[p][0].col(line) + count_[p][1].col(line)).cast<double>().array(); };
  const Eigen::ArrayXd own = pair(plane), both = own + pair(1 - plane);
  const double fired = firings.lines[line];
  out.direct[0] = 0.5 * (fired + firings.outputs - both - own);
  out.rest[0] = 0.5 * (firings.slots - fired - firings.outputs + both);
  out.direct[1] = out.direct[0];
  out.rest[1] = out.rest[0];
}

double disturb_block(Tile& tile, Index block, const PulseTally& tally, HalfOrder order, const Firings* firings, const DevicePreset& device,
                     const PulseStrength& strength, std::uint32_t seed, const Place& place) {
  const PulseSpread spread(device);
  const Nominal nominal(device);
  const auto n = static_cast<std::size_t>(tile.outputs());
  Place own = place;
  own.sample += kHalfSample + (order == HalfOrder::after ? kHalfSample / 2 : 0);  // a step may have an update and a write
  HalfPulses got;
  Eigen::ArrayXf xi(tile.outputs());
  double joule = 0;
  const Index end = std::min((block + 1) * kLineBlock, tile.lines());
  for (Index line = block * kLineBlock; line < end; ++line) {
    for (const int side : {0, 1}) {
      tally.half_pulses(line, side, order, firings, got);
      const auto number = 2 * tile.id + static_cast<std::uint32_t>(side);
      if (spread.any()) random_lanes::fill_normal(RandomKey(seed, Purpose::cycle_noise, number), own, line_index(tile, line), xi.data(), n);
      const Line devices(side == 0 ? tile.plus : tile.minus, line);
      joule += std::visit([&](const auto& law) { return disturb_line(law, nominal, devices, strength, spread, got, xi); }, device.law);
    }
    tile.refresh_line(line);
  }
  tile.refresh_block(block);
  return joule;
}

}  // namespace eqprop
