#pragma once
// Slow, obvious equilibria of a chain of dense layers in double, one sample at a time: what every fast settle is held to.
//   Phi(s) = sum_l U(s_l) - sum_l s_l' (W_l s_{l-1} + b_l) + beta C
// smooth      L-BFGS (Ceres) on Phi over pre-activations u, s = act(u), so that no bounds are needed; a few Newton steps on
//             u - h(s) = 0 then remove the rounding error of the line search.
// active set  Phi is a quadratic in a box: guess which units are clipped, solve the others' linear system exactly, move units across
//             their bounds by the signs of the gradient until nothing moves.
// Phi need not be convex. Both go downhill from the given start: where several equilibria exist, they find one, not necessarily the
// one that sweeps find; the active set starts from the units that plain sweeps clip.
#include <vector>

#include "eqprop/model/network.h"

namespace eqprop {

/// One sample's potential with exact weights.
struct ReferenceProblem {
  std::vector<Layer> layers;             ///< layers[0] is the clamped input
  std::vector<Eigen::MatrixXd> weights;  ///< outputs x (inputs + 1), bias last; with cross_entropy the read-out comes last
  Cost cost;
  Eigen::VectorXd input;
  Eigen::VectorXd target;  ///< not looked at when beta is 0
  double beta = 0;
};

/// One vector per layer; [0] is the input.
using ReferenceStates = std::vector<Eigen::VectorXd>;

struct ReferenceEquilibrium {
  ReferenceStates states;
  double residual;  ///< largest |u - h| of any unit (smooth), or of the projected gradient (active set): [unit input]
  int steps;        ///< L-BFGS iterations, or active sets tried
  bool converged;   ///< residual below 1e-12
};

/// The problem of one sample of a network of dense layers, with the weights that its couplings read() now. Throws std::logic_error when
/// the network has a UserTerm.
template <class T>
ReferenceProblem reference_problem(const Network<T>& network, const Eigen::VectorXd& input, const Eigen::VectorXd& target, double beta);

/// Start of a free phase: 0, or 1/2 for logistic units.
ReferenceStates reference_rest(const ReferenceProblem& problem);

/// Phi at given states.
double reference_potential(const ReferenceProblem& problem, const ReferenceStates& states);

/// One asynchronous sweep in plain loops, bottom to top, each layer s = act(h, a) (explicit activations only).
void reference_sweep(const ReferenceProblem& problem, ReferenceStates& states);

/// tanh, logistic and linear layers, both costs. Throws std::logic_error on other layers.
ReferenceEquilibrium reference_settle_smooth(const ReferenceProblem& problem, const ReferenceStates& start);

/// hard_sigmoid, clipped_relu and linear layers, squared error. Throws std::logic_error on others.
ReferenceEquilibrium reference_settle_active_set(const ReferenceProblem& problem, const ReferenceStates& start);

}  // namespace eqprop
