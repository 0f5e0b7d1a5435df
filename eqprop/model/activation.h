#pragma once
// Neurons: s = act(h, a) is the exact minimiser of   U(s) + a s^2 / 2 - h s   with U(s) = int_0^s act^-1, the unit's own potential.
//   hard_sigmoid  clip(h / (1 + a), 0, 1)         U = s^2 / 2 on [0, 1]
//   clipped_relu  clip(h / (1 + a), 0, ceiling)   U = s^2 / 2 on [0, ceiling]
//   linear        h / (1 + a)                     U = s^2 / 2
//   tanh          s = tanh(u), u + a tanh(u) = h  U = s atanh s + ln(1 - s^2) / 2
//   logistic      s = 1 / (1 + exp -u), u + a s = h   U = s ln s + (1 - s) ln(1 - s)
// The implicit ones take Newton steps on u, whose derivative 1 + a act'(u) is positive for a > -1 (logistic: a > -4).
#include <algorithm>
#include <string_view>

#include "eqprop/model/types.h"

namespace eqprop {

enum class Activation { hard_sigmoid, clipped_relu, linear, tanh, logistic };

std::string_view activation_name(Activation activation);

/// A layer of units. `ceiling` is used by clipped_relu only.
struct Layer {
  Index size = 0;
  Activation activation = Activation::hard_sigmoid;
  double ceiling = 6;
};

/// Smallest and largest output of a unit; +-infinity for linear.
struct Bounds {
  double low;
  double high;
};
Bounds activation_bounds(const Layer& layer);
/// True when act is differentiable everywhere.
bool is_smooth(Activation activation);

/// act'(h) at a = 0, from the unit's output; a unit at a bound does not move: 0.
template <class T>
T activation_slope(const Layer& layer, T s) {
  switch (layer.activation) {
    case Activation::linear:
      return 1;
    case Activation::tanh:
      return std::max(T(0), 1 - s * s);  // noise may carry a state beyond its bounds
    case Activation::logistic:
      return std::max(T(0), s * (1 - s));
    case Activation::hard_sigmoid:
      return s > 0 && s < 1 ? 1 : 0;
    case Activation::clipped_relu:
      return s > 0 && s < T(layer.ceiling) ? 1 : 0;
  }
  return 0;
}
/// The same of many units, as an expression.
template <class T, class States>
auto activation_slopes(const Layer& layer, const States& state) {
  return state.unaryExpr([&layer](T s) { return activation_slope(layer, s); });
}

/// values <- act(values, 0), in place.
template <class T>
void activate(const Layer& layer, Out<T> values);
/// values <- act(values, curvature), in place; curvature has the same shape, every entry > -1.
template <class T>
void activate(const Layer& layer, Out<T> values, const In<T>& curvature);
/// Sum of U over the units, per sample: 1 x samples, in double.
template <class T>
Eigen::RowVectorXd own_potential(const Layer& layer, const In<T>& state);

}  // namespace eqprop
