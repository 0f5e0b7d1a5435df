// What an array coupling counts and converts in its two loops.
#include "eqprop/model/crossbar_coupling.h"

#include "base/check.h"
#include "tests/catch.h"

using namespace eqprop;

namespace {

constexpr Index kInputs = 6, kHidden = 9, kOutputs = 4, kSamples = 5;
const std::vector<Layer> kLayers{
    {kInputs, Activation::linear, 0}, {kHidden, Activation::hard_sigmoid, 0}, {kOutputs, Activation::hard_sigmoid, 0}};
const std::vector<std::uint32_t> kIds{3, 1, 4, 15, 9};

Matrix<float> weights(Index outputs, Index inputs) { return 0.3F * Matrix<float>::Random(outputs, inputs + 1); }
Matrix<float> drive(Index rows) { return Matrix<float>::Random(rows, kSamples).cwiseAbs(); }

CrossbarCoupling<float> upper(Loop loop) {
  CrossbarOptions options;
  options.loop = loop;
  Run run{1};
  return CrossbarCoupling<float>(options, kLayers, 1, weights(kOutputs, kHidden), run);
}

}  // namespace

TEST_CASE("digital loop: a read charges its converters, cells, and codes moved", "[coupling]") {
  const auto coupling = upper(Loop::digital);
  Ledger ledger;
  Run run{1, 1, &ledger};
  Matrix<float> up = Matrix<float>::Zero(kOutputs, kSamples);
  Matrix<float> down = Matrix<float>::Zero(kHidden, kSamples);
  ReadPlace place{{}, kIds};
  place.place.phase = kPhaseFree;
  coupling.forward(drive(kHidden), up, place, run);
  CHECK(ledger.at(1, kPhaseFree, Event::adc).count == kOutputs * kSamples);
  CHECK(ledger.at(1, kPhaseFree, Event::dac_set).count == kHidden * kSamples);
  CHECK(ledger.at(1, kPhaseFree, Event::buffer_bit).count == 8 * (kHidden + kOutputs) * kSamples);
  CHECK(ledger.at(1, kPhaseFree, Event::cell_read).joule > 0);
  const Ledger before = ledger;
  coupling.backward(drive(kOutputs), down, place, run);
  CHECK(ledger.at(1, kPhaseFree, Event::adc).count == (kOutputs + kHidden) * kSamples);
  CHECK(ledger.total(Event::neuron).count == 0);  // a layer's update is charged once per sweep, not per read
  coupling.count_update(kOutputs, kSamples, place.place, run);
  CHECK(ledger.at(1, kPhaseFree, Event::neuron).count == kOutputs * kSamples);
  CHECK(ledger.at(1, kPhaseFree, Event::control).count == kSamples);
  CHECK(ledger.at(1, kPhaseFree, Event::cell_read).joule > before.at(1, kPhaseFree, Event::cell_read).joule);
}

TEST_CASE("analog loop: sweeps cost nothing; the end of a phase charges cells for its time and converts each unit once", "[coupling]") {
  const auto coupling = upper(Loop::analog);
  Ledger ledger;
  Run run{1, 1, &ledger};
  const Matrix<float> hidden = drive(kHidden);
  Matrix<float> outputs = drive(kOutputs);
  const Matrix<float> settled = outputs;
  Matrix<float> field = Matrix<float>::Zero(kOutputs, kSamples);
  ReadPlace place{{}, kIds};
  place.place.phase = kPhaseFree;
  coupling.forward(hidden, field, place, run);
  CHECK(ledger.empty());
  CHECK(coupling.floor(Direction::forward).total_sd() == 0);

  const std::vector<double> seconds{1e-8, 2e-8, 3e-8, 1e-8, 1e-8};
  coupling.finish(hidden, outputs, seconds, place, run);
  double joule = 0;
  for (Index s = 0; s < kSamples; ++s)
    joule += seconds[static_cast<std::size_t>(s)] * (coupling.array().cell_power(Direction::forward, hidden.col(s)) +
                                                     coupling.array().cell_power(Direction::backward, settled.col(s)));
  CHECK(ledger.at(1, kPhaseFree, Event::cell_read).joule == Approx(joule));
  CHECK(ledger.at(1, kPhaseFree, Event::adc).count == kOutputs * kSamples);
  CHECK(ledger.at(1, kPhaseFree, Event::neuron).count == kOutputs * (1 + 2 + 3 + 1 + 1));
  const float step = 1.0F / 127;  // 8 bits, codes symmetric about 0, units in [0, 1]
  CHECK((outputs - settled).cwiseAbs().maxCoeff() <= step / 2 * 1.001F);
  CHECK((outputs - settled).cwiseAbs().maxCoeff() > 0);
}

TEST_CASE("analog loop: the clamped input passes its DAC once", "[coupling]") {
  CrossbarOptions options;
  options.loop = Loop::analog;
  Run quiet{1};
  const CrossbarCoupling<float> coupling(options, kLayers, 0, weights(kHidden, kInputs), quiet);
  Ledger ledger;
  Run run{1, 1, &ledger};
  Matrix<float> driven = Matrix<float>::Zero(kHidden, kSamples);
  Matrix<float> exact = Matrix<float>::Zero(kHidden, kSamples);
  const Matrix<float> x = drive(kInputs);
  ReadPlace place{{}, kIds};
  coupling.drive(x, driven, place, run);
  coupling.forward(x, exact, place, run);
  CHECK(ledger.at(0, kPhaseInput, Event::dac_set).count == kInputs * kSamples);
  CHECK(driven != exact);
  CHECK((driven - exact).norm() < 0.01F * exact.norm());
}

TEST_CASE("an update charges one read-modify-write per product that is not zero and one per weight for the threshold, and moves devices",
          "[coupling]") {
  auto coupling = upper(Loop::digital);
  Ledger ledger;
  Run run{1, 1, &ledger};
  Matrix<float> pre = drive(kHidden);
  Matrix<float> post = Matrix<float>::Zero(kOutputs, kSamples);
  post.row(2).setConstant(1);
  pre.row(0).setZero();
  const auto before = coupling.wear();
  const Factor<float> factor{view(pre), view(post), 1.0F};
  coupling.update(WantedChange<float>({&factor, 1}, 0.2), {}, run);
  CHECK(ledger.at(1, kPhaseUpdate, Event::accumulator).count == kHidden * kSamples + kHidden);  // 8 live inputs and the bias
  CHECK(coupling.wear().pulses > before.pulses);
  CHECK(ledger.total(Event::pulse_set).count + ledger.total(Event::pulse_reset).count == coupling.wear().pulses - before.pulses);
}

TEST_CASE("options out of range name the field", "[coupling]") {
  CrossbarOptions options;
  options.adc_margin = 0.5;
  CHECK_THROWS_WITH(options.validate(), Catch::Matchers::Contains("crossbar.adc_margin"));
}
