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

// of the float32 network by its own couplings and settling
std::vector<Eigen::MatrixXd> estimate_of(Experiment& experiment, const Config& config, Run& run) {
  std::vector<Eigen::MatrixXd> estimated;
  for (const auto& g : estimate_gradient<float>(experiment.network(), gradient_batch<float>(experiment.train(), run.seed, kSamples),
                                                config.train, run, config.train.rule.rates))
    estimated.push_back(g.cast<double>());
  return estimated;
}

// of the estimate at the experiment's weights, with what `reference` gives there on exact copies
double least_cosine(Experiment& experiment, const Config& config, const LearnOptions& reference, int threads) {
  if (config.backward_error > 0) return std::numeric_limits<double>::quiet_NaN();  // the exact gradient is not known
  Network<double> exact_network = exact_copy(experiment.network());
  Run run{config.seed, threads, nullptr, 0};
  const std::vector<Eigen::MatrixXd> estimated = estimate_of(experiment, config, run);
  const auto exact = estimate_gradient<double>(exact_network, gradient_batch<double>(experiment.train(), config.seed, kSamples), reference,
                                               run, config.train.rule.rates);
  double least = 1;
  for (const Agreement& a : compare_gradients<double>(estimated, exact)) {
    if (!std::isfinite(a.cosine)) return std::numeric_limits<double>::quiet_NaN();
    least = std::min(least, a.cosine);
  }
  return least;
}

}  // namespace

double gradient_cosine(const std::filesystem::path& folder, int threads) {
  Experiment experiment(read_run_config(folder), find_places(), threads);
  experiment.restore(folder / "checkpoint.eqp");
  const Config& config = experiment.config();  // beta = "auto" is a number here
  return least_cosine(experiment, config, exact_gradient_options(config.train), threads);
}

double settled_cosine(const std::filesystem::path& folder, const std::filesystem::path& weights, int threads) {
  const Experiment own(read_run_config(folder), find_places(), threads);
  Experiment trained(read_run_config(weights), find_places(), threads);
  trained.restore(weights / "checkpoint.eqp");
  LearnOptions settled = exact_gradient_options(own.config().train);
  settled.estimator = own.config().train.estimator;
  return least_cosine(trained, own.config(), settled, threads);
}

}  // namespace eqprop
