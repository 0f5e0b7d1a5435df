// What a read cannot resolve: read noise and the step of the ADC.
#include <cmath>

#include "crossbar/array.h"
#include "crossbar/bit_planes.h"

namespace eqprop {

using Eigen::Index;

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
  ReadFloor floor = wires_.empty() ? plain_floor(direction, input_rms) : wired_floor(direction, input_rms);
  if (options_.converters.input == DriveInput::parallel) return floor;
  // every bit has noise and a conversion of its own, shifted to its weight
  const double shifted = std::sqrt(plane_squares(options_.dac, options_.converters.planes(options_.dac)));
  floor.noise_sd *= shifted;
  floor.adc_step *= shifted;
  return floor;
}

ReadFloor Array::plain_floor(Direction direction, double input_rms) const {
  const bool forward = direction == Direction::forward;
  const auto& noise = options_.read_noise;
  // mean over outputs of sum over driven devices of sigma_G^2 x^2
  const double white = 2 * std::pow(noise.white * options_.device.window(), 2);
  double squares = 0, bias_squares = 0;
  for (std::size_t t = 0; t < tiles_.size() && noise.proportional > 0; ++t) {
    const Tile& tile = tiles_[t];
    const bool has_bias = static_cast<int>(t) / column_tiles_ == line_tiles_ - 1;
    squares += tile.squares.cast<double>().sum();
    if (has_bias) bias_squares += tile.squares.col(tile.lines() - 1).cast<double>().sum();
    if (!has_reference()) continue;
    const auto outputs = static_cast<double>(tile.outputs());
    squares += outputs * tile.minus.g.cast<double>().squaredNorm();
    if (has_bias) bias_squares += outputs * std::pow(double{tile.minus.g(0, tile.lines() - 1)}, 2);
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

}  // namespace eqprop
