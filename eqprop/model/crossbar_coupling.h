#pragma once
// A coupling on memristor arrays. In the digital loop every sweep passes DAC and ADC, is quantised, meets fresh read noise and is charged.
// In the analog loop neurons close the loop: sweeps are only the simulator's way to the equilibrium (exact product, nothing charged);
// the clamped input passes its DAC once, every unit its ADC once per phase, cells and neurons are charged for the settling time.
#include "crossbar/array.h"
#include "eqprop/model/activation.h"
#include "eqprop/model/coupling.h"

namespace eqprop {

enum class Loop { digital, analog };

struct CrossbarOptions {
  ArrayOptions array;
  Loop loop = Loop::digital;
  double adc_margin = 1.25;         ///< calibrated range = margin x largest partial sum seen, >= 1
  double analog_second = 10e-9;     ///< [s] time constant of an analog neuron; one simulated sweep; assumed, stated in every run folder
  double linear_range = 2;          ///< [unit output] converter range of an unbounded (linear) layer
  void validate() const;
};

template <class T>
class CrossbarCoupling final : public Coupling<T> {
 public:
  /// Coupling `index` of a network: joins layers[index] and layers[index + 1] (a read-out has no upper layer). The weights,
  /// outputs x (inputs + 1), are written by write-verify; events go to run.ledger.
  CrossbarCoupling(const CrossbarOptions& options, const std::vector<Layer>& layers, int index, const In<T>& weights, Run& run);

  Index inputs() const override { return array_.inputs(); }
  Index outputs() const override { return array_.outputs(); }
  std::string kind() const override { return "crossbar"; }
  void forward(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const override;
  void backward(const In<T>& post, Out<T> field, const ReadPlace& place, Run& run) const override;
  void drive(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const override;
  Matrix<T> read() const override { return array_.weights().template cast<T>(); }
  void update(const WantedChange<T>& change, const Place& place, Run& run) override;
  ReadFloor floor(Direction direction) const override;
  double sweep_second() const override;
  void finish(const In<T>& pre, Out<T> post, std::span<const double> seconds, const ReadPlace& place, Run& run) const override;
  void calibrate(const In<T>& pre, const In<T>& post) override;
  Wear wear() const override;
  void save(ByteWriter& out) const override { array_.save(out); }
  void restore(ByteReader& in) override { array_.restore(in); }

  const Array& array() const { return array_; }

 private:
  void charge_digital(Direction direction, Index columns, const Place& place, Run& run) const;

  CrossbarOptions options_;
  bool top_;              // the upper layer is the last that settles
  Layer post_layer_;
  Array array_;
};

}  // namespace eqprop
