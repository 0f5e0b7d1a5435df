// Plans of pulses, write-verify, running sums, threads.
#include "crossbar/programming.h"

#include <cmath>

#include "base/check.h"
#include "energy/price_list.h"
#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"

using namespace eqprop;
using namespace eqprop::testing;

TEST_CASE("write-verify brings at least 99 % of the devices within tolerance and counts what it did") {
  for (const auto& device : device_of_every_law())
    for (const double noise : {0.0, 0.005}) {
      CAPTURE(device.name, noise);
      Ledger ledger;
      Run run{.seed = 1, .threads = 1, .ledger = &ledger};
      ArrayOptions o;
      o.device = device;
      o.read_noise.white = noise;
      const Eigen::MatrixXf w = uniform(50, 60, 0.1f, 1);
      const Array array(o, 0, w, run);
      const Tile& tile = array.tiles()[0];
      const double middle = (device.G_min + device.G_max) / 2;
      const Eigen::MatrixXd half = w.cast<double>() * array.siemens_per_weight() / 2;
      // a noisy verify read may accept a device that is off by its noise too
      const double allowed = o.write.tolerance + 3 * noise * device.window();
      const auto good = ((tile.plus.g.cast<double>() - half).array() - middle).abs() <= allowed;
      const auto also = ((tile.minus.g.cast<double>() + half).array() - middle).abs() <= allowed;
      CHECK(good.count() + also.count() >= 0.99 * 6000);
      const WriteReport& report = array.initial_write();
      CHECK(report.devices == 6000);
      CHECK(report.missed <= 60);
      CHECK(report.clipped == 0);
      CHECK(report.verify_reads >= report.pulses + report.devices - report.missed);
      // the scale: the window is weight_headroom times the largest weight
      CHECK(array.weight_max() == Approx(4 * w.cwiseAbs().maxCoeff()).epsilon(1e-5));
    }
}

TEST_CASE("weights outside the window are clipped and reported") {
  Run run{.seed = 1};
  ArrayOptions o = quiet();
  o.weight_max = 0.5;
  o.write.tolerance = 1e-6;
  Eigen::MatrixXf w = Eigen::MatrixXf::Zero(2, 3);
  w(0, 0) = 0.9f;
  w(1, 2) = -0.6f;
  const Array array(o, 0, w, run);
  CHECK(array.initial_write().clipped == 2);
  CHECK(array.weights()(0, 0) == Approx(0.5).epsilon(0.02));
}

TEST_CASE("threshold-accumulate keeps what it does not write: written = wanted in the mean") {
  Run run{.seed = 2};
  ArrayOptions o = quiet(device_of_every_law()[0]);
  o.device.law = LinearStep{.step_up = 0.5e-6f, .step_down = 0.5e-6f};  // constant steps: a pulse is the nominal step
  o.weight_max = 1;
  Array array(o, 0, Eigen::MatrixXf::Zero(40, 50), run);
  const Eigen::MatrixXf before = array.weights();
  Eigen::MatrixXf wanted = Eigen::MatrixXf::Zero(40, 50);
  UpdateReport report;
  const auto step = static_cast<float>(array.weight_step());
  for (std::uint32_t s = 0; s < 200; ++s) {
    const Eigen::MatrixXf change = (uniform(40, 50, 0.4f * step, s).array() + 0.02f * step).matrix();
    wanted += change;
    report += array.update(change, {.step = s}, run);
  }
  const Eigen::MatrixXf written = array.weights() - before;
  CHECK((written - wanted).cwiseAbs().maxCoeff() <= step * 1.01f);
  // the remainder is exactly what the accumulator holds
  CHECK((written + array.tiles()[0].accumulator - wanted).cwiseAbs().maxCoeff() < 0.01f * step);
  CHECK(written.mean() == Approx(wanted.mean()).epsilon(0.1));
  CHECK(report.written < report.wanted / 5);
  CHECK(report.pulses > 1000);
}

TEST_CASE("a wish above max_pulses is capped: counted plans lose the rest, the accumulator keeps it") {
  for (const PulseMode mode : {PulseMode::count, PulseMode::accumulate}) {
    Run run{.seed = 2};
    ArrayOptions o = quiet();
    o.weight_max = 1;
    o.plan.mode = mode;
    o.plan.max_pulses = 3;
    Array array(o, 0, Eigen::MatrixXf::Zero(5, 6), run);
    const auto step = static_cast<float>(array.weight_step());
    const UpdateReport first = array.update(Eigen::MatrixXf::Constant(5, 6, 7.2f * step), {.step = 0}, run);
    CHECK(first.capped == 30);
    CHECK(first.pulses == 90);
    const UpdateReport second = array.update(Eigen::MatrixXf::Zero(5, 6), {.step = 1}, run);
    CHECK(second.pulses == (mode == PulseMode::accumulate ? 90 : 0));
  }
}

TEST_CASE("counting rounds to the nearest pulse, sign gives one pulse beyond its threshold") {
  Run run{.seed = 2};
  ArrayOptions o = quiet();
  o.weight_max = 1;
  o.plan.mode = PulseMode::count;
  Array count(o, 0, Eigen::MatrixXf::Zero(1, 4), run);
  const auto step = static_cast<float>(count.weight_step());
  Eigen::MatrixXf wanted(1, 4);
  wanted << 0.4f * step, 0.6f * step, -2.6f * step, 0;
  CHECK(count.update(wanted, {}, run).pulses == 4);
  CHECK(count.weights()(0, 2) < count.weights()(0, 0));
  o.plan.mode = PulseMode::sign;
  o.plan.sign_threshold = 0.5 * step;
  Array sign(o, 0, Eigen::MatrixXf::Zero(1, 4), run);
  CHECK(sign.update(wanted, {}, run).pulses == 2);
}

TEST_CASE("pairs stay near the middle of the window under one-sided and alternating wishes") {
  Run run{.seed = 3};
  ArrayOptions o;
  o.weight_max = 1;
  o.plan.mode = PulseMode::sign;
  Array array(o, 0, Eigen::MatrixXf::Zero(30, 31), run);
  for (std::uint32_t s = 0; s < 2000; ++s) array.update(uniform(30, 31, 1, s), {.step = s}, run);
  const Tile& tile = array.tiles()[0];
  const double middle = o.device.G_min + o.device.G_max;
  const Eigen::ArrayXXd off = ((tile.plus.g + tile.minus.g).cast<double>().array() - middle).abs() / o.device.window();
  CHECK(off.maxCoeff() < 0.05);
}

TEST_CASE("sums kept as pulses come are those of a recompute; sparse and dense programming agree") {
  for (const double noise : {0.0, 0.4}) {
    Run run{.seed = 4};
    ArrayOptions o;
    o.device.write_noise = noise;
    o.read_noise.proportional = 0.01;
    o.max_rows = 64;
    o.max_cols = 48;
    Array array(o, 0, uniform(100, 130, 0.1f, 1), run);
    const auto step = static_cast<float>(array.weight_step());
    for (std::uint32_t s = 0; s < 60; ++s) array.update(uniform(100, 130, (s % 3 == 0 ? 6.0f : 0.3f) * step, s), {.step = s}, run);
    for (const Tile& tile : array.tiles()) {
      const Eigen::MatrixXd both = tile.plus.g.cast<double>() + tile.minus.g.cast<double>();
      CHECK((tile.line_sum.transpose() - both.colwise().sum()).cwiseAbs().maxCoeff() < 1e-15);
      CHECK((tile.column_sum - both.rowwise().sum()).cwiseAbs().maxCoeff() < 1e-15);
      CHECK(tile.difference == tile.plus.g - tile.minus.g);
      CHECK((tile.squares - (tile.plus.g.cwiseAbs2() + tile.minus.g.cwiseAbs2())).cwiseAbs().maxCoeff() == 0);
    }
  }
  // the same wish for one weight, alone (visited by itself) and among others (a whole line)
  Run run{.seed = 5};
  ArrayOptions o;
  o.weight_max = 1;
  o.plan.mode = PulseMode::count;
  o.device.write_noise = 0.4;
  Array alone(o, 0, Eigen::MatrixXf::Zero(64, 3), run), crowd(o, 0, Eigen::MatrixXf::Zero(64, 3), run);
  const auto step = static_cast<float>(alone.weight_step());
  Eigen::MatrixXf one = Eigen::MatrixXf::Zero(64, 3);
  one(37, 1) = 5 * step;
  alone.update(one, {.step = 1}, run);
  crowd.update(Eigen::MatrixXf::Constant(64, 3, 5 * step), {.step = 1}, run);
  CHECK(alone.weights()(37, 1) == crowd.weights()(37, 1));
  CHECK(alone.weights()(36, 1) != crowd.weights()(36, 1));
}

TEST_CASE("clipped pulses are those after which a device stands at its bound, by a look at every device after every update") {
  for (const double stuck : {0.0, 0.05})
    for (const float few : {0.0f, 0.99f}) {  // whole lines, and pulses one by one
      CAPTURE(stuck, few);
      Run run{.seed = 8};
      ArrayOptions o;
      o.weight_max = 1;
      o.plan.mode = PulseMode::sign;
      o.plan.sign_threshold = few;
      o.device.law = LinearStep{.step_up = 4e-6f, .step_down = 4e-6f};
      o.device.stuck_low = stuck;
      Array array(o, 0, Eigen::MatrixXf::Zero(40, 51), run);
      Tile before = array.tiles()[0];
      std::int64_t clipped = 0, pulses = 0;
      for (std::uint32_t s = 0; s < 400; ++s) {
        // one wish in a hundred, the others below the threshold; or all, half of the pairs up and half down
        const Eigen::MatrixXf wish = few > 0 ? uniform(40, 51, 1, s) : uniform(40, 51, 1, 0);
        const UpdateReport report = array.update(wish, {.step = s}, run);
        std::int64_t here = 0;
        const Tile& tile = array.tiles()[0];
        for (const auto side : {&Tile::plus, &Tile::minus}) {
          const DevicePlane &now = tile.*side, &was = before.*side;
          for (Eigen::Index i = 0; i < now.g.size(); ++i) {
            if (now.pulses(i) == was.pulses(i)) continue;
            here += now.g(i) == now.low(i) || now.g(i) == now.high(i) ? 1 : 0;
          }
        }
        REQUIRE(report.clipped == here);
        clipped += here;
        pulses += report.pulses;
        before = tile;
      }
      if (few == 0 || stuck > 0) CHECK(clipped > 100);
      CHECK(clipped < pulses);
      const UpdateReport& totals = array.update_totals();
      CHECK(totals.clipped == clipped);
      CHECK(totals.pulses == pulses);
      CHECK(totals.pulses + array.initial_write().pulses == array.pulses());

      Array other(o, 0, Eigen::MatrixXf::Zero(40, 51), run);
      const auto saved = bytes_of(array);
      ByteReader reader(saved, "memory");
      other.restore(reader);
      CHECK(other.update_totals().clipped == clipped);
      CHECK(other.update_totals().wanted == totals.wanted);
      CHECK(other.update_totals().written == totals.written);
    }
}

TEST_CASE("write-verify counts pulses that end at a bound: none on the way to the middle, all on stuck devices") {
  Run run{.seed = 1};
  ArrayOptions o = quiet();
  o.weight_max = 1;
  o.write.max_pulses = 50;
  o.write.tolerance = 30e-6;
  const Array free(o, 0, Eigen::MatrixXf::Zero(10, 11), run);
  CHECK(free.initial_write().pulses > 0);
  CHECK(free.initial_write().clipped_pulses == 0);
  o.device.stuck_high = 1;
  const Array stuck(o, 0, Eigen::MatrixXf::Zero(10, 11), run);
  CHECK(stuck.initial_write().pulses == 50 * stuck.devices());
  CHECK(stuck.initial_write().clipped_pulses == stuck.initial_write().pulses);
  CHECK(stuck.initial_write().clipped == 0);
}

TEST_CASE("a verify read costs v^2 G t in its cell, at the cells' boundary, beside its converters") {
  Ledger ledger;
  Run run{.seed = 6, .threads = 1, .ledger = &ledger};
  ArrayOptions o;
  o.max_rows = 20;
  o.read_volt = 0.3;
  o.read_second = 40e-9;
  o.write.tolerance = 1;  // every device is read once, where it starts, and accepted
  const Eigen::MatrixXf w = uniform(30, 60, 0.1f, 1);
  Array array(o, 2, w, run);
  double siemens = 0;
  for (const Tile& tile : array.tiles()) siemens += (tile.plus.low.cast<double>() + tile.minus.low.cast<double>()).sum();
  const Entry cells = ledger.at(2, kPhaseInitialWrite, Event::cell_read);
  CHECK(cells.count == array.devices());
  CHECK(cells.watt == Approx(0.09 * siemens).epsilon(1e-9));
  CHECK(cells.joule == Approx(0.09 * siemens * 40e-9).epsilon(1e-9));
  CHECK(cells.watt * cells.second / static_cast<double>(cells.count) == Approx(cells.joule).epsilon(1e-9));
  CHECK(event_boundary(Event::cell_read) == EnergyBoundary::B0);

  // with pulses: of a device's reads, one more than its pulses, none is outside the window
  array.write_verify(w, WriteVerify{}, kPhaseUpdate, {.step = 1}, run);
  const Entry again = ledger.at(2, kPhaseUpdate, Event::cell_read);
  const Entry verify = ledger.at(2, kPhaseUpdate, Event::verify_read);
  CHECK(again.count == verify.count);
  CHECK(verify.joule == 0);
  CHECK(again.count > array.devices());
  const double each = again.watt / static_cast<double>(again.count) / 0.09;
  CHECK(each > o.device.G_min);
  CHECK(each < (o.device.G_min + o.device.G_max) / 2);  // from the bottom up to around the middle

  // a device known by its write error alone is read once, after its write
  o.device = preset("HfOx-NeuRRAM");
  const Array placed(o, 3, w, run);
  siemens = 0;
  for (const Tile& tile : placed.tiles()) siemens += (tile.plus.g.cast<double>() + tile.minus.g.cast<double>()).sum();
  CHECK(ledger.at(3, kPhaseInitialWrite, Event::cell_read).watt == Approx(0.09 * siemens).epsilon(1e-9));
}

TEST_CASE("two steps draw differently, the same step the same") {
  ArrayOptions o;
  o.plan.mode = PulseMode::sign;
  o.weight_max = 1;
  const auto after = [&](std::uint32_t step, std::uint32_t seed) {
    Run r{.seed = seed};
    Array array(o, 0, Eigen::MatrixXf::Zero(10, 11), r);
    array.update(Eigen::MatrixXf::Ones(10, 11), {.step = step}, r);
    return array.weights();
  };
  CHECK(after(1, 6) == after(1, 6));
  CHECK(after(1, 6) != after(2, 6));
  CHECK(after(1, 6) != after(1, 7));
}

TEST_CASE("threads change neither bits nor ledger", "[threads]") {
  std::vector<std::uint8_t> bytes;
  Ledger first;
  for (const int threads : {1, 2, 7}) {
    Ledger ledger;
    Run run{.seed = 7, .threads = threads, .ledger = &ledger};
    ArrayOptions o;
    o.max_rows = 100;
    o.max_cols = 33;
    o.read_noise.white = 0.005;
    Array array(o, 0, uniform(70, 150, 0.1f, 1), run);
    const auto step = static_cast<float>(array.weight_step());
    for (std::uint32_t s = 0; s < 5; ++s) array.update(uniform(70, 150, 3 * step, s), {.step = s}, run);
    if (threads == 1) {
      bytes = bytes_of(array);
      first = ledger;
    }
    CHECK(bytes_of(array) == bytes);
    CHECK(ledger == first);
  }
}

TEST_CASE("an array of another shape or seed is not restored") {
  Run run{.seed = 1}, other{.seed = 2};
  ArrayOptions o;
  const Eigen::MatrixXf w = uniform(3, 4, 1, 1);
  const auto saved = bytes_of(Array(o, 0, w, run));
  Array array(o, 0, w, other);
  ByteReader reader(saved, "memory");
  CHECK_THROWS_AS(array.restore(reader), InputError);
}

TEST_CASE("an array with a scale, count or conductance that no array has is not restored") {
  Run run{.seed = 1};
  Array array(ArrayOptions{}, 0, uniform(3, 4, 1, 1), run);
  const auto saved = bytes_of(array);
  // sign bits of: seed, inputs, outputs (12 bytes), scale, two ranges, five counts, then the first tile's size and conductances
  for (const std::size_t at : {std::size_t{12 + 7}, std::size_t{20 + 7}, std::size_t{28 + 7}, std::size_t{36 + 7}, std::size_t{76 + 8 + 3}}) {
    INFO("byte " << at);
    auto bytes = saved;
    bytes.at(at) |= 0x80;
    ByteReader reader(bytes, "memory");
    CHECK_THROWS_AS(array.restore(reader), InputError);
  }
  ByteReader reader(saved, "memory");
  array.restore(reader);
  CHECK(bytes_of(array) == saved);
}
