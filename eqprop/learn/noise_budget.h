#pragma once
// Noise budget: what hides the difference between the phases, layer by layer, and how large the nudge must, and may, be. With
//   m = ds/dbeta of the exact weights (the adjoint, adjoint.h)       d = beta rms(m): the phase difference, taken per beta of the plan
//   A = |beta| sqrt(sum_k |w_k|^2) / |sum_k w_k beta_k|              the sd of that difference per sd of one phase: centered 1 / sqrt 2
// the difference of a layer has the noise n,
//   n^2 = A^2 sd^2 / K + A^2 / 2 (sum of V(q) over all roundings)    K = settle.noise_window where reads are noisy, else 1
//   sd^2 = act'^2 (read noise of both neighbours' couplings)^2 + activation_noise^2
//   V(q) = min(q e, q^2 / 6)                                         e: mean distance of the two phases where they are rounded to steps q
// Rounded to steps q, two values at a distance d differ by a whole step with probability d / q, else not at all: right on average, with
// the variance q d - d^2 (non-subtractive dither, 10.1109/18.256489; here the units' and samples' own positions are the dither).
//   smallest beta: d = n with what is drawn anew for every sample divided by sqrt(N), N = 1 + (batch - 1) alike. A rounding repeats
//                  itself for samples that are alike, but for the share min(1, 2 sd / q) of its variance, which noise before it draws
//   alike:         share of a gradient that samples have in common
//   averaging:     (n / d)^2 repeats, or samples alike, until noise and difference are equal: a cosine of about .7 with the gradient
// Left out: noise and rounding that layers pass on to each other.
#include <string>
#include <vector>

#include "eqprop/learn/gradient.h"

namespace eqprop {

struct NoiseBudgetOptions {
  int batch = 32;       ///< samples of one update
  int result_bits = 0;  ///< of converters that measure the settled states only (analog loop), over the activation's bounds; 0: none
};

/// One settling layer. Steps and noises of what is not there are 0; a smallest beta is infinite where no nudge arrives.
struct LayerBudget {
  double response = 0;          ///< [unit output] rms ds/dbeta of the free state
  double difference = 0;        ///< [unit output] rms phase difference at the given beta, settled: |beta| sum_k w_k s_k
  double field_difference = 0;  ///< [unit field] rms of what the nudge changes in the field read from above (the last layer: from below)
  double read_noise = 0;        ///< [unit output] sd of a settled state: reads of one sweep and activation noise, averaged over K
  double step = 0;              ///< [unit field] one ADC code of that read, in the loop
  double result_step = 0;       ///< [unit output] one code of the state: measurement.bits, state_bits or result_bits, the coarsest
  double noise = 0;             ///< [unit output] n at the given beta
  double alike = 0;             ///< share of the samples' gradients, of the coupling below, that they have in common: 0 .. 1
  double smallest_beta = 0;     ///< of noise and converters, and of the tolerance below it
  double tolerance_beta = 0;    ///< below it a settle may end before the nudge arrives here
  double averaging = 0;         ///< equal samples or repeats that the given beta needs
  double over_noise() const { return noise > 0 ? difference / noise : 0; }     ///< 0: no noise
  double over_step() const { return step > 0 ? field_difference / step : 0; }  ///< 0: no converter in the loop
};

struct NoiseBudget {
  double beta = 0;                  ///< that the layers were looked at with
  std::vector<LayerBudget> layers;  ///< from the first above the input
  double floor = 0;                 ///< largest of the layers' smallest betas
  int floor_layer = 1;              ///< whose it is, 1 is the first above the input
  /// What moves the wrong outputs of 90 % of the samples of every class: 90 % of all samples alone may leave out a whole class, which is then
  /// lost. A clipped output s = clip((h + beta y) / (1 + beta), 0, c) leaves 0 for beta >
  /// -h / y and leaves c for beta > (h - c) / (c - y). 0 where outputs are smooth, held, or read out.
  double dead_zone = 0;
  /// Largest beta up to kMostBeta whose gradient keeps a cosine of at least kStraight, per coupling, with the gradient at half of it; on
  /// exact weights. The smallest tried (kMostBeta / 128) where none does.
  double curvature = 0;
  double cosine = 1;  ///< least of any coupling, of the gradient at the given beta with the one at half of it, on exact weights
  /// The curvature limit where it is above both others: the strongest signal that is still straight. Else the larger of the others.
  double chosen = 0;
  std::string reason;  ///< a sentence: which limit ruled and what would move it
};

inline constexpr double kMostBeta = 0.9;    ///< fourth_order, which nudges by twice as much: half of it
inline constexpr double kStraight = 0.99;   ///< cosine with the gradient at half the beta
inline constexpr double kMovedShare = 0.9;  ///< of the samples of every class, that a nudge above the dead zone moves

/// True for estimators that have a beta to choose: not the exact gradients, not contrastive.
bool has_beta(Estimator estimator);

/// The budget of a network at its present weights, from some samples. Signals are those of an ideal copy in double, settled to 1e-7; noise
/// is what the couplings say of themselves (Coupling::floor), so that converter ranges must be calibrated. User terms are left out. Free of
/// charge; nothing of the network changes; results do not depend on run.threads. Throws std::logic_error unless has_beta().
template <class T>
NoiseBudget noise_budget(const Network<T>& network, const GradientBatch<double>& batch, const LearnOptions& options,
                         const NoiseBudgetOptions& budget, Run& run);

}  // namespace eqprop
