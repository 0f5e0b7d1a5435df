#pragma once
// Random chains of layers with a batch to settle, shared by the tests of settling.
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "eqprop/model/ideal_coupling.h"
#include "eqprop/settle/settle.h"

namespace eqprop::settle_test {

// uniform on +-1, named by what it is for
template <class T>
Matrix<T> numbers(Index rows, Index cols, std::uint32_t seed, std::uint32_t name) {
  const RandomKey key(seed, Purpose::test, name);
  Matrix<T> out(rows, cols);
  for (Index c = 0; c < cols; ++c)
    for (Index r = 0; r < rows; ++r) {
      Place place;
      place.sample = static_cast<std::uint32_t>(c);
      out(r, c) = static_cast<T>(2.0 * static_cast<double>(key.uniform(place, static_cast<std::uint32_t>(r))) - 1.0);
    }
  return out;
}

/// What a test wants to settle.
struct Recipe {
  std::vector<Layer> layers;
  Cost cost = Cost::squared_error;
  double scale = 0.6;  ///< of the initial weights; below about 0.8 there is one equilibrium
  Index batch = 37;    ///< three shards, the last one not full
  std::uint32_t seed = 1;
};

/// weights (outputs x (inputs + 1)) and coupling index -> coupling
template <class T>
using MakeCoupling = std::function<std::unique_ptr<Coupling<T>>(const Matrix<T>&, int)>;

template <class T>
std::unique_ptr<Coupling<T>> make_ideal(const Matrix<T>& weights, int) {
  return std::make_unique<IdealCoupling<T>>(weights);
}

/// A network with its batch, settled as often as wanted.
template <class T>
struct Problem {
  Network<T> network;
  Matrix<T> input, target, drive;
  std::vector<std::uint32_t> ids;
  PhaseId phase = kPhaseFree;
  std::uint32_t step = 0;
  Run run{11};
  Workspace<T> workspace;
  SettleReport report;

  explicit Problem(const Recipe& recipe, const MakeCoupling<T>& make = make_ideal<T>)
      : network(network_of(recipe, make)), input(numbers<T>(recipe.layers[0].size, recipe.batch, recipe.seed, 100).cwiseAbs()) {
    target = numbers<T>(network.outputs(), recipe.batch, recipe.seed, 101).cwiseAbs();
    if (recipe.cost == Cost::cross_entropy)
      for (Index i = 0; i < recipe.batch; ++i) target.col(i) /= target.col(i).sum();
    ids.resize(static_cast<std::size_t>(recipe.batch));
    std::iota(ids.begin(), ids.end(), 1000U);
    read_drive();
  }

  static Network<T> network_of(const Recipe& recipe, const MakeCoupling<T>& make) {
    std::vector<std::unique_ptr<Coupling<T>>> couplings;
    const auto add = [&](Index inputs, Index outputs) {
      const int index = static_cast<int>(couplings.size());
      Matrix<double> w = initial_weights<double>(inputs, outputs, recipe.scale, recipe.seed, index);
      w.col(inputs) = 0.3 * numbers<double>(outputs, 1, recipe.seed, 200 + static_cast<std::uint32_t>(index)).array() + 0.1;
      couplings.push_back(make(w.template cast<T>(), index));
    };
    for (std::size_t l = 0; l + 1 < recipe.layers.size(); ++l) add(recipe.layers[l].size, recipe.layers[l + 1].size);
    if (recipe.cost == Cost::cross_entropy) add(recipe.layers.back().size, 4);
    return Network<T>(recipe.layers, std::move(couplings), recipe.cost);
  }

  ReadPlace place(PhaseId p) const {
    ReadPlace at{{}, ids};
    at.place.step = step;
    at.place.phase = p;
    return at;
  }
  void read_drive() {
    drive.resize(network.layer(1).size, input.cols());
    drive_input<T>(network, input, drive, place(kPhaseInput), run);
  }
  Boundary<T> boundary(double beta) const { return {view(input), view(drive), view(target), beta}; }
  Boundary<T> held_boundary(const Matrix<T>& held) const { return {view(input), view(drive), view(target), 0, view(held)}; }

  /// Settles from rest; the report is left in `report`.
  State<T> settle(double beta, const SettleOptions& options) {
    options.validate();
    State<T> state = network.rest(input.cols());
    report = eqprop::settle<T>(network, boundary(beta), state, options, place(phase), workspace, run);
    return state;
  }

  /// The potential of every sample at a state.
  Eigen::RowVectorXd potential_at(const State<T>& state, double beta) {
    const Boundary<T> b = boundary(beta);
    return potential(TermContext<T>{network, state, b, input.cols(), place(phase), run});
  }
};

inline SettleOptions fixed_budget(int budget) {
  SettleOptions options;
  options.tolerance = 0;
  options.budget = budget;
  return options;
}

inline SettleOptions to_tolerance(double tolerance, int budget = 5000) {
  SettleOptions options;
  options.tolerance = tolerance;
  options.budget = budget;
  return options;
}

/// Largest difference of any unit of any sample.
template <class A, class B>
double largest_difference(const State<A>& a, const State<B>& b) {
  double worst = 0;
  for (int l = 1; l <= a.layers(); ++l)
    worst = std::max(worst, (a.layer(l).template cast<double>() - b.layer(l).template cast<double>()).cwiseAbs().maxCoeff());
  return worst;
}

template <class T>
bool same_bits(const State<T>& a, const State<T>& b) {
  for (int l = 1; l <= a.layers(); ++l)
    if (a.layer(l) != b.layer(l)) return false;
  return true;
}

/// `hidden` layers of one activation between 14 inputs and 4 outputs.
inline std::vector<Layer> chain(int hidden, Activation activation, Activation output, double ceiling = 0.8) {
  std::vector<Layer> layers{{14}};
  for (int l = 0; l < hidden; ++l) layers.push_back({12 - 2 * l, activation, ceiling});
  layers.push_back({4, output, ceiling});
  return layers;
}

}  // namespace eqprop::settle_test
