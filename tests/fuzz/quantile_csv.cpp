// Measured steps of a device: what is accepted makes a law whose every draw is a finite step between the smallest and the largest measured.
#include "experiments/quantile_csv.h"

#include <algorithm>
#include <cmath>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eqprop;
  fuzz::Input input(data, size);
  const auto file = fuzz::accepted([&] { return parse_quantile_csv(fuzz::text_of(input.rest()), "fuzz.csv"); });
  if (!file) return 0;
  const QuantileData& table = file->data;
  const auto size_of = static_cast<std::size_t>(table.conductances) * static_cast<std::size_t>(table.quantiles);
  fuzz::expect(table.set.size() == size_of && table.reset.size() == size_of, "a table is full");
  fuzz::expect(file->G_min >= 0 && file->G_max > file->G_min, "conductances are in order");
  const QuantileTable law(table);
  const QuantileView view = law.view();
  for (const bool up : {true, false}) {
    const auto& steps = up ? table.set : table.reset;
    const auto [least, most] = std::minmax_element(steps.begin(), steps.end());
    // floats and 16-bit numbers round
    const double slack = 2e-4 * (std::abs(*least) + std::abs(*most));
    for (const float g : {0.0f, 0.3f, 0.5f, 1.0f})
      for (const float u : {0.0f, 0.37f, 1.0f}) {
        const double step = view.drawn_step(g, up, 0, 1, 1, u);
        fuzz::expect(step >= *least - slack && step <= *most + slack, "a step lies between those measured");
      }
  }
  return 0;
}
