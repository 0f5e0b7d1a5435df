// Where a solve of a large array with hard lines starts: iterations take longest for voltages that change slowly along the lines, and these a
// small array gives. A block of k x k cells becomes one; k lines side by side, of k segments each, have the resistance of a segment.
#include <algorithm>

#include "crossbar/wires/wires.h"

namespace eqprop {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

constexpr Index kBlock = 8;
constexpr Index kLeast = 256;  // lines: smaller arrays need few iterations
constexpr WireTolerance kNear{1e-4, 1000};

Index blocks(Index lines) { return (lines + kBlock - 1) / kBlock; }

VectorXd mean_of_blocks(const VectorXd& lines) {
  VectorXd out(blocks(lines.size()));
  for (Index b = 0; b < out.size(); ++b) out[b] = lines.segment(b * kBlock, std::min(kBlock, lines.size() - b * kBlock)).mean();
  return out;
}

// of a fine node: the block centre before it, and how far it is on the way to the next
struct Between {
  Index before, after;
  double part;
};
Between between(Index node, Index count) {
  const double at = std::clamp((static_cast<double>(node) + 0.5) / kBlock - 0.5, 0.0, static_cast<double>(count - 1));
  const auto before = std::min(static_cast<Index>(at), std::max<Index>(0, count - 2));
  return {before, std::min(before + 1, count - 1), at - static_cast<double>(before)};
}

}  // namespace

void Wires::set_coarse(const In& siemens) {
  coarse_ = nullptr;
  if (std::min(word_lines_, bit_lines_) < kLeast) return;
  Eigen::MatrixXd sums = Eigen::MatrixXd::Zero(blocks(word_lines_), blocks(bit_lines_));
  for (Index j = 0; j < bit_lines_; ++j)
    for (Index i = 0; i < word_lines_; ++i) sums(i / kBlock, j / kBlock) += siemens(i, j);
  WireOptions lines = options_;
  lines.driver_ohm /= kBlock;
  lines.sense_ohm /= kBlock;
  coarse_ = std::make_shared<const Wires>(sums, lines);
}

void Wires::start_from_coarse(const Terminals& ends, WireState& state) const {
  const bool forward = ends.direction == Direction::forward;
  const VectorXd volt = mean_of_blocks(forward ? ends.word : ends.bit);
  VectorXd ampere(forward ? coarse_->bit_lines() : coarse_->word_lines());
  WireState small;
  coarse_->solve(ends.direction, {volt.data(), static_cast<std::size_t>(volt.size())},
                 {ampere.data(), static_cast<std::size_t>(ampere.size())}, kNear, small);
  std::vector<Between> columns;
  for (Index j = 0; j < bit_lines_; ++j) columns.push_back(between(j, coarse_->bit_lines()));
  Eigen::RowVectorXd word(coarse_->bit_lines()), bit(coarse_->bit_lines());
  for (Index i = 0; i < word_lines_; ++i) {
    const Between row = between(i, coarse_->word_lines());
    for (Index b = 0; b < word.size(); ++b) {
      word[b] = (1 - row.part) * small.word_volt(row.before, b) + row.part * small.word_volt(row.after, b);
      bit[b] = (1 - row.part) * small.bit_volt(row.before, b) + row.part * small.bit_volt(row.after, b);
    }
    for (Index j = 0; j < bit_lines_; ++j) {
      const Between& at = columns[static_cast<std::size_t>(j)];
      state.word_(i, j) = (1 - at.part) * word[at.before] + at.part * word[at.after];
      state.bit_(i, j) = (1 - at.part) * bit[at.before] + at.part * bit[at.after];
    }
  }
}

}  // namespace eqprop
