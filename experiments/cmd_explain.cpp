// explain [CODE]: cause and remedies of a code; without one the list of all.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "experiments/commands.h"
#include "experiments/explanations.h"

namespace eqprop {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLine = 100;  // letters of a printed line

// words broken into lines, each after `indent` blanks
std::string wrapped(std::string_view text, std::size_t indent) {
  const std::string margin(indent, ' ');
  std::string out = margin;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (column > indent && column + 1 + end > kLine) {
      out += "\n" + margin;
      column = indent;
    }
    if (column > indent) {
      out += ' ';
      ++column;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + "\n";
}

Json as_json(const Explanation& e) {
  return {{"code", code_name(e.code)},          {"name", e.name},   {"title", e.title},
          {"consequence", consequence(e.code)}, {"cause", e.cause}, {"remedy", e.remedy}};
}

struct ExplainArguments {
  std::string code;
  bool json = false;
  bool markdown = false;
};

int explain(const ExplainArguments& arguments) {
  if (arguments.markdown) {
    std::fputs(explanations_markdown().c_str(), stdout);
    return kExitDone;
  }
  if (!arguments.code.empty()) {
    const Explanation& e = explanation(arguments.code);
    if (arguments.json)
      std::puts(as_json(e).dump().c_str());
    else
      fmt::print("{} {}: {}\n{}\n  cause\n{}  what to do\n{}", code_name(e.code), e.name, e.title, wrapped(consequence(e.code), 2),
                 wrapped(e.cause, 4), wrapped(e.remedy, 4));
    return kExitDone;
  }
  Json all = Json::array();
  std::string_view heading;
  for (const Explanation& e : explanations()) {
    all.push_back(as_json(e));
    if (arguments.json) continue;
    if (heading_of(e.code) != heading) fmt::print("{}{}\n", heading.empty() ? "" : "\n", heading_of(e.code));
    heading = heading_of(e.code);
    fmt::print("  {}  {}\n", code_name(e.code), e.title);
  }
  if (arguments.json)
    std::puts(Json{{"codes", all}}.dump().c_str());
  else
    fmt::print("\n`eqprop explain EQ-003` says cause and remedies of one.\n");
  return kExitDone;
}

}  // namespace

void add_explain(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("explain", "cause and remedies of a code such as EQ-003; without one the list of all codes");
  auto given = std::make_shared<ExplainArguments>();
  command->add_option("CODE", given->code, "EQ-003, 3, or a name like unknown_key");
  auto* json = command->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
  command->add_flag("--markdown", given->markdown, "all of them as the page docs/errors.md")->excludes(json);
  command->callback([given, &exit_code] { exit_code = explain(*given); });
}

}  // namespace eqprop
