// Complex settling: real where the nudge is, analytic in it, and honest about poles.
#include "eqprop/settle/complex.h"

#include <algorithm>
#include <cmath>

#include "tests/catch.h"
#include "tests/settle/noisy_coupling.h"
#include "tests/settle/problem.h"

using namespace eqprop;
using namespace eqprop::settle_test;

namespace {

using Complex = std::complex<double>;

template <class T>
struct ComplexState {
  State<T> re, im;
  Complex at(int l, Index i, Index j) const { return {static_cast<double>(re.layer(l)(i, j)), static_cast<double>(im.layer(l)(i, j))}; }
};

template <class T>
ComplexState<T> settle_at(Problem<T>& problem, Complex beta, const SettleOptions& options) {
  ComplexState<T> s{problem.network.rest(problem.input.cols()), State<T>(problem.network.sizes(), problem.input.cols())};
  settle_complex<T>(problem.network, problem.boundary(0), beta, s.re, s.im, options, problem.place(problem.phase), problem.workspace,
                    problem.report, problem.run);
  return s;
}

template <class A, class B>
double distance(const ComplexState<A>& a, const ComplexState<B>& b) {
  return std::max(largest_difference(a.re, b.re), largest_difference(a.im, b.im));
}

std::vector<Recipe> smooth_recipes() {
  return {{chain(1, Activation::tanh, Activation::linear)},
          {chain(2, Activation::tanh, Activation::tanh)},
          {chain(3, Activation::logistic, Activation::logistic)},
          {chain(2, Activation::tanh, Activation::tanh), Cost::cross_entropy}};
}

// softmax of a column of complex logits
std::vector<Complex> softmax_of(const std::vector<Complex>& logits) {
  Complex sum = 0;
  std::vector<Complex> out;
  for (const Complex z : logits) {
    out.push_back(std::exp(z));
    sum += out.back();
  }
  for (Complex& p : out) p /= sum;
  return out;
}

}  // namespace

TEST_CASE("a real nudge gives the states of settle()", "[complex]") {
  for (const Recipe& recipe : smooth_recipes())
    for (const double beta : {-0.4, 0.0, 0.3}) {
      Problem<double> problem(recipe);
      const State<double> real = problem.settle(beta, to_tolerance(1e-14));
      const ComplexState<double> z = settle_at(problem, beta, to_tolerance(1e-14));
      CAPTURE(beta, recipe.layers.size());
      CHECK(problem.report.count(StopReason::tolerance) == 37);
      CHECK(largest_difference(z.re, real) < 1e-12);
      CHECK(largest_difference(z.im, State<double>(problem.network.sizes(), 37)) < 1e-15);
    }
}

TEST_CASE("the conjugate nudge gives the conjugate states", "[complex]") {
  for (const Recipe& recipe : smooth_recipes()) {
    Problem<double> problem(recipe);
    const Complex beta(0.2, 0.3);
    const ComplexState<double> z = settle_at(problem, beta, to_tolerance(1e-13));
    ComplexState<double> w = settle_at(problem, std::conj(beta), to_tolerance(1e-13));
    for (int l = 1; l <= w.im.layers(); ++l) w.im.layer(l) *= -1;
    CHECK(distance(z, w) < 1e-12);
    CHECK(z.im.layer(z.im.layers()).cwiseAbs().maxCoeff() > 1e-2);
  }
}

TEST_CASE("complex states solve their equations", "[complex]") {
  for (const Recipe& recipe : smooth_recipes()) {
    Problem<double> problem(recipe);
    const Complex beta(-0.2, 0.35);
    const ComplexState<double> z = settle_at(problem, beta, to_tolerance(1e-13));
    const int depth = problem.network.depth();
    const auto act = [](Activation a, Complex u) {
      return a == Activation::tanh ? std::tanh(u) : a == Activation::logistic ? 1.0 / (1.0 + std::exp(-u)) : u;
    };
    // beta R' (y - softmax(R z + c)), sample by sample
    const auto pushed = [&](Index i, Index j) {
      const Eigen::MatrixXd readout = problem.network.coupling(depth).read();
      std::vector<Complex> logits;
      for (Index k = 0; k < readout.rows(); ++k) {
        Complex logit = readout(k, readout.cols() - 1);
        for (Index m = 0; m + 1 < readout.cols(); ++m) logit += readout(k, m) * z.at(depth, m, j);
        logits.push_back(logit);
      }
      const std::vector<Complex> p = softmax_of(logits);
      Complex push = 0;
      for (Index k = 0; k < readout.rows(); ++k) push += beta * readout(k, i) * (problem.target(k, j) - p[static_cast<std::size_t>(k)]);
      return push;
    };
    for (int l = 1; l <= depth; ++l)
      for (Index i = 0; i < problem.network.layer(l).size; ++i)
        for (Index j = 0; j < 37; ++j) {
          const Eigen::MatrixXd below = problem.network.coupling(l - 1).read();
          Complex h = below(i, below.cols() - 1);
          for (Index k = 0; k + 1 < below.cols(); ++k) h += below(i, k) * (l == 1 ? Complex(problem.input(k, j)) : z.at(l - 1, k, j));
          if (l < depth) {
            const Eigen::MatrixXd above = problem.network.coupling(l).read();
            for (Index k = 0; k < above.rows(); ++k) h += above(k, i) * z.at(l + 1, k, j);
          } else if (problem.network.has_readout()) {
            h += pushed(i, j);
          } else {
            h += beta * (problem.target(i, j) - z.at(l, i, j));  // u = h + beta (y - z)
          }
          REQUIRE(std::abs(z.at(l, i, j) - act(problem.network.layer(l).activation, h)) < 1e-11);
        }
  }
}

TEST_CASE("states are analytic in the nudge", "[complex]") {
  for (const Recipe& recipe : smooth_recipes()) {
    Problem<double> problem(recipe);
    const Complex beta(0.15, 0.25);
    constexpr double kStep = 1e-4;
    const auto derivative = [&](Complex along) {
      const ComplexState<double> up = settle_at(problem, beta + kStep * along, to_tolerance(1e-15, 3000));
      const ComplexState<double> down = settle_at(problem, beta - kStep * along, to_tolerance(1e-15, 3000));
      std::vector<Complex> d;
      for (int l = 1; l <= up.re.layers(); ++l)
        for (Index i = 0; i < up.re.size(l); ++i) d.push_back((up.at(l, i, 5) - down.at(l, i, 5)) / (2 * kStep * along));
      return d;
    };
    const auto real = derivative({1, 0});
    const auto imaginary = derivative({0, 1});
    double largest = 0;
    for (std::size_t i = 0; i < real.size(); ++i) {
      CHECK(std::abs(real[i] - imaginary[i]) < 1e-7);
      largest = std::max(largest, std::abs(real[i]));
    }
    CHECK(largest > 0.05);
  }
}

TEST_CASE("float and double complex states agree", "[complex]") {
  for (const Recipe& recipe : smooth_recipes()) {
    Problem<double> fine(recipe);
    Problem<float> coarse(recipe);
    const Complex beta(0.2, 0.3);
    const ComplexState<double> exact = settle_at(fine, beta, to_tolerance(1e-12));
    const ComplexState<float> z = settle_at(coarse, beta, to_tolerance(1e-6, 300));
    CHECK(coarse.report.count(StopReason::tolerance) == 37);
    CHECK(distance(z, exact) < 2e-5);
  }
}

TEST_CASE("threads and the order of sweeps change no equilibrium", "[complex][threads]") {
  const Recipe recipe{chain(2, Activation::tanh, Activation::tanh), Cost::squared_error, 0.6, 50};
  const Complex beta(0, 0.4);
  Problem<float> one(recipe);
  Problem<float> many(recipe);
  many.run.threads = 4;
  SettleOptions options = to_tolerance(1e-4);
  options.activation_noise = 1e-3;
  options.budget = 20;
  const auto a = settle_at(one, beta, options);
  const auto b = settle_at(many, beta, options);
  CHECK(same_bits(a.re, b.re));
  CHECK(same_bits(a.im, b.im));
  CHECK(one.report.pole == many.report.pole);
  Problem<double> problem(recipe);
  const auto forward = settle_at(problem, beta, to_tolerance(1e-12));
  for (const Method method : {Method::backward, Method::asynchronous, Method::anderson}) {
    SettleOptions other = to_tolerance(1e-12);
    other.method = method;
    CHECK(distance(forward, settle_at(problem, beta, other)) < 1e-11);
  }
}

TEST_CASE("both parts are read, noisy, charged and timed", "[complex]") {
  Ledger ledger;
  Problem<double> problem({chain(1, Activation::tanh, Activation::tanh), Cost::squared_error, 0.6, 20},
                          [](const Matrix<double>& w, int index) { return std::make_unique<NoisyCoupling<double>>(w, index, 0.01, 0.01); });
  const Complex beta(0, 0.3);
  problem.run.ledger = &ledger;
  const auto z = settle_at(problem, beta, to_tolerance(1e-8, 200));
  CHECK(problem.report.count(StopReason::noise_floor) == 20);
  CHECK(ledger.at(1, kPhaseFree, Event::adc).count == 2 * static_cast<std::int64_t>(problem.report.sweeps_sum()) * (12 + 4));
  for (std::size_t i = 0; i < 20; ++i) CHECK(problem.report.second[i] == Approx(2 * 2e-6 * problem.report.sweeps[i]));
  // the parts' noise is not the same: with it common to both, re and im would stray alike
  Problem<double> truth({chain(1, Activation::tanh, Activation::tanh), Cost::squared_error, 0.6, 20});
  truth.drive = problem.drive;
  const auto exact = settle_at(truth, beta, to_tolerance(1e-12));
  CHECK(distance(z, exact) < 0.08);
  const Eigen::ArrayXXd re = (z.re.layer(1) - exact.re.layer(1)).array();
  const Eigen::ArrayXXd im = (z.im.layer(1) - exact.im.layer(1)).array();
  CHECK(std::abs((re * im).mean()) < 0.3 * std::sqrt(re.square().mean() * im.square().mean()));
}

TEST_CASE("a held output is real, the others stay so", "[complex]") {
  Problem<double> problem({chain(2, Activation::tanh, Activation::linear)});
  const Matrix<double> held = 0.5 * problem.target;
  State<double> re = problem.network.rest(37);
  State<double> im = re;
  im.layer(1).setConstant(0.1);
  settle_complex<double>(problem.network, problem.held_boundary(held), 0.0, re, im, to_tolerance(1e-12), problem.place(kPhaseFree),
                         problem.workspace, problem.report, problem.run);
  CHECK((re.layer(3) - held).cwiseAbs().maxCoeff() == 0);
  CHECK(largest_difference(im, State<double>(problem.network.sizes(), 37)) < 1e-11);
}

TEST_CASE("the distance to the nearest pole is reported, and meeting it is no equilibrium", "[complex]") {
  Problem<double> problem({chain(1, Activation::tanh, Activation::linear)});
  settle_at(problem, Complex(0, 0.05), to_tolerance(1e-10));
  for (const float pole : problem.report.pole) CHECK((pole > 1.3F && pole < 10));
  Problem<double> strong({chain(1, Activation::tanh, Activation::linear), Cost::squared_error, 1.5});
  settle_at(strong, Complex(0, 0.6), to_tolerance(1e-10, 300));
  CHECK(*std::min_element(strong.report.pole.begin(), strong.report.pole.end()) < 0.1F);
  CHECK(strong.report.count(StopReason::tolerance) < 37);
}

TEST_CASE("networks that are not analytic are refused", "[complex]") {
  Problem<double> problem({chain(1, Activation::hard_sigmoid, Activation::linear)});
  CHECK_FALSE(complex_applies(problem.network));
  CHECK_THROWS_AS(settle_at(problem, Complex(0, 0.1), fixed_budget(1)), std::logic_error);
}
