#pragma once
// Matrix types of the engine: units (or weights' outputs) down, samples (or inputs) across, column-major.
#include <Eigen/Core>

namespace eqprop {

using Index = Eigen::Index;

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
template <class T>
using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;

/// A block to read, e.g. units x samples; columns are contiguous.
template <class T>
using In = Eigen::Ref<const Matrix<T>>;
/// A block to write.
template <class T>
using Out = Eigen::Ref<Matrix<T>>;
/// A view that can be stored and copied.
template <class T>
using ConstBlock = Eigen::Map<const Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class T>
using Block = Eigen::Map<Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;

/// The whole matrix as a view; the matrix must outlive it.
template <class T>
ConstBlock<T> view(const Matrix<T>& m) {
  return {m.data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.rows())};
}

/// A matrix whose memory only grows: reused for other shapes, it allocates for none that is smaller than the largest so far.
template <class T>
class Buffer {
 public:
  /// Gives it a shape; what it held is lost unless the shape is the same.
  Block<T> shape(Index rows, Index cols) {
    if (rows * cols > memory_.size()) memory_.resize(rows * cols);
    rows_ = rows;
    cols_ = cols;
    return block();
  }
  Block<T> block() { return {memory_.data(), rows_, cols_, Eigen::OuterStride<>(rows_)}; }
  ConstBlock<T> block() const { return {memory_.data(), rows_, cols_, Eigen::OuterStride<>(rows_)}; }
  T* data() { return memory_.data(); }
  Index rows() const { return rows_; }
  Index cols() const { return cols_; }

 private:
  Vector<T> memory_;
  Index rows_ = 0;
  Index cols_ = 0;
};

/// A buffer's matrix as a view; the buffer must outlive it and keep its shape.
template <class T>
ConstBlock<T> view(const Buffer<T>& b) {
  return b.block();
}

}  // namespace eqprop
