// "200 mV": parse_quantity against a table of all accepted spellings. Input: one byte for the unit, then the text.
#include "base/units.h"

#include <cmath>
#include <map>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/number.h"

namespace {

using namespace eqprop;
using fuzz::expect;

using Table = std::map<std::string, int, std::less<>>;  // spelling -> power of ten

Table table(const std::string& symbol, std::initializer_list<int> powers) {
  static const std::map<int, std::vector<std::string>> kPrefixes = {
      {-15, {"f"}}, {-12, {"p"}}, {-9, {"n"}}, {-6, {"u", "\u00B5", "\u03BC"}}, {-3, {"m"}}, {0, {""}}, {3, {"k"}}, {6, {"M"}}, {9, {"G"}}};
  const std::vector<std::string> symbols =
      symbol == "Ohm" ? std::vector<std::string>{"Ohm", "ohm", "\u03A9", "\u2126"} : std::vector<std::string>{symbol};
  Table out;
  for (const int power : powers)
    for (const auto& prefix : kPrefixes.at(power))
      for (const auto& name : symbols) out[prefix + name] = power;
  return out;
}

const std::vector<Table>& tables() {
  static const std::vector<Table> kTables = {table("V", {-9, -6, -3, 0, 3}),
                                             table("A", {-15, -12, -9, -6, -3, 0}),
                                             table("S", {-15, -12, -9, -6, -3, 0}),
                                             table("Ohm", {-3, 0, 3, 6, 9}),
                                             table("s", {-15, -12, -9, -6, -3, 0}),
                                             table("J", {-15, -12, -9, -6, -3, 0, 3, 6, 9}),
                                             table("W", {-15, -12, -9, -6, -3, 0, 3, 6, 9}),
                                             table("Hz", {-3, 0, 3, 6, 9}),
                                             table("F", {-15, -12, -9, -6, -3, 0}),
                                             table("K", {-3, 0})};
  return kTables;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t index = input.byte() % tables().size();
  const auto unit = static_cast<Unit>(index);
  const std::string_view text = fuzz::text_of(input.rest());
  const auto value = fuzz::accepted([&] { return parse_quantity(text, unit); });

  std::string_view rest = trim(text);
  if (rest.starts_with('+') && !rest.starts_with("+-")) rest.remove_prefix(1);
  const fuzz::Decimal number = fuzz::read_decimal(rest);
  const auto known = tables()[index].find(trim(rest.substr(number.length)));
  const bool readable = number.length > 0 && known != tables()[index].end();
  if (!readable) {
    expect(!value, "what is no number with a unit is refused");
    return 0;
  }
  const long double wanted = static_cast<long double>(number.value) * std::pow(10.0L, known->second);
  const bool tiny = number.underflowed || (wanted != 0 && std::fabs(wanted) < 2.3e-308L);
  if (std::fabs(wanted) > 1.7e308L || tiny) {
    expect(!value || (std::isfinite(*value) && (*value != 0 || number.value == 0)), "a quantity is finite, and no number becomes 0");
    return 0;
  }
  expect(value.has_value(), "a number with a unit is accepted");
  expect(std::fabs(static_cast<long double>(*value) - wanted) <= 4e-16L * std::fabs(wanted), "the value is as written");
  if (std::fabs(*value) < 1e300) {
    const auto again = fuzz::accepted([&] { return parse_quantity(format_quantity(*value, unit), unit); });
    expect(again.has_value(), "what is written can be read");
    expect(std::fabs(*again - *value) <= 5.1e-4 * std::fabs(*value), "a quantity is written with four digits");
  }
  return 0;
}
