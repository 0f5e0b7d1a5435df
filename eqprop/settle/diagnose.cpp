#include "eqprop/settle/diagnose.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "base/check.h"

namespace eqprop {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kNearPole = 0.3;  // [unit input] where tanh is about three times its largest real value
constexpr double kCycle = 1e-2;    // [unit output] a residual as large is no tail of a slow settle: units swing between their bounds

double steepest(Activation activation) { return activation == Activation::logistic ? 0.25 : 1; }

// M of one sample, applied to vectors with one part per layer ([0] empty)
class Interaction {
 public:
  template <class T>
  explicit Interaction(const Network<T>& network) : depth_(network.depth()), readout_(network.has_readout()) {
    for (int c = 0; c < network.coupling_count(); ++c) {
      const Matrix<T> w = network.coupling(c).read();
      finite_ &= w.allFinite();
      weights_.push_back(c == 0 ? MatrixXd() : MatrixXd(w.leftCols(w.cols() - 1).template cast<double>()));
    }
  }

  bool finite() const { return finite_; }

  // slopes at a state of one sample, or everywhere the steepest
  template <class T>
  void set_slopes(const Network<T>& network, const State<T>& state, Index column, bool steepest_everywhere, bool held) {
    roots_.assign(static_cast<std::size_t>(depth_) + 1, {});
    for (int l = 1; l <= depth_; ++l) {
      VectorXd& d = roots_[static_cast<std::size_t>(l)];
      d.resize(network.layer(l).size);
      for (Index i = 0; i < d.size(); ++i)
        d[i] = steepest_everywhere ? steepest(network.layer(l).activation)
                                   : activation_slope(network.layer(l), static_cast<double>(state.layer(l)(i, column)));
    }
    if (held) roots_.back().setZero();
    bare_ = roots_.back();
  }
  // the cost's curvature: with a squared error in the slopes of the last layer, with a read-out beside them
  void set_beta(double beta) {
    beta_ = beta;
    VectorXd& d = roots_.back();
    d = bare_;
    if (!readout_) d = (bare_.array() / (1 + beta * bare_.array())).matrix();
    taken_.resize(roots_.size());
    for (std::size_t l = 1; l < roots_.size(); ++l) taken_[l] = roots_[l].cwiseMax(0).cwiseSqrt();
  }

  struct Extremes {
    double smallest, largest;
  };
  Extremes extremes() const {
    const double radius = power(0);
    return {power(-radius) + radius, power(radius) - radius};
  }

 private:
  using Parts = std::vector<VectorXd>;

  Parts apply(const Parts& v, double shift) const {
    Parts in(v.size()), out(v.size());
    for (std::size_t l = 1; l < v.size(); ++l) in[l] = taken_[l].cwiseProduct(v[l]);
    for (std::size_t l = 1; l < v.size(); ++l) {
      VectorXd h = VectorXd::Zero(v[l].size());
      if (l > 1) h += weights_[l - 1] * in[l - 1];
      if (l + 1 < v.size()) h += weights_[l].transpose() * in[l + 1];
      if (readout_ && beta_ != 0 && l + 1 == v.size()) h -= beta_ * softmax_curvature(in[l]);
      out[l] = taken_[l].cwiseProduct(h) + shift * v[l];
    }
    return out;
  }
  // V' S V with S of equal probabilities, where softmax is about as curved as it gets
  VectorXd softmax_curvature(const VectorXd& v) const {
    VectorXd z = weights_.back() * v;
    z.array() -= z.mean();
    return weights_.back().transpose() * z / static_cast<double>(z.size());
  }
  // the eigenvalue of M + shift of the largest modulus; without a shift its modulus
  double power(double shift) const {
    constexpr int kSteps = 300;
    Parts v(roots_.size());
    double norm2 = 0;
    for (std::size_t l = 1; l < v.size(); ++l) {
      v[l] = VectorXd::NullaryExpr(roots_[l].size(),
                                   [&](Index i) { return 1 + 0.5 * std::sin(1.7 * static_cast<double>(i) + static_cast<double>(l)); });
      norm2 += v[l].squaredNorm();
    }
    double value = 0;
    for (int i = 0; i < kSteps; ++i) {
      for (std::size_t l = 1; l < v.size(); ++l) v[l] /= std::sqrt(norm2);
      Parts next = apply(v, shift);
      double along = 0;
      norm2 = 0;
      for (std::size_t l = 1; l < v.size(); ++l) {
        along += v[l].dot(next[l]);
        norm2 += next[l].squaredNorm();
      }
      value = shift == 0 ? std::sqrt(norm2) : along;
      if (!(norm2 > 0)) return 0;
      v = std::move(next);
    }
    return value;
  }

  int depth_;
  bool readout_;
  bool finite_ = true;
  double beta_ = 0;
  std::vector<MatrixXd> weights_;
  std::vector<VectorXd> roots_, taken_;  // slopes, and their square roots
  VectorXd bare_;                        // slopes of the last layer without the nudge
};

std::string figure(double v) {
  std::ostringstream out;
  out << std::setprecision(3) << v;
  return out.str();
}

struct Facts {
  const SettleOptions& options;
  bool all_bounded;
  bool readout;
  double beta;
};

bool at_once(Method method) { return method == Method::synchronous; }

bool settles(const Facts& f, const Interaction::Extremes& m) {
  if (m.largest >= 1 && !(f.all_bounded && !at_once(f.options.method))) return false;  // bounded units stop a growth in one direction
  if (at_once(f.options.method)) return m.smallest > -1;
  if (f.options.method == Method::euler) return f.options.step * (1 - m.smallest) < 2;
  return !f.readout || m.smallest > -1;
}

// sweeps that the tail from `residual` to the tolerance still takes
double sweeps_left(const Facts& f, const Interaction::Extremes& m, double residual) {
  const double gain = std::max(std::abs(m.largest), std::abs(m.smallest));
  double rate = gain * gain;
  if (at_once(f.options.method)) rate = gain;
  if (f.options.method == Method::euler) rate = 1 - f.options.step * (1 - gain);
  if (!(rate > 0 && rate < 1) || !(residual > f.options.tolerance) || f.options.tolerance == 0) return 0;
  return std::ceil(std::log(f.options.tolerance / residual) / std::log(rate));
}

void say(Diagnosis& d, Cause cause, const std::string& sentence) {
  d.cause = cause;
  d.sentence = sentence;
}

std::string bounds_of(const Diagnosis& d) {
  return "the eigenvalues of the feedback reach from " + figure(d.smallest) + " to " + figure(d.largest);
}

// what the eigenvalues say, with and without the nudge
void judge(Diagnosis& d, const Facts& f, const Interaction::Extremes& with, const Interaction::Extremes& without, double residual) {
  d.smallest = with.smallest;
  d.largest = with.largest;
  const std::string method(method_name(f.options.method));
  if (!settles(f, with) && f.beta != 0 && settles(f, without))
    return say(d, Cause::beta_too_large,
               "beta = " + figure(f.beta) + " is too large: with it " + bounds_of(d) + ", without it from " + figure(without.smallest) +
                   " to " + figure(without.largest) + "; take a smaller beta");
  if (f.options.method == Method::euler && !settles(f, with) && (f.all_bounded || with.largest < 1))
    return say(d, Cause::step_too_large,
               "the step " + figure(f.options.step) + " is too large: " + bounds_of(d) + ", so it must be below " +
                   figure(2 / (1 - with.smallest)));
  if (!settles(f, with)) {
    const std::string remedy = at_once(f.options.method) && f.all_bounded
                                   ? "; take method \"forward\", which settles one layer at a time, or smaller weights"
                                   : "; take smaller weights or bounded units";
    return say(
        d, Cause::coupling_too_strong,
        "the coupling is too strong for the method \"" + method + "\": " + bounds_of(d) + ", and must stay between -1 and 1" + remedy);
  }
  std::string sentence = "the budget of " + std::to_string(f.options.budget) + " sweeps is too small: " + bounds_of(d) +
                         ", the residual is still " + figure(residual);
  const double left = sweeps_left(f, with, residual);
  if (left > 0) sentence += "; about " + figure(left) + " sweeps more would do";
  say(d, Cause::budget_too_small, sentence);
}

bool failed(const SettleReport& report, std::size_t i, const SettleOptions& options) {
  return report.reason[i] == StopReason::diverged || (report.reason[i] == StopReason::budget && options.tolerance > 0);
}

}  // namespace

std::string_view cause_name(Cause cause) {
  switch (cause) {
    case Cause::none:
      return "none";
    case Cause::not_a_number:
      return "not a number";
    case Cause::poles_met:
      return "poles met";
    case Cause::beta_too_large:
      return "beta too large";
    case Cause::step_too_large:
      return "step too large";
    case Cause::coupling_too_strong:
      return "coupling too strong";
    case Cause::budget_too_small:
      return "budget too small";
  }
  return "";
}

template <class T>
Diagnosis diagnose(const Network<T>& network, const Boundary<T>& boundary, const State<T>& state, const SettleOptions& options,
                   const SettleReport& report) {
  check(report.reason.size() == static_cast<std::size_t>(state.batch()), "a diagnosis needs the report of the state's batch");
  Diagnosis d;
  bool any = false;
  for (std::size_t i = 0; i < report.reason.size(); ++i) {
    if (!failed(report, i, options)) continue;
    if (!any || !(report.residual[i] <= report.residual[d.sample])) d.sample = i;
    any = true;
  }
  if (!any) {
    say(d, Cause::none, "every sample settled");
    return d;
  }
  const auto column = static_cast<Index>(d.sample);
  const double residual = static_cast<double>(report.residual[d.sample]);
  Interaction interaction(network);
  const bool given = boundary.drive.col(column).allFinite() && (boundary.beta == 0 || boundary.target.col(column).allFinite()) &&
                     (boundary.held.cols() == 0 || boundary.held.col(column).allFinite());
  if (!interaction.finite() || !given) {
    say(d, Cause::not_a_number,
        interaction.finite() ? "the input or the target of the sample is not a finite number" : "a weight is not a finite number");
    return d;
  }
  if (!report.pole.empty() && !(residual < kCycle)) {
    const double pole = static_cast<double>(report.pole[d.sample]);
    const std::string where = "within " + figure(pole) + " of a pole of its activation (tanh: +-1.57 i, logistic: +-3.14 i)";
    if (pole < kNearPole)
      say(d, Cause::poles_met, "a pre-activation came " + where + ": take a smaller beta or smaller weights");
    else
      say(d, Cause::beta_too_large,
          "under a complex nudge of modulus " + figure(std::abs(boundary.beta)) +
              " the sweeps find no equilibrium, a pre-activation came " + where + ": take a smaller beta");
    return d;
  }
  if (!network.has_readout() && boundary.held.cols() == 0 && boundary.beta <= -1) {
    say(d, Cause::beta_too_large,
        "beta = " + figure(boundary.beta) + " is too large: 1 + beta must stay above 0, the nudged outputs have no minimum");
    return d;
  }
  bool all_bounded = true;
  for (int l = 1; l <= network.depth(); ++l) all_bounded &= network.layer(l).activation != Activation::linear;
  bool finite = true;
  for (int l = 1; l <= network.depth(); ++l) finite &= state.layer(l).col(column).allFinite();
  // a state that swings or has left all bounds says nothing about its slopes: the steepest ones are what it may meet
  const bool swings = residual >= kCycle && (at_once(options.method) || options.method == Method::euler || network.has_readout());
  const bool far = !finite || report.reason[d.sample] == StopReason::diverged || swings;
  interaction.set_slopes(network, state, column, far, boundary.held.cols() > 0);
  interaction.set_beta(0);
  const auto without = interaction.extremes();
  interaction.set_beta(boundary.beta);
  const auto with = interaction.extremes();
  judge(d, {options, all_bounded, network.has_readout(), boundary.beta}, with, without, residual);
  return d;
}

template Diagnosis diagnose<float>(const Network<float>&, const Boundary<float>&, const State<float>&, const SettleOptions&,
                                   const SettleReport&);
template Diagnosis diagnose<double>(const Network<double>&, const Boundary<double>&, const State<double>&, const SettleOptions&,
                                    const SettleReport&);

}  // namespace eqprop
