#pragma once
// Term: one additive piece of the potential. For one layer it adds a linear field h and a diagonal curvature a; the layer's exact
// update is act(h, a). A nudge is just a term with a = beta; there is no special path.
//   DenseTerm         - post' (W pre + b)                       field on both layers
//   SquaredErrorTerm  beta / 2 |s - y|^2                        h += beta y, a += beta     (|beta| < 1)
//   SoftmaxTerm       beta * cross-entropy(softmax(V s + c), y) h += beta V' (y - p)       read-out beside the system, never fed back
//   UserTerm          anything of this form
#include <functional>
#include <string>
#include <variant>

#include "eqprop/model/activation.h"
#include "eqprop/model/coupling.h"
#include "eqprop/model/state.h"

namespace eqprop {

template <class T>
class Network;

/// What acts from outside on a batch: clamped input, its drive of the first layer, nudge and targets. Views; the caller owns the data.
template <class T>
struct Boundary {
  ConstBlock<T> input{nullptr, 0, 0, Eigen::OuterStride<>(0)};   ///< features x batch
  ConstBlock<T> drive{nullptr, 0, 0, Eigen::OuterStride<>(0)};   ///< first layer's field from the input, units x batch, read once
  ConstBlock<T> target{nullptr, 0, 0, Eigen::OuterStride<>(0)};  ///< outputs x batch; not looked at when beta is 0
  double beta = 0;                                               ///< nudge, 0 in the free phase
  ConstBlock<T> held{nullptr, 0, 0, Eigen::OuterStride<>(0)};    ///< outputs x batch where the last layer is clamped; else 0 columns
};

/// Everything a term may look at: the first `columns` columns of a shard.
template <class T>
struct TermContext {
  const Network<T>& network;
  const State<T>& state;
  const Boundary<T>& boundary;
  Index columns;
  ReadPlace place;
  Run& run;
};

struct DenseTerm {
  int coupling;  ///< index in Network::couplings
  int pre;       ///< layer below; 0 is the clamped input
  int post;      ///< layer above
};

struct SquaredErrorTerm {
  int layer;
};

struct SoftmaxTerm {
  int coupling;  ///< read-out weights
  int layer;     ///< the hidden layer that it reads and pushes
};

template <class T>
struct UserTerm {
  std::string name;
  /// Adds to h and a (units x columns) of layer l; must leave other layers alone. Returns true when it added curvature.
  std::function<bool(const TermContext<T>&, int l, Out<T> h, Out<T> a)> field;
  /// Potential per sample, 1 x columns.
  std::function<Eigen::RowVectorXd(const TermContext<T>&)> potential;
};

template <class T>
using Term = std::variant<DenseTerm, SquaredErrorTerm, SoftmaxTerm, UserTerm<T>>;

/// Adds the term's field to h and its curvature to a for layer l (both units x context.columns). Returns true when it added curvature.
template <class T>
bool add_field(const Term<T>& term, const TermContext<T>& context, int l, Out<T> h, Out<T> a);
/// The term's share of the potential, per sample (1 x columns), from the exact weights.
template <class T>
Eigen::RowVectorXd potential(const Term<T>& term, const TermContext<T>& context);

/// Column-wise softmax, in place.
template <class T>
void softmax(Out<T> values);

}  // namespace eqprop
