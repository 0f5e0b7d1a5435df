// Weights in slices: what each slice adds to a write, reads and their counts, updates, carries, faults, checkpoints.
#include "eqprop/model/slices.h"

#include <cmath>

#include "base/check.h"
#include "eqprop/model/crossbar_coupling.h"
#include "tests/catch.h"
#include "tests/energy/message.h"
#include "tests/model/sliced.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

constexpr Index kOutputs = 20, kLines = 31;
const std::vector<Layer> kLayers{
    {40, Activation::linear, 0}, {kLines - 1, Activation::hard_sigmoid, 0}, {kOutputs, Activation::hard_sigmoid, 0}};

double rms(const Eigen::MatrixXf& x) { return std::sqrt(x.cast<double>().squaredNorm() / static_cast<double>(x.size())); }

double cosine(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b) {
  return a.cast<double>().cwiseProduct(b.cast<double>()).sum() / (a.cast<double>().norm() * b.cast<double>().norm());
}

}  // namespace

TEST_CASE("the error of a write falls with each slice that takes over what the one above missed, and not without", "[slices]") {
  const Eigen::MatrixXf w = uniform(kOutputs, kLines, 0.3f, 1);
  for (const Mapping mapping : {Mapping::differential, Mapping::offset_column}) {
    ArrayOptions o = noisy();
    o.mapping = mapping;
    Run run{.seed = 3};
    const double one = rms(Array(o, 0, w, run).weights() - w);
    double above = one;
    for (int k = 2; k <= 4; ++k) {
      const double error = rms(Sliced({.slices = k, .bits = 2}, o, w, run).weights() - w);
      INFO(k << " slices: " << error << ", one less: " << above);
      CHECK(error < above / 2);  // 2^-bits for equal errors of each write
      above = error;
    }
    const double blind = rms(Sliced({.slices = 3, .bits = 2, .correct = false}, o, w, run).weights() - w);
    INFO("one slice " << one << ", three not corrected " << blind);
    CHECK(blind > 0.7 * one);
  }
}

TEST_CASE("digits: without errors of writing the slices hold the weights' digits", "[slices]") {
  ArrayOptions o = quiet();
  o.write.tolerance = 1e-9;
  o.write.max_pulses = 100000;
  o.device.law = LinearStep{.step_up = 1.5e-9f, .step_down = 1.5e-9f, .gamma_up = 0, .gamma_down = 0};
  Run run{.seed = 3};
  const Eigen::MatrixXf w = uniform(3, 5, 0.25f, 1);
  const float largest = w.cwiseAbs().maxCoeff();
  const Sliced sliced({.slices = 3, .bits = 3, .correct = false}, o, w, run);
  Eigen::MatrixXf rest = w;
  for (int k = 0; k < 3; ++k) {
    const Eigen::MatrixXf held = k == 0 ? sliced.first.weights() : sliced.slices.below()[static_cast<std::size_t>(k - 1)].weights();
    const float step = 2 * largest / 8;
    const Eigen::MatrixXf digit = k < 2 ? Eigen::MatrixXf((rest / step).array().round() * step) : rest;
    CHECK((held - digit).cwiseAbs().maxCoeff() < 1e-3f * largest);
    CHECK(digit.cwiseAbs().maxCoeff() <= largest * 1.0001f);
    rest = 8 * (rest - digit);
  }
}

TEST_CASE("slices: a coupling's reads are the sum of its arrays', each with its converters and events, serial input too", "[slices]") {
  for (const bool serial : {false, true}) {
    CAPTURE(serial);
    CrossbarOptions options;
    options.array = noisy();
    options.array.dac.bits = 6;
    options.array.adc_forward.bits = options.array.adc_backward.bits = 14;
    if (serial) options.array.converters.input = DriveInput::serial;
    CrossbarOptions plain = options;
    options.slices = {.slices = 3, .bits = 2};
    Ledger ledger, plain_ledger;
    Run run{.seed = 3, .threads = 1, .ledger = &ledger}, plain_run{.seed = 3, .threads = 1, .ledger = &plain_ledger};
    const Eigen::MatrixXf w = uniform(kOutputs, kLines, 0.3f, 1);
    const CrossbarCoupling<float> coupling(options, kLayers, 1, w, run), single(plain, kLayers, 1, w, plain_run);
    REQUIRE(coupling.slices() != nullptr);
    CHECK(single.slices() == nullptr);
    CHECK(coupling.wear().devices == 3 * single.wear().devices);
    CHECK(coupling.faults().devices == 3 * single.faults().devices);
    CHECK(rms(coupling.read() - w) < 0.2 * rms(single.read() - w));
    for (const Direction direction : {Direction::forward, Direction::backward}) {
      const bool forward = direction == Direction::forward;
      ledger.clear();
      plain_ledger.clear();
      const Eigen::MatrixXf in = uniform(forward ? kLines - 1 : kOutputs, 4, 0.5f, 2).array() + 0.5f;
      const auto names = ids(4);
      ReadPlace place{{}, names};
      place.place.phase = kPhaseFree;
      Eigen::MatrixXf got = Eigen::MatrixXf::Zero(forward ? kOutputs : kLines - 1, 4), other = got;
      forward ? coupling.forward(in, got, place, run) : coupling.backward(in, got, place, run);
      forward ? single.forward(in, other, place, plain_run) : single.backward(in, other, place, plain_run);

      // output by output from the cells, slice by slice; what converters add is far below what a slice does
      Eigen::MatrixXf converted = in;
      coupling.array().options().dac.convert(converted);
      const auto matrix = [&](int k) {
        return (k == 0 ? coupling.array() : coupling.slices()->below()[static_cast<std::size_t>(k - 1)]).weights();
      };
      double worst = 0, without = 0;
      for (Index s = 0; s < 4; ++s)
        for (Index o = 0; o < got.rows(); ++o) {
          double sum = 0, last = 0;
          for (int k = 0; k < 3; ++k) {
            const Eigen::MatrixXf c = matrix(k);
            last = forward ? double{c(o, kLines - 1)} : 0.0;
            for (Index i = 0; i < in.rows(); ++i) last += double{forward ? c(o, i) : c(i, o)} * double{converted(i, s)};
            last *= std::pow(0.25, k);
            sum += last;
          }
          worst = std::max(worst, std::abs(sum - double{got(o, s)}));
          without = std::max(without, std::abs(sum - last - double{got(o, s)}));
        }
      INFO("worst " << worst << ", without the last slice " << without);
      CHECK(worst < 0.2 * without);

      const auto count = [&](const Ledger& l, Event event) { return l.at(1, kPhaseFree, event).count; };
      for (const Event event : {Event::adc, Event::dac_set, Event::line_drive, Event::cell_read})
        CHECK(count(ledger, event) == 3 * count(plain_ledger, event));
      const std::int64_t reads = 4 * got.rows();
      const std::int64_t shifts = serial ? reads * (options.array.converters.planes(coupling.array().options().dac) - 1) : 0;
      CHECK(count(plain_ledger, Event::digital_add) == shifts + reads);
      CHECK(count(ledger, Event::digital_add) == 3 * shifts + 3 * reads);  // the field's, and two of slices
      CHECK(count(ledger, Event::buffer_bit) == count(plain_ledger, Event::buffer_bit) + 4 * reads);
    }
  }
}

TEST_CASE("slices: an update moves the weights its way by every scheme, in steps of the last slice", "[slices]") {
  for (const PulseMode mode : {PulseMode::sign, PulseMode::count, PulseMode::accumulate, PulseMode::coincidence}) {
    CAPTURE(static_cast<int>(mode));
    ArrayOptions o = noisy();
    o.plan.mode = mode;
    Run run{.seed = 3};
    Sliced sliced({.slices = 2, .bits = 4}, o, uniform(kOutputs, kLines, 0.1f, 1), run);
    const Eigen::MatrixXf before = sliced.weights(), first = sliced.first.weights();
    Eigen::MatrixXf wanted;
    if (mode == PulseMode::coincidence) {
      std::vector<OuterProduct> products = {{uniform(kLines, 1, 1, 3), uniform(kOutputs, 1, 1, 4), 12 * sliced.step()}};
      wanted = static_cast<float>(products[0].rate) * products[0].outputs * products[0].lines.transpose();
      sliced.slices.update_trains(products, sliced.first, {.step = 1}, run);
    } else {
      wanted = uniform(kOutputs, kLines, static_cast<float>(8 * sliced.step()), 2);
      sliced.slices.update(wanted, sliced.first, {.step = 1}, run);
    }
    CHECK(sliced.first.weights() == first);
    const Eigen::MatrixXf moved = sliced.weights() - before;
    INFO("cosine " << cosine(moved, wanted) << ", length " << moved.norm() / wanted.norm());
    CHECK(cosine(moved, wanted) > (mode == PulseMode::sign || mode == PulseMode::coincidence ? 0.7 : 0.85));
    if (mode != PulseMode::sign) CHECK(moved.norm() == Approx(wanted.norm()).epsilon(0.25));
    CHECK(moved.cwiseAbs().maxCoeff() < 30 * static_cast<float>(sliced.step()));
  }
}

TEST_CASE("slices: a carry empties the slice into the one above, and the weight stays", "[slices]") {
  for (const Mapping mapping : {Mapping::differential, Mapping::offset_column}) {
    const bool pairs = mapping == Mapping::differential;
    INFO((pairs ? "pairs" : "reference columns"));
    Ledger ledger;
    Run run{.seed = 3, .threads = 2};
    ArrayOptions o = noisy();
    o.mapping = mapping;
    Sliced sliced({.slices = 2, .bits = 3, .correct = true, .carry_every = 1000000, .carry_band = 0.1}, o,
                  uniform(kOutputs, kLines, 0.1f, 1), run);
    run.ledger = &ledger;
    Array& last = sliced.slices.below()[0];
    const auto band = static_cast<float>(0.1 * last.weight_max());
    const Eigen::MatrixXf before = sliced.weights(), held = last.weights();
    const auto out = (held.array().abs() > band).count();
    REQUIRE(out > 200);  // rests of a rounding fill a quarter of the window
    sliced.slices.carry(sliced.first, {.step = 1}, run);
    const CarryReport& report = sliced.slices.carried();
    CHECK(report.moved == out);
    CHECK((last.weights().array().abs() > 1.2f * band).count() < out / 20);
    // nothing of it stays behind or is moved twice: no error along what was held, nor of one sign
    const Eigen::MatrixXf change = sliced.weights() - before, along = change.array() * held.array().sign();
    const auto step = static_cast<float>(sliced.step());
    INFO("along " << along.mean() / step << ", mean " << change.mean() / step << ", step " << step);
    CHECK(std::abs(along.mean()) < 0.3f * step);
    CHECK(std::abs(change.mean()) < 0.3f * step);
    // what is left is the error of writing the last slice
    CHECK(change.cwiseAbs().maxCoeff() < 2.1f * static_cast<float>(last.options().write.tolerance / last.siemens_per_weight()) / 8);
    // every device of the last slice, and of the moved weights twice above and until they are written
    CHECK(ledger.at(0, kPhaseUpdate, Event::verify_read).count > last.devices() + (pairs ? 4 : 2) * report.moved);
    CHECK(ledger.at(0, kPhaseUpdate, Event::pulse_set).count + ledger.at(0, kPhaseUpdate, Event::pulse_reset).count > report.pulses);
    CHECK(report.pulses > 0);
  }
}

TEST_CASE("slices: changes that add up go far beyond the last slice's window by carries, and get lost without", "[slices]") {
  double moved[2];
  for (const bool carries : {false, true}) {
    ArrayOptions o = noisy();
    o.weight_max = 1;
    // equal steps everywhere: what a law writes less near its bounds would not be the carries' loss
    o.device.law = LinearStep{.step_up = 0.7e-6f, .step_down = 0.7e-6f, .gamma_up = 0, .gamma_down = 0};
    Run run{.seed = 3};
    Sliced sliced({.slices = 3, .bits = 2, .correct = true, .carry_every = carries ? 5 : 1000000, .carry_band = 0.4}, o,
                  Eigen::MatrixXf::Zero(kOutputs, kLines), run);
    const Eigen::MatrixXf before = sliced.weights();
    const float each = 0.003f;
    for (std::uint32_t step = 0; step < 100; ++step)
      sliced.slices.update(Eigen::MatrixXf::Constant(kOutputs, kLines, each), sliced.first, {.step = step}, run);
    moved[carries ? 1 : 0] = static_cast<double>((sliced.weights() - before).mean());
  }
  INFO("wanted 0.3; with carries " << moved[1] << ", without " << moved[0]);
  CHECK(moved[1] == Approx(0.3).epsilon(0.05));
  CHECK(moved[0] < 0.07);  // 2^-4 of the window
}

TEST_CASE("slices: devices that do not move pump nothing up", "[slices]") {
  ArrayOptions o = noisy();
  o.weight_max = 1;
  o.faults.yield = 0.9;
  Run run{.seed = 3};
  Sliced sliced({.slices = 2, .bits = 2, .correct = true, .carry_every = 1, .carry_band = 0.3}, o, uniform(kOutputs, kLines, 0.2f, 1), run);
  sliced.slices.carry(sliced.first, {.step = 0}, run);
  const Eigen::MatrixXf before = sliced.weights();
  const Eigen::MatrixXf none = Eigen::MatrixXf::Zero(kOutputs, kLines);
  for (std::uint32_t step = 1; step < 40; ++step) sliced.slices.update(none, sliced.first, {.step = step}, run);
  CHECK((sliced.weights() - before).cwiseAbs().maxCoeff() < 0.05f);
}

TEST_CASE("slices: weights with a device that does not move, in either slice, stay without verify reads too", "[slices]") {
  ArrayOptions o = noisy();
  o.weight_max = 1;
  o.faults.yield = 0.9;
  Run run{.seed = 3};
  Sliced sliced({.slices = 2, .bits = 2, .correct = false, .carry_every = 1, .carry_band = 0.1}, o, uniform(kOutputs, kLines, 0.4f, 1),
                run);
  const Eigen::MatrixXf sound = sliced.first.sound_pairs().cwiseProduct(sliced.slices.below()[0].sound_pairs());
  REQUIRE((sound.array() == 0).count() > 50);
  const Eigen::MatrixXf before = sliced.weights(), none = Eigen::MatrixXf::Zero(kOutputs, kLines);
  for (std::uint32_t step = 0; step < 5; ++step) sliced.slices.update(none, sliced.first, {.step = step}, run);
  CHECK(sliced.slices.carried().moved > 0);
  CHECK(((sliced.weights() - before).array() * (1 - sound.array())).abs().maxCoeff() == 0);
}

TEST_CASE("slices go on from a checkpoint with the same bits, by any number of threads", "[slices]") {
  ArrayOptions o = noisy();
  o.read_noise.white = 0.005;
  o.plan.mode = PulseMode::accumulate;
  const SliceOptions options{.slices = 3, .bits = 2, .correct = true, .carry_every = 3, .carry_band = 0.2};
  const Eigen::MatrixXf w = uniform(kOutputs, 70, 0.3f, 1);
  Run one{.seed = 3, .threads = 1}, many{.seed = 3, .threads = 5};
  Sliced a(options, o, w, one), b(options, o, w, many);
  CHECK(a.bytes() == b.bytes());
  const auto step = [&](Sliced& sliced, std::uint32_t at, Run& run) {
    sliced.slices.update(uniform(kOutputs, 70, 0.01f, 10 + at), sliced.first, {.step = at}, run);
  };
  for (std::uint32_t at = 0; at < 7; ++at) step(a, at, one);
  const std::vector<std::uint8_t> saved = a.bytes();
  ByteReader in(saved, "saved");
  b.first.restore(in);
  b.slices.restore(in);
  for (std::uint32_t at = 7; at < 13; ++at) {
    step(a, at, one);
    step(b, at, many);
  }
  CHECK(a.bytes() == b.bytes());
  CHECK(a.slices.carried().carries == 4);
  CHECK(a.slices.carried().moved > 0);
  CHECK(a.slices.carried().moved == b.slices.carried().moved);
}

TEST_CASE("slices: what does not go together is refused by name", "[slices]") {
  const auto refused = [](CrossbarOptions options) { return message_of([&] { options.validate(); }); };
  CrossbarOptions options;
  options.slices.slices = 5;
  CHECK(has(refused(options), "crossbar.slices"));
  options.slices = {.slices = 2, .bits = 9};
  CHECK(has(refused(options), "crossbar.slice_bits"));
  options.slices = {.slices = 2};
  options.loop = Loop::analog;
  CHECK(has(refused(options), "loop = \"digital\""));
  options.loop = Loop::digital;
  options.array.plan.mode = PulseMode::tiki_taka;
  CHECK(has(refused(options), "tiki_taka"));
  options.slices = {};
  options.array.mapping = Mapping::offset_column;
  CHECK(has(refused(options), "tiki_taka"));
  options.array.plan.mode = PulseMode::count;
  CHECK(refused(options) == "nothing thrown");
  options.loop = Loop::analog;
  CHECK(has(refused(options), "loop = \"analog\""));
}
