#pragma once
// One pulse on the devices of one line: shared by updates and write-verify. Not part of the interface.
// Pointers are parameters, and the functions that loop are not inlined, so that the compiler believes that they do not overlap: then it
// makes vector code.
#include <Eigen/Core>
#include <cstdint>

#include "base/math.h"
#include "crossbar/kernel/random_lanes.h"
#include "crossbar/programming.h"
#include "crossbar/tile.h"

namespace eqprop::programming_detail {

/// Random numbers of a tile are indexed by device; lines start at multiples of 4.
inline std::uint32_t line_index(const Tile& tile, Eigen::Index line) {
  return static_cast<std::uint32_t>(line * ((tile.outputs() + 3) / 4 * 4));
}

/// A law as pulses use it: a plain value, so that it stays in registers while a line is pulsed.
template <class Law>
const Law& pulse_form(const Law& law) {
  return law;
}
inline QuantileView pulse_form(const QuantileTable& law) { return law.view(); }
template <class Model>
StepView pulse_form(const IntegratedStep<Model>& law) {
  return law.view();
}

/// A law whose step is a draw of its own, from a uniform number; the others have a mean step and normal noise.
template <class Law>
concept DrawsUniform = requires {
  Law::kDrawsUniform;
};

/// From cycle to cycle: sd = sd |step| + floor + slope (G - bottom), the last two times the device's own factor.
struct CycleNoise {
  float sd;      // [1]
  float floor;   // [S]
  float slope;   // [1]
  float bottom;  // [S]

  static constexpr bool kBeside = true;
};

/// The usual case, sd |step| alone: the same numbers in fewer operations.
struct StepNoise {
  float sd;  // [1]

  static constexpr bool kBeside = false;
};

/// Calls body with the simplest form that says what `cycle` says.
template <class Body>
decltype(auto) with_noise(const CycleNoise& cycle, const Body& body) {
  return cycle.floor > 0 || cycle.slope > 0 ? body(cycle) : body(StepNoise{cycle.sd});
}

/// What pulses do to a device, beside its law.
struct PulseNoise {
  explicit PulseNoise(const DevicePreset& device)
      : cycle{static_cast<float>(device.cycle_sd), static_cast<float>(device.cycle_floor * device.window()),
              static_cast<float>(device.cycle_slope), static_cast<float>(device.G_min)},
        write_sd(static_cast<float>(device.write_noise * device.nominal_step())) {}
  /// Whether pulses of this law need a random number each.
  template <class Law>
  bool draws(const Law&) const {
    return DrawsUniform<Law> || cycle.sd > 0 || cycle.floor > 0 || cycle.slope > 0;
  }
  CycleNoise cycle;
  float write_sd;  // [S], 0: none
};

/// The random numbers of pulses: normal, or uniform where the law wants them so.
template <class Law>
void fill_draws(const Law&, const RandomKey& key, const Place& place, std::uint32_t first, float* out, std::size_t n) {
  if constexpr (DrawsUniform<Law>)
    random_lanes::fill_uniform(key, place, first, out, n);
  else
    random_lanes::fill_normal(key, place, first, out, n);
}
template <class Law>
float one_draw(const Law&, const RandomKey& key, const Place& place, std::uint32_t index) {
  if constexpr (DrawsUniform<Law>)
    return key.uniform(place, index);
  else
    return key.normal(place, index);
}

/// Pointers to one line of a plane.
struct Line {
  float* g;
  float* moved;  // same as g without write noise
  const float* up;
  const float* down;
  const float* low;
  const float* high;
  std::uint32_t* pulses;
  Eigen::Index n;

  Line(DevicePlane& plane, Eigen::Index line)
      : g(plane.g.col(line).data()),
        moved(plane.moved().col(line).data()),
        up(plane.up.col(line).data()),
        down(plane.down.col(line).data()),
        low(plane.low.col(line).data()),
        high(plane.high.col(line).data()),
        pulses(plane.pulses.col(line).data()),
        n(plane.g.rows()) {}
};

/// Pulses of one call on one line.
struct LineCount {
  std::int32_t set, reset, clipped;
};

[[gnu::always_inline]] inline float clamped(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

/// Conductance of a device after one pulse: mean step of the law, its own factor, a draw for the cycle noise, its own window.
template <class Law, class Noise>
[[gnu::always_inline]] inline float pulsed(const Law& law, float g, bool set, float factor, float low, float high, const Noise& cycle,
                                           float xi) {
  if constexpr (DrawsUniform<Law>) {
    return clamped(g + law.drawn_step(g, set, low, high, cycle.sd, xi) * factor, low, high);
  } else {
    const float step = law.mean_step(g, set, low, high) * factor;
    float spread = step * cycle.sd;
    if constexpr (Noise::kBeside) {
      const float beside = factor * mul_add(cycle.slope, g - cycle.bottom, cycle.floor);
      spread += set ? beside : -beside;
    }
    return clamped(g + mul_add(spread, xi, step), low, high);
  }
}

/// Sum in a fixed order, eight lanes wide.
inline double sum(const float* x, Eigen::Index n) {
  double lane[8] = {};
  Eigen::Index j = 0;
  for (; j + 8 <= n; j += 8)
    for (Eigen::Index k = 0; k < 8; ++k) lane[k] += double{x[j + k]};
  for (Eigen::Index k = 0; j < n; ++j, ++k) lane[k] += double{x[j]};
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

/// Pulses every device of a line whose direction is not 0 (+1 SET, -1 RESET); set_sum and reset_sum get conductance before plus after.
template <class Law, class Noise>
[[gnu::noinline]] LineCount move_devices(const Law law, const Noise cycle, const Eigen::Index n, const float* __restrict direction,
                                         const float* __restrict xi, const float* __restrict up, const float* __restrict down,
                                         const float* __restrict low, const float* __restrict high, float* __restrict moved,
                                         std::uint32_t* __restrict pulses, float* __restrict set_sum, float* __restrict reset_sum) {
  LineCount count{};
  for (Eigen::Index j = 0; j < n; ++j) {
    const float d = direction[j];
    const float before = moved[j];
    const float factor_up = up[j], factor_down = down[j], lowest = low[j], highest = high[j];
    const bool set = d > 0;
    const float after = pulsed(law, before, set, set ? factor_up : factor_down, lowest, highest, cycle, xi[j]);
    const float both = before + after;
    set_sum[j] = set ? both : 0.0f;
    reset_sum[j] = d < 0 ? both : 0.0f;
    moved[j] = d != 0 ? after : before;
    pulses[j] += d != 0 ? 1u : 0u;
    count.set += set ? 1 : 0;
    count.reset += d < 0 ? 1 : 0;
    count.clipped += (d != 0) & ((after <= lowest) | (after >= highest)) ? 1 : 0;
  }
  return count;
}

/// The same for pairs of which one device moves: of G+ where `on_plus` is above 0, else of G-.
template <class Law, class Noise>
[[gnu::noinline]] LineCount move_pairs(const Law law, const Noise cycle, const Eigen::Index n, const float* __restrict direction,
                                       const float* __restrict on_plus, const float* __restrict xi, const float* __restrict plus_up,
                                       const float* __restrict plus_down, const float* __restrict plus_low,
                                       const float* __restrict plus_high, const float* __restrict minus_up,
                                       const float* __restrict minus_down, const float* __restrict minus_low,
                                       const float* __restrict minus_high, float* __restrict plus_moved, float* __restrict minus_moved,
                                       std::uint32_t* __restrict plus_pulses, std::uint32_t* __restrict minus_pulses,
                                       float* __restrict set_sum, float* __restrict reset_sum) {
  LineCount count{};
  for (Eigen::Index j = 0; j < n; ++j) {
    const float d = direction[j];
    const bool plus = on_plus[j] > 0;
    const bool set = d > 0;
    // read both devices whole, so that the choice is a blend and not a branch
    const float g_plus = plus_moved[j], g_minus = minus_moved[j];
    const float up_plus = plus_up[j], up_minus = minus_up[j], down_plus = plus_down[j], down_minus = minus_down[j];
    const float low_plus = plus_low[j], low_minus = minus_low[j], high_plus = plus_high[j], high_minus = minus_high[j];
    const float before = plus ? g_plus : g_minus;
    const float up = plus ? up_plus : up_minus;
    const float down = plus ? down_plus : down_minus;
    const float low = plus ? low_plus : low_minus;
    const float high = plus ? high_plus : high_minus;
    const float after = pulsed(law, before, set, set ? up : down, low, high, cycle, xi[j]);
    const float both = before + after;
    set_sum[j] = set ? both : 0.0f;
    reset_sum[j] = d < 0 ? both : 0.0f;
    const float next = d != 0 ? after : before;
    plus_moved[j] = plus ? next : g_plus;
    minus_moved[j] = plus ? g_minus : next;
    const std::uint32_t one = d != 0 ? 1u : 0u;
    plus_pulses[j] += plus ? one : 0u;
    minus_pulses[j] += plus ? 0u : one;
    count.set += set ? 1 : 0;
    count.reset += d < 0 ? 1 : 0;
    count.clipped += (d != 0) & ((after <= low) | (after >= high)) ? 1 : 0;
  }
  return count;
}

/// Adds one call on one line to the totals, without its conductances;
inline void count_only(const LineCount& count, PulseTotals& totals) {
  totals.set += count.set;
  totals.reset += count.reset;
  totals.clipped += count.clipped;
}
/// and with them: the sums hold conductances before plus after.
inline void book(const LineCount& count, const float* set_sum, const float* reset_sum, Eigen::Index n, PulseTotals& totals) {
  count_only(count, totals);
  if (count.set > 0) totals.set_siemens += 0.5 * sum(set_sum, n);
  if (count.reset > 0) totals.reset_siemens += 0.5 * sum(reset_sum, n);
}

/// Apparent conductances after a write with noise: of the devices that were pulsed.
[[gnu::noinline]] inline void write_apparent(const Eigen::Index n, const float write_sd, const float* __restrict pulsed,
                                             const float* __restrict write_xi, const float* __restrict up, const float* __restrict low,
                                             const float* __restrict high, const float* __restrict moved, float* __restrict g) {
  for (Eigen::Index j = 0; j < n; ++j) {
    const float free = up[j] > 0 ? write_sd : 0.0f;
    const float apparent = clamped(moved[j] + free * write_xi[j], low[j], high[j]);
    const float was = g[j];
    g[j] = pulsed[j] != 0 ? apparent : was;
  }
}

}  // namespace eqprop::programming_detail
