#include "crossbar/wires/cells.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "crossbar/kernel/cell_lanes.h"
#include "crossbar/option_check.h"

namespace eqprop {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Value {
  double value, slope;
};

// the root of f(x) = wanted for a rising, concave f, from an x not above it, up to `most`: a tangent lies above f, so Newton's steps never
// pass the root, and they end where rounding lets none rise
template <class F>
double climb(double x, double wanted, double most, const F& f) {
  constexpr int kMost = 100;
  constexpr double kNear = 1e-8;  // the next step would be of its square
  for (int k = 0; k < kMost && x < most; ++k) {
    const Value at = f(x);
    const double step = (wanted - at.value) / at.slope;
    if (!(step > 0)) break;
    x = std::min(x + step, most);
    if (step < kNear * x) break;
  }
  return x;
}

}  // namespace

void CellOptions::validate() const {
  constexpr double kMost = 1e12, kLeast = 1e-12;
  check_option("cell.sinh_volt", sinh_volt, 0, kMost);
  check_option("cell.read_volt", read_volt, 0, kMost);
  if (sinh_volt > 0 && !(read_volt / sinh_volt < 700))
    throw InputError(Code::conflict, {},
                     "cell.read_volt is more than 700 times cell.sinh_volt: no finite current is left at small voltages",
                     "read_volt = 0 takes the conductance at 0 V");
  check_option("cell.transistor_ohm", transistor_ohm, kLeast, kMost);
  check_option("cell.overdrive_volt", overdrive_volt, 0, kMost);
  check_option("cell.off_siemens", off_siemens, 0, kMost);
  check_option("cell.selector_ampere", selector_ampere, std::numeric_limits<double>::min(), kMost);
  check_option("cell.selector_volt", selector_volt, kLeast, kMost);
}

CellLaw::CellLaw(const CellOptions& options) : options_(options), scale_(options.sinh_volt) {
  options.validate();
  if (options.sinh_volt > 0 && options.read_volt > 0) scale_ = options.read_volt / std::sinh(options.read_volt / options.sinh_volt);
}

// the device alone at a voltage >= 0
CellPoint CellLaw::device(double siemens, double volt) const {
  if (options_.sinh_volt == 0) return {siemens * volt, siemens};
  const double x = volt / options_.sinh_volt;
  return {siemens * scale_ * std::sinh(x), siemens * scale_ / options_.sinh_volt * std::cosh(x)};
}

// the other way round: its voltage at a current, and the slope of that
CellLaw::Drop CellLaw::drop(double siemens, double ampere) const {
  if (options_.sinh_volt == 0) return {ampere / siemens, 1 / siemens};
  const double x = ampere / (siemens * scale_);
  return {options_.sinh_volt * std::asinh(x), options_.sinh_volt / (siemens * scale_ * std::sqrt(1 + x * x))};
}

// volt >= 0; the unknown is the transistor's own drop, of which the cell's voltage is a concave function up to the overdrive
CellPoint CellLaw::behind_transistor(double siemens, double volt, double ohm, double overdrive) const {
  const double curve = overdrive > 0 ? 1 / overdrive : 0, most = overdrive > 0 ? overdrive : kInfinity;
  const auto carried = [&](double u) { return Value{(u - 0.5 * curve * u * u) / ohm, std::max(0.0, 1 - curve * u) / ohm}; };
  const auto whole = [&](double u) {
    const Value current = carried(u);
    const Drop over = drop(siemens, current.value);
    return Value{u + over.volt, 1 + over.ohm * current.slope};
  };
  const double u = climb(0, volt, most, whole);
  const Value current = carried(u);
  return {current.value, current.slope / (1 + drop(siemens, current.value).ohm * current.slope)};
}

// volt >= 0; the unknown is the current, of which the cell's voltage is a concave function
CellPoint CellLaw::behind_selector(double siemens, double volt) const {
  const double unit = options_.selector_ampere, width = options_.selector_volt;
  const auto whole = [&](double ampere) {
    const double x = ampere / unit;
    const Drop over = drop(siemens, ampere);
    return Value{width * std::asinh(x) + over.volt, width / (unit * std::sqrt(1 + x * x)) + over.ohm};
  };
  // what the weaker of the two carries at half the voltage is below what both carry
  const double start = std::min(unit * std::sinh(0.5 * volt / width), device(siemens, 0.5 * volt).ampere);
  const double ampere = climb(start, volt, kInfinity, whole);
  return {ampere, 1 / whole(ampere).slope};
}

CellPoint CellLaw::at(double siemens, double volt, bool gate_on) const {
  if (siemens == 0) return {};
  CellPoint point;
  if (options_.kind == CellKind::resistor) {
    point = device(siemens, std::abs(volt));
  } else if (options_.kind == CellKind::selector) {
    point = behind_selector(siemens, std::abs(volt));
  } else if (gate_on) {
    point = behind_transistor(siemens, std::abs(volt), options_.transistor_ohm, options_.overdrive_volt);
  } else if (options_.off_siemens > 0) {
    point = behind_transistor(siemens, std::abs(volt), 1 / options_.off_siemens, 0);
  }
  return {std::copysign(point.ampere, volt), point.siemens};
}

void CellLaw::at(std::span<const double> siemens, std::span<const double> volt, std::span<double> ampere, std::span<double> slope) const {
  check(volt.size() == siemens.size() && ampere.size() == siemens.size() && slope.size() == siemens.size(), "numbers for every cell");
  const auto partner = options_.kind == CellKind::transistor ? cell_lanes::Partner::transistor
                       : options_.kind == CellKind::selector ? cell_lanes::Partner::selector
                                                             : cell_lanes::Partner::none;
  const cell_lanes::Law law{partner,
                            options_.sinh_volt,
                            scale_,
                            options_.transistor_ohm,
                            options_.overdrive_volt,
                            options_.selector_ampere,
                            options_.selector_volt};
  cell_lanes::evaluate(law, siemens.data(), volt.data(), siemens.size(), ampere.data(), slope.data());
}

double CellLaw::volt_at(double siemens, double ampere, bool gate_on) const {
  if (siemens == 0) return kInfinity;
  const double own = drop(siemens, ampere).volt;
  switch (options_.kind) {
    case CellKind::resistor:
      return own;
    case CellKind::selector:
      return own + options_.selector_volt * std::asinh(ampere / options_.selector_ampere);
    case CellKind::transistor:
      break;
  }
  if (!gate_on) return own + ampere / options_.off_siemens;
  if (options_.overdrive_volt == 0) return own + ampere * options_.transistor_ohm;
  const double most = 0.5 * options_.overdrive_volt / options_.transistor_ohm;
  return ampere <= most ? own + 2 * ampere * options_.transistor_ohm / (1 + std::sqrt(1 - ampere / most)) : kInfinity;
}

}  // namespace eqprop
