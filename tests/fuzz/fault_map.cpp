// Fault maps: what is accepted has rows and columns, and every cell is a fault that a device can have.
#include "experiments/fault_map.h"

#include <cmath>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eqprop;
  fuzz::Input input(data, size);
  const auto map = fuzz::accepted([&] { return parse_fault_map(fuzz::text_of(input.rest()), "fuzz.csv"); });
  if (!map) return 0;
  fuzz::expect(map->rows() > 0 && map->cols() > 0, "a map has rows and columns");
  for (Eigen::Index i = 0; i < map->size(); ++i) {
    const float fault = (*map)(i);
    fuzz::expect(std::isnan(fault) || fault == kStuckLow || fault == kStuckHigh || (fault >= 0 && fault <= 1), "a cell is a fault");
  }
  return 0;
}
