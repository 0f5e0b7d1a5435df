// Cells of every law behind wires: against Newton's method on the whole nodal matrix, against the linear wires, and against themselves.
#include "crossbar/wires/nonlinear.h"

#include <cmath>

#include "base/check.h"
#include "crossbar/wires/reference.h"
#include "tests/catch.h"
#include "tests/crossbar/cell_laws.h"
#include "tests/crossbar/wire_problem.h"

using namespace eqprop;
using namespace eqprop::wire_problem;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

struct Found {
  VectorXd ampere;
  NewtonReport report;
  NewtonState state;
};

Found find(const NonlinearWires& wires, Direction direction, const VectorXd& volt, const NewtonTolerance& tolerance = {1e-12, 100, 5000}) {
  Found out{VectorXd::Zero(direction == Direction::forward ? wires.bit_lines() : wires.word_lines()), {}, {}};
  out.report = wires.solve(direction, {volt.data(), std::size_t(volt.size())}, {out.ampere.data(), std::size_t(out.ampere.size())},
                           tolerance, out.state);
  return out;
}

CellOptions sinh_cells(double volt) {
  CellOptions out;
  out.sinh_volt = volt;
  return out;
}

}  // namespace

TEST_CASE("nonlinear wires: currents and voltages are those of Newton's method on all nodes", "[nonlinear]") {
  for (const CellOptions& cells : cell_laws())
    for (const auto& [rows, columns] : {std::pair<Index, Index>{1, 1}, {1, 5}, {6, 1}, {9, 14}})
      for (const bool both : {false, true})
        for (const Direction direction : {Direction::forward, Direction::backward}) {
          MatrixXd g = uniform(rows, columns, kLow, kHigh, 3);
          if (rows > 6) g(2, 0) = g(4, columns - 1) = 0;  // absent cells
          const WireOptions options{20, 150, 70, both};
          const VectorXd v = uniform(direction == Direction::forward ? rows : columns, 1, -0.2, 0.2, 4);
          const NonlinearWires wires(g, options, cells);
          const auto law = [&](Index i, Index j, double volt) { return wires.law().at(g(i, j), volt); };
          const WireReference want = solve_reference(rows, columns, law, options, direction, v);
          const Found got = find(wires, direction, v);
          CAPTURE(int(cells.kind), cells.sinh_volt, cells.overdrive_volt, rows, columns, both, direction == Direction::forward,
                  got.report.steps, got.report.kcl_residual);
          CHECK(got.report.converged);
          CHECK(relative(got.ampere, want.ampere) < 1e-10);
          CHECK(got.report.charge_balance_error < 1e-10);
          CHECK(got.report.power_balance_error < 1e-10);
          for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < columns; ++j) {
              REQUIRE(std::abs(got.state.word_volt(i, j) - want.word(i, j)) < 1e-11);
              REQUIRE(std::abs(got.state.bit_volt(i, j) - want.bit(i, j)) < 1e-11);
            }
        }
}

TEST_CASE("nonlinear wires: cells of Ohm's law, or nearly, give the linear solver's currents", "[nonlinear]") {
  const MatrixXd g = uniform(40, 33, kLow, kHigh, 1);
  const VectorXd v = volts(40, 2);
  const WireOptions options{5, 10, 20, false};
  const VectorXd want = solve(Wires(g, options), Direction::forward, v).ampere;
  CHECK(relative(find(NonlinearWires(g, options, {}), Direction::forward, v).ampere, want) < 1e-11);
  // the deviation of sinh falls with the square of 1 / v_0
  const double near = relative(find(NonlinearWires(g, options, sinh_cells(10)), Direction::forward, v).ampere, want);
  const double nearer = relative(find(NonlinearWires(g, options, sinh_cells(100)), Direction::forward, v).ampere, want);
  CHECK(near > 1e-6);
  CHECK(near < 1e-4);
  CHECK(nearer == Approx(near / 100).epsilon(0.01));
}

TEST_CASE("nonlinear wires: a transistor of no resistance is none", "[nonlinear]") {
  const MatrixXd g = uniform(16, 24, kLow, kHigh, 5);
  const VectorXd v = uniform(16, 1, -0.2, 0.2, 6);
  CellOptions cells = sinh_cells(0.05);
  const VectorXd want = find(NonlinearWires(g, {10, 0, 0, false}, cells), Direction::forward, v).ampere;
  cells.kind = CellKind::transistor;
  cells.transistor_ohm = 1e-6;
  CHECK(relative(find(NonlinearWires(g, {10, 0, 0, false}, cells), Direction::forward, v).ampere, want) < 1e-8);
  cells.transistor_ohm = 1e4;
  CHECK(relative(find(NonlinearWires(g, {10, 0, 0, false}, cells), Direction::forward, v).ampere, want) > 0.1);
}

TEST_CASE("nonlinear wires: word lines whose gates are off are not there", "[nonlinear]") {
  MatrixXd g = uniform(12, 10, kLow, kHigh, 7);
  const VectorXd v = volts(12, 8);
  CellOptions cells;
  cells.kind = CellKind::transistor;
  NonlinearWires wires(g, {10, 0, 0, false}, cells);
  std::vector<std::uint8_t> on(12, 1);
  on[3] = on[11] = 0;
  const VectorXd all = find(wires, Direction::forward, v).ampere;
  wires.set_gates(on);
  const VectorXd some = find(wires, Direction::forward, v).ampere;
  CHECK(relative(some, all) > 0.01);
  g.row(3).setZero();
  g.row(11).setZero();
  CHECK(relative(some, find(NonlinearWires(g, {10, 0, 0, false}, cells), Direction::forward, v).ampere) < 1e-11);
  wires.set_gates({});
  CHECK(find(wires, Direction::forward, v).ampere == all);
  // a leak lies between
  cells.off_siemens = 1e-5;
  NonlinearWires leaky(uniform(12, 10, kLow, kHigh, 7), {10, 0, 0, false}, cells);
  leaky.set_gates(on);
  const VectorXd leaked = find(leaky, Direction::forward, v).ampere;
  CHECK((leaked.array() > some.array()).all());
  CHECK((leaked.array() < all.array()).all());
  CHECK_THROWS_AS(NonlinearWires(g, {}, {}).set_gates(on), InputError);
}

TEST_CASE("nonlinear wires: more voltage never brings less current, and turned voltages turn the currents", "[nonlinear]") {
  const MatrixXd g = uniform(20, 16, kLow, kHigh, 9);
  for (const CellOptions& cells : cell_laws()) {
    const NonlinearWires wires(g, {15, 30, 10, false}, cells);
    VectorXd v = volts(20, 10);
    const Found before = find(wires, Direction::forward, v), turned = find(wires, Direction::forward, -v);
    CAPTURE(int(cells.kind), cells.sinh_volt, cells.overdrive_volt);
    CHECK(relative(-turned.ampere, before.ampere) < 1e-11);
    for (const Index raised : {0, 7, 19}) {
      VectorXd more = v;
      more[raised] += 0.05;
      const Found after = find(wires, Direction::forward, more);
      CHECK(after.report.converged);
      CHECK((after.ampere.array() >= before.ampere.array() - 1e-10 * before.ampere.maxCoeff()).all());
      CHECK(after.ampere.sum() > before.ampere.sum() * (1 + 1e-6));
    }
  }
}

TEST_CASE("nonlinear wires: volts and ohms in other units", "[nonlinear]") {
  // currents times a, conductances times b: voltages and those of the laws by a / b, resistances by 1 / b
  const double a = 37, b = 0.02;
  const MatrixXd g = uniform(11, 13, kLow, kHigh, 11);
  const VectorXd v = volts(11, 12);
  for (CellOptions cells : cell_laws()) {
    const VectorXd plain = find(NonlinearWires(g, {8, 20, 5, true}, cells), Direction::forward, v).ampere;
    cells.sinh_volt *= a / b;
    cells.read_volt *= a / b;
    cells.overdrive_volt *= a / b;
    cells.selector_volt *= a / b;
    cells.transistor_ohm /= b;
    cells.selector_ampere *= a;
    const VectorXd scaled = find(NonlinearWires(b * g, {8 / b, 20 / b, 5 / b, true}, cells), Direction::forward, a / b * v).ampere;
    CHECK(relative(scaled, a * plain) < 1e-10);
  }
}

TEST_CASE("nonlinear wires: steps or iterations cut short are reported", "[nonlinear]") {
  const MatrixXd g = uniform(32, 32, kLow, kHigh, 13);
  const VectorXd v = volts(32, 14);
  const NonlinearWires wires(g, {10, 0, 0, false}, sinh_cells(0.02));
  const Found few = find(wires, Direction::forward, v, {1e-9, 2, 1000});
  CHECK_FALSE(few.report.converged);
  CHECK(few.report.steps == 2);
  CHECK(few.report.kcl_residual > 1e-9);
  CHECK(few.report.charge_balance_error > 1e-9);
  const Found none = find(wires, Direction::forward, v, {1e-9, 0, 1000});
  CHECK_FALSE(none.report.converged);
  const Found blunt = find(wires, Direction::forward, v, {1e-9, 100, 0});
  CHECK_FALSE(blunt.report.converged);
  CHECK(blunt.report.iterations == 0);
  // a tolerance that rounding does not allow: what it leaves is enough
  const Found strict = find(wires, Direction::forward, v, {1e-25, 100, 1000});
  CHECK(strict.report.converged);
  CHECK(strict.report.kcl_residual > 1e-25);
  CHECK(strict.report.kcl_residual <= strict.report.rounding_floor);
  CHECK(strict.report.rounding_floor < 1e-12);
  CHECK(find(wires, Direction::forward, v, {1e-9, 100, 1000}).report.converged);
}

TEST_CASE("nonlinear wires: cells whose currents at full voltage no number holds", "[nonlinear]") {
  const MatrixXd g = uniform(6, 6, kLow, kHigh, 15);
  for (const double volt : {0.5, 5.0, 1000.0}) {
    const Found got =
        find(NonlinearWires(g, {10, 0, 0, false}, sinh_cells(0.005)), Direction::forward, VectorXd::Constant(6, volt), {1e-8});
    CAPTURE(volt, got.report.steps, got.report.halvings, got.report.kcl_residual);
    CHECK(got.ampere.allFinite());
    CHECK(std::isfinite(got.report.kcl_residual));
    CHECK(got.report.kcl_residual <= 1e-8);
    CHECK(got.report.converged);
  }
}

TEST_CASE("nonlinear wires: steep cells at high voltages, of both signs, behind wires that matter", "[nonlinear]") {
  const RandomKey key(31, Purpose::test);
  std::uint32_t index = 0;
  // between two numbers, evenly in the logarithm
  const auto draw = [&](double low, double high) { return low * std::pow(high / low, static_cast<double>(key.uniform({}, index++))); };
  const auto toss = [&] { return draw(1, 4) < 2; };
  int hard = 0;
  for (std::uint32_t trial = 0; trial < 150; ++trial) {
    const auto rows = static_cast<Index>(draw(1, 25)), columns = static_cast<Index>(draw(1, 25));
    CellOptions cells = sinh_cells(draw(0.005, 0.1));
    cells.kind = CellKind(trial % 3);
    cells.transistor_ohm = draw(10, 1e4);
    if (toss()) cells.overdrive_volt = draw(0.02, 1);
    cells.selector_ampere = draw(1e-9, 1e-6);
    cells.selector_volt = draw(0.003, 0.05);
    const WireOptions options{draw(1, 100), toss() ? 0 : draw(1, 3000), toss() ? 0 : draw(1, 3000), toss()};
    const Direction direction = toss() ? Direction::forward : Direction::backward;
    const MatrixXd g = uniform(rows, columns, 1e-6, 1e-4, trial);
    const double most = draw(0.3, 3);
    VectorXd v = uniform(direction == Direction::forward ? rows : columns, 1, toss() ? 0 : -most, most, trial);
    if (toss()) v = v.unaryExpr([&](double x) { return x < 0.4 * most ? 0 : most; });
    const NonlinearWires wires(g, options, cells);
    const Found got = find(wires, direction, v, {1e-8, 200, 5000});
    CAPTURE(trial, rows, columns, int(cells.kind), cells.sinh_volt, cells.overdrive_volt, most, got.report.steps, got.report.kcl_residual);
    CHECK(got.report.converged);
    CHECK(got.report.charge_balance_error < 1e-6);
    CHECK(got.report.power_balance_error < 1e-6);
    hard += got.report.steps > 6 ? 1 : 0;
  }
  CHECK(hard > 20);
}

TEST_CASE("nonlinear wires: saturated transistors that carry more than the lines bring", "[nonlinear]") {
  // tangents held at less voltage take turns here: solved by the plain steps from 0 V
  CellOptions cells = sinh_cells(0.02);
  cells.kind = CellKind::transistor;
  cells.transistor_ohm = 28;
  cells.overdrive_volt = 0.166;
  const MatrixXd g = uniform(24, 24, 5e-6, 1e-3, 0);
  const VectorXd v = uniform(24, 1, -0.8, 0.8, 1);
  const WireOptions options{58, 0, 0, true};
  const NonlinearWires wires(g, options, cells);
  const Found got = find(wires, Direction::forward, v);
  CHECK(got.report.converged);
  CHECK(got.report.steps > 15);
  const auto law = [&](Index i, Index j, double volt) { return wires.law().at(g(i, j), volt); };
  CHECK(relative(got.ampere, solve_reference(24, 24, law, options, Direction::forward, v).ampere) < 1e-10);
}

TEST_CASE("nonlinear wires: no voltage, no current, no steps", "[nonlinear]") {
  const Found got = find(NonlinearWires(uniform(4, 4, kLow, kHigh, 1), {}, sinh_cells(0.05)), Direction::forward, VectorXd::Zero(4));
  CHECK(got.report.converged);
  CHECK(got.report.steps == 0);
  CHECK(got.ampere == VectorXd::Zero(4));
}

TEST_CASE("nonlinear wires: a warm start near the solution needs fewer steps and finds the same currents", "[nonlinear]") {
  const MatrixXd g = uniform(48, 40, kLow, kHigh, 16);
  const VectorXd v = volts(48, 17), near = v + 1e-3 * volts(48, 18);
  const NonlinearWires wires(g, {5, 0, 0, false}, sinh_cells(0.03));
  Found warm = find(wires, Direction::forward, v, {1e-8});
  const Found cold = find(wires, Direction::forward, near, {1e-8});
  const NewtonReport report = wires.solve(Direction::forward, {near.data(), 48}, {warm.ampere.data(), 40}, {1e-8}, warm.state, true);
  CHECK(report.converged);
  CHECK(report.steps < cold.report.steps);
  CHECK(relative(warm.ampere, cold.ampere) < 1e-6);
}

TEST_CASE("nonlinear wires: a state serves any array, whatever it held", "[nonlinear]") {
  Found used = find(NonlinearWires(uniform(9, 7, kLow, kHigh, 1), {3, 0, 0, true}, sinh_cells(0.05)), Direction::forward, volts(9, 1));
  const MatrixXd g = uniform(5, 6, kLow, kHigh, 2);
  const VectorXd v = volts(6, 3);
  const NonlinearWires wires(g, {4, 1, 2, false}, sinh_cells(0.05));
  for (const bool warm : {true, false}) {
    VectorXd out(5);
    CHECK(wires.solve(Direction::backward, {v.data(), 6}, {out.data(), 5}, {1e-12}, used.state, warm).converged);
    CHECK(relative(out, find(wires, Direction::backward, v).ampere) < 1e-10);
  }
}

TEST_CASE("nonlinear wires: a batch is its columns, with the same bits on any number of threads", "[nonlinear][threads]") {
  const MatrixXd v = uniform(24, 11, 0, 0.2, 18);
  const NonlinearWires wires(uniform(24, 40, kLow, kHigh, 17), {5, 0, 0, false}, sinh_cells(0.05));
  MatrixXd one(40, 11), seven(40, 11);
  const auto reports = wires.solve(Direction::forward, v, one, {1e-8}, 1);
  wires.solve(Direction::forward, v, seven, {1e-8}, 7);
  CHECK(one == seven);
  REQUIRE(reports.size() == 11);
  for (Index k = 0; k < 11; ++k) {
    CHECK(reports[std::size_t(k)].converged);
    CHECK(one.col(k) == find(wires, Direction::forward, v.col(k), {1e-8}).ampere);
  }
}

TEST_CASE("nonlinear wires: what is no circuit is refused", "[nonlinear]") {
  MatrixXd g = uniform(4, 4, kLow, kHigh, 1);
  CHECK_THROWS_AS(NonlinearWires(g, {0, 0, 0, false}, {}), InputError);
  CHECK_THROWS_AS(NonlinearWires(g, {}, sinh_cells(-1)), InputError);
  NonlinearWires wires(g, {}, {});
  g(1, 2) = -1e-6;
  CHECK_THROWS_WITH(wires.set(g), Catch::Matchers::Contains("word line 2 and bit line 3"));
  CHECK_THROWS_AS(NonlinearWires(g, {}, {}), InputError);
}

TEST_CASE("wires: a current source beside every cell", "[wires]") {
  // against the reference, to which such a cell is a law like any other
  const MatrixXd g = uniform(13, 10, kLow, kHigh, 20), offset = uniform(13, 10, -1e-5, 1e-5, 21);
  const WireOptions options{12, 40, 90, true};
  const auto cell = [&](Index i, Index j, double volt) { return CellPoint{g(i, j) * volt + offset(i, j), g(i, j)}; };
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    const bool forward = direction == Direction::forward;
    const VectorXd v = volts(forward ? 13 : 10, 22);
    VectorXd out(forward ? 10 : 13);
    WireState state;
    const WireReport report = Wires(g, options)
                                  .solve(direction, {v.data(), std::size_t(v.size())}, {out.data(), std::size_t(out.size())}, {1e-12, 1000},
                                         state, false, offset);
    CHECK(report.converged);
    CHECK(report.charge_balance_error < 1e-11);
    CHECK(report.power_balance_error < 1e-11);
    CHECK(relative(out, solve_reference(13, 10, cell, options, direction, v).ampere) < 1e-11);
  }
}
