#pragma once
// Tiki-Taka: the wanted change goes by coincidence trains to a fast array, which only integrates it; its lines are read by turns and what
// they hold, times a rate, goes to the slow array that settles, through a digital accumulator that writes a pulse when it has one.
//   A += gain * wanted (coincidences) ;  every few updates, some lines k:  H(:, k) += rate * A(:, k) as read ;  slow pulses: trunc(H / step)
// Pulses that come and go draw A to where its up and down steps are alike (of a pair: near 0), so that what devices do by themselves
// does not reach the slow array: only what keeps its sign does.
// Gokmen and Haensch, Front. Neurosci. 2020, 10.3389/fnins.2020.00103; with the accumulator: Gokmen, Front. Artif. Intell. 2021,
// 10.3389/frai.2021.699148.
#include "crossbar/array.h"
#include "eqprop/model/types.h"

namespace eqprop {

struct TikiTakaOptions {
  double fast_gain = 1;        ///< [1] > 0
  double transfer_rate = 0.1;  ///< [1] > 0
  int transfer_lines = 32;     ///< lines read per transfer, >= 1
  int transfer_every = 1;      ///< updates from transfer to transfer, >= 1

  /// Throws InputError(config) that names field, value and allowed range.
  void validate() const;
};

class TikiTaka {
 public:
  /// A fast array like `slow`, at weights of 0; events of its writing go to run.ledger.
  TikiTaka(const TikiTakaOptions& options, const Array& slow, Run& run);

  /// The wanted change of one update, by its products.
  void update(std::span<OuterProduct> products, Array& slow, const Place& place, Run& run);
  /// Sets the range of the fast array's ADC by what it holds.
  void calibrate(double margin);
  const Array& fast() const { return fast_; }
  Array& fast() { return fast_; }

  void save(ByteWriter& out) const;
  void restore(ByteReader& in);

 private:
  void transfer(Array& slow, const Place& place, Run& run);

  TikiTakaOptions options_;
  Array fast_;
  std::int64_t updates_ = 0;
  int next_line_ = 0;
  Eigen::MatrixXf wanted_;  // outputs x (inputs + 1)
  Eigen::MatrixXf sound_;   // the same: 0 for pairs of the fast array that do not move, whose reads say nothing; as of the last calibration
};

}  // namespace eqprop
