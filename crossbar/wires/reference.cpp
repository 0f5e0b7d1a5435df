#include "crossbar/wires/reference.h"

#include <Eigen/SparseCholesky>
#include <cmath>
#include <vector>

#include "base/check.h"

namespace eqprop {
namespace {

using Eigen::Index;
using Eigen::VectorXd;
using Sparse = Eigen::SparseMatrix<double>;

// the wires and their ends; cells are stamped by the caller
struct Nodal {
  Index rows, columns;
  const WireOptions& options;
  bool forward;
  std::vector<Eigen::Triplet<double>> entries;
  VectorXd injected;

  Nodal(Index word_lines, Index bit_lines, const WireOptions& wires, Direction direction, const VectorXd& volt)
      : rows(word_lines), columns(bit_lines), options(wires), forward(direction == Direction::forward) {
    injected = VectorXd::Zero(2 * rows * columns);
    const double segment = 1 / options.segment_ohm;
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < columns; ++j) {
        if (j + 1 < columns) join(word(i, j), word(i, j + 1), segment);
        if (i + 1 < rows) join(bit(i, j), bit(i + 1, j), segment);
      }
      hold(word(i, 0), word_end(), forward ? volt[i] : 0);
      if (options.double_sided) hold(word(i, columns - 1), word_end(), forward ? volt[i] : 0);
    }
    for (Index j = 0; j < columns; ++j) hold(bit(rows - 1, j), bit_end(), forward ? 0 : volt[j]);
  }
  Index word(Index i, Index j) const { return i * columns + j; }
  Index bit(Index i, Index j) const { return rows * columns + i * columns + j; }
  double word_end() const { return 1 / (options.segment_ohm + options.driver_ohm); }
  double bit_end() const { return 1 / (options.segment_ohm + options.sense_ohm); }
  void join(Index a, Index b, double g) {
    entries.insert(entries.end(), {{int(a), int(a), g}, {int(b), int(b), g}, {int(a), int(b), -g}, {int(b), int(a), -g}});
  }
  void hold(Index a, double g, double v) {
    entries.emplace_back(int(a), int(a), g);
    injected[a] += g * v;
  }
  Sparse matrix() const {
    Sparse out(injected.size(), injected.size());
    out.setFromTriplets(entries.begin(), entries.end());
    return out;
  }
  WireReference read(const VectorXd& v) const;
};

WireReference Nodal::read(const VectorXd& v) const {
  WireReference out{VectorXd(forward ? columns : rows), Eigen::MatrixXd(rows, columns), Eigen::MatrixXd(rows, columns)};
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) {
      out.word(i, j) = v[word(i, j)];
      out.bit(i, j) = v[bit(i, j)];
    }
  }
  if (forward) {
    out.ampere = bit_end() * out.bit.row(rows - 1).transpose();
  } else {
    out.ampere = word_end() * out.word.col(0);
    if (options.double_sided) out.ampere += word_end() * out.word.col(columns - 1);
  }
  return out;
}

}  // namespace

WireReference solve_reference(const Eigen::MatrixXd& siemens, const WireOptions& options, Direction direction, const VectorXd& volt) {
  Nodal nodal(siemens.rows(), siemens.cols(), options, direction, volt);
  for (Index i = 0; i < siemens.rows(); ++i)
    for (Index j = 0; j < siemens.cols(); ++j) nodal.join(nodal.word(i, j), nodal.bit(i, j), siemens(i, j));
  const Sparse matrix = nodal.matrix();
  const Eigen::SimplicialLDLT<Sparse> factor(matrix);
  check(factor.info() == Eigen::Success, "the nodal matrix is positive definite");
  VectorXd v = factor.solve(nodal.injected);
  v += factor.solve(nodal.injected - matrix * v);  // refined once: a plain solve leaves 1e-12
  return nodal.read(v);
}

WireReference solve_reference(Index word_lines, Index bit_lines, const CellCurve& cell, const WireOptions& options, Direction direction,
                              const VectorXd& volt) {
  constexpr int kSteps = 1000, kHalvings = 60;
  const Nodal wires(word_lines, bit_lines, options, direction, volt);
  const Sparse matrix = wires.matrix();
  const auto residual = [&](const VectorXd& v, Nodal* tangent) {
    VectorXd out = wires.injected - matrix * v;
    for (Index i = 0; i < word_lines; ++i) {
      for (Index j = 0; j < bit_lines; ++j) {
        const Index above = wires.word(i, j), below = wires.bit(i, j);
        const CellPoint point = cell(i, j, v[above] - v[below]);
        out[above] -= point.ampere;
        out[below] += point.ampere;
        if (tangent != nullptr) tangent->join(above, below, point.siemens);
      }
    }
    return out;
  };
  VectorXd v = VectorXd::Zero(wires.injected.size());
  for (int step = 0; step < kSteps; ++step) {
    Nodal tangent = wires;
    const VectorXd left = residual(v, &tangent);
    const Eigen::SimplicialLDLT<Sparse> factor(tangent.matrix());
    check(factor.info() == Eigen::Success, "the nodal matrix is positive definite");
    const VectorXd whole = factor.solve(left);
    double part = 1;
    int halvings = 0;
    while (halvings < kHalvings && !(residual(v + part * whole, nullptr).norm() < left.norm())) {
      part /= 2;
      ++halvings;
    }
    // only at the bottom, where rounding decides, no part of a Newton step brings less
    if (halvings == kHalvings) {
      constexpr double kRounding = 1e-9;
      check(left.norm() <= kRounding * (wires.injected - matrix * v).norm(), "Newton's steps end at the solution");
      return wires.read(v);
    }
    v += part * whole;
  }
  check(false, "Newton's steps end");
  return wires.read(v);
}

}  // namespace eqprop
