#include "crossbar/fit/law_fit.h"

#include <ceres/first_order_function.h>
#include <ceres/gradient_problem.h>
#include <ceres/gradient_problem_solver.h>
#include <ceres/jet.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

namespace eqprop::fit {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr std::size_t kFolds = 5;

// searches may look a little beyond a range, so that they do not stick to its end
Box widened(Box box) {
  const double more = 0.25 * std::min(box.high - box.low, 4.0);
  return {box.low > 0 ? box.low / 2 : box.low - more, box.high + more};
}

// minus the log likelihood per pulse, as a function of the parameters that are free
template <class Curve>
class Objective {
 public:
  static constexpr int kAll = Curve::kSize + kNoise;

  Objective(const Curve& curve, const std::vector<const Track*>& tracks, double rho, VectorXd all, std::vector<int> free)
      : curve_(curve), tracks_(tracks), rho_(rho), all_(std::move(all)), free_(std::move(free)) {
    for (const Track* track : tracks_) steps_ += static_cast<double>(track->steps());
  }

  int NumParameters() const { return static_cast<int>(free_.size()); }
  bool Evaluate(const double* at, double* cost, double* gradient) const {
    VectorXd p = all_;
    for (std::size_t i = 0; i < free_.size(); ++i) p[free_[i]] = at[i];
    // beyond the range the likelihood stays as at its end, and a wall rises
    constexpr double kWall = 10;
    VectorXd beyond = VectorXd::Zero(kAll);
    const auto boxes = curve_.boxes();
    for (int i = 0; i < Curve::kSize; ++i) {
      const Box box = widened(boxes[static_cast<std::size_t>(i)]);
      beyond[i] = p[i] - std::clamp(p[i], box.low, box.high);
      p[i] -= beyond[i];
    }
    *cost = kWall * beyond.squaredNorm();
    if (gradient == nullptr) {
      for (const Track* track : tracks_) *cost += track_cost(curve_, p.data(), *track, rho_) / steps_;
      return std::isfinite(*cost);
    }
    using Jet = ceres::Jet<double, kAll>;
    std::array<Jet, kAll> q;
    for (int i = 0; i < kAll; ++i) q[static_cast<std::size_t>(i)] = Jet(p[i], i);
    Jet sum(0.0);
    for (const Track* track : tracks_) sum += track_cost(curve_, q.data(), *track, rho_);
    *cost += sum.a / steps_;
    for (std::size_t i = 0; i < free_.size(); ++i)
      gradient[i] = beyond[free_[i]] != 0 ? 2 * kWall * beyond[free_[i]] : sum.v[free_[i]] / steps_;
    return std::isfinite(*cost) && sum.v.allFinite();
  }
  double steps() const { return steps_; }

 private:
  const Curve& curve_;
  const std::vector<const Track*>& tracks_;
  double rho_;
  VectorXd all_;
  std::vector<int> free_;
  double steps_ = 0;
};

// the same in units in which all parameters are about 1; Ceres looks for the least of this
template <class Curve>
class Scaled final : public ceres::FirstOrderFunction {
 public:
  Scaled(Objective<Curve> inner, VectorXd units) : inner_(std::move(inner)), units_(std::move(units)) {}
  int NumParameters() const override { return inner_.NumParameters(); }
  bool Evaluate(const double* at, double* cost, double* gradient) const override {
    const VectorXd p = units_.array() * Eigen::Map<const Eigen::ArrayXd>(at, units_.size());
    const bool ok = inner_.Evaluate(p.data(), cost, gradient);
    if (gradient != nullptr) Eigen::Map<Eigen::ArrayXd>(gradient, units_.size()) *= units_.array();
    return ok;
  }

 private:
  Objective<Curve> inner_;
  VectorXd units_;
};

struct Search {
  VectorXd p;
  std::vector<bool> at_bound;
  double cost = 0;  // per pulse
  bool converged = false;
};

std::vector<int> free_of(const std::vector<bool>& at_bound) {
  std::vector<int> free;
  for (std::size_t i = 0; i < at_bound.size(); ++i)
    if (!at_bound[i]) free.push_back(static_cast<int>(i));
  return free;
}

// quasi-Newton; what leaves its range is put to the end of it, and the rest is searched again
template <class Curve>
Search search(const Curve& curve, const std::vector<const Track*>& tracks, double rho, const VectorXd& start) {
  const auto boxes = curve.boxes();
  Search found{start, std::vector<bool>(static_cast<std::size_t>(start.size()), false), 0, false};
  for (int i = 0; i < Curve::kSize; ++i) {
    const Box box = boxes[static_cast<std::size_t>(i)];
    found.p[i] = std::clamp(found.p[i], box.low, box.high);
  }
  ceres::GradientProblemSolver::Options options;
  options.line_search_direction_type = ceres::BFGS;
  options.use_approximate_eigenvalue_bfgs_scaling = true;
  options.max_num_iterations = 300;
  options.function_tolerance = 1e-13;
  options.gradient_tolerance = 1e-8;
  options.parameter_tolerance = 1e-12;
  options.logging_type = ceres::SILENT;
  for (;;) {
    const std::vector<int> free = free_of(found.at_bound);
    VectorXd units(static_cast<Index>(free.size())), at(units.size());
    const double noise = std::max(start.tail(kNoise).norm(), 1e-3);
    for (Index i = 0; i < at.size(); ++i) {
      const int k = free[static_cast<std::size_t>(i)];
      units[i] = k < Curve::kSize ? 1 : noise;
      at[i] = found.p[k] / units[i];
    }
    const ceres::GradientProblem problem(new Scaled<Curve>(Objective<Curve>(curve, tracks, rho, found.p, free), units));
    ceres::GradientProblemSolver::Summary summary;
    ceres::Solve(options, problem, at.data(), &summary);
    for (Index i = 0; i < at.size(); ++i) found.p[free[static_cast<std::size_t>(i)]] = at[i] * units[i];
    found.cost = summary.final_cost;
    // the line search gives up where rounding lets nothing fall: small gradients are the end as well
    found.converged = summary.termination_type == ceres::CONVERGENCE ||
                      (!summary.iterations.empty() && summary.iterations.back().gradient_max_norm < 1e-4);
    bool inside = true;
    for (int i = 0; i < Curve::kSize; ++i) {
      const Box box = boxes[static_cast<std::size_t>(i)];
      if (found.p[i] >= box.low && found.p[i] <= box.high) continue;
      found.p[i] = std::clamp(found.p[i], box.low, box.high);
      found.at_bound[static_cast<std::size_t>(i)] = true;
      inside = false;
    }
    if (inside) return found;
  }
}

// inverse of the second derivatives, by differences of exact gradients
template <class Curve>
MatrixXd covariance_at(const Curve& curve, const std::vector<const Track*>& tracks, double rho, const Search& found) {
  const std::vector<int> free = free_of(found.at_bound);
  const Objective<Curve> objective(curve, tracks, rho, found.p, free);
  const auto n = static_cast<Index>(free.size());
  MatrixXd H(n, n);
  VectorXd at(n), one(n), two(n);
  for (Index i = 0; i < n; ++i) at[i] = found.p[free[static_cast<std::size_t>(i)]];
  double cost = 0;
  for (Index i = 0; i < n; ++i) {
    const double delta = 1e-4 * std::max(1.0, std::abs(at[i]));
    VectorXd moved = at;
    moved[i] += delta;
    const bool above = objective.Evaluate(moved.data(), &cost, one.data());
    moved[i] = at[i] - delta;
    const bool below = objective.Evaluate(moved.data(), &cost, two.data());
    if (!above || !below) return MatrixXd();
    H.col(i) = objective.steps() / (2 * delta) * (one - two);
  }
  H = (0.5 * (H + H.transpose())).eval();
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(H);
  // what the data do not tell has a huge variance
  const VectorXd variances = eigen.eigenvalues().cwiseMax(1e-12 * std::max(eigen.eigenvalues().maxCoeff(), 1e-12)).cwiseInverse();
  const MatrixXd part = eigen.eigenvectors() * variances.asDiagonal() * eigen.eigenvectors().transpose();
  MatrixXd all = MatrixXd::Zero(found.p.size(), found.p.size());
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) all(free[static_cast<std::size_t>(i)], free[static_cast<std::size_t>(j)]) = part(i, j);
  return all;
}

// a likelihood does not know the signs of its standard deviations
template <class Curve>
void settle_signs(VectorXd& p, MatrixXd& covariance) {
  const auto flip = [&](Index i) {
    p[i] = -p[i];
    if (covariance.size() == 0) return;
    covariance.row(i) = -covariance.row(i).eval();
    covariance.col(i) = -covariance.col(i).eval();
  };
  if (p[Curve::kSize] < 0) {
    flip(Curve::kSize);
    flip(Curve::kSize + 1);
  }
  if (p[Curve::kSize + 2] < 0) flip(Curve::kSize + 2);
}

std::vector<const Track*> all_of(const std::vector<Track>& tracks) {
  std::vector<const Track*> out;
  for (const Track& track : tracks) out.push_back(&track);
  return out;
}

// few ramps are cut, so that something can be left out
std::vector<Track> pieces_of(const std::vector<Track>& tracks) {
  if (tracks.size() >= kFolds) return tracks;
  const std::size_t cuts = (2 * kFolds + tracks.size() - 1) / tracks.size();
  std::vector<Track> out;
  for (const Track& track : tracks) {
    const std::size_t count = std::clamp<std::size_t>(track.steps() / 3, 1, cuts);
    for (std::size_t c = 0; c < count; ++c) {
      const std::size_t first = c * track.steps() / count, last = (c + 1) * track.steps() / count;
      Track piece = track;
      piece.g.assign(track.g.begin() + static_cast<std::ptrdiff_t>(first), track.g.begin() + static_cast<std::ptrdiff_t>(last + 1));
      out.push_back(std::move(piece));
    }
  }
  return out;
}

}  // namespace

std::size_t Pulses::steps() const {
  std::size_t sum = 0;
  for (const Track& track : tracks) sum += track.steps();
  return sum;
}

Guess guess(const std::vector<Track>& tracks, double rho) {
  Guess out;
  double n = 0, mean = 0;
  for (const Track& t : tracks) {
    n += static_cast<double>(t.steps());
    mean += t.g.back() - t.g.front();
  }
  mean /= n;
  double variance = 0, lagged = 0;
  for (const Track& t : tracks)
    for (std::size_t k = 1; k < t.g.size(); ++k) {
      const double step = t.g[k] - t.g[k - 1] - mean;
      variance += step * step / n;
      if (k > 1) lagged += step * (t.g[k - 1] - t.g[k - 2] - mean) / n;
    }
  out.write = std::sqrt(std::max(-lagged, 0.0));
  out.c2c = std::sqrt(std::max(variance - 2 * out.write * out.write, 1e-2 * variance + 1e-8));

  // a straight line through steps of averages over stretches that write noise does not hide
  std::vector<double> x, y;
  out.low = INFINITY;
  out.high = -INFINITY;
  for (const Track& t : tracks) {
    const auto most = static_cast<double>(std::max<std::size_t>(t.g.size() / 8, 1));
    const auto width = static_cast<std::size_t>(out.write < 1 ? 1 : std::clamp(std::ceil(4 * out.write), 1.0, most));
    double before = 0;
    for (std::size_t b = 0; (b + 1) * width <= t.g.size(); ++b) {
      double sum = 0;
      for (std::size_t k = 0; k < width; ++k) sum += t.g[b * width + k];
      const double now = sum / static_cast<double>(width);
      out.low = std::min(out.low, now);
      out.high = std::max(out.high, now);
      if (b > 0) {
        x.push_back(rho * (width == 1 ? before : 0.5 * (before + now)));
        y.push_back((now - before) / static_cast<double>(width));
      }
      before = now;
    }
  }
  double mx = 0, my = 0, sxx = 0, sxy = 0;
  const auto count = static_cast<double>(std::max<std::size_t>(x.size(), 1));
  for (std::size_t i = 0; i < x.size(); ++i) {
    mx += x[i] / count;
    my += y[i] / count;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    sxx += (x[i] - mx) * (x[i] - mx);
    sxy += (x[i] - mx) * (y[i] - my);
  }
  const double slope = sxx > 0 ? sxy / sxx : 0;
  const double level = my - slope * mx;
  const bool sound = level > 0.05 * mean && std::abs(slope) < 3 * level;
  out.level = sound ? level : std::max(mean, 1e-3);
  out.slope = sound ? slope : 0;
  return out;
}

template <class Curve>
CurveFit fit_curve(const Curve& curve, const Pulses& pulses, bool scores) {
  const Guess first = guess(pulses.tracks, pulses.rho);
  const auto tracks = all_of(pulses.tracks);
  Search best;
  for (const auto& start : curve.starts(first.level, first.slope)) {
    VectorXd p(Curve::kSize + kNoise);
    for (int i = 0; i < Curve::kSize; ++i) p[i] = start[static_cast<std::size_t>(i)];
    p.tail(kNoise) << first.c2c, 0, std::max(first.write, 0.1 * first.c2c);
    const Search found = search(curve, tracks, pulses.rho, p);
    if (best.p.size() == 0 || found.cost < best.cost) best = found;
  }
  CurveFit fit;
  fit.covariance = covariance_at(curve, tracks, pulses.rho, best);
  fit.p = best.p;
  settle_signs<Curve>(fit.p, fit.covariance);
  fit.at_bound = best.at_bound;
  fit.converged = best.converged && fit.covariance.size() > 0;
  fit.cost = best.cost * static_cast<double>(pulses.steps());
  if (!scores) return fit;

  const std::vector<Track> pieces = pieces_of(pulses.tracks);
  fit.scores.assign(pieces.size(), 0);
  for (std::size_t fold = 0; fold < std::min(kFolds, pieces.size()); ++fold) {
    std::vector<const Track*> kept;
    for (std::size_t i = 0; i < pieces.size(); ++i)
      if (i % kFolds != fold) kept.push_back(&pieces[i]);
    if (kept.empty()) continue;
    const VectorXd p = search(curve, kept, pulses.rho, fit.p).p;
    for (std::size_t i = fold; i < pieces.size(); i += kFolds) {
      const auto n = static_cast<double>(pieces[i].steps());
      fit.scores[i] = -track_cost(curve, p.data(), pieces[i], pulses.rho) - 0.5 * std::log(2 * M_PI) * n;
      fit.scored += pieces[i].steps();
    }
  }
  return fit;
}

template <class Curve>
Factor fit_factor(const Curve& curve, const VectorXd& p, const std::vector<Track>& tracks, double rho) {
  const auto cost = [&](double factor) {
    double sum = 0;
    for (Track track : tracks) {
      track.factor = factor;
      sum += track_cost(curve, p.data(), track, rho);
    }
    return sum;
  };
  constexpr double kDelta = 1e-3;
  Factor out;
  for (int step = 0; step < 20; ++step) {
    const double here = cost(out.value), above = cost(out.value + kDelta), below = cost(out.value - kDelta);
    const double slope = (above - below) / (2 * kDelta), curvature = (above - 2 * here + below) / (kDelta * kDelta);
    if (!(curvature > 0)) break;
    out.error = 1 / std::sqrt(curvature);
    const double next = std::clamp(out.value - slope / curvature, 0.02, 50.0);
    const bool done = std::abs(next - out.value) < 1e-6;
    out.value = next;
    if (done) break;
  }
  return out;
}

template CurveFit fit_curve(const LinearCurve&, const Pulses&, bool);
template CurveFit fit_curve(const SoftBoundsCurve&, const Pulses&, bool);
template CurveFit fit_curve(const ExponentialCurve&, const Pulses&, bool);
template CurveFit fit_curve(const PowerCurve&, const Pulses&, bool);
template CurveFit fit_curve(const TableCurve&, const Pulses&, bool);
template Factor fit_factor(const TableCurve&, const VectorXd&, const std::vector<Track>&, double);

}  // namespace eqprop::fit
