#pragma once
// The largest value of a key that a network still learns with, over another key: bisection in logarithms, and the exponent of a power law.
#include <filesystem>
#include <vector>

#include "experiments/study_figures.h"
#include "experiments/study_train.h"

namespace eqprop {

/// critical ~ value^exponent by least squares in logarithms.
struct PowerLaw {
  double exponent = 0;
  double error = 0;  ///< standard error of the exponent; not a number for fewer than three points
};
/// Needs at least two points with different values, all above 0.
PowerLaw fit_power_law(const std::vector<double>& values, const std::vector<double>& critical);

struct CriticalResult {
  TrainingsReport report;            ///< its outcomes: of all trainings
  std::vector<StudyFigure> figures;  ///< critical_VALUE for every value, exponent, exponent_error
};

/// Bisects for all values together, `steps` rounds of trainings in run folders below `out`. A value whose every round went the same way has
/// no critical value within low .. high: it is said, and left out of the fit. Figures are there when the report's exit code is 0.
CriticalResult run_critical(const StudyCritical& search, const std::filesystem::path& out, const Workers& workers);

}  // namespace eqprop
