#include "eqprop/settle/residual.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace eqprop {
namespace {

using Numbers = std::vector<double>;

double rising(Activation activation, double u) { return activation == Activation::tanh ? std::tanh(u) : 1 / (1 + std::exp(-u)); }

// the root of u + a act(u) = h by bisection: the left side rises with u while the nudge is one that settling takes
double bisect(Activation activation, double h, double a) {
  double low = h - std::abs(a) - 1;
  double high = h + std::abs(a) + 1;
  for (int i = 0; i < 200 && low < high; ++i) {
    const double middle = low + (high - low) / 2;
    if (middle == low || middle == high) break;
    (middle + a * rising(activation, middle) < h ? low : high) = middle;
  }
  return low + (high - low) / 2;
}

// the minimiser of U(s) + a s^2 / 2 - h s
double answer(const Layer& layer, double h, double a) {
  if (std::isnan(h)) return h;
  switch (layer.activation) {
    case Activation::linear:
      return h / (1 + a);
    case Activation::hard_sigmoid:
      return std::min(std::max(h / (1 + a), 0.0), 1.0);
    case Activation::clipped_relu:
      return std::min(std::max(h / (1 + a), 0.0), layer.ceiling);
    case Activation::tanh:
    case Activation::logistic:
      break;
  }
  return rising(layer.activation, a == 0 ? h : bisect(layer.activation, h, a));
}

// one sample against the weights of all couplings, outputs x (inputs + 1)
template <class T>
struct Sample {
  const Network<T>& network;
  const std::vector<Matrix<T>>& weights;
  const std::vector<Matrix<T>>& backward;  // inputs x outputs
  const Boundary<T>& boundary;
  std::vector<Numbers> s;  // [0] is the input
  Index column;

  double weight(int c, Index row, Index col) const { return static_cast<double>(weights[static_cast<std::size_t>(c)](row, col)); }
  const Numbers& layer(int l) const { return s[static_cast<std::size_t>(l)]; }

  // field of unit i of layer l from below: W s + b
  double from_below(int c, Index i, const Numbers& below) const {
    double h = weight(c, i, static_cast<Index>(below.size()));
    for (std::size_t j = 0; j < below.size(); ++j) h += weight(c, i, static_cast<Index>(j)) * below[j];
    return h;
  }
  // and from above: W' s
  double from_above(int c, Index i, const Numbers& above) const {
    double h = 0;
    for (std::size_t j = 0; j < above.size(); ++j)
      h += static_cast<double>(backward[static_cast<std::size_t>(c)](i, static_cast<Index>(j))) * above[j];
    return h;
  }
  // beta (y - softmax(V s + c)), what the read-out sends back
  Numbers error() const {
    const int c = network.depth();
    Numbers p(static_cast<std::size_t>(network.outputs()));
    for (std::size_t k = 0; k < p.size(); ++k) p[k] = from_below(c, static_cast<Index>(k), layer(c));
    const double top = *std::max_element(p.begin(), p.end());
    double sum = 0;
    for (double& v : p) sum += v = std::exp(v - top);
    for (std::size_t k = 0; k < p.size(); ++k)
      p[k] = boundary.beta * (static_cast<double>(boundary.target(static_cast<Index>(k), column)) - p[k] / sum);
    return p;
  }

  double wanted(int l, Index i, const Numbers& pushed) const {
    double h = from_below(l - 1, i, layer(l - 1));
    if (l < network.depth()) return answer(network.layer(l), h + from_above(l, i, layer(l + 1)), 0);
    if (boundary.held.cols() > 0) return static_cast<double>(boundary.held(i, column));
    if (boundary.beta == 0) return answer(network.layer(l), h, 0);
    if (network.has_readout()) return answer(network.layer(l), h + from_above(l, i, pushed), 0);
    return answer(network.layer(l), h + boundary.beta * static_cast<double>(boundary.target(i, column)), boundary.beta);
  }

  double largest() const {
    const Numbers pushed = network.has_readout() && boundary.beta != 0 ? error() : Numbers{};
    double worst = 0;
    for (int l = 1; l <= network.depth(); ++l)
      for (std::size_t i = 0; i < layer(l).size(); ++i) {
        const double distance = std::abs(layer(l)[i] - wanted(l, static_cast<Index>(i), pushed));
        if (!(distance <= worst) && !std::isnan(worst)) worst = distance;
      }
    return worst;
  }
};

}  // namespace

template <class T>
std::vector<double> residual(const Network<T>& network, const Boundary<T>& boundary, const State<T>& state) {
  for (const auto& term : network.terms()) check(!std::holds_alternative<UserTerm<T>>(term), "residuals know dense layers and costs only");
  check(boundary.input.cols() == state.batch(), "residuals need the clamped input of every sample");
  std::vector<Matrix<T>> weights, backward;
  for (int c = 0; c < network.coupling_count(); ++c) {
    weights.push_back(network.coupling(c).read());
    backward.push_back(network.coupling(c).read_backward());
  }
  std::vector<double> out;
  for (Index i = 0; i < state.batch(); ++i) {
    Sample<T> sample{network, weights, backward, boundary, {}, i};
    const auto take = [&](const ConstBlock<T>& from) {
      Numbers values(static_cast<std::size_t>(from.rows()));
      for (std::size_t r = 0; r < values.size(); ++r) values[r] = static_cast<double>(from(static_cast<Index>(r), i));
      sample.s.push_back(std::move(values));
    };
    take(boundary.input);
    for (int l = 1; l <= network.depth(); ++l) take(state.layer(l));
    out.push_back(sample.largest());
  }
  return out;
}

template std::vector<double> residual<float>(const Network<float>&, const Boundary<float>&, const State<float>&);
template std::vector<double> residual<double>(const Network<double>&, const Boundary<double>&, const State<double>&);

}  // namespace eqprop
