// The exact wires against the plain nodal analysis, against limits that are known, and against themselves.
#include "crossbar/wires/wires.h"

#include "base/check.h"
#include "crossbar/kernel/wire_lanes.h"
#include "crossbar/wires/reference.h"
#include "tests/catch.h"
#include "tests/crossbar/wire_problem.h"

using namespace eqprop;
using namespace eqprop::wire_problem;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

const WireOptions kPlain{};

}  // namespace

TEST_CASE("wires: currents and voltages are those of the nodal analysis, on every instruction set", "[wires]") {
  const std::int64_t all = wire_lanes::targets();
  for (std::int64_t left = all; left != 0; left &= left - 1) {
    wire_lanes::restrict_targets(left & -left);
    for (const auto& [rows, columns] : {std::pair<Index, Index>{1, 1}, {1, 9}, {7, 1}, {5, 13}, {16, 16}, {33, 24}})
      for (const bool both : {false, true})
        for (const Direction direction : {Direction::forward, Direction::backward}) {
          MatrixXd g = uniform(rows, columns, kLow, kHigh, 3);
          if (rows > 4) g(2, 0) = g(4, columns - 1) = 0;  // absent cells
          const WireOptions options{20, 150, 70, both};
          const VectorXd v = volts(direction == Direction::forward ? rows : columns, 4);
          const WireReference want = solve_reference(g, options, direction, v);
          const Wires wires(g, options);
          const Solved got = solve(wires, direction, v);
          CAPTURE(rows, columns, both, direction == Direction::forward, got.report.iterations, got.report.kcl_residual);
          CHECK(got.report.converged);
          CHECK(relative(got.ampere, want.ampere) < 1e-11);
          CHECK(got.report.charge_balance_error < 1e-11);
          CHECK(got.report.power_balance_error < 1e-11);
          for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < columns; ++j) {
              REQUIRE(std::abs(got.state.word_volt(i, j) - want.word(i, j)) < 1e-12);
              REQUIRE(std::abs(got.state.bit_volt(i, j) - want.bit(i, j)) < 1e-12);
            }
        }
  }
  wire_lanes::restrict_targets(0);
}

TEST_CASE("wires: at 64 and 128 lines within 1e-11 of the nodal analysis", "[wires]") {
  for (const Index n : {64, 128}) {
    const MatrixXd g = uniform(n, n, kLow, kHigh, 1);
    const VectorXd v = volts(n, 2);
    const Solved got = solve(Wires(g, kPlain), Direction::forward, v);
    CHECK(relative(got.ampere, solve_reference(g, kPlain, Direction::forward, v).ampere) < 1e-11);
  }
}

TEST_CASE("wires: iterations cut short show in the residual and in the balance of charge, hardly in that of power", "[wires]") {
  const MatrixXd g = uniform(64, 64, kLow, kHigh, 1);
  const Solved cut = solve(Wires(g, {5, 0, 0, false}), Direction::forward, volts(64, 2), {1e-8, 1});
  CHECK_FALSE(cut.report.converged);
  CHECK(cut.report.iterations == 1);
  CHECK(cut.report.kcl_residual > 1e-8);
  CHECK(cut.report.charge_balance_error > 1e-8);
  // lines that are eliminated exactly leave the sources' power to balance at every iterate
  CHECK(cut.report.power_balance_error < 1e-3 * cut.report.charge_balance_error);
}

TEST_CASE("wires: the tolerance bounds the residual, and the outputs follow", "[wires]") {
  const MatrixXd g = uniform(96, 80, kLow, 1e-3, 5);  // hard lines, which take more iterations for every digit
  const VectorXd v = volts(96, 6);
  const Wires wires(g, {20, 0, 0, false});
  const VectorXd exact = solve(wires, Direction::forward, v).ampere;
  int before = 0;
  for (const double tolerance : {1e-3, 1e-6, 1e-9, 1e-12}) {
    const Solved got = solve(wires, Direction::forward, v, {tolerance, 1000});
    CHECK(got.report.converged);
    CHECK(got.report.kcl_residual <= tolerance);
    CHECK(relative(got.ampere, exact) < 300 * tolerance);  // a column gathers the residuals of its nodes
    CHECK(got.report.iterations > before);
    before = got.report.iterations;
  }
}

TEST_CASE("wires: without resistance they are Ohm's law", "[wires]") {
  const MatrixXd g = uniform(40, 30, kLow, kHigh, 7);
  const VectorXd v = volts(40, 8), u = volts(30, 9);
  const Wires wires(g, {1e-9, 0, 0, false});
  const Solved there = solve(wires, Direction::forward, v), back = solve(wires, Direction::backward, u);
  CHECK(there.report.converged);
  CHECK(back.report.converged);
  CHECK(relative(there.ampere, g.transpose() * v) < 1e-8);
  CHECK(relative(back.ampere, g * u) < 1e-8);
}

TEST_CASE("wires: forward and transposed weights are equal, whatever the ends", "[wires]") {
  // the same resistors between the same terminals: reciprocity holds for any driver and sense resistance that stays with its line
  const MatrixXd g = uniform(12, 9, kLow, kHigh, 11);
  for (const WireOptions& options : {WireOptions{30, 200, 200, false}, WireOptions{30, 500, 10, true}}) {
    const Wires wires(g, options);
    MatrixXd forward(9, 12), backward(12, 9);
    for (Index i = 0; i < 12; ++i) forward.col(i) = solve(wires, Direction::forward, VectorXd::Unit(12, i)).ampere;
    for (Index j = 0; j < 9; ++j) backward.col(j) = solve(wires, Direction::backward, VectorXd::Unit(9, j)).ampere;
    CHECK((forward - backward.transpose()).norm() < 1e-11 * forward.norm());
  }
}

TEST_CASE("wires: linear in the voltages, more wire less current, and a far cell loses most", "[wires]") {
  const MatrixXd g = MatrixXd::Constant(32, 32, kHigh);
  const Wires wires(g, {1, 0, 0, false});
  const VectorXd a = volts(32, 1), b = volts(32, 2);
  const VectorXd both = solve(wires, Direction::forward, 2 * a - 3 * b).ampere;
  CHECK(relative(2 * solve(wires, Direction::forward, a).ampere - 3 * solve(wires, Direction::forward, b).ampere, both) < 1e-11);
  const VectorXd ones = VectorXd::Ones(32);
  double before = 1;
  for (const double ohm : {0.1, 1.0, 10.0}) {
    const VectorXd current = solve(Wires(g, {ohm, 0, 0, false}), Direction::forward, ones).ampere / (32 * kHigh);
    CHECK(current.maxCoeff() < before);
    CHECK(current[31] < current[0]);
    before = current.minCoeff();
  }
}

TEST_CASE("wires: lines that change places change nothing where wires do not matter, and a lone line is a ladder", "[wires]") {
  // one cell: source, driver, segment, cell, segment, sense, all in series
  const Wires one(MatrixXd::Constant(1, 1, 1e-4), {3, 50, 20, false});
  CHECK(solve(one, Direction::forward, VectorXd::Constant(1, 0.2)).ampere[0] == Approx(0.2 / (3 + 50 + 1e4 + 3 + 20)).epsilon(1e-13));
  const MatrixXd g = uniform(20, 20, kLow, kHigh, 12);
  const VectorXd v = volts(20, 13);
  const Wires plain(g, {1e-9, 0, 0, false}), turned(g.colwise().reverse(), {1e-9, 0, 0, false});
  CHECK(relative(solve(turned, Direction::forward, v.reverse()).ampere, solve(plain, Direction::forward, v).ampere) < 1e-8);
}

TEST_CASE("wires: hard wires and nearly open lines converge, as the nodal analysis says", "[wires]") {
  const MatrixXd g = uniform(48, 40, kLow, 1e-3, 19);
  const VectorXd v = volts(48, 20);
  for (const WireOptions& options : {WireOptions{100, 0, 0, false}, WireOptions{3000, 10, 10, true}, WireOptions{1, 1e6, 1e6, false}}) {
    const Solved got = solve(Wires(g, options), Direction::forward, v);
    const WireReference want = solve_reference(g, options, Direction::forward, v);
    CAPTURE(options.segment_ohm, got.report.iterations, got.report.kcl_residual);
    CHECK(relative(got.ampere, want.ampere) < 1e-10);
    for (Index i = 0; i < 48; ++i) REQUIRE(std::abs(got.state.bit_volt(i, 39) - want.bit(i, 39)) < 1e-11);
  }
}

TEST_CASE("wires: no more is asked for than voltages have digits, and that is reported", "[wires]") {
  const MatrixXd g = uniform(40, 56, kLow, kHigh, 21);
  const VectorXd v = volts(40, 22);
  const Solved got = solve(Wires(g, kPlain), Direction::forward, v, {1e-18, 1000});
  CHECK(got.report.converged);
  CHECK(got.report.kcl_residual > 1e-18);
  CHECK(got.report.rounding_floor < 1e-11);
  CHECK(got.report.kcl_residual <= got.report.rounding_floor);
  CHECK(relative(got.ampere, solve_reference(g, kPlain, Direction::forward, v).ampere) < 1e-12);
  // drivers and sense inputs of so many segments that rounding would show in their currents
  const Solved hard = solve(Wires(g, {1e-6, 1e4, 1e4, false}), Direction::forward, v, {1e-12, 1000});
  CHECK(hard.report.rounding_floor == 0);
  CHECK(hard.report.converged == (hard.report.kcl_residual <= 1e-12));
}

TEST_CASE("wires: lines that are nearly ideal, by any cells, are solved to what their voltages hold", "[wires]") {
  for (const double ohm : {1e-3, 1e-6, 1e-9})
    for (const double scale : {1.0, 1e-8}) {  // cells, which cannot move what they are read by
      const MatrixXd g = scale * uniform(24, 20, kLow, kHigh, 25);
      const VectorXd v = volts(24, 26), u = volts(20, 27);
      const Wires wires(g, {ohm, 0, 0, false});
      const Solved there = solve(wires, Direction::forward, v, {1e-8, 1000}), back = solve(wires, Direction::backward, u, {1e-8, 1000});
      CAPTURE(ohm, scale, there.report.kcl_residual, there.report.rounding_floor);
      CHECK(there.report.converged);
      CHECK(back.report.converged);
      CHECK(relative(there.ampere, g.transpose() * v) < std::max(1e-11, 1e2 * ohm));
      CHECK(relative(back.ampere, g * u) < std::max(1e-11, 1e2 * ohm));
    }
}

TEST_CASE("wires: a warm start far from the solution, or beside no drive at all, is as good as none", "[wires]") {
  const MatrixXd g = uniform(32, 32, kLow, 1e-3, 28);
  for (const Direction direction : {Direction::forward, Direction::backward})
    for (const double ohm : {1.0, 10.0})
      for (const double size : {0.0, 1e-14, 1e-12, 1e-6, 1e-3, 1.0, 1e6}) {
        const Wires wires(g, {ohm, 0, 0, false});
        Solved kept = solve(wires, direction, volts(32, 29), {1e-8, 1000});
        const VectorXd v = size * uniform(32, 1, -0.2, 0.2, 30);
        const WireReport report = wires.solve(direction, {v.data(), 32}, {kept.ampere.data(), 32}, {1e-8, 1000}, kept.state, true);
        const Solved cold = solve(wires, direction, v, {1e-8, 1000});
        CAPTURE(ohm, size, report.kcl_residual);
        CHECK(report.converged);
        CHECK((kept.ampere - cold.ampere).cwiseAbs().maxCoeff() <= 1e-5 * cold.ampere.cwiseAbs().maxCoeff());
      }
}

TEST_CASE("wires: cells over many decades", "[wires]") {
  const MatrixXd g = uniform(37, 50, -9, -2, 23).unaryExpr([](double e) { return std::pow(10.0, e); });
  const VectorXd v = volts(37, 24);
  for (const double ohm : {1e-3, 1.0, 30.0}) {
    const WireOptions options{ohm, 5, 5, false};
    CHECK(relative(solve(Wires(g, options), Direction::forward, v).ampere, solve_reference(g, options, Direction::forward, v).ampere) <
          1e-10);
  }
}

TEST_CASE("wires: hard wires converge", "[wires][long]") {
  for (const Index n : {128, 512}) {
    const Wires wires(uniform(n, n, 1e-3, 1e-3, 1), {10, 0, 0, false});
    std::vector<VectorXd> drives{VectorXd::Constant(n, 0.2), volts(n, 2), uniform(n, 1, -0.2, 0.2, 3)};
    drives.push_back(VectorXd::LinSpaced(n, 0, 0.2));
    drives.push_back(0.2 * VectorXd::Unit(n, 0));
    for (const VectorXd& v : drives)
      for (const Direction direction : {Direction::forward, Direction::backward}) {
        const Solved got = solve(wires, direction, v, {1e-8, 1000});
        CHECK(got.report.converged);
        CHECK(got.report.iterations <= 70);
      }
  }
}

TEST_CASE("wires: arrays that start from a coarse one find the currents of the reference", "[wires][long]") {
  for (const bool both : {false, true}) {
    const Index rows = both ? 257 : 300, columns = both ? 300 : 261;
    const MatrixXd g = uniform(rows, columns, kLow, 1e-3, 40);
    const WireOptions options{10, 50, 20, both};
    const Wires wires(g, options);
    const VectorXd v = volts(rows, 41), u = volts(columns, 42);
    CHECK(relative(solve(wires, Direction::forward, v).ampere, solve_reference(g, options, Direction::forward, v).ampere) < 1e-10);
    CHECK(relative(solve(wires, Direction::backward, u).ampere, solve_reference(g, options, Direction::backward, u).ampere) < 1e-10);
  }
}

TEST_CASE("wires: a warm start near the solution needs fewer iterations and finds the same currents", "[wires]") {
  const MatrixXd g = uniform(64, 64, kLow, 1e-3, 14);
  const VectorXd v = volts(64, 15), near = v + 1e-3 * volts(64, 16);
  const Wires wires(g, {20, 0, 0, false});
  Solved warm = solve(wires, Direction::forward, v, {1e-8, 1000});
  const int cold = solve(wires, Direction::forward, near, {1e-8, 1000}).report.iterations;
  const WireReport report = wires.solve(Direction::forward, {near.data(), 64}, {warm.ampere.data(), 64}, {1e-8, 1000}, warm.state, true);
  CHECK(report.converged);
  CHECK(report.iterations < cold);
  CHECK(relative(warm.ampere, solve(wires, Direction::forward, near).ampere) < 1e-7);
}

TEST_CASE("wires: a batch is its columns, with the same bits on any number of threads", "[wires][threads]") {
  const MatrixXd g = uniform(24, 40, kLow, kHigh, 17);
  const MatrixXd v = uniform(24, 11, 0, 0.2, 18);
  const Wires wires(g, kPlain);
  MatrixXd one(40, 11), seven(40, 11);
  const auto reports = wires.solve(Direction::forward, v, one, {1e-8, 1000}, 1);
  wires.solve(Direction::forward, v, seven, {1e-8, 1000}, 7);
  CHECK(one == seven);
  REQUIRE(reports.size() == 11);
  for (Index k = 0; k < 11; ++k) {
    CHECK(reports[static_cast<std::size_t>(k)].converged);
    CHECK(one.col(k) == solve(wires, Direction::forward, v.col(k), {1e-8, 1000}).ampere);
  }
}

TEST_CASE("wires: what is no circuit is refused", "[wires]") {
  MatrixXd g = uniform(4, 4, kLow, kHigh, 1);
  for (const WireOptions& bad : {WireOptions{0, 0, 0, false}, WireOptions{-1, 0, 0, false}, WireOptions{1, -5, 0, false},
                                 WireOptions{1, 0, -5, false}, WireOptions{std::nan(""), 0, 0, false}})
    CHECK_THROWS_AS(Wires(g, bad), InputError);
  g(1, 2) = -1e-6;
  CHECK_THROWS_WITH(Wires(g, kPlain), Catch::Matchers::Contains("word line 2 and bit line 3"));
  g(1, 2) = std::nan("");
  CHECK_THROWS_AS(Wires(g, kPlain), InputError);
  CHECK_THROWS_AS(Wires(MatrixXd(0, 4), kPlain), InputError);
}
