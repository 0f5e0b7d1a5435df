// Price lists and GPU models: whatever is accepted holds finite prices in order.
#include <cmath>

#include "energy/gpu.h"
#include "energy/price_list.h"
#include "tests/fuzz/fuzz.h"

namespace {

void check_price(const eqprop::Price& price) {
  using eqprop::fuzz::expect;
  expect(std::isfinite(price.min) && std::isfinite(price.typical) && std::isfinite(price.max), "prices are finite");
  expect(0 <= price.min && price.min <= price.typical && price.typical <= price.max, "prices are in order");
  expect(!price.source.empty() && !price.node.empty() && !price.unit.empty(), "a price says where it comes from");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eqprop;
  const std::string text(fuzz::text_of({data, size}));
  if (const auto list = fuzz::accepted([&] { return PriceList::parse(text, "fuzz.toml"); }))
    for (std::size_t i = 0; i < kEventCount; ++i)
      if (!PriceList::is_physical(static_cast<Event>(i))) check_price(list->price(static_cast<Event>(i)));
  if (const auto gpu = fuzz::accepted([&] { return GpuModel::parse(text, "fuzz.toml"); })) {
    for (const Price* price : {&gpu->flop, &gpu->byte, &gpu->constant_power, &gpu->launch_time, &gpu->flop_rate, &gpu->bandwidth})
      check_price(*price);
    fuzz::expect(gpu->flop_rate.min > 0 && gpu->bandwidth.min > 0, "rates are above 0");
  }
  return 0;
}
