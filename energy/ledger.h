#pragma once
// What the hardware did: integer event counts, power sums with their times, pulse joules; keyed by (layer, phase, event).
// Hardware reports events and knows no prices; a PriceList turns a ledger into joules after the run.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace eqprop {

/// Priced events. One enum line here, one price in every price file; a missing price is an error.
enum class Event : std::uint8_t {
  cell_read,      ///< cells under read voltage: count of reads, watt = sum v^2 G, v over the cell; B0, joules are physical (no price)
  pulse_set,      ///< one SET pulse on one cell; joule = sum V^2 G t; B0, physical (no price)
  pulse_reset,    ///< one RESET pulse on one cell; B0, physical (no price)
  dac_set,        ///< one DAC conversion onto a line; B1
  adc,            ///< one ADC conversion of a line's current; B1
  line_drive,     ///< one row or column driver switched; B1
  neuron,         ///< one neuron update (sample, integrate, compare); B1
  write_circuit,  ///< one pulse's driver and selector overhead; B1
  verify_read,    ///< one read of one cell during write-verify, converter included; B1
  digital_add,    ///< one addition of partial sums between tiles or of the drive; B2
  accumulator,    ///< one read-modify-write of a digital update accumulator; B2
  buffer_bit,     ///< one bit moved to or from the state buffer; B2
  random_number,  ///< one pseudo-random number drawn by the control; B2
  control,        ///< one sweep of control logic for one sample and layer; B2
  wire_loss,      ///< heat of the same reads, or of write pulses, in resistive lines: their count; B0, physical (no price)
  driver_loss,    ///< the same in the resistances of drivers and sense inputs; B0, physical (no price)
  half_select,    ///< a line or column selected for writing: joule over the cells that see a part of the voltage; B0, physical (no price)
  adc_clock,      ///< one clock period of one integrating ADC that counts: comparator and counter; B1
  count_          ///< number of events, not an event
};
inline constexpr std::size_t kEventCount = static_cast<std::size_t>(Event::count_);

/// Phases as ledger and noise keys: 0 input drive (shared by the phases), 1 free, 2.. the phases of a plan in order, then the fixed ones.
using PhaseId = std::uint8_t;
inline constexpr PhaseId kPhaseInput = 0;
inline constexpr PhaseId kPhaseFree = 1;
inline constexpr PhaseId kPhaseFirstNudged = 2;  ///< the i-th phase of a plan is kPhaseFirstNudged + i, i <= 9
inline constexpr PhaseId kPhaseUpdate = 12;      ///< programming during training
inline constexpr PhaseId kPhaseInitialWrite = 13;
inline constexpr PhaseId kPhaseEvaluate = 14;  ///< settles of validation and test, not part of a training sample's energy
inline constexpr PhaseId kPhaseCalibrate = 15;
inline constexpr std::size_t kPhaseCount = 16;

std::string_view event_name(Event event);      ///< e.g. "cell_read"
Event event_from_name(std::string_view name);  ///< throws InputError(file) naming the accepted names
std::string phase_name(PhaseId phase);         ///< "input", "free", "nudged_1".., "update", "initial_write", "evaluate", "calibrate"
PhaseId phase_from_name(std::string_view name);

/// Amounts of one key. None is ever negative.
struct Entry {
  std::int64_t count = 0;
  double watt = 0;    ///< [W] sum over events of the power
  double second = 0;  ///< [s] sum over events of the duration
  double joule = 0;   ///< [J] physical joules: sum of power x duration, or of V^2 G t
  Entry& operator+=(const Entry& other);
  bool operator==(const Entry&) const = default;
};

inline constexpr int kLayerLimit = 4096;  ///< layers a ledger may name; a higher index is a damaged file or a mistake

/// Sums of events. A value: copy it, add it, compare it. Layer l is the coupling's index (0 = the first above the input).
/// A negative amount, a layer outside [0, kLayerLimit), an unknown phase or event is a mistake of the caller: std::logic_error.
class Ledger {
 public:
  /// count events without energy of their own.
  void add(int layer, PhaseId phase, Event event, std::int64_t count);
  /// `count` events with total power `watt` [W], each lasting `second_each` [s]; adds watt * second_each joules.
  void add_power(int layer, PhaseId phase, Event event, std::int64_t count, double watt, double second_each);
  /// count events with their joules [J] known, e.g. pulses.
  void add_joule(int layer, PhaseId phase, Event event, std::int64_t count, double joule);
  /// Adds an entry whole (used when a ledger file is read back).
  void add_entry(int layer, PhaseId phase, Event event, const Entry& entry);

  /// Entry of a key; zeros when nothing was added.
  Entry at(int layer, PhaseId phase, Event event) const;
  /// Sum over layers and phases.
  Entry total(Event event) const;
  int layers() const { return static_cast<int>(entries_.size() / (kPhaseCount * kEventCount)); }
  bool empty() const;
  /// Forgets everything, but keeps its memory.
  void clear() { entries_.clear(); }

  Ledger& operator+=(const Ledger& other);
  /// Equal in every key, trailing empty layers ignored; the doubles compare exactly, without tolerance.
  bool operator==(const Ledger& other) const;

  /// Calls visit(layer, phase, event, entry) for every entry that is not zero, ordered by layer, phase, event.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i] == Entry{}) continue;
      visit(static_cast<int>(i / (kPhaseCount * kEventCount)), static_cast<PhaseId>(i / kEventCount % kPhaseCount),
            static_cast<Event>(i % kEventCount), entries_[i]);
    }
  }

  /// A copy with only the phases for which keep(phase) is true, e.g. training without evaluation.
  template <class Keep>
  Ledger phases(Keep keep) const {
    Ledger out = *this;
    for (std::size_t i = 0; i < out.entries_.size(); ++i)
      if (!keep(static_cast<PhaseId>(i / kEventCount % kPhaseCount))) out.entries_[i] = Entry{};
    return out;
  }

 private:
  Entry& slot(int layer, PhaseId phase, Event event);
  std::vector<Entry> entries_;  // [layer][phase][event]
};

}  // namespace eqprop
