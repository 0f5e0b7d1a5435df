// reproduce NAME: trains what a study describes and compares with what it has stored.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/parallel.h"
#include "eqprop/data/checkpoint.h"
#include "experiments/commands.h"
#include "experiments/interrupt.h"
#include "experiments/run_folder.h"
#include "experiments/study_critical.h"
#include "experiments/study_plot.h"
#include "experiments/study_store.h"
#include "experiments/talk.h"
#include "experiments/toml_values.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct ReproduceArguments {
  std::string name;
  int threads = 0;  // 0: as many as the jobs leave
  int jobs = 0;     // 0: as many as there are threads
  std::string out, plot;
  bool store = false, list = false, markdown = false, json = false;
};

int list_studies(const std::vector<Study>& studies, bool as_json) {
  Json json = Json::array();
  for (const Study& study : studies) {
    const double minutes = study.stored ? study.stored->cpu_minutes : 0;
    json.push_back({{"name", study.name},
                    {"title", study.title},
                    {"trainings", study.trainings()},
                    {"stored", study.stored.has_value()},
                    {"cpu_minutes", study.stored ? Json(minutes) : Json()}});
    const std::string stored = study.stored ? fmt::format("stored {}, {:.1f} minutes of CPU", study.stored->date, minutes) : "not stored";
    if (!as_json)
      fmt::print("{:<20} {}\n{:<20} {} {}, {}\n", study.name, study.title, "", study.trainings(),
                 study.trainings() == 1 ? "training" : "trainings", stored);
  }
  if (as_json) std::puts(json.dump().c_str());
  return kExitDone;
}

// trainings of the plain runs, run by run
std::vector<Training> plain_trainings(const Study& study, const fs::path& out) {
  std::vector<Training> trainings;
  for (const StudyRun& run : study.runs)
    for (const int seed : run.seeds) {
      trainings.push_back(make_training(run, {}, seed, out / run.name / fmt::format("seed-{}", seed), run.name));
      trainings.back().cosine = run.cosine;
      if (run.cosine_at) trainings.back().cosine_at = out / *run.cosine_at / fmt::format("seed-{}", seed);
    }
  return trainings;
}

// an estimate is looked at with another run's weights only in the same network on the same data
void check_cosines(const Study& study, const std::vector<Training>& trainings) {
  for (const StudyRun& run : study.runs) {
    if (!run.cosine_at) continue;
    const auto named = [&](const std::string& name) {
      return std::find_if(trainings.begin(), trainings.end(), [&](const Training& t) { return t.folder.parent_path().filename() == name; });
    };
    if (named(run.name)->network != named(*run.cosine_at)->network)
      throw InputError(Code::conflict, run.where_cosine,
                       fmt::format("`run.cosine` = \"{}\": that run has another network or data", *run.cosine_at),
                       "the two may differ in [train], [settle] and [measurement]");
  }
}

// a wrong config of a search is better known before the first training
void check_criticals(const Study& study) {
  for (const StudyCritical& search : study.criticals)
    for (const double value : search.values)
      for (const double end : {search.low, search.high})
        make_training(search, {fmt::format("{}={}", search.over, value), fmt::format("{}={}", search.key, end)}, search.seeds.front(), {},
                      "");
}

struct Found {
  std::vector<StudyFigure> figures;
  double cpu_second = 0;
  int exit_code = 0;
};

// 0, or the exit code of trainings that did not end well, said
int said(const TrainingsReport& report, const std::string& name) {
  if (report.exit_code == kExitInterrupted) {
    say("interrupted; the same command goes on with study {}", name);
  } else if (report.exit_code != 0) {
    error_text(report.error.substr(report.error.starts_with("error: ") ? 7 : 0));
  }
  return report.exit_code;
}

Found train_all(const Study& study, const fs::path& out, const Workers& workers) {
  Found found;
  const std::vector<Training> trainings = plain_trainings(study, out);
  check_cosines(study, trainings);
  check_criticals(study);
  const TrainingsReport report = run_trainings(trainings, workers);
  for (const TrainingOutcome& outcome : report.outcomes) found.cpu_second += outcome.cpu_second;
  found.exit_code = said(report, study.name);
  if (found.exit_code != 0) return found;
  std::size_t next = 0;
  for (const StudyRun& run : study.runs) {
    const auto first = report.outcomes.begin() + static_cast<std::ptrdiff_t>(next);
    const auto figures = run_figures(run, {first, first + static_cast<std::ptrdiff_t>(run.seeds.size())}, trainings[next].classes);
    found.figures.insert(found.figures.end(), figures.begin(), figures.end());
    next += run.seeds.size();
  }
  for (const StudyCritical& search : study.criticals) {
    const CriticalResult result = run_critical(search, out, workers);
    for (const TrainingOutcome& outcome : result.report.outcomes) found.cpu_second += outcome.cpu_second;
    found.exit_code = said(result.report, study.name);
    if (found.exit_code != 0) return found;
    found.figures.insert(found.figures.end(), result.figures.begin(), result.figures.end());
  }
  return found;
}

Json comparison_json(const Study& study, const std::vector<Comparison>& comparisons, double cpu_minutes, bool within) {
  Json out;
  out["study"] = study.name;
  out["stored"] = study.stored.has_value();
  out["within"] = within;
  out["cpu_minutes"] = cpu_minutes;
  for (const Comparison& c : comparisons) {
    Json figure;
    figure["run"] = c.run;
    figure["figure"] = c.name;
    figure["values"] = c.now ? Json(c.now->values) : Json();
    figure["stored"] = c.stored ? Json(c.stored->values) : Json();
    figure["difference"] = c.difference();
    figure["tolerance"] = c.judged() ? Json(*c.stored->tolerance) : Json();
    figure["within"] = c.judged() ? Json(c.within()) : Json();
    out["figures"].push_back(figure);
  }
  return out;
}

// the file may have been edited since the study began: what is written must be a study again
void store(const Places& places, const Study& study, const Found& found) {
  const std::string text = read_config_text(study.file);
  const Study now = parse_study(places, text, study.file);
  const std::string stored = with_stored(now, text, make_stored(now, found.figures, found.cpu_second / 60));
  parse_study(places, stored, study.file);
  write_text_atomic(study.file, stored);
}

int plot_study(const Study& study, const fs::path& folder) {
  const Figure figure = study_plot(study);
  if (!figure.skipped.empty())
    throw InputError(Code::missing_key, {study.file.string()}, figure.skipped, "eqprop reproduce " + study.name + " --store makes them");
  make_folder(folder);
  const FigureFiles files = write_figure(figure, folder);
  say("{}\n{}\n{}", files.svg.string(), files.png.string(), files.csv.string());
  return kExitDone;
}

int reproduce(const ReproduceArguments& arguments) {
  const Places places = find_places();
  if (arguments.list) return list_studies(all_studies(places), arguments.json);
  if (arguments.markdown) {
    std::fputs(results_markdown(all_studies(places)).c_str(), stdout);
    return kExitDone;
  }
  if (arguments.name.empty()) throw InputError(Code::usage, {}, "no study named", "eqprop reproduce --list names them");
  const Study study = read_study(places, study_file(places, arguments.name));
  if (!arguments.plot.empty()) return plot_study(study, arguments.plot);
  Workers workers;
  workers.jobs = arguments.jobs > 0 ? arguments.jobs : std::min(hardware_threads(), static_cast<int>(study.trainings()));
  workers.threads = arguments.threads > 0 ? arguments.threads : std::max(1, hardware_threads() / workers.jobs);
  const fs::path out = arguments.out.empty() ? fs::path("runs") / "reproduce" / study.name : fs::path(arguments.out);

  catch_interrupts();
  say("{}: {} trainings, {} at a time on {} {} each, in {}", study.title, study.trainings(), workers.jobs, workers.threads,
      workers.threads == 1 ? "thread" : "threads", out.string());
  const Found found = train_all(study, out, workers);
  if (found.exit_code != 0) return found.exit_code;

  const std::vector<Comparison> comparisons = compare(found.figures, study.stored);
  const bool within = std::all_of(comparisons.begin(), comparisons.end(), [](const Comparison& c) { return c.within(); });
  std::fputs(comparison_table(comparisons).c_str(), arguments.json ? stderr : stdout);
  if (arguments.json) std::puts(comparison_json(study, comparisons, found.cpu_second / 60, within).dump().c_str());
  if (arguments.store) {
    store(places, study, found);
    say("stored in {}", study.file.string());
    return kExitDone;
  }
  if (!study.stored) {
    say("nothing stored to compare with; --store writes these figures into {}", study.file.string());
    return kExitDone;
  }
  say_text(within ? "every figure is within its tolerance" : "some figures are outside their tolerance");
  return within ? kExitDone : kExitCheckFailed;
}

}  // namespace

void add_reproduce(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("reproduce", "train a study again and say how far each figure is from the stored one");
  auto given = std::make_shared<ReproduceArguments>();
  command->add_option("STUDY", given->name, "a name of --list, or the path of a .toml file");
  command->add_option("--jobs", given->jobs, "trainings side by side; default: one per thread of the machine")->check(CLI::Range(1, 1024));
  command->add_option("--threads", given->threads, "threads of each training, never changes results; default: what the jobs leave")
      ->check(CLI::Range(1, 1024));
  command->add_option("--out", given->out, "folder of the runs, which are read or gone on with; default runs/reproduce/STUDY");
  command->add_flag("--store", given->store, "write the figures into the study's file");
  command->add_option("--plot", given->plot, "draw the stored figures into this folder and train nothing")->type_name("FOLDER");
  auto* list = command->add_flag("--list", given->list, "the studies that the program knows");
  command->add_flag("--markdown", given->markdown, "all stored results as docs/results.md")->excludes(list);
  command->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  command->callback([given, &exit_code] { exit_code = reproduce(*given); });
}

}  // namespace eqprop
