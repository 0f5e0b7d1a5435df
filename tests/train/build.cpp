#include "base/check.h"
#include "tests/catch.h"
#include "tests/train/small_task.h"

using namespace small_task;

TEST_CASE("networks are built to shape, the read-out of cross entropy included") {
  Run run{3, 1, nullptr, 0};
  auto options = network(Substrate::ideal);
  CHECK(build_network<double>(options, run).coupling_count() == 2);
  options.cost = Cost::cross_entropy;
  options.classes = 7;
  const auto net = build_network<float>(options, run);
  CHECK(net.coupling_count() == 3);
  CHECK(net.outputs() == 7);
}

TEST_CASE("a crossbar starts at the ideal network's weights, within the tolerance of write-verify") {
  Ledger ledger;
  Run run{3, 1, &ledger, 0};
  const auto ideal = build_network<float>(network(Substrate::ideal), run);
  const auto options = network(Substrate::crossbar);
  const auto crossbar = build_network<float>(options, run);
  for (int c = 0; c < 2; ++c) {
    const Matrix<float> a = ideal.coupling(c).read();
    const Matrix<float> b = crossbar.coupling(c).read();
    CHECK((a - b).norm() < 0.3F * a.norm());
    CHECK(a != b);
  }
  CHECK(ledger.total(Event::verify_read).count > 0);
}

TEST_CASE("bad options name the field") {
  auto shape = network(Substrate::ideal);
  auto options = training(1);
  options.beta = 0;
  CHECK_THROWS_WITH(options.validate(shape), Catch::Matchers::Contains("train.beta"));
  options = training(1);
  options.rule.rates = {0.1};
  CHECK_THROWS_WITH(options.validate(shape), Catch::Matchers::Contains("one per coupling"));
  options = training(0);
  CHECK_THROWS_AS(options.validate(shape), InputError);
  shape.layers[1].size = 0;
  CHECK_THROWS_WITH(shape.validate(), Catch::Matchers::Contains("network.layers"));
}
