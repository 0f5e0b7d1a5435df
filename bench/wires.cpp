// Exact wires: cells uniform on 5..100 uS, 1 ohm a segment, to a Kirchhoff residual of 1e-8, factorisation and check included. Before anything
// is timed the currents of the 64-line array are held against a sparse Cholesky factorisation.
//   iterations  of conjugate gradients     kcl_residual, charge  of the last solve
#include <benchmark/benchmark.h>

#include <string>

#include "crossbar/wires/reference.h"
#include "tests/crossbar/wire_problem.h"

namespace {

using namespace eqprop;
using Eigen::Index;
using wire_problem::uniform;

constexpr WireTolerance kTolerance{1e-8, 1000};

bool agrees() {
  const Eigen::MatrixXd g = uniform(64, 64, 5e-6, 100e-6, 1);
  const Eigen::MatrixXd v = uniform(64, 1, 0, 0.2, 2);
  Eigen::MatrixXd got(64, 1);
  Wires(g, {}).solve(Direction::forward, v, got, {1e-13, 1000}, 1);
  const Eigen::VectorXd want = solve_reference(g, {}, Direction::forward, v.col(0)).ampere;
  return (got.col(0) - want).cwiseAbs().maxCoeff() < 1e-11 * want.maxCoeff();
}

void solve(benchmark::State& state, Index side, Index vectors, const WireOptions& options, double low, double high) {
  static const bool right = agrees();
  if (!right) return state.SkipWithError("currents differ from the nodal analysis");
  const Eigen::MatrixXd g = uniform(side, side, low, high, 1);
  const Eigen::MatrixXd v = uniform(side, vectors, 0, 0.2, 2);
  Eigen::MatrixXd out(side, vectors);
  std::vector<WireReport> reports(static_cast<std::size_t>(vectors));
  Wires wires(g, options);
  WireState solver;
  const auto lines = static_cast<std::size_t>(side);
  for (auto _ : state) {
    wires.set(g);
    for (Index k = 0; k < vectors; ++k)
      reports[static_cast<std::size_t>(k)] =
          wires.solve(Direction::forward, {v.col(k).data(), lines}, {out.col(k).data(), lines}, kTolerance, solver);
  }
  for (const WireReport& report : reports)
    if (!report.converged) return state.SkipWithError("a solve did not converge");
  state.counters["iterations"] = reports.back().iterations;
  state.counters["kcl_residual"] = reports.back().kcl_residual;
  state.counters["charge"] = reports.back().charge_balance_error;
}

const bool registered = [] {
  const auto add = [](const std::string& name, Index side, Index vectors, const WireOptions& options, double low, double high) {
    benchmark::RegisterBenchmark((name + "/" + std::to_string(side) + "/vectors:" + std::to_string(vectors)).c_str(),
                                 [=](benchmark::State& state) { solve(state, side, vectors, options, low, high); })
        ->Unit(benchmark::kMillisecond);
  };
  for (const Index side : {64, 128, 256, 512}) add("wires", side, 1, {}, 5e-6, 100e-6);
  for (const Index side : {128, 256}) add("wires", side, 100, {}, 5e-6, 100e-6);
  add("wires_hard", 512, 1, {10, 0, 0, false}, 1e-3, 1e-3);
  return true;
}();

}  // namespace
