#include "energy/ledger.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "energy/nearest.h"

namespace eqprop {
namespace {

constexpr std::array<std::string_view, kEventCount> kEventNames = {
    "cell_read",   "pulse_set",   "pulse_reset", "dac_set",       "adc",     "line_drive", "neuron",      "write_circuit", "verify_read",
    "digital_add", "accumulator", "buffer_bit",  "random_number", "control", "wire_loss",  "driver_loss", "half_select",   "adc_clock"};
static_assert(!kEventNames.back().empty(), "every event needs a name");

constexpr std::array<std::string_view, kPhaseCount> kPhaseNames = {
    "input",    "free",     "nudged_1", "nudged_2",  "nudged_3", "nudged_4",      "nudged_5", "nudged_6",
    "nudged_7", "nudged_8", "nudged_9", "nudged_10", "update",   "initial_write", "evaluate", "calibrate"};
static_assert(kPhaseNames[kPhaseFirstNudged] == "nudged_1" && kPhaseNames[kPhaseUpdate] == "update" &&
              kPhaseNames[kPhaseCalibrate] == "calibrate");

template <std::size_t N>
std::size_t find_name(const std::array<std::string_view, N>& names, std::string_view name, const std::string& what) {
  const auto it = std::find(names.begin(), names.end(), name);
  if (it == names.end()) {
    const std::string message = "unknown " + what + " `" + std::string(name) + "`";
    throw InputError(Code::bad_ledger, {}, message, name_hint(name, {names.begin(), names.end()}));
  }
  return static_cast<std::size_t>(it - names.begin());
}

std::size_t index_of(int layer, PhaseId phase, Event event) {
  check(layer >= 0 && layer < kLayerLimit, "ledger: layer outside [0, kLayerLimit)");
  check(phase < kPhaseCount, "ledger: unknown phase");
  check(event < Event::count_, "ledger: unknown event");
  return (static_cast<std::size_t>(layer) * kPhaseCount + phase) * kEventCount + static_cast<std::size_t>(event);
}

}  // namespace

std::string_view event_name(Event event) {
  check(event < Event::count_, "event_name: unknown event");
  return kEventNames[static_cast<std::size_t>(event)];
}

Event event_from_name(std::string_view name) { return static_cast<Event>(find_name(kEventNames, name, "event")); }

std::string phase_name(PhaseId phase) {
  check(phase < kPhaseCount, "phase_name: unknown phase");
  return std::string(kPhaseNames[phase]);
}

PhaseId phase_from_name(std::string_view name) { return static_cast<PhaseId>(find_name(kPhaseNames, name, "phase")); }

Entry& Entry::operator+=(const Entry& other) {
  count += other.count;
  watt += other.watt;
  second += other.second;
  joule += other.joule;
  return *this;
}

Entry& Ledger::slot(int layer, PhaseId phase, Event event) {
  const std::size_t index = index_of(layer, phase, event);
  if (index >= entries_.size()) entries_.resize((static_cast<std::size_t>(layer) + 1) * kPhaseCount * kEventCount);
  return entries_[index];
}

void Ledger::add(int layer, PhaseId phase, Event event, std::int64_t count) { add_entry(layer, phase, event, {count, 0, 0, 0}); }

void Ledger::add_power(int layer, PhaseId phase, Event event, std::int64_t count, double watt, double second_each) {
  add_entry(layer, phase, event, {count, watt, static_cast<double>(count) * second_each, watt * second_each});
}

void Ledger::add_joule(int layer, PhaseId phase, Event event, std::int64_t count, double joule) {
  add_entry(layer, phase, event, {count, 0, 0, joule});
}

void Ledger::add_entry(int layer, PhaseId phase, Event event, const Entry& entry) {
  // not a number passes: it is a numerical matter and shows in the result
  check(entry.count >= 0, "ledger: negative count");
  check(!(entry.watt < 0) && !(entry.second < 0) && !(entry.joule < 0), "ledger: negative power, time or energy");
  slot(layer, phase, event) += entry;
}

Entry Ledger::at(int layer, PhaseId phase, Event event) const {
  const std::size_t index = index_of(layer, phase, event);
  return index < entries_.size() ? entries_[index] : Entry{};
}

Entry Ledger::total(Event event) const {
  check(event < Event::count_, "ledger: unknown event");
  Entry sum;
  for (std::size_t i = static_cast<std::size_t>(event); i < entries_.size(); i += kEventCount) sum += entries_[i];
  return sum;
}

bool Ledger::empty() const {
  return std::all_of(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry == Entry{}; });
}

Ledger& Ledger::operator+=(const Ledger& other) {
  // the other's size is read first: it may be this ledger itself
  const std::size_t size = other.entries_.size();
  if (entries_.size() < size) entries_.resize(size);
  for (std::size_t i = 0; i < size; ++i) entries_[i] += other.entries_[i];
  return *this;
}

bool Ledger::operator==(const Ledger& other) const {
  const std::size_t size = std::max(entries_.size(), other.entries_.size());
  const auto entry = [](const Ledger& ledger, std::size_t i) { return i < ledger.entries_.size() ? ledger.entries_[i] : Entry{}; };
  for (std::size_t i = 0; i < size; ++i)
    if (!(entry(*this, i) == entry(other, i))) return false;
  return true;
}

}  // namespace eqprop
