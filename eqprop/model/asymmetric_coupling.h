#pragma once
// A coupling whose backward reads differ from its forward ones: every weight is read backward as w (1 + e), e static and Gaussian. For
// studies of how much symmetry equilibrium propagation needs: the network then has no potential, and may settle to nothing.
#include <memory>

#include "eqprop/model/coupling.h"

namespace eqprop {

template <class T>
class AsymmetricCoupling final : public Coupling<T> {
 public:
  /// Wraps a coupling; `error` is the sd of e, drawn by RandomKey{seed, device_spread, layer}.
  AsymmetricCoupling(std::unique_ptr<Coupling<T>> inner, double error, std::uint32_t seed, int layer);

  Index inputs() const override { return inner_->inputs(); }
  Index outputs() const override { return inner_->outputs(); }
  std::string kind() const override { return "asymmetric " + inner_->kind(); }
  bool is_ideal() const override { return inner_->is_ideal(); }
  void forward(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const override { inner_->forward(pre, field, place, run); }
  void backward(const In<T>& post, Out<T> field, const ReadPlace& place, Run& run) const override;
  void forward_unbiased(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const override {
    inner_->forward_unbiased(pre, field, place, run);
  }
  Vector<T> bias_values() const override { return inner_->bias_values(); }
  Matrix<T> read() const override { return inner_->read(); }
  Matrix<T> read_backward() const override { return backward_.transpose(); }
  void update(const WantedChange<T>& change, const Place& place, Run& run) override;
  void shrink(double factor) override {
    inner_->shrink(factor);
    refresh();
  }
  void save(ByteWriter& out) const override { inner_->save(out); }
  void restore(ByteReader& in) override;

 private:
  void refresh();
  std::unique_ptr<Coupling<T>> inner_;
  Matrix<T> gain_;      // outputs x inputs, 1 + e
  Matrix<T> backward_;  // outputs x inputs, what backward reads see
};

}  // namespace eqprop
