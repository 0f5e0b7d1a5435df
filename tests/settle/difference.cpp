// The difference from the free state: the nudged state minus the free one, with the precision of the difference.
#include "eqprop/settle/difference.h"

#include <algorithm>

#include "tests/catch.h"
#include "tests/settle/method_cases.h"

using namespace eqprop;
using namespace eqprop::settle_test;

namespace {

template <class T>
State<T> free_state(Problem<T>& problem, double tolerance) {
  return problem.settle(0, to_tolerance(tolerance));
}

template <class T>
State<T> difference(Problem<T>& problem, const Boundary<T>& boundary, const State<T>& free, SettleOptions options) {
  State<T> delta;
  settle_difference<T>(problem.network, boundary, free, delta, options, problem.place(kPhaseFirstNudged), problem.workspace, problem.report,
                       problem.run);
  return delta;
}

SettleOptions ordered(Method method, SettleOptions options) {
  options.method = method;
  return options;
}

State<double> subtract(State<double> a, const State<double>& b) {
  for (int l = 1; l <= a.layers(); ++l) a.layer(l) -= b.layer(l);
  return a;
}

}  // namespace

TEST_CASE("the difference is that of the two equilibria", "[difference]") {
  const double beta = GENERATE(-0.5, -1e-3, 0.1, 1.0);
  const Method order = GENERATE(Method::forward, Method::backward, Method::asynchronous, Method::difference);
  for (Recipe recipe : recipes(Method::difference)) {
    recipe.seed = 3;
    Problem<double> problem(recipe);
    const State<double> free = free_state(problem, 1e-14);
    const State<double> expected = subtract(problem.settle(beta, to_tolerance(1e-14)), free);
    REQUIRE(expected.layer(expected.layers()).cwiseAbs().maxCoeff() > 0.05 * std::abs(beta));
    const State<double> delta = difference(problem, problem.boundary(beta), free, ordered(order, to_tolerance(1e-13)));
    CAPTURE(beta, method_name(order));
    CHECK(problem.report.count(StopReason::tolerance) == 37);
    CHECK(largest_difference(delta, expected) < 1e-12);
  }
}

TEST_CASE("a difference of float states is as precise as floats are", "[difference]") {
  const Recipe recipe{chain(2, Activation::hard_sigmoid, Activation::hard_sigmoid)};
  constexpr double kBeta = 1e-4;
  Problem<double> fine(recipe);
  Problem<float> coarse(recipe);
  const State<double> exact = difference(fine, fine.boundary(kBeta), free_state(fine, 1e-14), to_tolerance(1e-16));
  const State<float> free = coarse.settle(0, to_tolerance(1e-7, 500));
  const State<float> delta = difference(coarse, coarse.boundary(kBeta), free, to_tolerance(1e-13));
  State<float> subtracted = coarse.settle(kBeta, to_tolerance(1e-7, 500));
  for (int l = 1; l <= 3; ++l) subtracted.layer(l) -= free.layer(l);
  const double size = exact.layer(1).cwiseAbs().maxCoeff();
  REQUIRE(size < kBeta);
  CHECK(largest_difference(delta, exact) < 1e-4 * kBeta);
  CHECK(largest_difference(delta, exact) < 0.1 * largest_difference(subtracted, exact));
}

TEST_CASE("without a nudge nothing differs", "[difference]") {
  Problem<double> problem(recipes(Method::difference)[1]);
  const State<double> free = free_state(problem, 1e-14);
  CHECK(largest_difference(difference(problem, problem.boundary(0), free, to_tolerance(1e-9)),
                           State<double>(problem.network.sizes(), 37)) == 0);
  for (const auto sweeps : problem.report.sweeps) CHECK(sweeps == 1);
}

TEST_CASE("a nudge enters at the outputs: backward sweeps need no more than the others", "[difference]") {
  for (const Recipe& recipe : recipes(Method::difference)) {
    Problem<double> problem(recipe);
    const State<double> free = free_state(problem, 1e-14);
    const auto sweeps = [&](Method order) {
      difference(problem, problem.boundary(0.1), free, ordered(order, to_tolerance(1e-6)));
      return problem.report.sweeps_sum();
    };
    const double backward = sweeps(Method::backward);
    CHECK(sweeps(Method::difference) == backward);
    CHECK(backward <= sweeps(Method::forward));
    CHECK(backward <= sweeps(Method::asynchronous));
  }
}

TEST_CASE("a network that is not piecewise linear has no difference method", "[difference]") {
  CHECK(difference_applies(Problem<double>({chain(1, Activation::clipped_relu, Activation::linear)}).network));
  for (const Recipe& recipe :
       {Recipe{chain(1, Activation::tanh, Activation::linear)}, Recipe{chain(1, Activation::hard_sigmoid, Activation::logistic)},
        Recipe{chain(1, Activation::hard_sigmoid, Activation::hard_sigmoid), Cost::cross_entropy}}) {
    Problem<double> problem(recipe);
    CHECK_FALSE(difference_applies(problem.network));
    State<double> state = problem.network.rest(37);
    CHECK_THROWS_AS(settle<double>(problem.network, problem.boundary(0.1), state, ordered(Method::difference, fixed_budget(1)),
                                   problem.place(kPhaseFree), problem.workspace, problem.run),
                    std::logic_error);
  }
}
