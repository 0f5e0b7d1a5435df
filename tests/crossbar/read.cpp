// Reads against obvious references: products, per-cell noise, per-cell power; names of noise; splits over tiles.
#include <cmath>

#include "base/parallel.h"
#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"
#include "tests/energy/message.h"
#include "tests/oracle/cell_read.h"
#include "tests/oracle/kolmogorov_smirnov.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

Eigen::MatrixXf read(const Array& array, Direction direction, const Eigen::MatrixXf& in, const Place& place, Run& run,
                     std::uint32_t first_id = 0) {
  Eigen::MatrixXf out = Eigen::MatrixXf::Zero(direction == Direction::forward ? array.outputs() : array.inputs(), in.cols());
  const auto names = ids(in.cols(), first_id);
  if (direction == Direction::forward)
    array.forward(in, out, names, place, run);
  else
    array.backward(in, out, names, place, run);
  return out;
}

Eigen::MatrixXf with_bias(const Eigen::MatrixXf& x) {
  Eigen::MatrixXf y(x.rows() + 1, x.cols());
  y << x, Eigen::MatrixXf::Ones(1, x.cols());
  return y;
}

}  // namespace

TEST_CASE("with everything off a read is the product, both ways on the same devices, whatever the tiles") {
  Run run{.seed = 1};
  const Eigen::MatrixXf w = uniform(37, 61, 0.3f, 1);
  const Eigen::MatrixXf x = uniform(60, 9, 1, 2), y = uniform(37, 9, 1, 3);
  for (const auto& [rows, cols] : {std::pair{256, 256}, {61, 37}, {20, 10}, {1, 1}, {60, 36}}) {
    CAPTURE(rows, cols);
    ArrayOptions o = quiet();
    o.max_rows = rows;
    o.max_cols = cols;
    const Array array(o, 0, w, run);
    const Eigen::MatrixXd m = array.weights().cast<double>();
    const Eigen::MatrixXd forward = m * with_bias(x).cast<double>();
    const Eigen::MatrixXd backward = m.leftCols(60).transpose() * y.cast<double>();
    CHECK((read(array, Direction::forward, x, {}, run).cast<double>() - forward).cwiseAbs().maxCoeff() < 1e-5);
    CHECK((read(array, Direction::backward, y, {}, run).cast<double>() - backward).cwiseAbs().maxCoeff() < 1e-5);
    Eigen::MatrixXf out = Eigen::MatrixXf::Ones(37, 9), back = Eigen::MatrixXf::Ones(60, 9);
    array.forward_ideal(x, out);
    array.backward_ideal(y, back);
    CHECK((out.cast<double>().array() - 1 - forward.array()).abs().maxCoeff() < 1e-5);
    CHECK((back.cast<double>().array() - 1 - backward.array()).abs().maxCoeff() < 1e-5);
    // the transpose: y' (W x) = (W' y)' x without the bias
    const Eigen::MatrixXf bias = read(array, Direction::forward, Eigen::MatrixXf::Zero(60, 9), {}, run);
    const Eigen::VectorXf left = (y.array() * (read(array, Direction::forward, x, {}, run) - bias).array()).colwise().sum();
    const Eigen::VectorXf right = (x.array() * read(array, Direction::backward, y, {}, run).array()).colwise().sum();
    CHECK((left - right).cwiseAbs().maxCoeff() < 1e-4f);
  }
}

TEST_CASE("read noise has mean zero, the sd of a draw per cell, and is normal", "[long]") {
  for (const ReadNoise noise :
       {ReadNoise{.white = 0.005}, ReadNoise{.proportional = 0.02}, ReadNoise{.white = 0.003, .proportional = 0.01}})
    for (const Direction direction : {Direction::forward, Direction::backward}) {
      CAPTURE(noise.white, noise.proportional, static_cast<int>(direction));
      Run run{.seed = 2};
      ArrayOptions o = quiet();
      o.read_noise = noise;
      o.write.tolerance = 10e-6;
      const Array array(o, 0, uniform(12, 17, 0.3f, 1), run);
      const Eigen::MatrixXf x = uniform(direction == Direction::forward ? 16 : 12, 1, 1, 2);
      Eigen::MatrixXf exact = Eigen::MatrixXf::Zero(direction == Direction::forward ? 12 : 16, 1);
      direction == Direction::forward ? array.forward_ideal(x, exact) : array.backward_ideal(x, exact);
      const int n = 20000, m = 2000;
      const Eigen::MatrixXf reads = read(array, direction, x.replicate(1, n), {.step = 3}, run);
      const Eigen::MatrixXd error = (reads.colwise() - exact.col(0)).cast<double>();

      Eigen::VectorXd drive = x.col(0).cast<double>();
      if (direction == Direction::forward) drive = with_bias(x).col(0).cast<double>();
      Eigen::VectorXd square = Eigen::VectorXd::Zero(exact.rows());
      for (int k = 0; k < m; ++k)
        square +=
            (oracle::cell_read(array, direction, drive, static_cast<std::uint32_t>(k)).head(exact.rows()) - exact.col(0).cast<double>())
                .cwiseAbs2() /
            m;
      double ratio = 0;
      for (Eigen::Index j = 0; j < exact.rows(); ++j) {
        const double sd = error.row(j).norm() / std::sqrt(double{n});
        CHECK(std::abs(error.row(j).mean()) < 5 * sd / std::sqrt(double{n}));
        CHECK(sd / std::sqrt(square[j]) == Approx(1).epsilon(5 / std::sqrt(2.0 * m)));
        ratio += sd / std::sqrt(square[j]) / static_cast<double>(exact.rows());
        std::vector<double> z(error.row(j).begin(), error.row(j).end());
        for (double& v : z) v /= sd;
        // false alarm 1e-6 per output
        CHECK(oracle::kolmogorov_smirnov(z, oracle::normal_cdf) < oracle::kolmogorov_smirnov_limit(1e-6));
      }
      CHECK(ratio == Approx(1).epsilon(5 / std::sqrt(2.0 * m * 12)));
      const double rms = x.norm() / std::sqrt(static_cast<double>(x.rows()));
      CHECK(array.read_floor(direction, rms).noise_sd == Approx(error.norm() / std::sqrt(static_cast<double>(error.size()))).epsilon(0.05));
    }
}

TEST_CASE("noise is named by sample, step, sweep, phase, direction and seed, never by position or batch") {
  Run run{.seed = 3};
  ArrayOptions o;
  o.read_noise.white = 0.005;
  o.adc_forward.bits = 0;
  const Eigen::MatrixXf w = uniform(8, 9, 0.3f, 1);
  const Array array(o, 0, w, run);
  const Eigen::MatrixXf x = uniform(8, 1, 1, 2).replicate(1, 6);
  const Place place{.step = 5, .sample = 0, .phase = 2, .sweep = 4};
  const Eigen::MatrixXf a = read(array, Direction::forward, x, place, run);
  CHECK(a == read(array, Direction::forward, x, place, run));
  CHECK(a.col(0) != a.col(1));
  const Eigen::MatrixXf moved = read(array, Direction::forward, x, place, run, 2);
  CHECK((moved.leftCols(4) - a.rightCols(4)).cwiseAbs().maxCoeff() < 1e-6f);  // a product's last bit may depend on the column
  const auto differs = [&](Place other) { return read(array, Direction::forward, x, other, run) != a; };
  CHECK(differs({.step = 6, .sample = 0, .phase = 2, .sweep = 4}));
  CHECK(differs({.step = 5, .sample = 0, .phase = 3, .sweep = 4}));
  CHECK(differs({.step = 5, .sample = 0, .phase = 2, .sweep = 5}));
}

TEST_CASE("power and events of a read are those of a loop over cells") {
  for (const auto& [rows, cols] : {std::pair{256, 256}, {20, 10}}) {
    Run run{.seed = 4};
    ArrayOptions o;
    o.max_rows = rows;
    o.max_cols = cols;
    o.dac.range = 2;
    const Array array(o, 1, uniform(25, 41, 0.3f, 1), run);
    const int b = 3;
    const Eigen::MatrixXf x = uniform(40, b, 2, 2), y = uniform(25, b, 2, 3);
    Ledger ledger;
    run.ledger = &ledger;
    read(array, Direction::forward, x, {.phase = kPhaseFree}, run);
    read(array, Direction::backward, y, {.phase = kPhaseFirstNudged}, run);
    Eigen::MatrixXf driven[2] = {x, y};
    for (int d = 0; d < 2; ++d) {
      const auto direction = d == 0 ? Direction::forward : Direction::backward;
      const PhaseId phase = d == 0 ? kPhaseFree : kPhaseFirstNudged;
      o.dac.convert(driven[d]);
      double watt = 0;
      for (int k = 0; k < b; ++k)
        watt += oracle::cell_power(array, direction, (d == 0 ? with_bias(driven[d].col(k)) : driven[d].col(k)).col(0).cast<double>());
      const Entry cells = ledger.at(1, phase, Event::cell_read);
      CHECK(cells.watt == Approx(watt).epsilon(1e-9));
      CHECK(cells.joule == Approx(watt * o.read_second).epsilon(1e-9));
      CHECK(cells.count == b);  // one read of the whole array per sample
      CHECK(cells.second == Approx(b * o.read_second).epsilon(1e-9));
      CHECK(array.read_power(direction, driven[d]).cells == Approx(watt).epsilon(1e-9));
    }
    const int line_tiles = rows == 20 ? 3 : 1, column_tiles = cols == 10 ? 3 : 1;
    const auto count = [&](PhaseId phase, Event event) { return ledger.at(1, phase, event).count; };
    CHECK(count(kPhaseFree, Event::dac_set) == 40 * column_tiles * b);
    CHECK(count(kPhaseFree, Event::line_drive) == 41 * column_tiles * b);
    CHECK(count(kPhaseFree, Event::adc) == 25 * line_tiles * b);
    CHECK(count(kPhaseFree, Event::digital_add) == 25 * (line_tiles - 1) * b);
    CHECK(count(kPhaseFirstNudged, Event::dac_set) == 25 * line_tiles * b);
    CHECK(count(kPhaseFirstNudged, Event::line_drive) == 2 * 25 * line_tiles * b);
    CHECK(count(kPhaseFirstNudged, Event::adc) == 40 * column_tiles * b);
    CHECK(count(kPhaseFirstNudged, Event::digital_add) == 40 * (column_tiles - 1) * b);
  }
}

TEST_CASE("converters limit a read as the floor says") {
  Run run{.seed = 5};
  ArrayOptions o = quiet();
  o.max_rows = 20;
  o.adc_forward.bits = 6;
  Array array(o, 0, uniform(30, 61, 0.3f, 1), run);
  const Eigen::MatrixXf x = uniform(60, 200, 1, 2);
  const PartialSums sums = array.partial_sums(Direction::forward, x);
  CHECK(sums.rms < sums.max);
  array.set_adc_range(Direction::forward, sums.max);
  Eigen::MatrixXf exact = Eigen::MatrixXf::Zero(30, 200);
  array.forward_ideal(x, exact);
  const Eigen::MatrixXf error = read(array, Direction::forward, x, {}, run) - exact;
  const ReadFloor floor = array.read_floor(Direction::forward);
  CHECK(floor.conversions == 4);
  CHECK(floor.adc_step == Approx(sums.max / 31));
  CHECK(error.cwiseAbs().maxCoeff() <= 4 * floor.adc_step / 2 + 1e-5);
  CHECK(error.norm() / std::sqrt(6000.0) == Approx(floor.total_sd()).epsilon(0.05));
}

TEST_CASE("bad array options are refused by field") {
  Run run{.seed = 1};
  const Eigen::MatrixXf w = uniform(3, 4, 1, 1);
  const auto message = [&](auto change) {
    ArrayOptions o;
    change(o);
    return message_of([&] { Array(o, 0, w, run); });
  };
  CHECK(has(message([](ArrayOptions& o) { o.max_rows = 0; }), "max_rows"));
  CHECK(has(message([](ArrayOptions& o) { o.read_noise.white = -1; }), "read_noise.white"));
  CHECK(has(message([](ArrayOptions& o) { o.dac.range = 0.5; }), "dac.range"));
  CHECK(has(message([](ArrayOptions& o) { o.plan.max_pulses = 0; }), "plan.max_pulses"));
  CHECK(has(message([](ArrayOptions& o) { o.device.G_max = 0; }), "G_max"));
  CHECK(has(message_of([&] { Array(ArrayOptions{}, 0, Eigen::MatrixXf::Zero(3, 4), run); }), "weight_max"));
}
