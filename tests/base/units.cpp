#include "base/units.h"

#include <cmath>

#include "base/check.h"
#include "base/random.h"
#include "tests/catch.h"

using namespace eqprop;

TEST_CASE("quantities become SI, the same double as the literal", "[base][units]") {
  const struct {
    const char* text;
    Unit unit;
    double value;
  } table[] = {
      {"200 mV", Unit::volt, 0.2},      {"200mV", Unit::volt, 0.2},           {"0.2 V", Unit::volt, 0.2},
      {"-1.5 V", Unit::volt, -1.5},     {"+1.5 V", Unit::volt, 1.5},          {"  3 kV\t", Unit::volt, 3000},
      {"5 uS", Unit::siemens, 5e-6},    {"5 \xC2\xB5S", Unit::siemens, 5e-6}, {"5 \xCE\xBCS", Unit::siemens, 5e-6},
      {"1e-6 S", Unit::siemens, 1e-6},  {"50 ns", Unit::second, 50e-9},       {"3 s", Unit::second, 3},
      {"2 min", Unit::second, 120},     {"1 h", Unit::second, 3600},          {"1 d", Unit::second, 86400},
      {"1 y", Unit::second, 31557600},
      {"10 kOhm", Unit::ohm, 1e4},      {"10 kohm", Unit::ohm, 1e4},          {"1 M\xCE\xA9", Unit::ohm, 1e6},
      {"2 \xE2\x84\xA6", Unit::ohm, 2}, {"2.5 fJ", Unit::joule, 2.5e-15},     {"7 pA", Unit::ampere, 7e-12},
      {"300 W", Unit::watt, 300},       {"1.2 GHz", Unit::hertz, 1.2e9},      {"30 fF", Unit::farad, 30e-15},
      {"300 K", Unit::kelvin, 300},     {"2e3mV", Unit::volt, 2.0},           {"0 V", Unit::volt, 0.0},
  };
  for (const auto& row : table) {
    INFO(row.text);
    CHECK(parse_quantity(row.text, row.unit) == row.value);
  }
}

TEST_CASE("what is no quantity is an InputError that says what was expected", "[base][units]") {
  for (const char* text :
       {"",       " ",       "V",      "mV",    "200",   "200 ",  "200 mA", "200 mVx", "200 mV 3", "200 m V", "nan V", "inf V",
        "-inf V", "1e999 V", "0x10 V", "1,5 V", "+-1 V", "--1 V", "200 MV", "200 MmV", "1 2 V",    "200 v",   "1e V",  "5 \xC2\xB5"}) {
    INFO(text);
    try {
      parse_quantity(text, Unit::volt);
      FAIL("accepted");
    } catch (const InputError& error) {
      const std::string message = error.what();
      CHECK(error.kind() == InputKind::config);
      CHECK(message.find("\"" + std::string(text) + "\"") != std::string::npos);
      CHECK(message.find("voltage") != std::string::npos);
      CHECK(message.find("nV, uV, mV, V, kV") != std::string::npos);
    }
  }
}

TEST_CASE("a quantity too small for a double does not become 0", "[base][units]") {
  CHECK_THROWS_AS(parse_quantity("1e-310 fS", Unit::siemens), InputError);
  CHECK(parse_quantity("1e-300 S", Unit::siemens) == 1e-300);
  CHECK(parse_quantity("0 fS", Unit::siemens) == 0);
}

TEST_CASE("quantities are written with three to four digits", "[base][units]") {
  CHECK(format_quantity(2.5e-9, Unit::joule) == "2.5 nJ");
  CHECK(format_quantity(0.2, Unit::volt) == "200 mV");
  CHECK(format_quantity(123.456e-6, Unit::siemens) == "123.5 uS");
  CHECK(format_quantity(0.99996, Unit::volt) == "1 V");
  CHECK(format_quantity(0.9999, Unit::volt) == "999.9 mV");
  CHECK(format_quantity(-3e-9, Unit::second) == "-3 ns");
  CHECK(format_quantity(0, Unit::joule) == "0 J");
  CHECK(format_quantity(1e-18, Unit::joule) == "0.001 fJ");
  CHECK(format_quantity(std::nan(""), Unit::joule) == "nan J");
}

TEST_CASE("a written quantity is read back to four digits, in its own accepted units", "[base][units]") {
  const RandomKey key(3, Purpose::test);
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const auto unit = static_cast<Unit>(i % 10);
    const double value = std::pow(10.0, 24.0 * double{key.uniform({i}, 0)} - 15.0) * (i % 3 == 0 ? -1 : 1);
    const std::string text = format_quantity(value, unit);
    INFO(text);
    REQUIRE(std::abs(parse_quantity(text, unit) / value - 1) <= 5.1e-4);
    REQUIRE(accepted_units(unit).find(text.substr(text.rfind(' ') + 1)) != std::string::npos);
  }
}
