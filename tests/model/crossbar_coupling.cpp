// What an array coupling counts and converts in its two loops.
#include "eqprop/model/crossbar_coupling.h"

#include <array>
#include <cmath>
#include <utility>

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
    joule += seconds[static_cast<std::size_t>(s)] * (coupling.array().read_power(Direction::forward, hidden.col(s)).cells +
                                                     coupling.array().read_power(Direction::backward, settled.col(s)).cells);
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

TEST_CASE("the ADC's range is the margin times what the rule says", "[coupling]") {
  const auto range = [](RangeRule rule, double fixed) {
    CrossbarOptions options;
    options.adc_calibration = rule;
    options.adc_margin = 1.5;
    options.adc_percentile = 80;
    options.adc_sigmas = 3;
    options.adc_range_forward = fixed;
    Run run{1};
    CrossbarCoupling<float> coupling(options, kLayers, 1, weights(kOutputs, kHidden), run);
    const Matrix<float> pre = drive(kHidden), post = drive(kOutputs);
    coupling.calibrate(pre, post);
    const Array& array = coupling.array();
    const PartialSums sums = array.partial_sums(Direction::forward, pre, 80);
    const double analytic = 3 * array.partial_sum_sd(Direction::forward, pre.norm() / std::sqrt(static_cast<double>(pre.size())));
    CHECK(array.options().adc_backward.range > 0);
    return std::pair{array.options().adc_forward.range / 1.5, std::array{sums.max, sums.percentile, analytic}};
  };
  for (std::size_t rule = 0; rule < 3; ++rule) {
    const auto [found, wanted] = range(static_cast<RangeRule>(rule), 0);
    CHECK(found == Approx(wanted[rule]).epsilon(1e-6));
    CHECK(wanted[1] < wanted[0]);
  }
  CHECK(range(RangeRule::percentile, 7.5).first == 5);
}

TEST_CASE("the analog loop's converters are instances too, and an integrating ADC counts", "[coupling]") {
  CrossbarOptions options;
  options.loop = Loop::analog;
  Run quiet{1};
  const Matrix<float> w = weights(kHidden, kInputs);
  const CrossbarCoupling<float> plain(options, kLayers, 0, w, quiet);
  options.array.converters.dac.gain = 0.1;
  options.array.converters.adc.offset = 5;
  options.array.converters.adc_share = 3;
  options.array.converters.adc_type = AdcType::integrating;
  const CrossbarCoupling<float> own(options, kLayers, 0, w, quiet);
  Ledger ledger;
  Run run{1, 1, &ledger};
  ReadPlace place{{}, kIds};
  const Matrix<float> x = drive(kInputs);
  Matrix<float> a = Matrix<float>::Zero(kHidden, kSamples), b = a;
  plain.drive(x, a, place, quiet);
  own.drive(x, b, place, quiet);
  CHECK((a - b).norm() > 0.01F * a.norm());
  CHECK((a - b).norm() < 0.5F * a.norm());

  const std::vector<double> seconds(kSamples, 1e-8);
  const Matrix<float> settled = Matrix<float>::Constant(kHidden, kSamples, 0.5F);
  a = b = settled;
  plain.finish(x, a, seconds, place, quiet);
  own.finish(x, b, seconds, place, run);
  // neighbours share an ADC and so its offset, others do not
  const Eigen::RowVectorXf off = (b - a).col(0).transpose();
  CHECK((b - a) == off.transpose().replicate(1, kSamples));
  CHECK(off[0] == off[2]);
  CHECK(off[3] == off[5]);
  CHECK(off[0] != off[3]);
  CHECK(ledger.total(Event::adc).count == 0);
  CHECK(ledger.total(Event::adc_clock).count == 256 * kHidden * kSamples);
}

TEST_CASE("options out of range name the field", "[coupling]") {
  CrossbarOptions options;
  options.adc_margin = 0.5;
  CHECK_THROWS_WITH(options.validate(), Catch::Matchers::Contains("crossbar.adc_margin"));
}
