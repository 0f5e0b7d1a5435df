// Device-to-device spread and faults: drawn once, named by seed and tile, with the stated size.
#include <cmath>

#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"
#include "tests/oracle/kolmogorov_smirnov.h"

using namespace eqprop;

namespace {

std::vector<double> scaled(const Eigen::MatrixXf& m, double mean, double sd) {
  std::vector<double> z;
  for (Eigen::Index i = 0; i < m.size(); ++i) z.push_back((m(i) / mean - 1) / sd);
  return z;
}

}  // namespace

TEST_CASE("factors and bounds of devices are normal with the preset's spread; planes, tiles and seeds differ") {
  const DevicePreset d = preset("TaOx-180nm");
  const Tile tile(d, 1, 3, 100, 100, false, false);
  // two-sided false alarm 1e-6 per test; the cut at three sigma moves the bounds' distribution by .0013 < .0269 = limit / 100
  const double limit = oracle::kolmogorov_smirnov_limit(1e-6);
  CHECK(oracle::kolmogorov_smirnov(scaled(tile.plus.up, 1, d.step_spread), oracle::normal_cdf) < limit);
  CHECK(oracle::kolmogorov_smirnov(scaled(tile.minus.up, 1, d.step_spread), oracle::normal_cdf) < limit);
  CHECK(oracle::kolmogorov_smirnov(scaled(tile.plus.low, d.G_min, d.bound_spread), oracle::normal_cdf) < limit);
  CHECK(oracle::kolmogorov_smirnov(scaled(tile.plus.high, d.G_max, d.bound_spread), oracle::normal_cdf) < limit);
  CHECK(oracle::kolmogorov_smirnov(scaled(tile.plus.high, d.G_max, 1.2 * d.bound_spread), oracle::normal_cdf) > limit);
  CHECK(tile.plus.up == tile.plus.down);
  CHECK(tile.plus.up != tile.minus.up);
  CHECK(tile.plus.up != Tile(d, 1, 4, 100, 100, false, false).plus.up);
  CHECK(tile.plus.up != Tile(d, 2, 3, 100, 100, false, false).plus.up);
  CHECK(tile.plus.up == Tile(d, 1, 3, 100, 100, false, false).plus.up);
  CHECK((tile.plus.low.array() > 0).all());
}

TEST_CASE("asymmetry per device is uniform, up and down mirrored") {
  DevicePreset d = preset("TaOx-180nm");
  d.step_spread = 0;
  d.asymmetry_spread = 0.5;
  const Tile tile(d, 1, 0, 100, 100, false, false);
  const Eigen::MatrixXf tilt = (tile.plus.up.array() - 1).matrix();
  CHECK(((tile.plus.up + tile.plus.down).array() - 2).abs().maxCoeff() < 1e-6f);
  std::vector<double> u;
  for (Eigen::Index i = 0; i < tilt.size(); ++i) u.push_back(tilt(i));
  CHECK(oracle::kolmogorov_smirnov(u, [](double x) { return x + 0.5; }) < oracle::kolmogorov_smirnov_limit(1e-6));
}

TEST_CASE("stuck devices keep their rail whatever is done to them") {
  ArrayOptions o;
  o.device.stuck_low = 0.03;
  o.device.stuck_high = 0.02;
  o.device.write_noise = 1;
  o.weight_max = 1;
  Run run{.seed = 9};
  Array array(o, 0, Eigen::MatrixXf::Zero(100, 100), run);
  for (std::uint32_t s = 0; s < 20; ++s) array.update(testing::uniform(100, 100, 0.2f, s), {.step = s}, run);
  int low = 0, high = 0;
  for (const auto* plane : {&array.tiles()[0].plus, &array.tiles()[0].minus})
    for (Eigen::Index i = 0; i < plane->g.size(); ++i) {
      if (plane->up(i) > 0) continue;
      low += plane->g(i) == plane->low(i);
      high += plane->g(i) == plane->high(i);
    }
  // binomial of 20000 devices, five sd
  CHECK(std::abs(low - 600) < 5 * std::sqrt(600.0));
  CHECK(std::abs(high - 400) < 5 * std::sqrt(400.0));
  CHECK(array.initial_write().stuck >= low + high);
}
