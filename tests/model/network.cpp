// Network and State: shapes, rest, answers, costs, first weights.
#include "eqprop/model/network.h"

#include <algorithm>
#include <cmath>

#include "eqprop/model/ideal_coupling.h"
#include "tests/catch.h"
#include "tests/model/coupling_conformance.h"

using namespace eqprop;
using conformance::numbers;

namespace {

std::vector<std::unique_ptr<Coupling<double>>> chain(std::vector<std::pair<Index, Index>> shapes) {
  std::vector<std::unique_ptr<Coupling<double>>> couplings;
  for (const auto& [inputs, outputs] : shapes)
    couplings.push_back(std::make_unique<IdealCoupling<double>>(numbers<double>(outputs, inputs + 1, 1)));
  return couplings;
}

}  // namespace

TEST_CASE("a network takes couplings that fit and nothing else", "[network]") {
  const std::vector<Layer> layers{{4}, {6}, {3}};
  const Network<double> good(layers, chain({{4, 6}, {6, 3}}), Cost::squared_error);
  REQUIRE(good.depth() == 2);
  REQUIRE(good.outputs() == 3);
  REQUIRE(good.sizes() == std::vector<Index>{4, 6, 3});
  REQUIRE(good.coupling_count() == 2);
  REQUIRE(!good.has_readout());
  const Network<double> readout(layers, chain({{4, 6}, {6, 3}, {3, 5}}), Cost::cross_entropy);
  REQUIRE(readout.depth() == 2);
  REQUIRE(readout.outputs() == 5);
  REQUIRE(readout.has_readout());

  const auto make = [](std::vector<Layer> l, std::vector<std::pair<Index, Index>> shapes, Cost cost) {
    Network<double>(l, chain(shapes), cost);
  };
  REQUIRE_THROWS_AS(make({{4}}, {}, Cost::squared_error), std::logic_error);
  REQUIRE_THROWS_AS(make(layers, {{4, 6}}, Cost::squared_error), std::logic_error);
  REQUIRE_THROWS_AS(make(layers, {{4, 6}, {6, 2}}, Cost::squared_error), std::logic_error);
  REQUIRE_THROWS_AS(make(layers, {{5, 6}, {6, 3}}, Cost::squared_error), std::logic_error);
  REQUIRE_THROWS_AS(make(layers, {{4, 6}, {6, 3}, {3, 5}}, Cost::squared_error), std::logic_error);
  REQUIRE_THROWS_AS(make(layers, {{4, 6}, {6, 3}}, Cost::cross_entropy), std::logic_error);
  REQUIRE_THROWS_AS(make(layers, {{4, 6}, {6, 3}, {2, 5}}, Cost::cross_entropy), std::logic_error);
}

TEST_CASE("rest is zero, one half for logistic units", "[network]") {
  const Network<double> network({{4}, {6, Activation::logistic}, {3, Activation::tanh}}, chain({{4, 6}, {6, 3}}), Cost::squared_error);
  const State<double> rest = network.rest(5);
  REQUIRE(rest.batch() == 5);
  REQUIRE((rest.layer(1).array() == 0.5).all());
  REQUIRE((rest.layer(2).array() == 0.0).all());
}

TEST_CASE("layers of a state do not overlap and columns swap whole", "[network]") {
  State<float> state({7, 3, 2}, 4);
  state.layer(1).setConstant(1);
  state.layer(2).setConstant(2);
  state.layer(1, 1, 2).setConstant(5);
  REQUIRE(state.layer(1).sum() == 3 * (1 + 5 + 5 + 1));
  REQUIRE(state.layer(2).sum() == 2 * 4 * 2);
  state.layer(2).col(0).setConstant(9);
  const State<float> copy = state;
  state.swap_columns(0, 2);
  REQUIRE(state.layer(1)(0, 0) == 5);
  REQUIRE(state.layer(1)(2, 2) == 1);
  REQUIRE(state.layer(2)(1, 2) == 9);
  REQUIRE(copy.layer(2)(1, 0) == 9);
  state.swap_columns(3, 3);
  REQUIRE(state.layer(2)(0, 3) == 2);
}

TEST_CASE("the answer is the last layer, or a softmax of the read-out", "[network]") {
  const std::vector<Layer> layers{{4}, {6}, {3}};
  Run run{1};
  const auto samples = conformance::ids(2);
  const Network<double> plain(layers, chain({{4, 6}, {6, 3}}), Cost::squared_error);
  State<double> state = plain.rest(2);
  state.layer(2) = numbers<double>(3, 2, 5);
  Matrix<double> answer(3, 2);
  read_output<double>(plain, state, answer, {{}, samples}, run);
  REQUIRE(answer == state.layer(2));

  const Network<double> readout(layers, chain({{4, 6}, {6, 3}, {3, 5}}), Cost::cross_entropy);
  Matrix<double> probability = Matrix<double>::Constant(5, 2, 77);
  read_output<double>(readout, state, probability, {{}, samples}, run);
  const Matrix<double> w = readout.coupling(2).read();
  Matrix<double> z = w.leftCols(3) * state.layer(2);
  z = (z.colwise() + w.col(3)).array().exp();
  for (Index c = 0; c < 2; ++c) REQUIRE((probability.col(c) - z.col(c) / z.col(c).sum()).cwiseAbs().maxCoeff() < 1e-14);
}

TEST_CASE("a softmax of huge numbers stays finite", "[network]") {
  Matrix<float> values(3, 1);
  values << 1000.0F, 999.0F, -1000.0F;
  softmax<float>(values);
  REQUIRE(values(0, 0) == Approx(1 / (1 + std::exp(-1.0))));
  REQUIRE(values.sum() == Approx(1.0));
}

TEST_CASE("costs have their known values", "[network]") {
  Matrix<double> output(2, 2), target(2, 2);
  output << 0.5, 0.0, 0.5, 1.0;
  target << 1, 1, 0, 0;
  const Eigen::RowVectorXd squared = cost_of<double>(Cost::squared_error, output, target);
  REQUIRE(squared[0] == Approx(0.25));
  REQUIRE(squared[1] == Approx(1.0));
  const Eigen::RowVectorXd entropy = cost_of<double>(Cost::cross_entropy, output, target);
  REQUIRE(entropy[0] == Approx(std::log(2.0)));
  REQUIRE(std::isfinite(entropy[1]));
  REQUIRE(entropy[1] > 600);
}

TEST_CASE("first weights are uniform, unbiased and named by seed and layer", "[network]") {
  constexpr Index inputs = 300, outputs = 200;
  const Matrix<double> w = initial_weights<double>(inputs, outputs, 1.5, 3, 0);
  REQUIRE(w.cols() == inputs + 1);
  REQUIRE((w.col(inputs).array() == 0).all());
  const double bound = 1.5 / std::sqrt(300.0);
  const Matrix<double> body = w.leftCols(inputs) / bound;
  REQUIRE(body.cwiseAbs().maxCoeff() <= 1);
  const double n = static_cast<double>(body.size());
  // five standard deviations of each statistic
  CHECK(std::abs(body.mean()) < 5 * std::sqrt(1.0 / 3 / n));
  CHECK(std::abs(body.array().square().mean() - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / n));
  std::vector<double> sorted(body.data(), body.data() + body.size());
  std::sort(sorted.begin(), sorted.end());
  double distance = 0;  // kolmogorov-smirnov against the uniform law
  for (std::size_t i = 0; i < sorted.size(); ++i)
    distance = std::max(distance, std::abs((sorted[i] + 1) / 2 - (static_cast<double>(i) + 0.5) / n));
  CHECK(distance * std::sqrt(n) < 2.2);  // false alarm 1.2e-4
  // neighbours do not know each other
  const auto left = body.leftCols(inputs - 1).array();
  const auto right = body.rightCols(inputs - 1).array();
  CHECK(std::abs((left * right).mean()) < 5 / 3.0 / std::sqrt(n));

  REQUIRE(initial_weights<double>(inputs, outputs, 1.5, 3, 0) == w);
  CHECK(((initial_weights<double>(inputs, outputs, 1.5, 3, 1) - w).array() == 0).count() < outputs + 5);
  CHECK(((initial_weights<double>(inputs, outputs, 1.5, 4, 0) - w).array() == 0).count() < outputs + 5);
  CHECK((initial_weights<float>(inputs, outputs, 1.5, 3, 0).cast<double>() - w).cwiseAbs().maxCoeff() < 1e-8);
}
