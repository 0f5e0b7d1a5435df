#include "eqprop/model/activation.h"

#include <cmath>
#include <limits>
#include <type_traits>

#include "base/check.h"
#include "base/math.h"

namespace eqprop {
namespace {

inline float tanh_of(float u) { return tanh_poly(u); }
inline double tanh_of(double u) { return std::tanh(u); }
inline float logistic_of(float u) { return logistic_poly(u); }
inline double logistic_of(double u) { return 1 / (1 + std::exp(-u)); }

// newton on u + a act(u) = h; act' <= slope, so the residual's derivative stays within [1 - |a| slope, 1 + |a| slope]
template <class T, class Act, class Slope>
T implicit_unit(T h, T a, Act act, Slope slope) {
  constexpr int kSteps = std::is_same_v<T, float> ? 8 : 14;
  T u = h / (1 + (a > 0 ? a : 0) * slope(T(1) / 2, h));
  for (int i = 0; i < kSteps; ++i) {
    const T s = act(u);
    u -= (u + a * s - h) / (1 + a * slope(s, u));
  }
  return act(u);
}

// compared so that what is not a number stays and settling can report it
template <class T>
void clip(Out<T> values, T low, T high) {
  for (Index c = 0; c < values.cols(); ++c)
    for (Index r = 0; r < values.rows(); ++r) {
      const T v = values(r, c) < low ? low : values(r, c);
      values(r, c) = v > high ? high : v;
    }
}

double term_x_log_x(double x) { return x > 0 ? x * std::log(x) : 0; }

}  // namespace

std::string_view activation_name(Activation activation) {
  switch (activation) {
    case Activation::hard_sigmoid: return "hard_sigmoid";
    case Activation::clipped_relu: return "clipped_relu";
    case Activation::linear: return "linear";
    case Activation::tanh: return "tanh";
    case Activation::logistic: return "logistic";
  }
  return "";
}

Bounds activation_bounds(const Layer& layer) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  switch (layer.activation) {
    case Activation::hard_sigmoid:
    case Activation::logistic: return {0, 1};
    case Activation::clipped_relu: return {0, layer.ceiling};
    case Activation::tanh: return {-1, 1};
    case Activation::linear: break;
  }
  return {-infinity, infinity};
}

bool is_smooth(Activation activation) {
  return activation == Activation::linear || activation == Activation::tanh || activation == Activation::logistic;
}

template <class T>
void activate(const Layer& layer, Out<T> values) {
  switch (layer.activation) {
    case Activation::hard_sigmoid: clip<T>(values, T(0), T(1)); break;
    case Activation::clipped_relu: clip<T>(values, T(0), T(layer.ceiling)); break;
    case Activation::linear: break;
    case Activation::tanh:
      for (Index c = 0; c < values.cols(); ++c)
        for (Index r = 0; r < values.rows(); ++r) values(r, c) = tanh_of(values(r, c));
      break;
    case Activation::logistic:
      for (Index c = 0; c < values.cols(); ++c)
        for (Index r = 0; r < values.rows(); ++r) values(r, c) = logistic_of(values(r, c));
      break;
  }
}

template <class T>
void activate(const Layer& layer, Out<T> values, const In<T>& curvature) {
  switch (layer.activation) {
    case Activation::hard_sigmoid:
    case Activation::clipped_relu:
    case Activation::linear:
      values.array() /= T(1) + curvature.array();
      activate<T>(layer, values);
      break;
    case Activation::tanh:
      for (Index c = 0; c < values.cols(); ++c)
        for (Index r = 0; r < values.rows(); ++r)
          values(r, c) = implicit_unit(
              values(r, c), curvature(r, c), [](T u) { return tanh_of(u); }, [](T s, T) { return 1 - s * s; });
      break;
    case Activation::logistic:
      for (Index c = 0; c < values.cols(); ++c)
        for (Index r = 0; r < values.rows(); ++r)
          values(r, c) = implicit_unit(
              values(r, c), curvature(r, c), [](T u) { return logistic_of(u); }, [](T s, T) { return s * (1 - s); });
      break;
  }
}

template <class T>
Eigen::RowVectorXd own_potential(const Layer& layer, const In<T>& state) {
  const Eigen::ArrayXXd s = state.template cast<double>().array();
  if (layer.activation == Activation::tanh) {
    // s atanh s + ln(1 - s^2)/2 = ((1+s) ln(1+s) + (1-s) ln(1-s)) / 2
    return s.unaryExpr([](double v) { return (term_x_log_x(1 + v) + term_x_log_x(1 - v)) / 2; }).colwise().sum();
  }
  if (layer.activation == Activation::logistic)
    return s.unaryExpr([](double v) { return term_x_log_x(v) + term_x_log_x(1 - v); }).colwise().sum();
  return s.square().colwise().sum() / 2;
}

template void activate<float>(const Layer&, Out<float>);
template void activate<double>(const Layer&, Out<double>);
template void activate<float>(const Layer&, Out<float>, const In<float>&);
template void activate<double>(const Layer&, Out<double>, const In<double>&);
template Eigen::RowVectorXd own_potential<float>(const Layer&, const In<float>&);
template Eigen::RowVectorXd own_potential<double>(const Layer&, const In<double>&);

}  // namespace eqprop
