#pragma once
// Joules per event of one technology, read from a data file (energy/prices/*.toml), and the pricing of a ledger.
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "energy/ledger.h"

namespace eqprop {

/// Nested accounting boundaries: B0 cells; B1 + converters, drivers, neurons, write circuits; B2 + digital control and buffers.
enum class EnergyBoundary { B0, B1, B2 };
/// "B0", "B1", "B2".
std::string_view boundary_name(EnergyBoundary boundary);
/// The boundary that an event belongs to, as listed at enum Event.
EnergyBoundary event_boundary(Event event);

/// Which end of the range to use.
enum class PriceLevel { min, typical, max };

/// One price: joules per event with its range and where it comes from.
struct Price {
  double min = 0;      ///< [J]
  double typical = 0;  ///< [J]
  double max = 0;      ///< [J]
  std::string unit;    ///< as written, e.g. "pJ per conversion"
  std::string source;  ///< citation
  std::string node;    ///< technology node, e.g. "130 nm"
  EnergyBoundary boundary = EnergyBoundary::B1;
  /// The value at one end of the range.
  double at(PriceLevel level) const { return level == PriceLevel::min ? min : level == PriceLevel::max ? max : typical; }
};

/// Prices of every event that needs one. cell_read, pulse_set and pulse_reset carry physical joules and have none.
/// A file holds `name = "..."` and one table per event, all seven keys required:
///   [adc]
///   min = 1.05  typical = 4.5  max = 23.9   (one per line)
///   unit = "pJ per conversion"   SI prefix f p n u m k M G T, then exactly the event's unit (event_unit)
///   source = "..."  node = "130 nm"  boundary = "B1"
class PriceList {
 public:
  /// Reads a TOML file. Throws InputError(file) with file:line:column for an unknown, unitless, ill-ordered or misplaced price,
  /// and with the file and the event's name for a missing one.
  static PriceList read(const std::filesystem::path& file);
  /// The same from text; `name` is shown in errors.
  static PriceList parse(const std::string& text, const std::string& name);

  const std::string& name() const { return name_; }
  /// Throws std::logic_error for the physical events.
  const Price& price(Event event) const;
  /// True for events whose joules the ledger itself carries.
  static bool is_physical(Event event);
  /// The unit of an event's price without its prefix, e.g. "J per conversion"; empty for the physical events.
  static std::string_view event_unit(Event event);

 private:
  std::string name_;
  std::array<std::optional<Price>, kEventCount> prices_;
};

/// Joules of a ledger at the three nested boundaries, and the parts they consist of.
struct EnergySplit {
  double B0 = 0;  ///< [J]
  double B1 = 0;  ///< [J], includes B0
  double B2 = 0;  ///< [J], includes B1
  struct Part {
    int layer;
    PhaseId phase;
    Event event;
    EnergyBoundary boundary;
    double joule;
  };
  std::vector<Part> parts;  ///< parts of B0, then B1 only, then B2 only; their sum is B2
};

/// Prices a ledger: a physical event costs its joules, any other count x price plus the joules it carries, if any. Sum of the parts = B2.
EnergySplit price(const Ledger& ledger, const PriceList& prices, PriceLevel level = PriceLevel::typical);

}  // namespace eqprop
