#include "eqprop/learn/gradient.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "eqprop/learn/contrast.h"

namespace eqprop {
namespace {

// displaces one weight through the coupling's only door: an update with a single rank-one factor
void displace(Coupling<double>& coupling, Index row, Index column, double by, Run& run) {
  const bool bias = column == coupling.inputs();
  Eigen::MatrixXd pre = Eigen::MatrixXd::Zero(coupling.inputs(), 2);
  Eigen::MatrixXd post = Eigen::MatrixXd::Zero(coupling.outputs(), 2);
  // [pre; 1] carries the bias along: a second column of opposite sign takes it out again
  post(row, 0) = 1;
  if (!bias) {
    pre(column, 0) = 1;
    post(row, 1) = -1;
  }
  const Factor<double> factor{view(pre), view(post), 1.0};
  coupling.update(WantedChange<double>({&factor, 1}, by), {}, run);
}

}  // namespace

template <class T>
std::vector<Matrix<T>> estimate_gradient(const Network<T>& network, const GradientBatch<T>& batch, const PhasePlan& plan,
                                         const SettleOptions& options, Run& run) {
  Workspace<T> workspace;
  Matrix<T> drive(network.layer(1).size, batch.x.cols());
  ReadPlace place{{}, batch.ids};
  place.place.phase = kPhaseInput;
  drive_input<T>(network, batch.x, drive, place, run);
  Boundary<T> boundary{view(batch.x), view(drive), view(batch.y), 0};
  State<T> free = network.rest(batch.x.cols());
  place.place.phase = kPhaseFree;
  settle(network, boundary, free, options, place, workspace, run);
  Contrast<T> contrast;
  for (std::size_t k = 0; k < plan.size(); ++k) {
    State<T> state = free;
    boundary.beta = plan[k].beta;
    place.place.phase = static_cast<PhaseId>(kPhaseFirstNudged + k);
    if (boundary.beta != 0) settle(network, boundary, state, options, place, workspace, run);
    contrast.add(plan[k].weight, network, boundary, state, place, run);
  }
  std::vector<Matrix<T>> gradients;
  for (int c = 0; c < network.coupling_count(); ++c) {
    const auto& coupling = network.coupling(c);
    gradients.emplace_back(coupling.outputs(), coupling.inputs() + 1);
    const WantedChange<T> change(contrast.factors(c, network, boundary.input), 1.0 / static_cast<double>(batch.x.cols()));
    change.rows({0, static_cast<std::size_t>(coupling.outputs())}, gradients.back());
  }
  return gradients;
}

template <class T>
double free_cost(const Network<T>& network, const GradientBatch<T>& batch, const SettleOptions& options, Run& run) {
  Workspace<T> workspace;
  Matrix<T> drive(network.layer(1).size, batch.x.cols());
  ReadPlace place{{}, batch.ids};
  drive_input<T>(network, batch.x, drive, place, run);
  const Boundary<T> boundary{view(batch.x), view(drive), view(batch.y), 0};
  State<T> state = network.rest(batch.x.cols());
  place.place.phase = kPhaseFree;
  settle(network, boundary, state, options, place, workspace, run);
  Matrix<T> output(network.outputs(), batch.x.cols());
  read_output<T>(network, state, output, place, run);
  return cost_of<T>(network.cost(), output, batch.y).mean();
}

std::vector<Agreement> check_gradient(Network<double>& network, const GradientBatch<double>& batch,
                                      const std::vector<Eigen::MatrixXd>& estimate, const SettleOptions& options, int coordinates, double step,
                                      Run& run) {
  std::vector<Agreement> out;
  for (int c = 0; c < network.coupling_count(); ++c) {
    auto& coupling = network.coupling(c);
    check(coupling.is_ideal(), "finite differences need ideal couplings");
    const auto& g = estimate[static_cast<std::size_t>(c)];
    const auto total = static_cast<std::uint32_t>(g.size());
    const bool all = g.size() <= coordinates;
    const RandomKey key(run.seed, Purpose::gradient_check, static_cast<std::uint32_t>(c));
    double dot = 0, gg = 0, ff = 0, dd = 0;
    for (std::uint32_t k = 0; k < (all ? total : static_cast<std::uint32_t>(coordinates)); ++k) {
      const Index at = static_cast<Index>(all ? k : key.below({}, k, total));
      const Index row = at % g.rows();
      const Index column = at / g.rows();
      displace(coupling, row, column, step, run);
      const double up = free_cost<double>(network, batch, options, run);
      displace(coupling, row, column, -2 * step, run);
      const double down = free_cost<double>(network, batch, options, run);
      displace(coupling, row, column, step, run);
      const double difference = -(up - down) / (2 * step);
      dot += g(row, column) * difference;
      gg += g(row, column) * g(row, column);
      ff += difference * difference;
      dd += (g(row, column) - difference) * (g(row, column) - difference);
    }
    out.push_back({dot / std::sqrt(std::max(gg * ff, 1e-300)), std::sqrt(dd / std::max(ff, 1e-300))});
  }
  return out;
}

template std::vector<Matrix<float>> estimate_gradient<float>(const Network<float>&, const GradientBatch<float>&, const PhasePlan&,
                                                             const SettleOptions&, Run&);
template std::vector<Matrix<double>> estimate_gradient<double>(const Network<double>&, const GradientBatch<double>&, const PhasePlan&,
                                                               const SettleOptions&, Run&);
template double free_cost<float>(const Network<float>&, const GradientBatch<float>&, const SettleOptions&, Run&);
template double free_cost<double>(const Network<double>&, const GradientBatch<double>&, const SettleOptions&, Run&);

}  // namespace eqprop
