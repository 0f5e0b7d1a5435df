// Nonlinear cells behind exact wires: conductances uniform on 5..100 uS, 1 ohm a segment, sources uniform on 0..0.2 V, to a Kirchhoff residual
// of 1e-8 of the cells' true currents. Before anything is timed the currents of 24 lines are held against Newton's method on all nodes.
//   steps  of Newton     iterations  of conjugate gradients, all steps together     kcl_residual, charge  of the last solve
// What the cells are:
//   sinh       v_0 = 0.05 V: at 0.2 V 6.8 times the current of their slope at 0 V
//   sinh_mild  v_0 = 0.25 V
//   1t1r       sinh cells behind transistors of 5 kohm that saturate at 0.1 V
//   1s1r       ohmic cells behind selectors of 0.1 uA and 20 mV
#include <benchmark/benchmark.h>

#include <string>

#include "crossbar/wires/nonlinear.h"
#include "crossbar/wires/reference.h"
#include "tests/crossbar/wire_problem.h"

namespace {

using namespace eqprop;
using Eigen::Index;
using wire_problem::uniform;

CellOptions sinh_cells(double volt) {
  CellOptions out;
  out.sinh_volt = volt;
  return out;
}

CellOptions transistors() {
  CellOptions out = sinh_cells(0.05);
  out.kind = CellKind::transistor;
  out.transistor_ohm = 5e3;
  out.overdrive_volt = 0.1;
  return out;
}

CellOptions selectors() {
  CellOptions out;
  out.kind = CellKind::selector;
  out.selector_ampere = 1e-7;
  out.selector_volt = 0.02;
  return out;
}

bool agrees(const CellOptions& cells) {
  constexpr Index kSide = 24;
  const Eigen::MatrixXd g = uniform(kSide, kSide, 5e-6, 100e-6, 1), v = uniform(kSide, 1, 0, 0.2, 2);
  const NonlinearWires wires(g, {}, cells);
  Eigen::MatrixXd got(kSide, 1);
  wires.solve(Direction::forward, v, got, {1e-12}, 1);
  const auto law = [&](Index i, Index j, double volt) { return wires.law().at(g(i, j), volt); };
  const Eigen::VectorXd want = solve_reference(kSide, kSide, law, {}, Direction::forward, v.col(0)).ampere;
  return (got.col(0) - want).cwiseAbs().maxCoeff() < 1e-10 * want.maxCoeff();
}

void solve(benchmark::State& state, Index side, const CellOptions& cells) {
  if (!agrees(cells)) return state.SkipWithError("currents differ from Newton's method on all nodes");
  const NonlinearWires wires(uniform(side, side, 5e-6, 100e-6, 1), {}, cells);
  const Eigen::VectorXd v = uniform(side, 1, 0, 0.2, 2);
  Eigen::VectorXd out(side);
  NewtonReport report;
  NewtonState solver;
  const auto lines = static_cast<std::size_t>(side);
  for (auto _ : state) report = wires.solve(Direction::forward, {v.data(), lines}, {out.data(), lines}, {1e-8}, solver);
  if (!report.converged) return state.SkipWithError("the solve did not converge");
  state.counters["steps"] = report.steps;
  state.counters["iterations"] = report.iterations;
  state.counters["kcl_residual"] = report.kcl_residual;
  state.counters["charge"] = report.charge_balance_error;
}

const bool registered = [] {
  const std::pair<const char*, CellOptions> kinds[] = {
      {"sinh", sinh_cells(0.05)}, {"sinh_mild", sinh_cells(0.25)}, {"1t1r", transistors()}, {"1s1r", selectors()}};
  for (const auto& [name, cells] : kinds) {
    for (const Index side : {64, 128, 256}) {
      benchmark::RegisterBenchmark((std::string(name) + "/" + std::to_string(side)).c_str(), [side, law = cells](benchmark::State& state) {
        solve(state, side, law);
      })->Unit(benchmark::kMillisecond);
    }
  }
  return true;
}();

}  // namespace
