#pragma once
// A coupling on memristor arrays. In the digital loop every sweep passes DAC and ADC, is quantised, meets fresh read noise and is charged.
// In the analog loop neurons close the loop: sweeps are only the simulator's way to the equilibrium (exact product, nothing charged);
// the clamped input passes its DAC once, every unit its ADC once per phase, cells and neurons are charged for the settling time.
#include <memory>

#include "crossbar/array.h"
#include "eqprop/model/activation.h"
#include "eqprop/model/coupling.h"
#include "eqprop/model/crossbar_options.h"
#include "eqprop/model/slices.h"
#include "eqprop/model/tiki_taka.h"

namespace eqprop {

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
  Vector<T> bias_values() const override;
  /// What reads see: behind wires their effective weights.
  Matrix<T> read() const override { return seen_weights(Direction::forward).template cast<T>(); }
  Matrix<T> read_backward() const override { return seen_weights(Direction::backward).leftCols(inputs()).transpose().template cast<T>(); }
  void update(const WantedChange<T>& change, const Place& place, Run& run) override;
  ReadFloor floor(Direction direction) const override;
  double read_second() const override;
  double settle_second() const override;
  void count_update(Index units, Index samples, const Place& place, Run& run) const override;
  void finish(const In<T>& pre, Out<T> post, std::span<const double> seconds, const ReadPlace& place, Run& run) const override;
  void calibrate(const In<T>& pre, const In<T>& post) override;
  Wear wear() const override;
  FaultReport faults() const override;
  void expect_reads(std::int64_t samples, int threads) override;
  WireUse wire_use() const override;
  void begin_phase(const Place& place, int threads) const override;
  void end_step(std::uint32_t step, int threads) override;
  bool wait(double second, int threads) override;
  void save(ByteWriter& out) const override;
  void restore(ByteReader& in) override;

  /// That settles; of slices the first.
  const Array& array() const { return array_; }
  /// Null where a matrix is one array.
  const Slices* slices() const { return slices_.get(); }
  /// Null in other modes.
  const TikiTaka* tiki_taka() const { return tiki_taka_.get(); }

 private:
  Eigen::MatrixXf seen_weights(Direction direction) const;
  void read_arrays(Direction direction, const Array::In& in, Array::Out out, const ReadPlace& place, Run& run) const;
  void calibrate_array(Array& array, Direction direction, const Eigen::MatrixXf& in, double fixed) const;
  std::span<const Array> below() const { return slices_ ? slices_->below() : std::span<const Array>(); }
  std::span<Array> below() { return slices_ ? slices_->below() : std::span<Array>(); }
  void analog_read(Direction direction, const Array::In& in, Array::Out out, const Place& place) const;
  void update_by_trains(const WantedChange<T>& change, const Place& place, Run& run);
  void charge_digital(Direction direction, Index columns, const Place& place, Run& run) const;
  double typical_sum(const Array& array, Direction direction, const Eigen::MatrixXf& in) const;

  CrossbarOptions options_;
  Layer post_layer_;
  Array array_;                          // that settles
  std::unique_ptr<TikiTaka> tiki_taka_;  // null in other modes
  std::unique_ptr<Slices> slices_;       // the slices below array_; null where there are none
  std::vector<OuterProduct> products_;   // of an update by trains
  Eigen::MatrixXf wanted_;               // of an update: outputs x (inputs + 1)
  double drive_rms_[2] = {0.5, 0.5};     // [unit output] of forward and backward drives, from the last calibration
};

}  // namespace eqprop
