#pragma once
// The fast path of the commonest network: input -> hidden -> output, dense ideal couplings, settled sample by sample.
//
//   potential   1/2|h|^2 + 1/2|o|^2 - h'(W1 x + b1) - o'(W2 h + b2) + beta/2 |o - y|^2
//   hidden      h = clip(W1 x + b1 + W2' o)                        clip: hard sigmoid, [0, 1]
//   output      o = clip((W2 h + b2 + beta y) / (1 + beta))        clip: [0, 1], or none for a linear output
//   learning    dW1 = rate1/B sum_s (sum_p w_p h_p) x',  dW2 = rate2/B sum_s sum_p w_p o_p h_p',  biases alike   (descends the loss)
//
// One sweep updates the hidden layer, then the output (asynchronous exact blocks: the potential never rises). The input's product is
// computed once per batch from the non-zero inputs only; a sample whose phases all end in the same state, bit for bit, has nothing to
// teach (the weights of a plan sum to zero) and is left out of the update: after an epoch of MNIST four of five. Bits depend neither on
// threads nor on a sample's neighbours in the batch; they do depend on the kind of CPU (lanes per vector). Equilibrium
// propagation: doi 10.3389/fncom.2017.00024, centered phases:
// doi 10.3389/fnins.2021.633674.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "eqprop/kernel/aligned.h"

namespace eqprop {

inline constexpr int kChainMaxOutputs = 16;

/// Leading dimension of W1 and W2 for n1 hidden units: a multiple of 16 floats, and no multiple of 1024 (4 KB strides alias in caches).
int chain_leading_dimension(int n1);

/// The caller's weights, updated in place. All rows are 64-byte aligned, columns n1..ld are zero and stay zero.
struct ChainWeights {
  float* w1 = nullptr;  ///< [n0][ld], row per input, hidden units contiguous
  float* b1 = nullptr;  ///< [ld]
  float* w2 = nullptr;  ///< [n2][ld], row per output, hidden units contiguous
  float* b2 = nullptr;  ///< [n2]
  int n0 = 0;           ///< inputs, >= 1
  int n1 = 0;           ///< hidden units, >= 1
  int n2 = 0;           ///< outputs, 1..kChainMaxOutputs
  int ld = 0;           ///< floats per row, a multiple of 16, >= n1
};

enum class ChainOutput { hard_sigmoid, linear };

/// One phase of the plan. Beta 0 names the free state itself, which is not settled again.
struct ChainPhase {
  float beta = 0;    ///< nudging strength, in (-1, 1)
  float weight = 0;  ///< factor of this phase's contrast; the weights of a plan sum to zero
};

struct ChainOptions {
  ChainOutput output = ChainOutput::hard_sigmoid;
  std::vector<ChainPhase> plan;  ///< empty: the free phase alone
  float tolerance = 0;           ///< a phase stops when no unit, hidden or output, changed by more over a sweep; 0: always the whole budget
  float nudged_tolerance = -1;   ///< the same of the nudged phases, whose difference shrinks with beta; negative: as tolerance
  int min_sweeps = 2;            ///< with a tolerance: sweeps before a phase may stop; 2, for a nudge reaches the hidden units in sweep 2
  int free_sweeps = 15;          ///< budget of the free phase, >= 1
  int nudged_sweeps = 15;        ///< budget of every nudged phase, >= 1
  float rest = 0.5F;             ///< where all units start the free phase
};

/// Plan {(+beta, 1/2beta), (-beta, -1/2beta)}.
std::vector<ChainPhase> chain_centered_plan(float beta);
/// Plan {(beta, 1/beta), (free, -1/beta)}; beta may be negative.
std::vector<ChainPhase> chain_one_sided_plan(float beta);

/// One batch, samples in rows.
struct ChainBatch {
  const float* x = nullptr;  ///< [batch][n0]
  const float* y = nullptr;  ///< [batch][n2]; may be null when the plan is empty
  int batch = 0;
};

/// How one phase of one sample ended.
struct ChainTrace {
  int sweeps = 0;
  bool converged = false;  ///< change <= tolerance; never set without a tolerance
  float change = 0;        ///< largest change of any unit over the last sweep; infinity when an output is not finite
};

/// What settling reports. Phase 0 is the free phase, 1 + p the p-th of the plan.
struct ChainReport {
  std::vector<ChainTrace> traces;  ///< [1 + phases][batch]; a phase with beta 0 repeats the free trace with 0 sweeps
  int batch = 0;
  const char* target = "";  ///< the vector instructions that ran, e.g. "AVX3"
  const ChainTrace& trace(int phase, int sample) const {
    return traces[static_cast<std::size_t>(phase) * static_cast<std::size_t>(batch) + static_cast<std::size_t>(sample)];
  }
  /// Sweeps of all phases and samples.
  std::int64_t sweeps() const;
};

/// Buffers of one trainer, and the states of the last batch. They grow to the largest shape seen and are kept.
class ChainWorkspace {
 public:
  /// Hidden units [n1] (then zeros up to ld) of a phase: 0 free, 1 + p the p-th of the plan.
  const float* hidden(int phase, int sample) const;
  /// Outputs [n2] of a phase.
  const float* output(int phase, int sample) const;
  /// sum_p weight_p h_p [n1] of a sample, computed from the states kept.
  std::vector<float> hidden_difference(int sample) const;

 private:
  friend struct ChainPass;
  friend void chain_settle(const ChainWeights&, const ChainBatch&, const ChainOptions&, int, ChainWorkspace&, ChainReport&);
  friend void chain_update(const ChainWeights&, float, float, int, ChainWorkspace&);
  int batch_ = 0, n0_ = 0, n1_ = 0, n2_ = 0, ld_ = 0;
  std::vector<ChainPhase> plan_;
  std::vector<int> stored_;            // [1 + phases]: which settled state a phase is; beta 0 is the free one, 0
  AlignedArray<float> packed_;         // W2 in the order the sweep reads it
  AlignedArray<float> rest_;           // [ld] hidden units at rest
  AlignedArray<float> drive_;          // [batch][ld] W1 x + b1
  AlignedArray<float> hidden_;         // [states][batch][ld]
  AlignedArray<float> output_;         // [states][batch][16]
  std::vector<std::uint8_t> apart_;    // [batch] whether the phases of a sample ended apart
  std::vector<std::uint32_t> moved_;   // the samples of which they did
  AlignedArray<float> push_;           // [moved][phases][16] weight * o
  AlignedArray<float> difference_;     // [column block][moved][columns] rate/B * sum_p weight_p h_p
  AlignedArray<std::uint32_t> index_;  // [batch][list] non-zero inputs of a sample
  AlignedArray<float> value_;          // [batch][list] their values
  AlignedArray<std::uint32_t> start_;  // [batch][row blocks + 1] where in the list a block of inputs begins
  AlignedArray<std::uint32_t> count_;  // [n0] moved samples in which an input is not zero
  AlignedArray<std::uint32_t> rows_;   // [row blocks][block] inputs that some sample uses, then packed without gaps
  AlignedArray<std::uint32_t> used_;   // [row blocks] how many of them
  AlignedArray<std::uint32_t> who_;    // [n0][moved] their places among the moved
  AlignedArray<float> what_;           // [n0][moved] and the input's values
};

/// Settles the free phase from rest, then every phase of the plan from the free state. Throws LogicError for a shape out of range.
void chain_settle(const ChainWeights& weights, const ChainBatch& batch, const ChainOptions& options, int threads, ChainWorkspace& workspace,
                  ChainReport& report);

/// Changes the weights by the contrast of the states that chain_settle left in the workspace. `rate1` is for W1 and b1, `rate2` for W2, b2.
void chain_update(const ChainWeights& weights, float rate1, float rate2, int threads, ChainWorkspace& workspace);

}  // namespace eqprop
