// A user's program on all of eqprop: trains a small network for one epoch and prices an event.
#include <eqprop/model/ideal_coupling.h>
#include <eqprop/train/trainer.h>

#include <cstdio>
#include <string>

#include "base/random.h"
#include "energy/price_list.h"

using namespace eqprop;

int main(int, char** argv) {
  // two classes, told apart by their first feature
  Dataset data;
  data.name = "outside";
  data.features = 4;
  data.classes = 2;
  const RandomKey key(7, Purpose::test);
  for (std::uint32_t i = 0; i < 64; ++i) {
    data.labels.push_back(static_cast<std::int32_t>(i % 2));
    data.ids.push_back(i);
    for (std::uint32_t j = 0; j < 4; ++j) data.x.push_back(j == 0 ? static_cast<float>(i % 2) : key.uniform({}, 4 * i + j));
  }

  std::vector<Layer> layers(3);
  layers[0].size = 4;
  layers[1].size = 8;
  layers[2].size = 2;
  std::vector<std::unique_ptr<Coupling<float>>> couplings;
  couplings.push_back(std::make_unique<IdealCoupling<float>>(initial_weights<float>(4, 8, 1.0, 7, 0)));
  couplings.push_back(std::make_unique<IdealCoupling<float>>(initial_weights<float>(8, 2, 1.0, 7, 1)));
  Network<float> network(std::move(layers), std::move(couplings), Cost::squared_error);

  TrainOptions options;
  options.rule.rates = {0.1, 0.1};
  Trainer<float> trainer(network, options, 7, 1, data.size());
  EpochReport report;
  if (!trainer.run_epoch(data, {}, report) || report.sums.samples != 64) return 1;

  const PriceList prices = PriceList::read(std::string(argv[1]) + "/prices/cmos130.toml");
  std::printf("trained on %d samples; an adc conversion costs %g J\n", static_cast<int>(report.sums.samples),
              prices.price(Event::adc).typical);
  return prices.price(Event::adc).typical > 0 ? 0 : 1;
}
