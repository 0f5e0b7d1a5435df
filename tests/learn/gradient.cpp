#include "eqprop/learn/gradient.h"

#include "tests/catch.h"
#include "tests/learn/small_network.h"

using namespace eqprop;

namespace {

using small_network::kExact;

std::vector<Agreement> agreement(Activation hidden, Activation output, Cost cost, std::vector<Index> sizes, Estimator estimator,
                                 double beta) {
  Run run{11, 1, nullptr, 0};
  const Index classes = 4;
  if (cost == Cost::squared_error) sizes.push_back(classes);
  auto network = small_network::network<double>(hidden, output, cost, sizes, classes, 3);
  const auto batch = small_network::batch<double>(sizes.front(), classes, 6);
  const auto estimate = estimate_gradient<double>(network, batch, small_network::options(estimator, beta), run);
  return check_gradient(network, batch, estimate, small_network::options(estimator, beta), 60, 1e-5, run);
}

}  // namespace

TEST_CASE("centered EP agrees with finite differences of the loss: float64, beta 0.1, two hidden layers") {
  for (const auto& layer : agreement(Activation::tanh, Activation::linear, Cost::squared_error, {12, 10, 8}, Estimator::centered, 0.1)) {
    CHECK(layer.cosine > 0.999);
    CHECK(layer.relative_error < 0.05);
  }
  // kinks: a nudge that carries units across a bound is no derivative, so piecewise-linear units need a smaller one
  for (const auto& layer :
       agreement(Activation::hard_sigmoid, Activation::linear, Cost::squared_error, {12, 10, 8}, Estimator::centered, 0.002))
    CHECK(layer.cosine > 0.999);
  for (const auto& layer :
       agreement(Activation::logistic, Activation::logistic, Cost::squared_error, {12, 10, 8}, Estimator::centered, 0.1))
    CHECK(layer.cosine > 0.999);
}

TEST_CASE("cross entropy with a read-out beside the system agrees with finite differences, the read-out's weights too") {
  const auto layers = agreement(Activation::tanh, Activation::tanh, Cost::cross_entropy, {12, 10, 8}, Estimator::centered, 0.1);
  REQUIRE(layers.size() == 3);
  for (const auto& layer : layers) CHECK(layer.cosine > 0.999);
}

TEST_CASE("estimators converge at their order: one-sided linearly in beta, centered quadratically") {
  const auto error = [](Estimator estimator, double beta) {
    return agreement(Activation::tanh, Activation::linear, Cost::squared_error, {6, 7}, estimator, beta).front().relative_error;
  };
  CHECK(error(Estimator::one_sided, 0.1) / error(Estimator::one_sided, 0.05) == Approx(2).margin(0.4));
  CHECK(error(Estimator::centered, 0.1) / error(Estimator::centered, 0.05) == Approx(4).margin(1.0));
  CHECK(error(Estimator::centered, 0.1) < error(Estimator::one_sided, 0.1) / 3);
}

TEST_CASE("float32 gradients agree with float64") {
  Run run{11, 1, nullptr, 0};
  auto n64 = small_network::network<double>(Activation::hard_sigmoid, Activation::hard_sigmoid, Cost::squared_error, {12, 10, 4}, 4, 3);
  auto n32 = small_network::network<float>(Activation::hard_sigmoid, Activation::hard_sigmoid, Cost::squared_error, {12, 10, 4}, 4, 3);
  const auto g64 =
      estimate_gradient<double>(n64, small_network::batch<double>(12, 4, 6), small_network::options(Estimator::centered, 0.2), run);
  const auto g32 = estimate_gradient<float>(n32, small_network::batch<float>(12, 4, 6),
                                            small_network::options(Estimator::centered, 0.2, {0, 200, 4, 1.5}), run);
  for (std::size_t c = 0; c < g64.size(); ++c) CHECK((g64[c] - g32[c].cast<double>()).norm() < 1e-4 * g64[c].norm());
}
