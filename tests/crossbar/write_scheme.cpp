// Weaker pulses and pulses behind their lines: shares of a full pulse, paths against the exact circuit, arrays of passive cells as a whole.
#include "crossbar/write_scheme.h"

#include <cmath>

#include "base/check.h"
#include "crossbar/wires/reference.h"
#include "crossbar/write_drop.h"
#include "tests/catch.h"
#include "tests/crossbar/write_samples.h"
#include "tests/oracle/device_laws.h"

using namespace eqprop;
using namespace eqprop::testing;

TEST_CASE("the sinh law: its half value, its ends, a straight line at 0.5", "[write_scheme]") {
  for (const double h : {0.5, 0.4999, 0.3, 0.1, 1e-3, 1e-9}) {
    INFO("h " << h);
    CHECK(sinh_share(0.5, h) == Approx(h).epsilon(1e-9));
    CHECK(sinh_share(1, h) == Approx(1).epsilon(1e-12));
    CHECK(sinh_share(0, h) == 0);
    const double k = 2 * std::acosh(1 / (2 * h));
    if (h < 0.5) CHECK(sinh_share(1.0 / 3, h) == Approx(std::sinh(k / 3) / std::sinh(k)).epsilon(1e-9));
  }
  CHECK(sinh_share(0.3, 0.5) == Approx(0.3));
  // the table of weaker pulses, and a selector on top
  for (const double h : {0.4, 0.02})
    for (const double nonlinearity : {2.0, 1000.0}) {
      DevicePreset device = stated(preset("TaOx-180nm"), h);
      const WriteScheme scheme{.half_select = HalfSelect::half, .nonlinearity = nonlinearity, .segment_ohm = 1, .driver_ohm = 0};
      const PulseStrength strength(device, scheme);
      CHECK(strength.direct[0] == Approx(h * 2 / nonlinearity));
      CHECK(strength.heat[1] == Approx(0.5 / nonlinearity * 1.44 * 100e-9));
      CHECK(strength.heat_rest[1] == 0);
      for (double f = 0.013; f <= 1; f += 0.037) {
        const double exact = sinh_share(f, h) * sinh_share(f, 1 / nonlinearity) / f;
        CHECK(std::abs(double{strength.at(static_cast<float>(f), true)} - exact) <= 1e-4 * exact + 1e-6);
      }
      CHECK(strength.at(1, true) == 1);
    }
}

TEST_CASE("laws with an equation of motion say themselves what half a pulse does", "[write_scheme]") {
  for (const DevicePreset& device : device_of_normal_noise()) {
    if (!device.law_integrates()) continue;
    INFO(device.name);
    const WriteScheme scheme{.half_select = HalfSelect::third, .nonlinearity = 2, .segment_ohm = 1, .driver_ohm = 0};
    const PulseStrength strength(device, scheme);
    const double middle = (device.G_min + device.G_max) / 2;
    std::visit(
        [&]<class Law>(const Law& law) {
          if constexpr (NeedsIntegration<Law>) {
            const auto move = [&](double volt) {
              const double x = oracle::state_of(law.model, middle, device.read_volt);
              const PulseShape shape = PulseShape::pulse(volt, device.pulse_second, law.edge_second);
              return oracle::siemens(law.model, oracle::pulsed_state(law.model, shape, x, 4000), device.read_volt) - middle;
            };
            for (const bool set : {false, true}) {
              const double volt = set ? device.set_volt : device.reset_volt, other = set ? device.reset_volt : device.set_volt;
              CHECK(strength.direct[set] == Approx(move(volt / 3) / move(volt)).epsilon(1e-3).margin(1e-6));
              CHECK(strength.opposite[set] == Approx(move(-other / 3) / move(volt)).epsilon(1e-3).margin(1e-6));
              for (const double f : {0.3, 0.55, 0.8, 0.9, 0.97})
                CHECK(double{strength.at(static_cast<float>(f), set)} == Approx(move(f * volt) / move(volt)).epsilon(0.01).margin(1e-4));
            }
          }
        },
        device.law);
  }
}

TEST_CASE("a cell in series with its path: the exact circuit where no other cell conducts", "[write_scheme]") {
  const Index outputs = 9, lines = 17;
  const PulseStrength strength(stated(preset("TaOx-180nm"), 0.1), {.segment_ohm = 20, .driver_ohm = 300});
  const WriteDrop drop{20, 300, lines, &strength};
  for (const auto& [line, output, plane] : {std::tuple{Index{0}, Index{0}, 0}, {Index{16}, Index{8}, 1}, {Index{5}, Index{3}, 1}}) {
    const double g = 90e-6;
    Eigen::MatrixXd cells = Eigen::MatrixXd::Zero(lines, 2 * outputs);
    cells(line, 2 * output + plane) = g;
    Eigen::VectorXd volt = Eigen::VectorXd::Zero(lines);
    volt[line] = 1.2;
    const WireReference exact = solve_reference(cells, {.segment_ohm = 20, .driver_ohm = 200, .sense_ohm = 100}, Direction::forward, volt);
    const double seen = exact.word(line, 2 * output + plane) - exact.bit(line, 2 * output + plane);
    CHECK(double{drop.share(static_cast<float>(g), drop.wire_ohm(line, output, plane))} == Approx(seen / 1.2).epsilon(1e-6));
  }
}

TEST_CASE("pulses behind lines: each device by its own series circuit, whether few or many are written", "[write_scheme]") {
  for (DevicePreset device : device_of_every_law()) {
    device = stated(device, 0.05);
    device.cycle_sd = device.step_spread = device.bound_spread = 0;
    INFO(device.name);
    const WriteScheme scheme{.segment_ohm = 12, .driver_ohm = 150};
    const PulseStrength strength(device, scheme);
    const Index outputs = 40, lines = 35;
    const WriteDrop drop{12, 150, lines, &strength};
    const PulsePlan plan{.mode = PulseMode::count};
    Tile start(device, 3, 0, outputs, lines, false, false);
    start.plus.g.setConstant(static_cast<float>(device.G_min + 0.3 * device.window()));
    start.minus.g.setConstant(static_cast<float>(device.G_min + 0.4 * device.window()));
    const double step = 1;
    Eigen::MatrixXf many = uniform(outputs, lines, 3.4f, 9), few = Eigen::MatrixXf::Zero(outputs, lines);
    few.row(7) = many.row(7);
    Tile sparse = start, dense = start;
    PulseTotals totals[2];
    for (Index b = 0; b < start.blocks(); ++b) {
      update_block(sparse, b, few, device, plan, step, 3, {}, totals[0], {.drop = &drop});
      update_block(dense, b, many, device, plan, step, 3, {}, totals[1], {.drop = &drop});
    }
    CHECK(sparse.plus.g.row(7) == dense.plus.g.row(7));
    CHECK(sparse.minus.g.row(7) == dense.minus.g.row(7));
    // one by one, all of them SET pulses below the middle
    const QuantileData data = sample_table();
    double cell = 0, wire = 0, driver = 0, source = 0, worst = 0;
    for (Index line = 0; line < lines; ++line)
      for (Index j = 0; j < outputs; ++j) {
        const int n = static_cast<int>(std::abs(many(j, line)) + 0.5f);
        const int plane = many(j, line) > 0 ? 0 : 1;
        double g = double{(plane == 0 ? start.plus : start.minus).g(j, line)};
        const double ohm = 12.0 * static_cast<double>(2 * j + plane + 1 + lines - line);
        for (int p = 0; p < n; ++p) {
          const double share = 1 / (1 + g * (ohm + 150));
          const double after = g + double{strength.at(static_cast<float>(share), true)} *
                                       oracle::mean_step(device.law, data, g, true, device.G_min, device.G_max);
          const double mean = (g + after) / 2;
          cell += share * share * mean;
          wire += share * share * mean * mean * ohm;
          driver += share * share * mean * mean * 150;
          source += share * g;
          g = after;
        }
        worst = std::max(worst, std::abs(g - double{(plane == 0 ? dense.plus : dense.minus).g(j, line)}));
      }
    CHECK(worst <= 1e-3 * device.nominal_step());
    CHECK(totals[1].reset == 0);
    CHECK(totals[1].set_siemens == Approx(cell).epsilon(1e-4));
    CHECK(totals[1].set_loss.wire == Approx(wire).epsilon(1e-4));
    CHECK(totals[1].set_loss.driver == Approx(driver).epsilon(1e-4));
    // what the source delivers; G moves by a step within a pulse
    CHECK(cell + wire + driver == Approx(source).epsilon(0.02));
  }
}

TEST_CASE("an array of passive cells: bits, joules, threads, going on after a stop", "[write_scheme]") {
  for (const HalfSelect select : {HalfSelect::half, HalfSelect::third})
    for (const PulseMode mode : {PulseMode::sign, PulseMode::count, PulseMode::accumulate, PulseMode::coincidence}) {
      INFO(static_cast<int>(select) << ", " << static_cast<int>(mode));
      ArrayOptions options = with_scheme(select, 0.01);
      options.device.cycle_sd = 0.3;
      options.device.write_noise = 1;
      options.plan.mode = mode;
      options.max_rows = 37;
      options.max_cols = 16;
      options.write.passes = 2;
      options.scheme.segment_ohm = 2;
      options.scheme.driver_ohm = 100;
      const Eigen::MatrixXf w = uniform(41, 71, 0.5f, 1);
      Ledger ledger_one, ledger_many;
      Run one{.seed = 3, .threads = 1, .ledger = &ledger_one}, many{.seed = 3, .threads = 3, .ledger = &ledger_many};
      Array array(options, 0, w, one), beside(options, 0, w, many);
      const auto update = [&](Array& a, std::uint32_t step, Run& run) {
        const OuterProduct p{uniform(71, 4, 1.0f, 20 + step), uniform(41, 4, 0.4f, 30 + step), 4 * a.weight_step()};
        if (mode == PulseMode::coincidence)
          a.update_trains(std::span(&p, 1), {.step = step}, run);
        else
          a.update((static_cast<float>(p.rate) * p.outputs * p.lines.transpose()).eval(), {.step = step}, run);
      };
      update(array, 1, one);
      update(beside, 1, many);
      CHECK(bytes_of(array) == bytes_of(beside));
      ByteWriter writer;
      array.save(writer);
      Run third_run{.seed = 3, .threads = 2};
      Array again(options, 0, w, third_run);
      ByteReader reader(writer.bytes(), "array");
      again.restore(reader);
      update(array, 2, one);
      update(beside, 2, many);
      update(again, 2, third_run);
      CHECK(bytes_of(array) == bytes_of(beside));
      CHECK(bytes_of(array) == bytes_of(again));
      CHECK(ledger_one == ledger_many);
      for (const PhaseId phase : {kPhaseInitialWrite, kPhaseUpdate})
        for (const Event event : {Event::half_select, Event::wire_loss, Event::driver_loss}) {
          CHECK(ledger_one.at(0, phase, event).joule > 0);
          CHECK(ledger_one.at(0, phase, event).count > 0);
        }
    }
}

TEST_CASE("a pulse on one device of an array reaches its line and its column, and nothing else", "[write_scheme]") {
  for (const HalfSelect select : {HalfSelect::gated, HalfSelect::half, HalfSelect::third}) {
    ArrayOptions options = with_scheme(select, 0.1);
    options.plan.mode = PulseMode::count;
    options.write.tolerance = 1;  // every device stays at its lower bound
    options.max_rows = 6;
    Ledger ledger;
    Run run{.seed = 3, .threads = 2, .ledger = &ledger};
    Array array(options, 0, uniform(4, 12, 0.5f, 1), run);
    REQUIRE(array.pulses() == 0);
    Eigen::MatrixXf wanted = Eigen::MatrixXf::Zero(4, 12);
    wanted(2, 1) = static_cast<float>(array.weight_step());
    array.update(wanted, {.step = 1}, run);
    REQUIRE(array.pulses() == 1);
    const Tile &near = array.tiles()[0], &far = array.tiles()[1];
    const float low = near.plus.low(0, 0);
    const double half = select == HalfSelect::gated ? 0 : 5.0 + 7.0;  // cells on the column, on the line
    CHECK(((near.plus.g.array() > low).count() + (near.minus.g.array() > low).count() - 1) == half);
    CHECK((far.plus.g.array() == low).all());
    CHECK((near.plus.g.col(1).array() > low).count() == (select == HalfSelect::gated ? 1 : 4));
    CHECK(near.minus.g(2, 0) == low);
    // joules of cells that stay nearly at their bound
    const double volt = 1.2, part = select == HalfSelect::half ? 0.25 : 1.0 / 9, cells = select == HalfSelect::half ? 12 : 47;
    const double joule = ledger.at(0, kPhaseUpdate, Event::half_select).joule;
    CHECK(joule == Approx(select == HalfSelect::gated ? 0.0 : part * volt * volt * 100e-9 * cells * double{low}).epsilon(0.05));
    CHECK(ledger.at(0, kPhaseUpdate, Event::half_select).count == (select == HalfSelect::gated ? 0 : 2));
  }
}

TEST_CASE("what later writes do to a written array, a second pass mends", "[write_scheme]") {
  const Eigen::MatrixXf w = uniform(16, 33, 0.5f, 1);
  // devices further from their goals than they were written to
  const auto outside = [&](double half_step, int passes) {
    ArrayOptions options = with_scheme(HalfSelect::half, half_step);
    options.write.tolerance = 1e-6;
    options.write.passes = passes;
    Run run{.seed = 3, .threads = 2};
    const Array array(options, 0, w, run);
    CHECK(array.initial_write().devices == array.devices());
    CHECK(array.initial_write().pulses == array.pulses());
    const Tile& tile = array.tiles().front();
    const Eigen::ArrayXXf half = w.array() * static_cast<float>(array.siemens_per_weight() / 2);
    const auto middle = static_cast<float>((options.device.G_min + options.device.G_max) / 2);
    const auto far = [&](const Eigen::MatrixXf& g, const Eigen::ArrayXXf& goal) { return ((g.array() - goal).abs() > 1.001e-6f).count(); };
    return far(tile.plus.g, middle + half) + far(tile.minus.g, middle - half);
  };
  const auto none = outside(1e-9, 1), once = outside(1e-3, 1), twice = outside(1e-3, 2);
  INFO("of " << 2 * w.size() << " devices: " << none << ", " << once << ", " << twice);
  CHECK(none == 0);
  CHECK(once > w.size() / 2);
  CHECK(twice < once / 10);
}

TEST_CASE("a scheme that a device cannot answer for is refused with what to set", "[write_scheme]") {
  const auto refused = [&](const ArrayOptions& options, const std::string& word) {
    try {
      options.validate();
    } catch (const InputError& error) {
      const std::string text = error.message() + " / " + error.remedy();
      INFO(text);
      CHECK(text.find(word) != std::string::npos);
      return;
    }
    FAIL("was accepted");
  };
  ArrayOptions options = quiet();
  options.scheme.half_select = HalfSelect::half;
  refused(options, "device.half_step");
  options.scheme = {.driver_ohm = 10};
  refused(options, "device.half_step");
  options.device.half_step = 0.6;
  refused(options, "half_step");
  options.device.half_step = 0.1;
  options.validate();
  options.scheme = {.nonlinearity = 10};
  refused(options, "write_nonlinearity");
  options.scheme = {.half_select = HalfSelect::third, .nonlinearity = 1};
  refused(options, "nonlinearity");
  options.scheme = {.segment_ohm = -1};
  refused(options, "segment_ohm");
  options.scheme = {};
  options.write.passes = 0;
  refused(options, "passes");
  options = quiet(preset("HfOx-NeuRRAM"));
  options.scheme.half_select = HalfSelect::half;
  refused(options, "verify_only");
}
