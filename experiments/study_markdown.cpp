// docs/results.md: every study with its stored figures.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/study_store.h"

namespace eqprop {
namespace {

const StoredFigure* find_figure(const Stored& stored, const std::string& run, std::string_view name) {
  for (const StoredFigure& figure : stored.figures)
    if (figure.run == run && figure.figure == name) return &figure;
  return nullptr;
}

// a figure that is no news: nobody diverged
bool is_dull(const StoredFigure& figure) { return figure.figure == "diverged" && mean_of(figure.values) == 0; }

std::string seeds_text(const std::vector<int>& seeds) {
  if (seeds.size() > 2 && seeds.back() - seeds.front() == static_cast<int>(seeds.size()) - 1 && std::is_sorted(seeds.begin(), seeds.end()))
    return fmt::format("{}..{}", seeds.front(), seeds.back());
  return fmt::format("{}", fmt::join(seeds, ", "));
}

std::string cell(const StoredFigure* figure) {
  std::string text = figure == nullptr ? "" : figure_text(figure->figure, figure->values);
  if (const auto at = text.find("+-"); at != std::string::npos) text.replace(at, 2, "±");
  return text;
}

std::string runs_table(const Study& study) {
  std::vector<std::string_view> columns;
  for (const std::string_view name : study_figure_names())
    if (std::any_of(study.runs.begin(), study.runs.end(), [&](const StudyRun& run) {
          const StoredFigure* figure = find_figure(*study.stored, run.name, name);
          return figure != nullptr && !is_dull(*figure);
        }))
      columns.push_back(name);
  std::string head = "| run | seeds |", line = "|---|---|";
  for (const std::string_view column : columns) {
    head += " " + figure_title(column) + " |";
    line += "---|";
  }
  std::string text = head + "\n" + line + "\n";
  for (const StudyRun& run : study.runs) {
    text += fmt::format("| {} | {} |", run.name, seeds_text(run.seeds));
    for (const std::string_view column : columns) text += " " + cell(find_figure(*study.stored, run.name, column)) + " |";
    text += "\n";
  }
  return text + "\n";
}

// the exponent between neighbouring values, from which it is seen whether one power law is the whole of it
std::string local_slopes(const Study& study, const StudyCritical& search) {
  std::string text;
  const StoredFigure* before = nullptr;
  double value_before = 0;
  for (const double value : search.values) {
    const StoredFigure* now = find_figure(*study.stored, search.name, fmt::format("critical_{}", value));
    if (before != nullptr && now != nullptr)
      text += fmt::format("{}{:.2f} from {} to {}", text.empty() ? "" : ", ",
                          std::log(now->values.front() / before->values.front()) / std::log(value / value_before), value_before, value);
    before = now;
    value_before = value;
  }
  return text;
}

std::string critical_table(const Study& study, const StudyCritical& search) {
  std::string text = fmt::format("{}: the largest `{}` with a mean test error below {:g} %, seeds {}.\n\n| `{}` | `{}` |\n|---|---|\n",
                                 search.name, search.key, 100 * search.limit, seeds_text(search.seeds), search.over, search.key);
  for (const double value : search.values)
    text += fmt::format("| {} | {} |\n", value, cell(find_figure(*study.stored, search.name, fmt::format("critical_{}", value))));
  if (const StoredFigure* exponent = find_figure(*study.stored, search.name, "exponent")) {
    const StoredFigure* error = find_figure(*study.stored, search.name, "exponent_error");
    text += fmt::format("\nIt grows with the power {:.3f}{} of `{}`.\n", exponent->values.front(),
                        error != nullptr ? fmt::format(" ± {:.3f} (standard error)", error->values.front()) : "", search.over);
    text += fmt::format("Between neighbours: {}; each end is known to a factor of {:.2f} by its bisection.\n", local_slopes(study, search),
                        std::pow(search.high / search.low, std::pow(0.5, search.steps + 1)));
  }
  return text + "\n";
}

std::string section(const Study& study) {
  std::string about = study.about;
  about.erase(about.find_last_not_of(" \n") + 1);
  std::string text = fmt::format("\n## {}\n{}\n\n", study.title, about);
  if (!study.stored) return text + fmt::format("`eqprop reproduce {}`: not stored yet.\n", study.name);
  if (!study.runs.empty()) text += runs_table(study);
  for (const StudyCritical& search : study.criticals) text += critical_table(study, search);
  text += fmt::format("![{}](images/study-{}.svg)\n\n", study.title, study.name);
  return text +
         fmt::format(
             "`eqprop reproduce {}`: {:.1f} minutes of CPU on {}, {}, eqprop {}. [Configs and settings](../experiments/study/{}.toml)\n",
             study.name, study.stored->cpu_minutes, study.stored->machine, study.stored->date, study.stored->version, study.name);
}

}  // namespace

std::string results_markdown(const std::vector<Study>& studies) {
  double minutes = 0;
  for (const Study& study : studies)
    if (study.stored) minutes += study.stored->cpu_minutes;
  std::string text = fmt::format(
      "# Results\n\nEvery table was written by `eqprop reproduce NAME --store`, and is made again and compared by `eqprop reproduce NAME`. "
      "This page is what\n`eqprop reproduce --markdown` prints. Several seeds: mean ± half of the 95 % interval. Same seed, same binary, "
      "same kind "
      "of CPU: same figures, but for\nspeeds. All together: {:.1f} minutes of CPU.\n",
      minutes);
  for (const Study& study : studies) text += section(study);
  return text;
}

}  // namespace eqprop
