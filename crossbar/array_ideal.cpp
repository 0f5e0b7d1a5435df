// What an array would give without converters and noise: its weights times the drive, behind wires as they are.
#include "crossbar/array.h"
#include "crossbar/product.h"

namespace eqprop {
namespace {

using Eigen::Index;
using In = Array::In;
using Out = Array::Out;
using Block = Eigen::Map<Eigen::MatrixXf>;

/// One of two matrices of the thread, whose memory only grows.
Block kept(std::size_t which, Index rows, Index cols) {
  thread_local Eigen::MatrixXf buffers[2];
  Eigen::MatrixXf& buffer = buffers[which];
  if (buffer.size() < rows * cols) buffer.resize(rows * cols, 1);
  return {buffer.data(), rows, cols};
}

}  // namespace

void Array::forward_ideal(const In& in, Out out) const {
  const auto per_weight = static_cast<float>(1 / scale_);
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    const int r = static_cast<int>(t) / column_tiles_, c = static_cast<int>(t) % column_tiles_;
    const Tile& tile = tiles_[t];
    const Index bias = r == line_tiles_ - 1 ? 1 : 0;
    const Index lines = tile.lines() - bias;
    auto target = out.middleRows(column_cut(c), tile.outputs());
    if (solved(t)) {
      Block drive = kept(0, tile.lines(), in.cols());
      drive.topRows(lines) = in.middleRows(line_cut(r), lines);
      if (bias) drive.row(lines).setOnes();
      const Block current = kept(1, tile.outputs(), in.cols());
      wires_[t].solve(Direction::forward, drive, {}, {}, false, current);
      target += per_weight * current;
      continue;
    }
    const Eigen::MatrixXf& g = seen(t, Direction::forward);
    if (lines > 0) add_product(per_weight, g.leftCols(lines), in.middleRows(line_cut(r), lines), target);
    for (Index k = 0; bias && k < target.cols(); ++k) target.col(k) += per_weight * g.col(lines);
  }
}

Eigen::VectorXf Array::biases() const {
  Eigen::VectorXf out(outputs_);
  for (int c = 0; c < column_tiles_; ++c) {
    const Eigen::MatrixXf& g = seen(static_cast<std::size_t>((line_tiles_ - 1) * column_tiles_ + c), Direction::forward);
    out.segment(column_cut(c), g.rows()) = static_cast<float>(1 / scale_) * g.col(g.cols() - 1);
  }
  return out;
}

void Array::backward_ideal(const In& in, Out out) const {
  const auto per_weight = static_cast<float>(1 / scale_);
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    const int r = static_cast<int>(t) / column_tiles_, c = static_cast<int>(t) % column_tiles_;
    const Tile& tile = tiles_[t];
    const Index lines = tile.lines() - (r == line_tiles_ - 1 ? 1 : 0);
    if (lines == 0) continue;
    if (solved(t)) {
      const Block current = kept(1, lines, in.cols());
      wires_[t].solve(Direction::backward, in.middleRows(column_cut(c), tile.outputs()), {}, {}, false, current);
      out.middleRows(line_cut(r), lines) += per_weight * current;
      continue;
    }
    add_product(per_weight, seen(t, Direction::backward).leftCols(lines).transpose(), in.middleRows(column_cut(c), tile.outputs()),
                out.middleRows(line_cut(r), lines));
  }
}

}  // namespace eqprop
