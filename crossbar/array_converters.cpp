// What an array's converters are beside their codes: instances with errors of their own, shared ADCs, their time and events.
#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "crossbar/array.h"
#include "crossbar/bit_planes.h"

namespace eqprop {

void Array::draw_converters() {
  const ConverterDesign& design = options_.converters;
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    const bool forward = direction == Direction::forward;
    auto& adcs = adc_errors_[forward ? 0 : 1];
    adcs.clear();
    for (std::size_t t = 0; design.adc.any() && t < tiles_.size(); ++t)
      adcs.push_back(draw_errors(design.adc, RandomKey(seed_, Purpose::converter_error, 2 * tiles_[t].id + (forward ? 0 : 1)),
                                 forward ? tiles_[t].outputs() : tiles_[t].lines(), design.adc_share));
    // DACs are those of the array's inputs: tiles beside each other are driven alike
    const RandomKey key(seed_, Purpose::converter_error, (1U << 23) + 2 * tiles_.front().id + (forward ? 0 : 1));
    dac_errors_[forward ? 0 : 1] = draw_errors(design.dac, key, forward ? inputs_ : outputs_, 1);
  }
}

int Array::turns(Direction direction) const {
  Eigen::Index most = 1;
  for (const Tile& tile : tiles_) most = std::max(most, direction == Direction::forward ? tile.outputs() : tile.lines());
  return static_cast<int>(std::min<Eigen::Index>(most, options_.converters.adc_share));
}

double Array::cell_second(Direction direction) const {
  const Converter& adc = direction == Direction::forward ? options_.adc_forward : options_.adc_backward;
  return options_.converters.planes(options_.dac) * options_.converters.cell_second(options_.read_second, adc, turns(direction));
}

double Array::read_second(Direction direction) const {
  const Converter& adc = direction == Direction::forward ? options_.adc_forward : options_.adc_backward;
  const double reference = has_reference() && direction == Direction::backward ? options_.read_second : 0;  // its column's own step
  return options_.converters.planes(options_.dac) *
         (options_.converters.read_second(options_.read_second, adc, turns(direction)) + reference);
}

void Array::add_conversions(PhaseId phase, const Converter& adc, std::int64_t conversions, Ledger& ledger) const {
  if (adc.bits == 0) return;
  const ConverterDesign& design = options_.converters;
  if (design.adc_type == AdcType::direct) return ledger.add(layer_, phase, Event::adc, conversions);
  ledger.add_power(layer_, phase, Event::adc_clock, design.clocks(adc, conversions), 0, design.adc_clock);
}

void Array::convert_drive(Out drive) const {
  check(drive.rows() == inputs_, "a drive has the array's inputs");
  options_.dac.convert(drive);
  put_out(options_.dac, dac_errors_[0], drive);
}

void Array::measure(const Converter& adc, Out states) const {
  check(states.rows() == outputs_, "measured states are the array's outputs");
  if (adc_errors_[0].empty()) return adc.convert(states);
  for (int c = 0; c < column_tiles_; ++c) {
    const auto t = static_cast<std::size_t>(c);
    convert_with(adc, adc_errors_[0][t], states.middleRows(column_cut(c), tiles_[t].outputs()));
  }
}

double Array::partial_sum_sd(Direction direction, double drive_rms) const {
  const bool forward = direction == Direction::forward;
  double squares = 0, sums = 0;
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    const Eigen::MatrixXf& g = seen(t, direction);
    const Eigen::Index bias = static_cast<int>(t) / column_tiles_ == line_tiles_ - 1 ? 1 : 0, inputs = g.cols() - bias;
    squares += drive_rms * drive_rms * g.leftCols(inputs).cast<double>().squaredNorm();
    if (forward && bias) squares += g.rightCols(1).cast<double>().squaredNorm();
    sums += static_cast<double>(forward ? g.rows() : inputs);
  }
  return std::sqrt(squares / sums) / scale_;
}

namespace {

/// The pulses that carry bit k of converted drives.
Eigen::MatrixXf plane_pulses(const Eigen::MatrixXf& converted, int k, const Converter& dac) {
  const auto step = static_cast<float>(dac.step()), range = static_cast<float>(dac.range);
  return converted.unaryExpr([&](float x) { return plane_value(code_of(x, step), k, range); });
}

/// Their mean square.
double plane_square(const Eigen::MatrixXf& converted, int k, const Converter& dac) {
  const auto step = static_cast<float>(dac.step());
  double on = 0;
  for (const float x : converted.reshaped()) on += plane_value(code_of(x, step), k, 1) != 0;
  return dac.range * dac.range * on / static_cast<double>(converted.size());
}

}  // namespace

double Array::drive_rms(const Eigen::MatrixXf& in) const {
  if (options_.converters.input == DriveInput::parallel)
    return std::sqrt(static_cast<double>(in.squaredNorm()) / static_cast<double>(in.size()));
  Eigen::MatrixXf converted = in;
  options_.dac.convert(converted);
  const int planes = options_.converters.planes(options_.dac);
  double squares = 0;
  for (int k = 0; k < planes; ++k) squares += plane_square(converted, k, options_.dac) / planes;
  return std::sqrt(squares);
}

double Array::summed_square(const Eigen::MatrixXf& drive) const {
  double squares = drive.cast<double>().squaredNorm();
  for (int c = 0; c < column_tiles_; ++c)
    squares += drive.middleRows(column_cut(c), column_cut(c + 1) - column_cut(c)).cast<double>().colwise().sum().squaredNorm();
  return squares / (2 * static_cast<double>(drive.size()));
}

double Array::noise_rms(Direction direction, const Eigen::MatrixXf& in) const {
  const bool summed = has_reference() && direction == Direction::backward;
  if (options_.converters.input == DriveInput::parallel) return summed ? std::sqrt(summed_square(in)) : drive_rms(in);
  Eigen::MatrixXf converted = in;
  options_.dac.convert(converted);
  const int planes = options_.converters.planes(options_.dac);
  double squares = 0;
  for (int k = 0; k < planes; ++k)
    squares += std::pow(plane_weight(options_.dac, k), 2) *
               (summed ? summed_square(plane_pulses(converted, k, options_.dac)) : plane_square(converted, k, options_.dac));
  return std::sqrt(squares / plane_squares(options_.dac, planes));
}

}  // namespace eqprop
