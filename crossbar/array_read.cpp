// Reading an array: dac -> wires -> Ohm's law -> read noise -> adc, tile by tile, and what each stage adds to the ledger.
#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "crossbar/array.h"

namespace eqprop {
namespace {

using Eigen::Index;
using In = Array::In;
using Out = Array::Out;
using Block = Eigen::Map<Eigen::MatrixXf>;

/// Buffers of one thread; they only grow. What they hold never outlives a call.
struct Scratch {
  Eigen::MatrixXf drive;     // lines (or outputs) x batch, after the DAC
  Eigen::MatrixXf partial;   // a tile's outputs (or lines) x batch
  Eigen::MatrixXf squared;   // drive^2
  Eigen::MatrixXf variance;  // of partial
  Eigen::MatrixXf normal;    // one sample's
  Eigen::VectorXd power;     // per line: sum of drive^2 over the batch
};

Scratch& scratch_of_thread() {
  thread_local Scratch scratch;
  return scratch;
}

/// The first rows x cols of a buffer as a dense matrix of its own.
Block sized(Eigen::MatrixXf& buffer, Index rows, Index cols) {
  if (buffer.size() < rows * cols) buffer.resize(rows * cols, 1);
  return {buffer.data(), rows, cols};
}

/// Logical drive of all lines: converted inputs, and in forward reads the bias at 1, a fixed reference that needs no DAC.
Block dac_stage(Direction direction, const In& in, const Converter& dac, Eigen::MatrixXf& buffer) {
  const bool bias = direction == Direction::forward;
  Block drive = sized(buffer, in.rows() + (bias ? 1 : 0), in.cols());
  drive.topRows(in.rows()) = in;
  dac.convert(drive.topRows(in.rows()));
  if (bias) drive.bottomRows(1).setOnes();
  return drive;
}

/// Sum over the batch of each line's squared drive.
void drive_power(const In& drive, Eigen::VectorXd& power) {
  power.setZero(drive.rows());
  for (Index k = 0; k < drive.cols(); ++k) power += drive.col(k).cast<double>().cwiseAbs2();
}

/// The pairs of a tile that are read: all outputs, and all lines or all but the bias line.
auto pairs(const Eigen::MatrixXf& matrix, Index lines) { return matrix.leftCols(lines); }

/// Currents in logical units: conductance differences times drive, over S.
void ohm_stage(Direction direction, const Tile& tile, const In& drive, double scale, Block& current) {
  const auto per_weight = static_cast<float>(1 / scale);
  if (direction == Direction::forward)
    current.noalias() = per_weight * (tile.difference * drive);
  else
    current.noalias() = per_weight * (pairs(tile.difference, current.rows()).transpose() * drive);
}

/// Exact and output-referred: a sum over independent Gaussian cells is one Gaussian of variance sum sigma_G^2 v^2.
void noise_stage(Direction direction, const Tile& tile, const In& drive, const ReadNoise& noise, double window, double scale,
                 std::uint32_t seed, std::span<const std::uint32_t> sample_ids, Place place, Scratch& scratch, Block& current) {
  if (noise.white == 0 && noise.proportional == 0) return;
  Block squared = sized(scratch.squared, drive.rows(), drive.cols());
  squared = drive.cwiseAbs2();
  Block variance = sized(scratch.variance, current.rows(), current.cols());
  if (noise.proportional > 0 && direction == Direction::forward) variance.noalias() = tile.squares * squared;
  if (noise.proportional > 0 && direction == Direction::backward)
    variance.noalias() = pairs(tile.squares, current.rows()).transpose() * squared;

  const auto white_gain = static_cast<float>(2 * std::pow(noise.white * window / scale, 2));  // two devices per pair
  const auto proportional_gain = static_cast<float>(std::pow(noise.proportional / scale, 2));
  const RandomKey key(seed, Purpose::read_noise, 2 * tile.id + (direction == Direction::forward ? 0 : 1));
  Block normal = sized(scratch.normal, current.rows(), 1);
  for (Index k = 0; k < drive.cols(); ++k) {
    place.sample = sample_ids[static_cast<std::size_t>(k)];
    key.fill_normal(place, 0, normal.data(), static_cast<std::size_t>(current.rows()));
    const float white = white_gain * squared.col(k).sum();
    if (noise.proportional > 0)
      current.col(k).array() += (white + proportional_gain * variance.col(k).array()).sqrt() * normal.col(0).array();
    else
      current.col(k) += std::sqrt(white) * normal.col(0);
  }
}

}  // namespace

void Array::read(Direction direction, const In& in, Out out, std::span<const std::uint32_t> sample_ids, const Place& place,
                 Run& run) const {
  const bool forward = direction == Direction::forward;
  const Index batch = in.cols();
  check(in.rows() == (forward ? inputs_ : outputs_) && out.rows() == (forward ? outputs_ : inputs_), "a read's sides are the array's");
  check(out.cols() == batch && sample_ids.size() == static_cast<std::size_t>(batch), "a read has one output and one id per sample");
  const Converter& adc = forward ? options_.adc_forward : options_.adc_backward;
  const double volt_per_unit = options_.read_volt / options_.dac.range;
  Scratch& scratch = scratch_of_thread();

  const Block drive = dac_stage(direction, in, options_.dac, scratch.drive);
  drive_power(drive, scratch.power);
  std::int64_t driven = 0, converted = 0, read_out = 0, added = 0;
  double watt = 0;
  for (int r = 0; r < line_tiles_; ++r)
    for (int c = 0; c < column_tiles_; ++c) {
      const Tile& tile = tiles_[static_cast<std::size_t>(r * column_tiles_ + c)];
      const Index bias = r == line_tiles_ - 1 ? 1 : 0;
      const Index drive_first = forward ? line_cut(r) : column_cut(c);
      const Index drive_size = forward ? tile.lines() : tile.outputs();
      const Index out_first = forward ? column_cut(c) : line_cut(r);
      const Index out_size = forward ? tile.outputs() : tile.lines() - bias;
      const auto tile_drive = drive.middleRows(drive_first, drive_size);

      // wires are ideal: the drive reaches every cell
      Block current = sized(scratch.partial, out_size, batch);
      if (out_size > 0) {
        ohm_stage(direction, tile, tile_drive, scale_, current);
        noise_stage(direction, tile, tile_drive, options_.read_noise, options_.device.window(), scale_, seed_, sample_ids, place, scratch,
                    current);
        adc.convert(current);
        out.middleRows(out_first, out_size) += current;
      }

      const Eigen::VectorXd& siemens = forward ? tile.line_sum : tile.column_sum;
      watt += volt_per_unit * volt_per_unit * siemens.dot(scratch.power.segment(drive_first, drive_size));
      driven += forward ? drive_size : 2 * drive_size;  // a backward read drives both columns of a pair
      converted += forward ? drive_size - bias : drive_size;
      read_out += out_size;
      added += (forward ? r : c) > 0 ? out_size : 0;
    }
  if (!run.ledger) return;
  run.ledger->add_power(layer_, place.phase, Event::cell_read, batch, watt, options_.read_second);
  run.ledger->add(layer_, place.phase, Event::line_drive, driven * batch);
  if (options_.dac.bits > 0) run.ledger->add(layer_, place.phase, Event::dac_set, converted * batch);
  if (adc.bits > 0) run.ledger->add(layer_, place.phase, Event::adc, read_out * batch);
  run.ledger->add(layer_, place.phase, Event::digital_add, added * batch);
}

void Array::forward(const In& in, Out out, std::span<const std::uint32_t> sample_ids, const Place& place, Run& run) const {
  read(Direction::forward, in, out, sample_ids, place, run);
}

void Array::backward(const In& in, Out out, std::span<const std::uint32_t> sample_ids, const Place& place, Run& run) const {
  read(Direction::backward, in, out, sample_ids, place, run);
}

void Array::forward_ideal(const In& in, Out out) const {
  const auto per_weight = static_cast<float>(1 / scale_);
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    const int r = static_cast<int>(t) / column_tiles_, c = static_cast<int>(t) % column_tiles_;
    const Tile& tile = tiles_[t];
    const Index bias = r == line_tiles_ - 1 ? 1 : 0;
    const Index lines = tile.lines() - bias;
    auto target = out.middleRows(column_cut(c), tile.outputs());
    if (lines > 0) target.noalias() += per_weight * (tile.difference.leftCols(lines) * in.middleRows(line_cut(r), lines));
    if (bias) target.colwise() += per_weight * tile.difference.col(lines);
  }
}

void Array::backward_ideal(const In& in, Out out) const {
  const auto per_weight = static_cast<float>(1 / scale_);
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    const int r = static_cast<int>(t) / column_tiles_, c = static_cast<int>(t) % column_tiles_;
    const Tile& tile = tiles_[t];
    const Index lines = tile.lines() - (r == line_tiles_ - 1 ? 1 : 0);
    if (lines == 0) continue;
    out.middleRows(line_cut(r), lines).noalias() +=
        per_weight * (tile.difference.leftCols(lines).transpose() * in.middleRows(column_cut(c), tile.outputs()));
  }
}

double Array::cell_power(Direction direction, const In& in) const {
  const bool forward = direction == Direction::forward;
  check(in.rows() == (forward ? inputs_ : outputs_), "a drive has the array's side");
  const double volt_per_unit = options_.read_volt / options_.dac.range;
  const auto batch = static_cast<double>(in.cols());
  Eigen::VectorXd power;
  drive_power(in, power);
  double watt = 0;
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    const int r = static_cast<int>(t) / column_tiles_, c = static_cast<int>(t) % column_tiles_;
    const Tile& tile = tiles_[t];
    const Index bias = forward && r == line_tiles_ - 1 ? 1 : 0;
    if (forward) {
      const Index lines = tile.lines() - bias;
      watt += tile.line_sum.head(lines).dot(power.segment(line_cut(r), lines));
      if (bias) watt += tile.line_sum[lines] * batch;
    } else {
      watt += tile.column_sum.dot(power.segment(column_cut(c), tile.outputs()));
    }
  }
  return volt_per_unit * volt_per_unit * watt;
}

ReadFloor Array::read_floor(Direction direction, double input_rms) const {
  const bool forward = direction == Direction::forward;
  const auto& noise = options_.read_noise;
  // mean over outputs of sum over driven devices of sigma_G^2 x^2
  const double white = 2 * std::pow(noise.white * options_.device.window(), 2);
  double squares = 0, bias_squares = 0;
  for (std::size_t t = 0; t < tiles_.size() && noise.proportional > 0; ++t) {
    const Tile& tile = tiles_[t];
    squares += tile.squares.cast<double>().sum();
    if (static_cast<int>(t) / column_tiles_ == line_tiles_ - 1) bias_squares += tile.squares.col(tile.lines() - 1).cast<double>().sum();
  }
  squares -= bias_squares;
  const double proportional = noise.proportional * noise.proportional;
  const double x2 = input_rms * input_rms;
  double variance = 0;
  if (forward)
    variance = white * (inputs_ * x2 + 1) + proportional * (squares * x2 + bias_squares) / outputs_;
  else
    variance = x2 * (white * outputs_ + proportional * squares / inputs_);
  return {.noise_sd = std::sqrt(variance) / scale_,
          .adc_step = (forward ? options_.adc_forward : options_.adc_backward).step(),
          .conversions = forward ? line_tiles_ : column_tiles_};
}

PartialSums Array::partial_sums(Direction direction, const In& in) const {
  const bool forward = direction == Direction::forward;
  check(in.rows() == (forward ? inputs_ : outputs_), "a drive has the array's side");
  Scratch& scratch = scratch_of_thread();
  const Block drive = dac_stage(direction, in, options_.dac, scratch.drive);
  PartialSums sums;
  double count = 0;
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    const int r = static_cast<int>(t) / column_tiles_, c = static_cast<int>(t) % column_tiles_;
    const Tile& tile = tiles_[t];
    const Index out_size = forward ? tile.outputs() : tile.lines() - (r == line_tiles_ - 1 ? 1 : 0);
    Block current = sized(scratch.partial, out_size, in.cols());
    if (current.size() == 0) continue;
    ohm_stage(direction, tile, drive.middleRows(forward ? line_cut(r) : column_cut(c), forward ? tile.lines() : tile.outputs()), scale_,
              current);
    sums.max = std::max(sums.max, double{current.cwiseAbs().maxCoeff()});
    sums.rms += current.cast<double>().squaredNorm();
    count += static_cast<double>(current.size());
  }
  sums.rms = count > 0 ? std::sqrt(sums.rms / count) : 0;
  return sums;
}

}  // namespace eqprop
