// ledger.json: what is accepted is written and read back the same. Input: the file.
#include <cmath>

#include "experiments/history.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eqprop;
  using fuzz::expect;
  const std::string text(fuzz::text_of({data, size}));
  const auto file = fuzz::accepted([&] { return parse_ledger_json(text, "ledger.json"); });
  if (!file) return 0;
  expect(file->samples_trained >= 0 && file->training_samples >= 0 && file->wear.devices >= 0, "nothing is counted below 0");
  file->ledger.for_each([&](int, PhaseId, Event, const Entry& entry) {
    expect(entry.count >= 0 && entry.watt >= 0 && entry.second >= 0 && entry.joule >= 0, "no amount is below 0");
    expect(std::isfinite(entry.watt) && std::isfinite(entry.second) && std::isfinite(entry.joule), "amounts are finite");
  });
  for (std::size_t i = 0; i < kEventCount; ++i) expect(file->ledger.total(static_cast<Event>(i)).count >= 0, "sums do not overflow");

  const std::string written = ledger_json(*file);
  const auto again = fuzz::accepted([&] { return parse_ledger_json(written, "ledger.json"); });
  expect(again.has_value(), "a ledger that was written can be read");
  expect(again->ledger == file->ledger, "a ledger is read as it was written");
  expect(again->samples_trained == file->samples_trained && again->training_samples == file->training_samples, "samples are kept");
  expect(again->wear.devices == file->wear.devices && again->wear.pulses_per_device == file->wear.pulses_per_device &&
             again->wear.clipped == file->wear.clipped && again->wear.capped == file->wear.capped,
         "wear is kept");
  expect(ledger_json(*again) == written, "a ledger is written as it was read");
  return 0;
}
