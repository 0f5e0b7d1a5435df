// Laws with an equation of motion: integration against small equal steps, limits, shapes of pulses, tables.
#include "crossbar/device/integrate.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/check.h"
#include "crossbar/device/device.h"
#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"
#include "tests/energy/message.h"
#include "tests/oracle/device_laws.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

struct Problem {
  PulseShape shape;
  std::vector<double> states;
};

/// Rectangles, edges, triangles, both polarities and a change of polarity, at volts where the HP device moves.
std::vector<Problem> problems() {
  std::vector<double> states;
  for (int i = 0; i <= 10; ++i) states.push_back(0.15 + 0.03 * i);
  std::vector<Problem> all;
  for (const double volt : {0.49, 0.52, -0.49, -0.51}) {
    all.push_back({PulseShape::pulse(volt, 2e-9), states});
    all.push_back({PulseShape::pulse(volt, 2e-9, 0.2e-9), states});
    all.push_back({PulseShape::pulse(volt, 2e-9, 2e-9), states});
  }
  all.push_back({PulseShape({{0, 0}, {1e-9, 0.5}, {3e-9, -0.5}, {4e-9, 0}}), states});
  all.push_back({PulseShape({{0, 0.3}, {1e-9, 0.4}, {1e-9, 0.48}, {2e-9, 0.2}}), states});
  return all;
}

Vteam wall() {
  Vteam m;
  m.k_on = -0.02, m.k_off = 5e-3, m.v_on = -0.2, m.v_off = 0.1;
  return m;
}

template <class Real, class Model>
std::vector<double> moves_of(const Model& model, const PulseShape& shape, const std::vector<double>& states,
                             const IntegrateOptions& options, bool done = true) {
  const std::vector<Real> x(states.begin(), states.end());
  std::vector<Real> moves(x.size());
  const IntegrateReport report = pulse_moves<Real>(model, shape, x, moves, options);
  CHECK(report.done == done);
  CHECK(report.steps + report.rejected > 0);
  return {moves.begin(), moves.end()};
}

template <class Model>
std::vector<double> reference_moves(const Model& model, const Problem& p, int steps) {
  std::vector<double> moves;
  for (const double x : p.states) moves.push_back(oracle::pulsed_state(model, p.shape, x, steps) - x);
  return moves;
}

double largest(const std::vector<double>& a) {
  double most = 0;
  for (const double x : a) most = std::max(most, std::abs(x));
  return most;
}

/// Largest difference over the largest change.
double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst / largest(b);
}

template <class Body>
void for_both_models(const Body& body) {
  body(Strachan{});
  body(wall());
}

double moved(const auto& model, double volt, double second, double x) {
  return moves_of<double>(model, PulseShape::pulse(volt, second), {x}, {})[0];
}

}  // namespace

TEST_CASE("integration comes as near to small equal steps as its tolerance says, and nearer with a smaller one") {
  for_both_models([](const auto& model) {
    double coarse_sum = 0, fine_sum = 0;
    for (const Problem& p : problems()) {
      CAPTURE(typeid(model).name(), p.shape.points()[1].volt, p.shape.points().size());
      const std::vector<double> reference = reference_moves(model, p, 4000);
      const double most = largest(reference);
      REQUIRE(most > 1e-7);
      // a tolerance is that of a step, of which there are some tens; the error of a kink is not seen in full
      const auto error = [&](auto real, const IntegrateOptions& o) {
        const double d = distance(moves_of<decltype(real)>(model, p.shape, p.states, o), reference);
        CHECK(d * most < 60 * (o.absolute + o.relative * most) + 2e-9);  // the last: of the reference, at a kink
        return d;
      };
      coarse_sum += error(1.0, {.relative = 1e-3, .absolute = 1e-6});
      error(1.0, {});
      error(1.0F, {});
      fine_sum += error(1.0, {.relative = 1e-8, .absolute = 1e-12});
    }
    CHECK(fine_sum < 0.001 * coarse_sum);
  });
}

TEST_CASE("halving the tolerance again and again converges") {
  const Problem p{PulseShape::pulse(0.5, 2e-9, 0.5e-9), {0.2, 0.28, 0.36}};
  const std::vector<double> reference = reference_moves(Strachan{}, p, 40000);
  double tolerance = 1e-3, best = 1;
  for (int k = 0; k < 24; ++k, tolerance /= 2) {
    const double error =
        distance(moves_of<double>(Strachan{}, p.shape, p.states, {.relative = tolerance, .absolute = 1e-3 * tolerance}), reference);
    CHECK(error < 30 * tolerance + 1e-9);
    best = std::min(best, error);
  }
  CHECK(best < 1e-8);
}

TEST_CASE("the reference itself has converged") {
  const Problem p{PulseShape::pulse(-0.51, 2e-9, 0.2e-9), {0.2, 0.28, 0.36}};
  CHECK(distance(reference_moves(Strachan{}, p, 200), reference_moves(Strachan{}, p, 20000)) < 1e-7);
}

TEST_CASE("a pulse of VTEAM is its integral, beyond the threshold alone") {
  const Vteam m = wall();
  // k_on (u - 1)^3 over a rectangle; over an edge the integral of it from the threshold to the top
  const double u = 0.5 / 0.2, flat = 0.02 / 3e-9 * std::pow(u - 1, 3) * 1e-9,
               edge = 0.02 / 3e-9 * 0.2 / 0.5 * 1e-9 * std::pow(u - 1, 4) / 4;
  CHECK(moved(m, 0.5, 1e-9, 0.3) == Approx(flat).epsilon(1e-6));
  const PulseShape ramp({{0, 0}, {1e-9, 0.5}, {2e-9, 0}});
  CHECK(moves_of<double>(m, ramp, {0.3}, {})[0] == Approx(2 * edge).epsilon(1e-4));
  CHECK(moved(m, -0.5, 1e-9, 0.3) == Approx(-5e-3 / 3e-9 * 4 * 1e-9).epsilon(1e-6));
  for (const double volt : {0.19, -0.09}) CHECK(moved(m, volt, 1, 0.3) == 0);
}

TEST_CASE("SET raises the state and RESET lowers it, more with more volts and with more time, and 0 V moves nothing") {
  for_both_models([](const auto& model) {
    for (const double x : {0.1, 0.2, 0.3, 0.45, 0.8}) {
      CAPTURE(typeid(model).name(), x);
      double before = 0;
      for (const double volt : {0.25, 0.35, 0.45, 0.5, 0.6, 0.8, 1.2}) {
        const double up = moved(model, volt, 1e-9, x), down = moved(model, -volt, 1e-9, x);
        CHECK(up >= 0);
        CHECK(down <= 0);
        CHECK(up - down > before);
        CHECK(up >= moved(model, 0.95 * volt, 1e-9, x));
        CHECK(down <= moved(model, -0.95 * volt, 1e-9, x));
        CHECK(up >= moved(model, volt, 0.5e-9, x));
        CHECK(down <= moved(model, -volt, 0.5e-9, x));
        if (up + x < 0.999 && x - 1e-3 > -down) before = up - down;
      }
      CHECK(before > 0);
      std::vector<double> none(1, 1.0);
      const std::vector<double> state(1, x);
      CHECK(pulse_moves<double>(model, PulseShape::pulse(0, 1), state, none).steps == 0);
      CHECK(none[0] == 0);
    }
  });
}

TEST_CASE("states stay in 0 .. 1 and are numbers, whatever the volts and however long", "[long]") {
  std::vector<double> states;
  for (int i = 0; i <= 200; ++i) states.push_back(i / 200.0);
  for_both_models([&](const auto& model) {
    for (const double volt : {0.5, 1.0, 2.0, 5.0, -0.5, -1.0, -2.0, -5.0})
      for (const double second : {1e-12, 1e-9, 1e-3, 1.0})
        for (const double edge : {0.0, 0.3}) {
          CAPTURE(typeid(model).name(), volt, second, edge);
          const PulseShape shape = PulseShape::pulse(volt, second, edge * second);
          const auto check = [&](const std::vector<double>& moves, double rounding) {
            bool inside = true, signs = true;
            for (std::size_t i = 0; i < states.size(); ++i) {
              inside &= states[i] + moves[i] >= -rounding && states[i] + moves[i] <= 1 + rounding;  // false for NaN
              signs &= volt > 0 ? moves[i] >= 0 : moves[i] <= 0;
            }
            CHECK(inside);
            CHECK(signs);
          };
          check(moves_of<double>(model, shape, states, {}), 1e-15);
          check(moves_of<float>(model, shape, states, {}), 2e-7);
        }
  });
  // 2 V take any device that is not quite off to its end within a nanosecond
  CHECK(moved(Strachan{}, 2, 1e-9, 0.2) == Approx(0.8));
  CHECK(moved(Strachan{}, -2, 1e-9, 0.5) < -0.4);
}

TEST_CASE("two halves of a pulse are the pulse, and devices move alike alone or among others") {
  std::vector<double> states;
  for (int i = 0; i < 300; ++i) states.push_back(0.18 + 0.0007 * i);
  for_both_models([&](const auto& model) {
    for (const double volt : {0.5, -0.5}) {
      const IntegrateOptions fine{.relative = 1e-9, .absolute = 1e-13};
      const std::vector<double> whole = moves_of<double>(model, PulseShape::pulse(volt, 2e-9), states, fine);
      const std::vector<double> half = moves_of<double>(model, PulseShape::pulse(volt, 1e-9), states, fine);
      std::vector<double> middle = states;
      for (std::size_t i = 0; i < states.size(); ++i) middle[i] += half[i];
      const std::vector<double> other = moves_of<double>(model, PulseShape::pulse(volt, 1e-9), middle, fine);
      for (std::size_t i = 0; i < states.size(); i += 37) {
        CHECK(half[i] + other[i] == Approx(whole[i]).epsilon(1e-6));
        CHECK(moves_of<double>(model, PulseShape::pulse(volt, 2e-9), {states[i]}, fine)[0] == Approx(whole[i]).epsilon(1e-6));
      }
    }
  });
}

TEST_CASE("running out of steps is told, not hidden") {
  moves_of<double>(Strachan{}, PulseShape::pulse(0.5, 2e-9, 0.2e-9), {0.3}, {.relative = 1e-12, .absolute = 1e-16, .max_steps = 5}, false);
}

TEST_CASE("shapes of pulses: volts at a time, lines cut at 0 V, and what is no shape") {
  const PulseShape p = PulseShape::pulse(2, 10e-9, 2e-9);
  CHECK(p.volt_at(0) == 0);
  CHECK(p.volt_at(1e-9) == Approx(1));
  CHECK(p.volt_at(5e-9) == 2);
  CHECK(p.volt_at(11e-9) == Approx(1));
  CHECK(p.volt_at(13e-9) == 0);
  CHECK(p.volt_at(-1) == 0);
  CHECK(PulseShape({{0, 1}, {1, 1}, {1, 3}, {2, 3}}).volt_at(1) == 3);
  const PulseShape both({{0, 1}, {3, -2}});
  REQUIRE(both.points().size() == 3);
  CHECK(both.points()[1].second == Approx(1));
  CHECK(both.points()[1].volt == 0);
  CHECK(has(message_of([] { PulseShape({{0, 1}}); }), "expected two or more"));
  CHECK(has(message_of([] { PulseShape({{1, 1}, {0, 1}}); }), "before that of the last point"));
  CHECK(has(message_of([] { PulseShape({{0, std::nan("")}, {1, 1}}); }), "volts"));
  CHECK(has(message_of([] { PulseShape::pulse(1, 1e-9, 2e-9); }), "edge of a pulse"));
}

TEST_CASE("tables of integrated laws are their equations to 1e-4 of a step, in the window of any device") {
  std::vector<DevicePreset> devices = device_of_normal_noise();
  devices.push_back(preset("TaOx-HP"));
  int integrated = 0;
  for (const DevicePreset& d : devices) {
    if (!d.law_integrates()) continue;
    ++integrated;
    CAPTURE(d.name);
    const PulseConditions c = std::visit(
        []<class Law>(const Law& law) {
          if constexpr (NeedsIntegration<Law>)
            return law.conditions();
          else
            return PulseConditions{};
        },
        d.law);
    CHECK(c == PulseConditions{d.G_min, d.G_max, d.read_volt, d.set_volt, d.reset_volt, d.pulse_second});
    double worst = 0;
    for (int k = 0; k <= 3000; ++k)
      for (const bool up : {true, false}) {
        const double g = d.G_min + d.window() * k / 3000, expected = oracle::mean_step(d.law, {}, g, up, d.G_min, d.G_max);
        worst = std::max(worst, std::abs(d.mean_step(g, up) / expected - 1));
        // another window: the step at the same place
        const double low = 1.1 * d.G_min, high = 0.9 * d.G_max, at = low + (high - low) * k / 3000;
        const double other = std::visit(
            [&](const auto& law) {
              return double{law.mean_step(static_cast<float>(at), up, static_cast<float>(low), static_cast<float>(high))};
            },
            d.law);
        worst = std::max(worst, std::abs(other / expected - 1));
      }
    CHECK(worst < 1e-4);
  }
  CHECK(integrated == 3);
}

TEST_CASE("TaOx-HP crosses its window in some hundred pulses either way") {
  const DevicePreset d = preset("TaOx-HP");
  CHECK(d.law_integrates());
  CHECK_NOTHROW(d.validate());
  double sum = 0;
  for (const bool set : {true, false}) {
    double g = set ? d.G_min : d.G_max;
    int pulses = 0;
    for (; pulses < 2000 && (set ? g < d.G_max : g > d.G_min); ++pulses) g += d.mean_step(g, set);
    CHECK(pulses > 50);
    CHECK(pulses < 300);
    sum += pulses;
  }
  CHECK(d.pulses_per_window == sum / 2);
}

TEST_CASE("steps that were integrated for something else are refused, and so is a law that cannot be integrated") {
  const DevicePreset good = preset("TaOx-HP");
  const auto refused = [&](const auto& change) {
    DevicePreset d = good;
    change(d);
    return message_of([&] { d.validate(); });
  };
  for (const auto& message : {refused([](DevicePreset& d) { d.set_volt = 0.49; }), refused([](DevicePreset& d) { d.G_max = 8e-3; }),
                              refused([](DevicePreset& d) { d.pulse_second = 1e-9; }), refused([](DevicePreset& d) { d.read_volt = 0.1; }),
                              refused([](DevicePreset& d) { std::get<StrachanStep>(d.law).model.s_p = 5e-5; }),
                              refused([](DevicePreset& d) { std::get<StrachanStep>(d.law).edge_second = 0; }),
                              refused([](DevicePreset& d) { d.law = VteamStep(); })})
    CHECK(has(message, "are not those of its window, volts and seconds"));
  DevicePreset longer = good;
  longer.pulse_second *= 2;
  longer.integrate_law();
  CHECK_NOTHROW(longer.validate());
  CHECK(longer.nominal_step() > 1.8 * good.nominal_step());
  const auto integrating = [&](const auto& change) {
    DevicePreset d = good;
    change(d);
    return message_of([&] { d.integrate_law(); });
  };
  CHECK(has(integrating([](DevicePreset& d) { d.G_max = 26e-3; }), "not within what the state of the law reaches"));
  CHECK(has(integrating([](DevicePreset& d) { d.G_min = 1e-6; }), "not within what the state of the law reaches"));
  CHECK(has(integrating([](DevicePreset& d) { d.set_volt = 0.01; }), "does not move a device"));
  CHECK(has(integrating([](DevicePreset& d) { d.reset_volt = 0.5; }), "volts of a RESET pulse"));
  // a law that has no equation of motion is left as it is
  DevicePreset soft = preset("TaOx-180nm");
  soft.integrate_law();
  CHECK_FALSE(soft.law_integrates());
  CHECK(soft.pulses_per_window == 200);
  CHECK_THROWS_AS(StrachanStep().mean_step(1, true, 0, 1), std::logic_error);
}
