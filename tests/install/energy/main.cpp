// A user's program on eqprop::energy alone: prices a ledger.
#include <cstdio>
#include <string>

#include "energy/ledger.h"
#include "energy/price_list.h"

int main(int, char** argv) {
  using namespace eqprop;
  Ledger ledger;
  ledger.add_power(0, kPhaseFree, Event::cell_read, 100, 1e-6, 50e-9);
  ledger.add(0, kPhaseFree, Event::adc, 10);
  const PriceList prices = PriceList::read(std::string(argv[1]) + "/prices/cmos130.toml");
  const EnergySplit split = price(ledger, prices);
  std::printf("B0 %g J, B1 %g J, B2 %g J\n", split.B0, split.B1, split.B2);
  return split.B0 > 0 && split.B1 > split.B0 && split.B2 >= split.B1 ? 0 : 1;
}
