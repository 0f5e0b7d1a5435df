#include "base/math.h"

#include <algorithm>
#include <vector>

#include "tests/catch.h"

using namespace eqprop;

namespace {

constexpr double kPi = 3.14159265358979323846;

/// Calls body on about `count` floats of [low, high], evenly over their bit patterns (dense near zero) and evenly over values.
template <class Body>
void over(float low, float high, int count, Body body) {
  for (int i = 0; i <= count; ++i) body(static_cast<float>(low + (double{high} - low) * i / count));
  for (const float sign : {-1.0f, 1.0f}) {
    const auto begin = std::bit_cast<std::uint32_t>(1e-37f);
    const auto end = std::bit_cast<std::uint32_t>(std::max(std::abs(low), std::abs(high)));
    const std::uint32_t step = std::max(1u, (end - begin) / static_cast<std::uint32_t>(count));
    for (std::uint32_t bits = begin; bits <= end; bits += step) {
      const float x = sign * std::bit_cast<float>(bits);
      if (x >= low && x <= high) body(x);
    }
  }
}

template <class Function, class Exact>
double worst_relative(float low, float high, Function function, Exact exact) {
  double worst = 0;
  over(low, high, 1'000'000, [&](float x) {
    const double wanted = exact(double{x});
    const double error = std::abs(function(x) - wanted);
    worst = std::max(worst, wanted == 0 ? error * 1e30 : error / std::abs(wanted));
  });
  return worst;
}

/// Largest relative step back between neighbours of a rising grid; 0 for a monotone function.
template <class Function>
double worst_fall(float low, float high, Function function) {
  double worst = 0;
  float last = function(low);
  for (int i = 1; i <= 1'000'000; ++i) {
    const float y = function(static_cast<float>(low + (double{high} - low) * i / 1'000'000));
    worst = std::max(worst, (double{last} - y) / std::abs(double{y}));
    last = y;
  }
  return worst;
}

const float kInf = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("exp_poly stays in its error bound and saturates", "[base][math]") {
  const double worst = worst_relative(
      -87.3f, 88.37f, [](float x) { return exp_poly(x); }, [](double x) { return std::exp(x); });
  INFO("worst relative error " << worst);
  CHECK(worst <= 1e-7);
  CHECK(exp_poly(0.0f) == 1.0f);
  CHECK(exp_poly(-1e30f) == exp_poly(-87.3f));
  CHECK(exp_poly(-kInf) >= std::numeric_limits<float>::min());
  CHECK(exp_poly(kInf) == exp_poly(88.37f));
  CHECK(std::isfinite(exp_poly(kInf)));
  CHECK(std::isnan(exp_poly(kNan)));
  CHECK(worst_fall(-100.0f, 100.0f, [](float x) { return exp_poly(x); }) <= 2.4e-7);
}

TEST_CASE("log_poly stays in its error bound over all positive normal floats", "[base][math]") {
  const float least = std::numeric_limits<float>::min(), most = std::numeric_limits<float>::max();
  const auto function = [](float x) { return log_poly(x); };
  const auto exact = [](double x) { return std::log(x); };
  const double worst = std::max({worst_relative(least, most, function, exact), worst_relative(0.5f, 2.0f, function, exact),
                                 worst_relative(0.999f, 1.001f, function, exact)});
  INFO("worst relative error " << worst);
  CHECK(worst <= 1e-7);
  CHECK(log_poly(1.0f) == 0.0f);
  for (const float x : {0.0f, -1.0f, 1e-45f, -kInf}) CHECK(log_poly(x) == log_poly(least));
  CHECK(log_poly(kInf) == kInf);
  CHECK(std::isnan(log_poly(kNan)));
  CHECK(worst_fall(2.0f, 1e6f, function) <= 2.4e-7);
}

TEST_CASE("sine and cosine of turns stay in their error bound", "[base][math]") {
  double worst = 0, worst_norm = 0;
  over(-3.0f, 3.0f, 1'000'000, [&](float t) {
    const SinCos y = sincos_2pi(t);
    worst = std::max({worst, std::abs(y.sin - std::sin(2 * kPi * t)), std::abs(y.cos - std::cos(2 * kPi * t))});
    worst_norm = std::max(worst_norm, std::abs(double{y.sin} * y.sin + double{y.cos} * y.cos - 1));
  });
  INFO("worst absolute error " << worst << ", of the norm " << worst_norm);
  CHECK(worst <= 1.2e-7);
  CHECK(worst_norm <= 3e-7);
  for (int quarter = -8; quarter <= 8; ++quarter) {
    const SinCos y = sincos_2pi(0.25f * static_cast<float>(quarter));
    CHECK(y.sin == static_cast<float>(std::lround(std::sin(kPi / 2 * quarter))));
    CHECK(y.cos == static_cast<float>(std::lround(std::cos(kPi / 2 * quarter))));
  }
  CHECK(sincos_2pi(1048575.25f).sin == 1.0f);
}

TEST_CASE("tanh_poly stays in its error bound, is odd and bounded by 1", "[base][math]") {
  const auto function = [](float x) { return tanh_poly(x); };
  const double worst = worst_relative(-12.0f, 12.0f, function, [](double x) { return std::tanh(x); });
  INFO("worst relative error " << worst);
  CHECK(worst <= 2e-7);
  over(-20.0f, 20.0f, 100'000, [&](float x) {
    if (tanh_poly(-x) != -tanh_poly(x) || std::abs(tanh_poly(x)) > 1.0f) FAIL("at " << x);
  });
  CHECK(tanh_poly(10.0f) == 1.0f);
  CHECK(tanh_poly(kInf) == 1.0f);
  CHECK(tanh_poly(-kInf) == -1.0f);
  CHECK(std::signbit(tanh_poly(-0.0f)));
  CHECK(std::isnan(tanh_poly(kNan)));
  CHECK(worst_fall(0.01f, 12.0f, function) <= 4e-7);
}

TEST_CASE("logistic_poly stays in its error bound and saturates", "[base][math]") {
  const auto function = [](float x) { return logistic_poly(x); };
  const double worst = worst_relative(-87.0f, 30.0f, function, [](double x) { return 1 / (1 + std::exp(-x)); });
  INFO("worst relative error " << worst);
  CHECK(worst <= 2e-7);
  CHECK(logistic_poly(0.0f) == 0.5f);
  CHECK(logistic_poly(kInf) == 1.0f);
  CHECK(logistic_poly(-kInf) == logistic_poly(-87.3f));
  CHECK(logistic_poly(-kInf) >= std::numeric_limits<float>::min());
  CHECK(std::isnan(logistic_poly(kNan)));
  CHECK(worst_fall(-90.0f, 90.0f, function) <= 4e-7);
}

TEST_CASE("bits do not depend on where in an array a value stands", "[base][math]") {
  std::vector<float> x(103), together(103);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.37f * static_cast<float>(i) - 18.0f;
  const auto hold = [&](auto function) {
    for (std::size_t i = 0; i < x.size(); ++i) together[i] = function(x[i]);
    for (std::size_t i = 0; i < x.size(); ++i) {
      volatile float one = x[i];  // a single value, computed outside any vectorised loop
      const float alone = function(one);
      if (std::bit_cast<std::uint32_t>(alone) != std::bit_cast<std::uint32_t>(together[i])) FAIL("at " << i);
    }
  };
  hold([](float v) { return exp_poly(v); });
  hold([](float v) { return log_poly(v); });
  hold([](float v) { return tanh_poly(v); });
  hold([](float v) { return logistic_poly(v); });
  hold([](float v) { return sincos_2pi(v).sin; });
}
