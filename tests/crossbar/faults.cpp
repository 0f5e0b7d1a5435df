// Faults of devices: drawn, known from a map, worn out; and spare columns.
#include "crossbar/faults.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

const float kOk = std::numeric_limits<float>::quiet_NaN();

Tile tile_with(const FaultOptions& faults, FaultReport& report, const FaultMap& map = {}, Eigen::Index outputs = 60,
               Eigen::Index lines = 80, const DevicePreset& device = preset("TaOx-180nm")) {
  return make_tile(device, 5, 9, outputs, lines, false, false, faults, map, report);
}

}  // namespace

TEST_CASE("a tile without faults has the bits of one that knows of none", "[faults]") {
  FaultReport report;
  const Tile tile = tile_with({}, report), plain(preset("TaOx-180nm"), 5, 9, 60, 80, false, false);
  CHECK(tile.plus.g == plain.plus.g);
  CHECK(tile.minus.up == plain.minus.up);
  CHECK(tile.difference == plain.difference);
  CHECK(report.devices == 2 * 60 * 80);
}

TEST_CASE("shares of faults are as stated", "[faults]") {
  FaultReport report;
  const double n = 2 * 100 * 100;
  tile_with({.yield = 0.9}, report, {}, 100, 100);
  CHECK(std::abs(static_cast<double>(report.faulty) - 0.1 * n) < 5 * std::sqrt(n * 0.1 * 0.9));
  report = {};
  const Tile lines = tile_with({.dead_lines = 0.2}, report, {}, 100, 100);
  CHECK(report.faulty % 200 == 0);
  CHECK(std::abs(static_cast<double>(report.faulty) / 200 - 20) < 5 * std::sqrt(100 * 0.2 * 0.8));
  for (Eigen::Index line = 0; line < 100; ++line) CHECK((lines.line_sum[line] == 0) == (lines.plus.up.col(line).isZero()));
  report = {};
  const Tile columns = tile_with({.dead_columns = 0.2}, report, {}, 100, 100);
  CHECK(report.faulty % 100 == 0);
  CHECK(std::abs(static_cast<double>(report.faulty) / 100 - 40) < 5 * std::sqrt(200 * 0.2 * 0.8));
}

TEST_CASE("a map's devices are stuck where it says, and pulses leave them there", "[faults][threads]") {
  ArrayOptions options = quiet();
  options.plan.mode = PulseMode::count;
  options.max_rows = 3;  // the map is cut with the tiles
  options.max_cols = 2;
  options.fault_map = FaultMap::Constant(7, 10, kOk);
  options.fault_map(2, 0) = 30e-6f;
  options.fault_map(6, 9) = kStuckHigh;
  options.fault_map(0, 5) = 0;
  Run run{.seed = 3, .threads = 2};
  Array array(options, 0, uniform(5, 7, 0.5f, 1), run);
  CHECK(array.faults().faulty == 3);
  // conductances of the devices that no pulse moves, of G+ and of G-
  const auto stuck = [&](bool plus) {
    std::vector<float> out;
    for (const Tile& tile : array.tiles()) {
      const DevicePlane& plane = plus ? tile.plus : tile.minus;
      for (Eigen::Index i = 0; i < plane.up.size(); ++i)
        if (plane.up(i) == 0) out.push_back(plane.g(i));
    }
    std::sort(out.begin(), out.end());
    return out;
  };
  for (std::uint32_t step = 0; step < 5; ++step)
    array.update(Eigen::MatrixXf::Constant(5, 7, (step % 2 == 0 ? 1.0f : -1.0f) * 3 * static_cast<float>(array.weight_step())),
                 {.step = step}, run);
  CHECK(stuck(true) == std::vector{30e-6f});
  CHECK(stuck(false) == std::vector{0.0f, static_cast<float>(options.device.G_max)});
  options.fault_map = FaultMap::Constant(6, 10, kOk);
  CHECK_THROWS_AS(Array(options, 0, uniform(5, 7, 0.5f, 1), run), InputError);
}

TEST_CASE("spare columns take the place of the worst", "[faults]") {
  FaultReport without, with;
  tile_with({.dead_columns = 0.1}, without);
  tile_with({.dead_columns = 0.1, .spare_columns = 20}, with);
  CHECK(without.faulty > 0);
  CHECK(with.repaired > 0);
  CHECK(with.faulty < without.faulty / 2);
  // nothing to repair: nothing replaced
  FaultReport none;
  tile_with({.spare_columns = 5}, none);
  CHECK(none.repaired == 0);
  // a column that a map condemns is replaced whole
  FaultMap map = FaultMap::Constant(80, 120, kOk);
  map.middleCols(2 * 17, 2).setConstant(kStuckLow);
  FaultReport mapped;
  const Tile tile = tile_with({.spare_columns = 1}, mapped, map);
  CHECK(mapped.repaired == 1);
  CHECK(mapped.faulty == 0);
  CHECK((tile.plus.up.array() > 0).all());
}

TEST_CASE("devices that have had their rated pulses stay where they are, after a checkpoint too", "[faults][threads]") {
  ArrayOptions options = quiet();
  options.plan.mode = PulseMode::sign;
  options.wear_out = true;
  options.device.endurance_min = 100;
  options.device.endurance_max = 200;
  Run run{.seed = 3, .threads = 2};
  Array array(options, 0, uniform(20, 31, 0.01f, 1), run);
  const auto pulse = [&](Array& a, std::uint32_t step) {
    a.update(Eigen::MatrixXf::Constant(20, 31, step % 2 == 0 ? 1.0f : -1.0f), {.step = step}, run);
  };
  std::uint32_t step = 0;
  std::int64_t before = 0;
  for (; array.faults().faulty < 300; ++step) {
    REQUIRE(step < 2000);
    pulse(array, step);
    CHECK(array.faults().faulty >= before);
    before = array.faults().faulty;
  }
  Array again(options, 0, uniform(20, 31, 0.01f, 1), run);
  const auto saved = bytes_of(array);
  ByteReader in(saved, "saved");
  again.restore(in);
  CHECK(again.faults().faulty == array.faults().faulty);
  pulse(array, step);
  pulse(again, step);
  CHECK(bytes_of(array) == bytes_of(again));
  options.device.endurance_min = 0;
  CHECK_THROWS_AS(options.validate(), InputError);
  options.device.endurance_min = 300;
  CHECK_THROWS_WITH(options.validate(), Catch::Matchers::Contains("endurance_min is above device.endurance_max"));
}

TEST_CASE("lives end within a write: no device gets to where it is wanted by more pulses than it lives for", "[faults]") {
  ArrayOptions options = quiet();
  options.write.tolerance = 0.002 * options.device.window();
  Run run{.seed = 3};
  const Eigen::MatrixXf weights = uniform(20, 31, 0.01f, 1);
  const Array free(options, 0, weights, run);
  REQUIRE(free.faults().missed < free.faults().devices / 100);
  options.wear_out = true;
  options.device.endurance_min = 10;
  options.device.endurance_max = 20;
  const Array worn(options, 0, weights, run);
  CHECK(worn.faults().faulty > worn.faults().devices / 2);
  CHECK(worn.faults().missed > worn.faults().devices / 2);
  // a device stays where a write of as many pulses leaves it, by the same draws: 11 to 21 of them
  std::vector<Array> cut;
  options.wear_out = false;
  for (options.write.max_pulses = 11; options.write.max_pulses <= 21; ++options.write.max_pulses)
    cut.emplace_back(options, 0, weights, run);
  const Tile& tile = worn.tiles()[0];
  for (const bool plus : {true, false})
    for (Eigen::Index i = 0; i < tile.plus.g.size(); ++i) {
      const auto plane = [&](const Array& array) -> const DevicePlane& { return plus ? array.tiles()[0].plus : array.tiles()[0].minus; };
      if (plane(worn).up(i) > 0) {
        CHECK(plane(worn).pulses(i) <= 20);
        continue;
      }
      CHECK(std::any_of(cut.begin(), cut.end(), [&](const Array& array) { return plane(array).g(i) == plane(worn).g(i); }));
    }
}

TEST_CASE("an array of more tiles than ids says what to raise", "[faults]") {
  ArrayOptions options = quiet();
  options.max_rows = options.max_cols = 1;
  Run run{.seed = 3};
  CHECK_THROWS_WITH(Array(options, 0, uniform(100, 101, 0.01f, 1), run), Catch::Matchers::Contains("10100 tiles"));
}
