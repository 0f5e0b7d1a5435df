#include "eqprop/train/ledger_bytes.h"

#include "base/check.h"

namespace eqprop {

void save_ledger(const Ledger& ledger, ByteWriter& out) {
  std::uint64_t entries = 0;
  ledger.for_each([&](int, PhaseId, Event, const Entry&) { ++entries; });
  out.put(entries);
  ledger.for_each([&](int layer, PhaseId phase, Event event, const Entry& entry) {
    out.put<std::int32_t>(layer);
    out.put<std::uint8_t>(phase);
    out.put<std::uint8_t>(static_cast<std::uint8_t>(event));
    out.put<std::int64_t>(entry.count);
    for (const double v : {entry.watt, entry.second, entry.joule}) out.put(v);
  });
}

Ledger restore_ledger(ByteReader& in) {
  const auto need = [](bool ok, const char* what) {
    if (!ok) throw InputError(Code::damaged, {}, what, "the file is damaged: start from another checkpoint");
  };
  Ledger ledger;
  std::int64_t room = kLargestCount;
  const auto entries = in.get<std::uint64_t>();
  for (std::uint64_t i = 0; i < entries; ++i) {
    const auto layer = in.get<std::int32_t>();
    const auto phase = in.get<std::uint8_t>();
    const auto event = in.get<std::uint8_t>();
    need(layer >= 0 && layer < kLayerLimit && phase < kPhaseCount && event < kEventCount, "the checkpoint's ledger has a key out of range");
    need(ledger.at(layer, phase, static_cast<Event>(event)) == Entry{}, "the checkpoint's ledger has a key twice");
    Entry entry;
    entry.count = in.get<std::int64_t>();
    entry.watt = in.get<double>();
    entry.second = in.get<double>();
    entry.joule = in.get<double>();
    // not a number passes, as in the ledger
    const bool negative = entry.count < 0 || entry.watt < 0 || entry.second < 0 || entry.joule < 0;
    need(!negative && entry.count <= room, "the checkpoint's ledger has an amount out of range");
    room -= entry.count;
    ledger.add_entry(layer, phase, static_cast<Event>(event), entry);
  }
  return ledger;
}

}  // namespace eqprop
