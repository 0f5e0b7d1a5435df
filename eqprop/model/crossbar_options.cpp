#include "eqprop/model/crossbar_options.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace eqprop {

double converter_range(const Layer& layer, double linear_range) {
  const Bounds bounds = activation_bounds(layer);
  return std::isfinite(bounds.high) ? std::max(std::abs(bounds.low), bounds.high) : linear_range;
}

ArrayOptions array_options(const CrossbarOptions& options, const std::vector<Layer>& layers, std::size_t index,
                           const Eigen::MatrixXf& weights) {
  ArrayOptions array = options.array;
  // one DAC design serves both directions; the input's features lie in [0, 1], a read-out's error in [-1, 1]
  array.dac.range = 1;
  array.dac.unipolar = index + 1 < layers.size() && !options.bipolar;
  const auto serve = [&](const Layer& layer) {
    array.dac.range = std::max(array.dac.range, converter_range(layer, options.linear_range));
    array.dac.unipolar &= activation_bounds(layer).low >= 0;
  };
  if (index > 0) serve(layers[index]);
  if (index + 1 < layers.size()) serve(layers[index + 1]);
  if (index < options.fault_maps.size()) array.fault_map = options.fault_maps[index];
  // the slow array gets what its accumulator lets through
  if (array.plan.mode == PulseMode::tiki_taka) array.plan.mode = PulseMode::accumulate;
  return Slices::first_options(options.slices, array, weights);
}

void CrossbarOptions::check_converters() const {
  const auto fail = [](const std::string& message, const std::string& remedy) { throw InputError(Code::conflict, {}, message, remedy); };
  const ConverterDesign& design = array.converters;
  const bool no_dac = array.dac.bits == 0, no_adc = array.adc_forward.bits == 0;
  const auto counted = [&](const std::string& key, double value, bool off, const std::string& bits) {
    if (value > 0 && off) fail("crossbar." + key + " counts in codes, but crossbar." + bits + " = 0", "set " + bits + " to 2 .. 20");
  };
  counted("adc_offset_spread", design.adc.offset, no_adc, "adc_bits");
  counted("adc_inl", design.adc.inl, no_adc, "adc_bits");
  counted("dac_offset_spread", design.dac.offset, no_dac, "dac_bits");
  counted("dac_inl", design.dac.inl, no_dac, "dac_bits");
  if (design.adc_type == AdcType::integrating && no_adc)
    fail("crossbar.adc_type = \"integrating\" counts to its highest code, but crossbar.adc_bits = 0", "set adc_bits to 2 .. 20");
  if (design.adc_type == AdcType::integrating && design.adc_second > 0)
    fail("crossbar.adc_time is that of a direct conversion; an integrating ADC takes 2^adc_bits periods of crossbar.adc_clock",
         "remove adc_time, or set adc_type = \"direct\"");
  if (design.input == DriveInput::parallel) return;
  const std::string serial = "crossbar.input = \"serial\" ";
  if (no_dac) fail(serial + "sends the bits of a code, but crossbar.dac_bits = 0", "set dac_bits to 2 .. 20");
  if (loop == Loop::analog) fail(serial + "needs reads that end in codes, but crossbar.loop = \"analog\"", "set loop = \"digital\"");
  if (design.dac.offset > 0 || design.dac.inl > 0)
    fail(serial + "has drivers of one bit, whose only error is crossbar.dac_gain_spread", "remove dac_offset_spread and dac_inl");
}

void CrossbarOptions::check_mapping() const {
  const auto fail = [](const std::string& message, const std::string& remedy) { throw InputError(Code::conflict, {}, message, remedy); };
  if (array.mapping == Mapping::offset_column && array.plan.mode == PulseMode::tiki_taka)
    fail(
        "crossbar.mapping = \"offset_column\" with crossbar.programming = \"tiki_taka\": a reference at the middle of the window is not "
        "where up and down steps are alike",
        "set mapping = \"differential\"");
  if (array.mapping == Mapping::offset_column && loop == Loop::analog)
    fail(
        "crossbar.mapping = \"offset_column\" with crossbar.loop = \"analog\": a transposed read takes its reference off in a step of its "
        "own, which a loop of neurons does not have",
        "set loop = \"digital\"");
  if (!slices.any()) return;
  if (array.plan.mode == PulseMode::tiki_taka)
    fail("crossbar.slices = " + std::to_string(slices.slices) +
             " with crossbar.programming = \"tiki_taka\": both share a weight between arrays, each in its own way",
         "set slices = 1, or another programming");
  if (loop == Loop::analog)
    fail("crossbar.slices = " + std::to_string(slices.slices) + " needs reads that are added digitally, but crossbar.loop = \"analog\"",
         "set loop = \"digital\"");
}

void CrossbarOptions::validate() const {
  const auto fail = [](const std::string& message) { throw InputError(Code::out_of_range, {}, message); };
  check_converters();
  check_mapping();
  array.validate();
  slices.validate();
  tiki_taka.validate();
  if (!(adc_percentile >= 50 && adc_percentile < 100))
    fail("crossbar.adc_percentile = " + std::to_string(adc_percentile) + ": expected a number in [50, 100)");
  if (!(adc_sigmas > 0 && adc_sigmas <= 100))
    fail("crossbar.adc_sigmas = " + std::to_string(adc_sigmas) + ": expected a number in (0, 100]");
  if (!(adc_margin >= 1 && adc_margin <= 100))
    fail("crossbar.adc_margin = " + std::to_string(adc_margin) + ": expected a number in [1, 100]");
  for (const double range : {adc_range_forward, adc_range_backward})
    if (!(range >= 0 && range < 1e6))
      fail("crossbar.adc_range = " + std::to_string(range) + ": expected 0 (calibrated) or a positive number");
  if (!(analog_second > 0 && analog_second < 1)) fail("crossbar.analog_time must lie between 0 and 1 s");
  if (!(linear_range >= 1 && linear_range <= 1000))
    fail("crossbar.linear_range = " + std::to_string(linear_range) + ": expected a number in [1, 1000]");
}

}  // namespace eqprop
