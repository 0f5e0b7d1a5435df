#pragma once
// A matrix in slices without its coupling: shared by tests of slices.
#include <cstdint>
#include <vector>

#include "eqprop/model/slices.h"
#include "tests/crossbar/sample_arrays.h"

namespace eqprop::testing {

/// A matrix in slices.
struct Sliced {
  Sliced(const SliceOptions& options, const ArrayOptions& array, const Eigen::MatrixXf& weights, Run& run)
      : first(Slices::first_options(options, array, weights), 0, Slices::first_digits(options, weights), run),
        slices(options, array.plan, first, weights, run) {}
  Eigen::MatrixXf weights() const { return slices.weights(first); }
  /// [weight] change of W by a nominal pulse of the last slice.
  double step() const { return first.weight_step() * slices.share(static_cast<int>(slices.below().size())); }
  std::vector<std::uint8_t> bytes() const {
    ByteWriter out;
    first.save(out);
    slices.save(out);
    return out.bytes();
  }
  Array first;
  Slices slices;
};

inline ArrayOptions noisy() {
  ArrayOptions o = quiet();
  o.device.cycle_sd = 0.3;
  o.device.step_spread = 0.1;
  return o;
}

}  // namespace eqprop::testing
