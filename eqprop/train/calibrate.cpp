#include "eqprop/train/calibrate.h"

#include <algorithm>
#include <cmath>

namespace eqprop {
namespace {

// hands every coupling the drives of both phases side by side; a read-out is driven backward by its weighted error
template <class T>
void calibrate_couplings(Network<T>& network, const BatchView<T>& batch, const State<T>& free, const State<T>& nudged, double beta,
                         const ReadPlace& place, Run& run) {
  const auto both = [&](int l) {
    Matrix<T> states(free.size(l), 2 * free.batch());
    states << free.layer(l), nudged.layer(l);
    return states;
  };
  for (int c = 0; c < network.depth(); ++c) network.coupling(c).calibrate(c == 0 ? Matrix<T>(batch.x) : both(c), both(c + 1));
  if (!network.has_readout()) return;
  Matrix<T> error(network.outputs(), nudged.batch());
  read_output<T>(network, nudged, error, place, run);
  error = static_cast<T>(beta) * (batch.y - error);
  network.coupling(network.depth()).calibrate(both(network.depth()), error);
}

}  // namespace

template <class T>
void calibrate_ranges(Network<T>& network, const BatchView<T>& batch, const LearnOptions& options, const Place& step, Run& run) {
  constexpr std::uint32_t kSweepsApart = 100000;  // above any budget: every settle of a round draws noise of its own
  const double beta = std::clamp(options.beta, -0.9, 0.9);
  SettleOptions nudged_options = options.nudged;
  if (nudged_options.method == Method::difference) nudged_options.method = Method::forward;
  ReadPlace place{step, batch.ids};
  place.place.phase = kPhaseCalibrate;
  Workspace<T> workspace;
  SettleReport report;
  Matrix<T> drive(network.layer(1).size, batch.x.cols());
  State<T> free, nudged;
  for (int round = 0; round < 2; ++round) {
    drive_input<T>(network, batch.x, drive, place, workspace, run);
    Boundary<T> boundary{batch.x, view(drive), batch.y, 0};
    if (family_of(options.estimator) == EstimatorFamily::feed_forward) {
      feed_forward<T>(network, drive, free, place, run);
      nudged = free;
    } else {
      network.rest(batch.x.cols(), free);
      settle(network, boundary, free, options.free, place, workspace, report, run);
      place.place.sweep += kSweepsApart;
      nudged = free;
      boundary.beta = beta;
      settle(network, boundary, nudged, nudged_options, place, workspace, report, run);
    }
    place.place.sweep += kSweepsApart;
    calibrate_couplings(network, batch, free, nudged, beta, place, run);
    place.place.sweep += kSweepsApart;
  }
}

template void calibrate_ranges<float>(Network<float>&, const BatchView<float>&, const LearnOptions&, const Place&, Run&);
template void calibrate_ranges<double>(Network<double>&, const BatchView<double>&, const LearnOptions&, const Place&, Run&);

}  // namespace eqprop
