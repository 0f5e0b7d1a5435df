// The pictures: files, titles and labels, and the numbers beside them against the run's own files.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "experiments/history.h"
#include "experiments/plot/figure.h"
#include "experiments/plot/gnuplot.h"
#include "experiments/plot/run_state.h"
#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop;
using namespace eqprop::testing;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const std::vector<std::string> kAll = {"accuracy", "histograms", "settle", "pulses", "energy"};

// rows of a CSV by column name; none of our cells is quoted here
using Row = std::map<std::string, std::string>;
std::vector<Row> read_table(const fs::path& file) {
  const auto split = [](const std::string& line) {
    std::vector<std::string> cells(1);
    for (const char c : line) {
      if (c == ',')
        cells.emplace_back();
      else
        cells.back() += c;
    }
    return cells;
  };
  std::istringstream in(read_file_text(file));
  std::string line;
  std::getline(in, line);
  const auto names = split(line);
  std::vector<Row> rows;
  while (std::getline(in, line)) {
    const auto cells = split(line);
    REQUIRE(cells.size() == names.size());
    rows.emplace_back();
    for (std::size_t i = 0; i < cells.size(); ++i) rows.back()[names[i]] = cells[i];
  }
  return rows;
}
double number(const Row& row, const std::string& column) { return std::stod(row.at(column)); }

// every tag closed by its own name, nothing left open, no bare < or & in a text: enough to tell XML from a cut or a mixed-up file
bool is_well_formed(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t at = 0; (at = xml.find_first_of("<&", at)) != std::string::npos;) {
    if (xml[at] == '&') {
      const auto end = xml.find(';', at);
      if (end == std::string::npos || end - at > 10) return false;
      at = end;
      continue;
    }
    if (xml.compare(at, 4, "<!--") == 0) {
      at = xml.find("-->", at);
      if (at == std::string::npos) return false;
      continue;
    }
    if (xml.compare(at, 9, "<![CDATA[") == 0) {
      at = xml.find("]]>", at);
      if (at == std::string::npos) return false;
      continue;
    }
    const auto end = xml.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = xml.substr(at + 1, end - at - 1);
    at = end;
    if (tag.empty()) return false;
    if (tag[0] == '?' || tag[0] == '!') continue;
    const std::string name = tag.substr(tag[0] == '/' ? 1 : 0, tag.find_first_of(" \t\r\n/", 1) - (tag[0] == '/' ? 1 : 0));
    if (tag[0] == '/') {
      if (open.empty() || open.back() != name) return false;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
  }
  return open.empty() && has(xml, "<svg");
}

void train(const TemporaryFolder& folder, const std::string& coupling, const std::vector<std::string>& more) {
  write_file_text(folder / "small.toml", small_config(coupling, 2));
  std::vector<std::string> words = {"train", "small.toml", "--out", "run"};
  words.insert(words.end(), more.begin(), more.end());
  const Outcome outcome = run_program(words, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
}

void check_files(const fs::path& folder, const std::string& name, const std::vector<std::string>& texts) {
  INFO(name);
  const std::string svg = read_file_text(folder / (name + ".svg"));
  CHECK(is_well_formed(svg));
  for (const std::string& text : texts) {
    INFO(text);
    CHECK(has(svg, text));
  }
  CHECK(read_file_text(folder / (name + ".png")).substr(1, 3) == "PNG");
}

}  // namespace

TEST_CASE("the check of XML can fail") {
  CHECK(is_well_formed("<?xml version='1.0'?><svg><g a='1'><path/></g><text>a &lt; b</text></svg>"));
  CHECK_FALSE(is_well_formed("<svg><g></svg>"));
  CHECK_FALSE(is_well_formed("<svg><g/>"));
  CHECK_FALSE(is_well_formed("<svg>a & b</svg>"));
}

TEST_CASE("a run on a crossbar gets every figure, and numbers that agree with the run's files") {
  const TemporaryFolder folder;
  train(folder, "crossbar", {});
  const std::string checkpoint = read_file_text(folder / "run/checkpoint.eqp");
  const Outcome outcome = run_program({"plot", "run"}, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const fs::path plots = folder / "run/plots";
  for (const std::string& name : kAll)
    for (const char* ending : {".svg", ".png", ".csv"}) CHECK(has(outcome.out, "run/plots/" + name + ending + "\n"));
  CHECK(read_file_text(folder / "run/checkpoint.eqp") == checkpoint);

  check_files(plots, "accuracy",
              {"Accuracy, cost and potential", "accuracy [%]", "epoch", "validation", "mean cost per sample", "seed 1", "64-16-10"});
  check_files(plots, "histograms",
              {"initial write", "as trained", "conductance G [µS]", "weight w [1]", "layer 1 (64-16)", "layer 2 (16-10)"});
  check_files(plots, "settle",
              {"free phase", "β = +0.5", "β = −0.5", "residual, free phase", "potential, nudged phase", "tolerance", "sweep"});
  check_files(plots, "pulses", {"pulses", "device G+", "device G−", "input line", "output"});
  check_files(plots, "energy", {"estimate", "B1: DAC and ADC", "B0 | G0", "B2 | G2", "batch 1", "energy per training sample"});

  const LedgerFile file = read_ledger_json(folder / "run/ledger.json");
  const std::int64_t devices = 2 * (16 * 65 + 10 * 17);
  CHECK(file.wear.devices == devices);

  const auto pulses = read_table(plots / "pulses.csv");
  CHECK(static_cast<std::int64_t>(pulses.size()) == devices);
  std::int64_t sum = 0, most = 0;
  for (const Row& row : pulses) {
    sum += std::stoll(row.at("pulses"));
    most = std::max<std::int64_t>(most, std::stoll(row.at("pulses")));
  }
  CHECK(sum == pulses_of(file.ledger, kPhaseUpdate) + pulses_of(file.ledger, kPhaseInitialWrite));
  CHECK(most == file.wear.pulses_per_device);

  std::map<std::string, std::int64_t> counts;
  for (const Row& row : read_table(plots / "histograms.csv")) {
    counts[row.at("layer") + " " + row.at("quantity") + " " + row.at("when")] += std::stoll(row.at("count"));
    CHECK(number(row, "low") < number(row, "high"));
    if (row.at("quantity") == "conductance_siemens") CHECK(number(row, "high") < 1e-3);
  }
  CHECK(counts == std::map<std::string, std::int64_t>{{"layer 1 (64-16) conductance_siemens before", 2 * 16 * 65},
                                                      {"layer 1 (64-16) conductance_siemens after", 2 * 16 * 65},
                                                      {"layer 1 (64-16) weight before", 16 * 65},
                                                      {"layer 1 (64-16) weight after", 16 * 65},
                                                      {"layer 2 (16-10) conductance_siemens before", 2 * 10 * 17},
                                                      {"layer 2 (16-10) conductance_siemens after", 2 * 10 * 17},
                                                      {"layer 2 (16-10) weight before", 10 * 17},
                                                      {"layer 2 (16-10) weight after", 10 * 17}});

  const auto metrics = read_table(folder / "run/metrics.csv"), accuracy = read_table(plots / "accuracy.csv");
  REQUIRE(accuracy.size() == 2);
  for (std::size_t e = 0; e < 2; ++e)
    for (const char* column : {"train_accuracy", "validation_accuracy", "train_cost", "free_potential"})
      for (const char* what : {"_mean", "_min", "_max"})
        CHECK(number(accuracy[e], std::string(column) + what) == number(metrics[e], column));

  const Json priced = Json::parse(read_file_text(folder / "run/energy.json"));
  double parts = 0;
  int totals = 0;
  for (const Row& row : read_table(plots / "energy.csv")) {
    if (row.at("part") != "total") {
      parts += number(row, "joule_typical");
      continue;
    }
    ++totals;
    CHECK(number(row, "joule_min") <= number(row, "joule_typical"));
    CHECK(number(row, "joule_typical") <= number(row, "joule_max"));
    const std::string rank = row.at("rank");
    const bool crossbar = row.at("side") == "crossbar";
    const Json& expected = crossbar ? priced["energy_per_sample_joule"]
                                    : priced["gpu_energy_per_sample_joule"][row.at("batch") == "1" ? "batch_1" : "best_batch"];
    CHECK(number(row, "joule_typical") == Approx(expected[rank].get<double>()));
    if (!crossbar) continue;
    CHECK(number(row, "joule_min") == Approx(priced["energy_per_sample_joule_min"][rank].get<double>()));
    CHECK(number(row, "joule_max") == Approx(priced["energy_per_sample_joule_max"][rank].get<double>()));
  }
  CHECK(totals == 9);
  CHECK(parts == Approx(priced["energy_per_sample_joule"]["B2"].get<double>()));
}

TEST_CASE("on exact weights a trace's potential never rises, and ends where the run stops") {
  const TemporaryFolder folder;
  train(folder, "ideal", {});
  const Outcome outcome = run_program({"plot", "run", "--json"}, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json json = Json::parse(outcome.last_line());
  REQUIRE(json["figures"].size() == 3);
  CHECK(json["figures"][2]["name"] == "settle");
  CHECK(fs::exists(folder / json["figures"][2]["svg"].get<std::string>()));
  REQUIRE(json["skipped"].size() == 2);
  CHECK(json["skipped"][0]["name"] == "pulses");
  CHECK(has(json["skipped"][0]["reason"], "ideal"));
  CHECK(json["skipped"][1]["name"] == "energy");
  CHECK_FALSE(fs::exists(folder / "run/plots/pulses.svg"));
  const std::string histograms = read_file_text(folder / "run/plots/histograms.svg");
  CHECK(has(histograms, "weight w"));
  CHECK_FALSE(has(histograms, "conductance"));

  const auto rows = read_table(folder / "run/plots/settle.csv");
  std::map<std::string, std::vector<Row>> traces;
  for (const Row& row : rows) traces[row.at("sample_id") + " " + row.at("phase")].push_back(row);
  REQUIRE(traces.size() == 4 * 3);
  for (const auto& [name, trace] : traces) {
    INFO(name);
    int stops = 0;
    CHECK(trace.front().at("residual").empty());
    for (std::size_t k = 0; k < trace.size(); ++k) {
      CHECK(trace[k].at("sweep") == std::to_string(k));
      if (k > 0) CHECK(number(trace[k], "potential") <= number(trace[k - 1], "potential") + 1e-5);
      const std::string& stop = trace[k].at("stopped");
      if (stop.empty()) continue;
      ++stops;
      if (stop == "tolerance") {
        CHECK(number(trace[k], "residual") <= 1e-3);
        CHECK(number(trace[k - 1], "residual") > 1e-3);
      } else {
        CHECK(stop == "budget");
        CHECK(k == 12);
      }
    }
    CHECK(stops == 1);
    CHECK(number(trace.front(), "potential") - number(trace.back(), "potential") > 0);
  }
}

TEST_CASE("several seeds make a band, whichever way they are given") {
  const TemporaryFolder folder;
  train(folder, "ideal", {"--seeds", "1..3"});
  const Outcome outcome = run_program({"plot", "run", "--only", "accuracy", "--out", "pictures"}, folder.path());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.out == "pictures/accuracy.svg\npictures/accuracy.png\npictures/accuracy.csv\n");
  check_files(folder / "pictures", "accuracy", {"least to largest of 3 seeds", "seeds 1..3", "mean over seeds"});

  const auto rows = read_table(folder / "pictures/accuracy.csv");
  REQUIRE(rows.size() == 2);
  for (std::size_t e = 0; e < 2; ++e) {
    CHECK(rows[e].at("run") == "run");
    CHECK(rows[e].at("seeds") == "3");
    std::vector<double> values;
    for (const char* seed : {"1", "2", "3"})
      values.push_back(number(read_table(folder / ("run/seed-" + std::string(seed) + "/metrics.csv"))[e], "validation_accuracy"));
    CHECK(number(rows[e], "validation_accuracy_mean") == Approx((values[0] + values[1] + values[2]) / 3));
    CHECK(number(rows[e], "validation_accuracy_min") == *std::min_element(values.begin(), values.end()));
    CHECK(number(rows[e], "validation_accuracy_max") == *std::max_element(values.begin(), values.end()));
  }

  // one by one, one of them twice
  const Outcome listed = run_program(
      {"plot", "run/seed-1", "run/seed-2", "run/seed-3", "run/seed-2/", "--only", "accuracy", "--out", "listed"}, folder.path());
  REQUIRE(listed.exit_code == 0);
  CHECK(read_file_text(folder / "listed/accuracy.csv") == read_file_text(folder / "pictures/accuracy.csv"));

  const Outcome all = run_program({"plot", "run"}, folder.path());
  CHECK(all.exit_code == 0);
  CHECK(has(all.err, "run/seed-1"));
  CHECK(fs::exists(folder / "run/plots/settle.png"));
}

TEST_CASE("a run without a finished epoch is plotted as far as it goes") {
  const TemporaryFolder folder;
  train(folder, "crossbar", {});
  for (const char* file : {"metrics.csv", "checkpoint.eqp", "ledger.json"}) fs::remove(folder / ("run/" + std::string(file)));
  const Outcome outcome = run_program({"plot", "run", "--json"}, folder.path());
  CHECK(outcome.exit_code == 0);
  CHECK(Json::parse(outcome.last_line())["figures"].empty());
  CHECK(Json::parse(outcome.last_line())["skipped"].size() == kAll.size());
  CHECK(has(outcome.err, "no epoch is finished yet"));
  CHECK(has(outcome.err, "no checkpoint is there yet"));
}

TEST_CASE("what cannot be plotted is said, with a remedy") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "empty");
  const Outcome no_run = run_program({"plot", "empty"}, folder.path());
  CHECK(no_run.exit_code == 3);
  CHECK(has(no_run.err, "no run folder"));
  CHECK_FALSE(fs::exists(folder / "empty/plots"));
  CHECK(run_program({"plot"}, folder.path()).exit_code == 2);

  train(folder, "ideal", {});
  const Outcome unknown = run_program({"plot", "run", "--only", "acuracy"}, folder.path());
  CHECK(unknown.exit_code == 2);
  CHECK(has(unknown.err, "did you mean `accuracy`"));

  write_file_text(folder / "file", "");
  const Outcome unwritable = run_program({"plot", "run", "--out", "file/plots"}, folder.path());
  CHECK(unwritable.exit_code == 3);
  CHECK(has(unwritable.err, "choose another --out"));

  write_file_text(folder / "run/metrics.csv", "epoch,train_accuracy,validation_accuracy,train_cost,free_potential\n1,0.5,half,0.1,-3\n");
  const Outcome damaged = run_program({"plot", "run", "--only", "accuracy"}, folder.path());
  CHECK(damaged.exit_code == 3);
  CHECK(has(damaged.err, "metrics.csv:2"));
  CHECK(has(damaged.err, "`half` is no number"));
}

TEST_CASE("without gnuplot the remedy is named") {
  const TemporaryFolder folder;
  train(folder, "ideal", {});
  const std::string path = std::getenv("PATH");
  setenv("PATH", folder.path().c_str(), 1);
  const Outcome outcome = run_program({"plot", "run", "--only", "accuracy"}, folder.path());
  setenv("PATH", path.c_str(), 1);
  CHECK(outcome.exit_code == 3);
  CHECK(has(outcome.err, "apt install gnuplot-nox"));
}

TEST_CASE("gnuplot's complaint reaches the user, and texts cannot leave their quotes") {
  try {
    run_gnuplot("set terminal svg\nplot foo(\n");
    FAIL("a broken script must fail");
  } catch (const InputError& error) {
    CHECK(has(error.what(), "gnuplot failed"));
    CHECK(has(error.what(), "invalid expression"));
  }
  CHECK(gnuplot_text("it's\n`id`") == "'it''s `id`'");
  const std::string svg =
      run_gnuplot("set terminal svg noenhanced\nset title " + gnuplot_text("it's \"x\" `id` $y a_b {c} @d <&>") + "\nplot x\n");
  CHECK(has(svg, "it's \"x\" `id` $y a_b {c} @d &lt;&amp;>"));
}

TEST_CASE("seeds are written shortly, cells safely") {
  RunGroup group;
  for (const std::uint32_t seed : {3U, 1U, 2U}) {
    group.runs.emplace_back();
    group.runs.back().config.seed = seed;
  }
  CHECK(seeds_text(group) == "seeds 1..3");
  group.runs.pop_back();
  CHECK(seeds_text(group) == "seeds 1, 3");
  group.runs.pop_back();
  CHECK(seeds_text(group) == "seed 3");
  CHECK(cell(std::string("a,\"b\"")) == "\"a,\"\"b\"\"\"");
  CHECK(cell(std::string("plain")) == "plain");
  CHECK(cell(std::nan("")) == "");
}

TEST_CASE("plot writes nothing when a figure cannot be made, and no table of somebody else's is overwritten") {
  const TemporaryFolder folder;
  write_file_text(folder / "small.toml", small_config("crossbar", 1));
  REQUIRE(run_program({"train", "small.toml", "--out", "run"}, folder.path()).exit_code == 0);
  fs::create_directory(folder / "mine");
  write_file_text(folder / "mine/accuracy.csv", "precious,figures\n1,2\n");
  const Outcome refused = run_program({"plot", "run", "--out", "mine"}, folder.path());
  INFO(refused.err);
  CHECK(refused.exit_code == 2);
  CHECK(has(refused.err, "mine/accuracy.csv"));
  CHECK(read_file_text(folder / "mine/accuracy.csv") == "precious,figures\n1,2\n");
  CHECK(std::distance(fs::directory_iterator(folder / "mine"), fs::directory_iterator()) == 1);

  const std::string checkpoint = read_file_text(folder / "run/checkpoint.eqp");
  write_file_text(folder / "run/checkpoint.eqp", checkpoint.substr(0, checkpoint.size() / 2));
  const Outcome cut = run_program({"plot", "run", "--out", "new"}, folder.path());
  INFO(cut.err);
  CHECK(cut.exit_code == 3);
  CHECK(cut.out.empty());
  CHECK_FALSE(fs::exists(folder / "new"));
}
