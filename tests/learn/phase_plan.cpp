#include "eqprop/learn/phase_plan.h"

#include "base/check.h"
#include "tests/catch.h"

using namespace eqprop;

TEST_CASE("every plan is a derivative: weights sum to 0, weights times beta to 1") {
  for (const auto estimator : {Estimator::one_sided, Estimator::centered, Estimator::random_sign})
    for (const double beta : {0.1, -0.3, 0.9})
      for (std::uint32_t step = 0; step < 20; ++step) {
        double sum = 0;
        double first = 0;
        for (const auto& phase : make_plan(estimator, beta, 7, step)) {
          sum += phase.weight.real();
          first += phase.weight.real() * phase.beta();
        }
        CHECK(sum == Approx(0).margin(1e-12));
        CHECK(first == Approx(1));
      }
}

TEST_CASE("a centered plan has no second-order error: weights times beta squared sum to 0") {
  double second = 0;
  for (const auto& phase : make_plan(Estimator::centered, 0.4, 1, 1)) second += phase.weight.real() * phase.beta() * phase.beta();
  CHECK(second == Approx(0).margin(1e-12));
}

TEST_CASE("random sign draws both signs evenly, names the draw by seed and step") {
  int positive = 0;
  constexpr int kSteps = 4000;
  for (std::uint32_t step = 0; step < kSteps; ++step) {
    const auto plan = make_plan(Estimator::random_sign, 0.2, 3, step);
    CHECK(plan[1].beta() == make_plan(Estimator::random_sign, 0.2, 3, step)[1].beta());
    positive += plan[1].beta() > 0 ? 1 : 0;
  }
  // 5 standard deviations of a fair coin: false alarm 6e-7
  CHECK(std::abs(positive - kSteps / 2) < 5 * std::sqrt(kSteps / 4.0));
}

TEST_CASE("estimator names go round, unknown ones say what is known") {
  for (const auto estimator : {Estimator::one_sided, Estimator::centered, Estimator::random_sign})
    CHECK(estimator_from_name(estimator_name(estimator)) == estimator);
  CHECK_THROWS_WITH(estimator_from_name("centred"), Catch::Matchers::Contains("one_sided, centered, random_sign"));
  CHECK_THROWS_AS(make_plan(Estimator::centered, 0, 1, 1), std::logic_error);
}
