#include "experiments/doctor_probe.h"

#include <algorithm>
#include <cmath>

#include "eqprop/learn/lost_classes.h"
#include "eqprop/model/crossbar_coupling.h"

namespace eqprop {
namespace {

constexpr double kNear = 0.01;  // of a unit's range: closer to a bound counts as at it

struct Phases {
  State<float> free;
  State<float> difference;  // beta x sum of weight x state over the plan: (s+ - s-) / 2 for the centered estimator
  State<float> nudged;      // of the last phase
};

class Prober {
 public:
  Prober(const Experiment& experiment, std::size_t most, int threads)
      : config_(experiment.config()),
        network_(experiment.network()),
        run_{config_.seed, threads, nullptr, 0},
        lost_(static_cast<int>(network_.outputs())) {
    const Dataset& data = experiment.train();
    std::vector<std::uint32_t> rows(std::min(most, data.size()));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::uint32_t>(i * data.size() / rows.size());
    batch_.fill(data, rows);
    place_.place.step = experiment.trainer().steps_done();
    place_.samples = batch_.ids;
  }

  Probe result() {
    const Phases first = phases(0, true), second = phases(1, false);
    out_.samples = batch_.size();
    for (int l = 1; l <= network_.depth(); ++l) out_.layers.push_back(layer(l, first, second));
    for (int c = 0; c < network_.coupling_count(); ++c) converters(c, first);
    out_.lost_classes = lost_.lost();
    return out_;
  }

 private:
  // one pass of the loop; every pass has noise of its own
  Phases phases(std::uint32_t pass, bool counted) {
    constexpr std::uint32_t kSweepsApart = 1000000;  // above any budget
    place_.place.sweep = pass * kSweepsApart;
    const Index batch = batch_.x.cols();
    Matrix<float> drive(network_.layer(1).size, batch);
    place_.place.phase = kPhaseInput;
    drive_input<float>(network_, batch_.x, drive, place_, run_);
    Boundary<float> boundary{view(batch_.x), view(drive), view(batch_.y), 0};
    Phases out;
    out.free = network_.rest(batch);
    place_.place.phase = kPhaseFree;
    count(settle(network_, boundary, out.free, config_.train.free, place_, workspace_, run_), counted);
    output_.resize(network_.outputs(), batch);
    read_output<float>(network_, out.free, output_, place_, run_);

    out.difference.reshape(network_.sizes(), batch);
    const PhasePlan plan = probing_plan(config_.train.estimator, config_.train.beta, config_.seed, place_.place.step);
    for (std::size_t k = 0; k < plan.size(); ++k) {
      boundary.beta = plan[k].beta();
      place_.place.phase = static_cast<PhaseId>(kPhaseFirstNudged + k);
      out.nudged = out.free;
      if (boundary.beta != 0) {
        count(settle(network_, boundary, out.nudged, config_.train.nudged, place_, workspace_, run_), counted);
        if (counted) observe(out.nudged);
      }
      const auto weight = static_cast<float>(std::abs(config_.train.beta) * plan[k].weight.real());
      for (int l = 1; l <= network_.depth(); ++l) out.difference.layer(l) += weight * out.nudged.layer(l);
    }
    return out;
  }

  void observe(const State<float>& nudged) {
    if (!network_.has_readout()) lost_.observe<float>(output_, nudged.layer(network_.depth()), batch_.labels);
  }

  void count(const SettleReport& report, bool counted) {
    if (!counted) return;
    out_.settles += report.reason.size();
    out_.budget += report.count(StopReason::budget);
    out_.diverged += report.count(StopReason::diverged);
  }

  // what two passes have in common is the difference, what they have not is its noise
  LayerProbe layer(int l, const Phases& first, const Phases& second) const {
    LayerProbe probe;
    const Matrix<double> a = first.difference.layer(l).template cast<double>(), b = second.difference.layer(l).template cast<double>();
    const auto n = static_cast<double>(a.size());
    probe.difference = std::sqrt(std::max(0.0, (a.array() * b.array()).sum() / n));
    probe.noise = std::sqrt((a - b).squaredNorm() / (2 * n));

    const Matrix<float> states = first.free.layer(l);
    const Bounds bounds = activation_bounds(network_.layer(l));
    const double range = std::isfinite(bounds.high - bounds.low) ? bounds.high - bounds.low : 0;
    const auto margin = static_cast<float>(kNear * (range > 0 ? range : 1));
    if (range > 0) {
      const auto low = static_cast<float>(bounds.low) + margin, high = static_cast<float>(bounds.high) - margin;
      probe.saturated = static_cast<double>((states.array() <= low || states.array() >= high).count()) / n;
    }
    Index dead = 0;
    for (Index u = 0; u < states.rows(); ++u) dead += states.row(u).maxCoeff() - states.row(u).minCoeff() <= margin ? 1 : 0;
    probe.dead = static_cast<double>(dead) / static_cast<double>(states.rows());

    // the clamped input is read once and shared by the phases: its noise is none of their difference
    double variance = 0;
    const auto add = [&](int c, Direction direction) { variance += std::pow(network_.coupling(c).floor(direction).total_sd(), 2); };
    if (l > 1) add(l - 1, Direction::forward);
    if (l < network_.coupling_count()) add(l, Direction::backward);
    probe.read_noise = std::sqrt(variance);
    return probe;
  }

  void converters(int c, const Phases& phases) {
    const auto* crossbar = dynamic_cast<const CrossbarCoupling<float>*>(&network_.coupling(c));
    if (crossbar == nullptr || config_.crossbar.loop != Loop::digital || crossbar->array().options().adc_forward.bits == 0) return;
    const Array& array = crossbar->array();
    const auto look = [&](Direction direction, const Eigen::MatrixXf& drive) {
      const bool forward = direction == Direction::forward;
      const PartialSums sums = array.partial_sums(direction, drive);
      const Converter& adc = forward ? array.options().adc_forward : array.options().adc_backward;
      out_.converters.push_back({c, forward, adc.range, sums.max, sums.rms});
    };
    look(Direction::forward, c == 0 ? Eigen::MatrixXf(batch_.x) : Eigen::MatrixXf(phases.free.layer(c)));
    if (c > 0 && c < network_.depth()) look(Direction::backward, phases.nudged.layer(c + 1));
  }

  const Config& config_;
  const Network<float>& network_;
  Run run_;
  ReadPlace place_;
  Batch<float> batch_;
  Matrix<float> output_;
  Workspace<float> workspace_;
  LostClasses lost_;
  Probe out_;
};

}  // namespace

Probe probe_run(const Experiment& experiment, std::size_t most, int threads) { return Prober(experiment, most, threads).result(); }

}  // namespace eqprop
