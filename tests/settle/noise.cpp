// Settling on noisy reads: stops when the noise alone explains the change, and averages.
#include <cmath>
#include <set>

#include "eqprop/settle/settle.h"
#include "tests/catch.h"
#include "tests/settle/noisy_coupling.h"
#include "tests/settle/problem.h"

using namespace eqprop;
using namespace eqprop::settle_test;

namespace {

constexpr double kSd = 0.02;  // [field units]
const std::vector<Layer> kLayers{{14}, {12, Activation::tanh}, {10, Activation::tanh}, {4, Activation::linear}};

// noise in what is read at every sweep; the clamped drive is exact, so that the ideal equilibrium is the truth
MakeCoupling<double> noisy(double sd, double stated) {
  return [=](const Matrix<double>& w, int index) -> std::unique_ptr<Coupling<double>> {
    if (index == 0) return std::make_unique<IdealCoupling<double>>(w);
    return std::make_unique<NoisyCoupling<double>>(w, index, sd, stated);
  };
}

double rms_error(const State<double>& state, const State<double>& exact) {
  double sum = 0;
  Index units = 0;
  for (int l = 1; l <= state.layers(); ++l) {
    sum += (state.layer(l) - exact.layer(l)).squaredNorm();
    units += state.layer(l).size();
  }
  return std::sqrt(sum / static_cast<double>(units));
}

struct Outcome {
  double error = 0;     // rms over units, samples and steps
  double at_floor = 0;  // share of samples that stopped by noise_floor
  double sweeps = 0;    // mean
};

// `steps` settles of the same batch, each with fresh noise
Outcome settle_often(double sd, double stated, const SettleOptions& options, double beta = 0.2, std::uint32_t steps = 20) {
  const Recipe recipe{kLayers};
  Problem<double> truth(recipe);
  const State<double> exact = truth.settle(beta, to_tolerance(1e-12));
  Problem<double> problem(recipe, noisy(sd, stated));
  Outcome out;
  for (problem.step = 0; problem.step < steps; ++problem.step) {
    const State<double> state = problem.settle(beta, options);
    out.error += std::pow(rms_error(state, exact), 2) / steps;
    out.at_floor += static_cast<double>(problem.report.count(StopReason::noise_floor)) / 37 / steps;
    out.sweeps += problem.report.sweeps_sum() / 37 / steps;
  }
  out.error = std::sqrt(out.error);
  return out;
}

SettleOptions windowed(int window) {
  SettleOptions options = to_tolerance(1e-9, 200);
  options.noise_window = window;
  return options;
}

}  // namespace

TEST_CASE("noise stops a settle and averaging over K sweeps lowers its error", "[noise]") {
  const Outcome single = settle_often(kSd, 0, fixed_budget(40));
  const Outcome four = settle_often(kSd, kSd, windowed(4));
  const Outcome sixteen = settle_often(kSd, kSd, windowed(16));
  CAPTURE(single.error, four.error, sixteen.error, four.sweeps, sixteen.sweeps);
  CHECK(single.at_floor == 0);
  CHECK(four.at_floor > 0.99);
  CHECK(sixteen.at_floor > 0.99);
  // one sweep carries the noise of its reads; K independent ones would divide it by sqrt(K), feedback keeps them a little alike
  CHECK(single.error > 0.5 * kSd);
  CHECK(single.error < 3 * kSd);
  CHECK(four.error < 0.7 * single.error);
  CHECK(sixteen.error < 0.4 * single.error);
  CHECK(four.sweeps < 40);
  CHECK(four.sweeps > 8);
}

TEST_CASE("the floor is not met before the transient is over", "[noise]") {
  for (const double sd : {1e-2, 1e-3, 1e-4, 1e-5}) {
    const Outcome outcome = settle_often(sd, sd, windowed(4));
    CAPTURE(sd, outcome.error, outcome.sweeps);
    CHECK(outcome.at_floor > 0.99);
    CHECK(outcome.error < 1.5 * sd);
  }
}

TEST_CASE("a coupling that states too small a floor runs into its budget", "[noise]") {
  const Outcome outcome = settle_often(kSd, kSd / 10, windowed(4), 0.2, 3);
  CHECK(outcome.at_floor < 0.01);
  CHECK(outcome.sweeps == Approx(200));
}

TEST_CASE("exact couplings never stop at a noise floor", "[noise]") {
  const Outcome outcome = settle_often(0, 0, windowed(4), 0.2, 1);
  CHECK(outcome.at_floor == 0);
  CHECK(outcome.error < 1e-5);
}

TEST_CASE("averaging sweeps are counted and may pass the budget by no more than K", "[noise]") {
  Problem<double> problem({kLayers}, noisy(kSd, kSd));
  SettleOptions options = to_tolerance(1e-6, 12);
  options.noise_window = 6;
  problem.settle(0.2, options);
  REQUIRE(problem.report.count(StopReason::noise_floor) > 20);
  for (std::size_t i = 0; i < 37; ++i) {
    const int sweeps = problem.report.sweeps[i];
    // compared at sweep 12 with sweep 6, then averaged over six more
    REQUIRE(sweeps == (problem.report.reason[i] == StopReason::noise_floor ? 18 : 12));
  }
}

TEST_CASE("noisy samples settle in company as they do alone", "[noise]") {
  Problem<double> all({kLayers, Cost::squared_error, 0.8}, noisy(1e-5, 1e-5));
  // inputs of very different size reach the floor at different sweeps
  for (Index i = 0; i < 37; ++i) all.input.col(i) *= static_cast<double>(i * i % 7);
  all.read_drive();
  const State<double> together = all.settle(0.2, windowed(1));
  std::set<int> lengths(all.report.sweeps.begin(), all.report.sweeps.end());
  REQUIRE(*lengths.rbegin() > *lengths.begin() + 2);
  for (Index i = 0; i < 37; ++i) {
    Problem<double> alone({kLayers, Cost::squared_error, 0.8, 1}, noisy(1e-5, 1e-5));
    alone.input = all.input.col(i);
    alone.target = all.target.col(i);
    alone.ids = {all.ids[static_cast<std::size_t>(i)]};
    alone.read_drive();
    const State<double> state = alone.settle(0.2, windowed(1));
    REQUIRE(alone.report.sweeps[0] == all.report.sweeps[static_cast<std::size_t>(i)]);
    for (int l = 1; l <= 3; ++l) REQUIRE((state.layer(l).col(0) - together.layer(l).col(i)).cwiseAbs().maxCoeff() < 1e-12);
  }
}

TEST_CASE("every step and phase draws its own noise", "[noise]") {
  Problem<double> problem({kLayers}, noisy(kSd, kSd));
  const State<double> first = problem.settle(0.2, fixed_budget(5));
  REQUIRE(same_bits(first, problem.settle(0.2, fixed_budget(5))));
  problem.step = 1;
  REQUIRE(largest_difference(first, problem.settle(0.2, fixed_budget(5))) > kSd / 10);
  problem.step = 0;
  problem.phase = kPhaseFirstNudged;
  REQUIRE(largest_difference(first, problem.settle(0.2, fixed_budget(5))) > kSd / 10);
}
