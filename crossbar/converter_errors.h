#pragma once
// What makes one converter differ from its neighbour: gain, offset and integral nonlinearity, fixed when it is made.
//   v = (1 + g) c + o + a b(c / N)    c: ideal value in codes, N: highest code
//   b(u) = sqrt(27) / 2 (u - u^3), u clipped to -1 .. 1: what a balanced circuit leaves, zero at zero and full scale, peak 1
//   b(u) = 4 u (1 - u), u clipped to 0 .. 1, for codes of one sign
// An ADC takes v for c before it rounds; a DAC puts out v for its code c. g and o are normal, as mismatch of many small parts is
// (Pelgrom 1989, 10.1109/JSSC.1989.572629); INL is counted between the ends of the characteristic, as in IEEE Std 1241.
#include <Eigen/Core>

#include "base/random.h"
#include "crossbar/converter.h"
#include "crossbar/converter_design.h"

namespace eqprop {

/// Errors of the converters of neighbouring lines, one number per line.
struct ConverterErrors {
  Eigen::VectorXf gain;    ///< [1] 1 + g
  Eigen::VectorXf offset;  ///< [code] o
  Eigen::VectorXf bow;     ///< [code] a
  bool empty() const { return gain.size() == 0; }
};

/// Errors for `lines` lines; `share` neighbours are one instance. Numbers are named by `key` and the instance. Empty without any spread.
ConverterErrors draw_errors(const ConverterSpread& spread, const RandomKey& key, Eigen::Index lines, int share);

/// b(u) of the file's head.
float bow_shape(float u, bool unipolar);

/// ADCs: row i of `values` by errors i and the codes of `adc`; without errors as Converter::convert.
void convert_with(const Converter& adc, const ConverterErrors& errors, Eigen::Ref<Eigen::MatrixXf> values);
/// DACs: row i of `values`, converted already, as the instance puts it out.
void put_out(const Converter& dac, const ConverterErrors& errors, Eigen::Ref<Eigen::MatrixXf> values);

}  // namespace eqprop
