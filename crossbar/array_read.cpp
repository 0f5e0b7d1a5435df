// Reading an array: dac -> wires -> Ohm's law -> read noise -> adc, tile by tile, and what each stage adds to the ledger.
#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "crossbar/array.h"
#include "crossbar/kernel/random_lanes.h"
#include "crossbar/kernel/read_lanes.h"
#include "crossbar/product.h"

namespace eqprop {
namespace {

using Eigen::Index;
using In = Array::In;
using Out = Array::Out;
using Block = Eigen::Map<Eigen::MatrixXf>;

/// Buffers of one thread; they only grow. What they hold never outlives a call.
struct Scratch {
  Eigen::MatrixXf drive;     // lines (or outputs) x batch, after the DAC
  Eigen::MatrixXf turned;    // backward: its transpose, the batch filled up to whole vectors
  Eigen::MatrixXf squared;   // squares of the one that is multiplied
  Eigen::MatrixXf sum;       // backward: products as they come, batch x lines
  Eigen::MatrixXf sum2;      //
  Eigen::MatrixXf current;   // a tile's outputs (or lines) x batch [S]
  Eigen::MatrixXf variance;  // [S^2], proportional 1
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

std::size_t size(Index n) { return static_cast<std::size_t>(n); }

/// A converter for the inner loops.
read_lanes::Codes codes(const Converter& c) {
  return {.on = c.bits > 0,
          .truncate = c.rounding == Rounding::truncate,
          .gain = static_cast<float>(c.gain),
          .offset = static_cast<float>(c.offset),
          .low = static_cast<float>(c.lowest_code()),
          .high = static_cast<float>(c.highest_code()),
          .step = static_cast<float>(c.step())};
}

/// Logical drive of all lines: converted inputs, and in forward reads the bias at 1, a fixed reference that needs no DAC.
Block dac_stage(Direction direction, const In& in, const Converter& dac, Scratch& scratch) {
  const bool bias = direction == Direction::forward;
  Block drive = sized(scratch.drive, in.rows() + (bias ? 1 : 0), in.cols());
  const auto dac_codes = codes(dac);
  for (Index k = 0; k < in.cols(); ++k) {
    read_lanes::convert(dac_codes, in.col(k).data(), size(in.rows()), drive.col(k).data());
    if (bias) drive(in.rows(), k) = 1;
  }
  return drive;
}

/// Sum over the batch of each line's squared drive.
Eigen::Map<const Eigen::VectorXd> drive_power(const In& drive, Eigen::VectorXd& buffer) {
  if (buffer.size() < drive.rows()) buffer.resize(drive.rows());
  Eigen::Map<Eigen::VectorXd> power(buffer.data(), drive.rows());
  power.setZero();
  for (Index k = 0; k < drive.cols(); ++k) power += drive.col(k).cast<double>().cwiseAbs2();
  return {buffer.data(), drive.rows()};
}

/// What the products of all tiles share: the drive, or in backward reads its transpose, and its squares where they are needed.
void prepare(Direction direction, const Block& drive, bool squares, Scratch& scratch) {
  const bool forward = direction == Direction::forward;
  const auto batch = static_cast<Index>(read_lanes::padded(size(drive.cols())));
  if (!forward) {
    const Block turned = sized(scratch.turned, batch, drive.rows());
    read_lanes::transpose(drive.data(), size(drive.rows()), size(drive.cols()), size(drive.rows()), scratch.turned.data(), size(batch),
                          size(batch));
    if (squares) read_lanes::square(turned.data(), size(turned.size()), sized(scratch.squared, batch, drive.rows()).data());
  } else if (squares) {
    read_lanes::square(drive.data(), size(drive.size()), sized(scratch.squared, drive.rows(), drive.cols()).data());
  }
}

/// What a tile is to its reads, outputs x lines: conductance differences [S], or what the wires leave of them; and what multiplies squared
/// drive in the variance of the read noise [S^2], null where that needs no product.
struct Seen {
  const Eigen::MatrixXf& g;
  const Eigen::MatrixXf* g2;
};

/// Ohm's law on a tile for the drive rows from `first` on: times drive [S], out_size x batch, and the variance [S^2] where it needs a product.
struct Currents {
  Block current;
  Block variance;
};
Currents ohm_stage(Direction direction, const Seen& tile, const Block& drive, Index first, Index out_size, Scratch& scratch) {
  const Index batch = drive.cols(), outputs = tile.g.rows(), lines = tile.g.cols();
  const bool squares = tile.g2 != nullptr;
  Currents out{sized(scratch.current, out_size, batch), sized(scratch.variance, squares ? out_size : 0, batch)};
  read_lanes::Product product{};
  const float* g = tile.g.data();
  const float* g2 = squares ? tile.g2->data() : nullptr;
  if (direction == Direction::forward) {
    product = {.a = g,
               .a2 = g2,
               .a_step = size(outputs),
               .b = drive.data() + first,
               .b2 = scratch.squared.data() + first,
               .b_step = size(drive.rows()),
               .rows = size(out_size),
               .columns = size(batch),
               .depth = size(lines),
               .depth_block = 1024,
               .sum = out.current.data(),
               .sum2 = out.variance.data(),
               .sum_step = size(out_size)};
    read_lanes::multiply(product);
    return out;
  }
  const std::size_t width = read_lanes::padded(size(batch));
  const Block sum = sized(scratch.sum, static_cast<Index>(width), out_size);
  const Block sum2 = sized(scratch.sum2, static_cast<Index>(width), squares ? out_size : 0);
  const std::size_t skipped = size(first) * width;
  product = {.a = scratch.turned.data() + skipped,
             .a2 = squares ? scratch.squared.data() + skipped : nullptr,
             .a_step = width,
             .b = g,
             .b2 = g2,
             .b_step = size(outputs),
             .rows = width,
             .columns = size(out_size),
             .depth = size(outputs),
             .depth_block = 512,
             .sum = scratch.sum.data(),
             .sum2 = scratch.sum2.data(),
             .sum_step = width};
  read_lanes::multiply(product);
  read_lanes::transpose(sum.data(), width, size(out_size), size(batch), out.current.data(), size(out_size), 0);
  if (squares) read_lanes::transpose(sum2.data(), width, size(out_size), size(batch), out.variance.data(), size(out_size), 0);
  return out;
}

/// Read noise and ADC of a tile, into `out`. Noise is exact and output-referred: a sum over independent Gaussian cells is one Gaussian of
/// variance sum sigma_G^2 v^2. Without wires white noise needs no product: every cell of a line has the same.
struct NoiseGains {
  double white = 0;     ///< [S^2] per squared drive of any line
  double variance = 0;  ///< per [S^2] of Currents::variance
};
void noise_and_adc_stage(const Currents& currents, const Block& drive, Index first, Index drive_size, const NoiseGains& noise, double scale,
                         const Converter& adc, const RandomKey& key, std::span<const std::uint32_t> sample_ids, Place place,
                         Scratch& scratch, Eigen::Ref<Eigen::MatrixXf> out) {
  const auto white_gain = static_cast<float>(noise.white / (scale * scale));
  const bool noisy = noise.white > 0 || noise.variance > 0;
  read_lanes::Stage stage{.gain = static_cast<float>(1 / scale),
                          .white = 0,
                          .variance_gain = static_cast<float>(noise.variance / (scale * scale)),
                          .adc = codes(adc)};
  const std::size_t n = size(currents.current.rows());
  Block normal = sized(scratch.normal, currents.current.rows(), 1);
  for (Index k = 0; k < drive.cols(); ++k) {
    if (noisy) {
      place.sample = sample_ids[size(k)];
      random_lanes::fill_normal(key, place, 0, normal.data(), n);
      if (noise.white > 0) stage.white = white_gain * drive.col(k).segment(first, drive_size).squaredNorm();
    }
    read_lanes::finish(stage, currents.current.col(k).data(), noise.variance > 0 ? currents.variance.col(k).data() : nullptr,
                       noisy ? normal.data() : nullptr, n, out.col(k).data());
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

  const ReadNoise& read_noise = options_.read_noise;
  const bool wired = !wires_.empty();
  const bool squares = read_noise.proportional > 0 || (wired && read_noise.white > 0);
  const NoiseGains noise = wired ? NoiseGains{0, squares ? 1.0 : 0.0}
                                 : NoiseGains{2 * std::pow(read_noise.white * options_.device.window(), 2),
                                              std::pow(read_noise.proportional, 2)};  // two devices per pair
  const Block drive = dac_stage(direction, in, options_.dac, scratch);
  const auto power = drive_power(drive, scratch.power);
  prepare(direction, drive, squares, scratch);
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

      const std::size_t t = static_cast<std::size_t>(r * column_tiles_ + c);
      const Eigen::Ref<const Eigen::MatrixXf> own_drive = drive.middleRows(drive_first, drive_size);
      const bool solved = options_.wires.model == WireModel::solve;
      double siemens = 0;  // of the power, times squared drive
      if (out_size > 0) {
        const Seen seen_tile{seen(t, direction), !squares ? nullptr : wired ? &wires_[t].toward(direction).noise : &tile.squares};
        Currents currents = ohm_stage(direction, seen_tile, drive, drive_first, out_size, scratch);
        if (solved) siemens = wires_[t].solve(direction, own_drive, currents.current);
        const RandomKey key(seed_, Purpose::read_noise, 2 * tile.id + (forward ? 0 : 1));
        noise_and_adc_stage(currents, drive, drive_first, drive_size, noise, scale_, adc, key, sample_ids, place, scratch,
                            out.middleRows(out_first, out_size));
      }
      if (!solved && run.ledger != nullptr) siemens = tile_power(t, direction, own_drive, power.segment(drive_first, drive_size));
      watt += volt_per_unit * volt_per_unit * siemens;
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

double Array::tile_power(std::size_t t, Direction direction, const In& drive, const Eigen::Ref<const Eigen::VectorXd>& squares) const {
  if (!wires_.empty()) return wires_[t].power(direction, drive);
  return (direction == Direction::forward ? tiles_[t].line_sum : tiles_[t].column_sum).dot(squares);
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
    const Eigen::MatrixXf& g = seen(t, Direction::forward);
    if (lines > 0) add_product(per_weight, g.leftCols(lines), in.middleRows(line_cut(r), lines), target);
    for (Index k = 0; bias && k < target.cols(); ++k) target.col(k) += per_weight * g.col(lines);
  }
}

Eigen::VectorXf Array::biases() const {
  Eigen::VectorXf out(outputs_);
  for (int c = 0; c < column_tiles_; ++c) {
    const Eigen::MatrixXf& g = seen(static_cast<std::size_t>((line_tiles_ - 1) * column_tiles_ + c), Direction::forward);
    out.segment(column_cut(c), g.rows()) = static_cast<float>(1 / scale_) * g.col(g.cols() - 1);
  }
  return out;
}

void Array::backward_ideal(const In& in, Out out) const {
  const auto per_weight = static_cast<float>(1 / scale_);
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    const int r = static_cast<int>(t) / column_tiles_, c = static_cast<int>(t) % column_tiles_;
    const Tile& tile = tiles_[t];
    const Index lines = tile.lines() - (r == line_tiles_ - 1 ? 1 : 0);
    if (lines == 0) continue;
    add_product(per_weight, seen(t, Direction::backward).leftCols(lines).transpose(), in.middleRows(column_cut(c), tile.outputs()),
                out.middleRows(line_cut(r), lines));
  }
}

double Array::cell_power(Direction direction, const In& in) const {
  const bool forward = direction == Direction::forward;
  check(in.rows() == (forward ? inputs_ : outputs_), "a drive has the array's side");
  const double volt_per_unit = options_.read_volt / options_.dac.range;
  double watt = 0;
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    const int r = static_cast<int>(t) / column_tiles_, c = static_cast<int>(t) % column_tiles_;
    const Tile& tile = tiles_[t];
    const Index bias = forward && r == line_tiles_ - 1 ? 1 : 0;
    const Index driven = forward ? tile.lines() : tile.outputs(), first = forward ? line_cut(r) : column_cut(c);
    Block own = sized(scratch_of_thread().drive, driven, in.cols());
    own.topRows(driven - bias) = in.middleRows(first, driven - bias);
    if (bias) own.row(driven - 1).setOnes();
    watt += tile_power(t, direction, own, drive_power(own, scratch_of_thread().power));
  }
  return volt_per_unit * volt_per_unit * watt;
}

// the same from the wires' own noise matrices
ReadFloor Array::wired_floor(Direction direction, double input_rms) const {
  const bool forward = direction == Direction::forward;
  double variance = 0, bias = 0;
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    const Eigen::MatrixXf& noise = wires_[t].toward(direction).noise;
    if (noise.size() == 0) continue;
    variance += noise.cast<double>().sum();
    if (static_cast<int>(t) / column_tiles_ == line_tiles_ - 1) bias += noise.rightCols(1).cast<double>().sum();
  }
  variance = input_rms * input_rms * (variance - bias) + (forward ? bias : 0);
  return {.noise_sd = std::sqrt(variance / (forward ? outputs_ : inputs_)) / scale_,
          .adc_step = (forward ? options_.adc_forward : options_.adc_backward).step(),
          .conversions = forward ? line_tiles_ : column_tiles_};
}

ReadFloor Array::read_floor(Direction direction, double input_rms) const {
  const bool forward = direction == Direction::forward;
  const auto& noise = options_.read_noise;
  if (!wires_.empty()) return wired_floor(direction, input_rms);
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
  const Block drive = dac_stage(direction, in, options_.dac, scratch);
  prepare(direction, drive, false, scratch);
  PartialSums sums;
  double count = 0;
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    const int r = static_cast<int>(t) / column_tiles_, c = static_cast<int>(t) % column_tiles_;
    const Tile& tile = tiles_[t];
    const Index out_size = forward ? tile.outputs() : tile.lines() - (r == line_tiles_ - 1 ? 1 : 0);
    if (out_size == 0 || in.cols() == 0) continue;
    const Block current =
        ohm_stage(direction, {seen(t, direction), nullptr}, drive, forward ? line_cut(r) : column_cut(c), out_size, scratch).current;
    sums.max = std::max(sums.max, double{current.cwiseAbs().maxCoeff()} / scale_);
    sums.rms += current.cast<double>().squaredNorm() / (scale_ * scale_);
    count += static_cast<double>(current.size());
  }
  sums.rms = count > 0 ? std::sqrt(sums.rms / count) : 0;
  return sums;
}

}  // namespace eqprop
