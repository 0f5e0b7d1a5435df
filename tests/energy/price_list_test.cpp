#include "energy/price_list.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "base/check.h"
#include "tests/catch.h"
#include "tests/energy/message.h"
#include "tests/energy/random_ledger.h"
#include "tests/source_dir.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

const std::filesystem::path kPrices = source_dir() + "/energy/prices";

// a complete list; every event costs (1, 2, 3) x (its number + 1) pJ
std::string list_text() {
  std::ostringstream text;
  text << "name = \"test\"\n";
  for (std::size_t i = 0; i < kEventCount; ++i) {
    const Event event = static_cast<Event>(i);
    if (PriceList::is_physical(event)) continue;
    const std::size_t n = i + 1;
    text << "[" << event_name(event) << "]\nmin = " << n << "\ntypical = " << 2 * n << "\nmax = " << 3 * n << "\nunit = \"p"
         << PriceList::event_unit(event) << "\"\nsource = \"a test\"\nnode = \"130 nm\"\nboundary = \""
         << boundary_name(event_boundary(event)) << "\"\n";
  }
  return text.str();
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// "prices.toml:LINE:" of the first line that holds `needle`
std::string at_line(const std::string& text, const std::string& needle) {
  const std::size_t at = text.find(needle);
  REQUIRE(at != std::string::npos);
  return "prices.toml:" + std::to_string(1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n')) + ":";
}

void check_refused(const std::string& text, const std::string& where, const std::string& says) {
  INFO(says);
  try {
    PriceList::parse(text, "prices.toml");
    FAIL("accepted");
  } catch (const InputError& error) {
    CHECK(error.kind() == InputKind::file);
    INFO(error.what());
    CHECK(has(error.what(), where));
    CHECK(has(error.what(), says));
  }
}

}  // namespace

TEST_CASE("a price list reads its numbers in joules", "[prices]") {
  const PriceList list = PriceList::parse(list_text(), "prices.toml");
  CHECK(list.name() == "test");
  const Price& adc = list.price(Event::adc);
  CHECK(adc.min == Approx(5e-12).epsilon(1e-15));
  CHECK(adc.at(PriceLevel::typical) == Approx(10e-12).epsilon(1e-15));
  CHECK(adc.at(PriceLevel::max) == Approx(15e-12).epsilon(1e-15));
  CHECK(adc.unit == "pJ per conversion");
  CHECK(adc.boundary == EnergyBoundary::B1);
  const PriceList femto = PriceList::parse(replaced(list_text(), "pJ per bit", "fJ per bit"), "prices.toml");
  CHECK(femto.price(Event::buffer_bit).typical == Approx(1e-3 * list.price(Event::buffer_bit).typical).epsilon(1e-15));
  const PriceList plain = PriceList::parse(replaced(list_text(), "pJ per bit", "J per bit"), "prices.toml");
  CHECK(plain.price(Event::buffer_bit).typical == 24);
  for (const Event event : {Event::cell_read, Event::pulse_set, Event::pulse_reset, Event::wire_loss, Event::driver_loss, Event::half_select})
    CHECK_THROWS_AS(list.price(event), std::logic_error);
}

TEST_CASE("a faulty price list is refused with the place and the reason", "[prices]") {
  const std::string good = list_text();
  const auto edit = [&](const std::string& from, const std::string& to, const std::string& says) {
    const std::string text = replaced(good, from, to);
    check_refused(text, at_line(text, to), says);
  };
  edit("[adc]", "[adcc]", "did you mean `adc`");
  edit("unit = \"pJ per conversion\"", "unit = \"pJ\"", "unit \"pJ\" does not fit");
  edit("unit = \"pJ per conversion\"", "unit = \"5 furlongs\"", "expected \"J per conversion\"");
  edit("unit = \"pJ per bit\"", "unit = \"pJ per byte\"", "expected \"J per bit\"");
  edit("unit = \"pJ per bit\"", "unit = \"xJ per bit\"", "does not fit");
  edit("min = 5\n", "min = 11\n", "min <= typical <= max");
  edit("min = 5\n", "min = -5\n", "at least 0");
  edit("min = 5\n", "min = inf\n", "finite");
  edit("min = 5\n", "min = \"5\"\n", "number");
  // finite as written, not in joules; and a letter outside a text
  std::string huge = replaced(good, "min = 5\n", "min = 1e300\n");
  for (int i = 0; i < 2; ++i) huge = replaced(huge, "pJ per conversion", "TJ per conversion");  // of dac_set and adc
  check_refused(huge, at_line(huge, "min = 1e300"), "finite");
  edit("min = 5\n", "\u01FF\n", "not valid TOML");
  edit("min = 5\n", "mim = 5\n", "did you mean `min`");
  edit("source = \"a test\"", "source = \"\"", "not empty");
  edit("boundary = \"B2\"", "boundary = \"B0\"", "belongs to B2");
  edit("boundary = \"B1\"", "boundary = \"B2\"", "belongs to B1");
  edit("min = 5\n", "min = = 5\n", "not valid TOML");

  const std::string unsourced = replaced(good, "source = \"a test\"\n", "");
  check_refused(unsourced, at_line(unsourced, "[dac_set]"), "`dac_set` has no `source`");
  check_refused(replaced(good, "name = \"test\"\n", ""), "prices.toml", "`name`");
  const std::size_t control = good.find("[control]");
  check_refused(good.substr(0, control), "prices.toml", "no price for `control`");
  check_refused("name = \"x\"\ncell_read = 3\n" + good.substr(good.find('\n') + 1), "prices.toml:2:", "unknown price `cell_read`");
  CHECK_THROWS_AS(PriceList::read(kPrices / "absent.toml"), InputError);
  CHECK_THROWS_AS(PriceList::read(kPrices), InputError);
}

TEST_CASE("every shipped price list is complete and sourced", "[prices]") {
  for (const char* file : {"cmos130.toml", "cmos32.toml"}) {
    INFO(file);
    const PriceList list = PriceList::read(kPrices / file);
    CHECK(std::string(file) == list.name() + ".toml");
    for (std::size_t i = 0; i < kEventCount; ++i) {
      const Event event = static_cast<Event>(i);
      if (PriceList::is_physical(event)) continue;
      const Price& price = list.price(event);
      INFO(event_name(event));
      CHECK(price.min > 0);
      CHECK(price.source.size() > 20);
      CHECK(price.max < 5e-9);  // a slip of a prefix would show
      CHECK(price.min > 1e-17);
    }
    // the derivation that verify_read states
    for (const PriceLevel level : {PriceLevel::min, PriceLevel::typical, PriceLevel::max})
      CHECK(list.price(Event::verify_read).at(level) ==
            Approx(list.price(Event::dac_set).at(level) + list.price(Event::adc).at(level) + 2 * list.price(Event::line_drive).at(level))
                .epsilon(5e-3));
  }
  CHECK(PriceList::read(kPrices / "cmos130.toml").price(Event::adc).max == Approx(23.9e-12));
  CHECK(PriceList::read(kPrices / "cmos32.toml").price(Event::line_drive).typical == Approx(10.3e-15));
}

TEST_CASE("a ledger's price by hand", "[prices]") {
  const PriceList list = PriceList::parse(list_text(), "prices.toml");
  Ledger ledger;
  ledger.add_power(0, kPhaseFree, Event::cell_read, 10, 2e-6, 1e-6);  // 2 pJ, B0
  ledger.add_joule(1, kPhaseUpdate, Event::pulse_set, 3, 7e-12);      // 7 pJ, B0
  ledger.add(0, kPhaseFree, Event::adc, 4);                           // 4 x 10 pJ, B1
  ledger.add_joule(0, kPhaseUpdate, Event::verify_read, 2, 1e-12);    // 2 x 18 pJ + its own 1 pJ, B1
  ledger.add(0, kPhaseFree, Event::buffer_bit, 8);                    // 8 x 24 pJ, B2
  const EnergySplit split = price(ledger, list);
  CHECK(split.B0 == Approx(9e-12).epsilon(1e-12));
  CHECK(split.B1 == Approx((9 + 40 + 37) * 1e-12).epsilon(1e-12));
  CHECK(split.B2 == Approx((9 + 40 + 37 + 192) * 1e-12).epsilon(1e-12));
  CHECK(price(ledger, list, PriceLevel::max).B2 == Approx((9 + 60 + 55 + 288) * 1e-12).epsilon(1e-12));
  CHECK(price(Ledger{}, list).B2 == 0);
  CHECK(price(Ledger{}, list).parts.empty());
}

TEST_CASE("pricing is additive, nested, and the parts make the whole", "[prices]") {
  const PriceList list = PriceList::read(kPrices / "cmos130.toml");
  std::mt19937 engine(3);
  for (int trial = 0; trial < 100; ++trial) {
    const Ledger a = random_ledger(engine, 1 + trial % 4, 50), b = random_ledger(engine, 3, 50);
    Ledger both = a;
    both += b;
    double last = 0;
    for (const PriceLevel level : {PriceLevel::min, PriceLevel::typical, PriceLevel::max}) {
      const EnergySplit pa = price(a, list, level), pb = price(b, list, level), p = price(both, list, level);
      CHECK(p.B0 == Approx(pa.B0 + pb.B0).epsilon(1e-12));
      CHECK(p.B1 == Approx(pa.B1 + pb.B1).epsilon(1e-12));
      CHECK(p.B2 == Approx(pa.B2 + pb.B2).epsilon(1e-12));
      CHECK(p.B0 <= p.B1);
      CHECK(p.B1 <= p.B2);
      CHECK(last <= p.B2);
      last = p.B2;

      double sum = 0, cells = 0;
      for (const EnergySplit::Part& part : p.parts) {
        sum += part.joule;
        if (part.boundary == EnergyBoundary::B0) cells += part.joule;
        CHECK(part.boundary == event_boundary(part.event));
      }
      CHECK(sum == p.B2);
      CHECK(cells == p.B0);
      CHECK(std::is_sorted(p.parts.begin(), p.parts.end(), [](const auto& x, const auto& y) { return x.boundary < y.boundary; }));
    }
  }
}
