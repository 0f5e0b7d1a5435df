#pragma once
// The fast path of deep dense chains: input -> hidden -> ... -> hidden -> output, ideal couplings, settled by lists of changes.
//
//   potential   sum_l 1/2|s_l|^2 - sum_l s_{l+1}'(W_l s_l + b_l) + beta/2 |s_L - y|^2
//   field       h_l = W_{l-1} s_{l-1} + b_{l-1} + W_l' s_{l+1}                   (s_0 the clamped input; kept, and changed as units change)
//   hidden      s_l <- clip(s_l + omega (h_l - s_l))                             clip: hard sigmoid, [0, 1]
//   output      s_L <- clip(s_L + omega ((h_L + beta y) / (1 + beta) - s_L))     clip: [0, 1], or none for a linear output
//   learning    dW_l = rate_l/B sum_s sum_p w_p s_{l+1,p} s_{l,p}', biases alike (descends the loss)
//
// A sweep updates the odd layers, then the even ones. Over-relaxation 1 <= omega < 2 keeps the descent (every unit's curvature is 1;
// Cryer 1971, doi 10.1137/0309028) and shortens the tail. A unit changes only by more than a quarter of the tolerance, and a change far
// below its layer's root mean square waits for a later sweep; the neighbours' fields are then corrected by the unit's line of the weights.
// Fields therefore always belong to the states as they are: no error is left unsent, and the stop looks at the exact distance.
// Nudged phases start at the free state with the field's remaining residual taken away, so that they hold the response to the nudge alone.
// Bits depend neither on threads nor on a sample's neighbours in the batch; they do depend on the kind of CPU (lanes per vector).
#include <vector>

#include "eqprop/kernel/chain.h"

namespace eqprop {

/// The caller's coupling, updated in place. Lines are 64-byte aligned, their padding is zero and stays zero.
struct DeepCoupling {
  float* lines = nullptr;  ///< by_output ? [outputs][ld], a line per output : [inputs][ld], a line per input
  float* bias = nullptr;   ///< [chain_leading_dimension(outputs)]
  int inputs = 0;
  int outputs = 0;
  bool by_output = false;  ///< never for the first coupling
};

/// All couplings from the input to the output, at least three. ld is chain_leading_dimension of a line's length.
struct DeepWeights {
  std::vector<DeepCoupling> couplings;
};

struct DeepOptions {
  ChainOutput output = ChainOutput::hard_sigmoid;
  std::vector<ChainPhase> plan;  ///< empty: the free phase alone
  float tolerance = 0;           ///< a phase stops when no unit is further from its minimiser; 0: always the whole budget
  float nudged_tolerance = -1;   ///< the same of the nudged phases, whose difference shrinks with beta; negative: as tolerance
  int free_sweeps = 60;          ///< budget of the free phase, >= 1
  int nudged_sweeps = 60;        ///< budget of every nudged phase, >= 1
  float relaxation = 1.35F;      ///< omega, [1, 2)
  float threshold = -1;          ///< a unit tells its neighbours a change above this; negative: a quarter of the phase's tolerance
  float share = 0.5F;            ///< with a tolerance: a change below this share of its layer's root mean square change waits, [0, 1)
};

/// Buffers of one trainer, and the states of the last batch. They grow to the largest shape seen and are kept.
class DeepWorkspace {
 public:
  /// Units of layer 1 .. L (then zeros up to the padded length) in a phase: 0 free, 1 + p the p-th of the plan.
  const float* units(int phase, int layer, int sample) const;
  /// Multiply-adds of the last deep_settle and of the last deep_update, those of padding included.
  double settle_multiply_adds() const;
  double update_multiply_adds() const { return update_multiply_adds_; }

 private:
  friend struct DeepPass;
  friend struct DeepUpdate;
  friend void deep_settle(const DeepWeights&, const ChainBatch&, const DeepOptions&, int, DeepWorkspace&, ChainReport&);
  friend void deep_update(const DeepWeights&, const std::vector<float>&, int, DeepWorkspace&);
  struct Layer {
    std::size_t size = 0, ld = 0;
    AlignedArray<float> value;  // [states][batch][ld]
    AlignedArray<float> field;  // [states][batch][ld]
  };
  struct Turned {
    AlignedArray<float> lines;  // the coupling's other order
  };
  int batch_ = 0;
  std::vector<ChainPhase> plan_;
  std::vector<int> stored_;  // [1 + phases]: which settled state a phase is; beta 0 is the free one, 0
  std::vector<Layer> layers_;
  std::vector<Turned> turned_;
  std::vector<double> multiply_adds_;  // [groups of samples]
  double update_multiply_adds_ = 0;
  AlignedArray<float> nudge_;            // [states][batch][ld of the output] beta y
  AlignedArray<std::uint32_t> changed_;  // [states][batch][longest layer] units on the list of changes
  AlignedArray<float> change_;           // [states][batch][longest layer] by how much
  AlignedArray<std::uint32_t> index_;    // [batch][list] non-zero inputs of a sample
  AlignedArray<float> value_;            // [batch][list] their values
  AlignedArray<std::uint32_t> start_;    // [batch][row blocks + 1] where in the list a block of inputs begins
  AlignedArray<float> push_;             // [column block][pairs][columns] what a pair adds to a line
  AlignedArray<float> part_;             // of one pair: what it has for every line
  AlignedArray<std::uint32_t> count_, who_;
  AlignedArray<std::uint32_t> rows_;
  AlignedArray<float> what_;
};

/// Settles the free phase from rest (all units 0), then every phase of the plan from the free state; the report as chain_settle's, a trace's
/// change being the largest distance of a unit from its minimiser at the end (in a nudged phase, beyond what the free phase left). Throws
/// LogicError for a shape out of range.
void deep_settle(const DeepWeights& weights, const ChainBatch& batch, const DeepOptions& options, int threads, DeepWorkspace& workspace,
                 ChainReport& report);

/// Changes the weights by the contrast of the states that deep_settle left in the workspace; one rate per coupling.
void deep_update(const DeepWeights& weights, const std::vector<float>& rates, int threads, DeepWorkspace& workspace);

}  // namespace eqprop
