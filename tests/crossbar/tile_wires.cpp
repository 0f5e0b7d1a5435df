// The wires stage of an array: what reads meet, what they cost, how noise passes, and how stale matrices become.
#include "crossbar/tile_wires.h"

#include "base/check.h"
#include "crossbar/array.h"
#include "crossbar/fluctuation.h"
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
  ReadHeat watt;
};
Read read(const Array& array, Direction direction, const MatrixXf& in) {
  Ledger ledger;
  Run run{1, 1, &ledger, 0};
  Read result{MatrixXf::Zero(direction == Direction::forward ? array.outputs() : array.inputs(), in.cols()), {}};
  Place place;
  place.phase = kPhaseFree;
  if (direction == Direction::forward)
    array.forward(in, result.out, ids(in.cols()), place, run);
  else
    array.backward(in, result.out, ids(in.cols()), place, run);
  result.watt = {ledger.total(Event::cell_read).watt, ledger.total(Event::wire_loss).watt, ledger.total(Event::driver_loss).watt};
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
      CHECK(x.watt.cells == Approx(y.watt.cells).epsilon(1e-5));
      CHECK(x.watt.wires == Approx(y.watt.wires).epsilon(1e-4));
      CHECK(x.watt.drivers == Approx(y.watt.drivers).epsilon(1e-5));
      CHECK(distance(x.out, z.out) > 0.02F);  // and the wires are felt
      CHECK(x.watt.all() < 0.99 * z.watt.cells);
      CHECK(z.watt.wires + z.watt.drivers == 0);
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
      CHECK(x.watt.all() == Approx(y.watt.cells).epsilon(2e-5));
      CHECK(x.watt.wires < 1e-4 * x.watt.cells);
      CHECK(x.watt.drivers == 0);
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

TEST_CASE("wires stage: slow noise passes the wires to first order, both ways, by any number of threads", "[wires][threads]") {
  for (const WireModel model : {WireModel::effective, WireModel::lumped}) {
    ArrayOptions options = wired(model, 20);
    options.wires.swap_ends = true;
    options.slow_noise = {.flicker = 0.02, .telegraph = 0.05, .telegraph_share = 0.3, .slowest_second = 1, .step_second = 1e-3};
    const Array array = array_of(options);
    const float scale = array.tiles()[0].difference(0, 0) / array.weights()(0, 0);
    const Place place{.step = 7, .phase = kPhaseFree};
    for (const Direction direction : {Direction::forward, Direction::backward}) {
      array.begin_phase(place, 1);
      const MatrixXf seen = array.seen_weights(direction);
      array.begin_phase(place, 5);
      CHECK(array.seen_weights(direction) == seen);
      // every tile anew, with the noise on its devices of G+
      double missed = 0, moved = 0, unwired = 0;
      Index row = 0, column = 0;
      for (const Tile& tile : array.tiles()) {
        Fluctuation noise(options.slow_noise, 1, tile);
        MatrixXf pairs(tile.outputs(), tile.lines());
        for (Index b = 0; b < tile.blocks(); ++b) noise.at(tile, slot_of(place), b, pairs);
        Tile noisy = tile;
        noisy.plus.g += pairs - tile.difference;
        TileWires still(options.wires, {}), anew(options.wires, {});
        still.refresh(tile, 0);
        anew.refresh(noisy, 0);
        const MatrixXf base = still.toward(direction).matrix, want = anew.toward(direction).matrix - base;
        const MatrixXf got = scale * seen.block(row, column, tile.outputs(), tile.lines()) - base;
        missed += static_cast<double>((got - want).squaredNorm());
        moved += static_cast<double>(want.squaredNorm());
        unwired += static_cast<double>((pairs - tile.difference - want).squaredNorm());
        row += tile.outputs();
        if (row == array.outputs()) {
          row = 0;
          column += tile.lines();
        }
      }
      INFO(std::sqrt(missed / moved) << " missed, " << std::sqrt(unwired / moved) << " without wires");
      CHECK(missed < 0.06 * 0.06 * moved);  // second order in the noise, and what a cell does to its neighbours
      CHECK(missed < unwired / 4);
      CHECK(moved > 0);
    }
  }
}

TEST_CASE("wires stage: saved and restored between rebuilds it goes on with the same bits, by any number of threads", "[wires][threads]") {
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
}

namespace {

// so many updates, a few reads after each
void train(Array& array, int updates, Index reads, std::uint32_t first = 1, float size = 0.02F) {
  Run run{1, 1, nullptr, 0};
  for (std::uint32_t step = first; step < first + static_cast<std::uint32_t>(updates); ++step) {
    Place place;
    place.step = step;
    array.update(uniform(30, 41, size, 10 + step), place, run);
    MatrixXf out = MatrixXf::Zero(30, reads);
    if (reads > 0) array.forward(uniform(40, reads, 1, 3), out, ids(reads), place, run);
  }
}

}  // namespace

TEST_CASE("wires stage: the rule reads by solves where matrices would cost more, and by matrices where they cost less", "[wires][long]") {
  ArrayOptions options = wired(WireModel::exact);
  options.plan.mode = PulseMode::count;
  options.wires.stale_error = 0;  // matrices would be rebuilt at every update
  Array few = array_of(options), many = array_of(options);
  train(few, 5, 1);
  train(many, 5, 100);
  CHECK(few.wire_use().tiles == 9);
  CHECK(few.wire_use().solving == 9);
  CHECK(few.wire_use().solving_cost.solves < few.wire_use().solving_cost.matrices);
  CHECK(few.wire_use().cost.solves == 0);
  CHECK(few.wire_use().reads == 5 * 9);
  CHECK(many.wire_use().solving == 0);
  CHECK(many.wire_use().cost.solves > many.wire_use().cost.matrices);
  // both are the circuit
  ArrayOptions slow = options, rebuilt = options;
  slow.wires.model = WireModel::solve;
  rebuilt.wires.model = WireModel::effective;
  Array a = array_of(slow), b = array_of(rebuilt);
  train(a, 5, 1);
  train(b, 5, 1);
  REQUIRE(few.weights() == a.weights());
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    const MatrixXf in = uniform(direction == Direction::forward ? 40 : 30, 6, 1, 4);
    const Read x = read(few, direction, in), y = read(a, direction, in), z = read(b, direction, in);
    CHECK(x.out == y.out);
    CHECK(distance(x.out, z.out) < 1e-5F);
    CHECK(x.watt.all() == Approx(z.watt.all()).epsilon(1e-5));
    MatrixXf ideal = MatrixXf::Zero(x.out.rows(), 6), product = ideal;
    (direction == Direction::forward ? few.forward_ideal(in, ideal) : few.backward_ideal(in, ideal));
    (direction == Direction::forward ? b.forward_ideal(in, product) : b.backward_ideal(in, product));
    CHECK(distance(ideal, product) < 1e-5F);
    CHECK(few.read_power(direction, in).all() == Approx(b.read_power(direction, in).all()).epsilon(1e-5));
  }
  // a rule that has changed its mind: many reads, and matrices are rebuilt
  train(few, 200, 200, 6);
  CHECK(few.wire_use().solving == 0);
  CHECK(distance(read(few, Direction::forward, uniform(40, 6, 1, 4)).out,
                 few.seen_weights(Direction::forward).leftCols(40) * uniform(40, 6, 1, 4) + few.biases().replicate(1, 6)) < 1e-5F);
}

TEST_CASE("wires stage: while reads are solves, the rule finds out how long matrices would have lasted", "[wires]") {
  ArrayOptions options = wired(WireModel::exact);
  options.plan.mode = PulseMode::count;
  Array array = array_of(options);
  train(array, 8, 4, 1, 0.001F);
  CHECK(array.wire_use().solving > 0);  // at first an interval of an update or two is all that is known
  train(array, 300, 4, 9, 0.001F);
  const WireUse use = array.wire_use();
  CHECK(use.solving == 0);
  CHECK(use.cost.matrices < use.cost.solves);
  CHECK(use.stale_power > 0);
  CHECK(use.stale_power < 0.05);
  // reads of an evaluation are no reads of training
  Place place{.step = 999, .phase = kPhaseEvaluate};
  Run run{1, 1, nullptr, 0};
  MatrixXf out = MatrixXf::Zero(30, 50);
  array.forward(uniform(40, 50, 1, 3), out, ids(50), place, run);
  CHECK(array.wire_use().reads == use.reads);
}

TEST_CASE("wires stage: before many reads of the same cells matrices are made ready, until the cells change", "[wires]") {
  ArrayOptions options = wired(WireModel::exact), always = wired(WireModel::effective);
  options.plan.mode = always.plan.mode = PulseMode::count;
  options.wires.stale_error = always.wires.stale_error = 0;
  Array array = array_of(options), want = array_of(always);
  train(array, 5, 1);
  train(want, 5, 1);
  const std::int64_t solves = array.wire_use().solves;
  array.expect_reads(3, 1);  // not worth it
  CHECK(array.wire_use().solves == solves);
  array.expect_reads(10000, 1);
  CHECK(array.wire_use().solves > solves);
  const MatrixXf in = uniform(40, 6, 1, 4);
  CHECK(distance(read(array, Direction::forward, in).out, read(want, Direction::forward, in).out) < 1e-6F);
  const std::vector<std::uint8_t> saved = bytes_of(array);
  Array again = array_of(options);
  ByteReader bytes(saved, "saved");
  again.restore(bytes);
  CHECK(read(again, Direction::forward, in).out == read(array, Direction::forward, in).out);
  for (Array* one : {&array, &again}) train(*one, 1, 1, 6);
  CHECK(array.wire_use().solving == 9);
  CHECK(bytes_of(again) == bytes_of(array));
}

TEST_CASE("wires stage: warm starts find the same currents, whoever else reads, and end with the phase", "[wires]") {
  ArrayOptions options = wired(WireModel::solve);
  options.wires.residual = 1e-7;
  const Array a = array_of(options), b = array_of(options), product = array_of(wired(WireModel::effective));
  Run run{1, 1, nullptr, 0};
  const auto once = [&](const Array& array, const MatrixXf& in, std::uint32_t sample, std::uint32_t sweep) {
    MatrixXf out = MatrixXf::Zero(30, 1);
    Place place{.step = 4, .phase = kPhaseFree, .sweep = sweep};
    array.forward(in, out, std::vector<std::uint32_t>{sample}, place, run);
    return out;
  };
  const MatrixXf first = uniform(40, 1, 1, 5), next = first + 0.01F * uniform(40, 1, 1, 6), other = uniform(40, 1, 1, 7);
  const MatrixXf cold = once(a, next, 3, 1);
  once(a, first, 3, 1);
  const MatrixXf warm = once(a, next, 3, 2);
  CHECK(warm != cold);  // it did start elsewhere
  CHECK(distance(warm, product.seen_weights(Direction::forward).leftCols(40) * next + product.biases()) < 1e-5F);
  once(b, other, 8, 1);  // another sample in between
  once(b, first, 3, 1);
  once(b, other, 8, 2);
  CHECK(once(b, next, 3, 2) == warm);
  CHECK(once(b, next, 3, 1) == cold);  // the phase has begun anew
  CHECK(once(b, next, 5, 7) == cold);  // no start was asked for in its first sweep
  once(b, 0 * next, 3, 2);             // and from one without any drive there
  CHECK(distance(once(b, next, 3, 3), cold) < 1e-5F);
}

TEST_CASE("wires stage: the choice is saved, and goes on with the same bits", "[wires]") {
  ArrayOptions options = wired(WireModel::exact);
  options.plan.mode = PulseMode::count;
  options.wires.stale_error = 0;
  Array a = array_of(options), b = array_of(options);
  train(a, 5, 1);
  REQUIRE(a.wire_use().solving == 9);
  const std::vector<std::uint8_t> saved = bytes_of(a);
  ByteReader in(saved, "saved");
  b.restore(in);
  for (Array* array : {&a, &b}) train(*array, 20, 30, 6);
  CHECK(a.wire_use().rebuilds > 9);
  CHECK(bytes_of(a) == bytes_of(b));
  CHECK(read(a, Direction::forward, uniform(40, 3, 1, 4)).out == read(b, Direction::forward, uniform(40, 3, 1, 4)).out);
}
