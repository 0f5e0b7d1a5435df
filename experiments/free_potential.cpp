#include "experiments/free_potential.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace eqprop {

double mean_free_potential(const Experiment& experiment, int threads) {
  constexpr std::size_t kSamples = 64;
  const Network<float>& network = experiment.network();
  std::vector<std::uint32_t> rows(std::min(kSamples, experiment.validation().size()));
  std::iota(rows.begin(), rows.end(), 0u);
  Batch<float> batch;
  batch.fill(experiment.validation(), rows);

  Run run{experiment.config().seed, threads, nullptr, 0};
  ReadPlace place{{}, batch.ids};
  place.place.step = experiment.trainer().steps_done();
  place.place.phase = kPhaseEvaluate;
  Matrix<float> drive(network.layer(1).size, batch.x.cols());
  drive_input<float>(network, batch.x, drive, place, run);
  const Boundary<float> boundary{view(batch.x), view(drive), view(batch.y), 0};
  State<float> free = network.rest(batch.x.cols());
  Workspace<float> workspace;
  const SettleReport report = settle(network, boundary, free, experiment.config().train.free, place, workspace, run);
  if (report.count(StopReason::diverged) > 0) return std::nan("");
  return potential<float>({network, free, boundary, free.batch(), place, run}).mean();
}

}  // namespace eqprop
