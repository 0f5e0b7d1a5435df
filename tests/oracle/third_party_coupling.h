#pragma once
// A substrate as an outside user would write it: plain loops over its own memory, nothing of the engine but the interface.
#include <vector>

#include "eqprop/model/coupling.h"

namespace third_party {

template <class T>
class LoopCoupling final : public eqprop::Coupling<T> {
 public:
  using Index = eqprop::Index;

  explicit LoopCoupling(const eqprop::Matrix<T>& weights) : inputs_(weights.cols() - 1), outputs_(weights.rows()) {
    for (Index o = 0; o < outputs_; ++o)
      for (Index i = 0; i <= inputs_; ++i) memory_.push_back(weights(o, i));
  }
  Index inputs() const override { return inputs_; }
  Index outputs() const override { return outputs_; }
  std::string kind() const override { return "loop"; }
  bool is_ideal() const override { return true; }

  void forward(const eqprop::In<T>& pre, eqprop::Out<T> field, const eqprop::ReadPlace&, eqprop::Run&) const override {
    for (Index s = 0; s < pre.cols(); ++s)
      for (Index o = 0; o < outputs_; ++o) {
        T sum = memory_[at(o, inputs_)];
        for (Index i = 0; i < inputs_; ++i) sum += memory_[at(o, i)] * pre(i, s);
        field(o, s) += sum;
      }
  }
  void backward(const eqprop::In<T>& post, eqprop::Out<T> field, const eqprop::ReadPlace&, eqprop::Run&) const override {
    for (Index s = 0; s < post.cols(); ++s)
      for (Index o = 0; o < outputs_; ++o)
        for (Index i = 0; i < inputs_; ++i) field(i, s) += memory_[at(o, i)] * post(o, s);
  }
  eqprop::Matrix<T> read() const override {
    eqprop::Matrix<T> weights(outputs_, inputs_ + 1);
    for (Index o = 0; o < outputs_; ++o)
      for (Index i = 0; i <= inputs_; ++i) weights(o, i) = memory_[at(o, i)];
    return weights;
  }
  void update(const eqprop::WantedChange<T>& change, const eqprop::Place&, eqprop::Run&) override {
    eqprop::Matrix<T> wanted(outputs_, inputs_ + 1);
    change.rows({0, static_cast<std::size_t>(outputs_)}, wanted);
    for (Index o = 0; o < outputs_; ++o)
      for (Index i = 0; i <= inputs_; ++i) memory_[at(o, i)] += wanted(o, i);
  }
  void save(eqprop::ByteWriter& out) const override { out.put_array(std::span<const T>(memory_)); }
  void restore(eqprop::ByteReader& in) override { in.get_array(std::span<T>(memory_)); }

 private:
  std::size_t at(Index o, Index i) const { return static_cast<std::size_t>(o * (inputs_ + 1) + i); }
  Index inputs_;
  Index outputs_;
  std::vector<T> memory_;  // [output][input], bias last
};

}  // namespace third_party
