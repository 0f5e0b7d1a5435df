// The laws of cells against the equations of their parts, solved by halving.
#include "crossbar/wires/cells.h"

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "base/check.h"
#include "crossbar/kernel/wire_lanes.h"
#include "tests/catch.h"

using namespace eqprop;

namespace {

// root of a rising f between two numbers, to rounding
double halve(double low, double high, const std::function<double(double)>& f) {
  for (int k = 0; k < 200; ++k) {
    const double middle = 0.5 * (low + high);
    (f(middle) < 0 ? low : high) = middle;
  }
  return low;
}

double device(const CellOptions& o, double g, double u) {
  if (o.sinh_volt == 0) return g * u;
  const double at_read = o.read_volt > 0 ? o.read_volt / std::sinh(o.read_volt / o.sinh_volt) : o.sinh_volt;
  return g * at_read * std::sinh(u / o.sinh_volt);
}

double partner(const CellOptions& o, double u) {
  if (o.kind == CellKind::selector) return o.selector_ampere * std::sinh(u / o.selector_volt);
  if (o.overdrive_volt == 0) return u / o.transistor_ohm;
  const double in = std::min(std::abs(u), o.overdrive_volt);
  return std::copysign((in - in * in / (2 * o.overdrive_volt)) / o.transistor_ohm, u);
}

// both carry the same current; v >= 0
double cell(const CellOptions& o, double g, double v) {
  if (o.kind == CellKind::resistor) return device(o, g, v);
  return device(o, g, halve(0, v, [&](double u) { return device(o, g, u) - partner(o, v - u); }));
}

std::vector<CellOptions> laws() {
  std::vector<CellOptions> out;
  for (const double sinh_volt : {0.0, 0.25, 0.05, 0.01}) {
    for (const double read_volt : {0.0, 0.2}) {
      CellOptions o;
      o.sinh_volt = sinh_volt;
      o.read_volt = read_volt;
      out.push_back(o);
      o.kind = CellKind::transistor;
      for (const double ohm : {10.0, 5e3, 1e7})
        for (const double overdrive : {0.0, 0.03, 1.0}) {
          o.transistor_ohm = ohm;
          o.overdrive_volt = overdrive;
          out.push_back(o);
        }
      o.kind = CellKind::selector;
      for (const double ampere : {1e-14, 1e-9, 1e-3})
        for (const double volt : {0.005, 0.05}) {
          o.selector_ampere = ampere;
          o.selector_volt = volt;
          out.push_back(o);
        }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("cells: current and slope are those of the parts in series", "[cells]") {
  for (const CellOptions& o : laws()) {
    const CellLaw law(o);
    for (const double g : {1e-9, 5e-6, 1e-4, 1e-2})
      for (const double v : {1e-6, 1e-3, 0.02, 0.1, 0.2, 0.5, 1.2}) {
        const CellPoint got = law.at(g, v);
        CAPTURE(int(o.kind), o.sinh_volt, o.read_volt, o.transistor_ohm, o.overdrive_volt, o.selector_ampere, o.selector_volt, g, v);
        CHECK(got.ampere == Approx(cell(o, g, v)).epsilon(1e-10));
        if (got.siemens > 0) CHECK(law.volt_at(g, got.ampere) == Approx(v).epsilon(1e-10));
        const double step = 1e-4 * v;
        const double low = law.at(g, v - step).ampere, high = law.at(g, v + step).ampere;
        // within the least and the largest slope about the point: some have a kink where the transistor saturates
        const double least = std::min(law.at(g, v - step).siemens, law.at(g, v + step).siemens);
        const double most = std::max(law.at(g, v - step).siemens, law.at(g, v + step).siemens);
        const double slope = (high - low) / (2 * step), slack = 1e-9 * got.ampere / v + 1e-7 * most;
        CHECK(slope >= least - slack);
        CHECK(slope <= most + slack);
        CHECK((got.siemens >= least - slack && got.siemens <= most + slack));
        CHECK(high >= low);
        CHECK(law.at(g, -v).ampere == -got.ampere);
        CHECK(law.at(g, -v).siemens == got.siemens);
      }
    CHECK(law.at(1e-4, 0).ampere == 0);
    CHECK((law.at(0, 0.2).ampere == 0 && law.at(0, 0.2).siemens == 0));
  }
}

TEST_CASE("cells: many at once are the cells one by one, on every instruction set", "[cells]") {
  const std::int64_t all = wire_lanes::targets();
  for (std::int64_t left = all; left != 0; left &= left - 1) {
    wire_lanes::restrict_targets(left & -left);
    for (const CellOptions& o : laws()) {
      const CellLaw law(o);
      std::vector<double> g, v;
      for (const double siemens : {0.0, 1e-9, 5e-6, 1e-4, 1e-2})
        for (const double volt : {-0.7, -0.2, -1e-4, 0.0, 1e-6, 1e-3, 0.02, 0.1, 0.2, 0.5, 1.2}) {
          g.push_back(siemens);
          v.push_back(volt);
        }
      std::vector<double> ampere(g.size()), slope(g.size());
      law.at(g, v, ampere, slope);
      for (std::size_t k = 0; k < g.size(); ++k) {
        const CellPoint want = law.at(g[k], v[k]);
        CAPTURE(int(o.kind), o.sinh_volt, o.read_volt, o.transistor_ohm, o.overdrive_volt, o.selector_ampere, o.selector_volt, g[k], v[k]);
        CHECK(std::abs(ampere[k] - want.ampere) <= 1e-12 * std::abs(want.ampere));
        // a slope that is nearly nothing is a difference of numbers that are not
        CHECK(std::abs(slope[k] - want.siemens) <= 1e-11 * want.siemens + 1e-10 * std::abs(want.ampere));
      }
    }
  }
  wire_lanes::restrict_targets(0);
}

TEST_CASE("cells: the conductance is the slope at 0 V or the chord at the read voltage", "[cells]") {
  CellOptions o;
  o.sinh_volt = 0.05;
  CHECK(CellLaw(o).at(3e-5, 0).siemens == Approx(3e-5));
  CHECK(CellLaw(o).at(3e-5, 0.2).ampere == Approx(3e-5 * 0.05 * std::sinh(4.0)));
  o.read_volt = 0.2;
  CHECK(CellLaw(o).at(3e-5, 0.2).ampere == Approx(3e-5 * 0.2));
  CHECK(CellLaw(o).at(3e-5, 0).siemens < 1e-5);
}

TEST_CASE("cells: limits that are known", "[cells]") {
  CellOptions o;
  o.kind = CellKind::transistor;
  o.transistor_ohm = 5e3;
  CHECK(CellLaw(o).at(1e-4, 0.2).ampere == Approx(0.2 / (1e4 + 5e3)));
  o.overdrive_volt = 0.02;
  CHECK(CellLaw(o).at(1e-4, 5).ampere == Approx(0.02 / (2 * 5e3)));
  CHECK(CellLaw(o).at(1e-4, 5).siemens == 0);
  CHECK(std::isinf(CellLaw(o).volt_at(1e-4, 1e-5)));
  // a gate that is off: no cell, or a leak in series
  CHECK(CellLaw(o).at(1e-4, 0.2, false).ampere == 0);
  o.off_siemens = 1e-8;
  CHECK(CellLaw(o).at(1e-4, -0.2, false).ampere == Approx(-0.2 / (1e4 + 1e8)));
  o.kind = CellKind::selector;
  o.selector_ampere = 1e-12;
  o.selector_volt = 0.01;
  // below threshold the selector has all the voltage, above its drop hardly grows
  CHECK(CellLaw(o).at(1e-4, 0.05).ampere == Approx(1e-12 * std::sinh(5.0)).epsilon(1e-3));
  CHECK(CellLaw(o).at(1e-4, 2).siemens == Approx(1e-4).epsilon(0.01));
}

TEST_CASE("cells: what is no law is refused", "[cells]") {
  const auto refused = [](auto field, double value) {
    CellOptions o;
    o.*field = value;
    CHECK_THROWS_AS(CellLaw(o), InputError);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto field : {&CellOptions::sinh_volt, &CellOptions::read_volt, &CellOptions::transistor_ohm, &CellOptions::overdrive_volt,
                           &CellOptions::off_siemens, &CellOptions::selector_ampere, &CellOptions::selector_volt}) {
    refused(field, -1);
    refused(field, nan);
  }
  for (const auto field : {&CellOptions::transistor_ohm, &CellOptions::selector_ampere, &CellOptions::selector_volt}) refused(field, 0);
  CellOptions o;
  o.sinh_volt = 1e-4;
  o.read_volt = 0.2;
  CHECK_THROWS_WITH(CellLaw(o), Catch::Matchers::Contains("700 times"));
}
