#pragma once
// Writing what a study found: into its own file, and as docs/results.md.
#include <string>
#include <vector>

#include "experiments/study_figures.h"

namespace eqprop {

/// "AMD EPYC 9354, 2 cores": what /proc/cpuinfo says.
std::string machine_name();
/// "2026-11-21".
std::string today();

/// What was found, as [stored] holds it; a figure keeps the tolerance that it was stored with.
Stored make_stored(const Study& study, const std::vector<StudyFigure>& figures, double cpu_minutes);
/// The [stored] part of a study file.
std::string stored_text(const Stored& stored);
/// The text of a study's file with another [stored] part; what stands before it is kept as it is.
std::string with_stored(const Study& study, const std::string& text, const Stored& stored);

/// docs/results.md.
std::string results_markdown(const std::vector<Study>& studies);

}  // namespace eqprop
