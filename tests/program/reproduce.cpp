// Studies: trained again, compared, stored, interrupted, and what the page of results says.
#include "experiments/study.h"

#include <signal.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "experiments/study_cosine.h"
#include "experiments/study_critical.h"
#include "experiments/study_store.h"
#include "tests/catch.h"
#include "tests/program/process.h"
#include "tests/source_dir.h"

using namespace eqprop;
using namespace eqprop::testing;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const std::string kHead = "# mine, with \"quotes\"\ntitle = \"Small\"\nabout = \"Two small nets.\"\norder = 1\n\n";
const std::string kIdeal =
    "[[run]]\nname = \"ideal\"\nconfig = \"./ideal.toml\"\nset = [\"train.beta=0.1\"]\nseeds = [1, 2]\ncosine = true\n";
const std::string kArrays = "[[run]]\nname = \"arrays\"\nconfig = \"./arrays.toml\"\nset = [\"train.batch=32\"]\nseeds = [3]\n";

void write_study(const TemporaryFolder& folder, const std::string& study, int epochs = 2) {
  write_file_text(folder / "ideal.toml", small_config("ideal", epochs));
  write_file_text(folder / "arrays.toml", small_config("crossbar", epochs));
  write_file_text(folder / "small.toml", study);
}

Outcome reproduce(const TemporaryFolder& folder, std::vector<std::string> more = {}) {
  std::vector<std::string> words = {"reproduce", "./small.toml", "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return run_program(words, folder.path());
}

Json figure(const Json& result, const std::string& run, const std::string& name) {
  for (const Json& f : result["figures"])
    if (f["run"] == run && f["figure"] == name) return f;
  return {};
}

}  // namespace

TEST_CASE("a study is trained, stored, and found again from nothing with the same bits") {
  const TemporaryFolder folder;
  write_study(folder, kHead + kIdeal + kArrays);
  const Outcome first = reproduce(folder);
  INFO(first.err);
  REQUIRE(first.exit_code == 0);
  CHECK(has(first.err, "nothing stored to compare with"));
  const Json result = Json::parse(first.last_line());
  CHECK(figure(result, "ideal", "test_error")["values"].size() == 2);
  CHECK(figure(result, "ideal", "sweeps")["values"][0].get<double>() > 1);
  const Json cosines = figure(result, "ideal", "cosine");
  for (const Json& cosine : cosines["values"]) {
    CHECK(cosine.get<double>() > 0.98);
    CHECK(cosine.get<double>() <= 1);
  }
  CHECK(figure(result, "ideal", "joule_B0").is_null());
  CHECK(figure(result, "arrays", "joule_B2")["values"][0] > figure(result, "arrays", "joule_B0")["values"][0]);
  CHECK(figure(result, "arrays", "cosine").is_null());
  // what train itself says about this seed, whose run folder is as any other
  const std::string run = "runs/reproduce/small/arrays/seed-3";
  const Outcome train =
      run_program({"train", "arrays.toml", "--set", "train.batch=32", "--seed", "3", "--out", run, "--resume", "--json"}, folder.path());
  CHECK(has(train.err, "this run is finished"));
  CHECK(1 - Json::parse(train.last_line())["test_accuracy"].get<double>() ==
        figure(result, "arrays", "test_error")["values"][0].get<double>());

  CHECK(reproduce(folder, {"--store"}).exit_code == 0);
  const std::string stored = read_file_text(folder / "small.toml");
  CHECK(stored.starts_with(kHead + kIdeal + kArrays + "\n[stored]\n"));
  // stored again: a part of its own, not one more
  CHECK(reproduce(folder, {"--store"}).exit_code == 0);
  CHECK(read_file_text(folder / "small.toml") == stored);

  const Outcome again = reproduce(folder, {"--out", "anew", "--jobs", "1", "--threads", "2"});
  INFO(again.err);
  CHECK(again.exit_code == 0);
  const Json same = Json::parse(again.last_line());
  CHECK(same["within"] == true);
  for (const char* name : {"test_error", "validation_error", "sweeps", "cosine"})
    CHECK(figure(same, "ideal", name)["values"] == figure(same, "ideal", name)["stored"]);
  CHECK(figure(same, "ideal", "samples_per_second")["within"].is_null());

  // a stored figure that is another: told, exit code 1
  const Study study = parse_study(find_places(), stored, folder / "small.toml");
  Stored wrong = *study.stored;
  for (StoredFigure& f : wrong.figures)
    if (f.run == "arrays" && f.figure == "test_error") f.values[0] += *f.tolerance * 1.01;
  write_file_text(folder / "small.toml", with_stored(study, stored, wrong));
  const Outcome outside = reproduce(folder);
  CHECK(outside.exit_code == 1);
  CHECK(has(outside.err, "OUTSIDE"));
  CHECK(Json::parse(outside.last_line())["within"] == false);
  CHECK(figure(Json::parse(outside.last_line()), "arrays", "test_error")["within"] == false);
  // a tolerance is kept when the figure is stored anew
  CHECK(reproduce(folder, {"--store"}).exit_code == 0);
  CHECK(parse_study(find_places(), read_file_text(folder / "small.toml"), folder / "small.toml").stored->figures[0].tolerance ==
        study.stored->figures[0].tolerance);
}

TEST_CASE("what cut sweeps do to the estimate is seen at the weights of another run") {
  const TemporaryFolder folder;
  const auto run = [](const std::string& name, const std::string& set, const std::string& cosine) {
    return "[[run]]\nname = \"" + name + "\"\nconfig = \"./ideal.toml\"\nset = [\"train.beta=0.5\", \"train.kernel=false\", " + set +
           "]\nseeds = [1, 2]\ncosine = " + cosine + "\n";
  };
  // the weights come from a run that is trained after the first one
  write_study(folder, kHead + run("one", "\"settle.tolerance=0\", \"settle.budget=1\"", "\"settled\"") +
                          run("two", "\"settle.tolerance=0\", \"settle.budget=2\"", "\"settled\"") +
                          run("tight", "\"settle.tolerance=1e-7\", \"settle.budget=1000\"", "\"settled\"") +
                          run("settled", "\"settle.tolerance=1e-7\", \"settle.budget=1000\"", "true"));
  const Outcome outcome = reproduce(folder, {"--store"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json result = Json::parse(outcome.last_line());
  for (std::size_t seed = 0; seed < 2; ++seed) {
    const auto cosine = [&](const char* name) { return figure(result, name, "cosine_settled")["values"][seed].get<double>(); };
    CHECK(std::abs(cosine("tight") - 1) < 1e-6);
    CHECK(cosine("two") < cosine("tight") - 1e-4);
    CHECK(cosine("two") > 0.3);
    // in one sweep forward the nudge does not come to the hidden layer
    CHECK(cosine("one") == 0);
    // the exact gradient is another matter: of so large a beta the settled estimate is not the gradient
    CHECK(figure(result, "settled", "cosine")["values"][seed].get<double>() < 1 - 1e-5);
  }
  // at those weights, and at no others
  const fs::path runs = folder / "runs/reproduce/small";
  const double there = settled_cosine(runs / "two/seed-2", runs / "settled/seed-2", 1);
  CHECK(figure(result, "two", "cosine_settled")["values"][1].get<double>() == there);
  CHECK(settled_cosine(runs / "two/seed-2", runs / "two/seed-2", 1) != there);
  CHECK(settled_cosine(runs / "two/seed-2", runs / "settled/seed-1", 1) != there);
  CHECK(figure(result, "settled", "cosine_settled").is_null());
  CHECK(figure(result, "one", "cosine").is_null());
  // and the picture shows them beside the errors
  const Outcome plot = run_program({"reproduce", "./small.toml", "--plot", "pictures"}, folder.path());
  INFO(plot.err);
  REQUIRE(plot.exit_code == 0);
  CHECK(has(read_file_text(folder / "pictures/study-small.svg"), "cosine with the settled estimate"));
  CHECK(has(read_file_text(folder / "pictures/study-small.csv"), ",cosine_settled_mean"));
  CHECK(has(read_file_text(folder / "pictures/study-small.csv"), "\none,2,"));
}

TEST_CASE("a stored figure that nothing gives any more is outside") {
  const std::optional<Stored> stored = Stored{"", "", "", 0, {{"a", "test_error", {0.1}, 0.01, {}}, {"a", "cosine", {0.9}, 0.01, {}}}, {}};
  const auto found = compare({{"a", "test_error", {0.104, 0.106}}, {"a", "sweeps", {7}}}, stored);
  REQUIRE(found.size() == 3);
  CHECK(found[0].within());
  CHECK(found[0].difference() == Approx(0.005));
  CHECK_FALSE(found[1].judged());
  CHECK(found[2].name == "cosine");
  CHECK_FALSE(found[2].within());
  CHECK(figure_text("test_error", {0.104, 0.106}) == "10.50 +- 1.27");  // 12.706 * 0.1 % at one degree of freedom
}

TEST_CASE("a run that diverges is a result: errors of chance, and the study goes on") {
  const TemporaryFolder folder;
  const std::string wild = "[\"network.hidden=linear\", \"network.output=linear\", \"train.rates=[1000, 1000]\"]";
  write_study(folder, kHead + kIdeal + "[[run]]\nname = \"wild\"\nconfig = \"./ideal.toml\"\nset = " + wild + "\nseeds = [1]\n");
  const Outcome outcome = reproduce(folder);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json result = Json::parse(outcome.last_line());
  CHECK(figure(result, "wild", "diverged")["values"][0] == 1);
  CHECK(figure(result, "wild", "test_error")["values"][0].get<double>() == Approx(0.9));
  CHECK(figure(result, "wild", "sweeps").is_null());
  CHECK(figure(result, "ideal", "diverged")["values"] == Json({0.0, 0.0}));
  // and is not trained again
  const Outcome again = reproduce(folder);
  CHECK(again.exit_code == 0);
  CHECK(has(again.err, "3 of 3 were trained before by this program: read again"));
  CHECK(Json::parse(again.last_line())["figures"] == result["figures"]);
}

TEST_CASE("what another build trained is moved aside and trained anew") {
  const TemporaryFolder folder;
  write_study(folder, kHead + kIdeal);
  const Outcome first = reproduce(folder);
  REQUIRE(first.exit_code == 0);
  const fs::path run = folder / "runs/reproduce/small/ideal/seed-1";
  Json known = Json::parse(read_file_text(run.string() + ".json"));
  REQUIRE(known["program"].get<std::string>().size() == 64);
  known["program"] = "another";
  write_file_text(run.string() + ".json", known.dump());
  write_file_text(run / "mine", "mine");
  const Outcome again = reproduce(folder);
  CHECK(again.exit_code == 0);
  CHECK(has(again.err, "1 of 2 were trained by another build: trained anew"));
  CHECK(read_file_text(run.string() + ".old/mine") == "mine");
  CHECK_FALSE(fs::exists(run / "mine"));
  CHECK(Json::parse(again.last_line())["figures"][0]["values"] == Json::parse(first.last_line())["figures"][0]["values"]);
}

TEST_CASE("an interrupted study goes on by the same command, to the same bits", "[long]") {
  const TemporaryFolder folder;
  write_study(folder, kHead + kArrays, 150);
  Program program({"reproduce", "./small.toml", "--json"}, folder.path());
  const fs::path run = folder / "runs/reproduce/small/arrays/seed-3";
  for (int waited = 0; !fs::exists(run / "metrics.csv"); ++waited) {
    REQUIRE(waited < 30000);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  program.signal(SIGINT);
  const Outcome stopped = program.wait();
  INFO(stopped.err);
  CHECK(stopped.exit_code == 130);
  CHECK(has(stopped.err, "interrupted; the same command goes on"));
  CHECK(has(read_file_text(run.string() + ".log"), "interrupted in epoch"));
  const Outcome rest = reproduce(folder);
  CHECK(rest.exit_code == 0);
  CHECK(has(read_file_text(run.string() + ".log"), "going on after epoch"));
  const Outcome whole = reproduce(folder, {"--out", "whole"});
  for (const char* name : {"test_error", "validation_error", "sweeps", "pulses", "joule_B2"})
    CHECK(figure(Json::parse(rest.last_line()), "arrays", name) == figure(Json::parse(whole.last_line()), "arrays", name));
}

TEST_CASE("a training that fails stops the study with its error and its exit code") {
  const TemporaryFolder folder;
  write_study(folder, kHead + kIdeal);
  REQUIRE(reproduce(folder).exit_code == 0);
  // the same folder, another config
  const std::string other =
      "[[run]]\nname = \"ideal\"\nconfig = \"./ideal.toml\"\nset = [\"train.beta=0.1\", \"train.batch=8\"]\nseeds = [1]\n";
  write_study(folder, kHead + other);
  const Outcome outcome = reproduce(folder);
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.out.empty());
  CHECK(has(outcome.err, "ideal seed "));
  CHECK(has(outcome.err, "`batch = 16` then, `batch = 8` now"));
  CHECK(has(outcome.err, "[EQ-014]"));
}

TEST_CASE("a critical value is bisected and its power law fitted") {
  const PowerLaw law = fit_power_law({1, 4, 16}, {0.3, 0.6, 1.2});
  CHECK(law.exponent == Approx(0.5));
  CHECK(law.error == Approx(0).margin(1e-7));
  const PowerLaw bent = fit_power_law({1, 10, 100}, {1, 20, 100});  // residuals log 2 * (-1/3, 2/3, -1/3) around the slope 1
  CHECK(bent.exponent == Approx(1));
  CHECK(bent.error == Approx(std::log(2.0) * std::sqrt(6.0 / 9) / (std::log(10.0) * std::sqrt(2.0))));
  CHECK(std::isnan(fit_power_law({1, 2}, {1, 2}).error));

  const TemporaryFolder folder;
  write_study(folder, kHead +
                          "[[critical]]\nname = \"rate\"\nconfig = \"./ideal.toml\"\nseeds = [1]\nkey = \"settle.activation_noise\"\n"
                          "low = 0.001\nhigh = 10\nlimit = 0.85\nsteps = 3\nover = \"train.batch\"\nvalues = [16, 64]\n");
  const Outcome outcome = reproduce(folder);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json result = Json::parse(outcome.last_line());
  for (const char* name : {"critical_16", "critical_64"}) {
    const double critical = figure(result, "rate", name)["values"][0];
    CHECK(critical > 0.001);
    CHECK(critical < 10);
  }
  int runs = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "runs")) runs += entry.path().filename() == "checkpoint.eqp" ? 1 : 0;
  CHECK(runs == 6);
  CHECK(fs::exists(folder / "runs/reproduce/small/rate/16-0.1/seed-1/checkpoint.eqp"));  // the first middle of 0.001 .. 10
}

TEST_CASE("docs/results.md is what eqprop reproduce --markdown prints, and every study is listed") {
  const TemporaryFolder folder;
  const Outcome outcome = run_program({"reproduce", "--markdown"}, folder.path());
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  const bool same = outcome.out == read_file_text(source_dir() + "/docs/results.md");
  INFO("make it anew: eqprop reproduce --markdown > docs/results.md");
  CHECK(same);

  const Outcome list = run_program({"reproduce", "--list"}, folder.path());
  CHECK(list.exit_code == 0);
  const Json json = Json::parse(run_program({"reproduce", "--list", "--json"}, folder.path()).last_line());
  CHECK(json.size() >= 1);
  for (const Study& study : all_studies(find_places())) {
    INFO(study.name);
    CHECK(has(list.out, study.title));
    CHECK(has(outcome.out, "## " + study.title + "\n"));
    // every config is one; a stored study has a row for every run
    for (const StudyRun& run : study.runs) {
      INFO(run.name);
      CHECK_NOTHROW(make_training(run, {}, run.seeds.front(), "none", "none"));
      if (study.stored) CHECK(has(outcome.out, "| " + run.name + " |"));
    }
    for (const StudyCritical& search : study.criticals)
      CHECK_NOTHROW(make_training(search, {search.key + "=" + std::to_string(search.high)}, search.seeds.front(), "none", "none"));
  }
}
