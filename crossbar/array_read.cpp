// Reading an array: dac -> wires -> Ohm's law -> read noise -> adc, tile by tile, and what each stage adds to the ledger.
#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "crossbar/array.h"
#include "crossbar/bit_planes.h"
#include "crossbar/kernel/random_lanes.h"
#include "crossbar/kernel/read_lanes.h"
#include "crossbar/product.h"
#include "crossbar/reference_column.h"

namespace eqprop {
namespace {

using Eigen::Index;
using In = Array::In;
using Out = Array::Out;
using Block = Eigen::Map<Eigen::MatrixXf>;

/// Buffers of one thread; they only grow. What they hold never outlives a call.
struct Scratch {
  Eigen::MatrixXf drive;     // lines (or outputs) x batch, after the DAC
  Eigen::MatrixXf codes;     // serial input: the same, whose bits are then the drive
  Eigen::MatrixXf plane;     // and what one of them gives
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
Block dac_stage(Direction direction, const In& in, const Converter& dac, const ConverterErrors& errors, Eigen::MatrixXf& buffer) {
  const bool bias = direction == Direction::forward;
  Block drive = sized(buffer, in.rows() + (bias ? 1 : 0), in.cols());
  const auto dac_codes = codes(dac);
  for (Index k = 0; k < in.cols(); ++k) {
    read_lanes::convert(dac_codes, in.col(k).data(), size(in.rows()), drive.col(k).data());
    if (bias) drive(in.rows(), k) = 1;
  }
  put_out(dac, errors, drive.topRows(in.rows()));
  return drive;
}

/// For serial input: the codes of converted drives, and in forward reads the bias at 1.
Block code_stage(Direction direction, const In& in, const Converter& dac, Scratch& scratch) {
  Block codes = dac_stage(direction, in, dac, {}, scratch.codes);
  const auto step = static_cast<float>(dac.step());
  for (Index k = 0; k < codes.cols(); ++k)
    for (Index i = 0; i < in.rows(); ++i) codes(i, k) = code_of(codes(i, k), step);
  return codes;
}

/// Bit `plane` of the first `inputs` rows of `codes` as pulses of full scale, each of its driver's gain; the rest, the bias, as it is.
Block plane_stage(const Block& codes, Index inputs, int plane, const Converter& dac, const ConverterErrors& errors, Scratch& scratch) {
  Block drive = sized(scratch.drive, codes.rows(), codes.cols());
  const auto range = static_cast<float>(dac.range);
  for (Index k = 0; k < codes.cols(); ++k) {
    for (Index i = 0; i < inputs; ++i) drive(i, k) = plane_value(codes(i, k), plane, range);
    if (!errors.empty()) drive.col(k).head(inputs).array() *= errors.gain.array();
    if (inputs < codes.rows()) drive(inputs, k) = codes(inputs, k);
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
  bool summed = false;  ///< white noise of the sum of the drives beside it: a reference column's in transposed reads
};
void noise_and_adc_stage(const Currents& currents, const Block& drive, Index first, Index drive_size, const NoiseGains& noise, double scale,
                         const Converter& adc, const ConverterErrors* errors, const RandomKey& key, int plane,
                         std::span<const std::uint32_t> sample_ids, Place place, Scratch& scratch, Eigen::Ref<Eigen::MatrixXf> out) {
  const auto white_gain = static_cast<float>(noise.white / (scale * scale));
  const bool noisy = noise.white > 0 || noise.variance > 0;
  read_lanes::Stage stage{.gain = static_cast<float>(1 / scale),
                          .white = 0,
                          .variance_gain = static_cast<float>(noise.variance / (scale * scale)),
                          .adc = codes(adc)};
  if (errors) stage.errors = {errors->gain.data(), errors->offset.data(), errors->bow.data()};
  const std::size_t n = size(currents.current.rows());
  const auto first_free = static_cast<std::uint32_t>((n + 3) / 4 * 4);  // numbers of the next bit begin there
  Block normal = sized(scratch.normal, currents.current.rows(), 1);
  for (Index k = 0; k < drive.cols(); ++k) {
    if (noisy) {
      place.sample = sample_ids[size(k)];
      random_lanes::fill_normal(key, place, static_cast<std::uint32_t>(plane) * first_free, normal.data(), n);
      if (noise.white > 0) stage.white = white_gain * drive.col(k).segment(first, drive_size).squaredNorm();
      if (noise.summed) {
        const float sum = drive.col(k).segment(first, drive_size).sum();
        stage.white += white_gain * sum * sum;
      }
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
  Scratch& scratch = scratch_of_thread();
  const ConverterDesign& design = options_.converters;
  const bool serial = design.input == DriveInput::serial;
  const int planes = design.planes(options_.dac);
  const ConverterErrors& dac_errors = dac_errors_[forward ? 0 : 1];
  if (!wires_.empty() && place.phase < kPhaseEvaluate) count_reads(batch * planes);
  ReadHeat heat;
  if (!serial) {
    heat = read_tiles(direction, dac_stage(direction, in, options_.dac, dac_errors, scratch.drive), 0, out, sample_ids, place, run);
  } else {
    const Block codes = code_stage(direction, in, options_.dac, scratch);
    Block plane_out = sized(scratch.plane, out.rows(), batch);
    for (int plane = 0; plane < planes; ++plane) {
      plane_out.setZero();
      const Block drive = plane_stage(codes, in.rows(), plane, options_.dac, dac_errors, scratch);
      heat += read_tiles(direction, drive, plane, plane_out, sample_ids, place, run);
      out += static_cast<float>(plane_weight(options_.dac, plane)) * plane_out;
    }
  }
  if (run.ledger) count_read(direction, batch, heat, place.phase, *run.ledger);
}

void Array::count_read(Direction direction, std::int64_t batch, const ReadHeat& heat, PhaseId phase, Ledger& ledger) const {
  const bool forward = direction == Direction::forward;
  const Converter& adc = forward ? options_.adc_forward : options_.adc_backward;
  const std::int64_t planes = options_.converters.planes(options_.dac);
  std::int64_t driven = 0, converted = 0, read_out = 0, added = 0, averaged = 0;
  const bool referred = has_reference() && !forward;  // a step of its own for the reference column
  std::int64_t referred_tiles = 0;
  for (int r = 0; r < line_tiles_; ++r)
    for (int c = 0; c < column_tiles_; ++c) {
      const Tile& tile = tiles_[static_cast<std::size_t>(r * column_tiles_ + c)];
      referred_tiles += referred ? 1 : 0;
      const Index bias = r == line_tiles_ - 1 ? 1 : 0;
      const Index drive_size = forward ? tile.lines() : tile.outputs();
      const Index out_size = forward ? tile.outputs() : tile.lines() - bias;
      driven += forward ? drive_size : referred ? drive_size + 1 : 2 * drive_size;  // a backward read drives both columns of a pair
      converted += forward ? drive_size - bias : drive_size;
      read_out += out_size;
      added += (forward ? r : c) > 0 ? out_size : 0;
      averaged += referred && r == 0 ? drive_size - 1 : 0;
    }
  add_heat(phase, batch * planes, heat, cell_second(direction) / static_cast<double>(planes), ledger);
  ledger.add(layer_, phase, Event::line_drive, driven * batch * planes);
  const bool serial = options_.converters.input == DriveInput::serial;
  if (options_.dac.bits > 0 && !serial) ledger.add(layer_, phase, Event::dac_set, (converted + referred_tiles) * batch);
  if (referred && serial) ledger.add(layer_, phase, Event::dac_set, referred_tiles * batch * planes);
  add_conversions(phase, adc, read_out * batch * planes, ledger);
  ledger.add(layer_, phase, Event::digital_add, (added + (planes - 1) * read_out + planes * averaged) * batch);
}

ReadHeat Array::read_tiles(Direction direction, const Eigen::Map<Eigen::MatrixXf>& drive, int plane, Out out,
                           std::span<const std::uint32_t> sample_ids, const Place& place, Run& run) const {
  const bool forward = direction == Direction::forward;
  const Converter& adc = forward ? options_.adc_forward : options_.adc_backward;
  const auto& adc_errors = adc_errors_[forward ? 0 : 1];
  const double volt_per_unit = options_.read_volt / options_.dac.range;
  Scratch& scratch = scratch_of_thread();
  const ReadNoise& read_noise = options_.read_noise;
  const bool wired = !wires_.empty();
  const bool squares = read_noise.proportional > 0 || (wired && read_noise.white > 0);
  const NoiseGains noise = wired ? NoiseGains{0, squares ? 1.0 : 0.0}
                                 : NoiseGains{(has_reference() ? 1 : 2) * std::pow(read_noise.white * options_.device.window(), 2),
                                              std::pow(read_noise.proportional, 2),
                                              has_reference() && !forward && read_noise.white > 0};  // two devices per pair
  const bool referred = has_reference() && (noise.white > 0 || noise.variance > 0);
  const auto power = drive_power(drive, scratch.power);
  prepare(direction, drive, squares, scratch);
  ReadHeat heat;
  for (int r = 0; r < line_tiles_; ++r)
    for (int c = 0; c < column_tiles_; ++c) {
      const std::size_t t = static_cast<std::size_t>(r * column_tiles_ + c);
      const Tile& tile = tiles_[t];
      const Index bias = r == line_tiles_ - 1 ? 1 : 0;
      const Index drive_first = forward ? line_cut(r) : column_cut(c);
      const Index drive_size = forward ? tile.lines() : tile.outputs();
      const Index out_first = forward ? column_cut(c) : line_cut(r);
      const Index out_size = forward ? tile.outputs() : tile.lines() - bias;

      const Eigen::Ref<const Eigen::MatrixXf> own_drive = drive.middleRows(drive_first, drive_size);
      ReadHeat siemens;  // of the power, times squared drive
      if (out_size > 0) {
        const Seen seen_tile{seen(t, direction), !squares ? nullptr : wired ? &wires_[t].toward(direction).noise : &tile.squares};
        Currents currents = ohm_stage(direction, seen_tile, drive, drive_first, out_size, scratch);
        if (solved(t)) siemens = wires_[t].solve(direction, own_drive, sample_ids, place, run.ledger != nullptr, currents.current);
        const RandomKey key(seed_, Purpose::read_noise, 2 * tile.id + (forward ? 0 : 1));
        if (referred && forward)
          take_off_reference_noise({tile.minus.g, noise.white, noise.variance}, own_drive, key, plane, sample_ids, place, currents.current);
        else if (referred && squares)
          add_reference_variance(tile.minus.g, own_drive, currents.variance);
        noise_and_adc_stage(currents, drive, drive_first, drive_size, noise, scale_, adc, adc_errors.empty() ? nullptr : &adc_errors[t],
                            key, plane, sample_ids, place, scratch, out.middleRows(out_first, out_size));
      }
      if (!solved(t) && run.ledger != nullptr) siemens = tile_power(t, direction, own_drive, power.segment(drive_first, drive_size));
      heat += volt_per_unit * volt_per_unit * siemens;
    }
  return heat;
}

ReadHeat Array::tile_power(std::size_t t, Direction direction, const In& drive, const Eigen::Ref<const Eigen::VectorXd>& squares) const {
  if (wires_.empty()) {
    const double cells = (direction == Direction::forward ? tiles_[t].line_sum : tiles_[t].column_sum).dot(squares);
    return {has_reference() && direction == Direction::backward ? cells + reference_power(t, drive) : cells, 0, 0};
  }
  if (!wires_[t].solving()) return wires_[t].power(direction, drive);
  Scratch& scratch = scratch_of_thread();
  const Index sensed = direction == Direction::forward ? tiles_[t].outputs() : tiles_[t].lines();
  return wires_[t].solve(direction, drive, {}, {}, true, sized(scratch.current, sensed, drive.cols()));
}

double Array::reference_power(std::size_t t, const In& drive) const {
  double squares = 0;
  for (Index k = 0; k < drive.cols(); ++k) squares += std::pow(double{drive.col(k).mean()}, 2);
  return squares * tiles_[t].minus.g.cast<double>().sum();
}

void Array::add_heat(PhaseId phase, std::int64_t reads, const ReadHeat& heat, double second, Ledger& ledger) const {
  ledger.add_power(layer_, phase, Event::cell_read, reads, heat.cells, second);
  if (wires_.empty()) return;
  ledger.add_power(layer_, phase, Event::wire_loss, reads, heat.wires, second);
  if (options_.wires.wires.driver_ohm + options_.wires.wires.sense_ohm > 0)
    ledger.add_power(layer_, phase, Event::driver_loss, reads, heat.drivers, second);
}

void Array::forward(const In& in, Out out, std::span<const std::uint32_t> sample_ids, const Place& place, Run& run) const {
  read(Direction::forward, in, out, sample_ids, place, run);
}

void Array::backward(const In& in, Out out, std::span<const std::uint32_t> sample_ids, const Place& place, Run& run) const {
  read(Direction::backward, in, out, sample_ids, place, run);
}

void Array::read_lines(std::span<const int> lines, Out out, const Place& place, Run& run) const {
  check(out.rows() == outputs_ && out.cols() == static_cast<Index>(lines.size()), "lines are read into outputs x lines");
  check(!has_reference(), "lines are read one at a time on pairs");
  const auto adc = codes(options_.adc_forward);
  const double volt = options_.read_volt / options_.dac.range;
  const double white = 2 * std::pow(options_.read_noise.white * options_.device.window(), 2) / (scale_ * scale_);
  const double proportional = std::pow(options_.read_noise.proportional / scale_, 2);
  double siemens = 0;
  Eigen::VectorXf normal(outputs_);
  for (std::size_t k = 0; k < lines.size(); ++k) {
    check(lines[k] >= 0 && lines[k] <= inputs_, "a line of the array, the bias last");
    int r = 0;
    while (line_cut(r + 1) <= lines[k]) ++r;
    const Index line = lines[k] - line_cut(r);
    Place here = place;
    here.sample = static_cast<std::uint32_t>(lines[k]);
    for (int c = 0; c < column_tiles_; ++c) {
      const std::size_t t = static_cast<std::size_t>(r * column_tiles_ + c);
      const auto n = static_cast<std::size_t>(tiles_[t].outputs());
      RandomKey(seed_, Purpose::read_noise, 2 * tiles_[t].id).fill_normal(here, 0, normal.data(), n);
      read_lanes::Stage stage{.gain = static_cast<float>(1 / scale_),
                              .white = static_cast<float>(white),
                              .variance_gain = static_cast<float>(proportional),
                              .adc = adc};
      if (!adc_errors_[0].empty()) {
        const ConverterErrors& errors = adc_errors_[0][t];
        stage.errors = {errors.gain.data(), errors.offset.data(), errors.bow.data()};
      }
      auto target = out.col(static_cast<Index>(k)).segment(column_cut(c), tiles_[t].outputs());
      target.setZero();
      read_lanes::finish(stage, seen(t, Direction::forward).col(line).data(),
                         proportional > 0 ? tiles_[t].squares.col(line).data() : nullptr,
                         white + proportional > 0 ? normal.data() : nullptr, n, target.data());
      siemens += tiles_[t].line_sum[line];
    }
  }
  if (!run.ledger) return;
  const auto count = static_cast<std::int64_t>(lines.size());
  const double second = cell_second(Direction::forward) / options_.converters.planes(options_.dac);
  run.ledger->add_power(layer_, place.phase, Event::cell_read, count, volt * volt * siemens, second);
  run.ledger->add(layer_, place.phase, Event::line_drive, count * column_tiles_);
  add_conversions(place.phase, options_.adc_forward, count * outputs_, *run.ledger);
}

ReadHeat Array::read_power(Direction direction, const In& in) const {
  const bool forward = direction == Direction::forward;
  check(in.rows() == (forward ? inputs_ : outputs_), "a drive has the array's side");
  const double volt_per_unit = options_.read_volt / options_.dac.range;
  ReadHeat heat;
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    const int r = static_cast<int>(t) / column_tiles_, c = static_cast<int>(t) % column_tiles_;
    const Tile& tile = tiles_[t];
    const Index bias = forward && r == line_tiles_ - 1 ? 1 : 0;
    const Index driven = forward ? tile.lines() : tile.outputs(), first = forward ? line_cut(r) : column_cut(c);
    Block own = sized(scratch_of_thread().drive, driven, in.cols());
    own.topRows(driven - bias) = in.middleRows(first, driven - bias);
    if (bias) own.row(driven - 1).setOnes();
    heat += tile_power(t, direction, own, drive_power(own, scratch_of_thread().power));
  }
  return volt_per_unit * volt_per_unit * heat;
}

PartialSums Array::partial_sums(Direction direction, const In& in, double percentile) const {
  const bool forward = direction == Direction::forward, serial = options_.converters.input == DriveInput::serial;
  check(in.rows() == (forward ? inputs_ : outputs_), "a drive has the array's side");
  Scratch& scratch = scratch_of_thread();
  const ConverterErrors& errors = dac_errors_[forward ? 0 : 1];
  const Block codes =
      serial ? code_stage(direction, in, options_.dac, scratch) : dac_stage(direction, in, options_.dac, errors, scratch.drive);
  PartialSums sums;
  double count = 0;
  std::vector<float> magnitudes;
  for (int plane = 0; plane < options_.converters.planes(options_.dac); ++plane) {
    const Block drive = serial ? plane_stage(codes, in.rows(), plane, options_.dac, errors, scratch) : codes;
    prepare(direction, drive, false, scratch);
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
      if (percentile < 100)
        for (const float x : current.reshaped()) magnitudes.push_back(std::abs(x));
    }
  }
  sums.rms = count > 0 ? std::sqrt(sums.rms / count) : 0;
  if (!magnitudes.empty()) {
    const auto rank = static_cast<std::size_t>(percentile / 100 * static_cast<double>(magnitudes.size() - 1));
    const auto middle = magnitudes.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(magnitudes.begin(), middle, magnitudes.end());
    sums.percentile = double{*middle} / scale_;
  }
  return sums;
}

}  // namespace eqprop
