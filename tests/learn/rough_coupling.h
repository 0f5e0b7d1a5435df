#pragma once
// Exact weights behind reads with keyed Gaussian noise of one sd and a converter of one step, as its floor() says. For tests of the budget.
#include "eqprop/model/ideal_coupling.h"

namespace eqprop {

template <class T>
class RoughCoupling final : public Coupling<T> {
 public:
  RoughCoupling(const Matrix<T>& weights, int index, double sd, double step) : exact_(weights), index_(index), sd_(sd), step_(step) {}

  Index inputs() const override { return exact_.inputs(); }
  Index outputs() const override { return exact_.outputs(); }
  std::string kind() const override { return "rough"; }
  void forward(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const override {
    add(0, field, place, run, [&](Out<T> read) { exact_.forward(pre, read, place, run); });
  }
  void backward(const In<T>& post, Out<T> field, const ReadPlace& place, Run& run) const override {
    add(1, field, place, run, [&](Out<T> read) { exact_.backward(post, read, place, run); });
  }
  Matrix<T> read() const override { return exact_.read(); }
  void update(const WantedChange<T>& change, const Place& place, Run& run) override { exact_.update(change, place, run); }
  ReadFloor floor(Direction) const override { return {sd_, step_, 1}; }
  void save(ByteWriter& out) const override { exact_.save(out); }
  void restore(ByteReader& in) override { exact_.restore(in); }

 private:
  template <class Read>
  void add(int direction, Out<T> field, const ReadPlace& place, const Run& run, const Read& read) const {
    Matrix<T> out = Matrix<T>::Zero(field.rows(), field.cols());
    read(out);
    const RandomKey key(run.seed, Purpose::read_noise, static_cast<std::uint32_t>(2 * index_ + direction));
    for (Index c = 0; c < field.cols(); ++c) {
      Place at = place.place;
      at.sample = place.samples[static_cast<std::size_t>(c)];
      for (Index r = 0; r < field.rows(); ++r) {
        T value = out(r, c);
        if (sd_ > 0) value += static_cast<T>(sd_ * static_cast<double>(key.normal(at, static_cast<std::uint32_t>(r))));
        if (step_ > 0) value = static_cast<T>(std::round(static_cast<double>(value) / step_) * step_);
        field(r, c) += value;
      }
    }
  }

  IdealCoupling<T> exact_;
  int index_;
  double sd_;
  double step_;
};

}  // namespace eqprop
