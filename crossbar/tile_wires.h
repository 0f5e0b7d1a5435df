#pragma once
// The wires stage of one tile: between the sources of its lines and its converters. Lines of the tile are word lines; the two devices of a
// pair sit on neighbouring bit lines, G+ first, and a transposed read drives them with +v and -v.
//   effective  exact currents by effective matrices, rebuilt when the cells have moved, corrected to first order in between
//   solve      the circuit is solved for every read: the slow reference, without read noise
//   lumped     a closed form: every cell in series with its own stretch of both lines, G / (1 + G R). A preview: it ignores that cells share
//              their lines
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "crossbar/tile.h"
#include "crossbar/wire_use.h"
#include "crossbar/wires/effective.h"

namespace eqprop {

enum class WireModel { none, effective, solve, lumped };
/// As above.
std::string_view wire_model_name(WireModel model);

/// How reads meet the wires.
struct WireStage {
  WireModel model = WireModel::none;
  WireOptions wires;  ///< ends as they are in forward reads
  bool swap_ends =
      false;  ///< transposed reads find sources where forward reads find sense inputs: driver and sense resistances change places
  double residual = 1e-6;  ///< of the solves, as WireTolerance::residual
  double stale_error =
      0.005;  ///< effective: largest relative error of corrected matrices that is aimed at, rms over the rms of a tile's entries
  void validate() const;
  /// The circuit of a read in this direction.
  WireOptions ends(Direction direction) const;
};

/// sd of a cell's conductance in a read: sqrt(white^2 + (proportional G)^2).
struct CellNoise {
  double white = 0;  ///< [S]
  double proportional = 0;
  bool any() const { return white > 0 || proportional > 0; }
};

/// What a read in one direction meets.
struct TileTransfer {
  Eigen::MatrixXf matrix;  ///< [S] outputs x lines, in both directions
  Eigen::MatrixXf noise;   ///< [S^2] outputs x lines: variance per squared drive; empty without read noise
  Eigen::MatrixXf form;    ///< [S] driven x driven: power is v' form v; lower triangle, what is above it added in
};

/// [S] word lines x bit lines: lines of the tile, and both devices of each pair side by side, G+ first.
Eigen::MatrixXd cells_of(const Tile& tile);

class TileWires {
 public:
  TileWires(const WireStage& stage, const CellNoise& noise);

  /// After the cells have changed. Effective matrices are corrected to first order in what a cell does to its own line and output, and rebuilt
  /// after a number of updates that doubles and halves with the error that the last rebuild found; the other models are rebuilt at once.
  /// Throws InputError(config) when a solve does not converge.
  void refresh(const Tile& tile);
  const WireUse& use() const { return use_; }

  const TileTransfer& toward(Direction direction) const { return way(direction).transfer; }
  /// [S] sum over the batch of v' form v; drive: driven x batch, the lines of this tile or its outputs.
  double power(Direction direction, const Eigen::Ref<const Eigen::MatrixXf>& drive) const;
  /// model solve: currents per volt-unit [S], outputs (backward: lines) x batch; returns the power as power() does.
  double solve(Direction direction, const Eigen::Ref<const Eigen::MatrixXf>& drive, Eigen::Ref<Eigen::MatrixXf> current) const;

  /// The cells that the matrices were built from; a restored stage is rebuilt from them and corrected to the tile, to the same bits.
  void save(ByteWriter& out) const;
  void restore(ByteReader& in, const Tile& tile);

 private:
  // reads of one direction; a coefficient says what a change of the cell does to the matrix
  struct Way {
    TileTransfer transfer;
    Eigen::MatrixXf base, plus_slope, minus_slope;  // outputs x lines: [S] as rebuilt; [1]
    std::shared_ptr<const Wires> circuit;           // model solve
  };
  const Way& way(Direction direction) const { return ways_[direction == Direction::forward ? 0 : 1]; }
  bool one_circuit() const;
  void correct(const Tile& tile);
  void rebuild_from(const Eigen::MatrixXf& plus, const Eigen::MatrixXf& minus);
  void build_effective(const Eigen::MatrixXd& siemens);
  void build_lumped(const Eigen::MatrixXd& siemens, Way& way, Direction direction) const;

  WireStage stage_;
  CellNoise noise_;
  Way ways_[2];                   // forward, transposed
  Eigen::MatrixXf plus_, minus_;  // [S] the cells of the last rebuild, outputs x lines
  WireUse use_;
  std::int64_t interval_ = 1;       // updates from one rebuild to the next
  std::int64_t since_rebuild_ = 0;  // updates
};

}  // namespace eqprop
