// A verify read of whatever an array holds, device by device.
#include <cmath>
#include <limits>
#include <vector>

#include "base/check.h"
#include "base/parallel.h"
#include "crossbar/array.h"
#include "crossbar/kernel/random_lanes.h"
#include "crossbar/pulse_line.h"

namespace eqprop {
namespace {

using Eigen::Index;

struct VerifyReads {
  std::int64_t count = 0;
  double siemens = 0;  // sum of the conductances that were read
};

/// Reads devices `first`, `first + 1`, .. of a line where chosen, into `seen` [S].
void read_plane(const DevicePlane& plane, Index line, const RandomKey& key, const VerifyNoise& noise, const Place& place,
                std::uint32_t first, const Eigen::Array<bool, Eigen::Dynamic, 1>& chosen, Eigen::ArrayXf& seen, VerifyReads& reads) {
  const Index n = plane.g.rows();
  thread_local std::vector<float> xi;
  xi.assign(static_cast<std::size_t>(n), 0.0f);
  if (noise.white > 0 || noise.proportional > 0) random_lanes::fill_normal(key, place, first, xi.data(), xi.size());
  for (Index j = 0; j < n; ++j) {
    if (!chosen[j]) continue;
    const float g = plane.g(j, line);
    seen[j] = g + std::hypot(noise.white, noise.proportional * g) * xi[static_cast<std::size_t>(j)];
    ++reads.count;
    reads.siemens += double{g};
  }
}

}  // namespace

Eigen::MatrixXf Array::verify_read(const In& chosen, PhaseId phase, const Place& place, Run& run) const {
  check(chosen.rows() == outputs_ && chosen.cols() == inputs_ + 1, "what to read is outputs x (inputs + 1)");
  Place where = place;
  where.phase = phase;
  const VerifyNoise noise{static_cast<float>(options_.read_noise.white * options_.device.window()),
                          static_cast<float>(options_.read_noise.proportional)};
  Eigen::MatrixXf held = Eigen::MatrixXf::Constant(outputs_, inputs_ + 1, std::numeric_limits<float>::quiet_NaN());
  std::vector<VerifyReads> reads(items_.size());
  parallel_for(items_.size(), run.threads, [&](std::size_t item) {
    const std::size_t t = items_[item].tile;
    const Index block = items_[item].block;
    const Tile& tile = tiles_[t];
    const auto wanted = part(chosen, t);
    auto out = part(held, t);
    // numbers 3 and 7 of a tile: the others are those of write-verify
    const RandomKey plus_key(seed_, Purpose::write_verify, 8 * tile.id + 3), minus_key(seed_, Purpose::write_verify, 8 * tile.id + 7);
    Eigen::ArrayXf plus = Eigen::ArrayXf::Zero(tile.outputs()), minus = Eigen::ArrayXf::Zero(tile.minus.g.rows());
    for (Index line = block * kLineBlock; line < std::min((block + 1) * kLineBlock, tile.lines()); ++line) {
      Eigen::Array<bool, Eigen::Dynamic, 1> due = !wanted.col(line).array().isNaN();
      if (!due.any()) continue;
      const std::uint32_t first = programming_detail::line_index(tile, line);
      read_plane(tile.plus, line, plus_key, noise, where, first, due, plus, reads[item]);
      const Eigen::Array<bool, Eigen::Dynamic, 1> beside = tile.has_reference() ? due.Constant(1, true) : due;
      read_plane(tile.minus, line, minus_key, noise, where, first, beside, minus, reads[item]);
      for (Index j = 0; j < tile.outputs(); ++j)
        if (due[j]) out(j, line) = (plus[j] - minus[tile.has_reference() ? 0 : j]) / static_cast<float>(scale_);
    }
  });
  if (!run.ledger) return held;
  VerifyReads sum;
  for (const VerifyReads& one : reads) {
    sum.count += one.count;
    sum.siemens += one.siemens;
  }
  run.ledger->add(layer_, phase, Event::verify_read, sum.count);
  run.ledger->add_power(layer_, phase, Event::cell_read, sum.count, options_.read_volt * options_.read_volt * sum.siemens,
                        options_.read_second);
  return held;
}

}  // namespace eqprop
