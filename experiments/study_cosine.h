#pragma once
// How well a trained run's estimator still points along the exact gradient.
#include <filesystem>

namespace eqprop {

/// Cosine of the estimator's gradient, with the run's own couplings and settling in float32, with the exact one (adjoint of the free state of
/// exact copies of its weights, settled in float64), on 64 training samples at the trained weights; the smallest over the couplings. Not a
/// number when either has none. Throws as Experiment does when the folder holds no run.
double gradient_cosine(const std::filesystem::path& folder, int threads);

}  // namespace eqprop
