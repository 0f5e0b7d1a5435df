// Held outputs, activation noise and rounded states, by every method that knows them.
#include <algorithm>
#include <cmath>

#include "eqprop/settle/residual.h"
#include "tests/catch.h"
#include "tests/settle/method_cases.h"

using namespace eqprop;
using namespace eqprop::settle_test;

namespace {

const std::vector<Method> kDisturbed{Method::forward,     Method::backward, Method::asynchronous, Method::event_driven,
                                     Method::synchronous, Method::euler,    Method::anderson};

double activation_sum(const State<double>& s) {
  double sum = 0;
  for (int l = 1; l <= s.layers(); ++l) sum += s.layer(l).sum();
  return sum;
}

}  // namespace

TEST_CASE("held outputs stay, and the others settle to them", "[held]") {
  const Method method = GENERATE(from_range(kAllMethods));
  for (const Recipe& recipe : recipes(method)) {
    if (recipe.cost == Cost::cross_entropy) continue;
    CAPTURE(method_name(method));
    Problem<double> problem(recipe);
    const Matrix<double> held = 0.5 * problem.target;
    const Boundary<double> boundary = problem.held_boundary(held);
    State<double> state = problem.settle(0, to_tolerance(1e-13));  // the difference starts from here
    const State<double> free = state;
    settle<double>(problem.network, boundary, state, with_method(method, to_tolerance(1e-9)), problem.place(kPhaseFree), problem.workspace,
                   problem.report, problem.run);
    CHECK(problem.report.count(StopReason::tolerance) == 37);
    const int last = state.layers();
    CHECK((state.layer(last) - held).cwiseAbs().maxCoeff() < 1e-15);
    CHECK((state.layer(last - 1) - free.layer(last - 1)).cwiseAbs().maxCoeff() > 1e-3);
    for (const double r : residual(problem.network, boundary, state)) CHECK(r < 1e-8);
  }
}

TEST_CASE("outputs beside a read-out, or of another shape, are not held", "[held]") {
  Problem<double> readout({chain(1, Activation::tanh, Activation::tanh), Cost::cross_entropy});
  Problem<double> plain({chain(1, Activation::tanh, Activation::tanh)});
  for (Problem<double>* p : {&readout, &plain}) {
    const Matrix<double> held = Matrix<double>::Zero(p->network.outputs() + (p == &plain ? 1 : 0), 37);
    const Boundary<double> boundary = p->held_boundary(held);
    State<double> state = p->network.rest(37);
    CHECK_THROWS_AS(settle<double>(p->network, boundary, state, fixed_budget(1), p->place(kPhaseFree), p->workspace, p->run),
                    std::logic_error);
  }
}

TEST_CASE("activation noise is Gaussian of its sd, not clipped, and new at every sweep, step and phase", "[activation noise]") {
  // nothing but noise: weights of zero, so that act(h) of the outputs is act(bias)
  Recipe recipe{{{3}, {400, Activation::hard_sigmoid}, {2, Activation::hard_sigmoid}}, Cost::squared_error, 1e-12, 50};
  Problem<double> problem(recipe);
  problem.drive.setZero();
  SettleOptions options = fixed_budget(3);
  options.activation_noise = 0.05;
  options.noise_margin = 1e-9;
  const State<double> state = problem.settle(0, options);
  const auto s = state.layer(1).array();
  CHECK(s.minCoeff() < -0.1);
  CHECK(s.mean() == Approx(0).margin(4 * 0.05 / std::sqrt(20000.0)));
  CHECK(s.square().mean() == Approx(0.05 * 0.05).epsilon(0.05));
  CHECK(s.square().square().mean() / std::pow(0.05, 4) == Approx(3).epsilon(0.15));
  CHECK(same_bits(state, problem.settle(0, options)));
  const auto differs = [&](auto change) {
    Problem<double> other(recipe);
    other.drive.setZero();
    SettleOptions o = options;
    change(other, o);
    return largest_difference(state, other.settle(0, o)) > 0.05;
  };
  CHECK_FALSE(differs([](auto&, auto&) {}));
  CHECK(differs([](auto&, auto& o) { o.budget = 4; }));
  CHECK(differs([](auto& p, auto&) { p.step = 1; }));
  CHECK(differs([](auto& p, auto&) { p.phase = kPhaseFirstNudged; }));
  CHECK(differs([](auto& p, auto&) { p.run.seed = 12; }));
  CHECK(differs([](auto& p, auto&) { std::rotate(p.ids.begin(), p.ids.begin() + 1, p.ids.end()); }));
}

TEST_CASE("with activation noise the noise floor or the budget ends a settle", "[activation noise]") {
  const Method method = GENERATE(from_range(kDisturbed));
  CAPTURE(method_name(method));
  Problem<double> problem({chain(2, Activation::tanh, Activation::tanh), Cost::squared_error, 0.4});
  const State<double> exact = problem.settle(0, to_tolerance(1e-12));
  SettleOptions options = with_method(method, to_tolerance(1e-6, 200));
  options.activation_noise = 0.01;
  const State<double> state = settle_by(problem, 0, options);
  CHECK(problem.report.count(StopReason::noise_floor) == 37);
  CHECK(largest_difference(exact, state) < 0.06);
  options.noise_margin = 1e-9;
  options.budget = 20;
  settle_by(problem, 0, options);
  CHECK(problem.report.count(StopReason::budget) == 37);
}

TEST_CASE("rounded states stand on their levels", "[state bits]") {
  const Method method = GENERATE(from_range(kDisturbed));
  const int bits = GENERATE(1, 4, 9);
  CAPTURE(method_name(method), bits);
  for (const Activation activation : {Activation::hard_sigmoid, Activation::clipped_relu, Activation::tanh, Activation::logistic}) {
    Problem<double> problem({chain(1, activation, Activation::linear)});
    SettleOptions options = with_method(method, to_tolerance(1e-6, 100));
    options.state_bits = bits;
    const State<double> state = settle_by(problem, 0.2, options);
    const State<double> exact = problem.settle(0.2, to_tolerance(1e-10));
    for (int l = 1; l <= 2; ++l) {
      Bounds bounds = activation_bounds(problem.network.layer(l));
      if (l == 2) bounds = {-2, 2};
      const double lsb = (bounds.high - bounds.low) / (std::pow(2.0, bits) - 1);
      const Eigen::ArrayXXd level = (state.layer(l).array() - bounds.low) / lsb;
      CHECK(level.unaryExpr([](double v) { return std::abs(v - std::round(v)); }).maxCoeff() < 1e-9);
      CHECK(level.minCoeff() > -0.5);
      CHECK(level.maxCoeff() < std::pow(2.0, bits) - 0.5);
      // a part of an euler step that is below half a level is lost: it stops there
      if (bits == 9 && method != Method::euler) CHECK((state.layer(l) - exact.layer(l)).cwiseAbs().maxCoeff() < 8 * 4.0 / 511);
    }
    CHECK(activation_sum(state) != activation_sum(exact));
  }
}
