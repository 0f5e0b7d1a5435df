// Noise of half-selected cells: many half pulses in one step against every half pulse with a draw of its own; hidden and apparent
// conductances of devices with write noise.
#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/catch.h"
#include "tests/crossbar/write_samples.h"
#include "tests/oracle/device_laws.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

constexpr Index kOutputs = 3072, kLines = 4;
constexpr auto kDevices = static_cast<double>(kOutputs * kLines);
constexpr double kErrors = 4;  // standard errors that two estimates may be apart
constexpr double kHalfStep = 0.05;
constexpr float kUp = 1.2f, kDown = 0.8f;  // factors of the devices' own

/// Every law whose steps are numbers, with noise of all three kinds where the law has them; what is drawn once per device is left out.
std::vector<DevicePreset> noisy_devices() {
  std::vector<DevicePreset> out;
  for (DevicePreset device : device_of_every_law()) {
    if (device.law_integrates()) continue;
    device.half_step = kHalfStep;
    device.step_spread = device.bound_spread = 0;
    device.cycle_sd = 0.6;
    if (device.name != "table") {
      device.cycle_floor = 1e-3;
      device.cycle_slope = 2e-3;
    }
    out.push_back(device);
  }
  return out;
}

/// So many SET and RESET pulses on one device column, G- of the first output, alike on every line: all G+ see the same half pulses.
std::vector<Pulse> pulses_on_a_column(int ups, int downs) {
  std::vector<Pulse> out;
  for (Index line = 0; line < kLines; ++line)
    for (int p = 0; p < ups + downs; ++p) out.push_back({line, 0, 1, p < ups});
  return out;
}

/// One half pulse after the other on one device, from the law's equation and in double.
class PlainHalves {
 public:
  explicit PlainHalves(const DevicePreset& device) : device_(device), table_(sample_table()) {
    for (const bool set : {false, true})
      for (int i = 0; i <= kCells; ++i)
        mean_[set].push_back(
            oracle::mean_step(device.law, table_, device.G_min + device.window() * i / kCells, set, device.G_min, device.G_max));
  }
  bool uniform() const { return std::holds_alternative<QuantileTable>(device_.law); }
  /// [S] after a pulse of `volt` towards `set`; draw: normal, of a quantile_table uniform.
  double after(double g, bool set, double volt, double draw) const {
    const double x = (g - device_.G_min) / device_.window(), place = x * kCells;
    const auto i = static_cast<std::size_t>(std::clamp(place, 0.0, kCells - 1.0));
    const double mean = mean_[set][i] + (place - static_cast<double>(i)) * (mean_[set][i + 1] - mean_[set][i]);
    const double sd =
        device_.cycle_sd * std::abs(mean) + device_.cycle_floor * device_.window() + device_.cycle_slope * (g - device_.G_min);
    const double off = uniform() ? device_.cycle_sd * (oracle::table_step(table_, set, x, draw) - mean) : sd * draw;
    return std::clamp(g + share(std::abs(volt / (set ? device_.set_volt : device_.reset_volt))) * double{set ? kUp : kDown} * (mean + off),
                      device_.G_min, device_.G_max);
  }

 private:
  static constexpr int kCells = 512;  // a multiple of the rows of the sample table, between which means are straight
  static double share(double f) {
    const double k = 2 * std::acosh(1 / (2 * kHalfStep));
    return std::sinh(k * f) / std::sinh(k);
  }
  DevicePreset device_;
  QuantileData table_;
  std::vector<double> mean_[2];
};

/// [S] where these pulses leave the devices of G+, each by half pulses and draws of its own.
Eigen::ArrayXd one_by_one(const DevicePreset& device, HalfSelect select, const std::vector<Pulse>& pulses, const Eigen::ArrayXd& start) {
  const PlainHalves plain(device);
  const RandomKey key(31, Purpose::test);
  const auto n = static_cast<std::size_t>(start.size());
  std::vector<float> draw(n);
  Eigen::ArrayXd g = start;
  const std::size_t stride = 37;  // no divisor of the number of pulses: SET and RESET, near and far by turns
  REQUIRE(pulses.size() % stride != 0);
  for (std::size_t p = 0; p < pulses.size(); ++p) {
    const Pulse& pulse = pulses[p * stride % pulses.size()];
    const bool near = pulse.line == 0;  // as the devices of line 0 see it
    if (!near && select == HalfSelect::half) continue;
    const bool toward = near ? pulse.set : !pulse.set;
    const double volt = (pulse.set ? device.set_volt : device.reset_volt) / (select == HalfSelect::half ? 2 : 3);
    const Place place{.step = static_cast<std::uint32_t>(p)};
    plain.uniform() ? key.fill_uniform(place, 0, draw.data(), n) : key.fill_normal(place, 0, draw.data(), n);
    for (std::size_t i = 0; i < n; ++i) {
      double& at = g[static_cast<Index>(i)];
      at = plain.after(at, toward, volt, double{draw[i]});
    }
  }
  return g;
}

struct Moments {
  double mean, variance;
};
Moments moments(const Eigen::ArrayXd& x) { return {x.mean(), (x - x.mean()).square().sum() / static_cast<double>(x.size() - 1)}; }

/// Two samples of kDevices of what ought to be one distribution, near a normal one. Beside the errors of both: 2 % of the mean, for the order of
/// SET and RESET; 2 % of the variance, since one step takes the sd where the devices start, and most laws pull them together by 1 %.
void check_alike(const Eigen::ArrayXd& a, const Eigen::ArrayXd& b) {
  const Moments x = moments(a), y = moments(b);
  INFO("means " << x.mean << ", " << y.mean << ", sds " << std::sqrt(x.variance) << ", " << std::sqrt(y.variance));
  CHECK(std::abs(x.mean - y.mean) <= kErrors * std::sqrt((x.variance + y.variance) / kDevices) + 0.02 * std::abs(y.mean));
  CHECK(std::abs(x.variance / y.variance - 1) <= kErrors * 2 / std::sqrt(kDevices) + 0.02);
}

Eigen::ArrayXd flat(const Eigen::MatrixXf& m) { return m.reshaped().cast<double>().array(); }

/// What `pulses` do to the other cells of a tile; joules [J].
double disturb(Tile& tile, const std::vector<Pulse>& pulses, const DevicePreset& device, HalfSelect select, std::uint32_t step) {
  const PulseTally tally = tallied(pulses, tile.outputs(), tile.lines());
  const PulseStrength strength(device, {.half_select = select});
  double joule = 0;
  for (Index b = 0; b < tile.blocks(); ++b)
    joule += disturb_block(tile, b, tally, HalfOrder::beside, nullptr, device, strength, 3, {.step = step});
  return joule;
}

/// Sample correlation of what is drawn apart: normal about 0 with sd 1 / sqrt(n).
double correlation(const Eigen::ArrayXd& a, const Eigen::ArrayXd& b) {
  const Eigen::ArrayXd x = a - a.mean(), y = b - b.mean();
  return (x * y).sum() / std::sqrt(x.square().sum() * y.square().sum());
}

}  // namespace

TEST_CASE("noise of many half pulses of both signs in one step is that of every half pulse with a draw of its own",
          "[write_scheme][long]") {
  const std::vector<Pulse> pulses = pulses_on_a_column(20, 8);
  for (const DevicePreset& device : noisy_devices())
    for (const HalfSelect select : {HalfSelect::half, HalfSelect::third}) {
      INFO(device.name << (select == HalfSelect::half ? ", half" : ", third"));
      Tile tile(device, 3, 0, kOutputs, kLines, false, false);
      tile.plus.g.setConstant(static_cast<float>(device.G_min + 0.35 * device.window()));
      tile.plus.up.setConstant(kUp);
      tile.plus.down.setConstant(kDown);
      const Eigen::ArrayXd start = flat(tile.plus.g);
      disturb(tile, pulses, device, select, 4);
      check_alike(flat(tile.plus.g) - start, one_by_one(device, select, pulses, start) - start);
    }
}

TEST_CASE("write noise stays what the last write drew while half pulses move the device below it", "[write_scheme][long]") {
  const std::vector<Pulse> pulses = pulses_on_a_column(20, 8);
  for (DevicePreset device : noisy_devices()) {
    INFO(device.name);
    device.write_noise = 1.5;
    Tile tile(device, 3, 0, kOutputs, kLines, false, false);
    tile.plus.up.setConstant(kUp);
    tile.plus.down.setConstant(kDown);
    const double low = device.G_min, high = device.G_max;
    tile.plus.g.setConstant(static_cast<float>(low + 0.35 * (high - low)));
    tile.minus.g = tile.plus.g;
    tile.plus.hidden = tile.minus.hidden = tile.plus.g;
    // every pair lies below the middle: a pulse up is a SET of G+, which draws write noise
    PulseTotals totals;
    update_block(tile, 0, Eigen::MatrixXf::Ones(kOutputs, kLines), device, {.mode = PulseMode::sign}, 1, 3, {.step = 1}, totals);
    REQUIRE(totals.set == kOutputs * kLines);
    const Eigen::ArrayXd hidden = flat(tile.plus.hidden), seen = flat(tile.plus.g), drawn = seen - hidden;
    disturb(tile, pulses, device, HalfSelect::third, 1);  // of the same update
    const Eigen::ArrayXd moved = flat(tile.plus.hidden) - hidden, still = flat(tile.plus.g) - flat(tile.plus.hidden);
    check_alike(moved, one_by_one(device, HalfSelect::third, pulses, hidden) - hidden);
    // two last places of a float at the upper end of the window
    CHECK((still - drawn).abs().maxCoeff() <= 2 * 150e-6 * 1.2e-7);
    const Moments noise = moments(still);
    const double sd = 1.5 * device.nominal_step();
    CHECK(std::abs(noise.mean) <= kErrors * sd / std::sqrt(kDevices));
    CHECK(std::abs(std::sqrt(noise.variance) / sd - 1) <= kErrors / std::sqrt(2 * kDevices));
    CHECK(std::abs(correlation(drawn, moved)) <= kErrors / std::sqrt(kDevices));
    // nor with the pulse's own draw, beside what a law does from where that has left the device: a tenth at most
    CHECK(std::abs(correlation(hidden, moved)) <= kErrors / std::sqrt(kDevices) + 0.1);
    CHECK((tile.plus.pulses.array() == 1).all());
  }
}

TEST_CASE("half pulses move hidden conductances as if there were no write noise, and apparent ones as far, to the bounds",
          "[write_scheme]") {
  const Index outputs = 37, lines = 41;
  const std::vector<Pulse> pulses = random_pulses(outputs, lines, 0.3, 5);
  for (const DevicePreset& law : device_of_every_law())
    for (const HalfSelect select : {HalfSelect::half, HalfSelect::third}) {
      INFO(law.name << (select == HalfSelect::half ? ", half" : ", third"));
      DevicePreset device = stated(law, kHalfStep);
      Tile plain(device, 3, 0, outputs, lines, false, false);
      device.write_noise = 3;
      Tile tile(device, 3, 0, outputs, lines, false, false);
      const auto sd = static_cast<float>(3 * device.nominal_step());
      for (const int plane : {0, 1}) {
        DevicePlane &one = plane == 0 ? plain.plus : plain.minus, &two = plane == 0 ? tile.plus : tile.minus;
        const Eigen::ArrayXXf place = uniform(outputs, lines, 0.5f, static_cast<std::uint32_t>(7 + plane)).array() + 0.5f;
        one.up(2, 3) = one.down(2, 3) = two.up(2, 3) = two.down(2, 3) = 0;  // stuck
        one.g = one.low.array() + place * (one.high - one.low).array();
        two.hidden = one.g;
        const Eigen::ArrayXXf noise = uniform(outputs, lines, 2 * sd, static_cast<std::uint32_t>(9 + plane)).array();
        two.g = (two.hidden.array() + noise).max(two.low.array()).min(two.high.array());
      }
      const Tile before = tile;
      const double joule = disturb(plain, pulses, device, select, 1), joule_beside = disturb(tile, pulses, device, select, 1);
      CHECK(joule_beside == joule);
      Index bounded = 0;
      for (const int plane : {0, 1}) {
        const DevicePlane &was = plane == 0 ? before.plus : before.minus, &is = plane == 0 ? tile.plus : tile.minus;
        const bool alike = is.hidden == (plane == 0 ? plain.plus : plain.minus).g;
        CHECK(alike);
        CHECK(is.hidden(2, 3) == was.hidden(2, 3));
        CHECK(is.g(2, 3) == was.g(2, 3));
        // strachan at a third of its voltage: below what floats tell apart
        if (!device.law_integrates()) CHECK((is.hidden.array() != was.hidden.array()).count() > is.hidden.size() / 2);
        const Eigen::ArrayXXd low = was.low.cast<double>().array(), high = was.high.cast<double>().array();
        const Eigen::ArrayXXd as_far = (was.g.cast<double>() + is.hidden.cast<double>() - was.hidden.cast<double>()).array();
        const Eigen::ArrayXXd off = (is.g.cast<double>().array() - as_far.max(low).min(high)).abs();
        CHECK(off.maxCoeff() <= 2 * 150e-6 * 1.2e-7);
        bounded += (as_far < low || as_far > high).count();
        CHECK((is.pulses.array() == 0).all());
      }
      if (device.name == "linear") CHECK(bounded > 10);
      // what reads use follows the apparent ones
      CHECK((tile.difference - (tile.plus.g - tile.minus.g)).isZero(0));
    }
}

TEST_CASE("a pulse draws write noise for its own device of an array, and for none that it half-selects", "[write_scheme]") {
  for (const HalfSelect select : {HalfSelect::half, HalfSelect::third}) {
    ArrayOptions options = with_scheme(select, 0.3);
    options.device.write_noise = 2;
    options.plan.mode = PulseMode::count;
    options.weight_max = 1;
    Run run{.seed = 3, .threads = 2};
    Array array(options, 0, uniform(9, 40, 0.3f, 1), run);
    const Tile before = array.tiles()[0];
    Eigen::MatrixXf wanted = Eigen::MatrixXf::Zero(9, 40);
    wanted(4, 35) = static_cast<float>(array.weight_step());
    array.update(wanted, {.step = 1}, run);
    REQUIRE(array.update_totals().pulses == 1);
    const Tile& after = array.tiles()[0];
    Index moved = 0, redrawn = 0;
    for (const int plane : {0, 1}) {
      const DevicePlane &was = plane == 0 ? before.plus : before.minus, &is = plane == 0 ? after.plus : after.minus;
      const auto offset = [](const DevicePlane& p) { return (p.g.cast<double>() - p.hidden.cast<double>()).array().eval(); };
      redrawn += ((offset(is) - offset(was)).abs() > 2 * 150e-6 * 1.2e-7).count();
      moved += (is.hidden.array() != was.hidden.array()).count();
      if (is.pulses(4, 35) == was.pulses(4, 35)) continue;
      // by its name: the numbers of a line of 9 outputs start at multiples of 12
      const float draw = RandomKey(3, Purpose::write_noise, 0).normal({.step = 1, .phase = kPhaseUpdate}, 35 * 12 + 4);
      CHECK(offset(is)(4, 35) == Approx(2 * options.device.nominal_step() * double{draw}).margin(2 * 150e-6 * 1.2e-7));
    }
    CHECK(redrawn == 1);
    // half: the other cells of a line of 18 devices and of a column of 40, and the device itself
    CHECK(moved == (select == HalfSelect::half ? 18 + 40 - 1 : 2 * 9 * 40));
  }
}
