#include "experiments/study_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "experiments/statistics.h"

namespace eqprop {
namespace {

enum class Form { per_cent, plain, rate, nanojoule };

struct Kind {
  std::string_view name, title;
  Form form;
  double least;     // usual tolerance: at least this,
  double relative;  // or this share of the mean; a negative least: never compared
};

constexpr double kNever = -1;
constexpr std::array kKinds = {
    Kind{"test_error", "test error, %", Form::per_cent, 0.003, 0},
    Kind{"validation_error", "validation error, %", Form::per_cent, 0.003, 0},
    Kind{"diverged", "share diverged", Form::plain, 0.01, 0},
    Kind{"sweeps", "sweeps per phase", Form::plain, 0.1, 0.05},
    Kind{"cosine", "cosine", Form::plain, 0.02, 0},
    Kind{"cosine_settled", "cosine with settled", Form::plain, 0.02, 0},
    Kind{"pulses", "pulses", Form::plain, 0, 0.05},
    Kind{"joule_B0", "B0 per sample, nJ", Form::nanojoule, 0, 0.05},
    Kind{"joule_B1", "B1 per sample, nJ", Form::nanojoule, 0, 0.05},
    Kind{"joule_B2", "B2 per sample, nJ", Form::nanojoule, 0, 0.05},
    Kind{"samples_per_second", "samples/s", Form::rate, kNever, 0},
    Kind{"exponent", "exponent", Form::plain, 0.1, 0},
    Kind{"exponent_error", "its standard error", Form::plain, kNever, 0},
};
constexpr std::string_view kCritical = "critical_";
constexpr Kind kCriticalKind = {kCritical, "critical value", Form::plain, 0, 0.3};

const Kind* find_kind(std::string_view name) {
  for (const Kind& kind : kKinds)
    if (kind.name == name) return &kind;
  return name.starts_with(kCritical) && name.size() > kCritical.size() ? &kCriticalKind : nullptr;
}

const Kind& kind_of(std::string_view name) {
  const Kind* kind = find_kind(name);
  check(kind != nullptr, "a figure that is known");
  return *kind;
}

// in the unit of the heading
std::string number_text(Form form, double x, int digits = 4) {
  switch (form) {
    case Form::per_cent:
      return fmt::format("{:.2f}", 100 * x);
    case Form::plain:
      return fmt::format("{:.{}g}", x, digits);
    case Form::rate:
      return fmt::format("{:.0f}", x);
    case Form::nanojoule:
      return fmt::format("{:.{}g}", 1e9 * x, digits);
  }
  return "";
}

// nothing where a JSON value is no number
void add_number(const nlohmann::json& json, std::vector<double>& values) {
  if (json.is_number()) values.push_back(json.get<double>());
}

std::vector<double> values_of(std::string_view name, const std::vector<TrainingOutcome>& outcomes, int classes) {
  std::vector<double> values;
  for (const TrainingOutcome& outcome : outcomes) {
    if (name == "test_error") {
      values.push_back(outcome.test_error(classes));
    } else if (name == "diverged") {
      values.push_back(outcome.diverged ? 1 : 0);
    } else if (name == "cosine") {
      if (std::isfinite(outcome.cosine)) values.push_back(outcome.cosine);
    } else if (name == "cosine_settled") {
      if (std::isfinite(outcome.cosine_settled)) values.push_back(outcome.cosine_settled);
    } else if (outcome.diverged) {
      continue;
    } else if (name == "validation_error") {
      values.push_back(1 - outcome.result.value("validation_accuracy", 0.0));
    } else if (name == "sweeps") {
      add_number(outcome.result["sweeps_mean"], values);
    } else if (name == "samples_per_second") {
      if (outcome.result.value(std::string(name), 0.0) > 0) add_number(outcome.result[std::string(name)], values);
    } else if (name == "pulses") {
      if (!outcome.result["energy_per_sample_joule"].is_null()) add_number(outcome.result["pulses"], values);
    } else if (name.starts_with("joule_")) {
      const nlohmann::json& joules = outcome.result["energy_per_sample_joule"];
      if (joules.is_object()) add_number(joules.value(std::string(name.substr(6)), nlohmann::json()), values);
    }
  }
  return values;
}

}  // namespace

std::vector<std::string_view> study_figure_names() {
  std::vector<std::string_view> names;
  for (const Kind& kind : kKinds) names.push_back(kind.name);
  return names;
}

bool is_figure(std::string_view name) { return find_kind(name) != nullptr; }

std::string figure_title(std::string_view name) {
  if (name.starts_with(kCritical)) return "critical at " + std::string(name.substr(kCritical.size()));
  return std::string(kind_of(name).title);
}

double mean_of(const std::vector<double>& values) { return estimate(values).mean; }

std::string figure_number(std::string_view name, double value) { return number_text(kind_of(name).form, value); }

std::string figure_text(std::string_view name, const std::vector<double>& values) {
  const Estimate e = estimate(values);
  const Form form = kind_of(name).form;
  if (values.size() < 2 || form == Form::rate) return number_text(form, e.mean);
  return number_text(form, e.mean) + " +- " + number_text(form, e.half_width, 2);
}

std::vector<StudyFigure> run_figures(const StudyRun& run, const std::vector<TrainingOutcome>& outcomes, int classes) {
  std::vector<StudyFigure> figures;
  for (const Kind& kind : kKinds) {
    std::vector<double> values = values_of(kind.name, outcomes, classes);
    if (!values.empty()) figures.push_back({run.name, std::string(kind.name), std::move(values)});
  }
  return figures;
}

std::optional<double> usual_tolerance(const StudyFigure& figure) {
  const Kind& kind = kind_of(figure.name);
  if (kind.least < 0) return {};
  // on another kind of CPU runs take other turns: a difference of two means over seeds, at three standard deviations
  const double mean = mean_of(figure.values), count = static_cast<double>(figure.values.size());
  double square = 0;
  for (const double v : figure.values) square += (v - mean) * (v - mean);
  const double spread = count > 1 ? 3 * std::sqrt(square / (count - 1) * 2 / count) : 0;
  return std::stod(fmt::format("{:.2g}", std::max({kind.least, kind.relative * std::abs(mean), spread})));
}

double Comparison::difference() const {
  return now && stored ? mean_of(now->values) - mean_of(stored->values) : std::numeric_limits<double>::quiet_NaN();
}

bool Comparison::within() const { return !judged() || std::abs(difference()) <= *stored->tolerance; }

std::vector<Comparison> compare(const std::vector<StudyFigure>& now, const std::optional<Stored>& stored) {
  std::vector<Comparison> out;
  for (const StudyFigure& figure : now) out.push_back({figure.run, figure.name, figure, {}});
  if (!stored) return out;
  for (const StoredFigure& figure : stored->figures) {
    const auto at =
        std::find_if(out.begin(), out.end(), [&](const Comparison& c) { return c.run == figure.run && c.name == figure.figure; });
    if (at != out.end())
      at->stored = figure;
    else
      out.push_back({figure.run, figure.figure, {}, figure});
  }
  return out;
}

std::string comparison_table(const std::vector<Comparison>& comparisons) {
  std::vector<std::array<std::string, 7>> rows = {{"run", "figure", "stored", "now", "difference", "tolerance", ""}};
  for (const Comparison& c : comparisons)
    rows.push_back({c.run, figure_title(c.name), c.stored ? figure_text(c.name, c.stored->values) : "-",
                    c.now ? figure_text(c.name, c.now->values) : "-", c.now && c.stored ? figure_number(c.name, c.difference()) : "-",
                    c.judged() ? figure_number(c.name, *c.stored->tolerance) : "-",
                    !c.judged()     ? ""
                    : !c.within()   ? "OUTSIDE"
                    : c.same_bits() ? "same"
                                    : "within"});
  std::array<std::size_t, 7> widths{};
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      text += i < 2 || i == 6 ? fmt::format("{:<{}}  ", row[i], widths[i]) : fmt::format("{:>{}}  ", row[i], widths[i]);
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  return text;
}

}  // namespace eqprop
