// Conductances in time: 1/f and telegraph noise in random-access form, drift and retention.
#include <cmath>
#include <numbers>

#include "crossbar/aging.h"
#include "crossbar/fluctuation.h"
#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

/// All devices at 50 uS, but for what the test changes.
Tile flat_tile(Eigen::Index outputs, Eigen::Index lines) {
  Tile tile(preset("TaOx-180nm"), 7, 3, outputs, lines, false, false);
  tile.plus.g.setConstant(50e-6f);
  tile.minus.g.setConstant(50e-6f);
  for (Eigen::Index line = 0; line < lines; ++line) tile.refresh_line(line);
  return tile;
}

/// Relative to the conductance, outputs x lines.
Eigen::MatrixXf at(Fluctuation& f, const Tile& tile, std::int64_t slot) {
  Eigen::MatrixXf seen(tile.outputs(), tile.lines());
  for (Eigen::Index b = 0; b < tile.blocks(); ++b) f.at(tile, slot, b, seen);
  return seen / 50e-6f;
}

}  // namespace

TEST_CASE("slow noise by kept sums is the definition's at any slot in any order", "[slow_noise]") {
  const Tile tile = flat_tile(19, 40);
  const SlowNoise noise{.flicker = 0.1, .telegraph = 0.2, .telegraph_share = 0.4, .slowest_second = 10, .step_second = 1e-3};
  Fluctuation f(noise, 7, tile);
  for (const std::int64_t slot : {5, 6, 7, 6, 1000000, 0, 123456789, 123456790, 8}) {
    const Eigen::MatrixXf seen = at(f, tile, slot) * 50e-6f;
    for (Eigen::Index line = 0; line < 40; ++line)
      for (Eigen::Index j = 0; j < 19; ++j) REQUIRE(std::abs(seen(j, line) - f.pair_at(tile, slot, j, line)) < 3e-7 * 50e-6 * 10);
    Fluctuation anew(noise, 7, tile);
    CHECK(at(anew, tile, slot) == seen / 50e-6f);
  }
}

TEST_CASE("1/f noise has the stated sd, and free and nudged phase share what lasts longer than a phase", "[slow_noise]") {
  const Tile tile = flat_tile(100, 100);
  const SlowNoise noise{.flicker = 0.02, .slowest_second = 100, .step_second = 1e-3};
  Fluctuation f(noise, 7, tile);
  const int components = noise.components();
  CHECK(components >= 10);
  const auto n = 10000.0;
  const auto correlation = [&](std::int64_t apart) {
    double shared = 0;
    for (int m = 0; m < components; ++m) shared += std::max(0.0, 1 - static_cast<double>(apart) * std::pow(4.0, -m));
    return shared / components;
  };
  // lines change together, so the share that a component keeps scatters by lines: averaged over several slots
  double rho[3] = {}, variance = 0;
  const std::int64_t apart[3] = {1, 16, 1600};
  constexpr int kSlots = 12;
  for (int k = 0; k < kSlots; ++k) {
    const std::int64_t slot = 1000 + 77777 * k;
    const Eigen::ArrayXXd free = at(f, tile, slot).cast<double>().array();
    variance += free.square().mean() / kSlots;
    for (int a = 0; a < 3; ++a) rho[a] += (free * at(f, tile, slot + apart[a]).cast<double>().array()).mean() / kSlots;
  }
  const double pair_variance = 2 * 0.02 * 0.02;  // two devices
  CHECK(variance == Approx(pair_variance).epsilon(0.03));
  for (int a = 0; a < 3; ++a) CHECK(std::abs(rho[a] / pair_variance - correlation(apart[a])) < 5 / std::sqrt(n * kSlots) + 0.02);
  CHECK(rho[0] > rho[1]);
  CHECK(rho[1] > rho[2]);
}

TEST_CASE("the spectrum of slow noise falls as 1/f", "[slow_noise]") {
  const Tile tile = flat_tile(16, 64);
  for (const bool telegraph : {false, true}) {
    // traps of all time constants together are 1/f noise too
    const SlowNoise noise{.flicker = telegraph ? 0 : 0.1,
                          .telegraph = telegraph ? 0.1 : 0,
                          .telegraph_share = telegraph ? 1.0 : 0,
                          .slowest_second = 16,
                          .step_second = 16e-3};  // a slot is 1 ms
    Fluctuation f(noise, 7, tile);
    constexpr int kSlots = 2048;
    Eigen::MatrixXf series(16 * 64, kSlots);
    for (int t = 0; t < kSlots; ++t) series.col(t) = at(f, tile, t).reshaped();
    // power at frequencies k / kSlots, mean over pairs, least squares of its logarithm
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    int count = 0;
    for (int k = 4; k <= 256; k *= 2, ++count) {
      Eigen::VectorXf c(kSlots), s(kSlots);
      for (int t = 0; t < kSlots; ++t) {
        const double angle = 2 * std::numbers::pi * k * t / kSlots;
        c[t] = static_cast<float>(std::cos(angle));
        s[t] = static_cast<float>(std::sin(angle));
      }
      const double power = static_cast<double>((series * c).squaredNorm() + (series * s).squaredNorm());
      const double x = std::log(k), y = std::log(power);
      sx += x, sy += y, sxx += x * x, sxy += x * y;
    }
    const double slope = (count * sxy - sx * sy) / (count * sxx - sx * sx);
    INFO("telegraph " << telegraph);
    CHECK(slope == Approx(-1).margin(0.15));
  }
}

TEST_CASE("telegraph noise has two levels per trap and the stated share of traps", "[slow_noise]") {
  Tile tile = flat_tile(100, 100);
  tile.minus.g.setZero();  // the devices of G+ alone
  for (Eigen::Index line = 0; line < 100; ++line) tile.refresh_line(line);
  Fluctuation f({.telegraph = 0.1, .telegraph_share = 0.3, .slowest_second = 1, .step_second = 1e-3}, 7, tile);
  const Eigen::ArrayXXf seen = at(f, tile, 99).array();
  const auto near = [&](float level) { return ((seen - level).abs() < 1e-5f).count(); };
  CHECK(near(1) + near(1.05f) + near(0.95f) == 10000);
  CHECK(std::abs(near(1) - 7000.0) < 5 * std::sqrt(10000 * 0.3 * 0.7));
  CHECK(std::abs(near(1.05f) - 1500.0) < 5 * std::sqrt(10000 * 0.15 * 0.85));
}

TEST_CASE("slow noise is in the reads of an array, one conductance per phase, for any number of threads", "[slow_noise][threads]") {
  ArrayOptions options = quiet();
  options.slow_noise = {.flicker = 0.05, .telegraph = 0, .telegraph_share = 0, .slowest_second = 1, .step_second = 1e-3};
  const Eigen::MatrixXf w = uniform(20, 31, 0.5f, 1), x = uniform(30, 3, 1.0f, 2);
  Run one{.seed = 3, .threads = 1}, many{.seed = 3, .threads = 5};
  const Array a(options, 0, w, one), b(options, 0, w, many);
  const auto read = [&](const Array& array, const Place& place, Run& run) {
    Eigen::MatrixXf out = Eigen::MatrixXf::Zero(20, 3);
    array.begin_phase(place, run.threads);
    array.forward(x, out, ids(3), place, run);
    return out;
  };
  Eigen::MatrixXf exact = Eigen::MatrixXf::Zero(20, 3);
  a.forward_ideal(x, exact);
  const Place free{.step = 4, .phase = kPhaseFree}, nudged{.step = 4, .phase = kPhaseFirstNudged};
  const Eigen::MatrixXf first = read(a, free, one);
  CHECK(first != exact);
  CHECK(read(a, nudged, one) != first);
  CHECK(read(a, free, one) == first);
  CHECK(read(b, free, many) == first);
}

TEST_CASE("drift follows its law, whatever the calls it is cut into, and starts anew at a pulse", "[slow_noise]") {
  DevicePreset device = preset("TaOx-180nm");
  device.drift.second = 20;
  device.drift.exponent = {0.05, -0.01, 0.02, 0.1};
  Tile tile(device, 7, 3, 10, 40, false, false);
  tile.plus.g = uniform(10, 40, 40e-6f, 1).array() + 90e-6f;
  Tile cut = tile;
  Aging whole(device, 7, tile), parts(device, 7, cut);
  const Eigen::MatrixXf start = tile.plus.g;
  for (Eigen::Index b = 0; b < tile.blocks(); ++b) {
    whole.pass(tile, b, 0, 86400);
    for (int k = 0; k < 12; ++k) parts.pass(cut, b, 0.25 * k, 0.25 * (k + 1));  // by ticks
    parts.pass(cut, b, 3, 700);
    parts.pass(cut, b, 700, 86400);
  }
  for (Eigen::Index i = 0; i < start.size(); ++i) {
    const double nu = std::clamp(0.05 - 0.01 * std::log(start(i) / device.G_max), 0.02, 0.1);
    CHECK(tile.plus.g(i) == Approx(start(i) * std::pow((86400 + 20.0) / 20, -nu)).epsilon(1e-5));
    CHECK(cut.plus.g(i) == Approx(tile.plus.g(i)).epsilon(1e-5));
  }
  CHECK(tile.line_sum[5] == Approx((tile.plus.g.col(5) + tile.minus.g.col(5)).cast<double>().sum()).epsilon(1e-6));
  // a pulse at one day, within a second: young again, and drifting for half of it
  const float before = tile.plus.g(3, 2), other = tile.plus.g(4, 2);
  const double nu = std::clamp(0.05 - 0.01 * std::log(before / device.G_max), 0.02, 0.1);
  ++tile.plus.pulses(3, 2);
  whole.pass(tile, 0, 86400, 86401);
  CHECK(tile.plus.g(3, 2) == Approx(before * std::pow(1 + 0.5 / 20, -nu)).epsilon(1e-5));
  const float old = tile.plus.g(4, 2);
  CHECK(old < other);
  whole.pass(tile, 0, 86401, 86421);
  CHECK(tile.plus.g(3, 2) == Approx(before * std::pow(1 + 20.5 / 20, -nu)).epsilon(1e-5));
  CHECK(tile.plus.g(4, 2) / old > 0.9999f);
  // a device that is pulsed all the time is always young, and drifts fastest
  const float start_of_use = tile.plus.g(5, 2);
  for (int k = 0; k < 20; ++k) {
    ++tile.plus.pulses(5, 2);
    whole.pass(tile, 0, 86421 + k, 86422 + k);
  }
  CHECK(tile.plus.g(5, 2) < 0.97f * start_of_use);
}

TEST_CASE("retention: what a device holds above its lower bound decays", "[slow_noise]") {
  DevicePreset device = preset("TaOx-180nm");
  device.drift.retention_second = 1000;
  Tile tile(device, 7, 3, 4, 5, false, false);
  tile.plus.g.setConstant(100e-6f);
  Aging aging(device, 7, tile);
  aging.pass(tile, 0, 0, 400);
  aging.pass(tile, 0, 400, 1000);
  for (Eigen::Index i = 0; i < 20; ++i)
    CHECK(tile.plus.g(i) - tile.plus.low(i) == Approx((100e-6 - tile.plus.low(i)) / std::numbers::e).epsilon(1e-5));
}

TEST_CASE("an array's clock is kept by a checkpoint, and waiting is drift and other noise", "[slow_noise][threads]") {
  ArrayOptions options = quiet();
  options.device.drift = {.second = 1, .exponent = {0.05, 0, 0.05, 0.05}, .spread = {0.01, 0, 0.01, 0.01}};
  options.slow_noise.step_second = 0.01;
  const Eigen::MatrixXf w = uniform(20, 31, 0.5f, 1);
  Run run{.seed = 3, .threads = 2};
  Array array(options, 0, w, run);
  CHECK(array.ages());
  for (std::uint32_t step = 0; step < 30; ++step) {
    array.update(uniform(20, 31, 0.02f, step), {.step = step}, run);
    array.pass_time(0.01 * (step + 1), run.threads);
  }
  CHECK(array.clock() == Approx(0.3));
  ByteWriter out;
  array.save(out);
  Array again(options, 0, w, run);
  ByteReader in(out.bytes(), "saved");
  again.restore(in);
  const Eigen::MatrixXf at_once = array.weights();
  array.wait(3600, 1);
  again.wait(3600, 7);
  CHECK(array.weights() == again.weights());
  CHECK(bytes_of(array) == bytes_of(again));
  CHECK(array.weights().squaredNorm() < 0.8f * at_once.squaredNorm());
}
