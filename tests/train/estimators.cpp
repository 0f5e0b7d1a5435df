// Every estimator through the trainer: it learns on exact weights and on arrays, on any number of threads, and goes on after a stop.
#include "base/check.h"
#include "tests/catch.h"
#include "tests/train/small_task.h"

using namespace eqprop;
using namespace small_task;

namespace {

struct Case {
  NetworkOptions network;
  TrainOptions training;
};

Case make_case(Estimator estimator, Substrate substrate, int epochs) {
  Case out{network(substrate), training(epochs)};
  out.training.estimator = estimator;
  // enough nudge for pulses to see, outputs that no clamp holds dead
  if (estimator == Estimator::fourth_order) out.training.beta = 0.3;
  if (estimator == Estimator::holomorphic || family_of(estimator) != EstimatorFamily::plan) {
    out.network.layers[2].activation = Activation::linear;
    out.training.rule.rates = {0.1, 0.05};
  }
  if (estimator == Estimator::holomorphic) {
    out.network.layers[1].activation = Activation::tanh;
    out.training.points = 4;
  }
  if (family_of(estimator) == EstimatorFamily::moving) {
    out.training.batch = 5;
    out.training.unrolled = 20;
    out.training.rule.rates = {0.02, 0.02};
  }
  if (substrate == Substrate::crossbar) {
    out.network.crossbar.bipolar = drives_signed(estimator);
    out.training.free.tolerance = out.training.nudged.tolerance = 1e-3;
    for (double& rate : out.training.rule.rates) rate *= 2;
  }
  return out;
}

double accuracy(const Case& c) {
  const Dataset train = data(400, 1);
  Subject subject(c.network, c.training, train);
  for (int e = 0; e < c.training.epochs; ++e) subject.epoch(train);
  return subject.trainer.evaluate(data(200, 2)).accuracy;
}

std::vector<std::uint8_t> trained_bytes(const Case& c, int threads) {
  const Dataset train = data(60, 1);
  Subject subject(c.network, c.training, train, 1, threads);
  subject.epoch(train);
  return subject.bytes();
}

}  // namespace

TEST_CASE("every estimator learns on exact weights") {
  for (const Estimator estimator : all_estimators()) {
    CAPTURE(estimator_name(estimator));
    CHECK(accuracy(make_case(estimator, Substrate::ideal, 6)) > 0.9);  // chance is 0.25
  }
}

TEST_CASE("every estimator learns on arrays") {
  for (const Estimator estimator : all_estimators()) {
    CAPTURE(estimator_name(estimator));
    CHECK(accuracy(make_case(estimator, Substrate::crossbar, 6)) > 0.8);
  }
}

TEST_CASE("every estimator: same seed, same bits for 1, 2 and 7 threads, on both substrates", "[threads]") {
  for (const Estimator estimator : all_estimators())
    for (const Substrate substrate : {Substrate::ideal, Substrate::crossbar}) {
      CAPTURE(estimator_name(estimator));
      const Case c = make_case(estimator, substrate, 1);
      const auto one = trained_bytes(c, 1);
      CHECK(one == trained_bytes(c, 2));
      CHECK(one == trained_bytes(c, 7));
    }
}

TEST_CASE("every estimator goes on after a stop with the same bits") {
  const Dataset train = data(60, 1);
  for (const Estimator estimator : all_estimators()) {
    CAPTURE(estimator_name(estimator));
    const Case c = make_case(estimator, Substrate::ideal, 2);
    Subject whole(c.network, c.training, train);
    whole.epoch(train);
    EpochReport report;
    Subject first(c.network, c.training, train);
    first.trainer.run_epoch(
        train, [](const Progress& p) { return p.done < 20; }, report);
    const auto saved = first.bytes();
    Subject second(c.network, c.training, train);
    ByteReader in(saved, "saved");
    second.trainer.restore(in);
    second.epoch(train);
    CHECK(second.bytes() == whole.bytes());
  }
}

TEST_CASE("phases, sweeps and joules are counted for every estimator on arrays") {
  const Dataset train = data(40, 1);
  for (const Estimator estimator : all_estimators()) {
    CAPTURE(estimator_name(estimator));
    const Case c = make_case(estimator, Substrate::crossbar, 1);
    Subject subject(c.network, c.training, train);
    const EpochReport report = subject.epoch(train);
    CHECK(report.sums.settles >= 40 * (family_of(estimator) == EstimatorFamily::feed_forward ? 1 : 2));
    CHECK(report.sums.sweeps >= report.sums.settles / 2);
    const Ledger& ledger = subject.trainer.ledger();
    CHECK(ledger.total(Event::cell_read).joule > 0);
    CHECK(ledger.phases([](PhaseId p) { return p == kPhaseUpdate; }).total(Event::accumulator).count > 0);
  }
}

TEST_CASE("weights that read differently backward still learn when they differ little") {
  Case c = make_case(Estimator::centered, Substrate::ideal, 6);
  c.network.backward_error = 0.2;
  CHECK(accuracy(c) > 0.9);
  Case exact = c;
  exact.network.backward_error = 0;
  CHECK(trained_bytes(c, 1) != trained_bytes(exact, 1));
  c.training.estimator = Estimator::implicit;
  CHECK_THROWS_WITH(c.training.validate(c.network), Catch::Matchers::Contains("backward_error"));
}

TEST_CASE("momentum and moving weights are refused together") {
  Case c = make_case(Estimator::continual, Substrate::ideal, 1);
  c.training.rule.momentum = 0.5;
  CHECK_THROWS_WITH(c.training.validate(c.network), Catch::Matchers::Contains("momentum"));
}

TEST_CASE("arrays that carry adjoints take drives of both signs") {
  for (const bool bipolar : {false, true}) {
    NetworkOptions options = network(Substrate::crossbar);
    options.crossbar.bipolar = bipolar;
    Run run{1, 1, nullptr, 0};
    const Network<float> net = build_network<float>(options, run);
    const Matrix<float> down = Matrix<float>::Constant(4, 1, -0.5F);
    Matrix<float> field = Matrix<float>::Zero(20, 1);
    const std::uint32_t id = 0;
    net.coupling(1).backward(down, field, {{}, {&id, 1}}, run);
    const Matrix<float> exact = net.coupling(1).read().leftCols(20).transpose() * down;
    CHECK(((field - exact).norm() < 0.3F * exact.norm()) == bipolar);
  }
}

TEST_CASE("a free state that diverged counts in every phase, and so do wild feed-forward and adjoint passes") {
  const Dataset train = data(100, 1);
  for (const Estimator estimator : {Estimator::one_sided, Estimator::centered, Estimator::backprop, Estimator::implicit}) {
    CAPTURE(estimator_name(estimator));
    Case c = make_case(estimator, Substrate::ideal, 1);
    c.network.layers[1].activation = c.network.layers[2].activation = Activation::linear;
    c.training.rule.rates = {3e5, 1e5};
    c.training.kernel = false;
    Subject subject(c.network, c.training, train);
    const EpochReport report = subject.epoch(train);
    CHECK(2 * report.sums.diverged > report.sums.settles);
  }
}

TEST_CASE("the time of moving weights is that of all their moves") {
  const Dataset train = data(20, 1);
  const auto second = [&](int moves) {
    Case c = make_case(Estimator::continual, Substrate::crossbar, 1);
    c.training.unrolled = moves;
    c.training.nudged.tolerance = 0;
    Subject subject(c.network, c.training, train);
    return subject.epoch(train).sums.hardware_second;
  };
  CHECK(second(8) - second(4) > 0.9 * (second(4) - second(2)) * 2);
}
