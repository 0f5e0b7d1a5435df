#include "experiments/study_cosine.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "eqprop/learn/gradient.h"
#include "eqprop/model/ideal_coupling.h"
#include "experiments/experiment.h"
#include "experiments/gradient_batch.h"
#include "experiments/places.h"
#include "experiments/run_folder.h"

namespace eqprop {
namespace {

constexpr std::size_t kSamples = 64;

Network<double> exact_copy(const Network<float>& network) {
  std::vector<std::unique_ptr<Coupling<double>>> couplings;
  for (int c = 0; c < network.coupling_count(); ++c)
    couplings.push_back(std::make_unique<IdealCoupling<double>>(network.coupling(c).read().cast<double>()));
  return {network.layers(), std::move(couplings), network.cost()};
}

}  // namespace

double gradient_cosine(const std::filesystem::path& folder, int threads) {
  Experiment experiment(read_run_config(folder), find_places(), threads);
  const Config& config = experiment.config();  // beta = "auto" is a number here
  experiment.restore(folder / "checkpoint.eqp");
  Network<double> exact_network = exact_copy(experiment.network());

  Run run{config.seed, threads, nullptr, 0};
  std::vector<Eigen::MatrixXd> estimated;
  for (const auto& g : estimate_gradient<float>(experiment.network(), gradient_batch<float>(experiment.train(), config.seed, kSamples),
                                                config.train, run, config.train.rule.rates))
    estimated.push_back(g.cast<double>());
  const auto exact = estimate_gradient<double>(exact_network, gradient_batch<double>(experiment.train(), config.seed, kSamples),
                                               exact_gradient_options(config.train), run);
  double least = 1;
  for (const Agreement& a : compare_gradients<double>(estimated, exact)) {
    if (!std::isfinite(a.cosine)) return std::numeric_limits<double>::quiet_NaN();
    least = std::min(least, a.cosine);
  }
  return least;
}

}  // namespace eqprop
