#include "crossbar/converter_design.h"

#include <string>

#include "crossbar/option_check.h"

namespace eqprop {

void ConverterSpread::validate(const char* name, const Converter& codes) const {
  const std::string field = name;
  check_option(field + ".gain", gain, 0, 1);
  check_option(field + ".offset", offset, 0, 1000);
  check_option(field + ".inl", inl, 0, 1000);
  if (codes.bits == 0 && (offset > 0 || inl > 0))
    throw InputError(Code::conflict, {}, field + " counts its offset and inl in codes, but the converter is off",
                     "give it bits, or set both to 0");
}

void ConverterDesign::validate(const Converter& dac_codes, const Converter& adc_codes) const {
  dac.validate("dac_spread", dac_codes);
  adc.validate("adc_spread", adc_codes);
  check_option("adc_share", adc_share, 1, 65536);
  check_option("adc_second [s]", adc_second, 0, 1);
  check_option("adc_clock [s]", adc_clock, 1e-15, 1);
  if (adc_type == AdcType::integrating && adc_codes.bits == 0)
    throw InputError(Code::conflict, {}, "adc_type = integrating counts to its highest code, but the ADC is off", "give it bits");
  if (input == DriveInput::parallel) return;
  if (dac_codes.bits == 0)
    throw InputError(Code::conflict, {}, "input = serial sends the bits of a DAC's code, but the DAC is off", "give it bits");
  if (dac.offset > 0 || dac.inl > 0)
    throw InputError(Code::conflict, {}, "input = serial has drivers of one bit, which have a gain error alone",
                     "set offset and inl of the DAC's spread to 0");
}

int ConverterDesign::planes(const Converter& dac_codes) const {
  return input == DriveInput::parallel ? 1 : dac_codes.bits - (dac_codes.unipolar ? 0 : 1);
}

double ConverterDesign::cell_second(double read_second, const Converter& adc_codes, int turns) const {
  if (turns <= 1 || adc_type == AdcType::integrating || adc_codes.bits == 0) return read_second;
  return read_second + (turns - 1) * (adc_second > 0 ? adc_second : read_second);
}

double ConverterDesign::read_second(double read_second, const Converter& adc_codes, int turns) const {
  return cell_second(read_second, adc_codes, turns) + static_cast<double>(clocks(adc_codes, turns)) * adc_clock;
}

std::int64_t ConverterDesign::clocks(const Converter& adc_codes, std::int64_t conversions) const {
  return adc_type == AdcType::integrating && adc_codes.bits > 0 ? conversions << adc_codes.bits : 0;
}

}  // namespace eqprop
