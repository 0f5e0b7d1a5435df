#include "eqprop/learn/phase_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "base/check.h"
#include "base/random.h"

namespace eqprop {
namespace {

struct Row {
  Estimator estimator;
  std::string_view name;
  EstimatorFamily family;
};
constexpr std::array<Row, 16> kRows{{
    {Estimator::one_sided, "one_sided", EstimatorFamily::plan},
    {Estimator::centered, "centered", EstimatorFamily::plan},
    {Estimator::random_sign, "random_sign", EstimatorFamily::plan},
    {Estimator::fourth_order, "fourth_order", EstimatorFamily::plan},
    {Estimator::holomorphic, "holomorphic", EstimatorFamily::plan},
    {Estimator::coupled_p, "coupled_p", EstimatorFamily::plan},
    {Estimator::coupled_n, "coupled_n", EstimatorFamily::plan},
    {Estimator::coupled_c, "coupled_c", EstimatorFamily::plan},
    {Estimator::contrastive, "contrastive", EstimatorFamily::plan},
    {Estimator::activity_difference, "activity_difference", EstimatorFamily::plan},
    {Estimator::continual, "continual", EstimatorFamily::moving},
    {Estimator::agnostic, "agnostic", EstimatorFamily::moving},
    {Estimator::implicit, "implicit", EstimatorFamily::adjoint},
    {Estimator::recurrent_backprop, "recurrent_backprop", EstimatorFamily::adjoint},
    {Estimator::truncated_bptt, "truncated_bptt", EstimatorFamily::adjoint},
    {Estimator::backprop, "backprop", EstimatorFamily::feed_forward},
}};

const Row& row_of(Estimator estimator) { return kRows[static_cast<std::size_t>(estimator)]; }

Phase free_state(double weight) { return {PhaseKind::free, 0, weight}; }
Phase nudge(std::complex<double> beta, std::complex<double> weight) { return {PhaseKind::nudge, beta, weight}; }
Phase clamp(double strength, double weight) { return {PhaseKind::clamp, strength, weight}; }

PhasePlan one_sided(double beta) { return {free_state(-1 / beta), nudge(beta, 1 / beta)}; }

// exp(2 pi i k / n), exact at multiples of a quarter turn
std::complex<double> root_of_one(int k, int n) {
  const int quarters = 4 * k;
  if (quarters % n == 0) {
    constexpr std::array<std::complex<double>, 4> kExact{{{1, 0}, {0, 1}, {-1, 0}, {0, -1}}};
    return kExact[static_cast<std::size_t>(quarters / n % 4)];
  }
  return std::polar(1.0, 2 * std::numbers::pi * k / n);
}

// the phase at conj(beta) is the conjugate of the one at beta: the upper half of the circle says all
PhasePlan holomorphic(double radius, int points) {
  check(points >= 2 && points / 2 + 1 <= static_cast<int>(PhasePlan::kMost), "holomorphic EP has 2 .. 18 points");
  PhasePlan plan;
  for (int k = 0; 2 * k <= points; ++k) {
    const std::complex<double> direction = root_of_one(k, points);
    const bool real = k == 0 || 2 * k == points;
    plan.add(nudge(radius * direction, (real ? 1.0 : 2.0) * std::conj(direction) / (points * radius)));
  }
  return plan;
}

}  // namespace

PhasePlan::PhasePlan(std::initializer_list<Phase> phases) {
  for (const Phase& phase : phases) add(phase);
}

void PhasePlan::add(const Phase& phase) {
  check(size_ < kMost, "a plan has at most ten phases");
  phases_[size_++] = phase;
}

EstimatorFamily family_of(Estimator estimator) { return row_of(estimator).family; }

bool clamps_output(Estimator estimator) {
  switch (estimator) {
    case Estimator::coupled_p:
    case Estimator::coupled_n:
    case Estimator::coupled_c:
    case Estimator::contrastive:
    case Estimator::activity_difference:
      return true;
    default:
      return false;
  }
}

bool drives_signed(Estimator estimator) {
  const EstimatorFamily family = family_of(estimator);
  return estimator == Estimator::holomorphic || family == EstimatorFamily::adjoint || family == EstimatorFamily::feed_forward;
}

PhasePlan make_plan(Estimator estimator, double beta, std::uint32_t seed, std::uint32_t step, int points) {
  check(beta != 0, "a nudge of zero has no contrast");
  const double b = beta;
  switch (estimator) {
    case Estimator::one_sided:
      return one_sided(b);
    case Estimator::centered:
      return {nudge(b, 1 / (2 * b)), nudge(-b, -1 / (2 * b))};
    case Estimator::random_sign: {
      Place place;
      place.step = step;
      const bool positive = RandomKey(seed, Purpose::nudge_sign).below(place, 0, 2) == 1;
      return one_sided(positive ? b : -b);
    }
    case Estimator::fourth_order:
      return {nudge(b, 8 / (12 * b)), nudge(-b, -8 / (12 * b)), nudge(2 * b, -1 / (12 * b)), nudge(-2 * b, 1 / (12 * b))};
    case Estimator::holomorphic:
      return holomorphic(b, points);
    case Estimator::coupled_p:
      return {free_state(-1 / b), clamp(b, 1 / b)};
    case Estimator::coupled_n:
      return {free_state(1 / b), clamp(-b, -1 / b)};
    case Estimator::coupled_c:
      return {clamp(b, 1 / (2 * b)), clamp(-b, -1 / (2 * b))};
    case Estimator::contrastive:
      return {free_state(-1), clamp(1, 1)};
    case Estimator::activity_difference:
      return {free_state(-1), clamp(b, 1)};
    default:
      break;
  }
  throw std::logic_error("the estimator " + std::string(estimator_name(estimator)) + " has no plan of phases");
}

PhasePlan probing_plan(Estimator estimator, double beta, std::uint32_t seed, std::uint32_t step) {
  const bool own = family_of(estimator) == EstimatorFamily::plan && !clamps_output(estimator) && estimator != Estimator::holomorphic;
  return own ? make_plan(estimator, beta, seed, step) : make_plan(Estimator::centered, std::clamp(beta, -0.9, 0.9), seed, step);
}

std::string_view estimator_name(Estimator estimator) { return row_of(estimator).name; }

Estimator estimator_from_name(std::string_view name) {
  std::string known;
  for (const Row& row : kRows) {
    if (row.name == name) return row.estimator;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw InputError(Code::unknown_name, {}, "unknown estimator '" + std::string(name) + "': expected one of " + known);
}

std::vector<Estimator> all_estimators() {
  std::vector<Estimator> out;
  for (const Row& row : kRows) out.push_back(row.estimator);
  return out;
}

}  // namespace eqprop
