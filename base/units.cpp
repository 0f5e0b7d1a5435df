#include "base/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include "base/check.h"

namespace eqprop {
namespace {

struct Prefix {
  char letter;  // ' ' for none
  int power;    // of ten
};

constexpr Prefix kPrefixes[] = {{'f', -15}, {'p', -12}, {'n', -9}, {'u', -6}, {'m', -3}, {' ', 0}, {'k', 3}, {'M', 6}, {'G', 9}};

struct UnitName {
  std::string_view symbol;
  std::string_view dimension;
  std::string_view prefixes;  // accepted letters, rising, ' ' for none
};

const UnitName& name_of(Unit unit) {
  static constexpr std::array<UnitName, 10> kNames = {{
      {"V", "voltage", "num k"},
      {"A", "current", "fpnum "},
      {"S", "conductance", "fpnum "},
      {"Ohm", "resistance", "m kMG"},
      {"s", "time", "fpnum "},
      {"J", "energy", "fpnum kMG"},
      {"W", "power", "fpnum kMG"},
      {"Hz", "frequency", "m kMG"},
      {"F", "capacitance", "fpnum "},
      {"K", "temperature", "m "},
  }};
  const auto i = static_cast<std::size_t>(unit);
  check(i < kNames.size(), "a unit of the list");
  return kNames[i];
}

std::string spelling(const Prefix& prefix, const UnitName& name) {
  std::string text;
  if (prefix.letter != ' ') text += prefix.letter;
  return text.append(name.symbol);
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// The spelling in ASCII: both code points of the micro sign (U+00B5, U+03BC) become u, both of the ohm sign (U+03A9, U+2126) Ohm.
std::string plain_spelling(std::string_view unit) {
  std::string text;
  for (const std::string_view micro : {"\xC2\xB5", "\xCE\xBC"}) {
    if (!unit.starts_with(micro)) continue;
    text += 'u';
    unit.remove_prefix(micro.size());
    break;
  }
  for (const std::string_view ohm : {"\xCE\xA9", "\xE2\x84\xA6", "ohm"}) {
    if (unit.ends_with(ohm)) return text.append(unit.substr(0, unit.size() - ohm.size())).append("Ohm");
  }
  return text.append(unit);
}

[[noreturn]] void reject(std::string_view text, Unit unit, const std::string& why) {
  throw InputError(Code::unit, {},
                   "\"" + std::string(text) + "\" is not a " + std::string(name_of(unit).dimension) + ": " + why +
                       "; expected a number and one of the units " + accepted_units(unit),
                   "for instance \"200 " + spelling(kPrefixes[name_of(unit).prefixes.starts_with('m') ? 5 : 4], name_of(unit)) + "\"");
}

/// value * 10^power, correctly rounded for a value that is exact: the powers of ten used here are exact in double, their inverses are not.
double scale(double value, int power) {
  constexpr double kPowers[] = {1, 1e3, 1e6, 1e9, 1e12, 1e15};
  return power < 0 ? value / kPowers[-power / 3] : value * kPowers[power / 3];
}

// times of a day and above; a year is the Julian one
struct LongTime {
  std::string_view symbol;
  double second;
};
constexpr LongTime kLongTimes[] = {{"min", 60}, {"h", 3600}, {"d", 86400}, {"y", 365.25 * 86400}};

}  // namespace

double parse_quantity(std::string_view text, Unit unit) {
  std::string_view rest = trim(text);
  if (rest.starts_with('+')) {
    rest.remove_prefix(1);
    if (rest.starts_with('-')) reject(text, unit, "two signs");
  }
  double value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (error == std::errc::result_out_of_range) reject(text, unit, "the number is too large or too small");
  if (error != std::errc{}) reject(text, unit, "it has no number");
  if (!std::isfinite(value)) reject(text, unit, "the number is not finite");
  rest = trim(rest.substr(static_cast<std::size_t>(end - rest.data())));
  if (rest.empty()) reject(text, unit, "it has no unit");

  const UnitName& name = name_of(unit);
  const std::string written = plain_spelling(rest);
  for (const Prefix& prefix : kPrefixes) {
    if (name.prefixes.find(prefix.letter) == std::string_view::npos || written != spelling(prefix, name)) continue;
    const double si = scale(value, prefix.power);
    if (!std::isfinite(si) || (si == 0 && value != 0)) reject(text, unit, "the number is too large or too small");
    return si;
  }
  for (const LongTime& time : kLongTimes)
    if (unit == Unit::second && written == time.symbol && std::isfinite(value * time.second)) return value * time.second;
  reject(text, unit, "the unit \"" + std::string(rest) + "\" is not accepted");
}

std::string accepted_units(Unit unit) {
  const UnitName& name = name_of(unit);
  std::string list;
  for (const Prefix& prefix : kPrefixes) {
    if (name.prefixes.find(prefix.letter) == std::string_view::npos) continue;
    if (!list.empty()) list += ", ";
    list += spelling(prefix, name);
  }
  for (const LongTime& time : kLongTimes)
    if (unit == Unit::second) list.append(", ").append(time.symbol);
  return list;
}

std::string format_quantity(double value, Unit unit) {
  const UnitName& name = name_of(unit);
  // the largest prefix that leaves at least 1; rounding to four digits comes first, so that 999.96 mV becomes 1 V
  const Prefix* best = nullptr;
  for (const Prefix& prefix : kPrefixes) {
    if (name.prefixes.find(prefix.letter) == std::string_view::npos) continue;
    const bool fits = std::abs(scale(value, -prefix.power)) >= 0.99995;
    if (best == nullptr || fits) best = &prefix;
  }
  if (value == 0 || !std::isfinite(value)) best = &kPrefixes[5];
  char digits[32];
  const auto result = std::to_chars(digits, digits + sizeof digits, scale(value, -best->power), std::chars_format::general, 4);
  return std::string(digits, result.ptr) + " " + spelling(*best, name);
}

}  // namespace eqprop
