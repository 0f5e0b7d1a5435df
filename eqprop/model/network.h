#pragma once
// Network: layers, couplings and the terms of the potential; const while it settles.
#include <memory>
#include <vector>

#include "eqprop/model/term.h"

namespace eqprop {

/// What is minimised over the data.
enum class Cost {
  squared_error,  ///< C = |s_out - y|^2 / 2 on the last layer
  cross_entropy,  ///< C = -y' ln softmax(V s_last + c); the read-out is not part of the settling system
};

template <class T>
class Network {
 public:
  /// layers[0] is the clamped input. couplings[l] joins layer l and l+1; with cross_entropy one more coupling reads the last layer out.
  /// Throws std::logic_error when shapes do not fit.
  Network(std::vector<Layer> layers, std::vector<std::unique_ptr<Coupling<T>>> couplings, Cost cost);

  const std::vector<Layer>& layers() const { return layers_; }
  const Layer& layer(int l) const { return layers_[static_cast<std::size_t>(l)]; }
  int depth() const { return static_cast<int>(layers_.size()) - 1; }  ///< number of layers that settle
  const std::vector<Index>& sizes() const { return sizes_; }          ///< units of every layer, the input first
  Index outputs() const;                                              ///< size of the target
  Cost cost() const { return cost_; }

  int coupling_count() const { return static_cast<int>(couplings_.size()); }
  Coupling<T>& coupling(int c) { return *couplings_[static_cast<std::size_t>(c)]; }
  const Coupling<T>& coupling(int c) const { return *couplings_[static_cast<std::size_t>(c)]; }
  bool has_readout() const { return cost_ == Cost::cross_entropy; }

  const std::vector<Term<T>>& terms() const { return terms_; }
  void add(UserTerm<T> term) { terms_.emplace_back(std::move(term)); }

  /// The rest state that a free phase starts from: 0, or 1/2 for logistic units.
  State<T> rest(Index batch) const;
  /// The same into a state whose memory is kept.
  void rest(Index batch, State<T>& state) const;

 private:
  std::vector<Layer> layers_;
  std::vector<Index> sizes_;
  std::vector<std::unique_ptr<Coupling<T>>> couplings_;
  std::vector<Term<T>> terms_;
  Cost cost_;
};

/// Potential per sample (1 x columns) in double: own potentials of all units + every term.
template <class T>
Eigen::RowVectorXd potential(const TermContext<T>& context);

/// What the network answers: the last layer, or softmax of the read-out. outputs x batch.
template <class T>
void read_output(const Network<T>& network, const State<T>& state, Out<T> output, const ReadPlace& place, Run& run);

/// Cost per sample of an answer (1 x batch).
template <class T>
Eigen::RowVectorXd cost_of(Cost cost, const In<T>& output, const In<T>& target);
/// Sum of cost_of over the batch, the same bits; allocates nothing once a thread has seen the size.
template <class T>
double total_cost(Cost cost, const In<T>& output, const In<T>& target);

/// Initial weights, outputs x (inputs + 1), bias 0: uniform on +-scale / sqrt(inputs), named by RandomKey{seed, initial_weight, layer}.
template <class T>
Matrix<T> initial_weights(Index inputs, Index outputs, double scale, std::uint32_t seed, int layer);

}  // namespace eqprop
