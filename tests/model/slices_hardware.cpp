// Weights in slices on hardware that is not ideal: behind wires, of half-selected cells, and both.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/check.h"
#include "crossbar/wires/reference.h"
#include "eqprop/model/crossbar_coupling.h"
#include "tests/catch.h"
#include "tests/energy/message.h"
#include "tests/model/sliced.h"
#include "tests/oracle/device_laws.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

constexpr Index kOutputs = 6, kLines = 11;
const std::vector<Layer> kLayers{
    {5, Activation::linear, 0}, {kLines - 1, Activation::hard_sigmoid, 0}, {kOutputs, Activation::hard_sigmoid, 0}};

void put_behind_wires(ArrayOptions& o) {
  o.wires.model = WireModel::effective;
  o.wires.wires = {.segment_ohm = 10, .driver_ohm = 100, .sense_ohm = 50, .double_sided = false};
  o.wires.residual = 1e-10;
  o.wires.stale_error = 0;  // rebuilt at every update
}

void make_passive(ArrayOptions& o, HalfSelect select, double half_step) {
  o.scheme.half_select = select;
  o.device.half_step = half_step;
}

/// An update towards `wanted`, outputs x inputs, by one sample per input; biases are left alone.
void update(CrossbarCoupling<float>& coupling, const Eigen::MatrixXf& wanted, std::uint32_t step, Run& run) {
  const Eigen::MatrixXf pre = Eigen::MatrixXf::Identity(wanted.cols(), wanted.cols());
  const Factor<float> factor{view(pre), view(wanted), 1, false};
  coupling.update(WantedChange<float>(std::span(&factor, 1), 1), {.step = step}, run);
}

Eigen::MatrixXf read(const CrossbarCoupling<float>& coupling, Direction direction, const Eigen::MatrixXf& in, std::uint32_t step) {
  const bool forward = direction == Direction::forward;
  Eigen::MatrixXf out = Eigen::MatrixXf::Zero(forward ? coupling.outputs() : coupling.inputs(), in.cols());
  const auto names = ids(in.cols());
  Run run{.seed = 3};
  const ReadPlace place{{.step = step, .phase = kPhaseFree}, names};
  forward ? coupling.forward(in, out, place, run) : coupling.backward(in, out, place, run);
  return out;
}

std::vector<std::uint8_t> bytes_of(const CrossbarCoupling<float>& coupling) {
  ByteWriter out;
  coupling.save(out);
  return out.bytes();
}

/// Weights that a slice of one tile shows through its circuit: line after line at 1 V, or output after output at +1 V and -1 V.
Eigen::MatrixXd through_circuit(const Array& slice, Direction direction) {
  REQUIRE(slice.tiles().size() == 1);
  const Eigen::MatrixXd cells = cells_of(slice.tiles()[0]);
  const bool forward = direction == Direction::forward;
  const auto ampere = [&](const Eigen::VectorXd& volt) {
    return Eigen::VectorXd(solve_reference(cells, slice.options().wires.wires, direction, volt).ampere / slice.siemens_per_weight());
  };
  Eigen::MatrixXd seen(slice.outputs(), cells.rows());
  for (Index line = 0; line < seen.cols() && forward; ++line) {
    const Eigen::VectorXd current = ampere(Eigen::VectorXd::Unit(cells.rows(), line));
    for (Index j = 0; j < seen.rows(); ++j) seen(j, line) = current[2 * j] - current[2 * j + 1];
  }
  for (Index j = 0; j < seen.rows() && !forward; ++j)
    seen.row(j) = ampere(Eigen::VectorXd::Unit(cells.cols(), 2 * j) - Eigen::VectorXd::Unit(cells.cols(), 2 * j + 1)).transpose();
  return seen;
}

/// What the pulses that took `before` to `pulsed` do to the other cells, half pulse after half pulse: weights before they come and after.
struct Disturbed {
  Eigen::MatrixXd before, after;
};
Disturbed one_by_one(const Tile& before, const Tile& pulsed, const ArrayOptions& options, double siemens_per_weight) {
  const DevicePreset& device = options.device;
  const double k = 2 * std::acosh(1 / (2 * device.half_step)), part = options.scheme.half_select == HalfSelect::half ? 0.5 : 1.0 / 3;
  const auto plane = [](const Tile& tile, Index column) -> const DevicePlane& { return column % 2 == 0 ? tile.plus : tile.minus; };
  Eigen::MatrixXd g[2] = {pulsed.plus.g.cast<double>(), pulsed.minus.g.cast<double>()};
  Disturbed out;
  out.before = (g[0] - g[1]) / siemens_per_weight;
  for (Index line = 0; line < before.lines(); ++line)
    for (Index column = 0; column < 2 * before.outputs(); ++column) {
      const Index j = column / 2;
      const auto pulses = plane(pulsed, column).pulses(j, line) - plane(before, column).pulses(j, line);
      const bool set = plane(pulsed, column).g(j, line) > plane(before, column).g(j, line);  // an update pulses a device one way
      for (std::uint32_t p = 0; p < pulses; ++p)
        for (Index i = 0; i < before.lines(); ++i)
          for (Index c = 0; c < 2 * before.outputs(); ++c) {
            const bool near = i == line || c == column;
            if ((i == line && c == column) || (!near && part == 0.5)) continue;
            const bool toward = near ? set : !set;
            const double f = part * std::abs((set ? device.set_volt : device.reset_volt) / (toward ? device.set_volt : device.reset_volt));
            double& at = g[c % 2](c / 2, i);
            const double low = double{plane(before, c).low(c / 2, i)}, high = double{plane(before, c).high(c / 2, i)};
            const double step = oracle::mean_step(device.law, {}, at, toward, low, high);
            const double factor = double{(toward ? plane(before, c).up : plane(before, c).down)(c / 2, i)};
            at = std::clamp(at + std::sinh(k * f) / std::sinh(k) * factor * step, low, high);
          }
    }
  out.after = (g[0] - g[1]) / siemens_per_weight;
  return out;
}

}  // namespace

TEST_CASE("slices behind wires: reads and weights are the sum of what each slice's own circuit shows, after updates and carries too",
          "[slices]") {
  CrossbarOptions options;
  options.array = noisy();
  options.array.plan.mode = PulseMode::count;
  put_behind_wires(options.array);
  options.slices = {.slices = 3, .bits = 2, .correct = true, .carry_every = 2, .carry_band = 0.1};
  Run run{.seed = 3};
  CrossbarCoupling<float> coupling(options, kLayers, 1, uniform(kOutputs, kLines, 0.3f, 1), run);
  for (std::uint32_t step = 0; step < 4; ++step) {
    INFO("after " << step << " updates");
    for (const Direction direction : {Direction::forward, Direction::backward}) {
      const bool forward = direction == Direction::forward;
      CAPTURE(forward);
      Eigen::MatrixXd sum = through_circuit(coupling.array(), direction), ideal = coupling.array().weights().cast<double>();
      for (std::size_t k = 1; k < 3; ++k) {
        const Array& slice = coupling.slices()->below()[k - 1];
        sum += std::pow(0.25, k) * through_circuit(slice, direction);
        ideal += std::pow(0.25, k) * slice.weights().cast<double>();
      }
      const double largest = sum.cwiseAbs().maxCoeff();
      CHECK((ideal - sum).cwiseAbs().maxCoeff() > 0.01 * largest);  // the wires are felt
      const Eigen::MatrixXd matrix = sum.leftCols(kLines - 1);
      const Eigen::MatrixXf in = uniform(forward ? kLines - 1 : kOutputs, 3, 1, 2);
      const Eigen::MatrixXd x = in.cast<double>();
      const Eigen::MatrixXd want =
          forward ? Eigen::MatrixXd((matrix * x).colwise() + sum.col(kLines - 1)) : Eigen::MatrixXd(matrix.transpose() * x);
      CHECK((read(coupling, direction, in, step).cast<double>() - want).norm() < 1e-5 * want.norm());
      const Eigen::MatrixXd shown = forward ? Eigen::MatrixXd(coupling.read().leftCols(kLines - 1).cast<double>())
                                            : Eigen::MatrixXd(coupling.read_backward().transpose().cast<double>());
      CHECK((shown - matrix).cwiseAbs().maxCoeff() < 1e-5 * largest);
    }
    update(coupling, uniform(kOutputs, kLines - 1, 0.05f, 10 + step), step, run);
  }
  CHECK(coupling.slices()->carried().carries == 2);
  CHECK(coupling.slices()->carried().moved > 0);
}

TEST_CASE("slices of half-selected cells: an update moves the last slice by its pulses and half pulses, and no other one", "[slices]") {
  for (const HalfSelect select : {HalfSelect::half, HalfSelect::third}) {
    INFO((select == HalfSelect::half ? "half" : "third"));
    ArrayOptions options = quiet();
    options.plan.mode = PulseMode::count;
    options.device.step_spread = 0.1;
    make_passive(options, select, 0.1);
    Run run{.seed = 3};
    Sliced sliced({.slices = 3, .bits = 2, .correct = true, .carry_every = 1000000}, options, uniform(kOutputs, kLines, 0.3f, 1), run);
    const auto cells = [](const Array& array) { return std::vector<Eigen::MatrixXf>{array.tiles()[0].plus.g, array.tiles()[0].minus.g}; };
    const auto first = cells(sliced.first), second = cells(sliced.slices.below()[0]);
    const Array& last = sliced.slices.below()[1];
    const Tile before = last.tiles()[0];
    const Eigen::MatrixXd was = sliced.weights().cast<double>();

    // the same pulses where nothing is half-selected
    ArrayOptions gated_options = last.options();
    gated_options.scheme = {};
    Array gated(gated_options, 0, Eigen::MatrixXf::Zero(kOutputs, kLines), run);
    gated.tiles()[0] = before;
    const Eigen::MatrixXf wanted = uniform(kOutputs, kLines, static_cast<float>(4 * sliced.step()), 2);
    gated.update(16 * wanted, {.step = 1}, run);
    const Disturbed plain = one_by_one(before, gated.tiles()[0], last.options(), last.siemens_per_weight());

    sliced.slices.update(wanted, sliced.first, {.step = 1}, run);
    const bool still = cells(sliced.first) == first && cells(sliced.slices.below()[0]) == second;
    CHECK(still);
    const Eigen::MatrixXd moved = sliced.weights().cast<double>() - was;
    const Eigen::MatrixXd start = (before.plus.g - before.minus.g).cast<double>() / last.siemens_per_weight();
    const double worst = (moved - (plain.after - start) / 16).cwiseAbs().maxCoeff();
    const double by_halves = (plain.after - plain.before).cwiseAbs().maxCoeff() / 16;
    INFO("apart by " << worst << ", half pulses moved by " << by_halves << ", a step is " << sliced.step());
    CHECK(by_halves > sliced.step());
    CHECK(worst < 0.02 * by_halves + 1e-6);  // what one step for all half pulses may err by; last places of W
  }
}

TEST_CASE("slices behind wires and of half-selected cells: the same bits by any number of threads and from a checkpoint",
          "[slices][threads]") {
  for (const auto& [mode, select] : {std::pair{PulseMode::accumulate, HalfSelect::third}, {PulseMode::coincidence, HalfSelect::half}}) {
    INFO((mode == PulseMode::accumulate ? "accumulate, third" : "trains, half"));
    constexpr Index kMany = 45;
    const std::vector<Layer> layers{{5, Activation::linear, 0}, {kMany - 1, Activation::hard_sigmoid, 0}, kLayers.back()};
    CrossbarOptions options;
    options.array = noisy();
    options.array.device.write_noise = 0.5;
    options.array.read_noise.white = 0.002;
    options.array.plan.mode = mode;
    options.array.max_rows = 40;
    options.array.max_cols = 4;
    put_behind_wires(options.array);
    options.array.wires.stale_error = 0.02;
    make_passive(options.array, select, 0.02);
    options.array.scheme.segment_ohm = 2;
    options.slices = {.slices = 2, .bits = 2, .correct = true, .carry_every = 2, .carry_band = 0.1};
    const Eigen::MatrixXf w = uniform(kOutputs, kMany, 0.3f, 1), x = uniform(kMany - 1, 3, 1, 2);
    Ledger ledger_one, ledger_three;
    Run one{.seed = 3, .threads = 1, .ledger = &ledger_one}, three{.seed = 3, .threads = 3, .ledger = &ledger_three};
    Run later{.seed = 3, .threads = 3};
    CrossbarCoupling<float> a(options, layers, 1, w, one), b(options, layers, 1, w, three), c(options, layers, 1, w, later);
    const auto train = [&](CrossbarCoupling<float>& coupling, std::uint32_t from, std::uint32_t to, Run& run) {
      for (std::uint32_t step = from; step < to; ++step) update(coupling, uniform(kOutputs, kMany - 1, 0.02f, 10 + step), step, run);
    };
    train(a, 0, 3, one);
    train(b, 0, 3, three);
    const std::vector<std::uint8_t> saved = bytes_of(a);
    CHECK(saved == bytes_of(b));
    ByteReader in(saved, "saved");
    c.restore(in);
    train(a, 3, 6, one);
    train(b, 3, 6, three);
    train(c, 3, 6, later);
    const std::vector<std::uint8_t> end = bytes_of(a);
    CHECK(end == bytes_of(b));
    CHECK(end == bytes_of(c));
    CHECK(ledger_one == ledger_three);
    const bool same_reads = read(a, Direction::forward, x, 9) == read(c, Direction::forward, x, 9) && a.read() == c.read();
    CHECK(same_reads);
    CHECK(a.slices()->carried().carries == 3);
    CHECK(a.slices()->carried().moved > 0);
    CHECK(ledger_one.at(1, kPhaseUpdate, Event::half_select).joule > 0);
  }
}

TEST_CASE("slices beside reference columns have neither wires nor half-selected cells, as one array there has not", "[slices]") {
  CrossbarOptions options;
  options.slices = {.slices = 2};
  options.array.mapping = Mapping::offset_column;
  CHECK(message_of([&] { options.validate(); }) == "nothing thrown");
  CrossbarOptions wired = options, passive = options;
  put_behind_wires(wired.array);
  make_passive(passive.array, HalfSelect::half, 0.1);
  CHECK(has(message_of([&] { wired.validate(); }), "wires.model"));
  CHECK(has(message_of([&] { passive.validate(); }), "half_select"));
}
