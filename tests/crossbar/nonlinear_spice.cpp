// Nonlinear cells against ngspice, to which every part of a cell is an element of its own: the node between device and partner is there.
#include <array>
#include <cstdio>
#include <string>

#include "crossbar/wires/nonlinear.h"
#include "crossbar/wires/spice.h"
#include "tests/catch.h"
#include "tests/crossbar/cell_laws.h"
#include "tests/crossbar/ngspice.h"
#include "tests/crossbar/wire_problem.h"

using namespace eqprop;
using namespace eqprop::wire_problem;
using Eigen::Index;
using Eigen::MatrixXd;

namespace {

std::string number(double value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.17g", value);
  return text.data();
}

// a current source that depends on the voltage over itself, u
std::string element(const std::string& name, const std::string& from, const std::string& to, std::string law) {
  for (std::size_t at = law.find('u'); at != std::string::npos; at = law.find('u', at + 1))
    if (law.substr(at, 2) == "u ") law.replace(at, 1, "v(" + from + "," + to + ")");
  return "b" + name + " " + from + " " + to + " i = " + law + "\n";
}

std::string cell(const CellOptions& o, const std::string& place, double siemens) {
  const std::string above = "w" + place, below = "b" + place, middle = o.kind == CellKind::resistor ? above : "m" + place;
  std::string out;
  if (o.sinh_volt == 0) {
    out = "rdevice" + place + " " + middle + " " + below + " " + number(1 / siemens) + "\n";
  } else {
    const double scale = o.read_volt > 0 ? o.read_volt / std::sinh(o.read_volt / o.sinh_volt) : o.sinh_volt;
    out = element("device" + place, middle, below, number(siemens * scale) + " * sinh( u / " + number(o.sinh_volt) + ")");
  }
  if (o.kind == CellKind::selector)
    out += element("selector" + place, above, middle, number(o.selector_ampere) + " * sinh( u / " + number(o.selector_volt) + ")");
  if (o.kind == CellKind::transistor && o.overdrive_volt == 0)
    out += "rchannel" + place + " " + above + " " + middle + " " + number(o.transistor_ohm) + "\n";
  if (o.kind == CellKind::transistor && o.overdrive_volt > 0) {
    const std::string ov = number(o.overdrive_volt), inside = "min(abs( u ), " + ov + ")";
    out += element("channel" + place, above, middle,
                   "sgn( u ) * (" + inside + " - " + inside + " * " + inside + " / 2 / " + ov + ") / " + number(o.transistor_ohm));
  }
  return out;
}

std::string netlist(const MatrixXd& g, const WireOptions& wires, Direction direction, const MatrixXd& v, const CellOptions& o) {
  std::string text = spice_netlist(MatrixXd::Zero(g.rows(), g.cols()), wires, direction, v, "nonlinear cells"), cells;
  for (Index i = 0; i < g.rows(); ++i)
    for (Index j = 0; j < g.cols(); ++j)
      if (g(i, j) > 0) cells += cell(o, std::to_string(i + 1) + "_" + std::to_string(j + 1), g(i, j));
  text.insert(text.find(".control"), cells);
  return text;
}

}  // namespace

TEST_CASE("nonlinear wires: outputs agree with ngspice", "[spice]") {
  if (!ngspice_is_here()) return;
  MatrixXd g = uniform(8, 8, kLow, kHigh, 1);
  g(2, 3) = 0;
  const WireOptions options{10, 100, 50, false};
  for (const CellOptions& o : cell_laws())
    for (const Direction direction : {Direction::forward, Direction::backward}) {
      const MatrixXd v = uniform(8, 2, -0.2, 0.2, 2);
      const MatrixXd spice = parse_spice_currents(ngspice(netlist(g, options, direction, v, o)), direction, 8, 2);
      MatrixXd got(8, 2);
      for (const NewtonReport& report : NonlinearWires(g, options, o).solve(direction, v, got, {1e-12}, 1)) CHECK(report.converged);
      std::printf("ngspice, cells of kind %d, v_0 %g V, overdrive %g V, %s: %.2g of the largest output\n", int(o.kind), o.sinh_volt,
                  o.overdrive_volt, direction == Direction::forward ? "forward" : "backward", relative(got, spice));
      CAPTURE(int(o.kind), o.sinh_volt, o.overdrive_volt);
      CHECK(relative(got, spice) <= 1e-9);
    }
}
