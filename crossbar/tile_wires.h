#pragma once
// The wires stage of one tile: between the sources of its lines and its converters. Lines of the tile are word lines; the two devices of a
// pair sit on neighbouring bit lines, G+ first, and a transposed read drives them with +v and -v.
//   exact      exact currents, by matrices or by solves, whichever costs less (crossbar/wire_rule.h)
//   effective  exact currents by effective matrices, rebuilt when the cells have moved, corrected to first order in between
//   solve      the circuit is solved for every read; read noise by matrices that are rebuilt now and then
//   lumped     a closed form: every cell in series with its own stretch of both lines, G / (1 + G R). A preview: it ignores that cells share
//              their lines
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "crossbar/read_heat.h"
#include "crossbar/tile.h"
#include "crossbar/wire_use.h"
#include "crossbar/wires/effective.h"
#include "crossbar/wires/warm.h"

namespace eqprop {

enum class WireModel { none, exact, effective, solve, lumped };
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
  /// [S] driven x driven: the power is v' form v; lower triangles, what is above them added in.
  struct Power {
    Eigen::MatrixXf all;
    Eigen::MatrixXf cells, ends;  ///< parts of it, of cells and of drivers and sense inputs
  } power;
};

/// [S] word lines x bit lines: lines of the tile, and both devices of each pair side by side, G+ first.
Eigen::MatrixXd cells_of(const Tile& tile);

class TileWires {
 public:
  TileWires(const WireStage& stage, const CellNoise& noise);

  /// After the cells have changed. reads: vectors that were read through the tile in training so far. Matrices are corrected to first order in
  /// what a cell does to its own line and output, and rebuilt after a number of updates that doubles and halves with the error that the last
  /// rebuild found; where reads are solves, matrices only serve noise, calibration and what the coupling shows as its weights, and are rebuilt
  /// as seldom as costs a tenth of the solves. Throws InputError(config) when a solve does not converge.
  void refresh(const Tile& tile, std::int64_t reads);
  /// So many vectors will be read before the cells change again: matrices are rebuilt where that is the cheaper way (model exact).
  void expect_reads(const Tile& tile, std::int64_t vectors);
  WireUse use() const;
  /// Reads are solves.
  bool solving() const { return solving_ && !fresh_; }

  const TileTransfer& toward(Direction direction) const { return way(direction).transfer; }
  /// out (outputs x lines, [S]) = toward(direction).matrix where the pairs have moved by `change` [S] without an update, as slow noise moves
  /// them: to first order in what a pair does to its own line and output, its devices taken as one. Not where reads are solves.
  void shifted(Direction direction, const Eigen::Ref<const Eigen::MatrixXf>& change, Eigen::MatrixXf& out) const;
  /// [S] sum over the batch of v' form v; drive: driven x batch, the lines of this tile or its outputs.
  ReadHeat power(Direction direction, const Eigen::Ref<const Eigen::MatrixXf>& drive) const;
  /// Currents per volt-unit [S] by solves, outputs (backward: lines) x batch; returns the power as power() does,
  /// if with_heat. A batch of no more than
  /// kWarmReads starts from what its samples' last reads of this step and phase have left;
  /// without ids it starts cold.
  ReadHeat solve(Direction direction, const Eigen::Ref<const Eigen::MatrixXf>& drive, std::span<const std::uint32_t> sample_ids,
                 const Place& place, bool with_heat, Eigen::Ref<Eigen::MatrixXf> current) const;
  static constexpr Eigen::Index kWarmReads = 4;  ///< bounds the memory of starts

  /// The cells that the matrices were built from; a restored stage is rebuilt from them and corrected to the tile, to the same bits.
  void save(ByteWriter& out) const;
  void restore(ByteReader& in, const Tile& tile);

 private:
  // reads of one direction; a coefficient says what a change of the cell does to the matrix
  struct Way {
    TileTransfer transfer;
    Eigen::MatrixXf base, plus_slope, minus_slope;  // outputs x lines: [S] as rebuilt; [1]
    std::optional<Wires> circuit;                   // where reads are solves; one is enough where both ways have the same ends
    mutable WarmStarts starts;
  };
  const Way& way(Direction direction) const { return ways_[direction == Direction::forward ? 0 : 1]; }
  bool one_circuit() const;
  std::int64_t rebuild_solves() const;
  void correct(const Tile& tile);
  void set_circuits(const Tile& tile);
  void rebuild(const Tile& tile);
  void adapt(double error);
  WireCost cost() const { return wire_cost(rebuild_solves(), interval_, reads_per_update_); }
  void rebuild_from(const Eigen::MatrixXf& plus, const Eigen::MatrixXf& minus);
  void build_effective(const Eigen::MatrixXd& siemens);
  void build_lumped(const Eigen::MatrixXd& siemens, Way& way, Direction direction) const;

  WireStage stage_;
  CellNoise noise_;
  Way ways_[2];                   // forward, transposed
  Eigen::MatrixXf plus_, minus_;  // [S] the cells of the last rebuild, outputs x lines
  WireUse use_;
  std::int64_t interval_ = 1;       // updates from one rebuild to the next, of matrices that are read
  std::int64_t since_rebuild_ = 0;  // updates
  std::int64_t reads_before_ = 0;   // of use_.reads, at the last rebuild
  double reads_per_update_ = 0;     // since then
  bool solving_;                    // the rule's choice
  bool fresh_ = false;              // matrices are those of the present cells, although the choice is to solve
};

}  // namespace eqprop
