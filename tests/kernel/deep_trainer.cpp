#include "eqprop/train/kernel_path.h"

#include "tests/catch.h"
#include "tests/train/small_task.h"

using namespace small_task;

namespace {

NetworkOptions deep_network(Activation output = Activation::hard_sigmoid) {
  NetworkOptions options = network(Substrate::ideal, 40);
  options.layers.insert(options.layers.begin() + 2, {{30, Activation::hard_sigmoid, 0}, {25, Activation::hard_sigmoid, 0}});
  options.layers.back().activation = output;
  options.initial_scale = 0.7;
  return options;
}

TrainOptions deep_training(bool kernel, double tolerance = 1e-6) {
  TrainOptions options = training(1, kernel);
  options.free.tolerance = options.nudged.tolerance = tolerance;
  options.free.budget = options.nudged.budget = 2000;
  options.rule.rates = {0.2, 0.1, 0.1, 0.1};
  return options;
}

bool applies(const NetworkOptions& n, const TrainOptions& t) {
  Run run{1, 1, nullptr, 0};
  const Network<float> net = build_network<float>(n, run);
  return path_for(net, t) == Path::deep;
}

}  // namespace

TEST_CASE("deep trainer: a training of the kernel is that of the general path") {
  const Estimator estimator = GENERATE(Estimator::one_sided, Estimator::centered, Estimator::fourth_order);
  const Activation output = GENERATE(Activation::hard_sigmoid, Activation::linear);
  const Dataset set = data(60, 3);
  TrainOptions fast = deep_training(true);
  TrainOptions slow = deep_training(false);
  fast.estimator = slow.estimator = estimator;
  fast.beta = slow.beta = 0.3;
  Subject a(deep_network(output), fast, set);
  Subject b(deep_network(output), slow, set);
  const Matrix<float> start = a.net.coupling(1).read();
  const EpochReport of_a = a.epoch(set);
  const EpochReport of_b = b.epoch(set);
  REQUIRE(of_a.path == Path::deep);
  REQUIRE(of_b.path == Path::general);
  REQUIRE(of_a.sums.settles == of_b.sums.settles);
  REQUIRE(of_a.sums.converged == of_a.sums.settles);
  for (int c = 0; c < 4; ++c) {
    const Matrix<float> x = a.net.coupling(c).read();
    const Matrix<float> y = b.net.coupling(c).read();
    INFO("coupling " << c);
    REQUIRE((x - y).cwiseAbs().maxCoeff() < 2e-4F);
  }
  REQUIRE((b.net.coupling(1).read() - start).cwiseAbs().maxCoeff() > 2e-3F);
  REQUIRE(of_a.sums.cost == Approx(of_b.sums.cost).epsilon(1e-3));
  REQUIRE(a.trainer.evaluate(set).cost == Approx(b.trainer.evaluate(set).cost).epsilon(1e-3));
}

TEST_CASE("deep trainer: bits do not depend on threads", "[threads]") {
  const Dataset set = data(60, 3);
  Subject one(deep_network(), deep_training(true, 1e-3), set, 1, 1);
  Subject seven(deep_network(), deep_training(true, 1e-3), set, 1, 7);
  one.epoch(set);
  seven.epoch(set);
  for (int c = 0; c < 4; ++c) REQUIRE(one.net.coupling(c).read() == seven.net.coupling(c).read());
}

TEST_CASE("deep trainer: the predicate takes what the kernel computes and nothing else") {
  REQUIRE(applies(deep_network(), deep_training(true)));
  REQUIRE(applies(deep_network(Activation::linear), deep_training(true)));
  REQUIRE_FALSE(applies(network(Substrate::ideal), training(1)));  // one hidden layer
  REQUIRE_FALSE(applies(deep_network(Activation::tanh), deep_training(true)));
  NetworkOptions n = deep_network();
  n.layers[2].activation = Activation::tanh;
  REQUIRE_FALSE(applies(n, deep_training(true)));

  const auto refused = [](auto change) {
    TrainOptions t = deep_training(true);
    change(t);
    return !applies(deep_network(), t);
  };
  REQUIRE(refused([](TrainOptions& t) { t.rule.momentum = 0.5; }));
  REQUIRE_FALSE(refused([](TrainOptions& t) { t.nudged.tolerance = 1e-4; }));
  REQUIRE(refused([](TrainOptions& t) { t.free.method = Method::euler; }));
  REQUIRE(refused([](TrainOptions& t) { t.nudged.method = Method::difference; }));
  REQUIRE(refused([](TrainOptions& t) { t.free.activation_noise = 0.01; }));
  REQUIRE(refused([](TrainOptions& t) { t.nudged.state_bits = 8; }));
  REQUIRE(refused([](TrainOptions& t) { t.estimator = Estimator::holomorphic; }));
  REQUIRE(refused([](TrainOptions& t) { t.estimator = Estimator::coupled_c; }));
  const auto by_events = [](TrainOptions& t, double threshold) {
    t.free.method = t.nudged.method = Method::event_driven;
    t.free.threshold = t.nudged.threshold = threshold;
  };
  REQUIRE_FALSE(refused([&](TrainOptions& t) { by_events(t, 1e-7); }));
  REQUIRE(refused([&](TrainOptions& t) { by_events(t, 1e-5); }));  // above the tolerance: what is never told would hold the stop up
  REQUIRE(refused([](TrainOptions& t) { t.free.method = Method::event_driven; }));
}
