#pragma once
// Estimators whose weights move within the nudged phase.
//   continual   after every sweep of the nudged phase each weight moves by rate / (beta B) x (post pre' now - post pre' before): local in
//               time as well as in space (Ernoult et al. 2020, arXiv 2005.04168). On arrays every move is programmed.
//   agnostic    the weights are physical too: state and weights relax together to the minimum of
//                 potential(s, w) + beta C + |w - u|^2 / (2 epsilon),
//               u set so that the free state leaves w where it is, epsilon = rate / |beta| (Scellier et al. 2022, arXiv 2205.15021). Here by
//               turns: the state settles, then the weights go to their minimum given it, until they no longer move.
// Both end at w + rate / (beta B) x (post pre' nudged - post pre' free), with the nudged state settled on the weights that have moved.
#include "eqprop/learn/phases.h"
#include "eqprop/learn/rule.h"

namespace eqprop {

/// The nudged phase of a batch after phases.answer(); moves the weights through the rule. `progress` is the share of the training done.
/// The rule must have no momentum. After a move the input's drive is read again; of an ideal first coupling it is known, since the input
/// does not change within a phase: drive += rate / B D (x'x + 1), D the move's contrast, and the weights themselves move once, at the end.
template <class T>
class MovingPhase {
 public:
  void run(Phases<T>& phases, const BatchView<T>& batch, Place place, double progress, Network<T>& network, Rule<T>& rule, SettleSums& sums,
           Run& run);

 private:
  void move_drive(const BatchView<T>& batch, double rate, Network<T>& network);

  Buffer<T> drive_;
  Matrix<T> overlap_, moved_;  // x'x + 1, batch x batch; sum of the first layer's contrasts
  State<T> state_, before_;
  SettleReport report_;
  Contrast<T> contrast_;
  Workspace<T> workspace_;
};

}  // namespace eqprop
