#pragma once
// Units at the door: "200 mV", "5 uS", "50 ns" become SI doubles; inside there are no units but SI.
#include <string>
#include <string_view>

namespace eqprop {

/// Physical dimensions that a config may state.
enum class Unit { volt, ampere, siemens, ohm, second, joule, watt, hertz, farad, kelvin };

/// Parses "number unit" into SI; units carry the SI prefixes that accepted_units lists (of f p n u m k M G; u may be the micro sign, Ohm
/// may be ohm or the omega). The decimal sign is a point, whatever the locale.
/// Throws InputError(config) that names the text, what was expected and the accepted units.
double parse_quantity(std::string_view text, Unit unit);
/// The accepted spellings of a unit, e.g. "nV, uV, mV, V, kV".
std::string accepted_units(Unit unit);
/// Engineering notation with three to four digits: format_quantity(2.5e-9, Unit::joule) == "2.5 nJ".
std::string format_quantity(double value, Unit unit);

}  // namespace eqprop
