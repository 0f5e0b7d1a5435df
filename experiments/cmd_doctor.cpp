// doctor RUN: what limits a run, from its checkpoint and some samples settled anew.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/parallel.h"
#include "experiments/commands.h"
#include "experiments/doctor.h"
#include "experiments/explanations.h"
#include "experiments/run_folder.h"

namespace eqprop {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kBudgetSamples = 128;  // its gradients are those of one batch, in double

struct DoctorArguments {
  std::string run;
  std::size_t samples = 256;
  int threads = hardware_threads();
  bool json = false;
};

Json as_json(const Finding& f) {
  const Explanation& e = explanation(code_name(f.code));
  Json figures;
  for (const auto& [name, value] : f.figures) figures[name] = std::isfinite(value) ? Json(value) : Json(nullptr);
  return {{"code", code_name(f.code)}, {"name", e.name},    {"severity", severity_name(f.severity)}, {"text", f.text},
          {"figures", figures},        {"remedy", e.remedy}};
}

Json as_json(const NoiseBudget& b) {
  const auto finite = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  Json out = {{"beta", b.beta},           {"floor", finite(b.floor)}, {"dead_zone", b.dead_zone}, {"curvature", b.curvature}, {"cosine", b.cosine},
              {"auto", finite(b.chosen)}, {"reason", b.reason},       {"layers", Json::array()}};
  for (const LayerBudget& l : b.layers)
    out["layers"].push_back({{"response_rms", l.response},
                             {"difference_rms", l.difference},
                             {"field_difference_rms", l.field_difference},
                             {"read_noise_sd", l.read_noise},
                             {"adc_step", l.step},
                             {"state_step", l.result_step},
                             {"noise_rms", l.noise},
                             {"alike", l.alike},
                             {"smallest_beta", finite(l.smallest_beta)},
                             {"tolerance_beta", finite(l.tolerance_beta)},
                             {"averaging", finite(l.averaging)}});
  return out;
}

// none where there is no beta, or nothing settles
std::optional<NoiseBudget> budget_for(const Experiment& experiment, const Probe& probe, const DoctorArguments& arguments) {
  const Config& config = experiment.config();
  if (!has_beta(config.train.estimator) || 2 * probe.diverged > probe.settles) return std::nullopt;
  for (const auto& layer : probe.layers)
    if (!std::isfinite(layer.difference)) return std::nullopt;
  return budget_of(config, experiment.network(), experiment.train(), std::min(arguments.samples, kBudgetSamples), arguments.threads);
}

std::string verdict(const std::vector<Finding>& findings) {
  const auto count = [&](Severity s) {
    return std::count_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.severity == s; });
  };
  const auto fatal = count(Severity::fatal), limits = count(Severity::limits), notes = count(Severity::note);
  if (fatal + limits == 0)
    return notes == 0 ? "nothing found that limits this run" : fmt::format("nothing limits this run; worth a note: {}", notes);
  return fmt::format("{}: {}, {}", fatal > 0 ? "this run is lost" : "limited", fmt::format("{} fatal, {} limit it", fatal, limits),
                     fmt::format("{} to note", notes));
}

int doctor(const DoctorArguments& arguments) {
  const RunState state({arguments.run, read_run_config(arguments.run)}, find_places(), arguments.threads);
  const Probe probe = probe_run(*state.experiment, arguments.samples, arguments.threads);
  const std::optional<NoiseBudget> budget = budget_for(*state.experiment, probe, arguments);
  const std::vector<Finding> findings = diagnose({*state.experiment, state.before, state.after, probe, budget});
  if (arguments.json) {
    Json out = {{"run", arguments.run},
                {"epochs", state.experiment->trainer().epochs_done()},
                {"finished", state.experiment->test_accuracy.has_value()},
                {"samples", probe.samples},
                {"verdict", verdict(findings)},
                {"layers", Json::array()},
                {"findings", Json::array()}};
    for (const LayerProbe& l : probe.layers)
      out["layers"].push_back({{"saturated_fraction", l.saturated},
                               {"dead_fraction", l.dead},
                               {"difference_rms", l.difference},
                               {"noise_rms", l.noise},
                               {"read_noise_sd", l.read_noise}});
    if (budget) out["budget"] = as_json(*budget);
    for (const Finding& f : findings) out["findings"].push_back(as_json(f));
    std::puts(out.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
    return kExitDone;
  }
  fmt::print("{}\n{}\n", state.caption, verdict(findings));
  for (const Finding& f : findings)
    fmt::print("\n{:<6} {}: {} [{}]\n       {}\n", severity_name(f.severity), explanation(code_name(f.code)).title, f.text,
               code_name(f.code), explanation(code_name(f.code)).remedy);
  if (budget) fmt::print("\n{}", budget_table(*budget));
  fmt::print("\nfrom the checkpoint, and {} training samples settled anew\n", probe.samples);
  return kExitDone;
}

}  // namespace

void add_doctor(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("doctor", "what limits a run, finished or not: findings with figures, how serious, and the remedy");
  auto given = std::make_shared<DoctorArguments>();
  command->add_option("RUN", given->run, "run folder of `eqprop train`")->required();
  command->add_option("--samples", given->samples, "training samples to settle anew, at most")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command->add_option("--threads", given->threads, "threads; never changes results")->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  command->callback([given, &exit_code] { exit_code = doctor(*given); });
}

}  // namespace eqprop
