#pragma once
// A substrate of one's own: every weight has 2 L + 1 levels and moves by one of them at a time. What is wanted below a level waits in an
// accumulator. All that the engine asks of a substrate is this interface.
#include <algorithm>
#include <cmath>

#include "eqprop/model/coupling.h"

/// Weights w = level * step, level in -levels .. levels.
class LevelCoupling final : public eqprop::Coupling<float> {
 public:
  using Index = eqprop::Index;
  using Matrix = eqprop::Matrix<float>;

  /// `weights`, outputs x (inputs + 1) with the bias last, are rounded to the levels.
  LevelCoupling(const Matrix& weights, float largest, int levels) : levels_(levels), step_(largest / static_cast<float>(levels)) {
    weights_ = weights.unaryExpr([&](float w) { return step_ * std::clamp(std::round(w / step_), -1.0f * levels_, 1.0f * levels_); });
    waiting_ = Matrix::Zero(weights.rows(), weights.cols());
  }

  Index inputs() const override { return weights_.cols() - 1; }
  Index outputs() const override { return weights_.rows(); }
  std::string kind() const override { return "level"; }
  bool is_ideal() const override { return true; }  // reads cost nothing here; a substrate with a price charges run.ledger instead

  void forward(const eqprop::In<float>& pre, eqprop::Out<float> field, const eqprop::ReadPlace&, eqprop::Run&) const override {
    field.noalias() += weights_.leftCols(inputs()) * pre;
    field.colwise() += weights_.col(inputs());
  }
  void backward(const eqprop::In<float>& post, eqprop::Out<float> field, const eqprop::ReadPlace&, eqprop::Run&) const override {
    field.noalias() += weights_.leftCols(inputs()).transpose() * post;
  }
  Matrix read() const override { return weights_; }

  void update(const eqprop::WantedChange<float>& change, const eqprop::Place&, eqprop::Run&) override {
    Matrix wanted(outputs(), inputs() + 1);
    change.rows({0, static_cast<std::size_t>(outputs())}, wanted);
    waiting_ += wanted;
    for (Index i = 0; i < weights_.size(); ++i) {
      float& sum = waiting_.data()[i];
      if (std::abs(sum) < step_) continue;
      const float move = sum > 0 ? step_ : -step_;
      const float bound = step_ * static_cast<float>(levels_);
      weights_.data()[i] = std::clamp(weights_.data()[i] + move, -bound, bound);
      sum -= move;
    }
  }

  void save(eqprop::ByteWriter& out) const override {
    for (const Matrix* m : {&weights_, &waiting_}) out.put_array(std::span<const float>(m->data(), static_cast<std::size_t>(m->size())));
  }
  void restore(eqprop::ByteReader& in) override {
    for (Matrix* m : {&weights_, &waiting_}) in.get_array(std::span<float>(m->data(), static_cast<std::size_t>(m->size())));
  }

 private:
  int levels_;
  float step_;
  Matrix weights_;
  Matrix waiting_;
};
