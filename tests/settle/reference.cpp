// The references themselves, against what is known without them.
#include "eqprop/settle/reference.h"

#include <Eigen/LU>

#include "tests/catch.h"
#include "tests/oracle/finite_difference.h"
#include "tests/settle/problem.h"

using namespace eqprop;
using namespace eqprop::settle_test;

namespace {

ReferenceProblem problem_of(const Recipe& recipe, double beta) {
  Problem<double> problem(recipe);
  return reference_problem<double>(problem.network, problem.input.col(0), problem.target.col(0), beta);
}

Recipe one(std::vector<Layer> layers, Cost cost = Cost::squared_error, double scale = 0.6) { return {std::move(layers), cost, scale, 1}; }

// gradient of the reference's potential over the units of one layer
Eigen::VectorXd slope(const ReferenceProblem& problem, const ReferenceStates& states, std::size_t l) {
  return oracle::finite_difference(
      [&](const Eigen::VectorXd& s) {
        ReferenceStates moved = states;
        moved[l] = s;
        return reference_potential(problem, moved);
      },
      states[l], 1e-4);
}

}  // namespace

TEST_CASE("the reference's potential is the engine's", "[reference]") {
  const Cost cost = GENERATE(Cost::squared_error, Cost::cross_entropy);
  const Recipe recipe = one(chain(2, Activation::tanh, Activation::logistic), cost);
  Problem<double> problem(recipe);
  const State<double> state = problem.settle(0.3, fixed_budget(2));
  const ReferenceProblem reference = problem_of(recipe, 0.3);
  ReferenceStates states{problem.input.col(0)};
  for (int l = 1; l <= 3; ++l) states.emplace_back(state.layer(l).col(0));
  REQUIRE(reference_potential(reference, states) == Approx(problem.potential_at(state, 0.3)[0]).epsilon(1e-13));
}

TEST_CASE("a smooth equilibrium has no slope, by finite differences", "[reference]") {
  const Cost cost = GENERATE(Cost::squared_error, Cost::cross_entropy);
  const double beta = GENERATE(-0.3, 0.3);
  const double scale = GENERATE(0.6, 1.5);  // 1.5: many equilibria, any of them will do
  const ReferenceProblem problem = problem_of(one(chain(2, Activation::tanh, Activation::logistic), cost, scale), beta);
  const ReferenceEquilibrium end = reference_settle_smooth(problem, reference_rest(problem));
  CAPTURE(end.residual, end.steps);
  REQUIRE(end.converged);
  REQUIRE(end.steps > 3);
  for (std::size_t l = 1; l < end.states.size(); ++l) {
    REQUIRE(end.states[l].cwiseAbs().maxCoeff() < 0.998);
    REQUIRE(slope(problem, end.states, l).cwiseAbs().maxCoeff() < 1e-5);
  }
  REQUIRE(reference_potential(problem, end.states) < reference_potential(problem, reference_rest(problem)));
}

TEST_CASE("an active set meets the conditions of its box, by finite differences", "[reference]") {
  const double scale = GENERATE(0.6, 2.0);
  const double beta = GENERATE(-0.3, 0.3);
  const ReferenceProblem problem =
      problem_of(one(chain(2, Activation::hard_sigmoid, Activation::hard_sigmoid), Cost::squared_error, scale), beta);
  const ReferenceEquilibrium end = reference_settle_active_set(problem, reference_rest(problem));
  REQUIRE(end.converged);
  int clipped = 0;
  int free = 0;
  for (std::size_t l = 1; l < end.states.size(); ++l) {
    const Eigen::VectorXd g = slope(problem, end.states, l);
    for (Index i = 0; i < g.size(); ++i) {
      const double s = end.states[l][i];
      REQUIRE(s >= 0);
      REQUIRE(s <= 1);
      if (s == 0) {
        REQUIRE(g[i] > -1e-9);
      } else if (s == 1) {
        REQUIRE(g[i] < 1e-9);
      } else {
        REQUIRE(std::abs(g[i]) < 1e-9);
      }
      (s == 0 || s == 1 ? clipped : free)++;
    }
  }
  REQUIRE(clipped > 0);
  REQUIRE(free > 0);
}

TEST_CASE("a linear network is one linear system", "[reference]") {
  const double beta = 0.3;
  const ReferenceProblem problem = problem_of(one(chain(1, Activation::linear, Activation::linear)), beta);
  // (1 + beta) o = W2 s + b2 + beta y,  s = W1 x + b1 + W2' o
  const Eigen::MatrixXd w1 = problem.weights[0].leftCols(14), w2 = problem.weights[1].leftCols(12);
  const Eigen::VectorXd drive = w1 * problem.input + problem.weights[0].col(14);
  const Eigen::MatrixXd system = (1 + beta) * Eigen::MatrixXd::Identity(4, 4) - w2 * w2.transpose();
  const Eigen::VectorXd o = system.partialPivLu().solve(w2 * drive + problem.weights[1].col(12) + beta * problem.target);
  const Eigen::VectorXd s = drive + w2.transpose() * o;
  for (const auto solve : {reference_settle_smooth, reference_settle_active_set}) {
    const ReferenceEquilibrium end = solve(problem, reference_rest(problem));
    REQUIRE(end.converged);
    REQUIRE((end.states[1] - s).cwiseAbs().maxCoeff() < 1e-11);
    REQUIRE((end.states[2] - o).cwiseAbs().maxCoeff() < 1e-11);
  }
}

TEST_CASE("an active set that is wrong at first is mended", "[reference]") {
  // strong coupling that creeps: after the guessing sweeps the two units are still below their bound, the exact solve passes it
  ReferenceProblem problem;
  problem.layers = {{1}, {1, Activation::hard_sigmoid}, {1, Activation::hard_sigmoid}};
  problem.weights = {Eigen::MatrixXd::Zero(1, 2), Eigen::MatrixXd::Zero(1, 2)};
  problem.weights[0](0, 1) = 1e-4;
  problem.weights[1](0, 0) = 1 - 1e-6;
  problem.cost = Cost::squared_error;
  problem.input = Eigen::VectorXd::Zero(1);
  problem.target = Eigen::VectorXd::Zero(1);
  const ReferenceEquilibrium end = reference_settle_active_set(problem, reference_rest(problem));
  REQUIRE(end.converged);
  REQUIRE(end.steps > 1);
  REQUIRE(end.states[1][0] == 1);
  REQUIRE(end.states[2][0] == Approx(1 - 1e-6).epsilon(1e-12));
}

TEST_CASE("references refuse what they do not know", "[reference]") {
  const ReferenceProblem hard = problem_of(one(chain(1, Activation::hard_sigmoid, Activation::linear)), 0.3);
  const ReferenceProblem soft = problem_of(one(chain(1, Activation::tanh, Activation::linear)), 0.3);
  const ReferenceProblem entropy = problem_of(one(chain(1, Activation::hard_sigmoid, Activation::hard_sigmoid), Cost::cross_entropy), 0.3);
  REQUIRE_THROWS_AS(reference_settle_smooth(hard, reference_rest(hard)), std::logic_error);
  REQUIRE_THROWS_AS(reference_settle_active_set(soft, reference_rest(soft)), std::logic_error);
  REQUIRE_THROWS_AS(reference_settle_active_set(entropy, reference_rest(entropy)), std::logic_error);
  Problem<double> problem(one(chain(1, Activation::tanh, Activation::linear)));
  problem.network.add({"nothing", nullptr, nullptr});
  REQUIRE_THROWS_AS(reference_problem<double>(problem.network, problem.input.col(0), problem.target.col(0), 0), std::logic_error);
}
