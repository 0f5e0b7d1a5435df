// One conformance suite for every settling method: the same equilibrium, certified by other code; threads and company change nothing; what
// ends a settle is told.
#include <algorithm>

#include "base/check.h"
#include "eqprop/settle/residual.h"
#include "tests/catch.h"
#include "tests/settle/method_cases.h"
#include "tests/settle/noisy_coupling.h"

using namespace eqprop;
using namespace eqprop::settle_test;

namespace {

double worst_residual(Problem<double>& problem, double beta, const State<double>& state) {
  const std::vector<double> all = residual(problem.network, problem.boundary(beta), state);
  return *std::max_element(all.begin(), all.end());
}

// residual after a report of a change <= tolerance: the neighbours' changes pass through the weights once, and a nudged last layer's through
// its own slope; rows of the test networks' weights sum to less than 4
constexpr double kSd = 0.01;  // [field units]

double allowed(double tolerance) { return 5 * tolerance; }

}  // namespace

TEST_CASE("every method ends at the same equilibrium, certified by other code", "[methods]") {
  const Method method = GENERATE(from_range(kAllMethods));
  const double beta = GENERATE(-0.3, 0.0, 0.3);
  for (const Recipe& recipe : recipes(method)) {
    CAPTURE(method_name(method), beta, recipe.layers.size(), activation_name(recipe.layers[1].activation));
    Problem<double> problem(recipe);
    const State<double> expected = problem.settle(beta, to_tolerance(1e-13));
    const double start = largest_difference(problem.network.rest(37), expected);
    REQUIRE(start > 0.1);
    for (const double tolerance : {1e-3, 1e-6, 1e-10}) {
      const State<double> state = settle_by(problem, beta, with_method(method, to_tolerance(tolerance)));
      REQUIRE(problem.report.count(StopReason::tolerance) == 37);
      for (const float r : problem.report.residual) REQUIRE(static_cast<double>(r) <= tolerance * (1 + 1e-6));
      CHECK(worst_residual(problem, beta, state) < allowed(tolerance));
      CHECK(largest_difference(state, expected) < 40 * tolerance);
    }
  }
}

TEST_CASE("float states settle as well", "[methods]") {
  const Method method = GENERATE(from_range(kAllMethods));
  for (const Recipe& recipe : recipes(method)) {
    CAPTURE(method_name(method));
    Problem<double> fine(recipe);
    Problem<float> coarse(recipe);
    const State<double> exact = fine.settle(0.3, to_tolerance(1e-12));
    const State<float> state = settle_by(coarse, 0.3, with_method(method, to_tolerance(2e-6, 1000)));
    CHECK(coarse.report.count(StopReason::tolerance) == 37);
    CHECK(largest_difference(exact, state) < 5e-5);
    for (const double r : residual(coarse.network, coarse.boundary(0.3), state)) CHECK(r < 2e-5);
  }
}

TEST_CASE("a state that is no equilibrium has a large certified residual", "[methods]") {
  for (const Recipe& recipe : recipes(Method::forward))
    for (const double beta : {0.0, 0.3}) {
      Problem<double> problem(recipe);
      State<double> state = problem.settle(beta, to_tolerance(1e-12));
      CHECK(worst_residual(problem, beta, state) < 1e-11);
      CHECK(worst_residual(problem, beta + 0.2, state) > 1e-3);
      state.layer(1)(3, 20) += 0.01;
      const std::vector<double> moved = residual(problem.network, problem.boundary(beta), state);
      CHECK(moved[20] > 0.009);
      CHECK(moved[19] < 1e-11);
      state.layer(1)(3, 20) = std::numeric_limits<double>::quiet_NaN();
      CHECK(std::isnan(residual(problem.network, problem.boundary(beta), state)[20]));
    }
}

TEST_CASE("threads change no bit of any method", "[methods][threads]") {
  const Method method = GENERATE(from_range(kAllMethods));
  Recipe recipe{chain(2, Activation::hard_sigmoid, Activation::hard_sigmoid), Cost::squared_error, 0.6, 100};
  CAPTURE(method_name(method));
  SettleOptions options = with_method(method, to_tolerance(1e-4, 30));
  if (method != Method::difference) {
    options.activation_noise = 1e-3;
    options.state_bits = 12;
  }
  std::vector<State<float>> states;
  std::vector<SettleReport> reports;
  for (const int threads : {1, 2, 5}) {
    Problem<float> problem(recipe);
    problem.run.threads = threads;
    states.push_back(settle_by(problem, 0.3, options));
    reports.push_back(problem.report);
  }
  for (std::size_t i = 1; i < 3; ++i) {
    CHECK(same_bits(states[0], states[i]));
    CHECK(reports[0].reason == reports[i].reason);
    CHECK(reports[0].residual == reports[i].residual);
    CHECK(reports[0].sweeps == reports[i].sweeps);
    CHECK(reports[0].told == reports[i].told);
  }
}

TEST_CASE("a sample settles in company as it does alone, by every method", "[methods]") {
  const Method method = GENERATE(from_range(kAllMethods));
  Recipe recipe{chain(2, Activation::hard_sigmoid, Activation::hard_sigmoid)};
  CAPTURE(method_name(method));
  const SettleOptions options = with_method(method, to_tolerance(1e-8));
  Problem<double> all(recipe);
  for (Index i = 0; i < 37; ++i) all.input.col(i) *= static_cast<double>(i % 5) / 2;
  all.read_drive();
  const State<double> together = settle_by(all, 0.2, options);
  const auto [fewest, most] = std::minmax_element(all.report.sweeps.begin(), all.report.sweeps.end());
  REQUIRE(*most > *fewest);
  recipe.batch = 1;
  for (Index i = 0; i < 37; ++i) {
    Problem<double> alone(recipe);
    alone.input = all.input.col(i);
    alone.target = all.target.col(i);
    alone.ids = {all.ids[static_cast<std::size_t>(i)]};
    alone.read_drive();
    const State<double> state = settle_by(alone, 0.2, options);
    for (int l = 1; l <= 3; ++l) REQUIRE((state.layer(l).col(0) - together.layer(l).col(i)).cwiseAbs().maxCoeff() < 5e-8);
    REQUIRE(std::abs(int(alone.report.sweeps[0]) - int(all.report.sweeps[static_cast<std::size_t>(i)])) <= 1);
    REQUIRE(alone.report.reason[0] == StopReason::tolerance);
  }
}

TEST_CASE("exact-block methods go downhill at every sweep", "[methods]") {
  const Method method = GENERATE(Method::forward, Method::backward, Method::asynchronous);
  const double scale = GENERATE(0.6, 3.0);
  for (const Activation activation : {Activation::hard_sigmoid, Activation::tanh}) {
    Problem<double> problem({chain(3, activation, Activation::hard_sigmoid), Cost::squared_error, scale, 5});
    CAPTURE(method_name(method), scale);
    const Eigen::RowVectorXd start = problem.potential_at(problem.network.rest(5), 0.3);
    Eigen::RowVectorXd before = start;
    for (int budget = 1; budget <= 20; ++budget) {
      const Eigen::RowVectorXd after = problem.potential_at(settle_by(problem, 0.3, with_method(method, fixed_budget(budget))), 0.3);
      REQUIRE(((after - before).array() <= 1e-12).all());
      before = after;
    }
    REQUIRE(((start - before).array() > 1e-3).all());
  }
}

TEST_CASE("events that are all told are plain sweeps, and fewer are told with a threshold", "[methods]") {
  Problem<double> problem({chain(3, Activation::tanh, Activation::hard_sigmoid)});
  SettleOptions options = to_tolerance(1e-4);
  const State<double> plain = problem.settle(0.3, options);
  CHECK(std::all_of(problem.report.told.begin(), problem.report.told.end(), [](auto n) { return n == 0; }));
  options.method = Method::event_driven;
  options.threshold = 0;
  const State<double> all_told = problem.settle(0.3, options);
  // one plain sweep more, to be sure
  CHECK(largest_difference(plain, all_told) < 1e-4);
  const auto total = [&] { return std::accumulate(problem.report.told.begin(), problem.report.told.end(), 0.0); };
  const double everything = total();
  // 12 + 10 + 8 + 4 units; one at its bound that does not move has nothing to tell
  CHECK(everything <= problem.report.sweeps_sum() * 34);
  CHECK(everything > problem.report.sweeps_sum() * 30);
  options.threshold = 2.5e-5;
  problem.settle(0.3, options);
  CHECK(total() < everything);
  // however coarse the threshold, the end is a plain sweep that moved nothing
  options.threshold = 1e-2;
  const State<double> coarse = problem.settle(0.3, options);
  CHECK(problem.report.count(StopReason::tolerance) == 37);
  CHECK(worst_residual(problem, 0.3, coarse) < allowed(1e-4));
}

TEST_CASE("a whole euler step is a synchronous sweep, half a step goes half the way", "[methods]") {
  Problem<double> problem({chain(2, Activation::tanh, Activation::linear)});
  const State<double> rest = problem.network.rest(37);
  SettleOptions options = fixed_budget(7);
  options.method = Method::synchronous;
  const State<double> synchronous = problem.settle(0.3, options);
  options.method = Method::euler;
  options.step = 1;
  CHECK(largest_difference(synchronous, problem.settle(0.3, options)) < 1e-14);
  options.budget = 1;
  const State<double> whole = problem.settle(0.3, options);
  options.step = 0.25;
  const State<double> quarter = problem.settle(0.3, options);
  for (int l = 1; l <= 3; ++l)
    CHECK((quarter.layer(l) - rest.layer(l) - 0.25 * (whole.layer(l) - rest.layer(l))).cwiseAbs().maxCoeff() < 1e-15);
  // and the first whole step of every layer sees the start of the others
  CHECK(largest_difference(whole, problem.settle(0.3, fixed_budget(1))) > 0.01);
}

TEST_CASE("anderson needs fewer sweeps than the plain ones that it extrapolates", "[methods]") {
  Problem<double> problem({chain(2, Activation::tanh, Activation::linear), Cost::squared_error, 0.8});
  const auto sweeps = [&](Method method) {
    settle_by(problem, 0.0, with_method(method, to_tolerance(1e-9)));
    CHECK(problem.report.count(StopReason::tolerance) == 37);
    return problem.report.sweeps_sum();
  };
  const double plain = sweeps(Method::forward);
  CHECK(sweeps(Method::anderson) < 0.8 * plain);
}

TEST_CASE("a budget too small and exploding weights are reported by every method", "[methods]") {
  const Method method = GENERATE(from_range(kAllMethods));
  CAPTURE(method_name(method));
  Problem<double> small({chain(2, Activation::hard_sigmoid, Activation::hard_sigmoid)});
  settle_by(small, 0.3, with_method(method, to_tolerance(1e-12, 2)));
  CHECK(small.report.count(StopReason::budget) == 37);
  CHECK(small.report.sweeps_sum() == 37 * 2);
  settle_by(small, 0.3, with_method(method, fixed_budget(9)));
  CHECK(small.report.sweeps_sum() == 37 * 9);

  Problem<double> strong({chain(2, Activation::linear, Activation::linear), Cost::squared_error, 20.0});
  State<double> state = strong.network.rest(37);
  SettleOptions options = with_method(method, to_tolerance(1e-3, 1000));
  settle<double>(strong.network, strong.boundary(0.3), state, options, strong.place(kPhaseFree), strong.workspace, strong.report,
                 strong.run);
  if (method == Method::anderson) {
    // the saddle of a linear network is a fixed point, and extrapolation may find it
    CHECK(strong.report.count(StopReason::diverged) + strong.report.count(StopReason::tolerance) == 37);
  } else {
    CHECK(strong.report.count(StopReason::diverged) == 37);
  }
}

TEST_CASE("a sample that is not a number diverges alone, by every method", "[methods]") {
  const Method method = GENERATE(from_range(kAllMethods));
  CAPTURE(method_name(method));
  const Recipe recipe{chain(2, Activation::hard_sigmoid, Activation::hard_sigmoid)};
  Problem<double> clean(recipe);
  Problem<double> spoilt(recipe);
  spoilt.target(1, 20) = std::numeric_limits<double>::quiet_NaN();
  const SettleOptions options = with_method(method, to_tolerance(1e-6));
  const State<double> expected = settle_by(clean, 0.3, options);
  const State<double> state = settle_by(spoilt, 0.3, options);
  CHECK(spoilt.report.count(StopReason::diverged) == 1);
  CHECK(spoilt.report.reason[20] == StopReason::diverged);
  for (Index i = 0; i < 37; ++i)
    if (i != 20)
      for (int l = 1; l <= 3; ++l) REQUIRE((state.layer(l).col(i) - expected.layer(l).col(i)).cwiseAbs().maxCoeff() < 1e-5);
}

TEST_CASE("noisy reads end every method at the noise floor, near the truth", "[methods]") {
  const Method method = GENERATE(from_range(kAllMethods));
  if (method == Method::difference) return;
  CAPTURE(method_name(method));
  const Recipe recipe{chain(2, Activation::tanh, Activation::linear)};
  Problem<double> truth(recipe);
  const State<double> exact = truth.settle(0.2, to_tolerance(1e-12));
  Problem<double> problem(recipe, [](const Matrix<double>& w, int index) -> std::unique_ptr<Coupling<double>> {
    if (index == 0) return std::make_unique<IdealCoupling<double>>(w);
    return std::make_unique<NoisyCoupling<double>>(w, index, kSd, kSd);
  });
  const State<double> state = settle_by(problem, 0.2, with_method(method, to_tolerance(1e-8, 300)));
  CHECK(problem.report.count(StopReason::noise_floor) == 37);
  CHECK(problem.report.sweeps_sum() < 37 * 100);
  CHECK(largest_difference(exact, state) < 6 * kSd);
}

TEST_CASE("methods go by their names", "[methods]") {
  for (const Method method : kAllMethods) CHECK(method_from_name(method_name(method)) == method);
  try {
    method_from_name("sideways");
    FAIL("accepted");
  } catch (const InputError& error) {
    CHECK(error.code() == Code::unknown_name);
    for (const Method method : kAllMethods) CHECK(error.message().find(std::string(method_name(method))) != std::string::npos);
  }
}
