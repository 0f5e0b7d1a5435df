// Neurons: act(h, a) is the exact minimiser of U(s) + a s^2 / 2 - h s, in float and in double.
#include "eqprop/model/activation.h"

#include <cmath>
#include <limits>
#include <vector>

#include "tests/catch.h"

using namespace eqprop;

namespace {

const std::vector<Layer> kLayers{{1, Activation::hard_sigmoid, 6},
                                 {1, Activation::clipped_relu, 2.5},
                                 {1, Activation::linear, 6},
                                 {1, Activation::tanh, 6},
                                 {1, Activation::logistic, 6}};
const std::vector<double> kCurvatures{-0.9, -0.5, -0.1, 0, 0.3, 1, 2};

std::vector<double> grid(double low, double high, int n) {
  std::vector<double> points;
  for (int i = 0; i <= n; ++i) points.push_back(low + (high - low) * i / n);
  return points;
}

double unit_potential(const Layer& layer, double s) { return own_potential<double>(layer, Matrix<double>::Constant(1, 1, s))[0]; }

double objective(const Layer& layer, double s, double h, double a) { return unit_potential(layer, s) + a * s * s / 2 - h * s; }

template <class T>
T act(const Layer& layer, double h, double a) {
  Matrix<T> value = Matrix<T>::Constant(1, 1, static_cast<T>(h));
  const Matrix<T> curvature = Matrix<T>::Constant(1, 1, static_cast<T>(a));
  activate<T>(layer, value, curvature);
  return value(0, 0);
}

}  // namespace

TEMPLATE_TEST_CASE("act(h, a) lies below every point of a dense grid", "[activation][long]", float, double) {
  using T = TestType;
  const double slack = std::is_same_v<T, float> ? 1e-6 : 1e-13;
  for (const auto& layer : kLayers) {
    const Bounds bounds = activation_bounds(layer);
    const auto candidates = grid(std::max(bounds.low, -70.0), std::min(bounds.high, 70.0), 4000);
    for (const double a : kCurvatures)
      for (const double h : grid(-5, 5, 40)) {
        const double s = static_cast<double>(act<T>(layer, h, a));
        CAPTURE(activation_name(layer.activation), a, h, s);
        REQUIRE(s >= bounds.low);
        REQUIRE(s <= bounds.high);
        const double reached = objective(layer, s, h, a);
        double best = std::numeric_limits<double>::infinity();
        for (const double c : candidates) best = std::min(best, objective(layer, c, h, a));
        REQUIRE(reached <= best + slack * (1 + std::abs(best)));
      }
  }
}

TEST_CASE("inside its bounds the slope of the potential vanishes at act(h, a)", "[activation]") {
  constexpr double step = 1e-5;
  int inside = 0;
  for (const auto& layer : kLayers) {
    const Bounds bounds = activation_bounds(layer);
    for (const double a : kCurvatures)
      for (const double h : grid(-3, 3, 30)) {
        const double s = act<double>(layer, h, a);
        if (s - bounds.low < 0.02 || bounds.high - s < 0.02) continue;
        ++inside;
        const double slope = (objective(layer, s + step, h, a) - objective(layer, s - step, h, a)) / (2 * step);
        CAPTURE(activation_name(layer.activation), a, h, s);
        REQUIRE(std::abs(slope) < 1e-6);
      }
  }
  REQUIRE(inside > 300);
}

TEMPLATE_TEST_CASE("implicit units solve u + a act(u) = h", "[activation]", float, double) {
  using T = TestType;
  // s = act(h - a s): written so that saturated units do not blow the error up
  const double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-14;
  double worst = 0;
  for (const auto& layer : kLayers) {
    if (!is_smooth(layer.activation)) continue;
    for (const double a : kCurvatures)
      for (const double h : grid(-30, 30, 601)) {
        const double s = static_cast<double>(act<T>(layer, h, a));
        const double again = act<double>(layer, static_cast<double>(static_cast<T>(h)) - static_cast<double>(static_cast<T>(a)) * s, 0);
        CAPTURE(activation_name(layer.activation), a, h, s);
        const double scale = std::max(1.0, std::abs(s));
        REQUIRE(std::abs(s - again) <= tolerance * scale);
        worst = std::max(worst, std::abs(s - again) / scale);
      }
  }
  INFO("worst " << worst);
  REQUIRE(worst > 0);
}

TEMPLATE_TEST_CASE("zero curvature is the plain activation", "[activation]", float, double) {
  using T = TestType;
  for (const auto& layer : kLayers)
    for (const double h : grid(-4, 4, 33)) {
      Matrix<T> value = Matrix<T>::Constant(1, 1, static_cast<T>(h));
      activate<T>(layer, value);
      REQUIRE(std::abs(value(0, 0) - act<T>(layer, h, 0)) <= 4 * std::numeric_limits<T>::epsilon());
    }
}

TEMPLATE_TEST_CASE("a unit's bits do not depend on its place in the block", "[activation]", float, double) {
  using T = TestType;
  for (const auto& layer : kLayers) {
    Matrix<T> block(37, 5);
    for (Index c = 0; c < block.cols(); ++c)
      for (Index r = 0; r < block.rows(); ++r) block(r, c) = static_cast<T>(0.13 * static_cast<double>((r * 7 + c * 3) % 41) - 2.5);
    Matrix<T> all = block;
    const Matrix<T> curvature = Matrix<T>::Constant(37, 5, T(0.25));
    activate<T>(layer, all, curvature);
    for (Index c = 0; c < block.cols(); ++c)
      for (Index r = 0; r < block.rows(); ++r) {
        Matrix<T> one = block.block(r, c, 1, 1);
        activate<T>(layer, one, curvature.block(r, c, 1, 1));
        REQUIRE(one(0, 0) == all(r, c));
      }
  }
}

TEMPLATE_TEST_CASE("what is not a number stays", "[activation]", float, double) {
  using T = TestType;
  for (const auto& layer : kLayers) {
    Matrix<T> values = Matrix<T>::Constant(19, 3, std::numeric_limits<T>::quiet_NaN());
    activate<T>(layer, values);
    REQUIRE(values.array().isNaN().all());
  }
}

TEST_CASE("own potentials have their known values", "[activation]") {
  REQUIRE(unit_potential({1, Activation::hard_sigmoid, 6}, 0.5) == Approx(0.125));
  REQUIRE(unit_potential({1, Activation::tanh, 6}, 0.0) == 0.0);
  REQUIRE(unit_potential({1, Activation::tanh, 6}, 1.0) == Approx(std::log(2.0)));
  REQUIRE(unit_potential({1, Activation::logistic, 6}, 0.5) == Approx(-std::log(2.0)));
  REQUIRE(unit_potential({1, Activation::logistic, 6}, 0.0) == 0.0);
  // units add up within a sample, samples stay apart
  Matrix<double> state(2, 2);
  state << 1, 2, 3, 4;
  const Eigen::RowVectorXd sum = own_potential<double>({2, Activation::linear, 6}, state);
  REQUIRE(sum[0] == Approx(5.0));
  REQUIRE(sum[1] == Approx(10.0));
}
