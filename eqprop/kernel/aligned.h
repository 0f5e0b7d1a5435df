#pragma once
// A growing array on cache lines, for kernels: contents are lost when it grows.
#include <cstddef>
#include <memory>
#include <new>

namespace eqprop {

/// Uninitialised array of plain values, 64-byte aligned.
template <class V>
class AlignedArray {
 public:
  /// At least `size` values afterwards; a larger array stays, a smaller one is replaced and its contents are lost.
  void grow(std::size_t size) {
    if (size <= size_) return;
    data_.reset();
    size_ = 0;
    data_.reset(static_cast<V*>(::operator new(size * sizeof(V), kLine)));
    size_ = size;
  }
  V* data() { return data_.get(); }
  const V* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  static constexpr std::align_val_t kLine{64};
  struct Free {
    void operator()(V* data) const { ::operator delete(data, kLine); }
  };
  std::unique_ptr<V, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace eqprop
