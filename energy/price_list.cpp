#include "energy/price_list.h"

#include "base/check.h"
#include "energy/price_file.h"

namespace eqprop {
namespace {

struct EventFacts {
  EnergyBoundary boundary;
  std::string_view unit;  // empty: physical, the ledger carries its joules
};

// one row per event, in the order of the enum
constexpr std::array<EventFacts, kEventCount> kFacts = {{
    {EnergyBoundary::B0, ""},                  // cell_read
    {EnergyBoundary::B0, ""},                  // pulse_set
    {EnergyBoundary::B0, ""},                  // pulse_reset
    {EnergyBoundary::B1, "J per conversion"},  // dac_set
    {EnergyBoundary::B1, "J per conversion"},  // adc
    {EnergyBoundary::B1, "J per switch"},      // line_drive
    {EnergyBoundary::B1, "J per update"},      // neuron
    {EnergyBoundary::B1, "J per pulse"},       // write_circuit
    {EnergyBoundary::B1, "J per read"},        // verify_read
    {EnergyBoundary::B2, "J per addition"},    // digital_add
    {EnergyBoundary::B2, "J per update"},      // accumulator
    {EnergyBoundary::B2, "J per bit"},         // buffer_bit
    {EnergyBoundary::B2, "J per number"},      // random_number
    {EnergyBoundary::B2, "J per sweep"},       // control
    {EnergyBoundary::B0, ""},                  // wire_loss
    {EnergyBoundary::B0, ""},                  // driver_loss
    {EnergyBoundary::B0, ""},                  // half_select
    {EnergyBoundary::B1, "J per period"},      // adc_clock
}};

const EventFacts& facts(Event event) {
  check(event < Event::count_, "unknown event");
  return kFacts[static_cast<std::size_t>(event)];
}

}  // namespace

std::string_view boundary_name(EnergyBoundary boundary) {
  return boundary == EnergyBoundary::B0 ? "B0" : boundary == EnergyBoundary::B1 ? "B1" : "B2";
}

EnergyBoundary event_boundary(Event event) { return facts(event).boundary; }
bool PriceList::is_physical(Event event) { return facts(event).unit.empty(); }
std::string_view PriceList::event_unit(Event event) { return facts(event).unit; }

PriceList PriceList::read(const std::filesystem::path& file) { return parse(read_text(file), file.string()); }

PriceList PriceList::parse(const std::string& text, const std::string& name) {
  std::vector<Event> priced;
  std::vector<PriceSpec> specs;
  for (std::size_t i = 0; i < kEventCount; ++i) {
    const Event event = static_cast<Event>(i);
    if (is_physical(event)) continue;
    priced.push_back(event);
    specs.push_back({event_name(event), event_unit(event), boundary_name(event_boundary(event)), event_boundary(event)});
  }

  const PriceFile file = parse_price_file(text, name, specs);
  PriceList list;
  list.name_ = file.name;
  for (std::size_t i = 0; i < priced.size(); ++i) list.prices_[static_cast<std::size_t>(priced[i])] = file.prices[i];
  return list;
}

const Price& PriceList::price(Event event) const {
  check(!is_physical(event), "a physical event has no price");
  const std::optional<Price>& price = prices_[static_cast<std::size_t>(event)];
  check(price.has_value(), "an empty price list has no prices");
  return *price;
}

EnergySplit price(const Ledger& ledger, const PriceList& prices, PriceLevel level) {
  EnergySplit split;
  double sum = 0;
  // boundary by boundary, so that each is the running sum of the parts so far
  const auto price_boundary = [&](EnergyBoundary boundary) {
    ledger.for_each([&](int layer, PhaseId phase, Event event, const Entry& entry) {
      if (event_boundary(event) != boundary) return;
      double joule = entry.joule;
      if (!PriceList::is_physical(event)) joule += static_cast<double>(entry.count) * prices.price(event).at(level);
      split.parts.push_back({layer, phase, event, boundary, joule});
      sum += joule;
    });
    return sum;
  };
  split.B0 = price_boundary(EnergyBoundary::B0);
  split.B1 = price_boundary(EnergyBoundary::B1);
  split.B2 = price_boundary(EnergyBoundary::B2);
  return split;
}

}  // namespace eqprop
