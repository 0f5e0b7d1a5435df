// Conformance of settlers: every way to the equilibrium ends at a fixed point, below its start, and at the same state.
#include <functional>
#include <string>

#include "eqprop/settle/reference.h"
#include "eqprop/settle/settle.h"
#include "tests/catch.h"
#include "tests/settle/problem.h"

using namespace eqprop;
using namespace eqprop::settle_test;

namespace {

constexpr Index kBatch = 5;

struct Settler {
  std::string name;
  std::function<bool(const Recipe&)> takes;
  std::function<State<double>(Problem<double>&, double beta)> settle;
};

bool smooth(const Recipe& recipe) {
  for (std::size_t l = 1; l < recipe.layers.size(); ++l)
    if (!is_smooth(recipe.layers[l].activation)) return false;
  return true;
}

bool piecewise_linear(const Recipe& recipe) {
  for (std::size_t l = 1; l < recipe.layers.size(); ++l)
    if (is_smooth(recipe.layers[l].activation) && recipe.layers[l].activation != Activation::linear) return false;
  return recipe.cost == Cost::squared_error;
}

template <class Solve>
State<double> one_by_one(Problem<double>& problem, double beta, Solve solve) {
  State<double> state = problem.network.rest(kBatch);
  for (Index i = 0; i < kBatch; ++i) {
    const ReferenceProblem one = reference_problem<double>(problem.network, problem.input.col(i), problem.target.col(i), beta);
    const ReferenceEquilibrium end = solve(one, reference_rest(one));
    CAPTURE(i, end.steps, end.residual);
    REQUIRE(end.converged);
    REQUIRE(end.residual < 1e-12);
    for (int l = 1; l <= state.layers(); ++l) state.layer(l).col(i) = end.states[static_cast<std::size_t>(l)];
  }
  return state;
}

const std::vector<Settler> kSettlers{
    {"sweeps to a tolerance", [](const Recipe&) { return true; },
     [](Problem<double>& p, double beta) { return p.settle(beta, to_tolerance(1e-12)); }},
    {"sweeps of a fixed budget", [](const Recipe&) { return true; },
     [](Problem<double>& p, double beta) { return p.settle(beta, fixed_budget(3000)); }},
    {"smooth reference", smooth, [](Problem<double>& p, double beta) { return one_by_one(p, beta, reference_settle_smooth); }},
    {"active set", piecewise_linear, [](Problem<double>& p, double beta) { return one_by_one(p, beta, reference_settle_active_set); }},
};

// settles by all settlers that take the recipe; returns how many did
int check_settlers(const Recipe& recipe, double beta) {
  Problem<double> problem(recipe);
  std::vector<State<double>> states;
  for (const auto& settler : kSettlers) {
    if (!settler.takes(recipe)) continue;
    CAPTURE(settler.name, beta, recipe.scale, recipe.layers.size(), activation_name(recipe.layers[1].activation),
            activation_name(recipe.layers.back().activation));
    const State<double> state = settler.settle(problem, beta);

    // one more sweep moves nothing
    State<double> moved = state;
    settle<double>(problem.network, problem.boundary(beta), moved, fixed_budget(1), problem.place(kPhaseFree), problem.workspace,
                   problem.run);
    CHECK(largest_difference(state, moved) < 1e-10);
    // downhill from rest; with cross-entropy the nudged sweeps are not descent steps of every beta, the states below still agree
    const Eigen::RowVectorXd drop = problem.potential_at(problem.network.rest(kBatch), beta) - problem.potential_at(state, beta);
    CHECK((drop.array() > 1e-3).all());
    if (!states.empty()) CHECK(largest_difference(states.front(), state) < 1e-6);
    states.push_back(state);
  }
  return static_cast<int>(states.size());
}

}  // namespace

TEST_CASE("all settlers of smooth networks agree", "[settlers]") {
  const double beta = GENERATE(-0.3, 0.0, 0.3);
  const int hidden = GENERATE(1, 2, 3);
  for (const Activation activation : {Activation::tanh, Activation::logistic}) {
    for (const Activation output : {Activation::linear, activation})
      REQUIRE(check_settlers({chain(hidden, activation, output), Cost::squared_error, 0.6, kBatch}, beta) == 3);
    REQUIRE(check_settlers({chain(hidden, activation, activation), Cost::cross_entropy, 0.6, kBatch}, beta) == 3);
  }
}

TEST_CASE("all settlers of piecewise linear networks agree", "[settlers]") {
  const double beta = GENERATE(-0.3, 0.0, 0.3);
  const int hidden = GENERATE(1, 2, 3);
  for (const Activation activation : {Activation::hard_sigmoid, Activation::clipped_relu})
    for (const Activation output : {Activation::linear, Activation::hard_sigmoid})
      REQUIRE(check_settlers({chain(hidden, activation, output), Cost::squared_error, 0.6, kBatch}, beta) == 3);
}

TEST_CASE("all settlers of linear networks agree", "[settlers]") {
  const double beta = GENERATE(-0.3, 0.0, 0.3);
  REQUIRE(check_settlers({chain(2, Activation::linear, Activation::linear), Cost::squared_error, 0.5, kBatch}, beta) == 4);
}

TEST_CASE("where equilibria are many, the active set finds the one that sweeps reach", "[settlers]") {
  const double beta = GENERATE(-0.3, 0.0, 0.3);
  const std::uint32_t seed = GENERATE(1U, 2U, 3U, 4U);
  for (const Activation activation : {Activation::hard_sigmoid, Activation::clipped_relu})
    REQUIRE(check_settlers({chain(2, activation, Activation::hard_sigmoid), Cost::squared_error, 2.0, kBatch, seed}, beta) == 3);
}

TEST_CASE("mixed networks settle to fixed points", "[settlers]") {
  const double beta = GENERATE(-0.3, 0.0, 0.3);
  REQUIRE(check_settlers({chain(2, Activation::tanh, Activation::hard_sigmoid), Cost::squared_error, 0.6, kBatch}, beta) == 2);
  REQUIRE(check_settlers({chain(2, Activation::hard_sigmoid, Activation::hard_sigmoid), Cost::cross_entropy, 0.6, kBatch}, beta) == 2);
}
