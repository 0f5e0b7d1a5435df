#pragma once
// An EP variant with fixed weights is data: a list of phases, each a nudge and the weight of its state in the contrast.
//   dC/dtheta ~ sum_k weight_k dF/dtheta(state at beta_k) ;  Scellier & Bengio 2017, 10.3389/fncom.2017.00024;
//   centered: Laborieux et al. 2021, 10.3389/fnins.2021.633674
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "energy/ledger.h"

namespace eqprop {

/// One phase of a plan. beta = 0 means the free state itself: nothing is settled again.
struct Phase {
  double beta;
  double weight;
};

/// The phases in the order they run: at most kMost, which is as many as a ledger tells apart. A value without memory of its own.
class PhasePlan {
 public:
  static constexpr std::size_t kMost = kPhaseUpdate - kPhaseFirstNudged;

  /// Throws std::logic_error for more than kMost phases.
  PhasePlan(std::initializer_list<Phase> phases);
  std::size_t size() const { return size_; }
  const Phase& operator[](std::size_t k) const { return phases_[k]; }
  const Phase* begin() const { return phases_.data(); }
  const Phase* end() const { return phases_.data() + size_; }

 private:
  std::array<Phase, kMost> phases_{};
  std::size_t size_;
};

enum class Estimator {
  one_sided,    ///< (0, -1/b) (b, 1/b); b may be negative
  centered,     ///< (b, 1/2b) (-b, -1/2b)
  random_sign,  ///< one-sided, the sign of b drawn per batch
};

/// The plan of a batch; seed and step name the drawn sign of random_sign and are not looked at otherwise. beta != 0.
PhasePlan make_plan(Estimator estimator, double beta, std::uint32_t seed, std::uint32_t step);

std::string_view estimator_name(Estimator estimator);
/// Throws InputError(config) naming the accepted names.
Estimator estimator_from_name(std::string_view name);

}  // namespace eqprop
