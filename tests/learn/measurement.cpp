// Two circuits that measure: what cancels and what does not.
#include "eqprop/learn/measurement.h"

#include "tests/catch.h"
#include "tests/learn/small_network.h"

using namespace eqprop;
using namespace small_network;

namespace {

// relative distance of the lowest layer's gradient from the perfectly measured one, averaged over steps
double distance(MeasurementOptions measurement, int steps) {
  auto n = network<double>(Activation::tanh, Activation::linear, Cost::squared_error, {7, 9, 4}, 4, 3);
  Run run{3, 1, nullptr, 0};
  const auto b = batch<double>(7, 4, 8);
  LearnOptions how = options(Estimator::centered, 0.1);
  const Eigen::MatrixXd perfect = estimate_gradient<double>(n, b, how, run)[1];
  how.measurement = measurement;
  Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(perfect.rows(), perfect.cols());
  for (int step = 0; step < steps; ++step) sum += estimate_gradient<double>(n, b, how, run, {}, static_cast<std::uint32_t>(step))[1];
  return (sum / steps - perfect).norm() / perfect.norm();
}

}  // namespace

TEST_CASE("an offset of both circuits leaves the bias gradient alone, a mismatch does not") {
  MeasurementOptions both;
  both.offset = 0.05;
  MeasurementOptions one;
  one.mismatch_offset = 0.05;
  CHECK(distance({}, 1) < 1e-12);
  CHECK(distance(one, 1) > 5 * distance(both, 1));
}

TEST_CASE("chopping cancels every mismatch in the mean of two batches") {
  MeasurementOptions one;
  one.mismatch_offset = 0.05;
  one.mismatch_gain = 0.02;
  const double plain = distance(one, 2);
  one.chopping = true;
  CHECK(distance(one, 1) > 0.5 * plain);
  // what is left is of the offset that both phases then have in the mean
  MeasurementOptions mean;
  mean.offset = 0.025;
  CHECK(distance(one, 2) < 0.02 * plain + 2 * distance(mean, 1));
}

TEST_CASE("measured bits round to their step; more bits, less error") {
  double before = 1e300;
  for (const int bits : {6, 9, 12}) {
    MeasurementOptions rounded;
    rounded.bits = bits;
    const double now = distance(rounded, 1);
    CHECK(now < before / 3);
    before = now;
  }
}

TEST_CASE("over-clamping drives the outputs beyond the target, away from the free answer") {
  Matrix<double> target(2, 1), free(2, 1), driven(2, 1);
  target << 1, 0;
  free << 0.9, 0.2;
  MeasurementOptions options;
  drive_target<double>(options, target, free, driven);
  CHECK(driven == target);
  options.over_clamp = 0.3;
  drive_target<double>(options, target, free, driven);
  CHECK(driven(0) == Approx(1.3));
  CHECK(driven(1) == Approx(-0.3));
}

TEST_CASE("the levels of a measured state are 2^bits, its bounds the first and the last, where it saturates") {
  const auto n = network<double>(Activation::hard_sigmoid, Activation::linear, Cost::squared_error, {7, 9, 4}, 4, 3);
  MeasurementOptions options;
  options.bits = 2;
  State<double> state(n.sizes(), 1);
  state.layer(1) << 0, 0.16, 0.17, 0.49, 0.51, 0.84, 1, -0.3, 1.4;
  state.layer(2) << -2.1, 0.123, 0.9, 3.7;
  const Matrix<double> unbounded = state.layer(2);
  measure(options, false, n, state);
  const Eigen::VectorXd want = (Eigen::VectorXd(9) << 0, 0, 1, 1, 2, 3, 3, 0, 3).finished() / 3;
  CHECK((state.layer(1) - want).norm() < 1e-14);
  CHECK(state.layer(2) == unbounded);
}
