#include "eqprop/learn/noise_budget.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/check.h"
#include "eqprop/model/ideal_coupling.h"

namespace eqprop {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kFineTolerance = 1e-7;  // settles of the ideal copy, [unit output]
constexpr int kFineBudget = 300;

double rms(const Matrix<double>& m) { return std::sqrt(m.squaredNorm() / static_cast<double>(std::max<Index>(1, m.size()))); }
double mean_abs(const Matrix<double>& m) { return m.size() == 0 ? 0 : m.cwiseAbs().mean(); }

template <class T>
Network<double> ideal_copy(const Network<T>& network) {
  std::vector<std::unique_ptr<Coupling<double>>> couplings;
  for (int c = 0; c < network.coupling_count(); ++c)
    couplings.push_back(std::make_unique<IdealCoupling<double>>(network.coupling(c).read().template cast<double>()));
  return Network<double>(network.layers(), std::move(couplings), network.cost());
}

// the same estimator without anything that disturbs it; weights that move: their first-order relative
LearnOptions undisturbed(const LearnOptions& given, double beta) {
  LearnOptions out;
  out.estimator = family_of(given.estimator) == EstimatorFamily::moving ? Estimator::one_sided : given.estimator;
  out.beta = std::copysign(beta, given.beta);
  out.points = given.points;
  out.free.tolerance = out.nudged.tolerance = kFineTolerance;
  out.free.budget = out.nudged.budget = kFineBudget;
  return out;
}

// A of the header
double noise_gain(const PhasePlan& plan, double beta) {
  double squares = 0, slope = 0;
  for (const Phase& phase : plan) {
    squares += std::norm(phase.weight);
    slope += (phase.weight * phase.strength).real();
  }
  return std::abs(beta) * std::sqrt(squares) / std::max(std::abs(slope), 1e-300);
}

// a rounding that a phase difference passes: `mean` is E|d| per beta where it happens, in units of the step
struct Rounding {
  double step = 0;
  double mean = 0;
  double sd = 0;      // of the noise already there, which dithers
  double gain = 1;    // act' on the way to the state
  double pieces = 1;  // partial sums, each rounded
  double variance(double pair_beta) const {
    if (step == 0) return 0;
    const double part = 1 / std::sqrt(pieces);
    // E|x - y| of two independent Gaussians is 2 sd / sqrt pi
    const double distance = part * std::hypot(pair_beta * mean, 2 * sd / std::sqrt(std::numbers::pi));
    return gain * gain * pieces * std::min(step * distance, step * step / 6);
  }
  // share of the variance that is left in a mean over samples that are alike
  double left(double equal) const {
    const double drawn = std::min(1.0, 2 * sd / step);
    return drawn / equal + (1 - drawn);
  }
};

// n of a layer as a function of beta, and as a mean over so many samples that are alike
struct NoiseModel {
  double gain = 1;      // A
  double variance = 0;  // sd^2 / K
  std::vector<Rounding> roundings;
  double at(double beta, double equal = 1) const {
    double sum = 0;
    for (const Rounding& r : roundings) sum += r.variance(beta * std::numbers::sqrt2 / gain) * r.left(equal);
    return gain * std::sqrt(variance / equal + sum / 2);
  }
  bool none() const { return variance == 0 && roundings.empty(); }
};

// response beta = n(beta); n grows no faster than sqrt(beta), so there is one crossing
double crossing(const NoiseModel& noise, double response, double equal) {
  if (noise.none()) return 0;
  if (!(response > 0)) return kInfinite;
  double low = 1e-12, high = 1e12;
  for (int i = 0; i < 200; ++i) {
    const double beta = std::sqrt(low * high);
    (response * beta > noise.at(beta, equal) ? high : low) = beta;
  }
  return high;
}

template <class T>
class Budgeter {
 public:
  Budgeter(const Network<T>& network, const GradientBatch<double>& batch, const LearnOptions& options, const NoiseBudgetOptions& budget,
           const Run& run)
      : real_(network), copy_(ideal_copy(network)), batch_(batch), options_(options), budget_(budget), run_(run) {
    run_.ledger = nullptr;
    beta_ = std::abs(options.beta);
    out_.beta = beta_;
  }

  NoiseBudget result() {
    settle_free();
    find_adjoint();
    const State<double> difference = phase_difference();
    for (int l = 1; l <= copy_.depth(); ++l) out_.layers.push_back(layer(l, difference));
    for (std::size_t i = 0; i < out_.layers.size(); ++i) {
      const double needed = std::max(out_.layers[i].smallest_beta, out_.layers[i].tolerance_beta);
      if (needed > out_.floor) out_.floor = needed, out_.floor_layer = static_cast<int>(i) + 1;
    }
    out_.dead_zone = dead_zone();
    out_.curvature = curvature();
    out_.cosine = least_cosine(gradient(std::min(beta_, most_beta())), gradient(std::min(beta_, most_beta()) / 2));
    choose();
    return out_;
  }

 private:
  BatchView<double> batch_view() const { return {view(batch_.x), view(batch_.y), {}, batch_.ids}; }
  ReadPlace place() const { return {{}, batch_.ids}; }

  void settle_free() {
    Phases<double> phases(undisturbed(options_, 0.1));
    SettleSums sums;
    phases.answer(copy_, batch_view(), {}, kPhaseInput, kPhaseFree, sums, run_);
    drive_ = phases.drive();
    free_ = phases.free_state();
    field_ = Matrix<double>::Zero(copy_.layer(copy_.depth()).size, free_.batch());
    if (copy_.depth() == 1)
      field_ = drive_;
    else
      copy_.coupling(copy_.depth() - 1).forward(free_.layer(copy_.depth() - 1), field_, place(), run_);
  }

  void find_adjoint() {
    adjoint_source<double>(copy_, free_, batch_.y, source_, place(), run_);
    SettleOptions options;
    options.tolerance = kFineTolerance;
    options.budget = kFineBudget;
    double change = 0;
    sweep_adjoint(copy_, free_, source_, options, place(), adjoint_, change, run_);
    if (!(change < kDivergedChange)) adjoint_.reshape(copy_.sizes(), free_.batch());
  }

  // |beta| sum of w s over a plan of nudges, on the copy
  State<double> phase_difference() {
    State<double> sum(copy_.sizes(), free_.batch());
    const PhasePlan plan = probing_plan(undisturbed(options_, beta_).estimator, std::copysign(beta_, options_.beta), run_.seed, 0);
    SettleOptions options = undisturbed(options_, beta_).nudged;
    Workspace<double> workspace;
    for (const Phase& phase : plan) {
      State<double> state = free_;
      const Boundary<double> boundary{view(batch_.x), view(drive_), view(batch_.y), phase.beta()};
      if (phase.kind != PhaseKind::free) settle(copy_, boundary, state, options, place(), workspace, run_);
      for (int l = 1; l <= copy_.depth(); ++l) sum.layer(l) += beta_ * phase.weight.real() * state.layer(l);
    }
    return sum;
  }

  LayerBudget layer(int l, const State<double>& difference) {
    LayerBudget out;
    const Matrix<double> m = adjoint_.layer(l);
    out.response = rms(m);
    out.difference = rms(difference.layer(l));
    NoiseModel model;
    const LearnOptions plain = undisturbed(options_, beta_);
    model.gain = noise_gain(make_plan(plain.estimator, plain.beta, run_.seed, 0, plain.points), beta_);
    add_reads(l, model, out);
    const SettleOptions& nudged = options_.nudged;
    model.variance += nudged.activation_noise * nudged.activation_noise;
    // a margin below 1 never sees the floor, so nothing is averaged
    if (nudged.noise_margin >= 1) model.variance /= nudged.noise_window;
    out.read_noise = std::sqrt(model.variance);
    for (const auto& [bits, linear] :
         {std::pair{options_.measurement.bits, 0.0}, {budget_.result_bits, 0.0}, {nudged.state_bits, kLinearStateRange}})
      add_state_rounding(copy_.layer(l), bits, linear, mean_abs(m), out, model);

    out.noise = model.at(beta_);
    out.alike = samples_alike(l);
    const double equal = 1 + (budget_.batch - 1) * out.alike;
    out.smallest_beta = crossing(model, out.response, equal);
    out.tolerance_beta = arrival_beta(l);
    const double ratio = out.noise > 0 ? out.noise / (out.response * beta_) : 0;
    out.averaging = ratio * ratio;
    return out;
  }

  // reads of every sweep: from below (the input's is shared by all phases) and from above
  void add_reads(int l, NoiseModel& model, LayerBudget& out) {
    const double gain = rms(slopes(l));
    const auto add = [&](int c, Direction direction) {
      Matrix<double> field = Matrix<double>::Zero(copy_.layer(l).size, free_.batch());
      if (direction == Direction::forward)
        copy_.coupling(c).forward_unbiased(adjoint_.layer(l - 1), field, place(), run_);
      else if (c < copy_.depth())
        copy_.coupling(c).backward(adjoint_.layer(l + 1), field, place(), run_);
      else
        field = source_.push.block();
      const ReadFloor floor = real_.coupling(c).floor(direction);
      model.variance += gain * gain * floor.noise_sd * floor.noise_sd;
      if (floor.adc_step > 0)
        model.roundings.push_back({floor.adc_step, mean_abs(field), floor.noise_sd, gain, static_cast<double>(floor.conversions)});
      out.field_difference = beta_ * rms(field);
      out.step = floor.adc_step;
    };
    if (l > 1) add(l - 1, Direction::forward);
    if (l < real_.coupling_count()) add(l, Direction::backward);
  }

  void add_state_rounding(const Layer& layer, int bits, double linear_range, double mean, LayerBudget& out, NoiseModel& model) const {
    if (bits == 0) return;
    const Bounds bounds = activation_bounds(layer);
    double width = bounds.high - bounds.low;
    if (!std::isfinite(width)) width = 2 * linear_range;
    if (width == 0) return;
    const double step = width / (std::ldexp(1.0, bits) - 1);
    model.roundings.push_back({step, mean, out.read_noise, 1, 1});
    out.result_step = std::max(out.result_step, step);
  }

  // act'(h) by the state: a unit at a bound neither moves nor passes noise on
  Matrix<double> slopes(int l) const { return activation_slopes<double>(copy_.layer(l), free_.layer(l)); }

  // of the coupling below layer l: |mean g|^2 = alike |g|^2 + (1 - alike) |g|^2 / samples for samples' gradients g
  double samples_alike(int l) const {
    const Matrix<double> pre = l == 1 ? batch_.x : Matrix<double>(free_.layer(l - 1));
    const Matrix<double> pre_m = l == 1 ? Matrix<double>::Zero(pre.rows(), pre.cols()) : Matrix<double>(adjoint_.layer(l - 1));
    const Matrix<double> post = free_.layer(l), post_m = adjoint_.layer(l);
    const auto samples = static_cast<double>(pre.cols());
    if (samples < 2) return 0;
    // sum over samples of g = post_m [pre; 1]' + post pre_m'
    const Matrix<double> weights = post_m * pre.transpose() + post * pre_m.transpose();
    const double whole = (weights.squaredNorm() + post_m.rowwise().sum().squaredNorm()) / (samples * samples);
    double each = 0;
    for (Index i = 0; i < pre.cols(); ++i)
      each += post_m.col(i).squaredNorm() * (pre.col(i).squaredNorm() + 1) + post.col(i).squaredNorm() * pre_m.col(i).squaredNorm() +
              2 * post_m.col(i).dot(post.col(i)) * pre.col(i).dot(pre_m.col(i));
    each /= samples;
    if (!(each > 0)) return 0;
    return std::clamp((whole / each - 1 / samples) / (1 - 1 / samples), 0.0, 1.0);
  }

  // forward sweeps carry the nudge down one layer per sweep, and end when no unit moved by the tolerance: the layer above must
  double arrival_beta(int l) const {
    const Method method = options_.nudged.method;
    if (l == copy_.depth() || method == Method::backward || method == Method::difference) return 0;
    const double largest = rms(Matrix<double>(adjoint_.layer(l + 1).cwiseAbs().colwise().maxCoeff()));
    return largest > 0 ? options_.nudged.tolerance / largest : kInfinite;
  }

  double dead_zone() const {
    const Bounds bounds = activation_bounds(copy_.layer(copy_.depth()));
    const Activation activation = copy_.layer(copy_.depth()).activation;
    const bool clipped = activation == Activation::hard_sigmoid || activation == Activation::clipped_relu;
    if (!clipped || copy_.has_readout() || clamps_output(options_.estimator)) return 0;
    std::vector<std::vector<double>> needed(static_cast<std::size_t>(field_.rows()));  // by class
    for (Index i = 0; i < field_.cols(); ++i) {
      double most = 0;
      for (Index u = 0; u < field_.rows(); ++u) {
        const double h = field_(u, i), y = batch_.y(u, i);
        if (h < bounds.low && y > bounds.low) most = std::max(most, (bounds.low - h) / (y - bounds.low));
        if (h > bounds.high && y < bounds.high) most = std::max(most, (h - bounds.high) / (bounds.high - y));
      }
      Index label = 0;
      batch_.y.col(i).maxCoeff(&label);
      needed[static_cast<std::size_t>(label)].push_back(most);
    }
    double limit = 0;
    for (auto& samples : needed) {
      if (samples.empty()) continue;
      std::sort(samples.begin(), samples.end());
      limit = std::max(limit, samples[static_cast<std::size_t>(std::ceil(kMovedShare * static_cast<double>(samples.size()))) - 1]);
    }
    return limit;
  }

  std::vector<Matrix<double>> gradient(double beta) { return estimate_gradient(copy_, batch_, undisturbed(options_, beta), run_); }

  double least_cosine(const std::vector<Matrix<double>>& a, const std::vector<Matrix<double>>& b) const {
    double least = 1;
    for (const Agreement& coupling : compare_gradients(a, b)) least = coupling.cosine >= least ? least : coupling.cosine;
    return least;
  }

  double most_beta() const { return options_.estimator == Estimator::fourth_order ? kMostBeta / 2 : kMostBeta; }

  // upwards by doubling until the gradient has turned, then bisection
  double curvature() {
    constexpr int kHalvings = 7;
    double good = most_beta() / (1 << kHalvings), bad = 0;
    auto below = gradient(good / 2);
    auto here = gradient(good);
    if (!(least_cosine(here, below) >= kStraight)) return good;
    while (good < most_beta() && bad == 0) {
      below = std::move(here);
      here = gradient(2 * good);
      (least_cosine(here, below) >= kStraight ? good : bad) = 2 * good;
    }
    for (int i = 0; bad > 0 && i < 6; ++i) {
      const double middle = (good + bad) / 2;
      (least_cosine(gradient(middle), gradient(middle / 2)) >= kStraight ? good : bad) = middle;
    }
    return good;
  }

  // three digits are what the limits are worth, and rounding takes the last bits off a number that a run hangs on
  static double rounded(double beta, bool up) {
    const double unit = std::pow(10.0, std::floor(std::log10(beta)) - 2);
    const double steps = beta / unit;
    return (up ? std::ceil(steps - 1e-6) : std::floor(steps + 1e-6)) * unit;
  }

  void choose() {
    const double most = most_beta(), least = std::max(out_.floor, out_.dead_zone);
    double beta = 0;
    if (out_.curvature >= least) {
      beta = rounded(out_.curvature, false);
      out_.reason = out_.curvature >= most ? "the largest allowed: the gradient is straight up to there"
                                           : "curvature rules: a larger nudge turns the gradient by more than a cosine of .99";
    } else {
      beta = least > 0 ? rounded(std::min(least, most), true) : most;
      if (!std::isfinite(out_.floor))
        out_.reason = "no nudge arrives at layer " + std::to_string(out_.floor_layer) + ": its units stand at a bound, or those above do";
      else if (out_.dead_zone >= out_.floor)
        out_.reason = "the dead zone rules, above curvature: linear or smooth outputs have none, a smaller last rate keeps it small";
      else
        out_.reason = "the floor of layer " + std::to_string(out_.floor_layer) +
                      " rules, above curvature: more adc_bits, less read noise, larger batches or a smaller tolerance lower it";
      if (least > most) out_.reason += "; no allowed beta is enough";
    }
    out_.chosen = std::copysign(std::min(beta, most), options_.beta);
  }

  const Network<T>& real_;
  Network<double> copy_;
  const GradientBatch<double>& batch_;
  const LearnOptions& options_;
  NoiseBudgetOptions budget_;
  Run run_;
  double beta_ = 0;
  Matrix<double> drive_, field_;  // of the first layer; of the last, free
  State<double> free_, adjoint_;
  AdjointSource<double> source_;
  NoiseBudget out_;
};

}  // namespace

bool has_beta(Estimator estimator) {
  const EstimatorFamily family = family_of(estimator);
  return (family == EstimatorFamily::plan || family == EstimatorFamily::moving) && estimator != Estimator::contrastive;
}

template <class T>
NoiseBudget noise_budget(const Network<T>& network, const GradientBatch<double>& batch, const LearnOptions& options,
                         const NoiseBudgetOptions& budget, Run& run) {
  check(has_beta(options.estimator), "a noise budget needs an estimator with a beta");
  check(batch.x.cols() > 0 && budget.batch > 0, "a noise budget needs samples");
  return Budgeter<T>(network, batch, options, budget, run).result();
}

template NoiseBudget noise_budget<float>(const Network<float>&, const GradientBatch<double>&, const LearnOptions&,
                                         const NoiseBudgetOptions&, Run&);
template NoiseBudget noise_budget<double>(const Network<double>&, const GradientBatch<double>&, const LearnOptions&,
                                          const NoiseBudgetOptions&, Run&);

}  // namespace eqprop
