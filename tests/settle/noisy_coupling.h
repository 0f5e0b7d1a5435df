#pragma once
// Exact weights behind noisy reads: every read adds keyed normal noise of one sd and is counted and timed. For the tests of noise_floor.
#include "eqprop/model/ideal_coupling.h"

namespace eqprop {

template <class T>
class NoisyCoupling final : public Coupling<T> {
 public:
  /// `sd` is the noise of a read, `stated` what floor() says of it; `index` keeps couplings apart in noise and ledger.
  NoisyCoupling(const Matrix<T>& weights, int index, double sd, double stated) : exact_(weights), index_(index), sd_(sd), stated_(stated) {}

  Index inputs() const override { return exact_.inputs(); }
  Index outputs() const override { return exact_.outputs(); }
  std::string kind() const override { return "noisy"; }
  void forward(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const override {
    exact_.forward(pre, field, place, run);
    disturb(0, field, place, run);
  }
  void backward(const In<T>& post, Out<T> field, const ReadPlace& place, Run& run) const override {
    exact_.backward(post, field, place, run);
    disturb(1, field, place, run);
  }
  Matrix<T> read() const override { return exact_.read(); }
  void update(const WantedChange<T>& change, const Place& place, Run& run) override { exact_.update(change, place, run); }
  ReadFloor floor(Direction) const override {
    ReadFloor floor;
    floor.noise_sd = stated_;
    return floor;
  }
  double read_second() const override { return 1e-6; }
  void finish(const In<T>& pre, Out<T> post, std::span<const double> seconds, const ReadPlace& place, Run& run) const override {
    if (run.ledger == nullptr) return;
    double watt = 0;  // summed in column order: wrong seconds for a column would show
    for (Index i = 0; i < pre.cols(); ++i) watt += seconds[static_cast<std::size_t>(i)] * static_cast<double>(pre.col(i).squaredNorm());
    run.ledger->add_power(index_, place.place.phase, Event::neuron, post.cols(), watt, 1e-6);
  }
  void save(ByteWriter& out) const override { exact_.save(out); }
  void restore(ByteReader& in) override { exact_.restore(in); }

 private:
  void disturb(int direction, Out<T> field, const ReadPlace& place, Run& run) const {
    const RandomKey key(run.seed, Purpose::read_noise, static_cast<std::uint32_t>(2 * index_ + direction));
    if (sd_ > 0)
      for (Index c = 0; c < field.cols(); ++c) {
        Place at = place.place;
        at.sample = place.samples[static_cast<std::size_t>(c)];
        for (Index r = 0; r < field.rows(); ++r)
          field(r, c) += static_cast<T>(sd_ * static_cast<double>(key.normal(at, static_cast<std::uint32_t>(r))));
      }
    if (run.ledger != nullptr) run.ledger->add(index_, place.place.phase, Event::adc, field.size());
  }

  IdealCoupling<T> exact_;
  int index_;
  double sd_;
  double stated_;
};

}  // namespace eqprop
