// gradcheck CONFIG: the estimator's gradient against finite differences of the loss, by the engine's own code in float64, with float32
// beside it.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/parallel.h"
#include "eqprop/learn/gradient.h"
#include "experiments/commands.h"
#include "experiments/experiment.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kSamples = 16;    // samples of the batch
constexpr int kCoordinates = 100;       // weights per coupling that are displaced
constexpr double kStep = 1e-5;          // displacement of a weight
constexpr double kTolerance64 = 1e-13;  // settled as far as the numbers go
constexpr double kTolerance32 = 1e-6;
constexpr int kBudget = 20000;

struct GradcheckArguments {
  std::string config;
  std::vector<std::string> sets;
  std::string estimator;
  double beta = 0;
  bool has_beta = false;
  std::uint32_t seed = 0;
  bool has_seed = false;
  int threads = hardware_threads();
  bool json = false;
};

// the first samples of a shuffled training set, by the seed
template <class T>
GradientBatch<T> gradient_batch(const Dataset& data, std::uint32_t seed) {
  const auto order = shuffled(data.size(), seed, 0);
  Batch<T> batch;
  batch.fill(data, std::span(order).first(std::min(kSamples, data.size())));
  return {batch.x, batch.y, batch.ids};
}

template <class T>
SettleOptions tight(const Config& config) {
  SettleOptions options = config.train.free;
  options.tolerance = std::is_same_v<T, double> ? kTolerance64 : kTolerance32;
  options.budget = kBudget;
  return options;
}

// the estimate by the engine in T, as double matrices
template <class T>
std::vector<Eigen::MatrixXd> estimate(const Config& config, const Dataset& data, int threads) {
  Run run{config.seed, threads, nullptr, 0};
  const Network<T> network = build_network<T>(config.network(), run);
  const PhasePlan plan = make_plan(config.train.estimator, config.train.beta, config.seed, 0);
  std::vector<Eigen::MatrixXd> out;
  for (const auto& g : estimate_gradient<T>(network, gradient_batch<T>(data, config.seed), plan, tight<T>(config), run))
    out.push_back(g.template cast<double>());
  return out;
}

Json as_json(const std::vector<Agreement>& agreement) {
  Json out;
  for (const Agreement& a : agreement) {
    out["cosine"].push_back(a.cosine);
    out["relative_error"].push_back(a.relative_error);
  }
  return out;
}

int gradcheck(const GradcheckArguments& arguments) {
  Overrides overrides{arguments.sets, {}, {}, {}};
  if (!arguments.estimator.empty()) overrides.estimator = arguments.estimator;
  if (arguments.has_seed) overrides.seed = arguments.seed;
  if (arguments.has_beta) overrides.beta = arguments.beta;
  Config config = read_config(arguments.config, overrides);
  if (config.coupling != Substrate::ideal) {
    warn(Code::couplings_replaced, "finite differences need exact weights: checked on ideal couplings of the same network");
    config.coupling = Substrate::ideal;
  }
  const Dataset data = load_config_data(config, find_places()).train;
  check_layers(config, data);

  Run run{config.seed, arguments.threads, nullptr, 0};
  Network<double> network = build_network<double>(config.network(), run);
  const auto batch = gradient_batch<double>(data, config.seed);
  const auto agreement = [&](const std::vector<Eigen::MatrixXd>& g) {
    return check_gradient(network, batch, g, tight<double>(config), kCoordinates, kStep, run);
  };
  const auto float64 = agreement(estimate<double>(config, data, arguments.threads));
  const auto float32 = agreement(estimate<float>(config, data, arguments.threads));

  if (arguments.json) {
    Json out = as_json(float64);
    out["float32"] = as_json(float32);
    std::puts(out.dump().c_str());
  } else {
    fmt::print("{} at beta {} against finite differences, {} on {}, {} samples, seed {}\n", estimator_name(config.train.estimator),
               config.train.beta, layers_text(config), data.name, batch.ids.size(), config.seed);
    fmt::print("  {:<14}{:>14}{:>16}{:>18}{:>20}\n", "coupling", "cosine", "relative error", "cosine, float32", "rel. err., float32");
    for (std::size_t c = 0; c < float64.size(); ++c) {
      fmt::print("  {:<14}{:>14.9f}{:>16.3g}{:>18.9f}{:>20.3g}\n", fmt::format("{}-{}", config.layers[c], config.layers[c + 1]),
                 float64[c].cosine, float64[c].relative_error, float32[c].cosine, float32[c].relative_error);
    }
  }
  if (!config.target.cosine) {
    say("no [target] cosine: nothing checked");
    return kExitDone;
  }
  bool reached = true;
  for (const Agreement& a : float64) reached &= a.cosine >= *config.target.cosine;
  if (!reached) warn(Code::cosine_not_reached, "check failed: a cosine is below the {} of [target] cosine", *config.target.cosine);
  return reached ? kExitDone : kExitCheckFailed;
}

}  // namespace

void add_gradcheck(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("gradcheck", "the estimator's gradient against finite differences of the loss");
  auto given = std::make_shared<GradcheckArguments>();
  command->add_option("CONFIG", given->config, "config file, e.g. experiments/config/gradcheck.toml")->required();
  command->add_option("--set", given->sets, "section.key=value: overrides the config; may be repeated")
      ->expected(1)
      ->take_all()
      ->type_name("KEY=VALUE");
  command->add_option("--estimator", given->estimator, "one_sided, centered or random_sign; overrides train.estimator");
  auto* beta = command->add_option("--beta", given->beta, "nudge; overrides train.beta");
  auto* seed = command->add_option("--seed", given->seed, "overrides the config's seed, 0 .. 4294967295");
  command->add_option("--threads", given->threads, "threads; never changes results")->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  command->callback([given, beta, seed, &exit_code] {
    given->has_beta = beta->count() > 0;
    given->has_seed = seed->count() > 0;
    exit_code = gradcheck(*given);
  });
}

}  // namespace eqprop
