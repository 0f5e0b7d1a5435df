#include "eqprop/train/ledger_bytes.h"

#include <vector>

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

TEST_CASE("amounts that no ledger has, and a key that comes twice, are damage") {
  struct Stored {
    std::int64_t count;
    double joule;
  };
  const auto refused = [](const std::vector<Stored>& entries, bool same_key) {
    ByteWriter out;
    out.put<std::uint64_t>(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      out.put<std::int32_t>(same_key ? 0 : static_cast<std::int32_t>(i));
      out.put<std::uint8_t>(kPhaseFree);
      out.put<std::uint8_t>(static_cast<std::uint8_t>(Event::adc));
      out.put<std::int64_t>(entries[i].count);
      for (const double v : {0.0, 0.0, entries[i].joule}) out.put(v);
    }
    ByteReader in(out.bytes(), "ledger");
    try {
      restore_ledger(in);
      return false;
    } catch (const InputError& error) {
      return error.code() == Code::damaged;
    }
  };
  CHECK_FALSE(refused({{1, 1e-12}, {2, 0}}, false));
  CHECK_FALSE(refused({{kLargestCount, 0}}, false));
  CHECK(refused({{1, 1e-12}, {2, 0}}, true));
  CHECK(refused({{-1, 0}}, false));
  CHECK(refused({{1, -1e-12}}, false));
  CHECK(refused({{kLargestCount, 0}, {1, 0}}, false));  // their sum is too large
}
