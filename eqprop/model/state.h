#pragma once
// Activations of all layers but the clamped input, for one batch, in one contiguous buffer; a value, copied per phase. Its memory only
// grows: a copy into a state that was once as large allocates nothing.
#include <utility>
#include <vector>

#include "eqprop/model/types.h"

namespace eqprop {

/// Layer l (1 .. layers) is a block of size(l) x batch; the input (layer 0) lives in the boundary, not here.
template <class T>
class State {
 public:
  State() = default;
  /// sizes[0] is the input's size and is ignored; all units start at 0.
  State(const std::vector<Index>& sizes, Index batch) { reshape(sizes, batch); }
  State(const State& other) { *this = other; }
  State(State&&) noexcept = default;
  State& operator=(State&&) noexcept = default;
  ~State() = default;
  State& operator=(const State& other) {
    if (this == &other) return *this;
    sizes_ = other.sizes_;
    offsets_ = other.offsets_;
    batch_ = other.batch_;
    used_ = other.used_;
    grow();
    buffer_.head(used_) = other.buffer_.head(used_);
    return *this;
  }

  void reshape(const std::vector<Index>& sizes, Index batch) {
    sizes_ = sizes;
    batch_ = batch;
    offsets_.assign(sizes.size(), 0);
    used_ = 0;
    for (std::size_t l = 1; l < sizes.size(); ++l) {
      offsets_[l] = used_;
      used_ += sizes[l] * batch;
    }
    grow();
    buffer_.head(used_).setZero();
  }

  Index batch() const { return batch_; }
  int layers() const { return static_cast<int>(sizes_.size()) - 1; }
  Index size(int l) const { return sizes_[static_cast<std::size_t>(l)]; }

  /// The first `count` columns of a layer from column `first`.
  Block<T> layer(int l, Index first, Index count) {
    return {buffer_.data() + offset(l) + first * size(l), size(l), count, Eigen::OuterStride<>(size(l))};
  }
  ConstBlock<T> layer(int l, Index first, Index count) const {
    return {buffer_.data() + offset(l) + first * size(l), size(l), count, Eigen::OuterStride<>(size(l))};
  }
  Block<T> layer(int l) { return layer(l, 0, batch_); }
  ConstBlock<T> layer(int l) const { return layer(l, 0, batch_); }

  void swap_columns(Index a, Index b) {
    if (a == b) return;
    for (int l = 1; l <= layers(); ++l) layer(l).col(a).swap(layer(l).col(b));
  }

 private:
  void grow() {
    if (buffer_.size() < used_) buffer_.resize(used_);
  }
  Index offset(int l) const { return offsets_[static_cast<std::size_t>(l)]; }
  std::vector<Index> sizes_;
  std::vector<Index> offsets_;
  Index batch_ = 0;
  Index used_ = 0;
  Vector<T> buffer_;  // the first used_ values count
};

}  // namespace eqprop
