// The wires stage of an array: what reads meet, what they cost, how noise passes, and how stale matrices become.
#include "crossbar/tile_wires.h"

#include "base/check.h"
#include "crossbar/array.h"
#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"

using namespace eqprop;
using namespace eqprop::testing;
using Eigen::Index;
using Eigen::MatrixXf;

namespace {

ArrayOptions wired(WireModel model, double ohm = 10) {
  ArrayOptions o = quiet();
  o.max_rows = 20;
  o.max_cols = 12;
  o.wires.model = model;
  o.wires.wires = {ohm, 100, 50, false};
  o.wires.residual = 1e-10;
  return o;
}

Array array_of(const ArrayOptions& options, Ledger* ledger = nullptr) {
  Run run{1, 1, ledger, 0};
  return Array(options, 0, uniform(30, 41, 0.2F, 1), run);
}

struct Read {
  MatrixXf out;
  double watt;
};
Read read(const Array& array, Direction direction, const MatrixXf& in) {
  Ledger ledger;
  Run run{1, 1, &ledger, 0};
  Read result{MatrixXf::Zero(direction == Direction::forward ? array.outputs() : array.inputs(), in.cols()), 0};
  Place place;
  place.phase = kPhaseFree;
  if (direction == Direction::forward)
    array.forward(in, result.out, ids(in.cols()), place, run);
  else
    array.backward(in, result.out, ids(in.cols()), place, run);
  result.watt = ledger.total(Event::cell_read).watt;
  return result;
}

float distance(const MatrixXf& a, const MatrixXf& b) { return (a - b).norm() / b.norm(); }

}  // namespace

TEST_CASE("wires stage: reads by effective matrices are solves of the circuit, both ways, with their power", "[wires]") {
  for (const bool swapped : {false, true}) {
    ArrayOptions fast = wired(WireModel::effective), slow = wired(WireModel::solve);
    fast.wires.swap_ends = slow.wires.swap_ends = swapped;
    const Array a = array_of(fast), b = array_of(slow), ideal = array_of(wired(WireModel::none));
    for (const Direction direction : {Direction::forward, Direction::backward}) {
      const MatrixXf in = uniform(direction == Direction::forward ? 40 : 30, 7, 1, 2).cwiseAbs();
      const Read x = read(a, direction, in), y = read(b, direction, in), z = read(ideal, direction, in);
      CHECK(distance(x.out, y.out) < 1e-5F);
      CHECK(x.watt == Approx(y.watt).epsilon(1e-5));
      CHECK(distance(x.out, z.out) > 0.02F);  // and the wires are felt
      CHECK(x.watt < 0.99 * z.watt);
      // what the coupling shows as its weights is what reads see
      const MatrixXf seen = a.seen_weights(direction);
      const MatrixXf want = direction == Direction::forward ? MatrixXf((seen.leftCols(40) * in).colwise() + seen.col(40))
                                                            : MatrixXf(seen.leftCols(40).transpose() * in);
      CHECK(distance(x.out, want) < 1e-5F);
    }
  }
}

TEST_CASE("wires stage: without resistance it is the plain array, by every model", "[wires]") {
  for (const WireModel model : {WireModel::effective, WireModel::solve, WireModel::lumped}) {
    ArrayOptions options = wired(model, 1e-3);
    options.wires.residual = 1e-8;
    options.wires.wires.driver_ohm = options.wires.wires.sense_ohm = 0;
    const Array a = array_of(options), ideal = array_of(wired(WireModel::none));
    for (const Direction direction : {Direction::forward, Direction::backward}) {
      const MatrixXf in = uniform(direction == Direction::forward ? 40 : 30, 5, 1, 3);
      const Read x = read(a, direction, in), y = read(ideal, direction, in);
      CHECK(distance(x.out, y.out) < 2e-5F);
      CHECK(x.watt == Approx(y.watt).epsilon(2e-5));
    }
  }
}

TEST_CASE("wires stage: forward and transposed weights are equal with like ends, and differ where ends change places", "[wires]") {
  ArrayOptions options = wired(WireModel::effective);
  CHECK(array_of(options).seen_weights(Direction::forward) == array_of(options).seen_weights(Direction::backward));
  options.wires.swap_ends = true;
  const Array swapped = array_of(options);
  CHECK(distance(swapped.seen_weights(Direction::backward), swapped.seen_weights(Direction::forward)) > 1e-3F);
  options.wires.wires.sense_ohm = options.wires.wires.driver_ohm;
  CHECK(array_of(options).seen_weights(Direction::forward) == array_of(options).seen_weights(Direction::backward));
}

TEST_CASE("wires stage: the closed form is a preview, near for short lines and wrong for long ones", "[wires]") {
  const auto error = [](int rows, int columns) {
    ArrayOptions options = wired(WireModel::effective, 1);
    options.wires.wires.driver_ohm = options.wires.wires.sense_ohm = 0;
    options.max_rows = rows;
    options.max_cols = columns;
    ArrayOptions closed = options;
    closed.wires.model = WireModel::lumped;
    return distance(array_of(closed).seen_weights(Direction::forward), array_of(options).seen_weights(Direction::forward));
  };
  const float shortest = error(5, 3), longest = error(41, 30);
  CHECK(shortest < 0.01F);
  CHECK(longest > 3 * shortest);
}

TEST_CASE("wires stage: matrices follow the cells, to first order between rebuilds; the error found is that of the correction", "[wires]") {
  ArrayOptions options = wired(WireModel::effective);
  options.plan.mode = PulseMode::count;
  options.wires.stale_error = 1;  // of no concern: intervals grow
  ArrayOptions exact = options;
  exact.wires.stale_error = 0;  // rebuilt at every update
  Array a = array_of(options), b = array_of(exact);
  Run run{1, 1, nullptr, 0};
  const MatrixXf untouched = a.seen_weights(Direction::forward);
  for (std::uint32_t step = 1; step <= 40; ++step) {
    Place place;
    place.step = step;
    const MatrixXf wanted = uniform(30, 41, 0.02F, 10 + step);
    a.update(wanted, place, run);
    b.update(wanted, place, run);
  }
  REQUIRE(a.weights() == b.weights());
  const MatrixXf now = b.seen_weights(Direction::forward);
  const float moved = distance(untouched, now), corrected = distance(a.seen_weights(Direction::forward), now);
  CHECK(moved > 0.1F);
  CHECK(corrected < moved / 20);
  constexpr std::int64_t kTiles = 9;  // three along the lines, three along the columns
  const WireUse use = a.wire_use(), always = b.wire_use();
  CHECK(use.updates == 40 * kTiles);
  CHECK(use.rebuilds < 10 * kTiles);
  CHECK(use.stale_error_max > 0);
  CHECK(use.stale_error_max < static_cast<double>(moved) / 10);
  CHECK(always.rebuilds == 40 * kTiles);
  CHECK(always.solves == 41 * (3 * 41 + 3 * 30));  // lines and outputs of every tile
}

TEST_CASE("wires stage: noise of reads has the variance of the wires' matrices", "[wires]") {
  ArrayOptions options = wired(WireModel::effective);
  options.read_noise = {0.02, 0.03};
  const Array noisy = array_of(options);
  constexpr Index kReads = 4000;
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    const Index side = direction == Direction::forward ? 40 : 30;
    const MatrixXf in = uniform(side, 1, 1, 4).cwiseAbs().replicate(1, kReads);
    const MatrixXf out = read(noisy, direction, in).out;
    const MatrixXf deviation = out.colwise() - out.rowwise().mean();
    const double found = deviation.cast<double>().squaredNorm() / static_cast<double>(deviation.size());
    const double rms = std::sqrt(in.col(0).squaredNorm() / static_cast<double>(side));
    const double floor = noisy.read_floor(direction, rms).noise_sd;
    CHECK(std::sqrt(found) == Approx(floor).epsilon(0.05));
    // wires attenuate noise as they do signals
    ArrayOptions plain = wired(WireModel::none);
    plain.read_noise = {0.02, 0.03};
    CHECK(floor < array_of(plain).read_floor(direction, rms).noise_sd);
    CHECK(floor > 0.6 * array_of(plain).read_floor(direction, rms).noise_sd);
  }
}

TEST_CASE("wires stage: saved and restored between rebuilds it goes on with the same bits, by any number of threads", "[wires]") {
  ArrayOptions options = wired(WireModel::effective);
  options.plan.mode = PulseMode::count;
  options.wires.stale_error = 1;
  Array a = array_of(options), b = array_of(options);
  Run one{1, 1, nullptr, 0}, seven{1, 7, nullptr, 0};
  const auto step = [](Array& array, std::uint32_t k, Run& run) {
    Place place;
    place.step = k;
    array.update(uniform(30, 41, 0.02F, 20 + k), place, run);
  };
  for (std::uint32_t k = 1; k <= 5; ++k) step(a, k, one);
  const std::vector<std::uint8_t> saved = bytes_of(a);
  ByteReader in(saved, "saved");
  b.restore(in);
  CHECK(a.seen_weights(Direction::forward) == b.seen_weights(Direction::forward));
  for (std::uint32_t k = 6; k <= 12; ++k) {
    step(a, k, one);
    step(b, k, seven);
  }
  CHECK(a.seen_weights(Direction::backward) == b.seen_weights(Direction::backward));
  CHECK(bytes_of(a) == bytes_of(b));
}

TEST_CASE("wires stage: what no circuit has is refused by name", "[wires]") {
  const auto refused = [](auto change, const std::string& words) {
    ArrayOptions options = wired(WireModel::effective);
    change(options);
    CHECK_THROWS_WITH(options.validate(), Catch::Matchers::Contains(words));
  };
  refused([](ArrayOptions& o) { o.wires.wires.segment_ohm = 0; }, "segment_ohm");
  refused([](ArrayOptions& o) { o.wires.wires.driver_ohm = -1; }, "driver_ohm");
  refused([](ArrayOptions& o) { o.wires.residual = 1; }, "residual");
  refused([](ArrayOptions& o) { o.wires.stale_error = -1; }, "stale_error");
  refused(
      [](ArrayOptions& o) {
        o.wires.model = WireModel::solve;
        o.read_noise.white = 0.1;
      },
      "knows no noise");
}
