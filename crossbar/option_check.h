#pragma once
// One way to refuse an option: field, value and allowed range in the message.
#include <cstdio>
#include <string>

#include "base/check.h"

namespace eqprop {

/// Throws InputError(config) unless low <= value <= high (NaN is refused).
inline void check_option(const std::string& field, double value, double low, double high) {
  if (value >= low && value <= high) return;
  const auto text = [](double x) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.6g", x);
    return std::string(buffer);
  };
  throw InputError(Code::out_of_range, {}, field + " = " + text(value) + " is out of range, allowed is " + text(low) + " to " + text(high));
}

}  // namespace eqprop
