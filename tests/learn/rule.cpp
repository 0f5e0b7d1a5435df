#include "eqprop/learn/rule.h"

#include "base/check.h"
#include "eqprop/model/ideal_coupling.h"
#include "tests/catch.h"

using namespace eqprop;

namespace {

Network<double> one_layer() {
  std::vector<std::unique_ptr<Coupling<double>>> couplings;
  couplings.push_back(std::make_unique<IdealCoupling<double>>(Matrix<double>::Zero(2, 4)));
  return Network<double>({{3, Activation::linear, 0}, {2, Activation::linear, 0}}, std::move(couplings), Cost::squared_error);
}

// one contrast with a known gradient: weight 1, states s on inputs x
Matrix<double> apply(Rule<double>& rule, Network<double>& network, const Matrix<double>& x, const Matrix<double>& s, double progress) {
  Run run{1, 1, nullptr, 0};
  State<double> state(network.sizes(), x.cols());
  state.layer(1) = s;
  Contrast<double> contrast;
  std::vector<std::uint32_t> ids(static_cast<std::size_t>(x.cols()), 0);
  contrast.add(1, network, {}, state, {{}, ids}, run);
  const Matrix<double> before = network.coupling(0).read();
  rule.apply(contrast, view(x), progress, network, {}, run);
  return network.coupling(0).read() - before;
}

}  // namespace

TEST_CASE("plain SGD moves the weights by rate times the mean of post [pre; 1]'") {
  auto network = one_layer();
  RuleOptions options;
  options.rates = {0.5};
  Rule<double> rule(options, network);
  const Matrix<double> x = Matrix<double>::Random(3, 5);
  const Matrix<double> s = Matrix<double>::Random(2, 5);
  const Matrix<double> moved = apply(rule, network, x, s, 0);
  CHECK((moved.leftCols(3) - 0.5 / 5 * s * x.transpose()).norm() < 1e-14);
  CHECK((moved.col(3) - 0.5 / 5 * s.rowwise().sum()).norm() < 1e-14);
}

TEST_CASE("momentum gathers velocity; it survives a save") {
  auto network = one_layer();
  RuleOptions options;
  options.rates = {1};
  options.momentum = 0.9;
  Rule<double> rule(options, network);
  const Matrix<double> x = Matrix<double>::Random(3, 4);
  const Matrix<double> s = Matrix<double>::Random(2, 4);
  const Matrix<double> first = apply(rule, network, x, s, 0);
  const Matrix<double> second = apply(rule, network, x, s, 0);
  CHECK((second - 1.9 * first).norm() < 1e-13);
  ByteWriter out;
  rule.save(out);
  Rule<double> other(options, network);
  ByteReader in(out.bytes(), "rule");
  other.restore(in);
  CHECK((apply(other, network, x, s, 0) - (1 + 0.9 * 1.9) * first).norm() < 1e-13);
  options.momentum = 0;
  Rule<double> without(options, network);
  ByteReader again(out.bytes(), "rule");
  CHECK_THROWS_AS(without.restore(again), InputError);
}

TEST_CASE("schedules start at 1, end at the final fraction and never rise") {
  for (const auto schedule : {Schedule::constant, Schedule::linear, Schedule::exponential, Schedule::cosine}) {
    RuleOptions options;
    options.schedule = schedule;
    options.final_fraction = 0.1;
    CHECK(schedule_factor(options, 0) == Approx(1));
    CHECK(schedule_factor(options, 1) == Approx(schedule == Schedule::constant ? 1 : 0.1));
    for (double p = 0; p < 1; p += 0.05) CHECK(schedule_factor(options, p + 0.05) <= schedule_factor(options, p) + 1e-12);
    CHECK(schedule_from_name(schedule_name(schedule)) == schedule);
  }
}

TEST_CASE("bad rule options name the field and the range") {
  RuleOptions options;
  options.rates = {0.1};
  CHECK_THROWS_WITH(options.validate(2), Catch::Matchers::Contains("train.rates") && Catch::Matchers::Contains("expected 2"));
  options.rates = {std::nan("")};
  CHECK_THROWS_AS(options.validate(1), InputError);
  options.rates = {0.1};
  options.momentum = 1;
  CHECK_THROWS_WITH(options.validate(1), Catch::Matchers::Contains("[0, 1)"));
  options.momentum = 0;
  options.schedule = Schedule::exponential;
  CHECK_THROWS_WITH(options.validate(1), Catch::Matchers::Contains("final_fraction"));
}

TEST_CASE("weight decay takes rate times decay of each weight per step, the biases excluded, the steps of a while at once") {
  auto network = one_layer();
  RuleOptions options;
  options.rates = {0.5};
  options.weight_decay = 0.001;
  options.schedule = Schedule::linear;
  Rule<double> rule(options, network);
  apply(rule, network, Matrix<double>::Random(3, 5), Matrix<double>::Random(2, 5), 0);
  const Matrix<double> before = network.coupling(0).read();
  REQUIRE(before.cwiseAbs().minCoeff() > 0);
  for (std::uint32_t step = 0; step + 1 < kDecaySteps; ++step) rule.decay(step, 0.25, network);
  CHECK(network.coupling(0).read() == before);
  rule.decay(kDecaySteps - 1, 0.25, network);
  const Matrix<double> after = network.coupling(0).read();
  const double left = 1 - 0.5 * 0.75 * 0.001 * kDecaySteps;
  CHECK((after.leftCols(3) - left * before.leftCols(3)).norm() < 1e-15);
  CHECK(after.col(3) == before.col(3));

  options.weight_decay = 1.0 / (0.5 * kDecaySteps);
  CHECK_THROWS_WITH(options.validate(1), Catch::Matchers::Contains("weight_decay"));
  options.weight_decay = -1;
  CHECK_THROWS_WITH(options.validate(1), Catch::Matchers::Contains("weight_decay"));
}
