#include "eqprop/learn/gradient.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace eqprop {
namespace {

constexpr double kExactTolerance = 1e-13;  // settled as far as the numbers go
constexpr int kExactBudget = 20000;
constexpr double kRestingRate = 1e-4;  // of a coupling whose weights do not learn but whose gradient is asked for

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

// what the moving weights came to, over the rates; the weights are put back
template <class T>
std::vector<Matrix<T>> moved_gradient(Network<T>& network, Phases<T>& phases, const BatchView<T>& batch, const Place& place,
                                      std::span<const double> rates, Run& run) {
  check(rates.size() == static_cast<std::size_t>(network.coupling_count()), "moving weights need a rate per coupling");
  ByteWriter kept;
  std::vector<Matrix<T>> gradients;
  for (int c = 0; c < network.coupling_count(); ++c) {
    network.coupling(c).save(kept);
    gradients.push_back(-network.coupling(c).read());
  }
  RuleOptions plain;
  for (const double rate : rates) plain.rates.push_back(rate > 0 ? rate : kRestingRate);
  Rule<T> rule(plain, network);
  MovingPhase<T> moving;
  SettleSums sums;
  moving.run(phases, batch, place, 0, network, rule, sums, run);
  ByteReader back(kept.bytes(), "weights put back");
  for (int c = 0; c < network.coupling_count(); ++c) {
    auto& g = gradients[static_cast<std::size_t>(c)];
    g = (g + network.coupling(c).read()) / static_cast<T>(plain.rates[static_cast<std::size_t>(c)]);
    network.coupling(c).restore(back);
  }
  return gradients;
}

}  // namespace

LearnOptions exact_gradient_options(LearnOptions options) {
  if (family_of(options.estimator) != EstimatorFamily::feed_forward) options.estimator = Estimator::implicit;
  options.measurement = {};
  options.free = SettleOptions();
  options.free.tolerance = kExactTolerance;
  options.free.budget = kExactBudget;
  options.nudged = options.free;
  return options;
}

template <class T>
std::vector<Matrix<T>> estimate_gradient(Network<T>& network, const GradientBatch<T>& batch, const LearnOptions& options, Run& run,
                                         std::span<const double> rates, std::uint32_t step) {
  Phases<T> phases(options);
  const BatchView<T> view_of{view(batch.x), view(batch.y), {}, batch.ids};
  Place place;
  place.step = step;
  SettleSums sums;
  phases.answer(network, view_of, place, kPhaseInput, kPhaseFree, sums, run);
  if (family_of(options.estimator) == EstimatorFamily::moving) return moved_gradient(network, phases, view_of, place, rates, run);
  phases.learn(network, view_of, place, sums, nullptr, run);
  std::vector<Matrix<T>> gradients;
  for (int c = 0; c < network.coupling_count(); ++c) {
    const auto& coupling = network.coupling(c);
    gradients.emplace_back(coupling.outputs(), coupling.inputs() + 1);
    const WantedChange<T> change(phases.contrast().factors(c, network, view_of.x), 1.0 / static_cast<double>(batch.x.cols()));
    change.rows({0, static_cast<std::size_t>(coupling.outputs())}, gradients.back());
  }
  return gradients;
}

template <class T>
std::vector<Agreement> compare_gradients(const std::vector<Matrix<T>>& a, const std::vector<Matrix<T>>& b) {
  check(a.size() == b.size(), "as many gradients");
  std::vector<Agreement> out;
  for (std::size_t c = 0; c < a.size(); ++c) {
    const Eigen::MatrixXd x = a[c].template cast<double>(), y = b[c].template cast<double>();
    out.push_back({x.cwiseProduct(y).sum() / std::max(x.norm() * y.norm(), 1e-300), (x - y).norm() / std::max(y.norm(), 1e-300)});
  }
  return out;
}

template <class T>
double free_cost(const Network<T>& network, const GradientBatch<T>& batch, const LearnOptions& options, Run& run) {
  Phases<T> phases(options);
  SettleSums sums;
  phases.answer(network, {view(batch.x), view(batch.y), {}, batch.ids}, {}, kPhaseInput, kPhaseFree, sums, run);
  return cost_of<T>(network.cost(), phases.output(), batch.y).mean();
}

std::vector<Agreement> check_gradient(Network<double>& network, const GradientBatch<double>& batch,
                                      const std::vector<Eigen::MatrixXd>& estimate, const LearnOptions& options, int coordinates,
                                      double step, Run& run) {
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

template std::vector<Matrix<float>> estimate_gradient<float>(Network<float>&, const GradientBatch<float>&, const LearnOptions&, Run&,
                                                             std::span<const double>, std::uint32_t);
template std::vector<Matrix<double>> estimate_gradient<double>(Network<double>&, const GradientBatch<double>&, const LearnOptions&, Run&,
                                                               std::span<const double>, std::uint32_t);
template std::vector<Agreement> compare_gradients<float>(const std::vector<Matrix<float>>&, const std::vector<Matrix<float>>&);
template std::vector<Agreement> compare_gradients<double>(const std::vector<Matrix<double>>&, const std::vector<Matrix<double>>&);
template double free_cost<float>(const Network<float>&, const GradientBatch<float>&, const LearnOptions&, Run&);
template double free_cost<double>(const Network<double>&, const GradientBatch<double>&, const LearnOptions&, Run&);

}  // namespace eqprop
