// The exact gradient three ways, against finite differences and against each other.
#include "eqprop/learn/adjoint.h"

#include "tests/catch.h"
#include "tests/learn/small_network.h"

using namespace eqprop;
using namespace small_network;

namespace {

struct Net {
  Activation hidden, output;
  Cost cost;
  std::vector<Index> sizes;  // without the classes of a read-out
};

const std::vector<Net> kNets{
    {Activation::tanh, Activation::linear, Cost::squared_error, {7, 9, 4}},
    {Activation::logistic, Activation::tanh, Cost::squared_error, {7, 9, 6, 4}},
    {Activation::hard_sigmoid, Activation::linear, Cost::squared_error, {12, 10, 8, 6, 4}},
    {Activation::clipped_relu, Activation::hard_sigmoid, Cost::squared_error, {12, 10, 4}},
    {Activation::tanh, Activation::linear, Cost::squared_error, {5, 4}},
    {Activation::tanh, Activation::logistic, Cost::cross_entropy, {7, 9, 6}},
};

Network<double> build(const Net& net, std::uint32_t seed) { return network<double>(net.hidden, net.output, net.cost, net.sizes, 4, seed); }

std::vector<Eigen::MatrixXd> gradient(const Net& net, Estimator estimator, std::uint32_t seed, int unrolled = 15) {
  auto n = build(net, seed);
  Run run{seed, 1, nullptr, 0};
  LearnOptions how = options(estimator, 0.1);
  how.unrolled = unrolled;
  return estimate_gradient<double>(n, batch<double>(net.sizes.front(), 4, 6), how, run);
}

}  // namespace

TEST_CASE("the implicit gradient is the slope of the loss, any depth, activation and cost") {
  for (const Net& net : kNets)
    for (const std::uint32_t seed : {3u, 4u}) {
      auto n = build(net, seed);
      Run run{seed, 1, nullptr, 0};
      const auto b = batch<double>(net.sizes.front(), 4, 6);
      for (const auto& layer : check_gradient(n, b, gradient(net, Estimator::implicit, seed), options(Estimator::implicit, 0.1), 40, 1e-6, run))
        CHECK(layer.relative_error < 1e-5);
    }
}

TEST_CASE("sweeps of the adjoint end at the implicit one; cut short they come nearer with every sweep") {
  for (const Net& net : kNets) {
    const auto exact = gradient(net, Estimator::implicit, 3);
    for (const auto& a : compare_gradients(gradient(net, Estimator::recurrent_backprop, 3), exact)) CHECK(a.relative_error < 1e-10);
    double before = 1e300;
    for (const int sweeps : {1, 3, 8, 24}) {
      double worst = 0;
      for (const auto& a : compare_gradients(gradient(net, Estimator::truncated_bptt, 3, sweeps), exact))
        worst = std::max(worst, a.relative_error);
      CHECK(worst <= before + 1e-12);
      before = worst;
    }
    CHECK(before < 0.05);
  }
}

TEST_CASE("backprop is the slope of the feed-forward net's loss") {
  for (const Net& net : kNets) {
    auto n = build(net, 3);
    Run run{3, 1, nullptr, 0};
    const auto b = batch<double>(net.sizes.front(), 4, 6);
    const LearnOptions how = options(Estimator::backprop, 0.1);
    for (const auto& layer : check_gradient(n, b, estimate_gradient<double>(n, b, how, run), how, 40, 1e-6, run))
      CHECK(layer.relative_error < 1e-5);
  }
}

TEST_CASE("feedback is what sets the settling net's gradient apart: without backward weights it is backprop's") {
  // weights scaled down: feedback falls with their square, the gradients meet
  double before = 1e300;
  for (const double scale : {1.0, 0.3, 0.1}) {
    auto n = network<double>(Activation::tanh, Activation::linear, Cost::squared_error, {7, 9, 4}, 4, 3);
    const Eigen::MatrixXd w = n.coupling(1).read();
    std::vector<std::unique_ptr<Coupling<double>>> couplings;
    couplings.push_back(std::make_unique<IdealCoupling<double>>(n.coupling(0).read()));
    couplings.push_back(std::make_unique<IdealCoupling<double>>(Eigen::MatrixXd(scale * w)));
    Network<double> small(n.layers(), std::move(couplings), Cost::squared_error);
    Run run{3, 1, nullptr, 0};
    const auto b = batch<double>(7, 4, 6);
    const auto settled = estimate_gradient<double>(small, b, options(Estimator::implicit, 0.1), run);
    const auto forward = estimate_gradient<double>(small, b, options(Estimator::backprop, 0.1), run);
    const double distance = compare_gradients(forward, settled)[1].relative_error;
    CHECK(distance < before / 3);
    before = distance;
  }
}
