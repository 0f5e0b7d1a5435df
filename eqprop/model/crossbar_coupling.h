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
  bool bipolar = false;  ///< DACs take drives of both signs whatever the layers: what differences, adjoints and complex states need
  ArrayOptions array;
  Loop loop = Loop::digital;
  double adc_margin = 1.25;       ///< calibrated range = margin x largest partial sum seen, >= 1
  double adc_range_forward = 0;   ///< [logical output] > 0 fixes the range instead of calibrating it
  double adc_range_backward = 0;  ///< [logical input] the same for transposed reads
  double analog_second = 10e-9;   ///< [s] time constant of an analog neuron; assumed, stated in every run folder
  double linear_range = 2;        ///< [unit output] converter range of an unbounded (linear) layer
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
  Vector<T> bias_values() const override { return array_.biases().template cast<T>(); }
  /// What reads see: behind wires their effective weights.
  Matrix<T> read() const override { return array_.seen_weights(Direction::forward).template cast<T>(); }
  Matrix<T> read_backward() const override {
    return array_.seen_weights(Direction::backward).leftCols(inputs()).transpose().template cast<T>();
  }
  void update(const WantedChange<T>& change, const Place& place, Run& run) override;
  ReadFloor floor(Direction direction) const override;
  double read_second() const override;
  double settle_second() const override;
  void count_update(Index units, Index samples, const Place& place, Run& run) const override;
  void finish(const In<T>& pre, Out<T> post, std::span<const double> seconds, const ReadPlace& place, Run& run) const override;
  void calibrate(const In<T>& pre, const In<T>& post) override;
  Wear wear() const override;
  WireUse wire_use() const override { return array_.wire_use(); }
  void save(ByteWriter& out) const override;
  void restore(ByteReader& in) override;

  const Array& array() const { return array_; }

 private:
  void charge_digital(Direction direction, Index columns, const Place& place, Run& run) const;

  CrossbarOptions options_;
  Layer post_layer_;
  Array array_;
  Eigen::MatrixXf wanted_;            // of an update: outputs x (inputs + 1)
  double drive_rms_[2] = {0.5, 0.5};  // [unit output] of forward and backward drives, from the last calibration
};

}  // namespace eqprop
