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

}  // namespace eqprop
