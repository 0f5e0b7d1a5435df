#pragma once
// The figures of a run. Each says in `skipped` why it cannot be made; none touches the run.
#include <string_view>
#include <vector>

#include "experiments/energy_report.h"
#include "experiments/plot/figure.h"
#include "experiments/plot/run_state.h"

namespace eqprop {

/// Names of all figures, in the order in which they are drawn.
std::vector<std::string_view> figure_names();

/// Accuracies and cost over epochs from metrics.csv: the mean of a group's seeds, with a band from the least to the largest.
/// Throws InputError(file) for a metrics.csv that is none.
Figure accuracy_figure(const std::vector<RunGroup>& groups);

/// Conductances [uS] and weights of every layer, after the initial write and as trained.
Figure histogram_figure(const RunState& state);

/// Residual and potential sweep by sweep, of a few validation samples in the free and the nudged phases, with the trained weights.
Figure settle_figure(const RunState& state);

/// Pulses of every device so far, both devices of a pair side by side.
Figure pulse_figure(const RunState& state);

/// Joules per training sample: what they consist of, and backprop on a GPU beside them at equal ranks.
Figure energy_figure(const EnergyReport& report, const Prices& prices, const Config& config, const std::string& caption);

}  // namespace eqprop
