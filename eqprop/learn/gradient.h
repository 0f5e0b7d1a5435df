#pragma once
// Gradients in one piece, for checks: what an estimator gives, and finite differences of the loss through settled free phases.
#include <vector>

#include "eqprop/learn/moving.h"

namespace eqprop {

/// One batch of samples for a gradient; x features x batch, y outputs x batch.
template <class T>
struct GradientBatch {
  Matrix<T> x;
  Matrix<T> y;
  std::vector<std::uint32_t> ids;
};

/// Descent direction - dC/dW of the mean cost per coupling (outputs x (inputs + 1)), as the estimator gives it on this batch; `step` names
/// the batch where the estimator asks. Moving weights need rates, one per coupling: their change over the rate is the estimate, and the
/// weights are afterwards what they were. Other estimators do not look at the rates.
template <class T>
std::vector<Matrix<T>> estimate_gradient(Network<T>& network, const GradientBatch<T>& batch, const LearnOptions& options, Run& run,
                                         std::span<const double> rates = {}, std::uint32_t step = 0);

/// What asks estimate_gradient for the gradient that the estimator is after: of the settling network (implicit) or of the feed-forward one,
/// nothing measured, settled to 1e-13 by forward sweeps without noise.
LearnOptions exact_gradient_options(LearnOptions options);

/// Mean cost of the answers: of the settled free phase, or of the feed-forward net.
template <class T>
double free_cost(const Network<T>& network, const GradientBatch<T>& batch, const LearnOptions& options, Run& run);

/// Agreement of two gradients over chosen coordinates.
struct Agreement {
  double cosine;
  double relative_error;  ///< |a - b| / |b|
};

/// Agreement over all weights of each coupling.
template <class T>
std::vector<Agreement> compare_gradients(const std::vector<Matrix<T>>& a, const std::vector<Matrix<T>>& b);

/// Central differences of free_cost over `coordinates` keyed-random weights per coupling (all of them when fewer), ideal couplings in
/// double only, against the estimate. step is the weight's displacement.
std::vector<Agreement> check_gradient(Network<double>& network, const GradientBatch<double>& batch,
                                      const std::vector<Eigen::MatrixXd>& estimate, const LearnOptions& options, int coordinates,
                                      double step, Run& run);

}  // namespace eqprop
