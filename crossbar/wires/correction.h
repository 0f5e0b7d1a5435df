#pragma once
// Corrections of the voltages of resistive lines for residuals of Kirchhoff's law: the word lines are eliminated, conjugate gradients do the
// rest (crossbar/wires/wires.h), in float or in double (T). In float an iteration moves half the memory; the residuals come from
// voltages in double, so that a few rounds reach what a double holds (iterative refinement: C. B. Moler, J. ACM 14, 1967, page 316).
#include <Eigen/Core>

#include "crossbar/kernel/kirchhoff_lanes.h"

namespace eqprop {

/// What the lines are, in conductances of a segment.
struct WireLines {
  Eigen::Index rows = 0, columns = 0;  // word lines, bit lines
  double word_end = 1, bit_end = 1;
  bool double_sided = false;
};

/// Cells and the elimination of all lines.
template <class T>
struct WireFactors {
  Eigen::ArrayX<T> cells, word_inv, bit_inv;

  /// cells: [rows][step], in segments.
  void set(const WireLines& lines, const double* cells, Eigen::Index step);
};

/// One solve's buffers.
template <class T>
class WireCorrection {
 public:
  struct Ended {
    int iterations = 0;
    bool sound = false;  ///< every number was finite, and the curvature positive
    double claim = 0;    ///< largest residual of a bit line's node by recursion, as scaled
  };

  void make_room(const WireLines& lines);
  /// The residuals times `scale` are what is to be corrected; returns what kirchhoff_lanes does.
  kirchhoff_lanes::Sums put_residuals(const WireLines& lines, const kirchhoff_lanes::Circuit& circuit, double scale);
  /// The same for lines at 0 V: currents into the ends of the word lines (both of them, if double-sided) and of the bit lines.
  void put_ends(const WireLines& lines, const double* word, const double* bit);

  /// First part of a solve: the word lines at still bit lines.
  void begin(const WireLines& lines, const WireFactors<T>& factors);
  /// After begin(): a first guess of the correction of a node's voltage, too large for word lines.
  T first_word(const WireLines& lines, Eigen::Index row, Eigen::Index column) const;
  T first_bit(const WireLines& lines, Eigen::Index row, Eigen::Index column) const;
  /// Conjugate gradients until no bit line's node has more than `goal` left, or what T can tell; at most so many iterations.
  Ended iterate(const WireLines& lines, const WireFactors<T>& factors, double goal, int iterations);
  /// Adds the correction times `scale` to voltages [rows][step].
  void add_to(const WireLines& lines, const WireFactors<T>& factors, double scale, double* word, double* bit, Eigen::Index step);

 private:
  Eigen::ArrayX<T> x_, z_, p_, w_, word_, turned_;
  Eigen::Index rows_ = 0, columns_ = 0;
  double rz_ = 0, largest_ = 0;
};

}  // namespace eqprop
