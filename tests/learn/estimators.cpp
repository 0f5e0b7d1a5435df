// One conformance suite for all estimators: each is held to the exact gradient by what it promises.
#include "eqprop/learn/phases.h"

#include <cmath>
#include <complex>

#include "base/check.h"
#include "eqprop/settle/complex.h"
#include "tests/catch.h"
#include "tests/learn/small_network.h"

using namespace eqprop;
using namespace small_network;

namespace {

std::vector<Agreement> with_exact(const LearnOptions& how, std::vector<Index> sizes = {7, 9, 6, 4}, double rate = 1e-6) {
  auto n = network<double>(Activation::tanh, Activation::linear, Cost::squared_error, sizes, 4, 3);
  Run run{3, 1, nullptr, 0};
  const auto b = batch<double>(sizes.front(), sizes.back(), 8);
  const auto exact = estimate_gradient<double>(n, b, options(Estimator::implicit, 0.1), run);
  const std::vector<double> rates(sizes.size() - 1, rate);
  return compare_gradients(estimate_gradient<double>(n, b, how, run, rates), exact);
}

double worst_error(const LearnOptions& how) {
  double worst = 0;
  for (const auto& a : with_exact(how)) worst = std::max(worst, a.relative_error);
  return worst;
}

double worst_cosine(const LearnOptions& how) {
  double worst = 1;
  for (const auto& a : with_exact(how)) worst = std::min(worst, a.cosine);
  return worst;
}

}  // namespace

TEST_CASE("every estimator points along the exact gradient") {
  for (const Estimator estimator : all_estimators()) {
    if (estimator == Estimator::backprop) continue;  // of another network
    CAPTURE(estimator_name(estimator));
    LearnOptions how = options(estimator, 0.05);
    how.unrolled = 60;
    // other rules, not estimates of this gradient: alignment is what they promise
    const bool other_rule = clamps_output(estimator);
    CHECK(worst_cosine(how) > (other_rule ? 0.9 : 0.999));
  }
}

TEST_CASE("errors fall with beta at the estimator's order") {
  const auto order = [](Estimator estimator, int points = 10) {
    LearnOptions wide = options(estimator, 0.04);
    LearnOptions narrow = options(estimator, 0.02);
    wide.points = narrow.points = points;
    return std::log2(worst_error(wide) / worst_error(narrow));
  };
  CHECK(order(Estimator::one_sided) == Approx(1).margin(0.3));
  CHECK(order(Estimator::centered) == Approx(2).margin(0.3));
  CHECK(order(Estimator::fourth_order) == Approx(4).margin(0.8));
  CHECK(order(Estimator::holomorphic, 4) == Approx(4).margin(0.6));
  CHECK(order(Estimator::holomorphic, 6) == Approx(6).margin(0.8));
}

TEST_CASE("with a read-out, the circle's estimate of every coupling gains an order with every point") {
  auto n = network<double>(Activation::tanh, Activation::tanh, Cost::cross_entropy, {7, 9, 6}, 4, 3);
  Run run{3, 1, nullptr, 0};
  const auto b = batch<double>(7, 4, 8);
  const auto exact = estimate_gradient<double>(n, b, options(Estimator::implicit, 0.1), run);
  const auto errors = [&](double beta, int points) {
    LearnOptions how = options(Estimator::holomorphic, beta);
    how.points = points;
    return compare_gradients(estimate_gradient<double>(n, b, how, run), exact);
  };
  REQUIRE(exact.size() == 3);
  for (const int points : {3, 4, 6}) {
    const auto wide = errors(0.2, points);
    const auto narrow = errors(0.1, points);
    for (std::size_t c = 0; c < 3; ++c) {
      CAPTURE(points, c, wide[c].relative_error, narrow[c].relative_error);
      CHECK(std::log2(wide[c].relative_error / narrow[c].relative_error) == Approx(points).margin(0.5));
    }
  }
  for (const Agreement& a : errors(0.4, 18)) CHECK(a.relative_error < 1e-6);
}

TEST_CASE("two points on the circle are the centered estimate, to 1e-12") {
  LearnOptions two = options(Estimator::holomorphic, 0.2);
  two.points = 2;
  auto n = network<double>(Activation::tanh, Activation::linear, Cost::squared_error, {7, 9, 4}, 4, 3);
  Run run{3, 1, nullptr, 0};
  const auto b = batch<double>(7, 4, 8);
  const auto circle = estimate_gradient<double>(n, b, two, run);
  for (const auto& a : compare_gradients(circle, estimate_gradient<double>(n, b, options(Estimator::centered, 0.2), run)))
    CHECK(a.relative_error < 1e-12);
}

TEST_CASE("points left out for symmetry say nothing new: the whole circle gives the same sum") {
  auto n = network<double>(Activation::logistic, Activation::logistic, Cost::squared_error, {5, 6, 3}, 3, 3);
  Run run{3, 1, nullptr, 0};
  const auto b = batch<double>(5, 3, 4);
  for (const int points : {3, 5, 8}) {
    LearnOptions how = options(Estimator::holomorphic, 0.3);
    how.points = points;
    const auto half = estimate_gradient<double>(n, b, how, run);
    // written out over all points, with complex states of the phases one by one
    Eigen::MatrixXcd sum = Eigen::MatrixXcd::Zero(3, 6);
    Matrix<double> drive = Matrix<double>::Zero(6, 4);
    drive_input<double>(n, b.x, drive, {{}, b.ids}, run);
    Workspace<double> workspace;
    SettleReport report;
    for (int k = 0; k < points; ++k) {
      const std::complex<double> beta = std::polar(0.3, 2 * M_PI * k / points);
      State<double> re = n.rest(4), im(n.sizes(), 4);
      Boundary<double> boundary{view(b.x), view(drive), view(b.y), 0};
      settle(n, boundary, re, kExact, {{}, b.ids}, workspace, report, run);
      settle_complex(n, boundary, beta, re, im, kExact, {{}, b.ids}, workspace, report, run);
      const Eigen::MatrixXcd pre = re.layer(1) + std::complex<double>(0, 1) * im.layer(1);
      const Eigen::MatrixXcd post = re.layer(2) + std::complex<double>(0, 1) * im.layer(2);
      sum += post * pre.transpose() / (beta * static_cast<double>(points * 4));
    }
    CHECK(sum.imag().norm() < 1e-9 * sum.norm());
    CHECK((sum.real() - half[1].leftCols(6)).norm() < 1e-9 * sum.norm());
  }
}

TEST_CASE("phases by their difference give what subtracted phases give, and keep it in float32") {
  const std::vector<Index> sizes{9, 12, 10, 4};
  auto in_double = network<double>(Activation::hard_sigmoid, Activation::linear, Cost::squared_error, sizes, 4, 5);
  auto in_float = network<float>(Activation::hard_sigmoid, Activation::linear, Cost::squared_error, sizes, 4, 5);
  Run run{3, 1, nullptr, 0};
  const auto b = batch<double>(9, 4, 8);
  const auto bf = batch<float>(9, 4, 8);
  for (const Estimator estimator : {Estimator::one_sided, Estimator::centered, Estimator::fourth_order, Estimator::coupled_p,
                                    Estimator::coupled_c, Estimator::contrastive}) {
    CAPTURE(estimator_name(estimator));
    const LearnOptions plain = options(estimator, 0.1);
    LearnOptions by_difference = plain;
    by_difference.nudged.method = Method::difference;
    const auto a = estimate_gradient<double>(in_double, b, plain, run);
    for (const auto& each : compare_gradients(estimate_gradient<double>(in_double, b, by_difference, run), a))
      CHECK(each.relative_error < 1e-9);
  }
  // a nudge of 1e-4 leaves no digit of a float32 subtraction in the lowest layer, and all of the difference
  LearnOptions tiny = options(Estimator::centered, 1e-4);
  const auto exact = estimate_gradient<double>(in_double, b, tiny, run);
  tiny.free = tiny.nudged = {1e-7, 400, 4, 1.5};
  LearnOptions sound = tiny;
  sound.nudged = {1e-12, 400, 4, 1.5};
  sound.nudged.method = Method::difference;
  const auto lost = estimate_gradient<float>(in_float, bf, tiny, run);
  const auto kept = estimate_gradient<float>(in_float, bf, sound, run);
  const auto error = [&](const std::vector<Matrix<float>>& g) { return (g[0].cast<double>() - exact[0]).norm() / exact[0].norm(); };
  CHECK(error(kept) < 1e-3);
  CHECK(error(lost) > 10 * error(kept));
}

TEST_CASE("moving weights: at a small rate the one-sided estimate; afterwards the weights are as before") {
  for (const Estimator estimator : {Estimator::continual, Estimator::agnostic}) {
    LearnOptions how = options(estimator, 0.1);
    how.unrolled = 400;
    auto n = network<double>(Activation::tanh, Activation::linear, Cost::squared_error, {7, 9, 4}, 4, 3);
    Run run{3, 1, nullptr, 0};
    const auto b = batch<double>(7, 4, 8);
    const auto before = n.coupling(0).read();
    const std::vector<double> slow(2, 1e-9);
    const auto moved = estimate_gradient<double>(n, b, how, run, slow);
    for (const auto& a : compare_gradients(moved, estimate_gradient<double>(n, b, options(Estimator::one_sided, 0.1), run)))
      CHECK(a.relative_error < 1e-5);
    CHECK(n.coupling(0).read() == before);
  }
}

TEST_CASE("a moving phase ends in the joint equilibrium: its change is rate / beta B times the contrast of its own last state") {
  LearnOptions how = options(Estimator::agnostic, 0.2);
  how.unrolled = 2000;
  auto n = network<double>(Activation::tanh, Activation::linear, Cost::squared_error, {3, 4, 2}, 2, 3);
  Run run{3, 1, nullptr, 0};
  const auto b = batch<double>(3, 2, 5);
  const BatchView<double> seen{view(b.x), view(b.y), {}, b.ids};
  const Eigen::MatrixXd w0 = n.coupling(0).read();
  Phases<double> phases(how);
  SettleSums sums;
  phases.answer(n, seen, {}, kPhaseInput, kPhaseFree, sums, run);
  RuleOptions rates;
  rates.rates = {0.02, 0.02};
  Rule<double> rule(rates, n);
  MovingPhase<double> moving;
  moving.run(phases, seen, {}, 0, n, rule, sums, run);
  // settled again on the weights as they now are
  Matrix<double> drive = Matrix<double>::Zero(4, 5);
  drive_input<double>(n, b.x, drive, {{}, b.ids}, run);
  State<double> state = phases.free_state();
  Workspace<double> workspace;
  SettleReport report;
  settle(n, {view(b.x), view(drive), view(b.y), 0.2}, state, kExact, {{}, b.ids}, workspace, report, run);
  const Eigen::MatrixXd expected = 0.02 / (0.2 * 5) * (state.layer(1) - phases.free_state().layer(1)) * b.x.transpose();
  CHECK((n.coupling(0).read().leftCols(3) - w0.leftCols(3) - expected).norm() < 1e-9 * expected.norm());
}

TEST_CASE("what does not go together is refused in words") {
  const std::vector<Layer> hard{{4}, {5, Activation::hard_sigmoid}, {2, Activation::hard_sigmoid}};
  const std::vector<Layer> smooth{{4}, {5, Activation::tanh}, {2, Activation::linear}};
  const auto says = [&](const LearnOptions& how, const std::vector<Layer>& layers, Cost cost, const std::string& words) {
    CHECK_THROWS_WITH(how.validate(layers, cost), Catch::Matchers::Contains(words));
  };
  says(options(Estimator::holomorphic, 0.1), hard, Cost::squared_error, "tanh, logistic or linear");
  says(options(Estimator::contrastive, 0.1), smooth, Cost::cross_entropy, "clamps the output");
  says(options(Estimator::fourth_order, 0.6), smooth, Cost::squared_error, "twice beta");
  says(options(Estimator::centered, 1), smooth, Cost::squared_error, "train.beta");
  LearnOptions by_difference = options(Estimator::centered, 0.1);
  by_difference.nudged.method = Method::difference;
  says(by_difference, smooth, Cost::squared_error, "piecewise linear");
  by_difference.estimator = Estimator::implicit;
  says(by_difference, hard, Cost::squared_error, "real phases");
  CHECK_NOTHROW(options(Estimator::activity_difference, 1).validate(smooth, Cost::squared_error));
}

TEST_CASE("moving weights push a read-out by its own error, as the one-sided estimate does") {
  auto n = network<double>(Activation::tanh, Activation::tanh, Cost::cross_entropy, {7, 9, 6}, 4, 3);
  Run run{3, 1, nullptr, 0};
  const auto b = batch<double>(7, 4, 8);
  LearnOptions how = options(Estimator::continual, 0.05);
  how.unrolled = 400;
  const std::vector<double> slow(3, 1e-9);
  const auto moved = estimate_gradient<double>(n, b, how, run, slow);
  for (const auto& a : compare_gradients(moved, estimate_gradient<double>(n, b, options(Estimator::one_sided, 0.05), run)))
    CHECK(a.relative_error < 1e-4);
}

TEST_CASE("a measurement where nothing is measured is refused") {
  const std::vector<Layer> smooth{{4}, {5, Activation::tanh}, {2, Activation::linear}};
  for (const Estimator estimator : {Estimator::continual, Estimator::implicit, Estimator::backprop}) {
    LearnOptions how = options(estimator, 0.1);
    how.measurement.bits = 8;
    CHECK_THROWS_WITH(how.validate(smooth, Cost::squared_error), Catch::Matchers::Contains("measures no phases"));
  }
  LearnOptions over = options(Estimator::centered, 0.1);
  over.measurement.over_clamp = 0.3;
  CHECK_THROWS_WITH(over.validate(smooth, Cost::cross_entropy), Catch::Matchers::Contains("over_clamp"));
}
