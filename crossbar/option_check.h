#pragma once
// One way to refuse an option: field, value and allowed range in the message.
#include <cstdio>
#include <string>

#include "base/check.h"

namespace eqprop {

/// A number in few digits.
inline std::string short_number(double x) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.6g", x);
  return buffer;
}

/// Throws InputError(config) unless low <= value <= high (NaN is refused).
inline void check_option(const std::string& field, double value, double low, double high) {
  if (value >= low && value <= high) return;
  throw InputError(Code::out_of_range, {},
                   field + " = " + short_number(value) + " is out of range, allowed is " + short_number(low) + " to " + short_number(high));
}

}  // namespace eqprop
