#pragma once
// The exact circuit of an array with resistive lines: every crossing is a cell between a node of its word line (row, input) and a node of
// its bit line (column, output); neighbouring nodes of a line are a segment apart.
//
//   source i --[driver + segment]-- word i,0 --[segment]-- word i,1 ... word i,n-1 (--[segment + driver]-- source i, double-sided)
//   bit 0,j --[segment]-- bit 1,j ... bit m-1,j --[segment + sense]-- virtual ground
//
// A transposed read drives the bit lines at their ends and senses the word lines at theirs: ends are what they are, whichever way the
// signal goes, so that forward and transposed weights are equal when driver and sense resistance are.
//
// Nodal analysis gives [Tw + D, -D; -D, Tb + D], T tridiagonal per line, D the cells. The word lines are eliminated exactly; what is left
// for the bit lines' nodes, Tb + D - D (Tw + D)^-1 D, is solved by conjugate gradients preconditioned by (Tb + D)^-1 (M. R. Hestenes,
// E. Stiefel, doi 10.6028/jres.049.044): two tridiagonal sweeps an iteration, no fill-in. Arrays that need few iterations are solved in
// rounds of single precision (crossbar/wires/correction.h), each for the residual that the check in double precision has left; large arrays
// that need many start from the voltages of a coarse one.
#include <Eigen/Core>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "crossbar/direction.h"
#include "crossbar/wires/correction.h"

namespace eqprop {

struct WireOptions {
  double segment_ohm = 1;     ///< [ohm] of a line between neighbouring cells, >= 1e-9
  double driver_ohm = 0;      ///< [ohm] between a word line's outermost segment and its source, >= 0
  double sense_ohm = 0;       ///< [ohm] between a bit line's outermost segment and its virtual ground, >= 0
  bool double_sided = false;  ///< word lines are driven (transposed: sensed) at both ends
  /// Throws InputError(config) naming field, value and range.
  void validate() const;
};

struct WireTolerance {
  double residual = 1e-8;  ///< largest Kirchhoff residual of a node over the largest current that a source injects
  int iterations = 1000;   ///< of conjugate gradients, at most
};

/// [1] of a line's highest voltage: what a segment's two ends, and its neighbour's, may leave at a node for want of digits. 0 for drivers or
/// sense inputs of so many more ohms than a segment that what is left would show in their currents: then the tolerance is to be met.
inline double wire_rounding(const WireOptions& o) {
  constexpr double kOne = 4 * std::numeric_limits<double>::epsilon();
  return kOne * (1 + (o.driver_ohm + o.sense_ohm) / o.segment_ohm) < 1e-6 ? kOne : 0;
}

/// How a solve ended. All but the iterations are computed anew from the voltages, node by node, by code of its own.
struct WireReport {
  int iterations = 0;
  bool converged = false;   ///< kcl_residual is at most the tolerance, or what rounding leaves
  double kcl_residual = 0;  ///< largest sum of currents into a node over the largest injected current
  /// What of that may be rounding alone: a voltage has 53 bits, and a segment turns the last ones of its ends into current. It is above the
  /// tolerance where lines are ideal beside the cells, and does not hinder: outputs are as exact as voltages are.
  double rounding_floor = 0;
  double charge_balance_error = 0;  ///< |current in - current out| over current in
  double power_balance_error = 0;   ///< |power of the sources - power of cells, wires and ends| over the former; says little by itself
  /// The worse of both, figure by figure.
  void keep_worst(const WireReport& other);
};

/// Voltages of a solve as the start of another, in single precision.
struct WireStart {
  bool set = false;
  std::uint32_t sweep = 0;  ///< of the read that left them
  Eigen::ArrayXXf bit, word;
};

/// Buffers of one solver, and the voltages of its last solve: the start of the next when it is warm.
class WireState {
 public:
  void keep(WireStart& start) const {
    start.bit = bit_.cast<float>();
    start.word = word_.cast<float>();
    start.set = true;
  }
  void take(const WireStart& start) {
    bit_ = start.bit.cast<double>();
    word_ = start.word.cast<double>();
  }
  /// [V] of a node of the last solve.
  double word_volt(Eigen::Index row, Eigen::Index column) const { return word_(row, column); }
  double bit_volt(Eigen::Index row, Eigen::Index column) const { return bit_(row, column); }
  /// [V] word line minus bit line of the first rows and columns, as an expression (row-major).
  auto over_cells(Eigen::Index rows, Eigen::Index columns) const {
    return word_.topLeftCorner(rows, columns) - bit_.topLeftCorner(rows, columns);
  }

 private:
  friend class Wires;
  using Field = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Field bit_, word_;  // voltages
  Field offset_;      // currents of sources in the cells, if there are any
  WireCorrection<float> fast_;
  WireCorrection<double> exact_;
  WireFactors<double> exact_factors_;  // where float, against expectation, does not do
};

/// An array of fixed cells behind its lines.
class Wires {
 public:
  using In = Eigen::Ref<const Eigen::MatrixXd>;
  using Out = Eigen::Ref<Eigen::MatrixXd>;

  /// siemens: word lines x bit lines, each finite and >= 0; 0 is an absent cell. Throws InputError(config) for bad cells or options.
  Wires(const In& siemens, const WireOptions& options);

  /// Other cells behind the same lines, e.g. after an update. Throws as the constructor does; the array is then not to be used.
  void set(const In& siemens);

  Eigen::Index word_lines() const { return word_lines_; }
  Eigen::Index bit_lines() const { return bit_lines_; }
  const WireOptions& options() const { return options_; }
  double siemens(Eigen::Index row, Eigen::Index column) const { return cells_(row, column) / options_.segment_ohm; }

  /// [A] into the virtual grounds for source voltages [V]. Forward: word lines drive, bit lines are sensed; backward the other way. warm:
  /// starts from the voltages that the state holds of a solve of the same shape, if they are nearer than 0 V everywhere.
  WireReport solve(Direction direction, std::span<const double> volt, std::span<double> ampere, const WireTolerance& tolerance,
                   WireState& state, bool warm = false) const;
  /// The same with a current source beside every cell: offset, [A] word lines x bit lines, flows from the word line to the bit line.
  WireReport solve(Direction direction, std::span<const double> volt, std::span<double> ampere, const WireTolerance& tolerance,
                   WireState& state, bool warm, const In& offset) const;
  /// The same for a batch, a column each; bits do not depend on the threads. A report per column.
  std::vector<WireReport> solve(Direction direction, const In& volt, Out ampere, const WireTolerance& tolerance, int threads) const;

  /// [A] from outside into the ends of the lines at the voltages of a solve.
  struct EndCurrents {
    Eigen::VectorXd word;      ///< word lines, where segment 0 is
    Eigen::VectorXd far_word;  ///< their other ends; 0 unless double-sided
    Eigen::VectorXd bit;       ///< bit lines
  };
  EndCurrents end_currents(Direction direction, const Eigen::VectorXd& volt, const WireState& state) const;
  /// [A] that each source sends into its line, both ends of it together.
  static Eigen::VectorXd injected(Direction direction, const EndCurrents& ends);

 private:
  using Field = WireState::Field;
  // what holds the ends of the lines: sources where the signal comes from, virtual grounds where it goes
  struct Terminals {
    Direction direction;
    Eigen::VectorXd word, bit;  // [V]
    bool offset = false;        // cells have current sources beside them, kept in the state, in segments
  };
  struct Sizes;
  Terminals held(Direction direction, std::span<const double> volt, std::span<double> ampere) const;
  WireReport solve(const Terminals& ends, std::span<double> ampere, const WireTolerance& tolerance, WireState& state, bool warm) const;
  template <class T>
  void refine(const Terminals& ends, const WireFactors<T>& factors, WireCorrection<T>& correction, const WireTolerance& tolerance,
              bool rest, WireState& state, WireReport& report) const;
  void set_coarse(const In& siemens);
  void start_from_coarse(const Terminals& ends, WireState& state) const;
  template <class T>
  double first_injected(const Terminals& ends, double unit, const WireCorrection<T>& correction) const;
  double injected_by(const Terminals& ends, const WireState& state) const;
  template <class T>
  WireReport check(const Terminals& ends, const WireState& state, const WireTolerance& tolerance, double unit,
                   WireCorrection<T>& correction, Sizes* sizes) const;

  WireOptions options_;
  Eigen::Index word_lines_, bit_lines_;
  double word_end_, bit_end_;  // conductances of the ends, in segments
  WireLines lines_;
  Field cells_;                          // in segments
  std::shared_ptr<const Wires> coarse_;  // of large arrays that need many iterations: blocks of cells as one (coarse_start.cpp)
  bool fits_float_;                      // which of the two factors are set
  WireFactors<float> fast_;
  WireFactors<double> exact_;
};

}  // namespace eqprop
