#pragma once
// How well a trained run's estimator still points along the exact gradient.
#include <filesystem>

namespace eqprop {

/// Cosine of the estimator's gradient, with the run's own couplings and settling in float32, with the exact one (adjoint of the free state of
/// exact copies of its weights, settled in float64), on 64 training samples at the trained weights; the smallest over the couplings. Not a
/// number when either has none. Throws as Experiment does when the folder holds no run.
double gradient_cosine(const std::filesystem::path& folder, int threads);

/// What its settling costs a run's estimate: cosine of its gradient, in float32 as trained, with what the same estimator gives on exact copies
/// of the same weights in float64 when nothing is measured and every phase is settled to 1e-13 by forward sweeps without noise. Both at the
/// trained weights of the run in `weights`, which may differ in [train], [settle] and [measurement], on 64 of its training samples; the
/// smallest over the couplings, 0 where one gets no gradient at all. Not a number as above. Throws as Experiment does.
double settled_cosine(const std::filesystem::path& folder, const std::filesystem::path& weights, int threads);

}  // namespace eqprop
