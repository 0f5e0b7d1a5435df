#pragma once
// Small networks and batches for tests of estimators, keyed by a seed.
#include "eqprop/learn/gradient.h"
#include "eqprop/model/ideal_coupling.h"

namespace small_network {

using namespace eqprop;

template <class T>
Network<T> network(Activation hidden, Activation output, Cost cost, std::vector<Index> sizes, Index classes, std::uint32_t seed) {
  std::vector<Layer> layers;
  std::vector<std::unique_ptr<Coupling<T>>> couplings;
  for (std::size_t l = 0; l < sizes.size(); ++l) layers.push_back({sizes[l], l + 1 == sizes.size() ? output : hidden, 6});
  const auto couple = [&](Index in, Index out, int l) {
    Matrix<T> w = initial_weights<T>(in, out, 1, seed, l);
    w.col(in).setConstant(T(0.1));
    couplings.push_back(std::make_unique<IdealCoupling<T>>(w));
  };
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) couple(sizes[l], sizes[l + 1], static_cast<int>(l));
  if (cost == Cost::cross_entropy) couple(sizes.back(), classes, 9);
  return Network<T>(layers, std::move(couplings), cost);
}

template <class T>
GradientBatch<T> batch(Index features, Index outputs, Index count) {
  GradientBatch<T> out;
  out.x.resize(features, count);
  out.y = Matrix<T>::Zero(outputs, count);
  const RandomKey key(5, Purpose::test);
  for (Index i = 0; i < count; ++i) {
    Place place;
    place.sample = static_cast<std::uint32_t>(i);
    for (Index f = 0; f < features; ++f) out.x(f, i) = static_cast<T>(key.uniform(place, static_cast<std::uint32_t>(f)));
    out.y(i % outputs, i) = 1;
    out.ids.push_back(static_cast<std::uint32_t>(i));
  }
  return out;
}

inline const SettleOptions kExact{1e-13, 5000, 4, 1.5};

inline LearnOptions options(Estimator estimator, double beta, const SettleOptions& settle = kExact) {
  LearnOptions out;
  out.estimator = estimator;
  out.beta = beta;
  out.free = out.nudged = settle;
  return out;
}

}  // namespace small_network
