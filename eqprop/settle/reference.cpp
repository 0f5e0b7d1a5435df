#include "eqprop/settle/reference.h"

#include <ceres/first_order_function.h>
#include <ceres/gradient_problem.h>
#include <ceres/gradient_problem_solver.h>

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <variant>

#include "base/check.h"

namespace eqprop {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kResidual = 1e-12;  // [unit input]

int depth_of(const ReferenceProblem& p) { return static_cast<int>(p.layers.size()) - 1; }
const Layer& layer_of(const ReferenceProblem& p, int l) { return p.layers[static_cast<std::size_t>(l)]; }
const MatrixXd& weights_of(const ReferenceProblem& p, int c) { return p.weights[static_cast<std::size_t>(c)]; }

VectorXd affine(const MatrixXd& weights, const VectorXd& pre) { return weights.leftCols(pre.size()) * pre + weights.col(pre.size()); }

VectorXd transposed(const MatrixXd& weights, const VectorXd& post) { return weights.leftCols(weights.cols() - 1).transpose() * post; }

VectorXd probabilities(const ReferenceProblem& p, const VectorXd& last) {
  VectorXd z = affine(p.weights.back(), last);
  z = (z.array() - z.maxCoeff()).exp();
  return z / z.sum();
}

// h(s) of layer l; the squared error's curvature is left to the caller, who adds beta s
VectorXd field_of(const ReferenceProblem& p, const ReferenceStates& s, int l) {
  const auto at = static_cast<std::size_t>(l);
  VectorXd h = affine(weights_of(p, l - 1), s[at - 1]);
  if (l < depth_of(p)) return h + transposed(weights_of(p, l), s[at + 1]);
  if (p.beta == 0) return h;
  if (p.cost == Cost::squared_error) return h + p.beta * p.target;
  return h + p.beta * transposed(p.weights.back(), p.target - probabilities(p, s[at]));
}

double curvature_of(const ReferenceProblem& p, int l) { return l == depth_of(p) && p.cost == Cost::squared_error ? p.beta : 0; }

// where each layer's units start in one long vector; the last entry is its length
std::vector<Index> offsets_of(const ReferenceProblem& p) {
  std::vector<Index> offsets{0, 0};
  for (int l = 1; l <= depth_of(p); ++l) offsets.push_back(offsets.back() + layer_of(p, l).size);
  return offsets;
}

VectorXd flatten(const ReferenceProblem& p, const ReferenceStates& s) {
  const auto offsets = offsets_of(p);
  VectorXd all(offsets.back());
  for (std::size_t l = 1; l < s.size(); ++l) all.segment(offsets[l], s[l].size()) = s[l];
  return all;
}

ReferenceStates unflatten(const ReferenceProblem& p, const VectorXd& all) {
  const auto offsets = offsets_of(p);
  ReferenceStates s{p.input};
  for (std::size_t l = 1; l < p.layers.size(); ++l) s.emplace_back(all.segment(offsets[l], p.layers[l].size));
  return s;
}

// - d h / d s of all units, squared error's curvature included: the part of the Hessian of Phi that does not come from U
MatrixXd interaction(const ReferenceProblem& p, const ReferenceStates& s) {
  const auto offsets = offsets_of(p);
  MatrixXd q = MatrixXd::Zero(offsets.back(), offsets.back());
  for (int l = 2; l <= depth_of(p); ++l) {
    const auto at = static_cast<std::size_t>(l);
    const MatrixXd w = weights_of(p, l - 1).leftCols(layer_of(p, l - 1).size);
    q.block(offsets[at], offsets[at - 1], w.rows(), w.cols()) = -w;
    q.block(offsets[at - 1], offsets[at], w.cols(), w.rows()) = -w.transpose();
  }
  const Index last = layer_of(p, depth_of(p)).size;
  auto corner = q.bottomRightCorner(last, last);
  corner.diagonal().array() += curvature_of(p, depth_of(p));
  if (p.cost == Cost::cross_entropy && p.beta != 0) {
    const VectorXd prob = probabilities(p, s.back());
    const MatrixXd v = p.weights.back().leftCols(last);
    const MatrixXd spread = MatrixXd(prob.asDiagonal()) - prob * prob.transpose();
    corner += p.beta * p.target.sum() * v.transpose() * spread * v;
  }
  return q;
}

bool is_piecewise_linear(Activation a) { return a == Activation::linear || !is_smooth(a); }

double act(const Layer& layer, double u) {
  if (layer.activation == Activation::tanh) return std::tanh(u);
  if (layer.activation == Activation::logistic) return 1 / (1 + std::exp(-u));
  return u;
}

// act'(u) from s = act(u)
double slope(const Layer& layer, double s) {
  if (layer.activation == Activation::tanh) return 1 - s * s;
  if (layer.activation == Activation::logistic) return s * (1 - s);
  return 1;
}

// act^-1; an output at its bound is taken a little inside
double inverse(const Layer& layer, double s) {
  constexpr double kInside = 1e-9;
  if (layer.activation == Activation::tanh) return std::atanh(std::clamp(s, -1 + kInside, 1 - kInside));
  const double inside = std::clamp(s, kInside, 1 - kInside);
  if (layer.activation == Activation::logistic) return std::log(inside / (1 - inside));
  return s;
}

// states and act'(u) at pre-activations u
struct Smooth {
  ReferenceStates states;
  VectorXd slope;
  VectorXd force;  // u - h(s) + a s = dPhi/ds

  Smooth(const ReferenceProblem& p, const VectorXd& u) : states(unflatten(p, u)), slope(u.size()), force(u) {
    const auto offsets = offsets_of(p);
    for (int l = 1; l <= depth_of(p); ++l) {
      const auto at = static_cast<std::size_t>(l);
      for (double& v : states[at]) v = act(layer_of(p, l), v);
    }
    for (int l = 1; l <= depth_of(p); ++l) {
      const auto at = static_cast<std::size_t>(l);
      const VectorXd& s = states[at];
      for (Index i = 0; i < s.size(); ++i) slope[offsets[at] + i] = eqprop::slope(layer_of(p, l), s[i]);
      force.segment(offsets[at], s.size()) += curvature_of(p, l) * s - field_of(p, states, l);
    }
  }
};

// Phi over u for Ceres: dPhi/du = act'(u) dPhi/ds
class SmoothPotential final : public ceres::FirstOrderFunction {
 public:
  explicit SmoothPotential(const ReferenceProblem& problem) : problem_(problem) {}
  int NumParameters() const override { return static_cast<int>(offsets_of(problem_).back()); }
  bool Evaluate(const double* u, double* cost, double* gradient) const override {
    const Smooth at(problem_, Eigen::Map<const VectorXd>(u, NumParameters()));
    *cost = reference_potential(problem_, at.states);
    if (gradient != nullptr) Eigen::Map<VectorXd>(gradient, NumParameters()) = at.slope.cwiseProduct(at.force);
    return std::isfinite(*cost);
  }

 private:
  const ReferenceProblem& problem_;
};

// newton on u - h(act(u)) + a act(u) = 0, kept only while the residual falls
void polish(const ReferenceProblem& p, VectorXd& u) {
  constexpr int kSteps = 20;
  double residual = Smooth(p, u).force.lpNorm<Eigen::Infinity>();
  for (int i = 0; i < kSteps && residual > 0; ++i) {
    const Smooth at(p, u);
    MatrixXd jacobian = interaction(p, at.states) * at.slope.asDiagonal();
    jacobian.diagonal().array() += 1;
    const VectorXd next = u - jacobian.partialPivLu().solve(at.force);
    const double reached = Smooth(p, next).force.lpNorm<Eigen::Infinity>();
    if (!(reached < residual)) return;
    u = next;
    residual = reached;
  }
}

// explicit act(h, a)
VectorXd clipped(const Layer& layer, const VectorXd& h, double a) {
  const Bounds bounds = activation_bounds(layer);
  return (h / (1 + a)).cwiseMax(bounds.low).cwiseMin(bounds.high);
}

enum class Side { low, free, high };

// the box of all units, and the gradient of the quadratic Phi = s' q s / 2 - c' s within it
struct Quadratic {
  MatrixXd q;
  VectorXd c, low, high;

  explicit Quadratic(const ReferenceProblem& p) {
    const auto offsets = offsets_of(p);
    const Index n = offsets.back();
    ReferenceStates zero = unflatten(p, VectorXd::Zero(n));
    q = interaction(p, zero) + MatrixXd::Identity(n, n);
    c.resize(n);
    low.resize(n);
    high.resize(n);
    for (int l = 1; l <= depth_of(p); ++l) {
      const auto at = static_cast<std::size_t>(l);
      const Index size = layer_of(p, l).size;
      const Bounds bounds = activation_bounds(layer_of(p, l));
      c.segment(offsets[at], size) = field_of(p, zero, l);
      low.segment(offsets[at], size).setConstant(bounds.low);
      high.segment(offsets[at], size).setConstant(bounds.high);
    }
  }

  // minimiser over the free units, the others at their bounds
  VectorXd solve(const std::vector<Side>& side) const {
    VectorXd s = VectorXd::Zero(c.size());
    std::vector<Index> free;
    for (Index i = 0; i < c.size(); ++i) {
      const Side where = side[static_cast<std::size_t>(i)];
      if (where == Side::free)
        free.push_back(i);
      else
        s[i] = where == Side::low ? low[i] : high[i];
    }
    if (free.empty()) return s;
    const VectorXd force = c - q * s;
    const MatrixXd system = q(free, free);
    VectorXd x = system.partialPivLu().solve(force(free));
    x += system.partialPivLu().solve(force(free) - system * x);  // one refinement
    s(free) = x;
    return s;
  }

  double residual(const VectorXd& s) const {
    const VectorXd step = s - (q * s - c);
    return (s - step.cwiseMax(low).cwiseMin(high)).lpNorm<Eigen::Infinity>();
  }
};

// moves every unit that breaks its condition across its bound; returns how many moved
int cross_bounds(const Quadratic& phi, const VectorXd& s, std::vector<Side>& side) {
  constexpr double kSlack = 1e-13;  // below this a sign is rounding
  const VectorXd gradient = phi.q * s - phi.c;
  int moved = 0;
  for (Index i = 0; i < s.size(); ++i) {
    Side& where = side[static_cast<std::size_t>(i)];
    const Side before = where;
    if (where == Side::free)
      where = s[i] < phi.low[i] - kSlack ? Side::low : s[i] > phi.high[i] + kSlack ? Side::high : Side::free;
    else if (where == Side::low ? gradient[i] < -kSlack : gradient[i] > kSlack)
      where = Side::free;
    moved += where != before;
  }
  return moved;
}

}  // namespace

template <class T>
ReferenceProblem reference_problem(const Network<T>& network, const Eigen::VectorXd& input, const Eigen::VectorXd& target, double beta) {
  for (const auto& term : network.terms())
    check(!std::holds_alternative<UserTerm<T>>(term), "the references know dense layers and costs only");
  ReferenceProblem problem{network.layers(), {}, network.cost(), input, target, beta};
  for (int c = 0; c < network.coupling_count(); ++c) problem.weights.emplace_back(network.coupling(c).read().template cast<double>());
  return problem;
}

ReferenceStates reference_rest(const ReferenceProblem& problem) {
  ReferenceStates rest{problem.input};
  for (std::size_t l = 1; l < problem.layers.size(); ++l)
    rest.emplace_back(VectorXd::Constant(problem.layers[l].size, problem.layers[l].activation == Activation::logistic ? 0.5 : 0.0));
  return rest;
}

double reference_potential(const ReferenceProblem& p, const ReferenceStates& s) {
  double phi = 0;
  for (int l = 1; l <= depth_of(p); ++l) {
    const auto at = static_cast<std::size_t>(l);
    phi += own_potential<double>(layer_of(p, l), MatrixXd(s[at]))[0] - s[at].dot(affine(weights_of(p, l - 1), s[at - 1]));
  }
  if (p.beta == 0) return phi;
  if (p.cost == Cost::squared_error) return phi + p.beta * (s.back() - p.target).squaredNorm() / 2;
  return phi - p.beta * p.target.dot(VectorXd(probabilities(p, s.back()).array().log()));
}

void reference_sweep(const ReferenceProblem& p, ReferenceStates& s) {
  for (int l = 1; l <= depth_of(p); ++l)
    check(is_piecewise_linear(layer_of(p, l).activation), "plain sweeps take explicit activations only");
  for (int l = 1; l <= depth_of(p); ++l) s[static_cast<std::size_t>(l)] = clipped(layer_of(p, l), field_of(p, s, l), curvature_of(p, l));
}

ReferenceEquilibrium reference_settle_smooth(const ReferenceProblem& problem, const ReferenceStates& start) {
  for (int l = 1; l <= depth_of(problem); ++l)
    check(is_smooth(layer_of(problem, l).activation), "this reference takes smooth activations only");
  VectorXd u = flatten(problem, start);
  const auto offsets = offsets_of(problem);
  for (int l = 1; l <= depth_of(problem); ++l)
    for (Index i = 0; i < layer_of(problem, l).size; ++i) {
      double& v = u[offsets[static_cast<std::size_t>(l)] + i];
      v = inverse(layer_of(problem, l), v);
    }

  const ceres::GradientProblem surface(new SmoothPotential(problem));  // ceres owns it
  ceres::GradientProblemSolver::Options options;
  options.line_search_direction_type = ceres::LBFGS;
  options.max_num_iterations = 5000;
  options.gradient_tolerance = kResidual;
  options.function_tolerance = 1e-16;
  options.parameter_tolerance = 1e-16;
  options.logging_type = ceres::SILENT;
  ceres::GradientProblemSolver::Summary summary;
  ceres::Solve(options, surface, u.data(), &summary);
  polish(problem, u);

  const Smooth at(problem, u);
  const double residual = at.force.lpNorm<Eigen::Infinity>();
  return {at.states, residual, static_cast<int>(summary.iterations.size()), residual < kResidual};
}

ReferenceEquilibrium reference_settle_active_set(const ReferenceProblem& problem, const ReferenceStates& start) {
  constexpr int kGuessSweeps = 500;
  constexpr int kSets = 200;
  check(problem.cost == Cost::squared_error, "the active set knows squared error only");
  // the units that plain sweeps clip
  ReferenceStates guess = start;
  guess[0] = problem.input;
  for (int i = 0; i < kGuessSweeps; ++i) reference_sweep(problem, guess);
  const Quadratic phi(problem);
  VectorXd s = flatten(problem, guess);
  std::vector<Side> side;
  for (Index i = 0; i < s.size(); ++i) side.push_back(s[i] <= phi.low[i] ? Side::low : s[i] >= phi.high[i] ? Side::high : Side::free);

  // exact solves until every unit is on its right side
  int sets = 0;
  do {
    s = phi.solve(side);
  } while (cross_bounds(phi, s, side) > 0 && ++sets < kSets);
  s = s.cwiseMax(phi.low).cwiseMin(phi.high);
  const double residual = phi.residual(s);
  return {unflatten(problem, s), residual, sets + 1, residual < kResidual};
}

template ReferenceProblem reference_problem<float>(const Network<float>&, const Eigen::VectorXd&, const Eigen::VectorXd&, double);
template ReferenceProblem reference_problem<double>(const Network<double>&, const Eigen::VectorXd&, const Eigen::VectorXd&, double);

}  // namespace eqprop
