#pragma once
// Measured table: the steps of a device as quantiles over conductance. A pulse draws u ~ U(0, 1).
//   x = (G - G_lo) / (G_hi - G_lo)                     place in the device's own window, 0 .. 1
//   m(x)    = mean over u of Q(x, u)                   Q: bilinear in x and u between the nodes of the table
//   up:   dG = step_up   (m(x) + c (Q(x, u) - m(x)))   c = DevicePreset::cycle_sd: 1 as measured, 0 the mean alone
//   down: dG = step_down (m(x) + c (Q(x, u) - m(x)))   with the table of RESET, whose steps are negative
// | symbol             | unit | default | range                                               |
// | step_up, step_down | S    | none    | > 0; size of the mean step at the middle of the window |
// | Q                  | 1    | none    | steps over step_up or step_down                     |
// Nodes stand at equal distances from 0 to 1 in both x and u, at least 2 and at most 256 each way. Kept as pairs of 16-bit numbers, 3e-5 of
// the largest step apart: then a pulse is three look-ups, and vector code.
// Reference: the look-up tables of CrossSim 2.0, github.com/sandialabs/cross-sim.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

namespace eqprop {

/// Steps as they were measured. Row i of a table belongs to the conductance G_min + i (G_max - G_min) / (conductances - 1), number k of a row
/// to u = k / (quantiles - 1); rows follow each other.
struct QuantileData {
  int conductances = 0;
  int quantiles = 0;
  std::vector<double> set;    ///< [S] conductances x quantiles, each row not decreasing
  std::vector<double> reset;  ///< [S] the same, negative in the mean
};

/// A table as pulses look it up: pointers into it and its numbers. A plain value.
struct QuantileView {
  const std::uint32_t* __restrict words = nullptr;  // SET: per conductance the mean, then the deviations; then RESET. restrict: gathers
  std::int32_t conductances = 0;
  std::int32_t quantiles = 0;
  float mean_unit_up = 0, mean_unit_down = 0;  // [1] of the 16-bit numbers
  float spread_unit_up = 0, spread_unit_down = 0;
  float step_up = 0, step_down = 0;  // [S]

  static constexpr bool kDrawsUniform = true;

  struct Pair {
    float first, second;
  };
  /// Neighbours in the table: two signed 16-bit numbers in a word.
  [[gnu::always_inline]] Pair at(std::int32_t i) const {
    const std::uint32_t w = words[i];
    return {static_cast<float>(static_cast<std::int32_t>(w << 16) >> 16), static_cast<float>(static_cast<std::int32_t>(w) >> 16)};
  }

  /// Change [S] of a nominal device for a draw u in 0 .. 1, scatter times `c`.
  [[gnu::always_inline]] float drawn_step(float g, bool up, float low, float high, float c, float u) const {
    const auto rows = static_cast<float>(conductances - 1), columns = static_cast<float>(quantiles - 1);
    const std::int32_t last_row = conductances - 2, last_column = quantiles - 2, reset = conductances * quantiles;
    const float mean_up = step_up * mean_unit_up, mean_down = step_down * mean_unit_down;
    const float spread_up = c * step_up * spread_unit_up, spread_down = c * step_down * spread_unit_down;
    const float x = std::min(std::max((g - low) / (high - low) * rows, 0.0f), rows);
    const float y = u * columns;
    const std::int32_t i = std::min(static_cast<std::int32_t>(x), last_row);
    const std::int32_t k = std::min(static_cast<std::int32_t>(y), last_column);
    const float fx = x - static_cast<float>(i), fy = y - static_cast<float>(k);
    // a row: its mean, then quantiles - 1 pairs of deviations
    const std::int32_t row = i * quantiles + (up ? 0 : reset);
    const Pair mean = at(row);
    const Pair here = at(row + 1 + k);
    const Pair next = at(row + quantiles + 1 + k);
    const float a = here.first + fy * (here.second - here.first);
    const float b = next.first + fy * (next.second - next.first);
    const float m = mean.first + fx * (mean.second - mean.first);
    const float d = a + fx * (b - a);
    return m * (up ? mean_up : mean_down) + d * (up ? spread_up : spread_down);
  }
};

/// Parameters of the law and its mean step.
class QuantileTable {
 public:
  float step_up = 0;    ///< [S]
  float step_down = 0;  ///< [S]

  QuantileTable() = default;
  /// Throws InputError(out_of_range) when the sizes do not fit, a step is not finite, a row decreases, or a mean step has the wrong sign.
  explicit QuantileTable(const QuantileData& data);

  /// The measured steps, times what step_up and step_down were scaled by since.
  QuantileData data() const;
  int conductances() const { return cells_ ? cells_->conductances : 0; }
  int quantiles() const { return cells_ ? cells_->quantiles : 0; }

  /// Mean change [S] of a nominal device at conductance g [S] with its own window [low, high] [S].
  float mean_step(float g, bool up, float low, float high) const { return view().drawn_step(g, up, low, high, 0.0f, 0.5f); }
  /// What pulses look up; valid as long as a copy of the law is there.
  QuantileView view() const&;
  QuantileView view() && = delete;

 private:
  struct Cells {
    int conductances = 0, quantiles = 0;
    float mean_unit_up = 0, mean_unit_down = 0, spread_unit_up = 0, spread_unit_down = 0;
    std::vector<std::uint32_t> words;
    QuantileData data;
    float step_up = 0, step_down = 0;  // [S] of the data
  };
  std::shared_ptr<const Cells> cells_;  // shared by all copies, never changed
};

}  // namespace eqprop
