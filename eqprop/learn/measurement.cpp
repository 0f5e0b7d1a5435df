#include "eqprop/learn/measurement.h"

#include <cmath>
#include <string>

#include "base/check.h"

namespace eqprop {

void MeasurementOptions::validate() const {
  const auto within = [](const char* name, double value, double low, double high) {
    if (value >= low && value <= high) return;
    throw InputError(Code::out_of_range, {},
                     std::string("measurement.") + name + " = " + std::to_string(value) + ": expected a number in [" + std::to_string(low) +
                         ", " + std::to_string(high) + "]");
  };
  within("offset", offset, -1, 1);
  within("mismatch_offset", mismatch_offset, -1, 1);
  within("mismatch_gain", mismatch_gain, -0.5, 0.5);
  within("over_clamp", over_clamp, 0, 1);
  within("bits", bits, 0, 20);
}

bool second_circuit(const MeasurementOptions& options, std::size_t phase, std::uint32_t step) {
  return (phase + (options.chopping ? step : 0)) % 2 == 1;
}

template <class T>
void measure(const MeasurementOptions& options, bool second, const Network<T>& network, State<T>& state) {
  if (options.is_perfect()) return;
  const T gain = static_cast<T>(1 + (second ? options.mismatch_gain : 0));
  const T offset = static_cast<T>(options.offset + (second ? options.mismatch_offset : 0));
  for (int l = 1; l <= network.depth(); ++l) {
    auto s = state.layer(l).array();
    s = gain * s + offset;
    const Bounds bounds = activation_bounds(network.layer(l));
    if (options.bits == 0 || !std::isfinite(bounds.high)) continue;
    const T low = static_cast<T>(bounds.low);
    const T step = static_cast<T>((bounds.high - bounds.low) / (std::ldexp(1.0, options.bits) - 1));
    s = (((s - low) / step).round() * step + low).max(low).min(static_cast<T>(bounds.high));
  }
}

template <class T>
void drive_target(const MeasurementOptions& options, const In<T>& target, const In<T>& free_output, Out<T> driven) {
  driven = target;
  if (options.over_clamp > 0) driven.array() += static_cast<T>(options.over_clamp) * (target - free_output).array().sign();
}

template void measure<float>(const MeasurementOptions&, bool, const Network<float>&, State<float>&);
template void measure<double>(const MeasurementOptions&, bool, const Network<double>&, State<double>&);
template void drive_target<float>(const MeasurementOptions&, const In<float>&, const In<float>&, Out<float>);
template void drive_target<double>(const MeasurementOptions&, const In<double>&, const In<double>&, Out<double>);

}  // namespace eqprop
