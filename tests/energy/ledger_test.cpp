#include "energy/ledger.h"

#include <limits>
#include <set>
#include <stdexcept>
#include <tuple>

#include "base/check.h"
#include "tests/catch.h"
#include "tests/energy/message.h"
#include "tests/energy/random_ledger.h"

using namespace eqprop;
using namespace eqprop::testing;

TEST_CASE("event and phase names are distinct and read back", "[ledger]") {
  std::set<std::string> events, phases;
  for (std::size_t i = 0; i < kEventCount; ++i) {
    const Event event = static_cast<Event>(i);
    events.insert(std::string(event_name(event)));
    CHECK(event_from_name(event_name(event)) == event);
  }
  for (std::size_t i = 0; i < kPhaseCount; ++i) {
    const PhaseId phase = static_cast<PhaseId>(i);
    phases.insert(phase_name(phase));
    CHECK(phase_from_name(phase_name(phase)) == phase);
  }
  CHECK(events.size() == kEventCount);
  CHECK(phases.size() == kPhaseCount);

  // anchors: a shifted table would still read back
  CHECK(event_name(Event::cell_read) == "cell_read");
  CHECK(event_name(Event::adc) == "adc");
  CHECK(event_name(Event::write_circuit) == "write_circuit");
  CHECK(event_name(Event::verify_read) == "verify_read");
  CHECK(event_name(Event::control) == "control");
  CHECK(phase_name(kPhaseInput) == "input");
  CHECK(phase_name(kPhaseFree) == "free");
  CHECK(phase_name(kPhaseFirstNudged + 9) == "nudged_10");
  CHECK(phase_name(kPhaseInitialWrite) == "initial_write");
  CHECK(phase_name(kPhaseEvaluate) == "evaluate");
}

TEST_CASE("an unknown name is the user's error and names the nearest one", "[ledger]") {
  CHECK_THROWS_AS(event_from_name("puls_set"), InputError);
  const std::string event = message_of([] { event_from_name("puls_set"); });
  CHECK(has(event, "did you mean `pulse_set`"));
  CHECK(has(event, "accumulator"));
  CHECK(has(message_of([] { phase_from_name("fre"); }), "did you mean `free`"));
  const std::string far = message_of([] { phase_from_name("zzzzzzzz"); });
  CHECK_FALSE(has(far, "did you mean"));
  CHECK(has(far, "nudged_1"));
}

TEST_CASE("amounts land in their key and nowhere else", "[ledger]") {
  Ledger ledger;
  CHECK(ledger.empty());
  CHECK(ledger.layers() == 0);
  ledger.add_power(2, kPhaseFree, Event::cell_read, 4, 3e-6, 5e-7);
  ledger.add(0, kPhaseFree, Event::adc, 7);
  ledger.add_joule(0, kPhaseUpdate, Event::pulse_set, 2, 9e-12);
  CHECK(ledger.layers() == 3);
  CHECK(ledger.at(2, kPhaseFree, Event::cell_read) == Entry{4, 3e-6, 4 * 5e-7, 3e-6 * 5e-7});
  CHECK(ledger.at(0, kPhaseFree, Event::adc) == Entry{7, 0, 0, 0});
  CHECK(ledger.at(0, kPhaseUpdate, Event::pulse_set) == Entry{2, 0, 0, 9e-12});
  CHECK(ledger.at(1, kPhaseFree, Event::adc) == Entry{});
  CHECK(ledger.at(100, kPhaseFree, Event::adc) == Entry{});

  std::set<std::tuple<int, int, Event>> seen;
  ledger.for_each([&](int layer, PhaseId phase, Event event, const Entry& entry) {
    CHECK(entry == ledger.at(layer, phase, event));
    seen.insert({layer, phase, event});
  });
  CHECK(seen == std::set<std::tuple<int, int, Event>>{
                    {2, kPhaseFree, Event::cell_read}, {0, kPhaseFree, Event::adc}, {0, kPhaseUpdate, Event::pulse_set}});

  const Ledger training = ledger.phases([](PhaseId phase) { return phase == kPhaseFree; });
  CHECK(training.total(Event::pulse_set) == Entry{});
  CHECK(training.total(Event::adc).count == 7);
}

TEST_CASE("merging is commutative, associative in the counts, and keeps the totals", "[ledger]") {
  std::mt19937 engine(1);
  for (int trial = 0; trial < 50; ++trial) {
    const Ledger a = random_ledger(engine, 1 + trial % 5, 40), b = random_ledger(engine, 3, 40), c = random_ledger(engine, 7, 40);
    Ledger ab = a, ba = b;
    ab += b;
    ba += a;
    CHECK(ab == ba);  // two operands: even the doubles agree
    Ledger left = ab, bc = b, right = a;
    left += c;
    bc += c;
    right += bc;
    for (std::size_t i = 0; i < kEventCount; ++i) {
      const Event event = static_cast<Event>(i);
      CHECK(left.total(event).count == right.total(event).count);
      CHECK(left.total(event).joule == Approx(right.total(event).joule).epsilon(1e-13));
      CHECK(left.total(event).count == a.total(event).count + b.total(event).count + c.total(event).count);
    }
  }
}

TEST_CASE("a ledger rebuilt entry by entry equals the original, and may be added to itself", "[ledger]") {
  std::mt19937 engine(2);
  const Ledger ledger = random_ledger(engine, 4, 60);
  Ledger copy;
  ledger.for_each([&](int layer, PhaseId phase, Event event, const Entry& entry) { copy.add_entry(layer, phase, event, entry); });
  CHECK(copy == ledger);
  copy += copy;
  CHECK(copy.total(Event::adc).count == 2 * ledger.total(Event::adc).count);
}

TEST_CASE("equality sees every field and ignores only empty layers", "[ledger]") {
  Ledger a, b;
  a.add(0, kPhaseFree, Event::adc, 1);
  b.add(0, kPhaseFree, Event::adc, 1);
  b.add(5, kPhaseFree, Event::adc, 0);
  CHECK(b.layers() == 6);
  CHECK(a == b);
  CHECK(b == a);
  b.add_joule(5, kPhaseFree, Event::adc, 0, std::numeric_limits<double>::denorm_min());
  CHECK_FALSE(a == b);
  Ledger c = a;
  c.add_power(0, kPhaseFree, Event::adc, 0, 1e-6, 0);
  CHECK_FALSE(a == c);
}

TEST_CASE("negative amounts and impossible keys are our own errors", "[ledger]") {
  Ledger ledger;
  CHECK_THROWS_AS(ledger.add(0, kPhaseFree, Event::adc, -1), std::logic_error);
  CHECK_THROWS_AS(ledger.add_power(0, kPhaseFree, Event::cell_read, 1, -1e-9, 1e-9), std::logic_error);
  CHECK_THROWS_AS(ledger.add_power(0, kPhaseFree, Event::cell_read, 1, 1e-9, -1e-9), std::logic_error);
  CHECK_THROWS_AS(ledger.add_joule(0, kPhaseFree, Event::pulse_set, 1, -1e-12), std::logic_error);
  CHECK_THROWS_AS(ledger.add(-1, kPhaseFree, Event::adc, 1), std::logic_error);
  CHECK_THROWS_AS(ledger.add(kLayerLimit, kPhaseFree, Event::adc, 1), std::logic_error);
  CHECK_THROWS_AS(ledger.add(0, static_cast<PhaseId>(kPhaseCount), Event::adc, 1), std::logic_error);
  CHECK_THROWS_AS(ledger.add(0, kPhaseFree, Event::count_, 1), std::logic_error);
  CHECK_THROWS_AS(ledger.at(-1, kPhaseFree, Event::adc), std::logic_error);
  CHECK(ledger.empty());
}
