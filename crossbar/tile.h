#pragma once
// One physical crossbar: conductances of differential pairs, or of single devices and a reference column, as structure of arrays, their spread,
// pulse counters and running sums.
// Every matrix is outputs x lines, column-major: the pairs on one line (one input) lie next to each other.
#include <Eigen/Core>
#include <cstdint>

#include "base/bytes.h"
#include "crossbar/device/device.h"

namespace eqprop {

/// Lines that are programmed, and whose column sums are kept, together. Part of the meaning of a checkpoint.
inline constexpr Eigen::Index kLineBlock = 32;

/// What a weight is made of.
enum class Mapping {
  differential,   ///< a pair of devices: w = (G+ - G-) / S
  offset_column,  ///< one device; a reference column of the tile, a device per line at the middle of the window, is taken off all outputs:
                  ///< w = (G - G_ref of the line) / S
};

/// One device of each pair of a tile, or its reference column.
struct DevicePlane {
  using Counts = Eigen::Matrix<std::uint32_t, Eigen::Dynamic, Eigen::Dynamic>;
  Eigen::MatrixXf g;       ///< [S] as reads see it
  Eigen::MatrixXf hidden;  ///< [S] as pulses move it; empty without write noise, then g is moved
  Eigen::MatrixXf up;      ///< [1] factor of SET steps; 0: stuck
  Eigen::MatrixXf down;    ///< [1] factor of RESET steps; 0: stuck
  Eigen::MatrixXf low;     ///< [S] bounds of this device
  Eigen::MatrixXf high;    ///< [S]
  Counts pulses;           ///< SET and RESET pulses so far

  /// The conductance that pulses move.
  Eigen::MatrixXf& moved() { return hidden.size() ? hidden : g; }
};

/// A tile and what is derived from it.
struct Tile {
  /// Draws the devices of tile `id` (< 2^22); every free device starts at its lower bound.
  Tile(const DevicePreset& device, std::uint32_t seed, std::uint32_t id, Eigen::Index outputs, Eigen::Index lines, bool squares,
       bool accumulator, Mapping mapping = Mapping::differential);

  Eigen::Index outputs() const { return plus.g.rows(); }
  Eigen::Index lines() const { return plus.g.cols(); }
  /// All outputs share the devices of `minus`.
  bool has_reference() const { return mapping == Mapping::offset_column; }
  Eigen::Index blocks() const { return (lines() + kLineBlock - 1) / kLineBlock; }

  /// Brings the derived values of one line up to date after it was programmed.
  void refresh_line(Eigen::Index line);
  /// Then those of its block of lines,
  void refresh_block(Eigen::Index block);
  /// and then those of the tile. Sums are always taken anew over what changed: they do not drift.
  void refresh();

  void save(ByteWriter& out) const;
  void restore(ByteReader& in);

  std::uint32_t id;
  Mapping mapping;
  DevicePlane plus;             ///< G+, or G
  DevicePlane minus;            ///< G-, or 1 x lines: G_ref
  Eigen::MatrixXf difference;   ///< [S] G+ - G-, or G - G_ref
  Eigen::MatrixXf squares;      ///< [S^2] G+^2 + G-^2, or G^2; empty unless read noise is proportional to G
  Eigen::MatrixXf accumulator;  ///< [weight] wanted changes not yet written; empty unless the plan accumulates
  Eigen::VectorXd line_sum;     ///< [S] per line: sum over outputs of G+ + G-, or of G and once G_ref
  Eigen::VectorXd column_sum;   ///< [S] per output: sum over lines of G+ + G-, or of G
  Eigen::MatrixXd column_part;  ///< [S] per output and block of lines
};

}  // namespace eqprop
