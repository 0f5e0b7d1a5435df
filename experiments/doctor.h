#pragma once
// What limits a run, in findings: each with a stable code, the figures that show it and how serious it is. The remedies stand in
// explanations.cpp.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error_code.h"
#include "experiments/doctor_probe.h"

namespace eqprop {

enum class Severity {
  fatal,   ///< the run is lost, or nothing is learned
  limits,  ///< costs accuracy, or would soon
  note,    ///< worth knowing
};
std::string_view severity_name(Severity severity);

struct Finding {
  Code code;
  Severity severity;
  std::string text;                                     ///< a sentence with the figures
  std::vector<std::pair<std::string, double>> figures;  ///< the same by name, for machines
};

/// A restored run with what its checkpoint does not hold.
struct Patient {
  const Experiment& experiment;
  const std::vector<CouplingState>& before;  ///< as written before training
  const std::vector<CouplingState>& after;
  const Probe& probe;
  const std::optional<NoiseBudget>& budget;  ///< of the weights after training; empty where the estimator has no beta, or the run diverged
};

/// All findings, the most serious first.
std::vector<Finding> diagnose(const Patient& patient);

/// The parts of diagnose().
using Findings = std::vector<Finding>;
void look_at_settling(const Patient& patient, Findings& out);
void look_at_units(const Patient& patient, Findings& out);
void look_at_converters(const Patient& patient, Findings& out);
void look_at_devices(const Patient& patient, Findings& out);
void look_at_learning(const Patient& patient, Findings& out);
void look_at_beta(const Patient& patient, Findings& out);

/// The budget as a table, what each layer's row means, and the three limits of beta.
std::string budget_table(const NoiseBudget& budget);

/// `limits` from one bound on, `note` from a lower one on, else nothing.
std::optional<Severity> grade(double value, double note, double limits);

}  // namespace eqprop
