#include "eqprop/learn/moving.h"

#include <algorithm>

#include "base/check.h"

namespace eqprop {
namespace {

template <class T>
double largest_difference(const State<T>& a, const State<T>& b) {
  double largest = 0;
  for (int l = 1; l <= a.layers(); ++l) {
    const auto here = static_cast<double>((a.layer(l) - b.layer(l)).cwiseAbs().template maxCoeff<Eigen::PropagateNaN>());
    if (!(here <= largest)) largest = here;  // not a number stays
  }
  return largest;
}

}  // namespace

// an ideal first coupling: what its move does to the drive, and what it adds up to
template <class T>
void MovingPhase<T>::move_drive(const BatchView<T>& batch, double rate, Network<T>& network) {
  const ConstBlock<T> move = contrast_.factors(0, network, batch.x).front().post;
  drive_.block() += static_cast<T>(rate) * (move * overlap_);
  moved_ += move;
}

template <class T>
void MovingPhase<T>::run(Phases<T>& phases, const BatchView<T>& batch, Place place, double progress, Network<T>& network, Rule<T>& rule,
                         SettleSums& sums, Run& run) {
  const LearnOptions& options = phases.options();
  const bool continual = options.estimator == Estimator::continual;
  const double beta = options.beta;
  SettleOptions settling = options.nudged;
  if (continual) {
    settling.budget = 1;
    settling.tolerance = 0;
  }
  Block<T> drive = drive_.shape(phases.drive().rows(), phases.drive().cols());
  drive = phases.drive();
  state_ = phases.free_state();
  const bool known_drive = network.coupling(0).is_ideal();
  if (known_drive) {
    overlap_ = (batch.x.transpose() * batch.x).array() + T(1);
    moved_ = Matrix<T>::Zero(drive.rows(), drive.cols());
  }
  Place update = place;
  update.phase = kPhaseUpdate;
  bool at_rest = false;
  const std::uint32_t sweeps_apart = static_cast<std::uint32_t>(settling.budget + settling.noise_window + 4);
  ReadPlace at{place, batch.ids};
  at.place.phase = kPhaseFirstNudged;
  for (int move = 0; move < options.unrolled; ++move) {
    before_ = state_;
    const Boundary<T> boundary{batch.x, view(drive_), batch.y, beta};
    at.place.sweep = static_cast<std::uint32_t>(move) * sweeps_apart;
    settle(network, boundary, state_, settling, at, workspace_, report_, run);
    for (const double second : report_.second) sums.hardware_second += second;
    if (report_.count(StopReason::diverged) > 0) {
      sums.diverged += static_cast<std::int64_t>(report_.count(StopReason::diverged));
      sums.dropped += batch.x.cols();
      break;
    }
    contrast_.clear();
    ReadPlace now = at, before = at;  // two reads of a read-out, with noise of their own
    now.place.sweep += sweeps_apart - 2;
    before.place.sweep += sweeps_apart - 3;
    contrast_.add(1 / beta, network, boundary, state_, now, run);
    // the state before the first move is the free one: it pushes no read-out
    contrast_.add(-1 / beta, network, {batch.x, view(drive_), batch.y, move == 0 ? 0 : beta}, before_, before, run);
    update.sweep = static_cast<std::uint32_t>(move);
    rule.apply(contrast_, batch.x, progress, network, update, run, known_drive ? 1 : 0);
    if (known_drive) move_drive(batch, rule.rate(0, progress, batch.x.cols()), network);
    sums.sweeps += static_cast<std::int64_t>(report_.sweeps_sum());
    at_rest = largest_difference(state_, before_) <= options.nudged.tolerance;
    if (at_rest) break;
    if (known_drive) continue;
    ReadPlace input = at;
    input.place.phase = kPhaseInput;
    input.place.sweep += sweeps_apart - 1;
    drive.setZero();
    drive_input<T>(network, batch.x, drive, input, workspace_, run);
    sums.hardware_second += static_cast<double>(batch.x.cols()) * network.coupling(0).read_second();
  }
  if (known_drive && rule.options().rates[0] > 0) {
    const Factor<T> factor{batch.x, view(moved_), T(1)};
    network.coupling(0).update(WantedChange<T>({&factor, 1}, rule.rate(0, progress, batch.x.cols())), update, run);
  }
  sums.settles += batch.x.cols();
  if (at_rest) sums.converged += batch.x.cols();
}

template class MovingPhase<float>;
template class MovingPhase<double>;

}  // namespace eqprop
