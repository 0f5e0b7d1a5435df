#pragma once
// Read noise of a reference column, a device per line, that all outputs of a tile share:
//   forward    I_j -= sqrt(sum_i (white + proportional^2 G_i^2) v_i^2) xi          one draw for all outputs: their noise goes together
//   backward   var I_i += (white + proportional^2 G_i^2) (sum_j v_j)^2             the column is driven with the sum: a draw of each line's own
#include <Eigen/Core>
#include <cstdint>
#include <span>

#include "base/random.h"

namespace eqprop {

/// The column, and variances of its read noise.
struct ReferenceNoise {
  const Eigen::MatrixXf& g;  ///< [S] 1 x lines
  double white;              ///< [S^2]
  double proportional;       ///< [1] per G^2
};

/// Forward: takes the column's noise off `current` (outputs x batch, [S] times drive). drive: lines x batch. A sample's number is named like
/// the outputs' own, far behind them; `plane` is the bit of a serial input.
void take_off_reference_noise(const ReferenceNoise& noise, const Eigen::Ref<const Eigen::MatrixXf>& drive, const RandomKey& key, int plane,
                              std::span<const std::uint32_t> sample_ids, Place place, Eigen::Ref<Eigen::MatrixXf> current);

/// Backward: what the column adds to the variance that proportional noise multiplies, [S^2], lines (the bias perhaps left out) x batch; drive: outputs x batch.
void add_reference_variance(const Eigen::MatrixXf& g, const Eigen::Ref<const Eigen::MatrixXf>& drive, Eigen::Ref<Eigen::MatrixXf> variance);

}  // namespace eqprop
