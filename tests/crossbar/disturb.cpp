// Half-selected cells: counts of half pulses against a loop over all pulses, what they do against every half pulse one by one.
#include "crossbar/disturb.h"

#include <cmath>

#include "tests/catch.h"
#include "tests/crossbar/write_samples.h"
#include "tests/oracle/device_laws.h"

using namespace eqprop;
using namespace eqprop::testing;

TEST_CASE("half pulses are those of a loop over every pulse, on any block of lines", "[write_scheme]") {
  const Index outputs = 7, lines = 71;
  const std::vector<Pulse> pulses = random_pulses(outputs, lines, 0.2, 1);
  const PulseTally tally = tallied(pulses, outputs, lines);
  REQUIRE(pulses.size() > 200);
  CHECK(tally.pulses(false) + tally.pulses(true) == static_cast<double>(pulses.size()));
  HalfPulses got;
  for (const HalfOrder order : {HalfOrder::beside, HalfOrder::after})
    for (Index line = 0; line < lines; ++line)
      for (const int plane : {0, 1}) {
        tally.half_pulses(line, plane, order, nullptr, got);
        for (Index j = 0; j < outputs; ++j) {
          const Seen seen = seen_by(line, j, plane, order, pulses);
          for (const int s : {0, 1}) {
            REQUIRE(got.direct[s][j] == seen.direct[s]);
            REQUIRE(got.rest[s][j] == seen.rest[s]);
          }
        }
      }
}

TEST_CASE("of trains a device sees the slots in which it is not pulsed", "[write_scheme]") {
  // slots one by one: lines and outputs that fire, and which device of a pair takes a coincidence
  const Index outputs = 6, lines = 40;
  const int slots = 25;
  const RandomKey key(12, Purpose::test);
  const auto fires = [&](std::uint32_t what, Index i, int t) {
    return key.uniform({.step = static_cast<std::uint32_t>(t), .sample = what}, static_cast<std::uint32_t>(i)) < 0.3f;
  };
  PulseTally tally(outputs, lines);
  Firings firings{Eigen::ArrayXd::Zero(lines), Eigen::ArrayXd::Zero(outputs), slots};
  Eigen::ArrayXXd alone[2] = {Eigen::ArrayXXd::Zero(outputs, lines), Eigen::ArrayXXd::Zero(outputs, lines)}, idle = alone[0];
  for (int t = 0; t < slots; ++t) {
    for (Index i = 0; i < lines; ++i) firings.lines[i] += fires(0, i, t) ? 1 : 0;
    for (Index j = 0; j < outputs; ++j) firings.outputs[j] += fires(1, j, t) ? 1 : 0;
    for (Index i = 0; i < lines; ++i)
      for (Index j = 0; j < outputs; ++j) {
        const bool line = fires(0, i, t), output = fires(1, j, t);
        const int plane = (i + j + t) % 2;
        if (line && output) {
          tally.add(plane, (i + t) % 3 == 0, j, i, 1);
          alone[1 - plane](j, i) += 1;  // its line fires, the column of the other device does
        } else if (line || output) {
          alone[0](j, i) += 1;
          alone[1](j, i) += 1;
        } else {
          idle(j, i) += 1;
        }
      }
  }
  tally.sum();
  HalfPulses got;
  for (Index i = 0; i < lines; ++i)
    for (const int plane : {0, 1}) {
      tally.half_pulses(i, plane, HalfOrder::beside, &firings, got);
      for (const int s : {0, 1}) {
        REQUIRE((2 * got.direct[s] == alone[plane].col(i)).all());
        REQUIRE((2 * got.rest[s] == idle.col(i)).all());
      }
    }
}

TEST_CASE("one step does what every half pulse does, one by one", "[write_scheme]") {
  const Index outputs = 4, lines = 34;
  const std::vector<Pulse> pulses = random_pulses(outputs, lines, 0.3, 2);
  const PulseTally tally = tallied(pulses, outputs, lines);
  for (DevicePreset device : device_of_every_law())
    for (const HalfSelect select : {HalfSelect::half, HalfSelect::third}) {
      device = stated(device, 0.12);
      device.cycle_sd = 0;
      INFO(device.name << (select == HalfSelect::half ? ", half" : ", third"));
      const PulseStrength strength(device, {.half_select = select});
      const QuantileData data = sample_table();
      Tile tile(device, 3, 0, outputs, lines, false, false);
      for (const int plane : {0, 1}) {
        DevicePlane& p = plane == 0 ? tile.plus : tile.minus;
        const Eigen::MatrixXf u = uniform(outputs, lines, 0.5f, static_cast<std::uint32_t>(7 + plane));
        p.g = (p.low.array() + (u.array() + 0.5f) * (p.high - p.low).array()).matrix();
        p.up(2, 3) = p.down(2, 3) = 0;  // stuck
      }
      const Tile before = tile;
      double joule = 0;
      for (Index b = 0; b < tile.blocks(); ++b)
        joule += disturb_block(tile, b, tally, HalfOrder::beside, nullptr, device, strength, 3, {.step = 1});

      double worst = 0, worst_at_bound = 0, most = 0, heat = 0;
      for (const int plane : {0, 1}) {
        const DevicePlane& was = plane == 0 ? before.plus : before.minus;
        const DevicePlane& is = plane == 0 ? tile.plus : tile.minus;
        for (Index line = 0; line < lines; ++line)
          for (Index j = 0; j < outputs; ++j) {
            double g = double{was.g(j, line)};
            const double low = double{was.low(j, line)}, high = double{was.high(j, line)};
            bool bounded = false;
            for (const Pulse& p : pulses) {
              if (p.line == line && p.column() == 2 * j + plane) continue;
              const bool near = p.line == line || p.column() == 2 * j + plane;
              const double volt = p.set ? device.set_volt : device.reset_volt;
              const double part = select == HalfSelect::half ? (near ? 0.5 : 0.0) : 1.0 / 3;
              heat += part * part * volt * volt * device.pulse_second * 0.5 * double{was.g(j, line) + is.g(j, line)};
              const bool toward_set = near ? p.set : !p.set;
              const double share = near ? strength.direct[toward_set] : strength.opposite[toward_set];
              const double factor = double{toward_set ? was.up(j, line) : was.down(j, line)};
              g = std::clamp(g + share * factor * oracle::mean_step(device.law, data, g, toward_set, low, high), low, high);
              bounded |= g <= low || g >= high;
            }
            double& off = bounded ? worst_at_bound : worst;
            off = std::max(off, std::abs(g - double{is.g(j, line)}));
            most = std::max(most, std::abs(g - double{was.g(j, line)}));
          }
        CHECK(is.g(2, 3) == was.g(2, 3));
        CHECK((is.pulses.array() == 0).all());
      }
      INFO("moved by " << most << " S at most, apart by " << worst << ", at a bound by " << worst_at_bound);
      // order of SET and RESET, a table's straight pieces, floats: 2 % of the largest move; a pulse that a bound cuts short does not come back
      CHECK(most > 0);
      CHECK(worst <= 0.02 * most + 1e-11);
      CHECK(worst_at_bound <= 0.25 * most + 1e-11);
      CHECK(joule == Approx(heat).epsilon(1e-6));
      CHECK(tile.line_sum[4] == Approx(double{tile.plus.g.col(4).sum() + tile.minus.g.col(4).sum()}).epsilon(1e-6));
    }
}

TEST_CASE("half pulses by the thousand end where up and down are alike, never beyond a bound", "[write_scheme]") {
  DevicePreset device = quiet(stated(preset("TaOx-180nm"), 0.5)).device;
  const PulseStrength strength(device, {.half_select = HalfSelect::half});
  Tile tile(device, 3, 0, 3, 33, false, false);
  PulseTally tally(3, 33);
  tally.add(0, true, 1, 5, 300000);
  tally.add(0, false, 1, 5, 100000);
  tally.sum();
  for (Index b = 0; b < tile.blocks(); ++b) disturb_block(tile, b, tally, HalfOrder::beside, nullptr, device, strength, 3, {});
  CHECK(double{tile.plus.g(0, 5)} == Approx(device.G_min + 0.75 * device.window()).epsilon(1e-4));  // its line
  CHECK(double{tile.minus.g(1, 5)} == Approx(device.G_min + 0.75 * device.window()).epsilon(1e-4));
  CHECK(double{tile.plus.g(1, 9)} == Approx(device.G_min + 0.75 * device.window()).epsilon(1e-4));  // its column
  CHECK(tile.minus.g(1, 9) == tile.minus.low(1, 9));                                                // the other device column of the pair
  CHECK(tile.plus.g(1, 5) == tile.plus.low(1, 5));                                                  // itself
}

TEST_CASE("noise of half pulses: its mean and sd over many devices, of every law", "[write_scheme]") {
  int seen = 0;
  for (DevicePreset device : device_of_every_law()) {
    device = stated(device, 0.1);
    device.step_spread = device.bound_spread = 0;
    INFO(device.name);
    const PulseStrength strength(device, {.half_select = HalfSelect::half});
    const Index outputs = 64, lines = 64;
    const float middle = static_cast<float>((device.G_min + device.G_max) / 2);
    const int ups = 40, downs = 15;
    Tile tile(device, 3, 0, outputs, lines, false, false), quiet_tile = tile;
    DevicePreset no_noise = device;
    no_noise.cycle_sd = 0;
    PulseTally tally(outputs, lines);
    for (Index line = 0; line < lines; ++line) {
      tally.add(1, true, 0, line, ups);
      tally.add(1, false, 0, line, downs);
    }
    tally.sum();
    for (Tile* t : {&tile, &quiet_tile}) {
      t->plus.g.setConstant(middle);
      for (Index b = 0; b < t->blocks(); ++b)
        disturb_block(*t, b, tally, HalfOrder::beside, nullptr, t == &tile ? device : no_noise, strength, 3, {.step = 4});
    }
    const Eigen::ArrayXXd off = (tile.plus.g - quiet_tile.plus.g).cast<double>().array();
    const double n = static_cast<double>(off.size()), mean = off.mean(), sd = std::sqrt((off - mean).square().sum() / (n - 1));
    const double up = device.step_sd(middle, true), down = device.step_sd(middle, false);
    const double expected = std::sqrt(ups * std::pow(strength.direct[1] * up, 2) + downs * std::pow(strength.direct[0] * down, 2));
    if (expected < 1e-10) continue;  // strachan at half its voltage: below what floats tell apart
    ++seen;
    CHECK(std::abs(mean) <= 4 * expected / std::sqrt(n));
    CHECK(std::abs(sd / expected - 1) <= 4 / std::sqrt(2 * n) + 0.01);
  }
  CHECK(seen >= 6);
}
