// The potential: terms add up, and every term's field is minus its slope.
#include <cmath>

#include "eqprop/model/ideal_coupling.h"
#include "eqprop/model/network.h"
#include "tests/catch.h"
#include "tests/model/coupling_conformance.h"
#include "tests/oracle/finite_difference.h"

using namespace eqprop;
using conformance::numbers;

namespace {

constexpr Index kBatch = 3;

constexpr double kLeak = 0.3, kInject = 0.1, kInhibit = 0.2;

// leak, injected current and mutual inhibition on layer 1: phi = leak |s|^2 / 2 - inject sum s + inhibit (sum s)^2 / 2
template <class T>
UserTerm<T> inhibition() {
  return {"inhibition",
          [](const TermContext<T>& c, int l, Out<T> h, Out<T> a) {
            if (l != 1) return false;
            const Matrix<T> s = c.state.layer(1, 0, c.columns);
            h.array() += T(kInject);
            h -= T(kInhibit) * (s.colwise().sum().replicate(s.rows(), 1) - s);
            a.array() += T(kLeak + kInhibit);
            return true;
          },
          [](const TermContext<T>& c) -> Eigen::RowVectorXd {
            const Eigen::MatrixXd s = c.state.layer(1, 0, c.columns).template cast<double>();
            return kLeak / 2 * s.colwise().squaredNorm() - kInject * s.colwise().sum() + kInhibit / 2 * s.colwise().sum().cwiseAbs2();
          }};
}

template <class T>
struct Setup {
  Network<T> network;
  Matrix<T> input = numbers<T>(4, kBatch, 20);
  Matrix<T> target;
  Matrix<T> drive;
  State<T> state;
  std::vector<std::uint32_t> samples = conformance::ids(kBatch);
  Run run{7};

  explicit Setup(Cost cost, std::vector<Layer> layers) : network(make(cost, layers)), state(network.sizes(), kBatch) {
    target = numbers<T>(network.outputs(), kBatch, 21).cwiseAbs();
    if (cost == Cost::cross_entropy) target.array().rowwise() /= target.colwise().sum().array().eval();
    drive = Matrix<T>::Zero(network.layer(1).size, kBatch);
    network.coupling(0).forward(input, drive, {{}, samples}, run);
    for (int l = 1; l <= network.depth(); ++l)
      state.layer(l) = T(0.5) + T(0.3) * numbers<T>(network.layer(l).size, kBatch, 21 + static_cast<std::uint32_t>(l)).array();
  }

  static Network<T> make(Cost cost, const std::vector<Layer>& layers) {
    std::vector<std::unique_ptr<Coupling<T>>> couplings;
    for (std::size_t l = 0; l + 1 < layers.size(); ++l)
      couplings.push_back(
          std::make_unique<IdealCoupling<T>>(numbers<T>(layers[l + 1].size, layers[l].size + 1, 30 + static_cast<std::uint32_t>(l))));
    if (cost == Cost::cross_entropy) couplings.push_back(std::make_unique<IdealCoupling<T>>(numbers<T>(3, layers.back().size + 1, 40)));
    Network<T> network(layers, std::move(couplings), cost);
    network.add(inhibition<T>());
    return network;
  }

  template <class Use>
  auto with(const State<T>& s, double beta, Use use) {
    const Boundary<T> boundary{view(input), view(drive), view(target), beta};
    return use(TermContext<T>{network, s, boundary, kBatch, {{}, samples}, run});
  }
};

const std::vector<Layer> kSizes{{4}, {6, Activation::tanh}, {5, Activation::logistic}, {2, Activation::linear}};

// slope of phi over the units of layer l, units x batch
template <class Phi>
Matrix<double> slope_of(const State<double>& state, int l, Phi phi) {
  Matrix<double> slopes(state.size(l), kBatch);
  for (Index i = 0; i < kBatch; ++i)
    slopes.col(i) = oracle::finite_difference(
        [&](const Eigen::VectorXd& s) {
          State<double> moved = state;
          moved.layer(l).col(i) = s;
          return phi(moved)[i];
        },
        Eigen::VectorXd(state.layer(l).col(i)));
  return slopes;
}

}  // namespace

TEST_CASE("every term's field is minus its slope", "[potential]") {
  const Cost cost = GENERATE(Cost::squared_error, Cost::cross_entropy);
  const double beta = GENERATE(-0.3, 0.0, 0.4);
  Setup<double> setup(cost, kSizes);
  REQUIRE(setup.network.terms().size() == 5);
  for (std::size_t t = 0; t < setup.network.terms().size(); ++t) {
    const Term<double>& term = setup.network.terms()[t];
    for (int l = 1; l <= setup.network.depth(); ++l) {
      Matrix<double> h = Matrix<double>::Zero(setup.network.layer(l).size, kBatch);
      Matrix<double> a = h;
      const bool curved = setup.with(setup.state, beta, [&](const auto& c) { return add_field<double>(term, c, l, h, a); });
      CAPTURE(t, l, beta);
      REQUIRE(curved == (a.array() != 0).any());
      const Matrix<double> slopes = slope_of(
          setup.state, l, [&](const State<double>& s) { return setup.with(s, beta, [&](const auto& c) { return potential(term, c); }); });
      const Matrix<double> expected = (a.array() * setup.state.layer(l).array() - h.array()).matrix();
      REQUIRE((slopes - expected).cwiseAbs().maxCoeff() < 1e-9);
    }
  }
}

TEST_CASE("fields add to what is there", "[potential]") {
  Setup<double> setup(Cost::squared_error, kSizes);
  for (const auto& term : setup.network.terms())
    for (int l = 1; l <= setup.network.depth(); ++l) {
      Matrix<double> h = Matrix<double>::Zero(setup.network.layer(l).size, kBatch), a = h;
      Matrix<double> more_h = Matrix<double>::Constant(h.rows(), h.cols(), 3), more_a = more_h;
      setup.with(setup.state, 0.4, [&](const auto& c) { return add_field<double>(term, c, l, h, a); });
      setup.with(setup.state, 0.4, [&](const auto& c) { return add_field<double>(term, c, l, more_h, more_a); });
      REQUIRE((more_h.array() - 3 - h.array()).abs().maxCoeff() < 1e-12);
      REQUIRE((more_a.array() - 3 - a.array()).abs().maxCoeff() < 1e-12);
    }
}

TEST_CASE("the potential is the sum of own potentials and terms", "[potential]") {
  const Cost cost = GENERATE(Cost::squared_error, Cost::cross_entropy);
  Setup<double> setup(cost, kSizes);
  setup.with(setup.state, 0.4, [&](const auto& c) {
    Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(kBatch);
    for (int l = 1; l <= setup.network.depth(); ++l) sum += own_potential<double>(setup.network.layer(l), setup.state.layer(l));
    for (const auto& term : setup.network.terms()) sum += potential(term, c);
    REQUIRE((potential(c) - sum).cwiseAbs().maxCoeff() < 1e-12);
    // every sample is its own
    REQUIRE(std::abs(sum[0] - sum[1]) > 1e-3);
    return 0;
  });
}

TEST_CASE("float and double agree on the potential", "[potential]") {
  const Cost cost = GENERATE(Cost::squared_error, Cost::cross_entropy);
  Setup<double> fine(cost, kSizes);
  Setup<float> coarse(cost, kSizes);
  const auto phi = [](const auto& c) { return potential(c); };
  const Eigen::RowVectorXd exact = fine.with(fine.state, 0.4, phi);
  const Eigen::RowVectorXd rounded = coarse.with(coarse.state, 0.4, phi);
  REQUIRE((exact - rounded).cwiseAbs().maxCoeff() < 1e-5);
}

TEST_CASE("a context of fewer columns leaves the others out", "[potential]") {
  Setup<double> setup(Cost::squared_error, kSizes);
  const Eigen::RowVectorXd all = setup.with(setup.state, 0.4, [](const auto& c) { return potential(c); });
  const Boundary<double> boundary{view(setup.input), view(setup.drive), view(setup.target), 0.4};
  const TermContext<double> two{setup.network, setup.state, boundary, 2, {{}, std::span(setup.samples).first(2)}, setup.run};
  const Eigen::RowVectorXd some = potential(two);
  REQUIRE(some.size() == 2);
  REQUIRE((some - all.head(2)).cwiseAbs().maxCoeff() < 1e-13);
}
