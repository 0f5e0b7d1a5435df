#pragma once
// A second reading of decimal numbers for the targets: the grammar by a plain loop, the value by strtod.
#include <cmath>
#include <cstdlib>
#include <string>
#include <string_view>

namespace eqprop::fuzz {

struct Decimal {
  std::size_t length = 0;    // of the longest number at the front, 0 for none; no sign + before it
  double value = 0;          // may be infinite
  bool underflowed = false;  // not zero as written, zero as a double: readers may refuse it or not
};

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

// -?(digits[.digits] | .digits)(e[+-]?digits)?
inline Decimal read_decimal(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? text[i] : '\0'; };
  std::size_t i = at(0) == '-' ? 1 : 0;
  std::size_t digits = 0;
  bool zero = true;
  for (; is_digit(at(i)); ++i, ++digits) zero &= text[i] == '0';
  if (at(i) == '.') {
    std::size_t k = i + 1;
    for (; is_digit(at(k)); ++k, ++digits) zero &= text[k] == '0';
    if (digits > 0) i = k;
  }
  if (digits == 0) return {};
  if (at(i) == 'e' || at(i) == 'E') {
    std::size_t k = i + 1;
    if (at(k) == '+' || at(k) == '-') ++k;
    if (is_digit(at(k))) {
      while (is_digit(at(k))) ++k;
      i = k;
    }
  }
  Decimal out;
  out.length = i;
  out.value = std::strtod(std::string(text.substr(0, i)).c_str(), nullptr);
  out.underflowed = !zero && std::fabs(out.value) < 2.3e-308;
  return out;
}

}  // namespace eqprop::fuzz
