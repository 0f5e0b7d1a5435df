#include "experiments/study_critical.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/check.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

struct Bracket {
  double value = 0;  // of `over`
  double low = 0, high = 0;
  int good = 0, bad = 0;  // rounds
  // a short number, so that the folder's name is the whole of it
  double middle() const { return std::stod(fmt::format("{:.6g}", std::sqrt(low * high))); }
  double critical() const { return std::sqrt(low * high); }
  bool at_bound() const { return good == 0 || bad == 0; }
};

std::vector<Training> round_of(const StudyCritical& search, const std::vector<Bracket>& brackets, const std::filesystem::path& out) {
  std::vector<Training> trainings;
  for (const Bracket& b : brackets) {
    const std::string title = fmt::format("{} {}={} {}={}", search.name, search.over, b.value, search.key, b.middle());
    const std::filesystem::path folder = out / search.name / fmt::format("{}-{}", b.value, b.middle());
    for (const int seed : search.seeds)
      trainings.push_back(make_training(search, {fmt::format("{}={}", search.over, b.value), fmt::format("{}={}", search.key, b.middle())},
                                        seed, folder / fmt::format("seed-{}", seed), title));
  }
  return trainings;
}

void narrow(const StudyCritical& search, const std::vector<Training>& trainings, const std::vector<TrainingOutcome>& outcomes,
            std::vector<Bracket>& brackets) {
  std::size_t next = 0;
  for (Bracket& b : brackets) {
    double error = 0;
    for (std::size_t s = 0; s < search.seeds.size(); ++s, ++next)
      error += outcomes[next].test_error(trainings[next].classes) / static_cast<double>(search.seeds.size());
    const double middle = b.middle();
    if (error < search.limit) {
      b.low = middle;
      ++b.good;
    } else {
      b.high = middle;
      ++b.bad;
    }
  }
}

std::vector<StudyFigure> figures_of(const StudyCritical& search, const std::vector<Bracket>& brackets) {
  std::vector<StudyFigure> figures;
  std::vector<double> values, critical;
  for (const Bracket& b : brackets) {
    figures.push_back({search.name, fmt::format("critical_{}", b.value), {b.critical()}});
    if (b.at_bound()) {
      say("{}: no critical {} between {} and {} at {} = {}: left out of the fit", search.name, search.key, search.low, search.high,
          search.over, b.value);
      continue;
    }
    values.push_back(b.value);
    critical.push_back(b.critical());
  }
  if (values.size() < 2) return figures;
  const PowerLaw law = fit_power_law(values, critical);
  figures.push_back({search.name, "exponent", {law.exponent}});
  if (std::isfinite(law.error)) figures.push_back({search.name, "exponent_error", {law.error}});
  return figures;
}

}  // namespace

PowerLaw fit_power_law(const std::vector<double>& values, const std::vector<double>& critical) {
  check(values.size() >= 2 && values.size() == critical.size(), "two points make a line");
  const auto n = static_cast<double>(values.size());
  double x_mean = 0, y_mean = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    x_mean += std::log(values[i]) / n;
    y_mean += std::log(critical[i]) / n;
  }
  double xx = 0, xy = 0, yy = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double x = std::log(values[i]) - x_mean, y = std::log(critical[i]) - y_mean;
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  check(xx > 0, "two points with different values");
  PowerLaw law{xy / xx, std::numeric_limits<double>::quiet_NaN()};
  if (values.size() > 2) law.error = std::sqrt(std::max(yy - law.exponent * xy, 0.0) / (n - 2) / xx);
  return law;
}

CriticalResult run_critical(const StudyCritical& search, const std::filesystem::path& out, const Workers& workers) {
  CriticalResult result;
  std::vector<Bracket> brackets;
  for (const double value : search.values) brackets.push_back({value, search.low, search.high, 0, 0});
  for (int step = 0; step < search.steps; ++step) {
    const std::vector<Training> trainings = round_of(search, brackets, out);
    TrainingsReport round = run_trainings(trainings, workers);
    result.report.exit_code = round.exit_code;
    result.report.error = round.error;
    result.report.outcomes.insert(result.report.outcomes.end(), round.outcomes.begin(), round.outcomes.end());
    if (round.exit_code != 0) return result;
    narrow(search, trainings, round.outcomes, brackets);
  }
  result.figures = figures_of(search, brackets);
  return result;
}

}  // namespace eqprop
