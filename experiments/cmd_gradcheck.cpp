// gradcheck CONFIG: the estimator's gradient against the exact one (adjoint of the free state) and finite differences of the loss, by the
// engine's own code in float64, with float32 beside it.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/parallel.h"
#include "eqprop/learn/gradient.h"
#include "experiments/commands.h"
#include "experiments/experiment.h"
#include "experiments/gradient_batch.h"
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
constexpr double kMovingRate = 1e-4;  // of weights that move within a phase: at training rates they feed back on the estimate

struct GradcheckArguments {
  std::string config;
  std::vector<std::string> sets;
  std::string estimator;
  std::string beta;
  std::uint32_t seed = 0;
  bool has_seed = false;
  int threads = hardware_threads();
  bool json = false;
};

struct Checked {
  Config config;
  bool replaced;  // arrays by exact weights
};

double number_of(const std::string& option, const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    throw InputError(Code::usage, {option + " " + text, 0, 0}, "expected a number or auto");
  return number;
}

// the config as the arguments change it, on exact weights
Checked read_checked(const GradcheckArguments& arguments, const std::string& estimator) {
  Overrides overrides{arguments.sets, {}, {}, {}};
  if (!estimator.empty()) overrides.estimator = estimator;
  if (arguments.has_seed) overrides.seed = arguments.seed;
  if (arguments.beta == "auto")
    overrides.beta_auto = true;
  else if (!arguments.beta.empty())
    overrides.beta = number_of("--beta", arguments.beta);
  Checked out{read_config(arguments.config, overrides), false};
  if (out.config.beta_auto) {
    const Dataset data = load_config_data(out.config, find_places()).train;
    check_layers(out.config, data);
    out.config.train.beta = resolved_beta(out.config, data, arguments.threads);
  }
  if (out.config.backward_error > 0)
    throw InputError(
        Code::conflict, {arguments.config, 0, 0},
        "network.backward_error: weights that read differently backward have no potential, and their exact gradient is not known",
        "check the same network with backward_error = 0");
  out.replaced = out.config.coupling != Substrate::ideal;
  out.config.coupling = Substrate::ideal;
  return out;
}

template <class T>
LearnOptions tight(const Config& config) {
  LearnOptions options = config.train;
  for (SettleOptions* settle : {&options.free, &options.nudged}) {
    settle->tolerance = std::is_same_v<T, double> ? kTolerance64 : kTolerance32;
    settle->budget = kBudget;
  }
  return options;
}

// the estimate by the engine in T, as double matrices
template <class T>
std::vector<Eigen::MatrixXd> estimate(const Config& config, const Dataset& data, const LearnOptions& options, int threads) {
  Run run{config.seed, threads, nullptr, 0};
  Network<T> network = build_network<T>(config.network(), run);
  std::vector<Eigen::MatrixXd> out;
  for (const auto& g : estimate_gradient<T>(network, gradient_batch<T>(data, config.seed, kSamples), options, run,
                                            std::vector<double>(config.train.rule.rates.size(), kMovingRate)))
    out.push_back(g.template cast<double>());
  return out;
}

struct Check {
  std::vector<Agreement> differences, exact, float32;
};

Check check_estimator(const Config& config, const Dataset& data, int threads) {
  Run run{config.seed, threads, nullptr, 0};
  Network<double> network = build_network<double>(config.network(), run);
  const LearnOptions options = tight<double>(config);
  const auto in_double = estimate<double>(config, data, options, threads);
  const auto exact = estimate<double>(config, data, exact_gradient_options(options), threads);
  Check out;
  out.differences = check_gradient(network, gradient_batch<double>(data, config.seed, kSamples), in_double, exact_gradient_options(options),
                                   kCoordinates, kStep, run);
  out.exact = compare_gradients(in_double, exact);
  out.float32 = compare_gradients(estimate<float>(config, data, tight<float>(config), threads), exact);
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

Json as_json(const Check& check) {
  Json out = as_json(check.exact);
  out["finite_differences"] = as_json(check.differences);
  out["float32"] = as_json(check.float32);
  return out;
}

void print_check(const Config& config, const Dataset& data, const Check& check) {
  fmt::print("{} at beta {}, {} on {}, {} samples, seed {}: against the exact gradient (adjoint, all weights, float64)\n",
             estimator_name(config.train.estimator), config.train.beta, layers_text(config), data.name, std::min(kSamples, data.size()),
             config.seed);
  fmt::print("  {:<12}{:>14}{:>16}{:>28}{:>18}{:>20}\n", "coupling", "cosine", "relative error", "cosine, finite differences",
             "cosine, float32", "rel. err., float32");
  for (std::size_t c = 0; c < check.exact.size(); ++c)
    fmt::print("  {:<12}{:>14.9f}{:>16.3g}{:>28.9f}{:>18.9f}{:>20.3g}\n", fmt::format("{}-{}", config.layers[c], config.layers[c + 1]),
               check.exact[c].cosine, check.exact[c].relative_error, check.differences[c].cosine, check.float32[c].cosine,
               check.float32[c].relative_error);
}

// one line per estimator: its cosine in every coupling. An estimator that the network does not admit says why.
Json all_checks(const GradcheckArguments& arguments, const Dataset& data, bool print) {
  Json out;
  if (print) fmt::print("cosine with the exact gradient per coupling, input's first; relative error in brackets\n");
  for (const Estimator estimator : all_estimators()) {
    const std::string name(estimator_name(estimator));
    try {
      const Config config = read_checked(arguments, name).config;
      const Check check = check_estimator(config, data, arguments.threads);
      out[name] = as_json(check);
      std::string line;
      for (const Agreement& a : check.exact) line += fmt::format("{:>12.6f} ({:.1e})", a.cosine, a.relative_error);
      if (print) fmt::print("  {:<20}{}\n", name, line);
    } catch (const InputError& error) {
      out[name]["left_out"] = error.message();
      if (print) fmt::print("  {:<20}  left out: {}\n", name, error.message());
    }
  }
  return out;
}

int gradcheck(const GradcheckArguments& arguments) {
  const bool all = arguments.estimator == "all";
  const Checked read = read_checked(arguments, all ? "" : arguments.estimator);
  const Config& config = read.config;
  if (read.replaced)
    warn(Code::couplings_replaced, "finite differences need exact weights: checked on ideal couplings of the same network");
  const Dataset data = load_config_data(config, find_places()).train;
  check_layers(config, data);
  if (all) {
    const Json out = all_checks(arguments, data, !arguments.json);
    if (arguments.json) std::puts(out.dump().c_str());
    return kExitDone;
  }
  const Check check = check_estimator(config, data, arguments.threads);
  if (arguments.json)
    std::puts(as_json(check).dump().c_str());
  else
    print_check(config, data, check);
  if (!config.target.cosine) {
    say("no [target] cosine: nothing checked");
    return kExitDone;
  }
  bool reached = true;
  for (const Agreement& a : check.exact) reached &= a.cosine >= *config.target.cosine;
  if (!reached) warn(Code::cosine_not_reached, "check failed: a cosine is below the {} of [target] cosine", *config.target.cosine);
  return reached ? kExitDone : kExitCheckFailed;
}

}  // namespace

void add_gradcheck(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("gradcheck", "the estimator's gradient against the exact one and finite differences of the loss");
  auto given = std::make_shared<GradcheckArguments>();
  command->add_option("CONFIG", given->config, "config file, e.g. experiments/config/gradcheck.toml")->required();
  command->add_option("--set", given->sets, "section.key=value: overrides the config; may be repeated")
      ->expected(1)
      ->take_all()
      ->type_name("KEY=VALUE");
  command->add_option("--estimator", given->estimator, "overrides train.estimator; all: one line for each");
  command->add_option("--beta", given->beta, "nudge, or auto; overrides train.beta");
  auto* seed = command->add_option("--seed", given->seed, "overrides the config's seed, 0 .. 4294967295");
  command->add_option("--threads", given->threads, "threads; never changes results")->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  command->callback([given, seed, &exit_code] {
    given->has_seed = seed->count() > 0;
    exit_code = gradcheck(*given);
  });
}

}  // namespace eqprop
