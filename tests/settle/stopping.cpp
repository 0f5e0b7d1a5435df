// Why a sample stops, and which options are refused.
#include <limits>

#include "base/check.h"
#include "eqprop/settle/settle.h"
#include "tests/catch.h"
#include "tests/settle/problem.h"

using namespace eqprop;
using namespace eqprop::settle_test;

TEST_CASE("a budget too small is reported, tolerance zero runs it whole", "[stopping]") {
  Problem<double> problem({chain(2, Activation::tanh, Activation::linear)});
  problem.settle(0, to_tolerance(1e-12, 3));
  REQUIRE(problem.report.count(StopReason::budget) == 37);
  REQUIRE(problem.report.sweeps_sum() == 37 * 3);
  problem.settle(0, fixed_budget(200));
  REQUIRE(problem.report.count(StopReason::budget) == 37);
  REQUIRE(problem.report.sweeps_sum() == 37 * 200);
  problem.settle(0, to_tolerance(1e-6, 200));
  REQUIRE(problem.report.count(StopReason::tolerance) == 37);
  REQUIRE(problem.report.sweeps_sum() < 37 * 100);
  for (const double second : problem.report.second) REQUIRE(second == 0);
  REQUIRE(problem.run.clock == 0);
}

TEST_CASE("the residual is the largest change of the last sweep", "[stopping]") {
  Problem<double> problem({chain(2, Activation::tanh, Activation::linear)});
  const State<double> fourth = problem.settle(0.3, fixed_budget(4));
  const State<double> fifth = problem.settle(0.3, fixed_budget(5));
  for (Index i = 0; i < 37; ++i) {
    double change = 0;
    for (int l = 1; l <= 3; ++l) change = std::max(change, (fifth.layer(l).col(i) - fourth.layer(l).col(i)).cwiseAbs().maxCoeff());
    REQUIRE(problem.report.residual[static_cast<std::size_t>(i)] == Approx(change));
  }
}

TEMPLATE_TEST_CASE("exploding weights are reported as divergence", "[stopping]", float, double) {
  Problem<TestType> problem({chain(2, Activation::linear, Activation::linear), Cost::squared_error, 20.0});
  problem.settle(0, to_tolerance(1e-3, 1000));
  REQUIRE(problem.report.count(StopReason::diverged) == 37);
  for (const auto sweeps : problem.report.sweeps) REQUIRE(sweeps < 100);
  for (const float residual : problem.report.residual) REQUIRE(!(residual < 1e6F));
}

TEMPLATE_TEST_CASE("a sample that is not a number diverges alone", "[stopping]", float, double) {
  using T = TestType;
  const Activation activation = GENERATE(Activation::hard_sigmoid, Activation::tanh, Activation::clipped_relu);
  const Recipe recipe{chain(2, activation, Activation::hard_sigmoid)};
  Problem<T> clean(recipe);
  Problem<T> spoilt(recipe);
  const Index unit = GENERATE(0, 11);
  spoilt.drive(unit, 20) = std::numeric_limits<T>::quiet_NaN();
  const State<T> expected = clean.settle(0.3, to_tolerance(1e-5));
  const State<T> state = spoilt.settle(0.3, to_tolerance(1e-5));
  REQUIRE(spoilt.report.count(StopReason::diverged) == 1);
  REQUIRE(spoilt.report.reason[20] == StopReason::diverged);
  for (Index i = 0; i < 37; ++i) {
    if (i == 20) continue;
    REQUIRE(spoilt.report.reason[static_cast<std::size_t>(i)] == StopReason::tolerance);
    for (int l = 1; l <= 3; ++l) REQUIRE((state.layer(l).col(i) - expected.layer(l).col(i)).cwiseAbs().maxCoeff() < T(1e-5));
  }
}

TEST_CASE("options outside their range are refused by name", "[stopping]") {
  const auto refused = [](auto change, const std::string& field) {
    SettleOptions options;
    change(options);
    try {
      options.validate();
    } catch (const InputError& error) {
      return error.kind() == InputKind::config && std::string(error.what()).find(field) != std::string::npos;
    }
    return false;
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  REQUIRE_NOTHROW(SettleOptions{}.validate());
  for (const double bad : {-1e-3, 1.0, nan}) REQUIRE(refused([&](auto& o) { o.tolerance = bad; }, "tolerance"));
  for (const int bad : {0, -1, 60001}) REQUIRE(refused([&](auto& o) { o.budget = bad; }, "budget"));
  for (const int bad : {0, 1001}) REQUIRE(refused([&](auto& o) { o.noise_window = bad; }, "noise_window"));
  for (const double bad : {0.0, -1.0, 101.0, nan}) REQUIRE(refused([&](auto& o) { o.noise_margin = bad; }, "noise_margin"));
  for (const double bad : {0.0, -1.0, 1.01, nan}) REQUIRE(refused([&](auto& o) { o.step = bad; }, "step"));
  for (const int bad : {0, -1, 21}) REQUIRE(refused([&](auto& o) { o.memory = bad; }, "memory"));
  for (const double bad : {-1e-9, 1.0, nan}) REQUIRE(refused([&](auto& o) { o.threshold = bad; }, "threshold"));
  for (const double bad : {-1e-9, 10.1, nan}) REQUIRE(refused([&](auto& o) { o.activation_noise = bad; }, "activation_noise"));
  for (const int bad : {-1, 25}) REQUIRE(refused([&](auto& o) { o.state_bits = bad; }, "state_bits"));
  const auto with_difference = [](auto change) {
    return [=](SettleOptions& o) {
      o.method = Method::difference;
      change(o);
    };
  };
  REQUIRE(refused(with_difference([](auto& o) { o.activation_noise = 0.1; }), "difference"));
  REQUIRE(refused(with_difference([](auto& o) { o.state_bits = 4; }), "difference"));
  REQUIRE_FALSE(refused(with_difference([](auto&) {}), ""));
}

TEST_CASE("ids and drive must cover the batch", "[stopping]") {
  Problem<double> problem({chain(1, Activation::tanh, Activation::linear)});
  problem.ids.pop_back();
  REQUIRE_THROWS_AS(problem.settle(0, fixed_budget(1)), std::logic_error);
}

TEST_CASE("an empty batch settles to nothing", "[stopping]") {
  Problem<double> problem({chain(1, Activation::tanh, Activation::linear), Cost::squared_error, 0.6, 0});
  problem.settle(0, fixed_budget(1));
  REQUIRE(problem.report.reason.empty());
}
