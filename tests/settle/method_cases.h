#pragma once
// Every settling method behind one door, for the conformance tests.
#include <string>

#include "eqprop/settle/difference.h"
#include "tests/settle/problem.h"

namespace eqprop::settle_test {

inline const std::vector<Method> kAllMethods{Method::forward,     Method::backward, Method::asynchronous, Method::event_driven,
                                             Method::synchronous, Method::euler,    Method::anderson,     Method::difference};

inline bool exact_block(Method method) {
  return method == Method::forward || method == Method::backward || method == Method::asynchronous || method == Method::event_driven;
}

inline SettleOptions with_method(Method method, SettleOptions options) {
  options.method = method;
  if (method == Method::event_driven) options.threshold = options.tolerance / 10;
  return options;
}

/// Settles by options.method from rest, or from the free equilibrium (found by plain sweeps) where the method needs one.
template <class T>
State<T> settle_by(Problem<T>& problem, double beta, const SettleOptions& options) {
  options.validate();
  State<T> state = problem.network.rest(problem.input.cols());
  if (options.method == Method::difference)
    settle<T>(problem.network, problem.boundary(0), state, to_tolerance(std::is_same_v<T, double> ? 1e-13 : 1e-7),
              problem.place(kPhaseFree), problem.workspace, problem.run);
  settle<T>(problem.network, problem.boundary(beta), state, options, problem.place(problem.phase), problem.workspace, problem.report,
            problem.run);
  return state;
}

/// Networks that every method settles: piecewise linear, smooth, and with a read-out beside.
inline std::vector<Recipe> recipes(Method method) {
  std::vector<Recipe> out{{chain(1, Activation::hard_sigmoid, Activation::hard_sigmoid)},
                          {chain(3, Activation::clipped_relu, Activation::linear), Cost::squared_error, 0.4}};
  if (method == Method::difference) return out;
  out.push_back({chain(2, Activation::tanh, Activation::linear)});
  out.push_back({chain(3, Activation::logistic, Activation::logistic)});
  out.push_back({chain(2, Activation::tanh, Activation::hard_sigmoid), Cost::cross_entropy});
  return out;
}

}  // namespace eqprop::settle_test
