// Weights on one device with a reference column: reads, noise that outputs share, pulses, writes, counts, faults, checkpoints.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"
#include "tests/energy/message.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

constexpr Direction kBoth[] = {Direction::forward, Direction::backward};

ArrayOptions offset(DevicePreset device = preset("TaOx-180nm")) {
  ArrayOptions o = quiet(device);
  o.mapping = Mapping::offset_column;
  return o;
}

Eigen::MatrixXf read(const Array& array, Direction direction, const Eigen::MatrixXf& in, Run& run, const Place& place = {}) {
  Eigen::MatrixXf out = Eigen::MatrixXf::Zero(direction == Direction::forward ? array.outputs() : array.inputs(), in.cols());
  const auto names = ids(in.cols());
  direction == Direction::forward ? array.forward(in, out, names, place, run) : array.backward(in, out, names, place, run);
  return out;
}

struct Plain {
  Eigen::VectorXd current;  // [logical] forward: outputs, backward: inputs
  double watt = 0;
};

/// Device by device: every output has a device on every line, and a tile one more per line, which all its outputs take off.
Plain plain_read(const Array& array, Direction direction, const Eigen::VectorXd& x) {
  const bool forward = direction == Direction::forward;
  const double volt = array.options().read_volt / array.options().dac.range;
  Plain out{Eigen::VectorXd::Zero(forward ? array.outputs() : array.inputs()), 0};
  int first_line = 0, first_output = 0;
  for (const Tile& tile : array.tiles()) {
    const auto outputs = static_cast<int>(tile.outputs()), lines = static_cast<int>(tile.lines());
    double mean = 0;
    for (int j = 0; j < outputs && !forward; ++j) mean += x[first_output + j] / outputs;
    for (int i = 0; i < lines; ++i) {
      const bool bias = first_line + i == array.inputs();
      const double reference = tile.minus.g(0, i), own = forward ? (bias ? 1.0 : x[first_line + i]) : mean;
      out.watt += volt * volt * own * own * reference;
      for (int j = 0; j < outputs; ++j) {
        const double g = tile.plus.g(j, i), v = forward ? own : x[first_output + j];
        out.watt += volt * volt * v * v * g;
        if (forward) out.current[first_output + j] += (g - reference) * v;
        if (!forward && !bias) out.current[first_line + i] += g * v;
      }
      if (!forward && !bias) out.current[first_line + i] -= outputs * mean * reference;
    }
    first_output += outputs;
    if (first_output < array.outputs()) continue;
    first_output = 0;
    first_line += lines;
  }
  out.current /= array.siemens_per_weight();
  return out;
}

}  // namespace

TEST_CASE("offset column: reads and their power are those of a plain loop over devices, both ways and over tiles", "[offset_column]") {
  DevicePreset device = preset("TaOx-180nm");
  ArrayOptions o = offset(device);
  o.device.bound_spread = 0.05;
  o.device.step_spread = 0.1;
  o.max_rows = 20;
  o.max_cols = 12;
  Ledger ledger;
  Run run{.seed = 4, .threads = 2};
  const Array array(o, 1, uniform(30, 41, 0.3f, 1), run);
  run.ledger = &ledger;
  for (const Direction direction : kBoth) {
    ledger.clear();
    const Eigen::MatrixXf x = uniform(direction == Direction::forward ? 40 : 30, 5, 1, 2).array() + 0.3f;
    const Eigen::MatrixXf got = read(array, direction, x, run, {.phase = kPhaseFree});
    double watt = 0;
    for (Eigen::Index k = 0; k < x.cols(); ++k) {
      const Plain want = plain_read(array, direction, x.col(k).cast<double>());
      CHECK((got.col(k).cast<double>() - want.current).norm() < 1e-5 * want.current.norm());
      watt += want.watt;
    }
    CHECK(ledger.at(1, kPhaseFree, Event::cell_read).watt == Approx(watt).epsilon(1e-6));
    CHECK(array.read_power(direction, x).cells == Approx(watt).epsilon(1e-6));
  }
}

TEST_CASE("offset column: half the devices, half the weight per siemens, and what a read counts", "[offset_column]") {
  ArrayOptions o = offset();
  o.max_rows = 20;
  o.max_cols = 12;
  o.weight_max = 1;
  o.dac.bits = o.adc_forward.bits = o.adc_backward.bits = 8;
  ArrayOptions pairs = o;
  pairs.mapping = Mapping::differential;
  Ledger ledger, pair_ledger;
  Run run{.seed = 4, .ledger = &ledger}, pair_run{.seed = 4, .ledger = &pair_ledger};
  const Eigen::MatrixXf w = uniform(30, 41, 0.3f, 1);
  const Array array(o, 0, w, run), pair(pairs, 0, w, pair_run);
  CHECK(array.devices() == 41 * (30 + 3));
  CHECK(pair.devices() == 2 * 41 * 30);
  CHECK(array.initial_write().devices == array.devices());
  CHECK(array.weight_max() == Approx(1));
  CHECK(array.siemens_per_weight() == Approx(pair.siemens_per_weight() / 2));
  CHECK(array.weight_step() == Approx(2 * pair.weight_step()));
  CHECK(array.initial_write().pulses < 0.6 * static_cast<double>(pair.initial_write().pulses));
  const auto count = [](Ledger& l, Event event) { return l.at(0, kPhaseFree, event).count; };
  for (const Direction direction : kBoth) {
    ledger.clear();
    pair_ledger.clear();
    const Eigen::MatrixXf x = uniform(direction == Direction::forward ? 40 : 30, 7, 1, 2);
    read(array, direction, x, run, {.phase = kPhaseFree});
    read(pair, direction, x, pair_run, {.phase = kPhaseFree});
    // the reference is taken off before the ADC: no conversion of its own
    CHECK(count(ledger, Event::adc) == count(pair_ledger, Event::adc));
    if (direction == Direction::forward) {
      for (const Event event : {Event::dac_set, Event::line_drive, Event::digital_add})
        CHECK(count(ledger, event) == count(pair_ledger, event));
      CHECK(array.read_second(direction) == pair.read_second(direction));
    } else {
      CHECK(count(ledger, Event::line_drive) == 7 * 3 * (30 + 3));  // three tiles along the lines, three along the outputs
      CHECK(count(ledger, Event::dac_set) == count(pair_ledger, Event::dac_set) + 7 * 9);
      CHECK(count(ledger, Event::digital_add) == count(pair_ledger, Event::digital_add) + 7 * (30 - 3));
      CHECK(array.read_second(direction) == Approx(2 * pair.read_second(direction)));
    }
  }
}

TEST_CASE("offset column: read noise has the exact variance, and the reference's part is common to the outputs of a tile",
          "[offset_column]") {
  constexpr int reads = 4000;
  for (const bool proportional : {false, true}) {
    ArrayOptions o = offset();
    o.max_cols = 6;
    o.weight_max = 1;
    (proportional ? o.read_noise.proportional : o.read_noise.white) = 0.02;
    Run run{.seed = 8};
    const Array array(o, 0, uniform(12, 31, 0.4f, 1), run);
    const double window = o.device.window(), scale = array.siemens_per_weight();
    const auto variance = [&](double g) { return std::pow(proportional ? 0.02 * g : 0.02 * window, 2) / (scale * scale); };
    for (const Direction direction : kBoth) {
      const bool forward = direction == Direction::forward;
      CAPTURE(proportional, forward);
      const Eigen::VectorXf x = uniform(forward ? 30 : 12, 1, 1, 2).array() + 0.4f;
      const Eigen::MatrixXd noisy = read(array, direction, x.replicate(1, reads), run).cast<double>();
      const Eigen::MatrixXd error = noisy.colwise() - plain_read(array, direction, x.cast<double>()).current;
      const Eigen::MatrixXd covariance = error * error.transpose() / reads;
      for (Eigen::Index a = 0; a < covariance.rows(); ++a)
        for (Eigen::Index b = 0; b <= a; ++b) {
          double want = 0;
          for (int tile = 0; tile < 2; ++tile) {
            const Tile& t = array.tiles()[static_cast<std::size_t>(tile)];
            if (forward && a / 6 == tile && b / 6 == tile)
              for (int i = 0; i < 31; ++i) {
                const double v = i < 30 ? double{x[i]} : 1.0;
                want += v * v * (variance(double{t.minus.g(0, i)}) + (a == b ? variance(double{t.plus.g(a % 6, i)}) : 0.0));
              }
            if (!forward && a == b) {
              double sum = 0;
              for (int j = 0; j < 6; ++j) {
                const double v = x[6 * tile + j];
                sum += v;
                want += v * v * variance(double{t.plus.g(j, a)});
              }
              want += sum * sum * variance(double{t.minus.g(0, a)});
            }
          }
          // five sd of an estimated covariance of normal numbers
          const double sd = std::sqrt((covariance(a, a) * covariance(b, b) + want * want) / reads);
          CHECK(std::abs(covariance(a, b) - want) < 5 * sd);
          if (forward && a != b && a / 6 == b / 6) CHECK(want > 0.3 * covariance(a, a));  // what the test would see missing
        }
      CHECK(array.read_floor(direction, array.noise_rms(direction, x)).noise_sd ==
            Approx(std::sqrt(covariance.diagonal().mean())).epsilon(0.1));
    }
  }
}

TEST_CASE("offset column: pulses of both signs go to the one device by its law, the reference stays", "[offset_column]") {
  for (const DevicePreset& device : device_of_every_law())
    for (const bool sparse : {false, true}) {
      CAPTURE(device.name, sparse);
      ArrayOptions o = offset(device);
      if (device.name == "table") o.device.cycle_sd = 0;
      o.plan.mode = PulseMode::count;
      o.weight_max = 1;
      Run run{.seed = 3};
      Array array(o, 0, uniform(40, 21, 0.5f, 1), run);
      const Tile before = array.tiles()[0];
      Eigen::MatrixXf wanted = uniform(40, 21, 2.4f, 2).array().round() * static_cast<float>(array.weight_step());
      if (sparse) wanted.bottomRows(37).setZero();
      const UpdateReport report = array.update(wanted, {.step = 1}, run);
      const Tile& after = array.tiles()[0];
      CHECK(after.minus.g == before.minus.g);
      CHECK(after.minus.pulses == before.minus.pulses);
      std::int64_t pulses = 0;
      double worst = 0;
      for (Eigen::Index at = 0; at < wanted.size(); ++at) {
        const auto due = std::lround(wanted(at) / array.weight_step());
        double g = before.plus.g(at);
        for (long p = 0; p < std::abs(due); ++p) {
          g += (due > 0 ? before.plus.up(at) : before.plus.down(at)) * device.mean_step(g, due > 0);
          g = std::clamp(g, double{before.plus.low(at)}, double{before.plus.high(at)});
        }
        worst = std::max(worst, std::abs(g - double{after.plus.g(at)}));
        CHECK(after.plus.pulses(at) - before.plus.pulses(at) == static_cast<std::uint32_t>(std::abs(due)));
        pulses += std::abs(due);
      }
      CHECK(worst < 2e-4 * device.nominal_step() + 1e-5 * device.window());
      CHECK(report.pulses == pulses);
      REQUIRE(pulses > 40);
    }
}

TEST_CASE("offset column: a write ends within tolerance, and an error of a reference is common to its line", "[offset_column]") {
  ArrayOptions o = offset();
  o.device.cycle_sd = 0.3;
  o.weight_max = 1;
  Run run{.seed = 5};
  const Eigen::MatrixXf w = uniform(25, 33, 0.8f, 1);
  const Array array(o, 0, w, run);
  const Tile& tile = array.tiles()[0];
  const double middle = (o.device.G_min + o.device.G_max) / 2, scale = array.siemens_per_weight();
  CHECK(array.initial_write().missed == 0);
  for (Eigen::Index i = 0; i < 33; ++i) {
    const double reference = double{tile.minus.g(0, i)} - middle;
    CHECK(std::abs(reference) <= o.write.tolerance * 1.00001);
    for (Eigen::Index j = 0; j < 25; ++j) {
      const double own = double{tile.plus.g(j, i)} - middle - scale * double{w(j, i)};
      CHECK(std::abs(own) <= o.write.tolerance * 1.00001);
      CHECK(double{array.weights()(j, i)} - double{w(j, i)} == Approx((own - reference) / scale).margin(1e-5));
    }
  }
}

TEST_CASE("offset column: verify reads are the weights, named apart, counted device by device, left out where not chosen",
          "[offset_column]") {
  for (const Mapping mapping : {Mapping::differential, Mapping::offset_column}) {
    ArrayOptions o = offset();
    o.mapping = mapping;
    o.max_rows = 16;
    o.max_cols = 9;
    o.weight_max = 1;
    o.read_noise.white = 0.01;
    Ledger ledger;
    Run run{.seed = 5, .threads = 3};
    const Array array(o, 0, uniform(20, 31, 0.8f, 1), run);
    run.ledger = &ledger;
    Eigen::MatrixXf chosen = Eigen::MatrixXf::Zero(20, 31);
    chosen.topRows(3).setConstant(std::numeric_limits<float>::quiet_NaN());
    const Eigen::MatrixXf held = array.verify_read(chosen, kPhaseUpdate, {.step = 2}, run);
    CHECK(held.topRows(3).array().isNaN().all());
    const Eigen::MatrixXd error = (held - array.weights()).bottomRows(17).cast<double>();
    const double sd = std::sqrt(2.0) * 0.01 * o.device.window() / array.siemens_per_weight();
    CHECK(std::sqrt(error.squaredNorm() / static_cast<double>(error.size())) ==
          Approx(sd).epsilon(mapping == Mapping::differential ? 0.16 : 0.3));
    CHECK(array.verify_read(chosen, kPhaseUpdate, {.step = 2}, run).bottomRows(17) == held.bottomRows(17));
    CHECK(array.verify_read(chosen, kPhaseUpdate, {.step = 3}, run).bottomRows(17) != held.bottomRows(17));
    const std::int64_t devices = mapping == Mapping::differential ? 2 * 17 * 31 : (17 + 3) * 31;
    CHECK(ledger.at(0, kPhaseUpdate, Event::verify_read).count == 3 * devices);
    CHECK(ledger.at(0, kPhaseUpdate, Event::cell_read).count == 3 * devices);
  }
}

TEST_CASE("offset column: weights that are not chosen are neither read nor written", "[offset_column]") {
  for (const Mapping mapping : {Mapping::differential, Mapping::offset_column}) {
    ArrayOptions o = offset();
    o.mapping = mapping;
    o.weight_max = 1;
    Run run{.seed = 5};
    Array array(o, 0, uniform(20, 31, 0.8f, 1), run);
    const Tile before = array.tiles()[0];
    Eigen::MatrixXf target = Eigen::MatrixXf::Constant(20, 31, std::numeric_limits<float>::quiet_NaN());
    target(3, 4) = 0.1f;
    target(7, 30) = -0.2f;
    const WriteReport report = array.write_verify(target, o.write, kPhaseUpdate, {.step = 1}, run);
    const std::int64_t each = mapping == Mapping::differential ? 2 : 1;
    CHECK(report.devices == 2 * each);
    // beside a reference it is read too, once for each of the two lines
    CHECK(report.verify_reads == report.pulses + report.devices + 2 * (2 - each));
    const Tile& after = array.tiles()[0];
    CHECK((after.plus.g.array() != before.plus.g.array()).count() <= 2);
    CHECK((after.minus.g.array() != before.minus.g.array()).count() <= 2 * (each - 1));
    CHECK(array.weights()(3, 4) == Approx(0.1).margin(2 * o.write.tolerance / array.siemens_per_weight()));
    CHECK(array.weights()(7, 30) == Approx(-0.2).margin(2 * o.write.tolerance / array.siemens_per_weight()));
  }
}

TEST_CASE("offset column: trains write the mean change, checkpoints go on with the same bits by any number of threads", "[offset_column]") {
  ArrayOptions o = offset();
  o.device.cycle_sd = 0.3;
  o.device.drift = {.second = 1, .exponent = {0.02, 0, 0.02, 0.02}, .spread = {0.01, 0, 0.01, 0.01}};
  o.weight_max = 1;
  o.max_cols = 8;
  o.plan.mode = PulseMode::accumulate;
  Run one{.seed = 3, .threads = 1}, many{.seed = 3, .threads = 5};
  const Eigen::MatrixXf w = uniform(20, 70, 0.1f, 1);
  Array a(o, 0, w, one), b(o, 0, w, many);
  const Eigen::MatrixXf before = a.weights();
  const std::vector<OuterProduct> products = {{uniform(70, 3, 1.0f, 3), uniform(20, 3, 1.0f, 4), 2 * a.weight_step()}};
  const auto step = [&](Array& array, std::uint32_t at, Run& run) {
    array.update_trains(products, {.step = at}, run);
    array.update(uniform(20, 70, 3 * static_cast<float>(array.weight_step()), 10 + at), {.step = at, .sweep = 1}, run);
    array.pass_time(0.3 * (at + 1), run.threads);
  };
  for (std::uint32_t at = 0; at < 4; ++at) step(a, at, one);
  ByteWriter saved;
  a.save(saved);
  ByteReader in(saved.bytes(), "saved");
  b.restore(in);
  for (std::uint32_t at = 4; at < 8; ++at) {
    step(a, at, one);
    step(b, at, many);
  }
  CHECK(bytes_of(a) == bytes_of(b));
  const Eigen::MatrixXd wanted = (products[0].outputs * products[0].lines.transpose()).cast<double>(),
                        moved = (a.weights() - before).cast<double>();
  CHECK(wanted.cwiseProduct(moved).sum() > 0.5 * wanted.norm() * moved.norm());
}

TEST_CASE("offset column: faults, spares and maps have one column per output and a reference column per tile", "[offset_column]") {
  ArrayOptions o = offset();
  o.max_cols = 3;
  o.fault_map = FaultMap::Constant(7, 5 + 2, std::nanf(""));
  o.fault_map(2, 0) = 30e-6f;
  o.fault_map(6, 4) = kStuckHigh;
  o.fault_map(1, 6) = 0;  // the reference of the second tile
  Run run{.seed = 3};
  const Array array(o, 0, uniform(5, 7, 0.5f, 1), run);
  CHECK(array.faults().devices == 7 * 7);
  CHECK(array.faults().faulty == 3);
  CHECK(array.tiles()[0].plus.g(0, 2) == 30e-6f);
  CHECK(array.tiles()[1].plus.up(4 - 2, 6) == 0);
  CHECK(array.tiles()[1].minus.g(0, 1) == 0);
  CHECK(array.sound_pairs().col(1) == (Eigen::VectorXf(5) << 1, 1, 0, 0, 0).finished());
  o.fault_map.resize(7, 10);
  CHECK(has(message_of([&] { Array(o, 0, uniform(5, 7, 0.5f, 1), run); }), "7 device columns"));

  o.fault_map = {};
  o.max_cols = 256;
  o.faults = {.yield = 0.9, .dead_lines = 0, .dead_columns = 0.3, .spare_columns = 20};
  const Array spared(o, 0, uniform(40, 31, 0.5f, 1), run);
  ArrayOptions bare = o;
  bare.faults.spare_columns = 0;
  const Array plain(bare, 0, uniform(40, 31, 0.5f, 1), run);
  CHECK(spared.faults().repaired > 3);
  CHECK(spared.faults().faulty < plain.faults().faulty);
  CHECK(spared.faults().devices == 31 * 41);
}

TEST_CASE("offset column: what it cannot do is refused", "[offset_column]") {
  Run run{.seed = 3};
  const Eigen::MatrixXf w = uniform(5, 7, 0.5f, 1);
  ArrayOptions wired = offset(), slow = offset(), paired = offset(), passive = offset();
  wired.wires.model = WireModel::exact;
  slow.slow_noise.flicker = 0.01;
  paired.plan.pair = PairRule::alternate;
  passive.device.half_step = 0.01;
  passive.scheme.half_select = HalfSelect::half;
  CHECK(has(message_of([&] { Array(wired, 0, w, run); }), "wires.model"));
  CHECK(has(message_of([&] { Array(slow, 0, w, run); }), "flicker"));
  CHECK(has(message_of([&] { Array(paired, 0, w, run); }), "alternate"));
  CHECK(has(message_of([&] { Array(passive, 0, w, run); }), "half_select"));
}
