#pragma once
// Exact weights in memory: the mathematical reference of every substrate. Its energy is undefined (null), never zero.
#include "eqprop/model/coupling.h"

namespace eqprop {

/// Rows of memory that hold one column (or row) of weights: a multiple of 16, never of 1024 (a 4 KB stride aliases in the cache).
Index padded_length(Index n);

template <class T>
class IdealCoupling final : public Coupling<T> {
 public:
  /// weights: outputs x (inputs + 1), bias last. A narrow output layer (at most 16 units) is stored with its rows contiguous, any other
  /// with its columns contiguous.
  explicit IdealCoupling(const In<T>& weights);

  Index inputs() const override { return inputs_; }
  Index outputs() const override { return outputs_; }
  std::string kind() const override { return "ideal"; }
  bool is_ideal() const override { return true; }
  void forward(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const override;
  void backward(const In<T>& post, Out<T> field, const ReadPlace& place, Run& run) const override;
  void forward_unbiased(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const override;
  Vector<T> bias_values() const override { return bias_.head(outputs_); }
  Matrix<T> read() const override;
  void update(const WantedChange<T>& change, const Place& place, Run& run) override;
  void shrink(double factor) override { store_ *= static_cast<T>(factor); }
  void save(ByteWriter& out) const override;
  void restore(ByteReader& in) override;

  /// For kernels: `store()` is padded_length x lines, padding zero; a line is one output's weights if by_output(), else one input's.
  bool by_output() const { return by_output_; }
  Matrix<T>& store() { return store_; }
  const Matrix<T>& store() const { return store_; }
  Vector<T>& bias() { return bias_; }  ///< padded_length(outputs), padding zero
  const Vector<T>& bias() const { return bias_; }

 private:
  Index inputs_;
  Index outputs_;
  bool by_output_;
  Matrix<T> store_;
  Vector<T> bias_;
};

}  // namespace eqprop
