#include "eqprop/kernel/deep.h"

#include <limits>
#include <string>

#include "eqprop/kernel/chain_lanes.h"
#include "tests/catch.h"
#include "tests/kernel/deep_problem.h"

using namespace eqprop;
using eqprop::test::deep_relax;
using eqprop::test::deep_residual;
using eqprop::test::DeepNet;
using eqprop::test::DeepProblem;
using eqprop::test::DeepState;
using eqprop::test::make_deep;

namespace {

struct Shape {
  std::vector<int> sizes;
  int batch;
  double density;
};

// narrow and wide outputs, hidden layers narrower than an output, lengths around vectors and blocks, depths 3 to 6
const std::vector<Shape> kShapes = {{{7, 5, 4, 1}, 1, 1.0},          {{30, 17, 33, 10}, 5, 0.3},       {{20, 140, 130, 10}, 3, 0.2},
                                    {{40, 16, 15, 17, 3}, 17, 0.5},  {{12, 20, 31, 18, 26}, 4, 1.0},   {{9, 3, 2, 5, 2, 4}, 20, 0.6},
                                    {{5, 1, 1, 1, 1, 1, 1}, 2, 1.0}, {{50, 64, 128, 256, 10}, 2, 0.0}, {{25, 300, 12, 40, 11}, 6, 0.4}};

std::string name(const Shape& shape) {
  std::string out;
  for (const int n : shape.sizes) out += std::to_string(n) + " ";
  return out + "batch " + std::to_string(shape.batch);
}

// every instruction set compiled in that this CPU has; lifts the restriction at its end
class EachTarget {
 public:
  EachTarget() : left_(lanes::targets()) {}
  ~EachTarget() { lanes::restrict_targets(0); }
  bool next() {
    if (left_ == 0) return false;
    lanes::restrict_targets(left_ & -left_);
    left_ &= left_ - 1;
    return true;
  }

 private:
  std::int64_t left_;
};

DeepOptions tight(std::vector<ChainPhase> plan, float relaxation = 1.3F) {
  DeepOptions options;
  options.plan = std::move(plan);
  options.tolerance = 1e-6F;
  options.free_sweeps = options.nudged_sweeps = 1000;
  options.relaxation = relaxation;
  return options;
}

// free state, then every phase's, of one sample
std::vector<DeepState> reference_states(const DeepProblem& p, const std::vector<ChainPhase>& plan, int s) {
  std::vector<DeepState> states{p.rest(s)};
  deep_relax(p.net, states[0], nullptr, 0);
  for (const ChainPhase& phase : plan) {
    states.push_back(states[0]);
    if (phase.beta != 0) deep_relax(p.net, states.back(), p.target(s), static_cast<double>(phase.beta));
  }
  return states;
}

// the kernel's state, in double, with the clamped input
DeepState kept_state(const DeepProblem& p, const DeepWorkspace& space, int phase, int s) {
  DeepState out = p.rest(s);
  for (std::size_t l = 1; l < out.size(); ++l) {
    const float* u = space.units(phase, static_cast<int>(l), s);
    std::copy_n(u, out[l].size(), out[l].begin());
  }
  return out;
}

double largest_gap(const DeepProblem& p, const std::vector<ChainPhase>& plan, const DeepWorkspace& space) {
  double gap = 0;
  for (int s = 0; s < p.batch; ++s) {
    const auto states = reference_states(p, plan, s);
    for (std::size_t phase = 0; phase < states.size(); ++phase) {
      const DeepState got = kept_state(p, space, static_cast<int>(phase), s);
      for (std::size_t l = 1; l < got.size(); ++l)
        for (std::size_t i = 0; i < got[l].size(); ++i) gap = std::max(gap, std::abs(got[l][i] - states[phase][l][i]));
    }
  }
  return gap;
}

// the mean contrast over the batch, times the rate, in the net's shapes
DeepNet reference_change(const DeepProblem& p, const std::vector<ChainPhase>& plan, double rate) {
  DeepNet change = p.net;
  for (auto& w : change.w) std::fill(w.begin(), w.end(), 0.0);
  for (auto& b : change.b) std::fill(b.begin(), b.end(), 0.0);
  for (int s = 0; s < p.batch; ++s) {
    const auto states = reference_states(p, plan, s);
    for (std::size_t k = 0; k < plan.size(); ++k) {
      const double factor = rate / p.batch * static_cast<double>(plan[k].weight);
      const DeepState& state = states[k + 1];
      for (std::size_t c = 0; c < change.w.size(); ++c) {
        for (std::size_t o = 0; o < state[c + 1].size(); ++o) {
          change.b[c][o] += factor * state[c + 1][o];
          for (std::size_t i = 0; i < state[c].size(); ++i) change.w[c][o * state[c].size() + i] += factor * state[c + 1][o] * state[c][i];
        }
      }
    }
  }
  return change;
}

// |got - want| / |want| over the weights and the bias of a coupling; changes below 1e-2, which a float cannot tell from its weights, forgiven
double relative_error(DeepProblem& p, const DeepNet& want, std::size_t c) {
  double gap = 0;
  double size = 0;
  const auto add = [&](double w, double got) {
    gap += (got - w) * (got - w);
    size += w * w;
  };
  const std::size_t inputs = p.net.sizes[c];
  for (std::size_t o = 0; o < p.net.sizes[c + 1]; ++o) {
    add(want.b[c][o], static_cast<double>(p.weights.couplings[c].bias[o]) - p.net.b[c][o]);
    for (std::size_t i = 0; i < inputs; ++i)
      add(want.w[c][o * inputs + i], static_cast<double>(p.weight(c, o, i)) - p.net.w[c][o * inputs + i]);
  }
  return std::sqrt(gap) / (std::sqrt(size) + 1e-2);
}

const std::vector<ChainPhase> kFourPhases = {{0.2F, 10.0F / 3}, {-0.2F, -10.0F / 3}, {0.4F, -5.0F / 12}, {-0.4F, 5.0F / 12}};

}  // namespace

TEST_CASE("deep: every phase ends at the equilibrium of the plain loops") {
  EachTarget each;
  while (each.next()) {
    for (const Shape& shape : kShapes) {
      for (const bool linear : {false, true}) {
        for (const float relaxation : {1.0F, 1.5F}) {
          DeepProblem p = make_deep(shape.sizes, shape.batch, shape.density, 3);
          p.net.linear = linear;
          DeepOptions options = tight({{0.3F, 1}, {0, -1.5F}, {-0.3F, 0.5F}}, relaxation);
          options.output = linear ? ChainOutput::linear : ChainOutput::hard_sigmoid;
          DeepWorkspace space;
          ChainReport report;
          deep_settle(p.weights, p.inputs(), options, 1, space, report);
          INFO(report.target << " " << name(shape) << " linear " << linear << " relaxation " << relaxation);
          for (const ChainTrace& trace : report.traces) REQUIRE(trace.converged);
          REQUIRE(largest_gap(p, options.plan, space) < 5e-5);
        }
      }
    }
  }
}

TEST_CASE("deep: the weight change is that of the plain loops, and padding stays zero") {
  EachTarget each;
  while (each.next()) {
    for (const Shape& shape : kShapes) {
      for (const std::vector<ChainPhase>& plan : {chain_centered_plan(0.4F), chain_one_sided_plan(0.4F), kFourPhases}) {
        DeepProblem p = make_deep(shape.sizes, shape.batch, shape.density, 2);
        const DeepNet want = reference_change(p, plan, 8);
        DeepWorkspace space;
        ChainReport report;
        deep_settle(p.weights, p.inputs(), tight(plan), 1, space, report);
        deep_update(p.weights, std::vector<float>(p.depth(), 8.0F), 1, space);
        INFO(report.target << " " << name(shape) << " phases " << plan.size());
        for (std::size_t c = 0; c < p.depth(); ++c) REQUIRE(relative_error(p, want, c) < 2e-3);
        for (std::size_t c = 0; c < p.depth(); ++c) {
          const DeepCoupling& k = p.weights.couplings[c];
          const auto length = static_cast<std::size_t>(k.by_output ? k.inputs : k.outputs);
          const auto ld = static_cast<std::size_t>(chain_leading_dimension(static_cast<int>(length)));
          for (std::size_t i = 0; i < p.line_floats(c); ++i) REQUIRE((i % ld < length || k.lines[i] == 0));
          for (int o = k.outputs; o < chain_leading_dimension(k.outputs); ++o) REQUIRE(k.bias[o] == 0);
        }
      }
    }
  }
}

TEST_CASE("deep: rates belong to their couplings") {
  const std::vector<ChainPhase> plan = chain_centered_plan(0.4F);
  for (std::size_t only = 0; only < 4; ++only) {
    DeepProblem p = make_deep({20, 30, 25, 18, 5}, 6, 0.5, 12);
    const DeepNet want = reference_change(p, plan, 3);
    DeepWorkspace space;
    ChainReport report;
    deep_settle(p.weights, p.inputs(), tight(plan), 1, space, report);
    std::vector<float> rates(4, 0.0F);
    rates[only] = 3;
    deep_update(p.weights, rates, 1, space);
    for (std::size_t c = 0; c < 4; ++c) {
      if (c == only)
        REQUIRE(relative_error(p, want, c) < 2e-3);
      else
        for (std::size_t o = 0; o < p.net.sizes[c + 1]; ++o)
          REQUIRE(static_cast<double>(p.weight(c, o, 0)) == p.net.w[c][o * p.net.sizes[c]]);
    }
  }
}

TEST_CASE("deep: a phase that converged keeps the tolerance, recomputed in double") {
  EachTarget each;
  while (each.next()) {
    DeepProblem p = make_deep({100, 150, 140, 160, 10}, 20, 0.2, 4, 0.48);
    DeepOptions options = tight({{0.4F, 1}, {-0.4F, -1}});
    options.tolerance = 1e-3F;
    DeepWorkspace space;
    ChainReport report;
    deep_settle(p.weights, p.inputs(), options, 1, space, report);
    for (int s = 0; s < p.batch; ++s) {
      const double free = deep_residual(p.net, kept_state(p, space, 0, s), nullptr, 0);
      REQUIRE(report.trace(0, s).converged);
      REQUIRE(free <= 1e-3 + 1e-6);
      REQUIRE(free == Approx(report.trace(0, s).change).margin(1e-5));
      for (int phase = 1; phase <= 2; ++phase) {
        const auto beta = static_cast<double>(options.plan[static_cast<std::size_t>(phase - 1)].beta);
        REQUIRE(report.trace(phase, s).converged);
        // a nudged phase keeps it beyond what the free phase left
        REQUIRE(deep_residual(p.net, kept_state(p, space, phase, s), p.target(s), beta) <= 2e-3 + 1e-6);
      }
    }
  }
}

TEST_CASE("deep: at a tolerance of 1e-3 the gradient points where the settled one does") {
  DeepProblem p = make_deep({100, 150, 140, 160, 10}, 16, 0.2, 5, 0.48);
  DeepOptions options = tight(chain_centered_plan(0.5F));
  const DeepNet want = reference_change(p, options.plan, 1);
  options.tolerance = 1e-3F;
  DeepWorkspace space;
  ChainReport report;
  deep_settle(p.weights, p.inputs(), options, 1, space, report);
  deep_update(p.weights, {1, 1, 1, 1}, 1, space);
  for (std::size_t c = 0; c < 4; ++c) {
    double dot = 0, ww = 0, gg = 0;
    for (std::size_t o = 0; o < p.net.sizes[c + 1]; ++o) {
      for (std::size_t i = 0; i < p.net.sizes[c]; ++i) {
        const double w = want.w[c][o * p.net.sizes[c] + i];
        const double g = static_cast<double>(p.weight(c, o, i)) - p.net.w[c][o * p.net.sizes[c] + i];
        dot += w * g;
        ww += w * w;
        gg += g * g;
      }
    }
    INFO("coupling " << c);
    REQUIRE(ww > 0);
    REQUIRE(dot / std::sqrt(ww * gg) > 0.99);
  }
}

TEST_CASE("deep: the weight change descends the loss") {
  const bool linear = GENERATE(false, true);
  DeepProblem p = make_deep({6, 9, 8, 7, 3}, 4, 0.8, 13);
  p.net.linear = linear;
  DeepOptions options = tight(chain_centered_plan(0.02F));
  options.output = linear ? ChainOutput::linear : ChainOutput::hard_sigmoid;
  DeepWorkspace space;
  ChainReport report;
  deep_settle(p.weights, p.inputs(), options, 1, space, report);
  deep_update(p.weights, {1, 1, 1, 1}, 1, space);

  const auto loss = [&p](const DeepNet& net) {
    double sum = 0;
    for (int s = 0; s < p.batch; ++s) {
      DeepState state = p.rest(s);
      deep_relax(net, state, nullptr, 0);
      for (std::size_t k = 0; k < 3; ++k) sum += std::pow(state.back()[k] - p.target(s)[k], 2) / 2 / p.batch;
    }
    return sum;
  };
  double dot = 0, ss = 0, cc = 0;
  for (std::size_t c = 0; c < 4; ++c) {
    for (std::size_t i = 0; i < p.net.w[c].size(); ++i) {
      DeepNet up = p.net, down = p.net;
      up.w[c][i] += 1e-5;
      down.w[c][i] -= 1e-5;
      const double slope = (loss(up) - loss(down)) / 2e-5;
      const double change = static_cast<double>(p.weight(c, i / p.net.sizes[c], i % p.net.sizes[c])) - p.net.w[c][i];
      dot -= slope * change;
      ss += slope * slope;
      cc += change * change;
    }
  }
  REQUIRE(ss > 1e-6);
  REQUIRE(dot / std::sqrt(ss * cc) > 0.99);
  REQUIRE(std::sqrt(cc / ss) == Approx(1).epsilon(0.05));
}

TEST_CASE("deep: bits depend neither on threads nor on the neighbours in the batch", "[threads]") {
  const float tolerance = GENERATE(0.0F, 1e-3F);
  const auto make = [] { return make_deep({300, 290, 140, 150, 10}, 37, 0.19, 5); };
  DeepOptions options;
  options.plan = chain_centered_plan(0.4F);
  options.tolerance = tolerance;
  options.relaxation = 1.3F;
  options.free_sweeps = options.nudged_sweeps = 12;
  DeepProblem p = make();
  const std::vector<float> start = p.all_weights();
  DeepWorkspace space;
  ChainReport report;
  deep_settle(p.weights, p.inputs(), options, 1, space, report);

  for (int s = 0; s < p.batch; s += 5) {
    DeepWorkspace alone;
    ChainReport alone_report;
    const ChainBatch one{p.xf.data() + static_cast<std::size_t>(s) * p.net.sizes[0], p.yf.data() + static_cast<std::size_t>(s) * 10, 1};
    deep_settle(p.weights, one, options, 1, alone, alone_report);
    for (int phase = 0; phase < 3; ++phase) {
      for (int l = 1; l <= 4; ++l) {
        const float* u = alone.units(phase, l, 0);
        REQUIRE(std::equal(u, u + p.net.sizes[static_cast<std::size_t>(l)], space.units(phase, l, s)));
      }
      REQUIRE(alone_report.trace(phase, 0).sweeps == report.trace(phase, s).sweeps);
    }
  }

  deep_update(p.weights, {0.3F, 0.2F, 0.1F, 0.05F}, 1, space);
  const std::vector<float> serial = p.all_weights();
  REQUIRE(serial != start);
  for (const int threads : {2, 7}) {
    DeepProblem q = make();
    DeepWorkspace other;
    deep_settle(q.weights, q.inputs(), options, threads, other, report);
    deep_update(q.weights, {0.3F, 0.2F, 0.1F, 0.05F}, threads, other);
    REQUIRE(q.all_weights() == serial);
  }
}

TEST_CASE("deep: a workspace serves batches of changing size and shape") {
  DeepWorkspace space;
  ChainReport report;
  const std::vector<ChainPhase> plan = chain_centered_plan(0.4F);
  for (const Shape& shape : kShapes) {
    for (const int batch : {shape.batch, 3, 1}) {
      DeepProblem p = make_deep(shape.sizes, batch, shape.density, 6);
      const DeepNet want = reference_change(p, plan, 8);
      deep_settle(p.weights, p.inputs(), tight(plan), 1, space, report);
      REQUIRE(largest_gap(p, plan, space) < 5e-5);
      deep_update(p.weights, std::vector<float>(p.depth(), 8.0F), 1, space);
      for (std::size_t c = 0; c < p.depth(); ++c) REQUIRE(relative_error(p, want, c) < 2e-3);
    }
  }
}

TEST_CASE("deep: the budget ends a phase, and without a plan only the free phase runs") {
  DeepProblem p = make_deep({20, 30, 25, 4}, 5, 0.5, 7);
  DeepOptions options;
  options.free_sweeps = 3;
  DeepWorkspace space;
  ChainReport report;
  deep_settle(p.weights, {p.xf.data(), nullptr, p.batch}, options, 1, space, report);
  REQUIRE(report.sweeps() == 3 * 5);
  REQUIRE_FALSE(report.trace(0, 0).converged);
  options.tolerance = 1e-9F;
  deep_settle(p.weights, {p.xf.data(), nullptr, p.batch}, options, 1, space, report);
  REQUIRE(report.trace(0, 0).sweeps == 3);
  REQUIRE_FALSE(report.trace(0, 0).converged);
  REQUIRE_THROWS(deep_update(p.weights, {1, 1, 1}, 1, space));
}

TEST_CASE("deep: a weight that is no number shows in the report") {
  DeepProblem p = make_deep({20, 30, 25, 4}, 2, 1.0, 8);
  p.weight(1, 3, 5) = std::numeric_limits<float>::quiet_NaN();
  DeepOptions options;
  options.tolerance = 1e-3F;
  options.output = ChainOutput::linear;
  DeepWorkspace space;
  ChainReport report;
  deep_settle(p.weights, {p.xf.data(), nullptr, p.batch}, options, 1, space, report);
  REQUIRE_FALSE(report.trace(0, 0).converged);
  REQUIRE(report.trace(0, 0).change == std::numeric_limits<float>::infinity());
}

TEST_CASE("deep: shapes and options out of range are refused") {
  DeepProblem p = make_deep({20, 30, 25, 4}, 2, 1.0, 8);
  DeepWorkspace space;
  ChainReport report;
  DeepWeights w = p.weights;
  w.couplings.pop_back();
  REQUIRE_THROWS(deep_settle(w, p.inputs(), {}, 1, space, report));
  w = p.weights;
  w.couplings[1].inputs = 29;
  REQUIRE_THROWS(deep_settle(w, p.inputs(), {}, 1, space, report));
  DeepOptions options;
  options.plan = {{-1.0F, 1.0F}, {0.0F, -1.0F}};
  REQUIRE_THROWS(deep_settle(p.weights, p.inputs(), options, 1, space, report));
  options.plan = {{0.5F, 1.0F}};
  REQUIRE_THROWS(deep_settle(p.weights, p.inputs(), options, 1, space, report));
  options = {};
  options.relaxation = 2;
  REQUIRE_THROWS(deep_settle(p.weights, p.inputs(), options, 1, space, report));
}

TEST_CASE("deep: a larger threshold tells less and is felt no further than itself") {
  EachTarget each;
  while (each.next()) {
    DeepProblem p = make_deep({100, 150, 140, 160, 10}, 12, 0.2, 4, 0.48);
    DeepOptions options = tight({});
    options.tolerance = 1e-3F;
    DeepWorkspace space;
    ChainReport report;
    double work[2];
    const float thresholds[2] = {0, 9e-4F};
    for (int k = 0; k < 2; ++k) {
      options.threshold = thresholds[k];
      deep_settle(p.weights, p.inputs(), options, 1, space, report);
      work[k] = space.settle_multiply_adds();
      for (int s = 0; s < p.batch; ++s) {
        REQUIRE(report.trace(0, s).converged);
        REQUIRE(deep_residual(p.net, kept_state(p, space, 0, s), nullptr, 0) <= 1e-3 + 1e-6);
      }
    }
    REQUIRE(work[1] < work[0]);
  }
}
