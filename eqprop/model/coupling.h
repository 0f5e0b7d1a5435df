#pragma once
// Coupling: the substrate that holds the weights between two layers, and the one abstract interface of the engine. Users bring their own.
//   potential = - post' (W pre + b),  so  forward adds W pre + b to the post layer's field and backward adds W' post to the pre layer's.
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/parallel.h"
#include "base/random.h"
#include "crossbar/direction.h"
#include "crossbar/faults.h"
#include "crossbar/wire_use.h"
#include "energy/run.h"
#include "eqprop/model/types.h"

namespace eqprop {

/// Where a batched read stands: `place` names step, phase and sweep; samples[i] is the stable id of column i.
struct ReadPlace {
  Place place;
  std::span<const std::uint32_t> samples;
};

/// What programming has done to the devices so far; zeros where there are none.
struct Wear {
  std::int64_t devices = 0;
  std::int64_t pulses = 0;              ///< all pulses, the initial write included
  std::uint32_t pulses_per_device = 0;  ///< most pulses of any one device
  std::int64_t clipped = 0;             ///< training pulses that ended at a bound of the conductance window
  std::int64_t capped = 0;              ///< wanted changes cut to the most pulses of one update
};

/// One outer product of a wanted change: weight * post * [pre; 1]', or weight * post * [pre; 0]' without the bias; columns are samples.
template <class T>
struct Factor {
  ConstBlock<T> pre;   ///< inputs x samples
  ConstBlock<T> post;  ///< outputs x samples
  T weight;
  bool with_bias = true;
};

/// A wanted weight change, computed block of rows by block of rows when the coupling asks: no weight-sized matrix unless it wants one.
///   gradient = sum of factors ;  velocity = momentum * velocity + gradient ;  change = rate * velocity
template <class T>
class WantedChange {
 public:
  /// `velocity` is outputs x (inputs + 1) or null for plain SGD. The factors are seen, not copied: they must outlive the wanted change.
  WantedChange(std::span<const Factor<T>> factors, double rate, double momentum = 0, Matrix<T>* velocity = nullptr);
  Index outputs() const { return factors_.front().post.rows(); }
  Index inputs() const { return factors_.front().pre.rows(); }
  bool has_velocity() const { return velocity_ != nullptr; }
  /// out (rows x (inputs + 1), bias last) = change of these rows. Ask for every row once per update.
  void rows(Range rows, Out<T> out) const;
  std::span<const Factor<T>> factors() const { return factors_; }
  double rate() const { return static_cast<double>(rate_); }

 private:
  std::span<const Factor<T>> factors_;
  T rate_;
  T momentum_;
  Matrix<T>* velocity_;
};

/// Fixed number of rows of W that one unit of parallel work updates; bits depend on it, threads do not change it.
inline constexpr std::size_t kUpdateRows = 64;

template <class T>
class Coupling {
 public:
  virtual ~Coupling() = default;
  virtual Index inputs() const = 0;
  virtual Index outputs() const = 0;
  virtual std::string kind() const = 0;

  /// field (outputs x samples) += W pre + b as read by the hardware; pre is inputs x samples.
  virtual void forward(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const = 0;
  /// field (inputs x samples) += W' post as read by the hardware; post is outputs x samples.
  virtual void backward(const In<T>& post, Out<T> field, const ReadPlace& place, Run& run) const = 0;
  /// forward of a clamped input, done once per batch and shared by the phases; a coupling may treat it apart.
  virtual void drive(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const { forward(pre, field, place, run); }

  /// field += W pre as read by the hardware with the bias line at rest: for what is no state but a difference or an imaginary part of states.
  virtual void forward_unbiased(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const;
  /// The biases (outputs), exact.
  virtual Vector<T> bias_values() const;

  /// Exact logical weights, outputs x (inputs + 1), bias last: for tests and read-out, not a priced operation.
  virtual Matrix<T> read() const = 0;
  /// What backward reads multiply with, inputs x outputs: the transposed weights, unless a coupling errs there.
  virtual Matrix<T> read_backward() const { return read().leftCols(inputs()).transpose(); }
  /// Sum over inputs of each output's weights (outputs), and over outputs of each input's (inputs); bias excluded.
  virtual Vector<T> row_sums() const;
  virtual Vector<T> col_sums() const;

  /// Applies a wanted change; hardware decides what really moves. With shrink the only member that changes the weights.
  virtual void update(const WantedChange<T>& change, const Place& place, Run& run) = 0;
  /// Multiplies the weights, not the biases, by `factor`. Devices cannot be scaled: exact couplings only, a configuration never asks others.
  virtual void shrink(double factor);

  /// What bounds the repeatability of a read; zeros for an exact coupling.
  virtual ReadFloor floor(Direction) const { return {}; }
  /// [s] simulated time of one read; a sweep reads every coupling above the first twice, one after the other. 0 where reads are not clocked.
  virtual double read_second() const { return 0; }
  /// [s] time constant of the neurons where they close the loop and all couplings settle at once; 0 elsewhere. A sweep sets a layer to its
  /// exact minimiser, which an RC neuron reaches to the tolerance in ln(1 / tolerance) time constants: what settle charges, an upper bound.
  virtual double settle_second() const { return 0; }
  /// The layer above this coupling was updated in a sweep: charge its neurons and the control.
  virtual void count_update(Index /*units*/, Index /*samples*/, const Place&, Run&) const {}
  /// True when settling costs no energy because the coupling is a mathematical ideal.
  virtual bool is_ideal() const { return false; }
  /// A phase of a shard ended: charge what lasts as long as the settle (seconds[i] of column i) and pass the measured post states on.
  virtual void finish(const In<T>& /*pre*/, Out<T> /*post*/, std::span<const double> /*seconds*/, const ReadPlace&, Run&) const {}
  /// Sets converter ranges from typical states of both layers (inputs x samples, outputs x samples).
  virtual void calibrate(const In<T>& /*pre*/, const In<T>& /*post*/) {}

  /// So many samples will be read before the next update.
  virtual void expect_reads(std::int64_t /*samples*/, int /*threads*/) {}

  /// A phase begins: what changes with time stands still from here on. One thread calls it.
  virtual void begin_phase(const Place&, int /*threads*/) const {}
  /// A training step is over, whether it updated this coupling or not: its clock goes on.
  virtual void end_step(std::uint32_t /*step*/, int /*threads*/) {}
  /// So much time passes without training; true if that changes anything.
  virtual bool wait(double /*second*/, int /*threads*/) { return false; }

  virtual Wear wear() const { return {}; }
  virtual FaultReport faults() const { return {}; }
  virtual WireUse wire_use() const { return {}; }

  virtual void save(ByteWriter& out) const = 0;
  virtual void restore(ByteReader& in) = 0;
};

}  // namespace eqprop
