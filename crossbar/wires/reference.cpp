#include "crossbar/wires/reference.h"

#include <Eigen/SparseCholesky>
#include <vector>

#include "base/check.h"

namespace eqprop {

using Eigen::Index;

WireReference solve_reference(const Eigen::MatrixXd& siemens, const WireOptions& options, Direction direction,
                              const Eigen::VectorXd& volt) {
  const Index rows = siemens.rows(), columns = siemens.cols(), nodes = rows * columns;
  const auto word = [&](Index i, Index j) { return i * columns + j; };
  const auto bit = [&](Index i, Index j) { return nodes + i * columns + j; };
  std::vector<Eigen::Triplet<double>> entries;
  Eigen::VectorXd injected = Eigen::VectorXd::Zero(2 * nodes);
  const auto join = [&](Index a, Index b, double g) {
    entries.insert(entries.end(), {{int(a), int(a), g}, {int(b), int(b), g}, {int(a), int(b), -g}, {int(b), int(a), -g}});
  };
  const auto hold = [&](Index a, double g, double v) {
    entries.emplace_back(int(a), int(a), g);
    injected[a] += g * v;
  };
  const bool forward = direction == Direction::forward;
  const double segment = 1 / options.segment_ohm;
  const double word_end = 1 / (options.segment_ohm + options.driver_ohm);
  const double bit_end = 1 / (options.segment_ohm + options.sense_ohm);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) {
      join(word(i, j), bit(i, j), siemens(i, j));
      if (j + 1 < columns) join(word(i, j), word(i, j + 1), segment);
      if (i + 1 < rows) join(bit(i, j), bit(i + 1, j), segment);
    }
    hold(word(i, 0), word_end, forward ? volt[i] : 0);
    if (options.double_sided) hold(word(i, columns - 1), word_end, forward ? volt[i] : 0);
  }
  for (Index j = 0; j < columns; ++j) hold(bit(rows - 1, j), bit_end, forward ? 0 : volt[j]);

  Eigen::SparseMatrix<double> matrix(2 * nodes, 2 * nodes);
  matrix.setFromTriplets(entries.begin(), entries.end());
  const Eigen::SimplicialLDLT<Eigen::SparseMatrix<double>> factor(matrix);
  check(factor.info() == Eigen::Success, "the nodal matrix is positive definite");
  Eigen::VectorXd v = factor.solve(injected);
  v += factor.solve(injected - matrix * v);  // refined once: a plain solve leaves 1e-12

  WireReference out{Eigen::VectorXd(forward ? columns : rows), Eigen::MatrixXd(rows, columns), Eigen::MatrixXd(rows, columns)};
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) {
      out.word(i, j) = v[word(i, j)];
      out.bit(i, j) = v[bit(i, j)];
    }
  }
  if (forward) {
    out.ampere = bit_end * out.bit.row(rows - 1).transpose();
  } else {
    out.ampere = word_end * out.word.col(0);
    if (options.double_sided) out.ampere += word_end * out.word.col(columns - 1);
  }
  return out;
}

}  // namespace eqprop
