#pragma once
// The figures of a study: what trainings gave, how far that is from what is stored, and how it is written.
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/study.h"
#include "experiments/study_train.h"

namespace eqprop {

/// One figure of one run.
struct StudyFigure {
  std::string run;
  std::string name;
  std::vector<double> values;  ///< one per seed that has it, at least one
};

/// Names of all figures; a critical search has critical_VALUE for every value besides.
std::vector<std::string_view> study_figure_names();
bool is_figure(std::string_view name);
/// "test error", with its unit as it is written: for headings.
std::string figure_title(std::string_view name);
/// "1.53 +- 0.05 %": mean and half of the 95 % interval when there are several values.
std::string figure_text(std::string_view name, const std::vector<double>& values);
/// A single number, a difference or a tolerance, in the same unit.
std::string figure_number(std::string_view name, double value);
double mean_of(const std::vector<double>& values);

/// Figures of a run from its trainings, in the order of study_figure_names().
std::vector<StudyFigure> run_figures(const StudyRun& run, const std::vector<TrainingOutcome>& outcomes, int classes);

/// The tolerance that a figure is stored with when nobody chose one; none for what is never compared.
std::optional<double> usual_tolerance(const StudyFigure& figure);

struct Comparison {
  std::string run, name;
  std::optional<StudyFigure> now;      ///< absent: it has no value any more
  std::optional<StoredFigure> stored;  ///< absent: nothing to compare with
  /// now - stored, of the means; not a number when one is missing.
  double difference() const;
  bool judged() const { return stored && stored->tolerance; }
  bool within() const;
  bool same_bits() const { return now && stored && now->values == stored->values; }
};

/// Every figure of now and every stored one.
std::vector<Comparison> compare(const std::vector<StudyFigure>& now, const std::optional<Stored>& stored);
/// The comparison as a table for people.
std::string comparison_table(const std::vector<Comparison>& comparisons);

}  // namespace eqprop
