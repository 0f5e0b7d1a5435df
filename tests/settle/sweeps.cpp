// Sweeps descend, end at fixed points, and do not care about company, order or threads.
#include "eqprop/settle/settle.h"

#include <algorithm>

#include "tests/catch.h"
#include "tests/oracle/third_party_coupling.h"
#include "tests/settle/noisy_coupling.h"
#include "tests/settle/problem.h"

using namespace eqprop;
using namespace eqprop::settle_test;

namespace {

const std::vector<Activation> kHidden{Activation::hard_sigmoid, Activation::clipped_relu, Activation::tanh, Activation::logistic};
const std::vector<Activation> kOutputs{Activation::linear, Activation::hard_sigmoid};

// noise, energy and time at once
template <class T>
MakeCoupling<T> noisy(double sd) {
  return [sd](const Matrix<T>& w, int index) { return std::make_unique<NoisyCoupling<T>>(w, index, sd, sd); };
}

}  // namespace

TEST_CASE("the potential falls at every sweep", "[settle]") {
  const double scale = GENERATE(0.6, 3.0);  // one equilibrium, and many
  const double beta = GENERATE(-0.3, 0.0, 0.3);
  for (const int hidden : {1, 3})
    for (const Activation activation : kHidden)
      for (const Activation output : kOutputs) {
        if (scale > 1 && output == Activation::linear) continue;  // nothing bounds it from below
        CAPTURE(scale, beta, hidden, activation_name(activation), activation_name(output));
        Problem<double> problem({chain(hidden, activation, output), Cost::squared_error, scale, 5});
        Eigen::RowVectorXd before = problem.potential_at(problem.network.rest(5), beta);
        const Eigen::RowVectorXd start = before;
        for (int budget = 1; budget <= 20; ++budget) {
          const Eigen::RowVectorXd after = problem.potential_at(problem.settle(beta, fixed_budget(budget)), beta);
          REQUIRE(((after - before).array() <= 1e-12).all());
          before = after;
        }
        REQUIRE(((start - before).array() > 1e-3).all());
      }
}

TEST_CASE("a settled state does not move", "[settle]") {
  const double beta = GENERATE(-0.3, 0.0, 0.3);
  const Cost cost = GENERATE(Cost::squared_error, Cost::cross_entropy);
  for (const Activation activation : kHidden) {
    Problem<double> problem({chain(2, activation, cost == Cost::squared_error ? Activation::linear : activation), cost});
    State<double> state = problem.settle(beta, to_tolerance(1e-11));
    CAPTURE(beta, activation_name(activation));
    REQUIRE(problem.report.count(StopReason::tolerance) == 37);
    for (const float residual : problem.report.residual) REQUIRE(residual <= 1e-11F);
    const State<double> before = state;
    settle<double>(problem.network, problem.boundary(beta), state, fixed_budget(1), problem.place(kPhaseFree), problem.workspace,
                   problem.run);
    REQUIRE(largest_difference(before, state) <= 1e-11);
    // and it is not where it began
    REQUIRE(largest_difference(problem.network.rest(37), state) > 0.1);
  }
}

TEST_CASE("a nudge moves the answer towards or away from the target", "[settle]") {
  Problem<double> problem({chain(2, Activation::tanh, Activation::linear)});
  const auto cost_at = [&](double beta) {
    const State<double> state = problem.settle(beta, to_tolerance(1e-10));
    return cost_of<double>(Cost::squared_error, state.layer(3), problem.target).sum();
  };
  REQUIRE(cost_at(0.3) < cost_at(0.0));
  REQUIRE(cost_at(0.0) < cost_at(-0.3));
}

TEST_CASE("per-sample stopping gives the states of settling alone", "[settle]") {
  const Activation activation = GENERATE(Activation::hard_sigmoid, Activation::tanh);
  const Cost cost = GENERATE(Cost::squared_error, Cost::cross_entropy);
  const Recipe recipe{chain(2, activation, Activation::hard_sigmoid), cost};
  Problem<double> all(recipe);
  // inputs of very different size stop at very different sweeps
  for (Index i = 0; i < 37; ++i) all.input.col(i) *= static_cast<double>(i % 5) / 2;
  all.read_drive();
  const State<double> together = all.settle(0.2, to_tolerance(1e-9));
  const auto [fewest, most] = std::minmax_element(all.report.sweeps.begin(), all.report.sweeps.end());
  REQUIRE(*most > *fewest);
  for (Index i = 0; i < 37; ++i) {
    Recipe alone_recipe = recipe;
    alone_recipe.batch = 1;
    Problem<double> alone(alone_recipe);
    alone.input = all.input.col(i);
    alone.target = all.target.col(i);
    alone.ids = {all.ids[static_cast<std::size_t>(i)]};
    alone.read_drive();
    const State<double> state = alone.settle(0.2, to_tolerance(1e-9));
    for (int l = 1; l <= 3; ++l) REQUIRE((state.layer(l).col(0) - together.layer(l).col(i)).cwiseAbs().maxCoeff() < 5e-9);
    REQUIRE(std::abs(int(alone.report.sweeps[0]) - int(all.report.sweeps[static_cast<std::size_t>(i)])) <= 1);
    REQUIRE(alone.report.reason[0] == all.report.reason[static_cast<std::size_t>(i)]);
  }
}

TEST_CASE("samples keep their states and reports in any order", "[settle]") {
  const double sd = GENERATE(0.0, 0.02);
  const Recipe recipe{chain(2, Activation::tanh, Activation::linear)};
  Problem<double> problem(recipe, noisy<double>(sd));
  Problem<double> shuffled(recipe, noisy<double>(sd));
  const auto from = [](Index i) { return (i * 11 + 5) % 37; };
  for (Index i = 0; i < 37; ++i) {
    shuffled.input.col(i) = problem.input.col(from(i));
    shuffled.target.col(i) = problem.target.col(from(i));
    shuffled.ids[static_cast<std::size_t>(i)] = problem.ids[static_cast<std::size_t>(from(i))];
  }
  shuffled.read_drive();
  const State<double> a = problem.settle(0.3, to_tolerance(1e-8, 100));
  const State<double> b = shuffled.settle(0.3, to_tolerance(1e-8, 100));
  for (Index i = 0; i < 37; ++i) {
    for (int l = 1; l <= 3; ++l) REQUIRE((a.layer(l).col(from(i)) - b.layer(l).col(i)).cwiseAbs().maxCoeff() < 1e-12);
    REQUIRE(problem.report.reason[static_cast<std::size_t>(from(i))] == shuffled.report.reason[static_cast<std::size_t>(i)]);
    REQUIRE(problem.report.sweeps[static_cast<std::size_t>(from(i))] == shuffled.report.sweeps[static_cast<std::size_t>(i)]);
  }
}

TEMPLATE_TEST_CASE("threads change no bit of states, report, ledger and clock", "[settle][threads]", float, double) {
  using T = TestType;
  const Recipe recipe{chain(2, Activation::tanh, Activation::hard_sigmoid), Cost::squared_error, 0.6, 100};
  std::vector<State<T>> states;
  std::vector<SettleReport> reports;
  std::vector<Ledger> ledgers(3);
  std::vector<double> clocks;
  const int threads[] = {1, 2, 7};
  for (std::size_t i = 0; i < 3; ++i) {
    Problem<T> problem(recipe, noisy<T>(0.01));
    problem.run.threads = threads[i];
    problem.run.ledger = &ledgers[i];
    problem.read_drive();
    states.push_back(problem.settle(0.3, to_tolerance(1e-3, 40)));
    reports.push_back(problem.report);
    clocks.push_back(problem.run.clock);
  }
  REQUIRE(ledgers[0].total(Event::adc).count > 100 * 12);
  REQUIRE(ledgers[0].at(1, kPhaseFree, Event::neuron).joule > 0);
  for (std::size_t i = 1; i < 3; ++i) {
    REQUIRE(same_bits(states[0], states[i]));
    REQUIRE(reports[0].reason == reports[i].reason);
    REQUIRE(reports[0].residual == reports[i].residual);
    REQUIRE(reports[0].sweeps == reports[i].sweeps);
    REQUIRE(reports[0].second == reports[i].second);
    REQUIRE(ledgers[0] == ledgers[i]);
    REQUIRE(clocks[0] == clocks[i]);
  }
}

TEST_CASE("a workspace holds no result: settling again gives the same bits", "[settle]") {
  Problem<float> problem({chain(2, Activation::tanh, Activation::linear)}, noisy<float>(0.01));
  const State<float> first = problem.settle(0.3, to_tolerance(1e-3, 40));
  problem.settle(-0.3, to_tolerance(1e-2, 10));
  REQUIRE(same_bits(first, problem.settle(0.3, to_tolerance(1e-3, 40))));
}

TEST_CASE("reads are charged per sweep and sample, and timed", "[settle]") {
  Ledger ledger;
  Problem<double> problem({chain(2, Activation::tanh, Activation::linear), Cost::squared_error, 0.6, 20}, noisy<double>(0.0));
  problem.run.ledger = &ledger;
  problem.read_drive();
  REQUIRE(ledger.at(0, kPhaseInput, Event::adc).count == 12 * 20);
  const State<double> state = problem.settle(0.0, to_tolerance(1e-6));
  // coupling 1: backward into layer 1 (12 units) and forward into layer 2 (10 units), coupling 2: into 10 and 4
  const auto sweeps = static_cast<std::int64_t>(problem.report.sweeps_sum());
  REQUIRE(ledger.at(0, kPhaseFree, Event::adc).count == 0);
  REQUIRE(ledger.at(1, kPhaseFree, Event::adc).count == sweeps * (12 + 10));
  REQUIRE(ledger.at(2, kPhaseFree, Event::adc).count == sweeps * (10 + 4));
  double longest = 0;
  double watt = 0;
  for (std::size_t i = 0; i < 20; ++i) {
    REQUIRE(problem.report.second[i] == Approx(4e-6 * problem.report.sweeps[i]));
    longest = std::max(longest, problem.report.second[i]);
    watt += problem.report.second[i] * state.layer(1).col(static_cast<Index>(i)).squaredNorm();
  }
  REQUIRE(problem.run.clock == Approx(longest));
  // the end of the phase sees every column with its own time
  REQUIRE(ledger.at(1, kPhaseFree, Event::neuron).watt == Approx(watt));
}

TEST_CASE("float and double settle to the same state", "[settle]") {
  for (const Activation activation : kHidden)
    for (const Cost cost : {Cost::squared_error, Cost::cross_entropy}) {
      const Recipe recipe{chain(2, activation, Activation::hard_sigmoid), cost};
      Problem<double> fine(recipe);
      Problem<float> coarse(recipe);
      CAPTURE(activation_name(activation));
      const State<double> exact = fine.settle(0.3, to_tolerance(1e-10));
      const State<float> rounded = coarse.settle(0.3, to_tolerance(1e-6, 300));
      REQUIRE(largest_difference(exact, rounded) < 2e-5);
      REQUIRE(largest_difference(exact, rounded) > 0);
    }
}

TEMPLATE_TEST_CASE("a third-party coupling settles like an ideal one", "[settle]", float, double) {
  using T = TestType;
  const Cost cost = GENERATE(Cost::squared_error, Cost::cross_entropy);
  const Recipe recipe{chain(2, Activation::tanh, Activation::hard_sigmoid), cost};
  Problem<T> ideal(recipe);
  Problem<T> outside(recipe, [](const Matrix<T>& w, int) { return std::make_unique<third_party::LoopCoupling<T>>(w); });
  const State<T> a = ideal.settle(0.3, fixed_budget(30));
  const State<T> b = outside.settle(0.3, fixed_budget(30));
  REQUIRE(largest_difference(a, b) < 100 * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

TEST_CASE("a user's term takes part in settling", "[settle]") {
  Problem<double> problem({chain(1, Activation::tanh, Activation::linear)});
  problem.network.add(
      {"leak",
       [](const TermContext<double>&, int l, Out<double>, Out<double> a) {
         if (l == 1) a.array() += 50;
         return l == 1;
       },
       [](const TermContext<double>& c) -> Eigen::RowVectorXd { return 25 * c.state.layer(1, 0, c.columns).colwise().squaredNorm(); }});
  Eigen::RowVectorXd before = problem.potential_at(problem.network.rest(37), 0);
  State<double> state;
  for (int budget = 1; budget < 10; ++budget) {
    state = problem.settle(0, fixed_budget(budget));
    const Eigen::RowVectorXd after = problem.potential_at(state, 0);
    REQUIRE(((after - before).array() <= 1e-12).all());
    before = after;
  }
  REQUIRE(state.layer(1).cwiseAbs().maxCoeff() < 0.1);
}
