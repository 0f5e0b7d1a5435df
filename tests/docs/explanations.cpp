// Every code has its explanation and the other way round; docs/errors.md is what the program prints.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "base/check.h"
#include "experiments/explanations.h"
#include "tests/catch.h"
#include "tests/program/process.h"
#include "tests/source_dir.h"

using namespace eqprop;
using namespace eqprop::testing;
using Json = nlohmann::json;

namespace {

const std::string kSource = source_dir();

// name -> number, as the enum's text has them, so that a new one is not forgotten
std::map<std::string, int> codes_in(const std::string& header) {
  std::map<std::string, int> found;
  const std::size_t begin = header.find("enum class Code"), end = header.find("};", begin);
  REQUIRE(begin != std::string::npos);
  std::istringstream lines(header.substr(begin, end - begin));
  const std::regex entry(R"(^\s*([a-z_0-9]+)\s*=\s*(\d+),.*)");
  std::smatch match;
  for (std::string line; std::getline(lines, line);)
    if (std::regex_match(line, match, entry)) {
      INFO(line);
      CHECK(found.emplace(match[1], std::stoi(match[2])).second);
    } else if (line.find('=') != std::string::npos && line.find("//") > line.find('=')) {
      FAIL("not understood: " << line);
    }
  return found;
}

std::string file_without_code(const std::string& text, const std::string& name) {
  std::string out = text;
  const std::size_t at = out.find("  " + name + " = ");
  return out.erase(at, out.find('\n', at) - at);
}

bool agree(const std::map<std::string, int>& codes) {
  std::map<std::string, int> explained;
  for (const Explanation& e : explanations()) explained.emplace(e.name, static_cast<int>(e.code));
  return explained == codes;
}

}  // namespace

TEST_CASE("every code is explained, and nothing else") {
  const std::string header = read_file_text(kSource + "/base/error_code.h");
  const auto codes = codes_in(header);
  CHECK(codes.size() > 50);
  for (const auto& [name, number] : codes) {
    INFO(name);
    const auto all = explanations();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Explanation& e) { return e.name == name; });
    REQUIRE(found != all.end());
    CHECK(static_cast<int>(found->code) == number);
  }
  CHECK(explanations().size() == codes.size());
  CHECK(agree(codes));
  // the comparison sees a code that is missing, on either side
  CHECK_FALSE(agree(codes_in(file_without_code(header, "seeds"))));
  int before = 0;
  for (const Explanation& e : explanations()) {
    INFO(e.name);
    CHECK(static_cast<int>(e.code) > before);
    before = static_cast<int>(e.code);
    CHECK(e.title.size() > 10);
    CHECK(e.cause.size() > 40);
    CHECK(e.remedy.size() > 10);
  }
}

TEST_CASE("docs/errors.md is what eqprop explain --markdown prints") {
  const TemporaryFolder folder;
  const Outcome outcome = run_program({"explain", "--markdown"}, folder.path());
  CHECK(outcome.exit_code == 0);
  const bool same = outcome.out == read_file_text(kSource + "/docs/errors.md");
  INFO("make it anew: eqprop explain --markdown > docs/errors.md");
  CHECK(same);
}

TEST_CASE("explain finds a code by number and by name, and offers the nearest") {
  const TemporaryFolder folder;
  const Outcome one = run_program({"explain", "EQ-012"}, folder.path());
  CHECK(one.exit_code == 0);
  CHECK(one.out.find("EQ-012 seeds") == 0);
  CHECK(one.out.find("--seeds 1..5") != std::string::npos);
  for (const char* same : {"12", "eq12", "eq-012", "seeds"}) CHECK(run_program({"explain", same}, folder.path()).out == one.out);

  const Json json = Json::parse(run_program({"explain", "12", "--json"}, folder.path()).last_line());
  CHECK(json["code"] == "EQ-012");
  CHECK(json["name"] == "seeds");
  CHECK(json["remedy"].get<std::string>().size() > 5);

  const Outcome all = run_program({"explain"}, folder.path());
  CHECK(all.exit_code == 0);
  for (const Explanation& e : explanations()) CHECK(all.out.find(code_name(e.code) + "  " + std::string(e.title)) != std::string::npos);
  CHECK(Json::parse(run_program({"explain", "--json"}, folder.path()).last_line())["codes"].size() == explanations().size());

  const Outcome none = run_program({"explain", "EQ-099"}, folder.path());
  CHECK(none.exit_code == 2);
  CHECK(none.err.find("the nearest is EQ-101") != std::string::npos);
  const Outcome misspelt = run_program({"explain", "unknwon_key"}, folder.path());
  CHECK(misspelt.exit_code == 2);
  CHECK(misspelt.err.find("EQ-003 unknown_key") != std::string::npos);
  CHECK(run_program({"explain", "-5"}, folder.path()).exit_code == 2);
}

TEST_CASE("what a code does is what the program does") {
  const TemporaryFolder folder;
  CHECK(run_program({"train", "absent.toml"}, folder.path()).exit_code == 3);
  CHECK(consequence(Code::missing_file).find("exit code 3") != std::string_view::npos);
  CHECK(run_program({"tarin"}, folder.path()).exit_code == 2);
  CHECK(consequence(Code::usage).find("exit code 2") != std::string_view::npos);
}
