// The exact wires against ngspice, a circuit simulator of other people, and the netlist it is given.
#include "crossbar/wires/spice.h"

#include <cstdio>

#include "base/check.h"
#include "crossbar/wires/reference.h"
#include "tests/catch.h"
#include "tests/crossbar/ngspice.h"
#include "tests/crossbar/wire_problem.h"

using namespace eqprop;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using wire_problem::uniform;

namespace {

// largest deviation of any output from ngspice, over the largest output of its vector: of the solver, and of the factorisation
struct Deviation {
  double solver = 0;
  double reference = 0;
};

Deviation deviation(const MatrixXd& g, const WireOptions& options, Direction direction, const MatrixXd& v) {
  const Index sensed = direction == Direction::forward ? g.cols() : g.rows();
  const MatrixXd spice = parse_spice_currents(ngspice(spice_netlist(g, options, direction, v, "test")), direction, sensed, v.cols());
  MatrixXd solved(sensed, v.cols());
  for (const WireReport& report : Wires(g, options).solve(direction, v, solved, {1e-12, 2000}, 1)) CHECK(report.converged);
  Deviation out;
  for (Index k = 0; k < v.cols(); ++k) {
    const double largest = spice.col(k).cwiseAbs().maxCoeff();
    const VectorXd factored = solve_reference(g, options, direction, v.col(k)).ampere;
    out.solver = std::max(out.solver, (solved.col(k) - spice.col(k)).cwiseAbs().maxCoeff() / largest);
    out.reference = std::max(out.reference, (factored - spice.col(k)).cwiseAbs().maxCoeff() / largest);
  }
  return out;
}

}  // namespace

TEST_CASE("spice: a netlist of one cell is source, end, cell, end, ground", "[spice]") {
  const std::string text =
      spice_netlist(MatrixXd::Constant(1, 1, 1e-4), {3, 50, 20, true}, Direction::forward, VectorXd::Constant(1, 0.25), "one\ncell");
  CHECK(text.starts_with("* one cell\n"));
  for (const char* line : {"\nvword1 s1 0 dc 0.25\n", "\nrword1_0 s1 w1_1 53\n", "\nrword1_1 w1_1 s1 53\n", "\nrbit1_1 b1_1 t1 23\n",
                           "\nvbit1 t1 0 dc 0\n", "\nrcell1_1 w1_1 b1_1 10000\n", "\nprint i(vbit1)\n"}) {
    INFO(text);
    CHECK(text.find(line) != std::string::npos);
  }
  // an absent cell is no element, and the other direction drives the other end
  const std::string other =
      spice_netlist(Eigen::RowVector2d(0, 1e-4), {1, 0, 0, false}, Direction::backward, Eigen::Vector2d(0.1, 0.2), "two");
  CHECK(other.find("rcell1_1 ") == std::string::npos);
  CHECK(other.find("\nvbit2 t2 0 dc 0.2\n") != std::string::npos);
  CHECK(other.find("\nvword1 s1 0 dc 0\n") != std::string::npos);
  CHECK(other.find("\nprint i(vword1)\n") != std::string::npos);
}

TEST_CASE("spice: printed currents are read in order, and what is missing is said", "[spice]") {
  const std::string printed = "op\ni(vbit1) = 1.5e-04\ni(vbit2) = -2e-05\nop\ni(vbit1) = 3e-06\ni(vbit2) = 0.0\n";
  const MatrixXd got = parse_spice_currents(printed, Direction::forward, 2, 2);
  CHECK((got(0, 0) == 1.5e-4 && got(1, 0) == -2e-5 && got(0, 1) == 3e-6 && got(1, 1) == 0));
  const auto fails = [](const std::string& text, Index lines, Index vectors, const std::string& words) {
    CHECK_THROWS_WITH(parse_spice_currents(text, Direction::forward, lines, vectors), Catch::Matchers::Contains(words));
  };
  fails(printed, 3, 1, "line 3 of input vector 1");
  fails(printed, 2, 3, "line 1 of input vector 3");
  fails("i(vbit1) = nan\n", 1, 1, "line 1");
  fails("i(vbit1) = ", 1, 1, "line 1");
  fails("Note: x\nError: singular matrix\nmore\n", 1, 1, ": Error: singular matrix (");
  CHECK_THROWS_AS(parse_spice_currents(printed, Direction::backward, 1, 1), InputError);
}

TEST_CASE("spice: a wrong circuit is seen", "[spice]") {
  if (!ngspice_is_here()) return;
  MatrixXd g = uniform(8, 6, 5e-6, 100e-6, 1);
  const VectorXd v = uniform(8, 1, 0, 0.2, 2);
  const MatrixXd spice =
      parse_spice_currents(ngspice(spice_netlist(g, {2, 0, 0, false}, Direction::forward, v, "test")), Direction::forward, 6, 1);
  g(3, 3) *= 1 + 1e-7;
  const VectorXd other = solve_reference(g, {2, 0, 0, false}, Direction::forward, v).ampere;
  CHECK((other - spice).cwiseAbs().maxCoeff() > 1e-9 * spice.maxCoeff());
}

TEST_CASE("spice: outputs agree with ngspice to 1e-11 of the largest", "[spice]") {
  if (!ngspice_is_here()) return;
  const auto agrees = [](const char* what, const Deviation& got) {
    std::printf("ngspice, %s: solver %.2g, factorisation %.2g of the largest output\n", what, got.solver, got.reference);
    CAPTURE(what, got.solver, got.reference);
    CHECK(got.solver <= 1e-11);
    CHECK(got.reference <= 1e-11);
  };
  agrees("32 x 32, 1 ohm, two vectors",
         deviation(uniform(32, 32, 5e-6, 100e-6, 1), {1, 0, 0, false}, Direction::forward, uniform(32, 2, 0, 0.2, 2)));
  agrees("64 x 64, 1 ohm", deviation(uniform(64, 64, 5e-6, 100e-6, 1), {1, 0, 0, false}, Direction::forward, uniform(64, 1, 0, 0.2, 2)));
  MatrixXd holes = uniform(24, 17, 5e-6, 100e-6, 3);
  holes(2, 0) = holes(9, 16) = holes(23, 4) = 0;
  for (const bool both : {false, true}) {
    agrees("24 x 17 with absent cells, 20 ohm, ends, forward",
           deviation(holes, {20, 150, 70, both}, Direction::forward, uniform(24, 2, -0.2, 0.2, 4)));
    agrees("24 x 17 with absent cells, 20 ohm, ends, backward",
           deviation(holes, {20, 150, 70, both}, Direction::backward, uniform(17, 2, -0.2, 0.2, 5)));
  }
}
