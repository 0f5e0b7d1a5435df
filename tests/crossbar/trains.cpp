// Coincidence trains: their mean is the outer product, and a device gets the pulses of its coincidences, one by one.
#include "crossbar/trains.h"

#include <bit>
#include <cmath>

#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

OuterProduct product(Eigen::Index lines, Eigen::Index outputs, Eigen::Index samples, double rate) {
  OuterProduct p{uniform(lines, samples, 1.0f, 1), uniform(outputs, samples, 0.4f, 2), rate};
  p.lines.row(1).setZero();
  return p;
}

Trains drawn(const OuterProduct& p, double step, int length, std::uint32_t at) {
  return draw_trains(std::span(&p, 1), step, length, RandomKey(3, Purpose::pulse_train, 0), RandomKey(3, Purpose::pulse_train, 1),
                     {.step = at});
}

/// Slots of all trains in which a line or an output fires alone, both do, neither does.
struct Slots {
  int lone = 0, together = 0, idle = 0;
};
Slots slots_of(const Trains& t, Eigen::Index line, Eigen::Index output) {
  Slots out;
  for (Eigen::Index s = 0; s < t.lines.cols(); ++s)
    for (int slot = 0; slot < 32; ++slot) {
      const bool i = t.lines(line, s) >> slot & 1u, j = t.outputs(output, s) >> slot & 1u;
      out.lone += i != j ? 1 : 0;
      out.together += i && j ? 1 : 0;
    }
  out.idle = static_cast<int>(t.slots) - out.lone - out.together;
  return out;
}

/// Signed pulses of a train at a crossing.
int pulses(const Trains& t, Eigen::Index line, Eigen::Index output, Eigen::Index s) {
  const float sign = t.line_sign(line, s) * t.output_sign(output, s);
  return static_cast<int>(sign) * std::popcount(t.lines(line, s) & t.outputs(output, s));
}

}  // namespace

TEST_CASE("the mean of the trains is the outer product", "[trains]") {
  for (const double rate : {0.002, -0.05}) {
    const OuterProduct p = product(7, 5, 3, rate);
    const double step = 0.001;
    const int repeats = 3000;
    Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(5, 7), squares = sum;
    for (int k = 0; k < repeats; ++k) {
      const Trains t = drawn(p, step, 31, static_cast<std::uint32_t>(k));
      Eigen::MatrixXd once = Eigen::MatrixXd::Zero(5, 7);
      for (Eigen::Index s = 0; s < t.lines.cols(); ++s)
        for (Eigen::Index i = 0; i < 7; ++i)
          for (Eigen::Index j = 0; j < 5; ++j) once(j, i) += step * pulses(t, i, j, s);
      sum += once;
      squares += once.cwiseAbs2();
      CHECK(t.cut == 0);
      CHECK(t.wanted == 3 * 6 * 5);
    }
    const Eigen::MatrixXd wanted = rate * (p.outputs * p.lines.transpose()).cast<double>();
    for (Eigen::Index i = 0; i < 7; ++i)
      for (Eigen::Index j = 0; j < 5; ++j) {
        const double mean = sum(j, i) / repeats, sd = std::sqrt(squares(j, i) / repeats - mean * mean);
        CHECK(std::abs(mean - wanted(j, i)) <= 5 * sd / std::sqrt(repeats));
      }
    CHECK(sum.col(1).isZero());
  }
}

TEST_CASE("a train is as long as its product needs, and what the longest does not serve is counted", "[trains]") {
  const OuterProduct weak = product(7, 5, 1, 1e-5), strong = product(7, 5, 1, 1.0);
  CHECK(drawn(weak, 0.001, 31, 0).slots == 1);
  const Trains t = drawn(strong, 0.001, 20, 0);
  CHECK(t.slots == 20);
  CHECK(t.cut == t.wanted);
  OuterProduct none = weak;
  none.outputs.setZero();
  CHECK(drawn(none, 0.001, 31, 0).lines.cols() == 0);
}

TEST_CASE("an array's devices get the pulses of their coincidences, on any tiles, by any number of threads", "[trains][threads]") {
  for (DevicePreset device : device_of_every_law()) {
    INFO(device.name);
    ArrayOptions options = quiet(device);
    options.plan.mode = PulseMode::coincidence;
    options.max_rows = 37;
    options.max_cols = 16;
    const Eigen::MatrixXf w = uniform(41, 71, 0.5f, 1);
    Ledger ledger;
    Run one{.seed = 3, .threads = 1, .ledger = &ledger}, many{.seed = 3, .threads = 5};
    Array array(options, 0, w, one), beside(options, 0, w, many);
    const std::int64_t before = array.pulses();
    const auto circuits_before = ledger.total(Event::write_circuit).count;
    const OuterProduct p{uniform(71, 4, 1.0f, 1), uniform(41, 4, 0.4f, 2), 4 * array.weight_step()};
    const Trains t = draw_trains(std::span(&p, 1), array.weight_step(), 31, RandomKey(3, Purpose::pulse_train, 0),
                                 RandomKey(3, Purpose::pulse_train, 1), {.step = 9, .phase = kPhaseUpdate});
    std::int64_t expected = 0, fired = 0;
    for (Eigen::Index s = 0; s < t.lines.cols(); ++s) {
      for (Eigen::Index i = 0; i < 71; ++i)
        for (Eigen::Index j = 0; j < 41; ++j) expected += std::abs(pulses(t, i, j, s));
      for (Eigen::Index i = 0; i < 71; ++i) fired += 3 * std::popcount(t.lines(i, s));    // three tiles along a line
      for (Eigen::Index j = 0; j < 41; ++j) fired += 2 * std::popcount(t.outputs(j, s));  // two along a column
    }
    const UpdateReport report = array.update_trains(std::span(&p, 1), {.step = 9}, one);
    beside.update_trains(std::span(&p, 1), {.step = 9}, many);
    CHECK(expected > 500);
    CHECK(report.pulses == expected);
    CHECK(array.pulses() - before == expected);
    CHECK(ledger.total(Event::write_circuit).count - circuits_before == fired);
    CHECK(ledger.total(Event::half_select).joule > 0);
    CHECK(bytes_of(array) == bytes_of(beside));
    // and the weights moved along the product
    const Eigen::MatrixXf moved = array.weights() - beside.weights();
    CHECK(moved.isZero());
  }
}

TEST_CASE("joules of half-selected cells under trains are those of a loop over slots, lines and cells", "[trains]") {
  for (const HalfSelect select : {HalfSelect::gated, HalfSelect::half, HalfSelect::third}) {
    CAPTURE(static_cast<int>(select));
    ArrayOptions options = quiet();
    options.plan.mode = PulseMode::coincidence;
    options.max_rows = 37;
    options.max_cols = 16;
    options.device.cycle_sd = 0.3;
    ArrayOptions passive = options;
    passive.device.half_step = 0.2;
    passive.scheme.half_select = select;
    constexpr double kNonlinearity = 10;  // of the current; gated cells have none
    if (select != HalfSelect::gated) passive.scheme.nonlinearity = kNonlinearity;
    const Eigen::MatrixXf w = uniform(41, 71, 0.5f, 1);
    Ledger ledger;
    Run run{.seed = 3, .threads = 2}, plain{.seed = 3};
    Array array(passive, 0, w, run), gated(options, 0, w, plain);
    std::vector<Tile> before(array.tiles().begin(), array.tiles().end());
    for (std::size_t t = 0; t < before.size(); ++t) gated.tiles()[t] = before[t];
    const OuterProduct p{uniform(71, 4, 1.0f, 1), uniform(41, 4, 0.4f, 2), 4 * array.weight_step()};
    const Trains trains = draw_trains(std::span(&p, 1), array.weight_step(), 31, RandomKey(3, Purpose::pulse_train, 0),
                                      RandomKey(3, Purpose::pulse_train, 1), {.step = 9, .phase = kPhaseUpdate});
    run.ledger = &ledger;
    array.update_trains(std::span(&p, 1), {.step = 9}, run);
    gated.update_trains(std::span(&p, 1), {.step = 9}, plain);  // the same pulses, without what they half-select

    // [V^2] that heats a cell of 1 S for a slot, the mean of both polarities: f i(f) V^2
    const DevicePreset& device = options.device;
    const double q = 2 * std::acosh(kNonlinearity / 2), f = select == HalfSelect::third ? 1.0 / 3 : 0.5;
    const double current = select == HalfSelect::gated ? f : std::sinh(q * f) / std::sinh(q);
    const double square = f * current * (device.set_volt * device.set_volt + device.reset_volt * device.reset_volt) / 2;
    double joule = 0;
    Eigen::Index first_line = 0, first_output = 0;
    for (std::size_t t = 0; t < before.size(); ++t) {
      const Tile &was = before[t], &pulsed = gated.tiles()[t], &is = array.tiles()[t];
      for (Eigen::Index i = 0; i < was.lines(); ++i)
        for (Eigen::Index j = 0; j < was.outputs(); ++j) {
          const Slots slots = slots_of(trains, first_line + i, first_output + j);
          for (const int plane : {0, 1}) {
            const auto of = [&](const Tile& tile) -> const DevicePlane& { return plane == 0 ? tile.plus : tile.minus; };
            const int own = static_cast<int>(of(is).pulses(j, i) - of(was).pulses(j, i));
            // where both fire one device of the pair is pulsed, the other one half-selected; gated cells are charged for every firing
            int heated = slots.lone + slots.together - own;
            if (select == HalfSelect::third) heated += slots.idle;
            if (select == HalfSelect::gated) heated = slots.lone + 2 * slots.together;
            const double first = double{of(select == HalfSelect::gated ? is : pulsed).g(j, i)}, last = double{of(is).g(j, i)};
            joule += heated * square * device.pulse_second * (first + last) / 2;
          }
        }
      first_output += was.outputs();
      if (first_output < 41) continue;
      first_output = 0;
      first_line += was.lines();
    }
    REQUIRE(first_line == 71);
    // sums in double of conductances in float, two of which are added in float
    CHECK(ledger.at(0, kPhaseUpdate, Event::half_select).joule == Approx(joule).epsilon(1e-7));
    REQUIRE(array.update_totals().pulses > 500);
    const bool moved = array.weights() != gated.weights();
    CHECK(moved == (select != HalfSelect::gated));
  }
}

TEST_CASE("trains move the weights along the outer product", "[trains]") {
  ArrayOptions options = quiet();
  options.plan.mode = PulseMode::coincidence;
  Run run{.seed = 3, .threads = 2};
  Array array(options, 0, uniform(30, 41, 0.1f, 1), run);
  const Eigen::MatrixXf before = array.weights();
  const OuterProduct p{uniform(41, 1, 1.0f, 1), uniform(30, 1, 1.0f, 2), 20 * array.weight_step()};
  array.update_trains(std::span(&p, 1), {.step = 9}, run);
  const Eigen::MatrixXf wanted = static_cast<float>(p.rate) * p.outputs * p.lines.transpose(), moved = array.weights() - before;
  CHECK(moved.cwiseProduct(wanted).sum() / (moved.norm() * wanted.norm()) > 0.9f);
}

TEST_CASE("lines are read one at a time: their weights", "[trains]") {
  ArrayOptions options = quiet();
  options.max_rows = 16;
  options.max_cols = 16;
  Ledger ledger;
  Run run{.seed = 3, .threads = 2, .ledger = &ledger};
  const Array array(options, 0, uniform(30, 41, 0.1f, 1), run);
  const int lines[] = {40, 0, 17};
  Eigen::MatrixXf out(30, 3);
  const auto before = ledger.total(Event::cell_read);
  array.read_lines(lines, out, {.step = 1, .phase = kPhaseUpdate}, run);
  for (int k = 0; k < 3; ++k) CHECK(out.col(k).isApprox(array.weights().col(lines[k]), 1e-5f));
  double siemens = 0;
  for (const Tile& tile : array.tiles()) siemens += tile.line_sum.sum();
  const double watt = ledger.total(Event::cell_read).watt - before.watt;
  CHECK(watt > 0);
  CHECK(watt < 0.04 * siemens);
}
