// train CONFIG: trains one seed or several, fills a run folder for each.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/parallel.h"
#include "experiments/commands.h"
#include "experiments/interrupt.h"
#include "experiments/statistics.h"
#include "experiments/talk.h"
#include "experiments/train_run.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct TrainArguments {
  std::string config;
  std::vector<std::string> sets;
  std::uint32_t seed = 0;
  bool has_seed = false;
  std::string seeds;
  int threads = hardware_threads();
  std::string out;
  std::string checkpoint_every = "60 s";
  bool resume = false;
  bool json = false;
};

[[noreturn]] void fail_seeds(const std::string& text) {
  throw InputError(Code::seeds, {"--seeds " + text}, "expected seeds like 1..5 or 1,2,7, each once, 1000 at most");
}

// "1..5" or "1,2,7" or a mixture
std::vector<std::uint32_t> parse_seeds(const std::string& text) {
  std::vector<std::uint32_t> seeds;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&] {
    std::uint32_t value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc{}) fail_seeds(text);
    at = next;
    return value;
  };
  for (;;) {
    const std::uint32_t first = number();
    std::uint32_t last = first;
    if (end - at >= 2 && at[0] == '.' && at[1] == '.') {
      at += 2;
      last = number();
    }
    if (last < first || last - first >= 1000) fail_seeds(text);
    for (std::uint64_t seed = first; seed <= last; ++seed) {
      if (std::find(seeds.begin(), seeds.end(), seed) != seeds.end() || seeds.size() == 1000) fail_seeds(text);
      seeds.push_back(static_cast<std::uint32_t>(seed));
    }
    if (at == end) return seeds;
    if (*at++ != ',') fail_seeds(text);
  }
}

// the command as typed, quoted for a shell, with --resume
std::string resume_command(const std::vector<std::string>& arguments) {
  std::string text;
  bool resumes = false;
  for (const std::string& argument : arguments) {
    resumes |= argument == "--resume";
    std::string word = argument;
    if (word.empty() ||
        word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=,:+") != std::string::npos) {
      word = "'";
      for (const char c : argument) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
      word += "'";
    }
    text += (text.empty() ? "" : " ") + word;
  }
  return resumes ? text : text + " --resume";
}

// one object for several seeds: an array per key, and mean and 95 % interval of the accuracies
Json several_json(const std::vector<TrainResult>& results) {
  Json out;
  for (const TrainResult& result : results) {
    const Json one = result_json(result);
    for (const auto& [key, value] : one.items()) out[key].push_back(value);
  }
  for (const char* key : {"validation_accuracy", "test_accuracy"}) {
    const Estimate e = estimate(out[key].get<std::vector<double>>());
    out["mean"][key] = e.mean;
    if (results.size() > 1) out["interval_95"][key] = {e.mean - e.half_width, e.mean + e.half_width};
  }
  return out;
}

struct Means {
  Estimate validation, test;
};
Means means(const std::vector<TrainResult>& results) {
  std::vector<double> validation, test;
  for (const TrainResult& result : results) {
    validation.push_back(result.validation_accuracy());
    test.push_back(result.test_accuracy);
  }
  return {estimate(validation), estimate(test)};
}

bool reaches(const char* name, const std::optional<double>& target, double value) {
  if (!target || value >= *target) return true;
  warn(Code::target_not_reached, "target not reached: {} {:.4f}, wanted {:.4f}", name, value, *target);
  return false;
}

int train(const TrainArguments& arguments, const std::string& resume) {
  Overrides overrides{arguments.sets, {}, {}, {}};
  const CheckpointInterval interval = parse_interval(arguments.checkpoint_every);
  std::vector<std::uint32_t> seeds;
  if (!arguments.seeds.empty()) seeds = parse_seeds(arguments.seeds);
  const bool several = !seeds.empty();
  if (arguments.has_seed) overrides.seed = arguments.seed;
  if (several) overrides.seed = seeds.front();
  Config config = read_config(arguments.config, overrides);
  if (!several) seeds = {config.seed};

  const std::string stem = fs::path(arguments.config).stem().string();
  const fs::path out =
      !arguments.out.empty() ? fs::path(arguments.out) : fs::path("runs") / (several ? stem : fmt::format("{}-seed{}", stem, config.seed));
  const auto folder = [&](std::uint32_t seed) { return several ? out / fmt::format("seed-{}", seed) : out; };
  // a mistake in the last folder is better known before the first run
  for (const std::uint32_t seed : seeds) check_folder(folder(seed), arguments.resume);

  if (arguments.resume) {
    const auto begun = [&](std::uint32_t seed) { return fs::exists(folder(seed) / "checkpoint.eqp"); };
    if (std::none_of(seeds.begin(), seeds.end(), begun))
      warn(Code::nothing_to_resume, "nothing to resume in {}: starting anew", out.string());
  }

  catch_interrupts();
  const Places places = find_places();
  std::vector<TrainResult> results;
  for (const std::uint32_t seed : seeds) {
    config.seed = seed;
    try {
      results.push_back(train_run({config, folder(seed), arguments.threads, arguments.resume, resume, interval}, places));
    } catch (const InputError& error) {
      if (error.code() == Code::cannot_write && fs::exists(folder(seed) / "checkpoint.eqp"))
        say("the last checkpoint is whole; once there is room, go on with\n  {}", resume);
      throw;
    }
    if (!results.back().finished) return results.back().diverged ? kExitCheckFailed : kExitInterrupted;
    std::fputs(result_text(results.back()).c_str(), arguments.json ? stderr : stdout);
    std::fflush(stdout);
    if (interrupted() && seed != seeds.back()) {
      say("interrupted after seed {}; go on with\n  {}", seed, resume);
      return kExitInterrupted;
    }
  }

  const Means mean = means(results);
  if (several) {
    const std::string text =
        fmt::format("{} seeds, mean +- half of the 95 % interval: test {:.2f} +- {:.2f} %, validation {:.2f} +- {:.2f} %\n", results.size(),
                    100 * mean.test.mean, 100 * mean.test.half_width, 100 * mean.validation.mean, 100 * mean.validation.half_width);
    std::fputs(text.c_str(), arguments.json ? stderr : stdout);
  }
  if (arguments.json) std::puts((several ? several_json(results) : result_json(results.front())).dump().c_str());
  const bool validation = reaches("validation_accuracy", config.target.validation_accuracy, mean.validation.mean);
  const bool test = reaches("test_accuracy", config.target.test_accuracy, mean.test.mean);
  return validation && test ? kExitDone : kExitTarget;
}

}  // namespace

void add_train(CLI::App& app, const std::vector<std::string>& arguments, int& exit_code) {
  auto* command = app.add_subcommand("train", "train a network as a config says and fill a run folder");
  auto given = std::make_shared<TrainArguments>();
  command->add_option("CONFIG", given->config, "config file, e.g. experiments/config/digits.toml")->required();
  command->add_option("--set", given->sets, "section.key=value: overrides the config; may be repeated")
      ->expected(1)
      ->take_all()
      ->type_name("KEY=VALUE");
  auto* seed = command->add_option("--seed", given->seed, "overrides the config's seed, 0 .. 4294967295");
  command->add_option("--seeds", given->seeds, "several seeds, e.g. 1..5 or 1,2,7: one run each, mean and 95 % interval")->excludes(seed);
  command->add_option("--threads", given->threads, "threads; never changes results")->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_option("--out", given->out, "run folder; default runs/CONFIG-seedN, with --seeds runs/CONFIG holding seed-N");
  command
      ->add_option("--checkpoint-every", given->checkpoint_every,
                   "beside the end of every epoch: a number of steps, a time like \"30 s\", or epoch for no more than that")
      ->type_name("STEPS|TIME")
      ->capture_default_str();
  command->add_flag("--resume", given->resume, "go on with the run that is in the folder, with the same bits as if it had never stopped");
  command->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  command->callback([given, seed, arguments, &exit_code] {
    given->has_seed = seed->count() > 0;
    exit_code = train(*given, resume_command(arguments));
  });
}

}  // namespace eqprop
