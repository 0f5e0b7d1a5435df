// Reading ledger.json and the history of a checkpoint: what is damaged is refused, and what is written is read back.
#include "experiments/history.h"

#include <limits>

#include "base/check.h"
#include "tests/catch.h"

using namespace eqprop;

namespace {

LedgerFile sample() {
  LedgerFile file;
  file.ledger.add_power(0, kPhaseFree, Event::cell_read, 5, 1e-6, 5e-8);
  file.ledger.add_joule(1, kPhaseUpdate, Event::pulse_set, 7, 3e-12);
  file.samples_trained = 120;
  file.training_samples = 60;
  file.wear = {48, 7, 3, 1, 2};
  return file;
}

// the error of reading the sample with one part replaced; empty when it is read
std::string error_of(const std::string& from, const std::string& to) {
  std::string text = ledger_json(sample());
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  try {
    parse_ledger_json(text, "ledger.json");
    return "";
  } catch (const InputError& error) {
    CHECK(error.code() == Code::bad_ledger);
    CHECK(error.where().file == "ledger.json");
    return error.message();
  }
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<EpochRow> restored(const std::vector<EpochRow>& rows) {
  ByteWriter out;
  save_rows(rows, out);
  ByteReader in(out.bytes(), "rows");
  return restore_rows(in);
}

}  // namespace

TEST_CASE("a ledger file is read as it was written") {
  const LedgerFile file = sample();
  const LedgerFile read = parse_ledger_json(ledger_json(file), "ledger.json");
  CHECK(read.ledger == file.ledger);
  CHECK(read.samples_trained == 120);
  CHECK(read.training_samples == 60);
  CHECK(read.wear.devices == 48);
  CHECK(read.wear.pulses_per_device == 3);
  CHECK(ledger_json(read) == ledger_json(file));
}

TEST_CASE("numbers of a ledger file that JSON would convert in silence are refused") {
  CHECK(contains(error_of("\"devices\": 48", "\"devices\": 4.8"), "`devices` = 4.8"));
  CHECK(contains(error_of("\"devices\": 48", "\"devices\": 1e300"), "`devices` = 1e+300"));
  CHECK(contains(error_of("\"devices\": 48", "\"devices\": true"), "`devices` = true"));
  CHECK(contains(error_of("\"samples_trained\": 120", "\"samples_trained\": -1"), "`samples_trained` = -1"));
  CHECK(contains(error_of("\"pulses_per_device_max\": 3", "\"pulses_per_device_max\": 4294967296"), "0 .. 4294967295"));
  CHECK(contains(error_of("\"layer\": 0", "\"layer\": 4294967296"), "`layer` = 4294967296"));
  CHECK(contains(error_of("\"layer\": 0", "\"layer\": 4096"), "0 .. 4095"));
  CHECK(contains(error_of("\"watt\": 0.0", "\"watt\": -1e-9"), "`watt`"));
  CHECK(contains(error_of("\"watt\": 0.0", "\"watt\": null"), "`watt` = null"));
}

TEST_CASE("counts of a ledger file that no sum could hold, and an entry that comes twice, are refused") {
  CHECK(contains(error_of("\"pulses\": 7", "\"pulses\": 9223372036854775807"), "`pulses`"));
  CHECK(contains(error_of("\"count\": 7", "\"count\": 9223372036854775807"), "`count`"));
  CHECK(contains(error_of("\"count\": 7", "\"count\": 2305843009213693950"), "`count`"));  // with the 5 before it
  CHECK(contains(error_of("\"layer\": 1,\n   \"phase\": \"update\",\n   \"event\": \"pulse_set\"",
                          "\"layer\": 0,\n   \"phase\": \"free\",\n   \"event\": \"cell_read\""),
                 "twice"));
}

TEST_CASE("history rows are restored in order, with amounts that can be summed") {
  EpochRow first, second;
  first.epoch = 1;
  second.epoch = 2;
  first.sums.samples = second.sums.samples = 100;
  CHECK(total(restored({first, second})).samples == 200);
  CHECK_THROWS_AS(restored({second, first}), InputError);
  second.sums.sweeps = -1;
  CHECK_THROWS_AS(restored({first, second}), InputError);
  second.sums.sweeps = first.sums.sweeps = std::numeric_limits<std::int64_t>::max() / 2 + 1;
  CHECK_THROWS_AS(restored({first, second}), InputError);
}
