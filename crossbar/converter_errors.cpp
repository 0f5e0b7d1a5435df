#include "crossbar/converter_errors.h"

#include <algorithm>

namespace eqprop {
namespace {

/// v of the file's head.
float with_errors(const Converter& converter, const ConverterErrors& errors, Eigen::Index line, float code, float per_code) {
  const float bow = errors.bow[line] * bow_shape(code * per_code, converter.unipolar);
  return (code * errors.gain[line] + errors.offset[line]) + bow;
}

}  // namespace

float bow_shape(float u, bool unipolar) {
  u = u > 1.0f ? 1.0f : u;
  if (unipolar) {
    u = u < 0.0f ? 0.0f : u;
    return 4.0f * (u - u * u);
  }
  u = u < -1.0f ? -1.0f : u;
  return 2.5980762f * (u - u * u * u);
}

ConverterErrors draw_errors(const ConverterSpread& spread, const RandomKey& key, Eigen::Index lines, int share) {
  ConverterErrors out;
  if (!spread.any()) return out;
  for (Eigen::VectorXf* part : {&out.gain, &out.offset, &out.bow}) part->resize(lines);
  for (Eigen::Index i = 0; i < lines; ++i) {
    const auto instance = static_cast<std::uint32_t>(i / share);
    out.gain[i] = 1.0f + static_cast<float>(spread.gain) * key.normal({.sample = 0}, instance);
    out.offset[i] = static_cast<float>(spread.offset) * key.normal({.sample = 1}, instance);
    out.bow[i] = static_cast<float>(spread.inl) * (2.0f * key.uniform({.sample = 2}, instance) - 1.0f);
  }
  return out;
}

void convert_with(const Converter& adc, const ConverterErrors& errors, Eigen::Ref<Eigen::MatrixXf> values) {
  if (errors.empty()) return adc.convert(values);
  if (adc.bits == 0) {
    adc.convert(values);
    values = errors.gain.asDiagonal() * values;
    return;
  }
  // what the instance takes its input for; codes of the ideal converter follow
  const auto a = static_cast<float>(adc.gain), b = static_cast<float>(adc.offset), size = static_cast<float>(adc.step());
  const float per_code = 1.0f / static_cast<float>(adc.highest_code());
  for (Eigen::Index k = 0; k < values.cols(); ++k)
    for (Eigen::Index i = 0; i < values.rows(); ++i) values(i, k) = with_errors(adc, errors, i, (values(i, k) * a + b) / size, per_code);
  Converter codes = adc;
  codes.range = adc.highest_code();
  codes.gain = 1;
  codes.offset = 0;
  codes.convert(values);
  values *= size;
}

void put_out(const Converter& dac, const ConverterErrors& errors, Eigen::Ref<Eigen::MatrixXf> values) {
  if (errors.empty()) return;
  if (dac.bits == 0) {
    values = errors.gain.asDiagonal() * values;
    return;
  }
  const auto size = static_cast<float>(dac.step());
  const float per_code = 1.0f / static_cast<float>(dac.highest_code());
  for (Eigen::Index k = 0; k < values.cols(); ++k)
    for (Eigen::Index i = 0; i < values.rows(); ++i) values(i, k) = with_errors(dac, errors, i, values(i, k) / size, per_code) * size;
}

}  // namespace eqprop
