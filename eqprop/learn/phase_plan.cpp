#include "eqprop/learn/phase_plan.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/check.h"
#include "base/random.h"

namespace eqprop {
namespace {

struct Named {
  Estimator estimator;
  std::string_view name;
};
constexpr std::array<Named, 3> kNames{
    {{Estimator::one_sided, "one_sided"}, {Estimator::centered, "centered"}, {Estimator::random_sign, "random_sign"}}};

PhasePlan one_sided(double beta) { return {{0, -1 / beta}, {beta, 1 / beta}}; }

}  // namespace

PhasePlan::PhasePlan(std::initializer_list<Phase> phases) : size_(phases.size()) {
  check(size_ <= kMost, "a plan has at most ten phases");
  std::copy(phases.begin(), phases.end(), phases_.begin());
}

PhasePlan make_plan(Estimator estimator, double beta, std::uint32_t seed, std::uint32_t step) {
  check(beta != 0, "a nudge of zero has no contrast");
  switch (estimator) {
    case Estimator::one_sided:
      return one_sided(beta);
    case Estimator::centered:
      return {{beta, 1 / (2 * beta)}, {-beta, -1 / (2 * beta)}};
    case Estimator::random_sign:
      break;
  }
  Place place;
  place.step = step;
  const bool positive = RandomKey(seed, Purpose::nudge_sign).below(place, 0, 2) == 1;
  return one_sided(positive ? beta : -beta);
}

std::string_view estimator_name(Estimator estimator) {
  for (const auto& entry : kNames)
    if (entry.estimator == estimator) return entry.name;
  return "";
}

Estimator estimator_from_name(std::string_view name) {
  std::string known;
  for (const auto& entry : kNames) {
    if (entry.name == name) return entry.estimator;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw InputError(Code::unknown_name, {}, "unknown estimator '" + std::string(name) + "': expected one of " + known);
}

}  // namespace eqprop
