#include "eqprop/learn/phases.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "eqprop/settle/complex.h"
#include "eqprop/settle/difference.h"

namespace eqprop {
namespace {

bool by_difference(const LearnOptions& options) { return options.nudged.method == Method::difference; }

// [s] of one pass of clocked reads through the couplings above the first
template <class T>
double reads_second(const Network<T>& network, int directions) {
  double second = 0;
  for (int c = 1; c < network.depth(); ++c) second += directions * network.coupling(c).read_second();
  return second;
}

template <class T>
void check_answered(const State<T>& free, const BatchView<T>& batch) {
  check(free.batch() == batch.x.cols(), "learn() follows answer() of the same batch");
}

}  // namespace

void LearnOptions::validate(const std::vector<Layer>& layers, Cost cost) const {
  const auto fail = [](const std::string& message, Code code = Code::conflict) { throw InputError(code, {}, message); };
  const std::string name(estimator_name(estimator));
  const bool clamps = clamps_output(estimator);
  const bool full = estimator == Estimator::activity_difference && beta == 1;
  if (!(beta != 0 && ((beta > -1 && beta < 1) || full)))
    fail("train.beta = " + std::to_string(beta) + ": expected a number other than 0 in (-1, 1), or 1 for activity_difference",
         Code::out_of_range);
  if (estimator == Estimator::fourth_order && !(beta > -0.5 && beta < 0.5))
    fail("train.beta = " + std::to_string(beta) + ": fourth_order nudges by twice beta too, expected (-0.5, 0.5)", Code::out_of_range);
  if (points < 2 || points / 2 + 1 > static_cast<int>(PhasePlan::kMost))
    fail("train.points = " + std::to_string(points) + ": expected 2 .. 18", Code::out_of_range);
  if (unrolled < 1 || unrolled > 4000) fail("train.unrolled = " + std::to_string(unrolled) + ": expected 1 .. 4000", Code::out_of_range);
  if (clamps && cost == Cost::cross_entropy)
    fail("train.estimator = " + name + " clamps the output: with network.cost = cross_entropy there is none that settles");
  if (estimator == Estimator::holomorphic) {
    if (free.state_bits > 0 || nudged.state_bits > 0)
      fail("train.estimator = holomorphic: complex states are not rounded, expected settle.state_bits = 0");
    for (std::size_t l = 1; l < layers.size(); ++l)
      if (!is_smooth(layers[l].activation))
        fail("train.estimator = holomorphic needs tanh, logistic or linear layers: " + std::string(activation_name(layers[l].activation)) +
             " has no derivative in the complex plane");
  }
  if (family_of(estimator) != EstimatorFamily::plan && !measurement.is_perfect())
    fail("measurement: train.estimator = " + name + " measures no phases, [measurement] has no meaning with it");
  if (measurement.over_clamp > 0 && cost == Cost::cross_entropy)
    fail("measurement.over_clamp needs network.cost = squared_error: targets of a softmax sum to 1");
  if (by_difference(*this)) {
    if (family_of(estimator) != EstimatorFamily::plan || estimator == Estimator::holomorphic)
      fail("settle.nudged_method = difference serves estimators of real phases, not " + name);
    if (!measurement.is_perfect()) fail("settle.nudged_method = difference never measures a phase: [measurement] has no meaning with it");
    if (cost == Cost::cross_entropy) fail("settle.nudged_method = difference needs network.cost = squared_error");
    for (std::size_t l = 1; l < layers.size(); ++l)
      if (is_smooth(layers[l].activation) && layers[l].activation != Activation::linear)
        fail("settle.nudged_method = difference needs piecewise linear layers, not " + std::string(activation_name(layers[l].activation)));
  }
  if (free.method == Method::difference) fail("settle.method = difference is for nudged phases: say nudged_method");
  free.validate();
  nudged.validate();
  measurement.validate();
}

bool LearnOptions::plain_phases() const {
  const bool nudges = family_of(estimator) == EstimatorFamily::plan && !clamps_output(estimator) && estimator != Estimator::holomorphic;
  const auto exact = [](const SettleOptions& o) { return o.activation_noise == 0 && o.state_bits == 0; };
  return nudges && measurement.is_perfect() && exact(free) && exact(nudged);
}

void SettleSums::add(const SettleReport& report) {
  settles += static_cast<std::int64_t>(report.reason.size());
  sweeps += static_cast<std::int64_t>(report.sweeps_sum());
  converged += static_cast<std::int64_t>(report.count(StopReason::tolerance));
  noise_floor += static_cast<std::int64_t>(report.count(StopReason::noise_floor));
  diverged += static_cast<std::int64_t>(report.count(StopReason::diverged));
  for (const double second : report.second) hardware_second += second;
}

template <class T>
void Phases<T>::count(SettleSums& sums) {
  // what starts from a free state that diverged has diverged, however its own settle ended
  for (std::size_t i = 0; i < report_.reason.size(); ++i)
    if (diverged_[i] != 0) report_.reason[i] = StopReason::diverged;
  sums.add(report_);
  for (std::size_t i = 0; i < report_.reason.size(); ++i) diverged_[i] |= report_.reason[i] == StopReason::diverged ? 1 : 0;
}

// counts the samples of one phase by whether their values are finite and meant; a sample that diverged before stays so
template <class T>
void Phases<T>::mark_diverged(const State<T>& values, SettleSums& sums) {
  for (std::size_t i = 0; i < diverged_.size(); ++i)
    for (int l = 1; l <= values.layers(); ++l) {
      const T largest = values.layer(l).col(static_cast<Index>(i)).cwiseAbs().template maxCoeff<Eigen::PropagateNaN>();
      if (!(largest < T(kDivergedChange))) diverged_[i] = 1;
    }
  sums.converged += count_sound();
  sums.diverged += static_cast<std::int64_t>(diverged_.size()) - count_sound();
}

template <class T>
std::int64_t Phases<T>::count_sound() const {
  return std::count(diverged_.begin(), diverged_.end(), std::uint8_t{0});
}

template <class T>
void Phases<T>::answer(const Network<T>& network, const BatchView<T>& batch, Place place, PhaseId input, PhaseId free, SettleSums& sums,
                       Run& run) {
  const Index samples = batch.x.cols();
  ReadPlace at{place, batch.ids};
  at.place.phase = input;
  drive_input<T>(network, batch.x, drive_.shape(network.layer(1).size, samples), at, workspace_, run);
  sums.hardware_second += static_cast<double>(samples) * network.coupling(0).read_second();
  diverged_.assign(static_cast<std::size_t>(samples), 0);
  at.place.phase = free;
  if (family_of(options_.estimator) == EstimatorFamily::feed_forward) {
    begin_phase(network, at, run);
    feed_forward<T>(network, drive_.block(), free_, at, run);
    sums.settles += samples;
    sums.sweeps += samples;
    sums.hardware_second += static_cast<double>(samples) * reads_second(network, 1);
    mark_diverged(free_, sums);
  } else {
    network.rest(samples, free_);
    settle(network, boundary(batch), free_, options_.free, at, workspace_, report_, run);
    count(sums);
  }
  read_output<T>(network, free_, output_.shape(network.outputs(), samples), at, run);
}

template <class T>
void Phases<T>::learn(const Network<T>& network, const BatchView<T>& batch, Place place, SettleSums& sums, LostClasses* lost, Run& run) {
  check_answered(free_, batch);
  contrast_.clear();
  if (family_of(options_.estimator) == EstimatorFamily::plan)
    plan_phases(network, batch, place, sums, lost, run);
  else
    adjoint(network, batch, place, sums, run);
  for (std::size_t i = 0; i < diverged_.size(); ++i) {
    if (diverged_[i] == 0) continue;
    contrast_.drop(static_cast<Index>(i));
    ++sums.dropped;
  }
}

// every phase starts from the free state
template <class T>
void Phases<T>::plan_phases(const Network<T>& network, const BatchView<T>& batch, Place place, SettleSums& sums, LostClasses* lost,
                            Run& run) {
  const PhasePlan plan = make_plan(options_.estimator, options_.beta, run.seed, place.step, options_.points);
  drive_target<T>(options_.measurement, batch.y, output_.block(), target_.shape(batch.y.rows(), batch.y.cols()));
  ReadPlace at{place, batch.ids};
  if (by_difference(options_)) contrast_.begin_differences(free_);
  for (std::size_t k = 0; k < plan.size(); ++k) {
    at.place.phase = static_cast<PhaseId>(kPhaseFirstNudged + k);
    if (plan[k].kind != PhaseKind::free) {
      settle_phase(network, batch, plan[k], at, run);
      count(sums);
      if (lost != nullptr && !network.has_readout() && !batch.labels.empty() && plan[k].kind == PhaseKind::nudge &&
          !by_difference(options_))
        lost->observe<T>(output_.block(), state_.layer(network.depth()), batch.labels);
    } else {
      state_ = free_;
    }
    keep_phase(network, batch, plan[k], second_circuit(options_.measurement, k, place.step), at, run);
  }
  if (by_difference(options_)) contrast_.end_differences();
}

// the state of a phase, or its difference from the free state, into state_ (and imaginary_)
template <class T>
void Phases<T>::settle_phase(const Network<T>& network, const BatchView<T>& batch, const Phase& phase, const ReadPlace& place, Run& run) {
  const bool clamped = phase.kind == PhaseKind::clamp;
  if (clamped)
    held_.shape(batch.y.rows(), batch.y.cols()) =
        output_.block() + static_cast<T>(phase.strength.real()) * (target_.block() - output_.block());
  else
    held_.shape(0, 0);
  const Boundary<T> boundary{batch.x, view(drive_), view(target_), phase.beta(), view(held_)};
  if (by_difference(options_)) {
    settle_difference(network, boundary, free_, state_, options_.nudged, place, workspace_, report_, run);
    return;
  }
  state_ = free_;
  if (phase.is_complex()) {
    imaginary_.reshape(network.sizes(), batch.x.cols());
    settle_complex(network, boundary, phase.strength, state_, imaginary_, options_.nudged, place, workspace_, report_, run);
  } else {
    settle(network, boundary, state_, options_.nudged, place, workspace_, report_, run);
  }
}

template <class T>
void Phases<T>::keep_phase(const Network<T>& network, const BatchView<T>& batch, const Phase& phase, bool second, const ReadPlace& place,
                           Run& run) {
  if (by_difference(options_)) {
    if (phase.kind != PhaseKind::free) contrast_.add_difference(phase.weight.real(), state_);
    return;
  }
  measure(options_.measurement, second, network, state_);
  if (phase.is_complex()) {
    measure(options_.measurement, second, network, imaginary_);
    ReadPlace own = place;  // a read-out is read once more: no sweep's noise again
    own.place.sweep = 2 * static_cast<std::uint32_t>(options_.nudged.budget + options_.nudged.noise_window) + 1;
    contrast_.add_complex(phase.weight, phase.strength, network, view(target_), state_, imaginary_, own, run);
    return;
  }
  const Boundary<T> boundary{batch.x, view(drive_), view(target_), phase.beta()};
  contrast_.add(phase.weight.real(), network, boundary, state_, place, run);
}

template <class T>
void Phases<T>::adjoint(const Network<T>& network, const BatchView<T>& batch, Place place, SettleSums& sums, Run& run) {
  ReadPlace at{place, batch.ids};
  at.place.phase = kPhaseFirstNudged;
  begin_phase(network, at, run);
  adjoint_source<T>(network, free_, batch.y, source_, at, run);
  SettleOptions options = options_.nudged;
  double change = 0;
  int sweeps = 1;
  switch (options_.estimator) {
    case Estimator::implicit:
      implicit_adjoint(network, free_, source_, state_);
      break;
    case Estimator::truncated_bptt:
      options.budget = options_.unrolled;
      options.tolerance = 0;
      [[fallthrough]];
    case Estimator::recurrent_backprop:
      sweeps = sweep_adjoint(network, free_, source_, options, at, state_, change, run);
      break;
    default:
      backpropagate(network, free_, source_, at, state_, run);
  }
  const Index samples = batch.x.cols();
  sums.settles += samples;
  sums.sweeps += samples * sweeps;
  sums.hardware_second += static_cast<double>(samples) * sweeps * reads_second(network, options_.estimator == Estimator::backprop ? 1 : 2);
  mark_diverged(state_, sums);
  if (change > options.tolerance && options.tolerance > 0) sums.converged -= count_sound();
  const bool symmetric = options_.estimator != Estimator::backprop;
  contrast_.add_adjoint(free_, state_, symmetric, network.has_readout() ? &source_.force : nullptr);
}

template class Phases<float>;
template class Phases<double>;

}  // namespace eqprop
