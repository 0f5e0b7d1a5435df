#pragma once
// The noise budget of a config's network, and train.beta = "auto": the nudge that the budget of the untrained network chooses.
#include <string>

#include "eqprop/data/dataset.h"
#include "eqprop/learn/noise_budget.h"
#include "experiments/config.h"

namespace eqprop {

/// The budget at the config's beta and the network's present weights, from up to `most` samples, spread evenly. A loop closed by analog
/// neurons counts by the converters that measure its states.
NoiseBudget budget_of(const Config& config, const Network<float>& network, const Dataset& data, std::size_t most, int threads);

/// The budget of a network before its training. Converter ranges are measured first, as training will; afterwards the network is what it
/// was. Depends on config and data alone, so that a resumed run finds the same beta.
NoiseBudget starting_budget(const Config& config, Network<float>& network, const Dataset& train, int threads);

/// train.beta of a config as a number: as given, or with "auto" from a network built for it and the config's part of `train` that is trained.
double resolved_beta(const Config& config, const Dataset& train, int threads);

/// "beta auto: 0.42 (floor 0.003, dead zone 0.31, curvature 0.42): curvature rules: ..."
std::string beta_text(const NoiseBudget& budget);

}  // namespace eqprop
