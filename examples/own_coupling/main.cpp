// Trains a network on a substrate of our own, with the digits that come with eqprop.
//   own_coupling SHARE      SHARE: the folder share/eqprop of the installation
#include <cstdio>
#include <exception>
#include <memory>

#include "eqprop/data/sources.h"
#include "eqprop/train/trainer.h"
#include "level_coupling.h"

int main(int argc, char** argv) try {
  using namespace eqprop;
  if (argc != 2) {
    std::fprintf(stderr, "usage: own_coupling SHARE\n");
    return 2;
  }
  constexpr std::uint32_t kSeed = 1;
  constexpr int kLevels = 100;
  DataFolders folders;
  folders.digits = std::filesystem::path(argv[1]) / "data";
  const TrainTest data = load_data("digits", folders);
  const Split split = carve_validation(data.train, 0.1, kSeed);

  // 64 pixels, 32 hidden units, 10 digits; weights on levels between -1 and 1
  std::vector<Layer> layers(3);
  layers[0].size = data.train.features;
  layers[1].size = 32;
  layers[2].size = data.train.classes;
  std::vector<std::unique_ptr<Coupling<float>>> couplings;
  for (int l = 0; l < 2; ++l) {
    const auto below = static_cast<std::size_t>(l);
    couplings.push_back(
        std::make_unique<LevelCoupling>(initial_weights<float>(layers[below].size, layers[below + 1].size, 1.0, kSeed, l), 1.0f, kLevels));
  }
  Network<float> network(std::move(layers), std::move(couplings), Cost::squared_error);

  TrainOptions options;
  options.epochs = 5;
  options.rule.rates = {0.3, 0.1};
  Trainer<float> trainer(network, options, kSeed, 1, split.train.size());
  for (int epoch = 1; epoch <= options.epochs; ++epoch) {
    EpochReport report;
    trainer.run_epoch(split.train, {}, report);
    std::printf("epoch %d: validation accuracy %.2f %%\n", epoch, 100 * trainer.evaluate(split.validation).accuracy);
  }
  // the test set is touched once, at the end
  const double accuracy = trainer.evaluate(data.test).accuracy;
  std::printf("test accuracy %.2f %%\n", 100 * accuracy);
  return accuracy > 0.8 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
