#pragma once
// An EP variant with fixed weights is data: a list of phases, each a boundary and the weight of its state in the contrast.
//   dC/dtheta ~ sum_k weight_k dF/dtheta(state at beta_k)
//   one-sided             Scellier & Bengio 2017, 10.3389/fncom.2017.00024
//   centered              Laborieux et al. 2021, 10.3389/fnins.2021.633674
//   holomorphic           Laborieux & Zenke 2022, arXiv 2209.00530
//   coupled learning      Stern et al. 2021, 10.1103/PhysRevX.11.021045; signs P, N, C: Scellier et al. 2023, arXiv 2312.15103
//   contrastive (CHL)     Movellan 1991, 10.1016/B978-1-4832-1448-1.50007-X
//   activity difference   Yi et al. 2023, 10.1038/s41928-022-00869-w
#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "energy/ledger.h"

namespace eqprop {

/// What the output meets in a phase.
enum class PhaseKind : std::uint8_t {
  free,   ///< nothing: the free state itself, which is not settled again
  nudge,  ///< the cost, beta times
  clamp,  ///< held at o + strength (y - o), o its free state, y the target
};

/// One phase of a plan.
struct Phase {
  PhaseKind kind = PhaseKind::free;
  std::complex<double> strength;  ///< nudge: beta; clamp: share of the way to the target; free: 0
  std::complex<double> weight;    ///< of the state in the contrast; complex phases count by the real part of the whole product
  bool is_complex() const { return strength.imag() != 0; }
  double beta() const { return kind == PhaseKind::nudge ? strength.real() : 0; }
};

/// The phases in the order they run: at most kMost, which is as many as a ledger tells apart. A value without memory of its own.
class PhasePlan {
 public:
  static constexpr std::size_t kMost = kPhaseUpdate - kPhaseFirstNudged;

  PhasePlan() = default;
  /// Throws std::logic_error for more than kMost phases.
  PhasePlan(std::initializer_list<Phase> phases);
  void add(const Phase& phase);
  std::size_t size() const { return size_; }
  const Phase& operator[](std::size_t k) const { return phases_[k]; }
  const Phase* begin() const { return phases_.data(); }
  const Phase* end() const { return phases_.data() + size_; }

 private:
  std::array<Phase, kMost> phases_{};
  std::size_t size_ = 0;
};

/// Ways to a weight change. The first group are plans of phases; then those whose weights move within a phase; then the baselines.
enum class Estimator : std::uint8_t {
  one_sided,            ///< (0, -1/b) (b, 1/b); b may be negative
  centered,             ///< (b, 1/2b) (-b, -1/2b)
  random_sign,          ///< one-sided, the sign of b drawn per batch
  fourth_order,         ///< (+-b, +-8/12b) (+-2b, -+1/12b): the real stencil of order 4
  holomorphic,          ///< N points on a circle of radius b in the complex plane of nudges
  coupled_p,            ///< coupled learning, clamped towards the target: (free, -1/b) (clamp b, 1/b)
  coupled_n,            ///< away from it: (free, 1/b) (clamp -b, -1/b)
  coupled_c,            ///< both: (clamp b, 1/2b) (clamp -b, -1/2b)
  contrastive,          ///< contrastive Hebbian: (free, -1) (clamp 1, 1)
  activity_difference,  ///< forced against free activity, both measured on the very same hardware: (free, -1) (clamp b, 1), digital read-outs
  continual,            ///< the weights move after every sweep of the nudged phase by the difference of that sweep
  agnostic,             ///< the weights relax with the state: both reach the minimum of the potential plus (w - u)^2 / 2 epsilon
  implicit,             ///< exact: the adjoint of the free state, solved
  recurrent_backprop,  ///< the same by sweeps of the adjoint to the tolerance
  truncated_bptt,      ///< the same cut after a number of sweeps: backprop through the last sweeps of the free phase
  backprop,            ///< a feed-forward net of the same shape
};

/// How an estimator learns from phases.
enum class EstimatorFamily : std::uint8_t { plan, moving, adjoint, feed_forward };
EstimatorFamily family_of(Estimator estimator);
/// True when some phase clamps the output: needs units there, no read-out.
bool clamps_output(Estimator estimator);
/// True when layers are driven with more than their states: with adjoints or imaginary parts, of either sign. Arrays then need bipolar DACs.
bool drives_signed(Estimator estimator);

/// The plan of a batch of an estimator of the plan family; seed and step name the drawn sign of random_sign, points is N of holomorphic
/// (2 .. 2 (kMost - 1)). beta != 0; holomorphic points that are complex conjugates of others are left out, their weight doubled.
PhasePlan make_plan(Estimator estimator, double beta, std::uint32_t seed, std::uint32_t step, int points = 10);

/// A plan of real nudges to look at a network with: the estimator's own where it has one, else centered nudges by beta.
PhasePlan probing_plan(Estimator estimator, double beta, std::uint32_t seed, std::uint32_t step);

std::string_view estimator_name(Estimator estimator);
/// Throws InputError(config) naming the accepted names.
Estimator estimator_from_name(std::string_view name);
/// All, in the order of the enum.
std::vector<Estimator> all_estimators();

}  // namespace eqprop
