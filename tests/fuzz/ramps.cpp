// Trains of pulses: what is accepted are ramps of at least ten finite numbers. The first byte chooses the table and the unit.
#include "experiments/ramp_files.h"

#include <cmath>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eqprop;
  fuzz::Input input(data, size);
  const std::uint8_t how = input.byte();
  const bool weights = (how & 2) != 0;
  const std::string_view text = fuzz::text_of(input.rest());
  const auto ramps = fuzz::accepted([&] {
    if ((how & 1) != 0) return parse_ramp_table(text, "fuzz.csv", weights);
    return parse_ramps(text, "fuzz.csv", {.up = true, .weights = weights, .read_volt = 0.1, .column = (how >> 2) & 3});
  });
  if (!ramps) return 0;
  fuzz::expect(!ramps->empty(), "an accepted file has ramps");
  for (const Ramp& ramp : *ramps) {
    fuzz::expect(ramp.siemens.size() >= kLeastPulses, "a ramp has ten pulses");
    for (const double g : ramp.siemens) fuzz::expect(!std::isnan(g) && (weights || g >= 0), "a conductance is a number not below 0");
  }
  return 0;
}
