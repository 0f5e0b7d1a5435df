// Noise of programming, draw by draw: cycle to cycle, write noise, verify reads, written values of a verify_only device, faults.
// False alarms: a Kolmogorov-Smirnov test 1e-6, a bound of five sd 6e-7 (two-sided). Read noise of a product is in read.cpp.
#include <cmath>

#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"
#include "tests/oracle/kolmogorov_smirnov.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

constexpr int kSide = 100;  // arrays are kSide x kSide pairs

double mean_product(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum / static_cast<double>(a.size());
}

/// Mean 0 and sd 1 within five sd of their estimates, normal by Kolmogorov-Smirnov; the test would see an sd that is wrong by a quarter.
void check_standard_normal(const std::vector<double>& z) {
  REQUIRE(z.size() >= 10000);
  const auto n = static_cast<double>(z.size());
  const double limit = oracle::kolmogorov_smirnov_limit(1e-6);
  CHECK(std::abs(mean_product(z, std::vector<double>(z.size(), 1.0))) < 5 / std::sqrt(n));
  CHECK(std::abs(std::sqrt(mean_product(z, z)) - 1) < 5 / std::sqrt(2 * n));
  CHECK(oracle::kolmogorov_smirnov(z, oracle::normal_cdf) < limit);
  CHECK(oracle::kolmogorov_smirnov(z, [](double x) { return oracle::normal_cdf(x / 1.25); }) > limit);
  CHECK(oracle::kolmogorov_smirnov(z, [](double x) { return oracle::normal_cdf(x * 1.25); }) > limit);
}

/// Two lists of standard normal draws do not go together: five sd.
void check_uncorrelated(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  CHECK(std::abs(mean_product(a, b)) < 5 / std::sqrt(static_cast<double>(a.size())));
}

/// What one update did to the one device of each pair that it pulsed.
struct Pulsed {
  std::vector<double> before, after;  // [S] moved conductance
  std::vector<double> error;          // [S] apparent conductance less moved
};

Pulsed update_once(Array& array, float wish, std::uint32_t step, Run& run) {
  Tile& tile = array.tiles()[0];
  const Tile was = tile;
  array.update(Eigen::MatrixXf::Constant(kSide, kSide, wish), {.step = step}, run);
  Pulsed out;
  for (Eigen::Index i = 0; i < tile.plus.g.size(); ++i)
    for (const auto& [from, to] : {std::pair{&was.plus, &tile.plus}, {&was.minus, &tile.minus}}) {
      if (from->pulses(i) == to->pulses(i)) {
        REQUIRE(from->g(i) == to->g(i));
        continue;
      }
      const bool noisy = to->hidden.size() > 0;
      const double moved = noisy ? to->hidden(i) : to->g(i);
      out.before.push_back(noisy ? from->hidden(i) : from->g(i));
      out.after.push_back(moved);
      out.error.push_back(double{to->g(i)} - moved);
    }
  REQUIRE(out.before.size() == kSide * kSide);
  return out;
}

}  // namespace

TEST_CASE("cycle-to-cycle noise of a pulse is normal with mean 0 and sd cycle_sd of the law's step, in both directions, fresh each time", "[long]") {
  for (const DevicePreset& d : device_of_normal_noise())
    for (const double sd : {0.05, 0.3}) {
      CAPTURE(d.name, sd);
      ArrayOptions o = quiet(d);
      o.device.cycle_sd = sd;
      o.plan.mode = PulseMode::sign;
      o.plan.pair = PairRule::alternate;
      o.weight_max = 1;
      Run run{.seed = 21};
      Array array(o, 0, Eigen::MatrixXf::Zero(kSide, kSide), run);
      std::vector<double> first;
      std::size_t set = 0, pulses = 0;
      for (std::uint32_t step = 1; step <= 2; ++step) {
        const Pulsed p = update_once(array, 1, step, run);
        std::vector<double> xi;
        for (std::size_t i = 0; i < p.before.size(); ++i) {
          const bool up = p.after[i] > p.before[i];  // a turn back needs a draw beyond three sd: there the direction is the other one
          const double change = p.after[i] - p.before[i];
          const auto law_step = [&](bool is_set) {
            return std::visit(
                [&](const auto& law) {
                  return double{
                      law.mean_step(static_cast<float>(p.before[i]), is_set, static_cast<float>(d.G_min), static_cast<float>(d.G_max))};
                },
                d.law);
          };
          xi.push_back((change / law_step(up) - 1) / sd);
          set += up ? 1 : 0;
          ++pulses;
        }
        check_standard_normal(xi);
        if (step == 1)
          first = xi;
        else
          check_uncorrelated(first, xi);
      }
      CHECK(set > pulses / 10);
      CHECK(set < pulses - pulses / 10);
    }
}

TEST_CASE("the pulses of one update draw their cycle noise one by one") {
  ArrayOptions o = quiet();
  o.device.law = LinearStep{.step_up = 0.5e-6f, .step_down = 0.5e-6f};  // constant step: four pulses add up
  o.device.cycle_sd = 0.2;
  o.plan.mode = PulseMode::count;
  o.weight_max = 1;
  Run run{.seed = 22};
  Array array(o, 0, Eigen::MatrixXf::Zero(kSide, kSide), run);
  const Pulsed p = update_once(array, 4 * static_cast<float>(array.weight_step()), 1, run);
  std::vector<double> z;
  for (std::size_t i = 0; i < p.before.size(); ++i) z.push_back((std::abs(p.after[i] - p.before[i]) / 0.5e-6 - 4) / (0.2 * 2));
  check_standard_normal(z);
}

TEST_CASE("write noise is normal with mean 0 and sd write_noise nominal steps, redrawn at each write, apart from cycle noise", "[long]") {
  for (const DevicePreset& device : device_of_normal_noise())
    for (const double noise : {0.5, 2.0}) {
      CAPTURE(device.name, noise);
      ArrayOptions o = quiet(device);
      o.device.write_noise = noise;
      o.device.cycle_sd = 0.1;
      o.plan.mode = PulseMode::sign;
      o.weight_max = 1;
      Run run{.seed = 23};
      Array array(o, 0, Eigen::MatrixXf::Zero(kSide, kSide), run);
      const double sd = noise * o.device.nominal_step();
      std::vector<double> first;
      for (std::uint32_t step = 1; step <= 2; ++step) {
        const Pulsed p = update_once(array, 1, step, run);
        std::vector<double> z, cycle;
        for (std::size_t i = 0; i < p.error.size(); ++i) {
          z.push_back(p.error[i] / sd);
          const bool up = p.after[i] > p.before[i];
          const double mean = std::visit(
              [&](const auto& law) {
                return double{law.mean_step(static_cast<float>(p.before[i]), up, static_cast<float>(o.device.G_min),
                                            static_cast<float>(o.device.G_max))};
              },
              o.device.law);
          cycle.push_back(((p.after[i] - p.before[i]) / mean - 1) / 0.1);
        }
        check_standard_normal(z);
        check_uncorrelated(z, cycle);
        if (step == 1)
          first = z;
        else
          check_uncorrelated(first, z);
      }
    }
}

TEST_CASE("a verify read is normal about the conductance with the sd of the read noise") {
  // the first pulse is a SET where the value read lies below the goal: bisecting each device's goal at one place finds what was read
  for (const ReadNoise noise :
       {ReadNoise{.white = 0.005}, ReadNoise{.proportional = 0.02}, ReadNoise{.white = 0.003, .proportional = 0.01}})
    for (const float g : {40e-6f, 110e-6f}) {
      CAPTURE(noise.white, noise.proportional, g);
      ArrayOptions o = quiet();
      o.read_noise = noise;
      o.weight_max = 1;
      Run run{.seed = 24};
      Array array(o, 0, Eigen::MatrixXf::Zero(kSide, kSide), run);
      DevicePlane& plane = array.tiles()[0].plus;
      const double sd = std::hypot(noise.white * o.device.window(), noise.proportional * double{g});
      const double middle = (o.device.G_min + o.device.G_max) / 2;
      std::vector<double> draws[2];
      for (std::uint32_t step = 0; step < 2; ++step) {
        Eigen::ArrayXXd low = Eigen::ArrayXXd::Constant(kSide, kSide, -6), high = -low;
        for (int k = 0; k < 16; ++k) {
          const Eigen::ArrayXXd z = (low + high) / 2;
          const Eigen::MatrixXf target = (2 * (double{g} + sd * z - middle) / array.siemens_per_weight()).cast<float>().matrix();
          plane.g.setConstant(g);
          array.write_verify(target, {.tolerance = 1e-12, .max_pulses = 1}, kPhaseInitialWrite, {.step = 1 + step}, run);
          const auto raised = (plane.g.array() > g).eval();
          high = raised.select(z, high);
          low = raised.select(low, z);
        }
        draws[step].assign(low.data(), low.data() + low.size());
        check_standard_normal(draws[step]);
      }
      check_uncorrelated(draws[0], draws[1]);
    }
}

TEST_CASE("a verify_only device is written with the mean it was asked for and the sd of its polynomial, normal") {
  ArrayOptions o = quiet(preset("HfOx-NeuRRAM"));
  o.weight_max = 1;
  for (const double uS : {12.0, 19.65, 27.0}) {
    CAPTURE(uS);
    const double sd = 1.053 + 0.2374 * uS - 0.01167 * uS * uS + 1.536e-4 * uS * uS * uS;  // [uS] 10.1038/s41586-022-04992-8
    Run run{.seed = 25};
    const auto weight = static_cast<float>(2 * (uS - 19.65) / 39.3);
    const Array array(o, 0, Eigen::MatrixXf::Constant(kSide, kSide, weight), run);
    std::vector<double> plus, minus;
    const double mirror = 39.3 - uS;
    const double mirror_sd = 1.053 + 0.2374 * mirror - 0.01167 * mirror * mirror + 1.536e-4 * mirror * mirror * mirror;
    for (Eigen::Index i = 0; i < kSide * kSide; ++i) {
      plus.push_back((1e6 * double{array.tiles()[0].plus.g(i)} - uS) / sd);
      minus.push_back((1e6 * double{array.tiles()[0].minus.g(i)} - mirror) / mirror_sd);
    }
    check_standard_normal(plus);
    check_standard_normal(minus);
    check_uncorrelated(plus, minus);
  }
}

TEST_CASE("stuck devices: their fractions are binomial about the stated ones, both devices of a pair independently") {
  for (const auto& [low, high] : {std::pair{0.0, 0.0}, {0.002, 0.0}, {0.0, 0.05}, {0.1, 0.2}}) {
    CAPTURE(low, high);
    DevicePreset d = quiet().device;
    d.stuck_low = low;
    d.stuck_high = high;
    const int n = 200 * 200;
    const Tile tile(d, 26, 0, 200, 200, false, false);
    const auto near = [](double count, double trials, double p) {
      CHECK(std::abs(count - trials * p) <= 5 * std::sqrt(trials * p * (1 - p)));
    };
    int at_low = 0, at_high = 0, both = 0;
    for (Eigen::Index i = 0; i < n; ++i) {
      int stuck = 0;
      for (const auto* plane : {&tile.plus, &tile.minus}) {
        if (plane->up(i) != 0) continue;
        CHECK(plane->down(i) == 0);
        ++stuck;
        at_low += plane->g(i) == plane->low(i) ? 1 : 0;
        at_high += plane->g(i) == plane->high(i) ? 1 : 0;
      }
      both += stuck == 2 ? 1 : 0;
    }
    near(at_low, 2.0 * n, low);
    near(at_high, 2.0 * n, high);
    near(both, n, (low + high) * (low + high));
  }
}
