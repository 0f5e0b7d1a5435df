#pragma once
// Every kind of training step, small: the kernel, ideal and crossbar couplings, both loops, both costs, plain and with momentum.
#include <string>
#include <vector>

#include "tests/train/small_task.h"

namespace step_cases {

using namespace small_task;

struct Case {
  std::string name;
  NetworkOptions network;
  TrainOptions training;
  Path path = Path::general;
};

inline NetworkOptions entropy(NetworkOptions options) {
  options.layers[2] = {9, Activation::hard_sigmoid, 0};
  options.cost = Cost::cross_entropy;
  options.classes = 4;
  return options;
}

inline TrainOptions general(double momentum = 0, Estimator estimator = Estimator::centered, int couplings = 2) {
  TrainOptions options = training(4, false);
  options.rule.momentum = momentum;
  options.rule.rates.assign(static_cast<std::size_t>(couplings), 0.1);
  options.estimator = estimator;
  options.free.budget = options.nudged.budget = 20;
  options.calibration_samples = 20;
  return options;
}

inline NetworkOptions crossbar(Loop loop, bool noisy = false) {
  NetworkOptions options = network(Substrate::crossbar);
  options.crossbar.loop = loop;
  options.crossbar.array.max_rows = 8;  // several tiles
  options.crossbar.array.max_cols = 16;
  if (noisy) options.crossbar.array.read_noise = {0.005, 0.01};
  return options;
}

// settling by another method from here on
inline TrainOptions by(Method method, TrainOptions options) {
  options.free.method = options.nudged.method = method;
  if (method == Method::difference) options.free.method = Method::forward;
  return options;
}

inline std::vector<Case> cases() {
  NetworkOptions wide = network(Substrate::ideal, 700);  // above what Eigen packs on the stack
  wide.layers.insert(wide.layers.begin() + 1, {300, Activation::hard_sigmoid, 0});
  return {
      {"dense-chain kernel", network(Substrate::ideal), training(4), Path::chain},
      {"ideal, squared error", network(Substrate::ideal), general()},
      {"ideal, momentum, one-sided", network(Substrate::ideal), general(0.9, Estimator::one_sided)},
      {"ideal, cross-entropy, random sign", entropy(network(Substrate::ideal)), general(0, Estimator::random_sign, 3)},
      {"ideal, event-driven", network(Substrate::ideal), by(Method::event_driven, general())},
      {"ideal, synchronous", network(Substrate::ideal), by(Method::synchronous, general())},
      {"ideal, euler", network(Substrate::ideal), by(Method::euler, general())},
      {"ideal, anderson", network(Substrate::ideal), by(Method::anderson, general())},
      {"ideal, difference", network(Substrate::ideal), by(Method::difference, general())},
      {"ideal, wide and deep", wide, general(0, Estimator::centered, 3)},
      {"crossbar, digital loop", crossbar(Loop::digital), general()},
      {"crossbar, digital loop, read noise, momentum", crossbar(Loop::digital, true), general(0.5)},
      {"crossbar, digital loop, read noise, anderson", crossbar(Loop::digital, true), by(Method::anderson, general())},
      {"crossbar, digital loop, cross-entropy", entropy(crossbar(Loop::digital)), general(0, Estimator::centered, 3)},
      {"crossbar, analog loop", crossbar(Loop::analog), general()},
  };
}

}  // namespace step_cases
