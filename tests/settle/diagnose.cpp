// Every cause of a settle that does not end, provoked.
#include "eqprop/settle/diagnose.h"

#include <Eigen/Eigenvalues>
#include <limits>

#include "eqprop/settle/complex.h"
#include "tests/catch.h"
#include "tests/settle/method_cases.h"

using namespace eqprop;
using namespace eqprop::settle_test;

namespace {

Diagnosis diagnosis_of(Problem<double>& problem, double beta, const SettleOptions& options) {
  const State<double> state = settle_by(problem, beta, options);
  return diagnose<double>(problem.network, problem.boundary(beta), state, options, problem.report);
}

bool says(const Diagnosis& d, const std::string& part) { return d.sentence.find(part) != std::string::npos; }

// largest eigenvalue of the couplings between the layers that settle, by Eigen's own solver
double largest_eigenvalue(const Network<double>& network, const std::vector<double>& slopes) {
  std::vector<Index> first{0, 0};
  for (int l = 1; l <= network.depth(); ++l) first.push_back(first.back() + network.layer(l).size);
  Eigen::MatrixXd m = Eigen::MatrixXd::Zero(first.back(), first.back());
  for (int l = 1; l < network.depth(); ++l) {
    const Eigen::MatrixXd w = network.coupling(l).read().leftCols(network.layer(l).size);
    const auto at = static_cast<std::size_t>(l);
    m.block(first[at + 1], first[at], w.rows(), w.cols()) = std::sqrt(slopes[at] * slopes[at + 1]) * w;
  }
  m += Eigen::MatrixXd(m.transpose());
  return Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(m).eigenvalues().maxCoeff();
}

}  // namespace

TEST_CASE("what settled has no cause", "[diagnose]") {
  Problem<double> problem({chain(2, Activation::tanh, Activation::linear)});
  CHECK(diagnosis_of(problem, 0.2, to_tolerance(1e-6)).cause == Cause::none);
  // a budget that was to be run whole has not failed either
  CHECK(diagnosis_of(problem, 0.2, fixed_budget(3)).cause == Cause::none);
}

TEST_CASE("a budget that is too small, and what would do", "[diagnose]") {
  const Method method = GENERATE(Method::forward, Method::synchronous, Method::euler);
  Problem<double> problem({chain(2, Activation::tanh, Activation::linear), Cost::squared_error, 0.8});
  const int budget = 60;
  const SettleOptions options = with_method(method, to_tolerance(1e-13, method == Method::forward ? 12 : budget));
  const Diagnosis d = diagnosis_of(problem, 0, options);
  CAPTURE(d.sentence);
  REQUIRE(d.cause == Cause::budget_too_small);
  CHECK(says(d, "sweeps more"));
  CHECK(d.largest < 1);
  // as many sweeps as it says, and a few
  const std::size_t at = d.sentence.find("about ");
  REQUIRE(at != std::string::npos);
  SettleOptions more = options;
  more.budget += static_cast<int>(1.2 * std::stod(d.sentence.substr(at + 6))) + 5;
  settle_by(problem, 0, more);
  CHECK(problem.report.reason[d.sample] == StopReason::tolerance);
}

TEST_CASE("weights that feed back more than unbounded units take", "[diagnose]") {
  const Method method = GENERATE(from_range(kAllMethods));
  if (method == Method::anderson || method == Method::difference)
    return;  // the one may find the saddle, the other starts from an equilibrium
  Problem<double> problem({chain(2, Activation::linear, Activation::linear), Cost::squared_error, 4});
  const Diagnosis d = diagnosis_of(problem, 0, with_method(method, to_tolerance(1e-6, 1000)));
  CAPTURE(method_name(method), d.sentence);
  REQUIRE(d.cause == Cause::coupling_too_strong);
  CHECK(d.largest == Approx(largest_eigenvalue(problem.network, {0, 1, 1, 1})).epsilon(1e-3));
  CHECK(d.smallest == Approx(-d.largest).epsilon(1e-3));
  CHECK(d.largest > 1);
  CHECK(says(d, "smaller weights"));
}

TEST_CASE("bounded units that swing at once settle one layer at a time", "[diagnose]") {
  // two layers that hold each other off: at once, both swing between their bounds
  Problem<double> problem({{{3}, {6, Activation::hard_sigmoid}, {6, Activation::hard_sigmoid}}}, [](const Matrix<double>& w, int index) {
    Matrix<double> own = index == 0 ? w : Matrix<double>(-3 * Matrix<double>::Identity(w.rows(), w.cols()));
    own.rightCols(1).setConstant(index == 0 ? 0 : 1);
    return std::make_unique<IdealCoupling<double>>(own);
  });
  problem.drive.setConstant(1);
  CHECK(diagnosis_of(problem, 0, with_method(Method::forward, to_tolerance(1e-6))).cause == Cause::none);
  const Diagnosis d = diagnosis_of(problem, 0, with_method(Method::synchronous, to_tolerance(1e-6, 200)));
  CAPTURE(d.sentence);
  CHECK(d.cause == Cause::coupling_too_strong);
  CHECK(d.largest == Approx(3).epsilon(1e-3));
  CHECK(says(d, "forward"));
  SettleOptions euler = with_method(Method::euler, to_tolerance(1e-6, 200));
  euler.step = 0.95;
  const Diagnosis e = diagnosis_of(problem, 0, euler);
  CAPTURE(e.sentence);
  CHECK(e.cause == Cause::step_too_large);
  CHECK(says(e, "0.5"));  // 2 / (1 + 3)
}

TEST_CASE("a nudge that leaves no minimum, and one that tips the balance", "[diagnose]") {
  Problem<double> problem({chain(1, Activation::linear, Activation::linear), Cost::squared_error, 0.6});
  const Diagnosis beyond = diagnosis_of(problem, -1.2, to_tolerance(1e-6, 2000));
  CHECK(beyond.cause == Cause::beta_too_large);
  CHECK(says(beyond, "1 + beta"));
  const double gain = largest_eigenvalue(problem.network, {0, 1, 1});
  REQUIRE(gain < 1);
  // of two linear layers: gain^2 / (1 + beta) reaches 1
  const double limit = gain * gain - 1;
  CHECK(diagnosis_of(problem, limit + 0.05, to_tolerance(1e-6, 2000)).cause == Cause::none);
  const Diagnosis tipped = diagnosis_of(problem, limit - 0.05, to_tolerance(1e-6, 2000));
  CAPTURE(tipped.sentence);
  CHECK(tipped.cause == Cause::beta_too_large);
  CHECK(tipped.largest > 1);
  CHECK(says(tipped, "smaller beta"));
}

TEST_CASE("a curved cost seen from the sweep before, nudged too hard", "[diagnose]") {
  Problem<double> problem({chain(1, Activation::tanh, Activation::tanh), Cost::cross_entropy}, [](const Matrix<double>& w, int index) {
    return std::make_unique<IdealCoupling<double>>(index == 2 ? Matrix<double>(6 * w) : w);
  });
  const Diagnosis d = diagnosis_of(problem, 20, to_tolerance(1e-6, 300));
  CAPTURE(d.sentence);
  CHECK(d.cause == Cause::beta_too_large);
  CHECK(d.smallest < -1);
}

TEST_CASE("what is not a number is named", "[diagnose]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Problem<double> input({chain(1, Activation::tanh, Activation::linear)});
  input.drive(0, 5) = nan;
  const Diagnosis d = diagnosis_of(input, 0, to_tolerance(1e-6));
  CHECK(d.cause == Cause::not_a_number);
  CHECK(d.sample == 5);
  Problem<double> weights({chain(1, Activation::tanh, Activation::linear)}, [&](Matrix<double> w, int index) {
    if (index == 1) w(0, 0) = nan;
    return std::make_unique<IdealCoupling<double>>(w);
  });
  const Diagnosis e = diagnosis_of(weights, 0, to_tolerance(1e-6));
  CHECK(e.cause == Cause::not_a_number);
  CHECK(says(e, "weight"));
}

TEST_CASE("a complex nudge that meets the poles", "[diagnose]") {
  Problem<double> problem({chain(1, Activation::tanh, Activation::linear), Cost::squared_error, 1.5});
  State<double> re = problem.network.rest(37);
  State<double> im = re;
  const SettleOptions options = to_tolerance(1e-10, 300);
  settle_complex<double>(problem.network, problem.boundary(0), {0, 0.6}, re, im, options, problem.place(kPhaseFree), problem.workspace,
                         problem.report, problem.run);
  REQUIRE(problem.report.count(StopReason::tolerance) < 37);
  const Diagnosis d = diagnose<double>(problem.network, problem.boundary(0.6), re, options, problem.report);
  CAPTURE(d.sentence);
  CHECK(d.cause == Cause::poles_met);
  CHECK(says(d, "pole"));
}

TEST_CASE("every cause has a name", "[diagnose]") {
  for (const Cause cause : {Cause::none, Cause::not_a_number, Cause::poles_met, Cause::beta_too_large, Cause::step_too_large,
                            Cause::coupling_too_strong, Cause::budget_too_small})
    CHECK_FALSE(cause_name(cause).empty());
}
