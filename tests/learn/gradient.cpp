#include "eqprop/learn/gradient.h"

#include "eqprop/model/ideal_coupling.h"
#include "tests/catch.h"

using namespace eqprop;

namespace {

template <class T>
Network<T> make_network(Activation hidden, Activation output, Cost cost, std::vector<Index> sizes, Index classes, std::uint32_t seed) {
  std::vector<Layer> layers;
  std::vector<std::unique_ptr<Coupling<T>>> couplings;
  for (std::size_t l = 0; l < sizes.size(); ++l) layers.push_back({sizes[l], l + 1 == sizes.size() ? output : hidden, 6});
  const auto couple = [&](Index in, Index out, int l) {
    Matrix<T> w = initial_weights<T>(in, out, 1, seed, l);
    w.col(in).setConstant(T(0.1));
    couplings.push_back(std::make_unique<IdealCoupling<T>>(w));
  };
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) couple(sizes[l], sizes[l + 1], static_cast<int>(l));
  if (cost == Cost::cross_entropy) couple(sizes.back(), classes, 9);
  return Network<T>(layers, std::move(couplings), cost);
}

template <class T>
GradientBatch<T> make_batch(Index features, Index outputs, Index count) {
  GradientBatch<T> batch;
  batch.x.resize(features, count);
  batch.y = Matrix<T>::Zero(outputs, count);
  const RandomKey key(5, Purpose::test);
  for (Index i = 0; i < count; ++i) {
    Place place;
    place.sample = static_cast<std::uint32_t>(i);
    for (Index f = 0; f < features; ++f) batch.x(f, i) = static_cast<T>(key.uniform(place, static_cast<std::uint32_t>(f)));
    batch.y(i % outputs, i) = 1;
    batch.ids.push_back(static_cast<std::uint32_t>(i));
  }
  return batch;
}

const SettleOptions kExact{1e-13, 5000, 4, 1.5};

LearnOptions learn_options(Estimator estimator, double beta, const SettleOptions& settle = kExact) {
  LearnOptions out;
  out.estimator = estimator;
  out.beta = beta;
  out.free = out.nudged = settle;
  return out;
}

std::vector<Agreement> agreement(Activation hidden, Activation output, Cost cost, std::vector<Index> sizes, Estimator estimator, double beta) {
  Run run{11, 1, nullptr, 0};
  const Index classes = 4;
  if (cost == Cost::squared_error) sizes.push_back(classes);
  auto network = make_network<double>(hidden, output, cost, sizes, classes, 3);
  const auto batch = make_batch<double>(sizes.front(), classes, 6);
  const auto estimate = estimate_gradient<double>(network, batch, learn_options(estimator, beta), run);
  return check_gradient(network, batch, estimate, learn_options(estimator, beta), 60, 1e-5, run);
}

}  // namespace

TEST_CASE("centered EP agrees with finite differences of the loss: float64, beta 0.1, two hidden layers") {
  for (const auto& layer : agreement(Activation::tanh, Activation::linear, Cost::squared_error, {12, 10, 8}, Estimator::centered, 0.1)) {
    CHECK(layer.cosine > 0.999);
    CHECK(layer.relative_error < 0.05);
  }
  // kinks: a nudge that carries units across a bound is no derivative, so piecewise-linear units need a smaller one
  for (const auto& layer : agreement(Activation::hard_sigmoid, Activation::linear, Cost::squared_error, {12, 10, 8}, Estimator::centered, 0.002))
    CHECK(layer.cosine > 0.999);
  for (const auto& layer : agreement(Activation::logistic, Activation::logistic, Cost::squared_error, {12, 10, 8}, Estimator::centered, 0.1))
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
  auto n64 = make_network<double>(Activation::hard_sigmoid, Activation::hard_sigmoid, Cost::squared_error, {12, 10, 4}, 4, 3);
  auto n32 = make_network<float>(Activation::hard_sigmoid, Activation::hard_sigmoid, Cost::squared_error, {12, 10, 4}, 4, 3);
  const auto g64 = estimate_gradient<double>(n64, make_batch<double>(12, 4, 6), learn_options(Estimator::centered, 0.2), run);
  const auto g32 = estimate_gradient<float>(n32, make_batch<float>(12, 4, 6), learn_options(Estimator::centered, 0.2, {0, 200, 4, 1.5}), run);
  for (std::size_t c = 0; c < g64.size(); ++c) CHECK((g64[c] - g32[c].cast<double>()).norm() < 1e-4 * g64[c].norm());
}
