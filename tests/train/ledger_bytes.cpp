#include "eqprop/train/ledger_bytes.h"

#include "base/check.h"
#include "tests/catch.h"

using namespace eqprop;

TEST_CASE("a ledger survives its bytes") {
  Ledger ledger;
  ledger.add(0, kPhaseFree, Event::adc, 17);
  ledger.add_power(3, kPhaseFirstNudged, Event::cell_read, 5, 1e-6, 1e-7);
  ledger.add_joule(1, kPhaseUpdate, Event::pulse_set, 9, 3e-12);
  ByteWriter out;
  save_ledger(ledger, out);
  ByteReader in(out.bytes(), "ledger");
  CHECK(restore_ledger(in) == ledger);
  CHECK(in.done());
}

TEST_CASE("a key out of range is damage") {
  Ledger ledger;
  ledger.add(0, kPhaseFree, Event::adc, 17);
  ByteWriter out;
  save_ledger(ledger, out);
  auto bytes = out.bytes();
  bytes[13] = 255;  // the event of the first entry: after its count (8), layer (4) and phase (1)
  ByteReader in(bytes, "ledger");
  CHECK_THROWS_AS(restore_ledger(in), InputError);
}
