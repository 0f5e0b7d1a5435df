// Conformance of the couplings, and what is special about the ideal one.
#include "eqprop/model/coupling.h"

#include "eqprop/model/crossbar_coupling.h"
#include "eqprop/model/ideal_coupling.h"
#include "tests/catch.h"
#include "tests/model/coupling_conformance.h"
#include "tests/oracle/third_party_coupling.h"

using namespace eqprop;
using namespace eqprop::conformance;

namespace {

// exact couplings round only: eps times a generous count of additions
template <class T>
CouplingTolerance exact() {
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  return {32 * epsilon, 1e3 * epsilon};
}

// arrays small enough that the matrix is split both ways; two linear layers, so that any drive within +-range is allowed
template <class T>
CouplingCase<T> crossbar(const std::string& name, Loop loop, int bits, CouplingTolerance tolerance) {
  const auto make = [=](const Matrix<T>& w) {
    CrossbarOptions options;
    options.loop = loop;
    options.array.weight_max = 1;
    options.array.max_rows = 16;
    options.array.max_cols = 8;
    options.array.dac.bits = options.array.adc_forward.bits = options.array.adc_backward.bits = bits;
    Run run{3};
    const std::vector<Layer> layers{{w.cols() - 1, Activation::linear, 0}, {w.rows(), Activation::linear, 0}, {1, Activation::linear, 0}};
    return std::make_unique<CrossbarCoupling<T>>(options, layers, 0, w, run);
  };
  return {name, 30, 21, make, tolerance};
}

template <class T>
std::vector<CouplingCase<T>> couplings() {
  std::vector<CouplingCase<T>> cases;
  const auto ideal = [](const Matrix<T>& w) { return std::make_unique<IdealCoupling<T>>(w); };
  const auto loop = [](const Matrix<T>& w) { return std::make_unique<third_party::LoopCoupling<T>>(w); };
  cases.push_back({"ideal, stored by input", 40, 150, ideal, exact<T>()});
  cases.push_back({"ideal, stored by output", 150, 10, ideal, exact<T>()});
  cases.push_back({"ideal, one block of rows exactly", 33, 64, ideal, exact<T>()});
  cases.push_back({"ideal, smallest", 1, 1, ideal, exact<T>()});
  cases.push_back({"third party", 37, 21, loop, exact<T>()});
  // an update moves whole pulses with cycle noise and spread, and what is below a pulse waits: its error is of the order of the change
  cases.push_back(crossbar<T>("crossbar, converters off", Loop::digital, 0, {1e-5, 1.5}));
  cases.push_back(crossbar<T>("crossbar, 8 bits", Loop::digital, 8, {0.05, 1.5}));
  cases.push_back(crossbar<T>("crossbar, analog loop, converters off", Loop::analog, 0, {1e-5, 1.5}));
  return cases;
}

}  // namespace

TEMPLATE_TEST_CASE("couplings keep their promises", "[coupling]", float, double) {
  for (const auto& c : couplings<TestType>()) check_coupling(c);
}

TEMPLATE_TEST_CASE("ideal weights are stored by output when that is narrow, padded with zeros", "[coupling]", float, double) {
  using T = TestType;
  const IdealCoupling<T> wide(Matrix<T>::Ones(150, 41));
  const IdealCoupling<T> narrow(Matrix<T>::Ones(10, 151));
  REQUIRE(!wide.by_output());
  REQUIRE(narrow.by_output());
  REQUIRE(wide.store().rows() == padded_length(150));
  REQUIRE(wide.store().cols() == 40);
  REQUIRE(narrow.store().rows() == padded_length(150));
  REQUIRE(narrow.store().cols() == 10);
  REQUIRE(wide.store().sum() == T(150 * 40));
  REQUIRE(narrow.store().sum() == T(150 * 10));
  REQUIRE(wide.bias().size() == padded_length(150));
  REQUIRE(wide.bias().sum() == T(150));
}

TEST_CASE("padding keeps vectors whole and strides out of the cache's way", "[coupling]") {
  for (Index n = 1; n < 5000; ++n) {
    const Index padded = padded_length(n);
    REQUIRE(padded >= n);
    REQUIRE(padded < n + 32);
    REQUIRE(padded % 16 == 0);
    REQUIRE(padded % 1024 != 0);
  }
}

TEST_CASE("an ideal coupling has no floor, takes no time and refuses a change of another shape", "[coupling]") {
  IdealCoupling<double> coupling(Matrix<double>::Ones(3, 5));
  REQUIRE(coupling.is_ideal());
  REQUIRE(coupling.floor(Direction::forward).total_sd() == 0);
  REQUIRE(coupling.floor(Direction::backward).total_sd() == 0);
  REQUIRE(coupling.read_second() == 0);
  REQUIRE(coupling.settle_second() == 0);
  REQUIRE(coupling.wear().devices == 0);
  const CouplingCase<double> other{"", 4, 2, nullptr, {}};
  const UpdateFactors<double> f(other);
  Run run{7};
  REQUIRE_THROWS_AS(coupling.update(WantedChange<double>(f.factors(), 1.0), {}, run), std::logic_error);
  REQUIRE_THROWS_AS(WantedChange<double>({}, 1.0), std::logic_error);
}

TEST_CASE("a wanted change asked in blocks equals the whole", "[coupling]") {
  const CouplingCase<double> shape{"", 13, 150, nullptr, {}};
  const UpdateFactors<double> f(shape);
  Matrix<double> velocity = Matrix<double>::Constant(150, 14, 0.5);
  const auto factors = f.factors();
  const WantedChange<double> change(factors, 0.1, 0.9, &velocity);
  Matrix<double> all(150, 14);
  for (std::size_t begin = 0; begin < 150; begin += kUpdateRows) {
    const Range rows{begin, std::min<std::size_t>(150, begin + kUpdateRows)};
    change.rows(rows, all.middleRows(static_cast<Index>(rows.begin), static_cast<Index>(rows.size())));
  }
  const Matrix<double> expected = 0.1 * (f.gradient().array() + 0.45).matrix();
  REQUIRE((all - expected).cwiseAbs().maxCoeff() < 1e-13);
}
