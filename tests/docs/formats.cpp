// docs/formats.md lists the keys, columns and events that the program has, and no others.
#include <algorithm>
#include <set>
#include <sstream>

#include "energy/ledger.h"
#include "experiments/config.h"
#include "experiments/config_keys.h"
#include "experiments/history.h"
#include "tests/catch.h"
#include "tests/program/process.h"
#include "tests/source_dir.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

const std::string kPage = source_dir() + "/docs/formats.md";

}  // namespace

TEST_CASE("every key has a meaning, and the other way round") {
  std::set<std::string> keys, meanings;
  for (const ConfigKey& k : config_keys()) keys.insert(k.path());
  for (const auto& [key, text] : key_meanings()) {
    INFO(key);
    CHECK(text.size() > 5);
    meanings.insert(key);
  }
  CHECK(keys.size() > 70);
  CHECK(keys == meanings);
}

TEST_CASE("what a resolved config holds is listed") {
  const std::string text =
      "seed = 1\n[data]\nname = \"digits\"\n[network]\nlayers = [64, 16, 10]\ncoupling = \"crossbar\"\n[train]\nepochs = 1\nrates = [1, "
      "1]\n";
  std::istringstream lines(config_text(parse_config(text, "text")));
  std::set<std::string> keys;
  for (const ConfigKey& k : config_keys()) keys.insert(k.path());
  std::string section;
  int seen = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('[')) section = line.substr(1, line.find(']') - 1) + ".";
    const std::size_t equals = line.find(" = ");
    if (equals == std::string::npos) continue;
    INFO(line);
    CHECK(keys.count(section + line.substr(0, equals)) == 1);
    ++seen;
  }
  CHECK(seen > 40);
}

TEST_CASE("a default that is listed is the one that is taken") {
  const std::string text = "seed = 1\n[data]\nname = \"digits\"\n[network]\nlayers = [64, 16, 10]\n[train]\nepochs = 1\nrates = [1, 1]\n";
  const std::string resolved = config_text(parse_config(text + "[crossbar]\n", "text", {{"network.coupling=crossbar"}, {}, {}, {}}));
  for (const ConfigKey& k : config_keys()) {
    if (k.standard.empty() || k.kind == "one of" || k.section == "data" || k.path() == "network.coupling") continue;
    INFO(k.path() << " = " << k.standard);
    const bool quoted = k.kind == "text" || k.kind == "text with a unit";
    const std::string line = k.key + " = " + (quoted ? "\"" + k.standard + "\"" : k.standard);
    if (resolved.find("\n" + line + "\n") != std::string::npos) continue;
    // a key that is written only where it has a meaning: said aloud, the default changes nothing
    CHECK(resolved.find("\n" + k.key + " = ") == std::string::npos);
    const std::string set = k.path() + "=" + k.standard;
    CHECK(config_text(parse_config(text + "[crossbar]\n", "text", {{"network.coupling=crossbar", set}, {}, {}, {}})) == resolved);
  }
}

TEST_CASE("docs/formats.md has the tables of eqprop keys --markdown") {
  const std::string page = read_file_text(kPage);
  const std::string begin = "<!-- keys: begin, made by eqprop keys --markdown -->\n", end = "<!-- keys: end -->";
  const std::size_t first = page.find(begin), last = page.find(end);
  REQUIRE(first != std::string::npos);
  REQUIRE(last != std::string::npos);
  const TemporaryFolder folder;
  const Outcome outcome = run_program({"keys", "--markdown"}, folder.path());
  CHECK(outcome.exit_code == 0);
  const bool same = page.substr(first + begin.size(), last - first - begin.size()) == outcome.out;
  INFO("put the output of eqprop keys --markdown between the marks");
  CHECK(same);
}

TEST_CASE("docs/formats.md names every column, event and phase") {
  const std::string page = read_file_text(kPage);
  std::istringstream columns{std::string(metrics_header())};
  for (std::string column; std::getline(columns, column, ',');) {
    INFO(column);
    CHECK(page.find("`" + column + "`") != std::string::npos);
  }
  for (std::size_t e = 0; e < kEventCount; ++e) {
    INFO(event_name(static_cast<Event>(e)));
    CHECK(page.find("`" + std::string(event_name(static_cast<Event>(e))) + "`") != std::string::npos);
  }
  for (const PhaseId phase :
       {kPhaseInput, kPhaseFree, kPhaseFirstNudged, kPhaseUpdate, kPhaseInitialWrite, kPhaseEvaluate, kPhaseCalibrate})
    CHECK(page.find("`" + phase_name(phase) + "`") != std::string::npos);
}

TEST_CASE("eqprop keys finds a key, a section, and offers the nearest") {
  const TemporaryFolder folder;
  const Outcome one = run_program({"keys", "train.beta"}, folder.path());
  CHECK(one.exit_code == 0);
  CHECK(one.out.find("default: 0.5") != std::string::npos);
  const Outcome section = run_program({"keys", "settle"}, folder.path());
  CHECK(section.out.find("settle.nudged_budget") != std::string::npos);
  const Outcome none = run_program({"keys", "train.bta"}, folder.path());
  CHECK(none.exit_code == 2);
  CHECK(none.err.find("did you mean `train.beta`") != std::string::npos);
}
