#pragma once
// Gradients in one piece, for checks: what an estimator gives, and finite differences of the loss through settled free phases.
#include <vector>

#include "eqprop/learn/phase_plan.h"
#include "eqprop/settle/settle.h"

namespace eqprop {

/// One batch of samples for a gradient; x features x batch, y outputs x batch.
template <class T>
struct GradientBatch {
  Matrix<T> x;
  Matrix<T> y;
  std::vector<std::uint32_t> ids;
};

/// Descent direction - dC/dW of the mean cost per coupling (outputs x (inputs + 1)), estimated by the plan's phases.
template <class T>
std::vector<Matrix<T>> estimate_gradient(const Network<T>& network, const GradientBatch<T>& batch, const PhasePlan& plan,
                                         const SettleOptions& options, Run& run);

/// Mean cost of the settled free phase.
template <class T>
double free_cost(const Network<T>& network, const GradientBatch<T>& batch, const SettleOptions& options, Run& run);

/// Agreement of two gradients over chosen coordinates.
struct Agreement {
  double cosine;
  double relative_error;  ///< |a - b| / |b|
};

/// Central differences of free_cost over `coordinates` keyed-random weights per coupling (all of them when fewer), ideal couplings in
/// double only, against the estimate. step is the weight's displacement.
std::vector<Agreement> check_gradient(Network<double>& network, const GradientBatch<double>& batch,
                                      const std::vector<Eigen::MatrixXd>& estimate, const SettleOptions& options, int coordinates, double step,
                                      Run& run);

}  // namespace eqprop
