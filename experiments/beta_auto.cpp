#include "experiments/beta_auto.h"

#include <fmt/format.h>

#include <algorithm>

#include "eqprop/train/calibrate.h"

namespace eqprop {
namespace {

constexpr std::size_t kSamples = 64;  // of the training set

template <class T>
Batch<T> spread(const Dataset& data, std::size_t most) {
  std::vector<std::uint32_t> rows(std::min(most, data.size()));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::uint32_t>(i * data.size() / rows.size());
  Batch<T> batch;
  batch.fill(data, rows);
  return batch;
}

}  // namespace

NoiseBudget budget_of(const Config& config, const Network<float>& network, const Dataset& data, std::size_t most, int threads) {
  const Batch<double> batch = spread<double>(data, most);
  NoiseBudgetOptions options;
  options.batch = config.train.batch;
  if (config.coupling == Substrate::crossbar && config.crossbar.loop == Loop::analog)
    options.result_bits = config.crossbar.array.adc_forward.bits;
  Run run{config.seed, threads, nullptr, 0};
  return noise_budget(network, {batch.x, batch.y, batch.ids}, config.train, options, run);
}

NoiseBudget starting_budget(const Config& config, Network<float>& network, const Dataset& train, int threads) {
  const auto each = [&](const auto& body) {
    for (int c = 0; c < network.coupling_count(); ++c)
      if (!network.coupling(c).is_ideal()) body(network.coupling(c));
  };
  ByteWriter kept;
  each([&](const Coupling<float>& coupling) { coupling.save(kept); });
  if (!kept.bytes().empty() && config.train.calibration_samples > 0) {
    const Batch<float> batch = spread<float>(train, static_cast<std::size_t>(config.train.calibration_samples));
    Run run{config.seed, threads, nullptr, 0};
    calibrate_ranges<float>(network, {view(batch.x), view(batch.y), batch.labels, batch.ids}, config.train, {}, run);
  }
  NoiseBudget budget = budget_of(config, network, train, kSamples, threads);
  ByteReader back(kept.bytes(), "converter ranges put back");
  each([&](Coupling<float>& coupling) { coupling.restore(back); });
  return budget;
}

double resolved_beta(const Config& config, const Dataset& train, int threads) {
  if (!config.beta_auto) return config.train.beta;
  const Dataset part = carve_validation(train, config.validation_fraction, config.seed).train;
  Run run{config.seed, threads, nullptr, 0};
  Network<float> network = build_network<float>(config.network(), run);
  return starting_budget(config, network, part, threads).chosen;
}

std::string beta_text(const NoiseBudget& budget) {
  return fmt::format("beta auto: {:.3g} (floor {:.2g}, dead zone {:.2g}, curvature {:.2g}): {}", budget.chosen, budget.floor,
                     budget.dead_zone, budget.curvature, budget.reason);
}

}  // namespace eqprop
