#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>

#include "base/check.h"
#include "energy/nearest.h"
#include "experiments/explanations.h"

namespace eqprop {
namespace {

struct Block {
  int first;
  std::string_view title;
};
constexpr Block kBlocks[] = {{1, "Command line and configuration (exit code 2)"},
                             {101, "Files (exit code 3)"},
                             {201, "Warnings, and results below what was asked for"},
                             {301, "The end of a run, and of the program"},
                             {401, "Findings of `eqprop doctor`"}};

// the number of "EQ-012", "eq12", "12"; -1 for anything else
int number_of(std::string_view text) {
  std::string digits(text);
  std::transform(digits.begin(), digits.end(), digits.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const std::string_view prefix : {"eq-", "eq"})
    if (digits.starts_with(prefix)) digits.erase(0, prefix.size());
  int number = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc{} && end == digits.data() + digits.size() ? number : -1;
}

}  // namespace

std::string_view heading_of(Code code) {
  std::string_view title;
  for (const Block& b : kBlocks)
    if (b.first <= static_cast<int>(code)) title = b.title;
  return title;
}

const Explanation& explanation(std::string_view text) {
  const auto all = explanations();
  const int number = number_of(text);
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Explanation& e) { return static_cast<int>(e.code) == number || e.name == text; });
  if (found != all.end()) return *found;
  // numbers are compared as numbers, anything else as a misspelt name
  const auto distance = [&](const Explanation& e) {
    return number >= 0 ? static_cast<std::size_t>(std::abs(static_cast<int>(e.code) - number)) : edit_distance(text, e.name);
  };
  const auto nearest = std::min_element(all.begin(), all.end(), [&](const auto& a, const auto& b) { return distance(a) < distance(b); });
  throw InputError(
      Code::unknown_name, {}, "there is no code `" + std::string(text) + "`",
      fmt::format("the nearest is {} {}: {}; `eqprop explain` lists all", code_name(nearest->code), nearest->name, nearest->title));
}

std::string_view consequence(Code code) {
  const int number = static_cast<int>(code);
  if (number < 100) return "ends the program with exit code 2";
  if (number < 200) return "ends the program with exit code 3";
  if (code == Code::target_not_reached) return "the run is complete, and the exit code is 4";
  if (code == Code::cosine_not_reached) return "the check is complete, and the exit code is 1";
  if (number < 300) return "a warning: the program goes on";
  if (number < 400) return "ends the program with exit code 1";
  return "a finding of `eqprop doctor`, which changes no exit code";
}

std::string explanations_markdown() {
  std::string out =
      "# Errors, warnings and findings\n\nEvery message of the program ends with a code like `[EQ-003]`. A number keeps its meaning for "
      "ever. "
      "`eqprop explain EQ-003` says the same as this page.\n\nThis page is made by `eqprop explain --markdown`; a test holds it up to "
      "date.\n";
  std::string_view heading;
  for (const Explanation& e : explanations()) {
    if (heading_of(e.code) != heading) out += fmt::format("\n## {}\n", heading_of(e.code));
    heading = heading_of(e.code);
    out += fmt::format("\n### {} {}: {}\n{}\n\n*What to do:* {}\n", code_name(e.code), e.name, e.title, e.cause, e.remedy);
    if (static_cast<int>(e.code) > 200 && static_cast<int>(e.code) < 400) out += fmt::format("\n*Then:* {}.\n", consequence(e.code));
  }
  return out;
}

}  // namespace eqprop
