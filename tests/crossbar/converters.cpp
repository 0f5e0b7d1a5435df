// Converters as instances: drawn errors, shared and integrating ADCs, serial input, ranges from data.
#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "crossbar/bit_planes.h"
#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"
#include "tests/energy/message.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

double mean(const Eigen::VectorXf& x) { return x.cast<double>().mean(); }
double sd(const Eigen::VectorXf& x) { return std::sqrt((x.cast<double>().array() - mean(x)).square().mean()); }

Eigen::MatrixXf read(const Array& array, Direction direction, const Eigen::MatrixXf& in, Run& run, const Place& place = {}) {
  Eigen::MatrixXf out = Eigen::MatrixXf::Zero(direction == Direction::forward ? array.outputs() : array.inputs(), in.cols());
  const auto names = ids(in.cols());
  direction == Direction::forward ? array.forward(in, out, names, place, run) : array.backward(in, out, names, place, run);
  return out;
}

Eigen::MatrixXf ideal(const Array& array, Direction direction, const Eigen::MatrixXf& in) {
  Eigen::MatrixXf out = Eigen::MatrixXf::Zero(direction == Direction::forward ? array.outputs() : array.inputs(), in.cols());
  direction == Direction::forward ? array.forward_ideal(in, out) : array.backward_ideal(in, out);
  return out;
}

ArrayOptions with_adc(int bits) {
  ArrayOptions o = quiet();
  o.adc_forward.bits = o.adc_backward.bits = bits;
  return o;
}

}  // namespace

TEST_CASE("drawn errors have the stated sd, the peak of the INL stays within the stated, and sharers share") {
  const ConverterSpread spread{.gain = 0.02, .offset = 1.5, .inl = 0.75};
  const RandomKey key(11, Purpose::converter_error, 3);
  constexpr int n = 20000;
  const ConverterErrors each = draw_errors(spread, key, n, 1);
  const double five = 5 / std::sqrt(2.0 * n);
  CHECK(sd(each.gain) == Approx(0.02).epsilon(five));
  CHECK(sd(each.offset) == Approx(1.5).epsilon(five));
  CHECK(sd(each.bow) == Approx(0.75 / std::sqrt(3)).epsilon(five));
  CHECK(std::abs(mean(each.gain) - 1) < 5 * 0.02 / std::sqrt(double{n}));
  CHECK(std::abs(mean(each.offset)) < 5 * 1.5 / std::sqrt(double{n}));
  CHECK(std::abs(mean(each.bow)) < 5 * 0.75 / std::sqrt(double{n}));
  CHECK(each.bow.cwiseAbs().maxCoeff() <= 0.75f);
  CHECK(each.bow.cwiseAbs().maxCoeff() > 0.74f);

  const ConverterErrors shared = draw_errors(spread, key, 21, 8);
  for (Eigen::Index i = 0; i < 21; ++i) {
    CHECK(shared.gain[i] == each.gain[i / 8]);
    CHECK(shared.offset[i] == each.offset[i / 8]);
    CHECK(shared.bow[i] == each.bow[i / 8]);
  }
  CHECK(draw_errors({}, key, 10, 1).empty());
}

TEST_CASE("the bow is zero at zero and at full scale, with a peak of 1 between") {
  for (const bool unipolar : {false, true}) {
    float most = 0;
    for (int i = -2000; i <= 2000; ++i) most = std::max(most, std::abs(bow_shape(static_cast<float>(i) / 1500, unipolar)));
    CHECK(most == Approx(1).epsilon(1e-5));
    for (const float u : {0.0f, 1.0f, 1.3f, -1.0f, -7.0f}) CHECK(bow_shape(u, unipolar) == Approx(0).margin(1e-6));
    CHECK(bow_shape(0.5f, unipolar) > 0);
  }
}

TEST_CASE("an ADC's codes leave the straight line by its INL, a DAC puts its own out") {
  const Converter adc{.bits = 10, .range = 2};
  ConverterErrors errors;
  errors.gain = Eigen::VectorXf::Constant(1, 1.0f);
  errors.offset = Eigen::VectorXf::Zero(1);
  errors.bow = Eigen::VectorXf::Constant(1, 3.0f);
  const Eigen::MatrixXf x = Eigen::RowVectorXf::LinSpaced(20001, -2, 2);
  Eigen::MatrixXf bent = x, straight = x;
  convert_with(adc, errors, bent);
  const Eigen::MatrixXf away = (bent - x) / static_cast<float>(adc.step());
  CHECK(away.maxCoeff() > 3);
  CHECK(away.maxCoeff() < 3.51f);
  CHECK(away.minCoeff() < -3);
  CHECK(away.minCoeff() > -3.51f);
  CHECK(bent(0) == Approx(-2));
  CHECK(bent(20000) == Approx(2));
  CHECK(bent(10000) == 0);

  adc.convert(straight);
  Eigen::MatrixXf put = straight;
  put_out(adc, errors, put);
  const Eigen::MatrixXf moved = (put - straight) / static_cast<float>(adc.step());
  CHECK(moved.cwiseAbs().maxCoeff() == Approx(3).epsilon(1e-3));
  CHECK(moved.sum() == Approx(0).margin(0.5));
}

TEST_CASE("an array's reads are those of its instances, tile by tile and both ways") {
  Run run{.seed = 6};
  ArrayOptions o = with_adc(8);
  o.dac.bits = 8;
  o.max_rows = 20;
  o.max_cols = 12;
  o.converters.adc = {.gain = 0.05, .offset = 2, .inl = 1};
  o.converters.dac = {.gain = 0.03, .offset = 1, .inl = 2};
  o.converters.adc_share = 4;
  const Eigen::MatrixXf w = uniform(30, 41, 0.3f, 1);
  Array array(o, 2, w, run);
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    const bool forward = direction == Direction::forward;
    const Eigen::MatrixXf x = uniform(forward ? 40 : 30, 25, 1, 2);
    array.set_adc_range(direction, array.partial_sums(direction, x).max);
    const Converter& adc = forward ? array.options().adc_forward : array.options().adc_backward;
    Eigen::MatrixXf drive = x;
    o.dac.convert(drive);
    const RandomKey dac_key(6, Purpose::converter_error, (1U << 23) + 2 * array.tiles()[0].id + (forward ? 0 : 1));
    put_out(o.dac, draw_errors(o.converters.dac, dac_key, drive.rows(), 1), drive);
    Eigen::MatrixXf lines(forward ? 41 : 30, 25);
    if (forward)
      lines << drive, Eigen::MatrixXf::Ones(1, 25);
    else
      lines = drive;
    Eigen::MatrixXf wanted = Eigen::MatrixXf::Zero(forward ? 30 : 40, 25);
    Eigen::Index tile = 0;
    for (Eigen::Index r = 0, first_line = 0; r < 3; ++r) {
      const Eigen::Index many = array.tiles()[static_cast<std::size_t>(tile)].lines();
      for (Eigen::Index c = 0, first = 0; c < 3; ++c, ++tile) {
        const Tile& t = array.tiles()[static_cast<std::size_t>(tile)];
        const Eigen::MatrixXf block = t.difference / static_cast<float>(array.siemens_per_weight());
        const RandomKey key(6, Purpose::converter_error, 2 * t.id + (forward ? 0 : 1));
        Eigen::MatrixXf sum = forward ? (block * lines.middleRows(first_line, many)).eval()
                                      : (block.transpose() * lines.middleRows(first, t.outputs())).eval();
        convert_with(adc, draw_errors(o.converters.adc, key, sum.rows(), 4), sum);
        if (forward)
          wanted.middleRows(first, t.outputs()) += sum;
        else
          wanted.middleRows(first_line, std::min<Eigen::Index>(many, 40 - first_line)) +=
              sum.topRows(std::min<Eigen::Index>(many, 40 - first_line));
        first += t.outputs();
      }
      first_line += many;
    }
    const Eigen::ArrayXXf away = ((read(array, direction, x, run) - wanted) / static_cast<float>(adc.step())).array().abs();
    CHECK(away.maxCoeff() < 1.01f);                       // a sum's last bit may move it by a code,
    CHECK((away > 0.01f).cast<double>().mean() < 0.002);  // seldom
  }
  // another seed has other converters; a restored array has the same
  const Eigen::MatrixXf x = uniform(40, 25, 1, 2);
  const Eigen::MatrixXf before = read(array, Direction::forward, x, run);
  Run other{.seed = 7};
  Array elsewhere(o, 2, w, other);
  elsewhere.set_adc_range(Direction::forward, array.options().adc_forward.range);
  CHECK((elsewhere.weights() - array.weights()).cwiseAbs().maxCoeff() < 1e-6f);
  CHECK((read(elsewhere, Direction::forward, x, other) - before).norm() > 0.01f * before.norm());
  const auto bytes = bytes_of(array);
  Array again(o, 2, w, run);
  ByteReader reader(bytes, "array");
  again.restore(reader);
  CHECK(read(again, Direction::forward, x, run) == before);
}

TEST_CASE("without spread a design of its own changes no bit of a read") {
  Run run{.seed = 8};
  ArrayOptions o;
  o.read_noise.white = 0.005;
  const Eigen::MatrixXf w = uniform(20, 31, 0.3f, 1), x = uniform(30, 7, 1, 2);
  const Eigen::MatrixXf plain = read(Array(o, 0, w, run), Direction::forward, x, run);
  o.converters.adc_share = 8;
  o.converters.adc_type = AdcType::integrating;
  CHECK(read(Array(o, 0, w, run), Direction::forward, x, run) == plain);
  o.converters.adc.gain = 0.01;
  CHECK(read(Array(o, 0, w, run), Direction::forward, x, run) != plain);
}

TEST_CASE("serial input is the parallel read where the ADC is ideal and nothing is noisy") {
  Run run{.seed = 9};
  for (const bool unipolar : {false, true})
    for (const int bits : {2, 8, 12})
      for (const int rows : {256, 20}) {
        CAPTURE(unipolar, bits, rows);
        ArrayOptions o = quiet();
        o.max_rows = rows;
        o.max_cols = rows;
        o.dac = {.bits = bits, .range = 2, .unipolar = unipolar};
        const Eigen::MatrixXf w = uniform(37, 61, 0.3f, 1);
        const Array parallel(o, 0, w, run);
        o.converters.input = DriveInput::serial;
        const Array serial(o, 0, w, run);
        for (const Direction direction : {Direction::forward, Direction::backward}) {
          const Eigen::MatrixXf x = uniform(direction == Direction::forward ? 60 : 37, 9, 2.5f, 2);
          const Eigen::MatrixXf away = read(serial, direction, x, run) - read(parallel, direction, x, run);
          CHECK(away.cwiseAbs().maxCoeff() < 2e-5);
        }
      }
}

TEST_CASE("serial input is the parallel read behind wires too, and reads them once per bit") {
  Run run{.seed = 13};
  ArrayOptions o = quiet();
  o.dac.bits = 5;
  o.max_rows = o.max_cols = 16;
  for (const WireModel model : {WireModel::effective, WireModel::solve}) {
    CAPTURE(static_cast<int>(model));
    o.wires.model = model;
    o.converters.input = DriveInput::parallel;
    const Eigen::MatrixXf w = uniform(20, 25, 0.3f, 1), x = uniform(24, 5, 1, 2);
    const Array parallel(o, 0, w, run);
    o.converters.input = DriveInput::serial;
    const Array serial(o, 0, w, run);
    const Place place{.phase = kPhaseFree};
    const Eigen::MatrixXf wanted = read(parallel, Direction::forward, x, run, place);
    CHECK((read(serial, Direction::forward, x, run, place) - wanted).norm() < 2e-4f * wanted.norm());
    CHECK(serial.wire_use().reads == 4 * parallel.wire_use().reads);
    CHECK(parallel.wire_use().reads > 0);
  }
}

TEST_CASE("serial input: conversions and noise of every bit come out with its weight, as the floor says") {
  Run run{.seed = 10};
  ArrayOptions o = with_adc(8);
  o.dac.bits = 6;
  o.converters.input = DriveInput::serial;
  const Eigen::MatrixXf w = uniform(40, 61, 0.3f, 1), x = uniform(60, 300, 1, 2);
  Eigen::MatrixXf drive = x;
  o.dac.convert(drive);
  Array array(o, 0, w, run);
  array.set_adc_range(Direction::forward, array.partial_sums(Direction::forward, x).max);
  const double step = array.options().adc_forward.step();
  Eigen::MatrixXf error = read(array, Direction::forward, x, run) - ideal(array, Direction::forward, drive);
  CHECK(error.cwiseAbs().maxCoeff() <= step / 2 * 1.001 + 1e-5);
  const auto rms_of = [](const Eigen::MatrixXf& e) { return e.norm() / std::sqrt(static_cast<double>(e.size())); };
  CHECK(rms_of(error) == Approx(array.read_floor(Direction::forward).total_sd()).epsilon(0.05));
  CHECK(array.read_floor(Direction::forward).adc_step < 0.65 * step);  // sum of (2^k / 31)^2 is 0.355

  o.adc_forward.bits = o.adc_backward.bits = 0;
  o.read_noise = {.white = 0.01, .proportional = 0.02};
  const Array noisy(o, 0, w, run);
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    // small drives: their high bits are seldom on
    const Eigen::MatrixXf in = uniform(direction == Direction::forward ? 60 : 40, 300, 0.3f, 3);
    Eigen::MatrixXf converted = in;
    o.dac.convert(converted);
    error = read(noisy, direction, in, run) - ideal(noisy, direction, converted);
    CHECK(rms_of(error) == Approx(noisy.read_floor(direction, noisy.noise_rms(direction, in)).total_sd()).epsilon(0.05));
  }
}

TEST_CASE("time and events: shared and integrating ADCs, serial input") {
  Run run{.seed = 11};
  const Eigen::MatrixXf w = uniform(20, 31, 0.3f, 1), x = uniform(30, 4, 1, 2);
  struct Counts {
    Ledger ledger;
    double second;
  };
  const auto counts = [&](auto change) {
    ArrayOptions o;
    change(o);
    const Array array(o, 0, w, run);
    Ledger ledger;
    Run charged{.seed = 11, .ledger = &ledger};
    read(array, Direction::forward, x, charged);
    CHECK(ledger.total(Event::cell_read).second == Approx(4 * array.cell_second(Direction::forward)));
    return Counts{ledger, array.read_second(Direction::forward)};
  };
  const Counts plain = counts([](ArrayOptions&) {});
  const double joule = plain.ledger.total(Event::cell_read).joule;
  CHECK(plain.second == 100e-9);
  CHECK(plain.ledger.total(Event::adc) == Entry{80, 0, 0, 0});

  // each of 8 columns takes a whole read, or the conversion's time; nothing else changes
  const Counts shared = counts([](ArrayOptions& o) { o.converters.adc_share = 8; });
  CHECK(shared.second == Approx(800e-9));
  CHECK(shared.ledger.total(Event::cell_read).joule == Approx(8 * joule));
  CHECK(shared.ledger.total(Event::adc).count == 80);
  const Counts fast = counts([](ArrayOptions& o) { o.converters.adc_share = 8, o.converters.adc_second = 10e-9; });
  CHECK(fast.second == Approx(170e-9));
  CHECK(fast.ledger.total(Event::cell_read).joule == Approx(1.7 * joule));
  // no more turns than lines
  CHECK(counts([](ArrayOptions& o) { o.converters.adc_share = 1000; }).second == Approx(20 * 100e-9));

  // 2^bits periods a conversion, from a capacitor: the cells rest
  const auto ramp = [](ArrayOptions& o) { o.converters.adc_type = AdcType::integrating, o.converters.adc_clock = 2e-9; };
  const Counts counted = counts(ramp);
  CHECK(counted.second == Approx(100e-9 + 256 * 2e-9));
  CHECK(counted.ledger.total(Event::cell_read).joule == joule);
  CHECK(counted.ledger.total(Event::adc).count == 0);
  CHECK(counted.ledger.total(Event::adc_clock).count == 80 * 256);
  CHECK(counted.ledger.total(Event::adc_clock).second == Approx(80 * 256 * 2e-9));
  const Counts narrow = counts([&](ArrayOptions& o) { ramp(o), o.adc_forward.bits = 5, o.converters.adc_share = 3; });
  CHECK(narrow.second == Approx(100e-9 + 3 * 32 * 2e-9));
  CHECK(narrow.ledger.total(Event::adc_clock).count == 80 * 32);

  // 7 bits of magnitude: 7 reads, 7 conversions, 6 shifted additions, no DAC
  const Counts serial = counts([](ArrayOptions& o) { o.converters.input = DriveInput::serial; });
  CHECK(serial.second == Approx(700e-9));
  CHECK(serial.ledger.total(Event::adc).count == 7 * 80);
  CHECK(serial.ledger.total(Event::dac_set).count == 0);
  CHECK(serial.ledger.total(Event::line_drive).count == 7 * plain.ledger.total(Event::line_drive).count);
  CHECK(serial.ledger.total(Event::digital_add).count == 6 * 80);
  CHECK(serial.ledger.total(Event::cell_read).count == 7 * 4);
}

TEST_CASE("a percentile leaves out the stated share of partial sums; the rms from weights is that of independent drives") {
  Run run{.seed = 12};
  for (const int rows : {256, 25})
    for (const bool serial : {false, true}) {
      CAPTURE(rows, serial);
      ArrayOptions o = with_adc(8);
      o.dac.bits = 8;
      o.max_rows = rows;
      if (serial) o.converters.input = DriveInput::serial;
      Array array(o, 0, uniform(30, 81, 0.3f, 1), run);
      const Eigen::MatrixXf x = uniform(80, 400, 1, 2);
      const PartialSums sums = array.partial_sums(Direction::forward, x, 95);
      CHECK(sums.percentile < sums.max);
      CHECK(sums.percentile > sums.rms);
      CHECK(array.partial_sum_sd(Direction::forward, array.drive_rms(x)) == Approx(sums.rms).epsilon(0.03));
      CHECK(array.partial_sums(Direction::forward, x).percentile == 0);
      if (rows < 80 || serial) continue;
      Eigen::MatrixXf drive = x;
      o.dac.convert(drive);
      const Eigen::ArrayXXf exact = ideal(array, Direction::forward, drive).array().abs();
      const double above = (exact > static_cast<float>(sums.percentile)).cast<double>().mean();
      CHECK(above == Approx(0.05).margin(2.0 / static_cast<double>(exact.size())));
    }
}

TEST_CASE("a design that cannot be is refused by field") {
  const Converter on{}, off{.bits = 0};
  const auto message = [&](const Converter& dac, const Converter& adc, auto change) {
    ConverterDesign d;
    change(d);
    return message_of([&] { d.validate(dac, adc); });
  };
  CHECK(message(on, on, [](ConverterDesign&) {}) == "nothing thrown");
  CHECK(has(message(on, on, [](ConverterDesign& d) { d.adc.gain = -0.1; }), "adc_spread.gain"));
  CHECK(has(message(on, on, [](ConverterDesign& d) { d.dac.inl = std::nan(""); }), "dac_spread.inl"));
  CHECK(has(message(on, off, [](ConverterDesign& d) { d.adc.inl = 1; }), "the converter is off"));
  CHECK(has(message(on, on, [](ConverterDesign& d) { d.adc_share = 0; }), "adc_share"));
  CHECK(has(message(on, on, [](ConverterDesign& d) { d.adc_clock = 0; }), "adc_clock"));
  CHECK(has(message(on, off, [](ConverterDesign& d) { d.adc_type = AdcType::integrating; }), "integrating"));
  CHECK(has(message(off, on, [](ConverterDesign& d) { d.input = DriveInput::serial; }), "serial"));
  CHECK(has(message(on, on, [](ConverterDesign& d) { d.input = DriveInput::serial, d.dac.offset = 1; }), "gain error alone"));
}
