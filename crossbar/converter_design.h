#pragma once
// How the converters of an array are built, beyond the codes that crossbar/converter.h defines: errors that differ from one instance to the
// next, columns that share an ADC, how an ADC converts, how a code reaches its line. Terms as in IEEE Std 1241-2010.
#include <cstdint>

#include "crossbar/converter.h"

namespace eqprop {

/// Static errors of the instances of one design, drawn once by name from the seed.
struct ConverterSpread {
  double gain = 0;    ///< [1] sd of the gain error, normal, 0..1
  double offset = 0;  ///< [code] sd of the offset error, normal, >= 0
  double inl = 0;     ///< [code] largest integral nonlinearity of any instance, >= 0; its peak is uniform on +- this
  bool any() const { return gain > 0 || offset > 0 || inl > 0; }
  /// Throws InputError(config) that names field, value and allowed range, or that `codes` has none to count errors in.
  void validate(const char* name, const Converter& codes) const;
};

enum class AdcType {
  direct,      ///< flash, SAR: a conversion is one event, its time a part of the read's
  integrating  ///< a capacitor takes up the current, a counter of 2^bits clock periods reads it out
};

enum class DriveInput {
  parallel,  ///< a DAC sets a line to its code
  serial     ///< the code is sent bit by bit; every bit has its own read and conversion, shifted and added digitally
};

struct ConverterDesign {
  ConverterSpread dac = {};
  ConverterSpread adc = {};
  int adc_share = 1;  ///< so many neighbouring sensed lines have one ADC, 1..65536; it converts them one after another
  AdcType adc_type = AdcType::direct;
  double adc_second = 0;    ///< [s] direct: a further conversion of a shared ADC; 0: as long as a whole read
  double adc_clock = 1e-9;  ///< [s] integrating: period of the counter's clock; assumed
  DriveInput input = DriveInput::parallel;

  /// Throws InputError(config) that names field, value and allowed range.
  void validate(const Converter& dac_codes, const Converter& adc_codes) const;
  /// Reads that a vector takes: 1, or the bits of a DAC's magnitude.
  int planes(const Converter& dac_codes) const;
  /// [s] cells are under voltage in one read that settles in `read_second`, where `turns` conversions are made by each ADC one after another.
  /// direct: to the end of the last; integrating: the capacitors hold what was sensed, so only read_second.
  double cell_second(double read_second, const Converter& adc_codes, int turns) const;
  /// [s] from the start of a read to its last code.
  double read_second(double read_second, const Converter& adc_codes, int turns) const;
  /// Periods of the clock in `conversions` of an integrating ADC, 0 for others or codes that are off.
  std::int64_t clocks(const Converter& adc_codes, std::int64_t conversions) const;
};

}  // namespace eqprop
