#pragma once
// A weight in slices: K arrays of one window, each a digit of b bits below the one before it,
//   W = sum_k 2^(-b k) C_k        k = 0 .. K - 1, |C_k| <= w_max
// Writing: C_0 is w rounded to steps of d = 2 max|w| / 2^b, C_1 the rest times 2^b rounded alike, and so on; the last is not rounded. With
// `correct` the rest is taken from what a verify read of the slice says, so that each slice carries what the one above it missed.
// Training: pulses go to the last slice, whose nominal pulse moves W by 2^(-b (K - 1)) steps. Every carry_every updates the lowest slice is verified,
// then the one above it: where |C_k| > carry_band w_max, round(2^-b C_k / step) pulses go to slice k - 1, which is verified before
// and after, and C_k is written back to what is left, so that W stays what it was. Periodic carry: Ambrogio et al., Nature 558, 60 (2018),
// 10.1038/s41586-018-0180-5, who move the content of a capacitor to a pair of phase-change devices; write-verify of both is ours.
#include <span>
#include <vector>

#include "crossbar/array.h"
#include "eqprop/model/types.h"

namespace eqprop {

struct SliceOptions {
  int slices = 1;           ///< arrays per matrix, 1..4; 1: none but the array that is always there
  int bits = 2;             ///< b, 1..8
  bool correct = true;      ///< a slice is written with what the one above it missed
  int carry_every = 10;     ///< updates from carry to carry, >= 1
  double carry_band = 0.1;  ///< [1] share of the weight window in which a slice is left alone, 0..1, above 0

  bool any() const { return slices > 1; }
  /// Throws InputError(config) that names field, value and allowed range.
  void validate() const;
};

/// What carries have done so far.
struct CarryReport {
  std::int64_t carries = 0;
  std::int64_t moved = 0;   ///< weights whose content went up a slice
  std::int64_t pulses = 0;  ///< of slices above
};

/// The slices below the first of one array.
class Slices {
 public:
  /// Options of the first slice for these weights, outputs x (inputs + 1): its window is theirs, however they are rounded.
  static ArrayOptions first_options(const SliceOptions& options, ArrayOptions array, const Eigen::MatrixXf& weights);
  /// What the first slice is to hold: weights rounded to its digits.
  static Eigen::MatrixXf first_digits(const SliceOptions& options, const Eigen::MatrixXf& weights);

  /// Arrays like `first`, which holds first_digits() of these weights, with the digits below; the last one writes by `plan`. Events go to
  /// run.ledger.
  Slices(const SliceOptions& options, const PulsePlan& plan, const Array& first, const Eigen::MatrixXf& weights, Run& run);

  /// Weight of the k-th slice in the sum, 1 for the first, k = 0.
  double share(int k) const;
  std::span<const Array> below() const { return below_; }
  std::span<Array> below() { return below_; }
  /// Sum over slices of what their cells hold: outputs x (inputs + 1).
  Eigen::MatrixXf weights(const Array& first) const;

  /// Pulses towards a wanted change of W, outputs x (inputs + 1), and a carry when it is due.
  void update(const Eigen::MatrixXf& wanted, Array& first, const Place& place, Run& run);
  /// The same by trains; the products' rates are changed.
  void update_trains(std::span<OuterProduct> products, Array& first, const Place& place, Run& run);
  /// Moves what has left the band up, from the last slice on.
  void carry(Array& first, const Place& place, Run& run);
  const CarryReport& carried() const { return carried_; }

  void save(ByteWriter& out) const;
  void restore(ByteReader& in);

 private:
  void end_update(Array& first, const Place& place, Run& run);
  void carry_slice(Array& above, Array& slice, const Place& place, Run& run);

  SliceOptions options_;
  std::vector<Array> below_;
  std::int64_t updates_ = 0;
  CarryReport carried_;
  Eigen::MatrixXf scaled_;  // of an update, in units of the last slice
};

}  // namespace eqprop
