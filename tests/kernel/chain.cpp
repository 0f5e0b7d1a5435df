#include "eqprop/kernel/chain.h"

#include <limits>
#include <string>
#include <tuple>

#include "eqprop/kernel/chain_lanes.h"
#include "tests/catch.h"
#include "tests/kernel/chain_problem.h"

using namespace eqprop;
using eqprop::test::ChainProblem;
using eqprop::test::make_chain;

namespace {

struct Shape {
  int n0, n1, n2, batch;
  double density;
};

const std::vector<Shape> kShapes = {{7, 5, 1, 1, 1.0},       {7, 17, 3, 2, 0.5},   {7, 512, 10, 5, 0.0},  {64, 513, 10, 5, 0.2},
                                    {100, 17, 16, 33, 0.19}, {65, 5, 10, 33, 1.0}, {31, 130, 3, 16, 0.3}, {7, 512, 1, 5, 1.0},
                                    {200, 40, 11, 17, 0.1},  {1, 1, 2, 1, 1.0}};

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

std::vector<oracle::ChainState> reference_states(const ChainProblem& p, const ChainOptions& options, int s) {
  std::vector<oracle::ChainState> states{
      oracle::chain_settle(p.net, p.sample(s), p.target(s), 0, oracle::chain_rest(p.net, options.rest), options.free_sweeps)};
  for (const ChainPhase& phase : options.plan) {
    const int sweeps = phase.beta == 0 ? 0 : options.nudged_sweeps;
    states.push_back(oracle::chain_settle(p.net, p.sample(s), p.target(s), phase.beta, states[0], sweeps));
  }
  return states;
}

double largest_gap(const ChainProblem& p, const ChainOptions& options, const ChainWorkspace& space) {
  double gap = 0;
  for (int s = 0; s < p.batch; ++s) {
    const auto states = reference_states(p, options, s);
    for (std::size_t phase = 0; phase < states.size(); ++phase) {
      const float* h = space.hidden(static_cast<int>(phase), s);
      const float* o = space.output(static_cast<int>(phase), s);
      for (std::size_t j = 0; j < p.net.n1; ++j) gap = std::max(gap, std::abs(states[phase].h[j] - static_cast<double>(h[j])));
      for (std::size_t k = 0; k < p.net.n2; ++k) gap = std::max(gap, std::abs(states[phase].o[k] - static_cast<double>(o[k])));
    }
  }
  return gap;
}

// |got - want| / |want|, Frobenius; `got` has rows of ld floats
double relative_error(const std::vector<double>& want, const std::vector<double>& before, const float* got, std::size_t rows,
                      std::size_t columns, std::size_t ld) {
  double gap = 0;
  double size = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      const double w = want[r * columns + c];
      const double d = static_cast<double>(got[r * ld + c]) - before[r * columns + c] - w;
      gap += d * d;
      size += w * w;
    }
  }
  return size == 0 ? std::sqrt(gap) : std::sqrt(gap / size);
}

oracle::ChainNet reference_change(const ChainProblem& p, const ChainOptions& options, double rate1, double rate2) {
  oracle::ChainNet change = oracle::chain_zero(p.net);
  for (int s = 0; s < p.batch; ++s) {
    const auto states = reference_states(p, options, s);
    for (std::size_t i = 0; i < options.plan.size(); ++i) {
      oracle::chain_contrast(p.sample(s), states[i + 1], static_cast<double>(options.plan[i].weight), rate1 / p.batch, rate2 / p.batch,
                             change);
    }
  }
  return change;
}

std::vector<float> all_weights(const ChainProblem& p) {
  const auto ld = static_cast<std::size_t>(p.ld);
  std::vector<float> out(p.w1.data(), p.w1.data() + p.net.n0 * ld);
  out.insert(out.end(), p.b1.data(), p.b1.data() + ld);
  out.insert(out.end(), p.w2.data(), p.w2.data() + p.net.n2 * ld);
  out.insert(out.end(), p.b2.begin(), p.b2.end());
  return out;
}

std::string name(const Shape& shape) {
  return std::to_string(shape.n0) + "x" + std::to_string(shape.n1) + "x" + std::to_string(shape.n2) + " batch " +
         std::to_string(shape.batch);
}

}  // namespace

TEST_CASE("states after fixed sweeps are those of the plain loops, on every instruction set") {
  EachTarget each;
  int ran = 0;
  while (each.next()) {
    ++ran;
    for (const Shape& shape : kShapes) {
      for (const bool linear : {false, true}) {
        ChainProblem p = make_chain(shape.n0, shape.n1, shape.n2, shape.batch, shape.density, 1);
        p.net.linear = linear;
        ChainOptions options;
        options.output = linear ? ChainOutput::linear : ChainOutput::hard_sigmoid;
        options.plan = linear ? chain_one_sided_plan(-0.3F) : chain_centered_plan(0.2F);
        options.free_sweeps = 4;
        options.nudged_sweeps = linear ? 1 : 3;
        options.rest = linear ? 0 : 0.5F;
        ChainWorkspace space;
        ChainReport report;
        chain_settle(p.weights(), p.inputs(), options, 1, space, report);
        INFO(report.target << " " << name(shape) << " linear " << linear);
        REQUIRE(largest_gap(p, options, space) < 2e-5);
        REQUIRE(report.trace(0, shape.batch - 1).sweeps == 4);
        REQUIRE_FALSE(report.trace(0, 0).converged);
        for (int j = shape.n1; j < p.ld; ++j) REQUIRE(space.hidden(1, 0)[j] == 0);
      }
    }
  }
  REQUIRE(ran >= 1);
}

TEST_CASE("the change reported is that of the last sweep over hidden and output units") {
  EachTarget each;
  while (each.next()) {
    for (const int sweeps : {1, 2, 5}) {
      ChainProblem p = make_chain(40, 70, 10, 3, 0.5, 9);
      ChainOptions options;
      options.plan = chain_centered_plan(0.3F);
      options.free_sweeps = options.nudged_sweeps = sweeps;
      ChainWorkspace space;
      ChainReport report;
      chain_settle(p.weights(), p.inputs(), options, 1, space, report);
      for (int s = 0; s < 3; ++s) {
        oracle::ChainState state = oracle::chain_rest(p.net, 0.5);
        double change = 0;
        for (int t = 0; t < sweeps; ++t) change = oracle::chain_sweep(p.net, p.sample(s), nullptr, 0, state);
        REQUIRE(static_cast<double>(report.trace(0, s).change) == Approx(change).margin(1e-5));
        for (int t = 0; t < sweeps; ++t) change = oracle::chain_sweep(p.net, p.sample(s), p.target(s), static_cast<double>(0.3F), state);
        REQUIRE(static_cast<double>(report.trace(1, s).change) == Approx(change).margin(1e-5));
      }
    }
  }
}

TEST_CASE("the weight change is that of the plain loops, and padding stays zero") {
  EachTarget each;
  while (each.next()) {
    for (const Shape& shape : kShapes) {
      for (const bool centered : {true, false}) {
        ChainProblem p = make_chain(shape.n0, shape.n1, shape.n2, shape.batch, shape.density, 2);
        ChainOptions options;
        options.plan = centered ? chain_centered_plan(0.2F) : chain_one_sided_plan(0.2F);
        options.free_sweeps = 4;
        options.nudged_sweeps = 3;
        const oracle::ChainNet want = reference_change(p, options, 8.0, 4.0);
        ChainWorkspace space;
        ChainReport report;
        chain_settle(p.weights(), p.inputs(), options, 1, space, report);
        chain_update(p.weights(), 8, 4, 1, space);
        const auto ld = static_cast<std::size_t>(p.ld);
        INFO(report.target << " " << name(shape) << " centered " << centered);
        REQUIRE(relative_error(want.w1, p.net.w1, p.w1.data(), p.net.n0, p.net.n1, ld) < 1e-4);
        REQUIRE(relative_error(want.b1, p.net.b1, p.b1.data(), 1, p.net.n1, ld) < 1e-4);
        REQUIRE(relative_error(want.w2, p.net.w2, p.w2.data(), p.net.n2, p.net.n1, ld) < 1e-4);
        REQUIRE(relative_error(want.b2, p.net.b2, p.b2.data(), 1, p.net.n2, p.net.n2) < 1e-4);
        for (std::size_t r = 0; r < p.net.n0; ++r) {
          for (std::size_t j = p.net.n1; j < ld; ++j) REQUIRE(p.w1.data()[r * ld + j] == 0);
        }
        for (std::size_t j = p.net.n1; j < ld; ++j) REQUIRE(p.b1.data()[j] == 0);
      }
    }
  }
}

TEST_CASE("the contrast points along the descent of the loss") {
  const bool linear = GENERATE(false, true);
  ChainProblem p = make_chain(6, 9, 3, 4, 0.8, 13, 0.2);
  p.net.linear = linear;
  ChainOptions options;
  options.output = linear ? ChainOutput::linear : ChainOutput::hard_sigmoid;
  options.plan = chain_centered_plan(0.005F);  // small: units pass the clip's kinks between larger nudges
  options.free_sweeps = options.nudged_sweeps = 60;
  ChainWorkspace space;
  ChainReport report;
  chain_settle(p.weights(), p.inputs(), options, 1, space, report);
  const auto ld = static_cast<std::size_t>(p.ld);

  const auto loss = [&p](const oracle::ChainNet& net) {
    double sum = 0;
    for (int s = 0; s < p.batch; ++s) sum += oracle::chain_loss(net, p.sample(s), p.target(s), 0.5, 200) / p.batch;
    return sum;
  };
  const auto slope = [&](std::vector<double> oracle::ChainNet::*array, std::size_t i) {
    oracle::ChainNet up = p.net;
    oracle::ChainNet down = p.net;
    (up.*array)[i] += 1e-5;
    (down.*array)[i] -= 1e-5;
    return (loss(up) - loss(down)) / 2e-5;
  };
  std::vector<double> slopes, changes;
  for (std::size_t i = 0; i < p.net.w1.size(); ++i) slopes.push_back(slope(&oracle::ChainNet::w1, i));
  for (std::size_t i = 0; i < p.net.w2.size(); ++i) slopes.push_back(slope(&oracle::ChainNet::w2, i));
  chain_update(p.weights(), 1, 1, 1, space);
  for (std::size_t r = 0; r < p.net.n0; ++r) {
    for (std::size_t j = 0; j < p.net.n1; ++j) changes.push_back(static_cast<double>(p.w1.data()[r * ld + j]) - p.net.w1[r * p.net.n1 + j]);
  }
  for (std::size_t r = 0; r < p.net.n2; ++r) {
    for (std::size_t j = 0; j < p.net.n1; ++j) changes.push_back(static_cast<double>(p.w2.data()[r * ld + j]) - p.net.w2[r * p.net.n1 + j]);
  }
  double dot = 0, ss = 0, cc = 0;
  for (std::size_t i = 0; i < slopes.size(); ++i) {
    dot -= slopes[i] * changes[i];
    ss += slopes[i] * slopes[i];
    cc += changes[i] * changes[i];
  }
  REQUIRE(ss > 1e-6);
  REQUIRE(dot / std::sqrt(ss * cc) > 0.99);
  REQUIRE(std::sqrt(cc / ss) == Approx(1).epsilon(0.05));
}

TEST_CASE("with a tolerance a phase stops early, keeps the tolerance, and no sooner than it must") {
  EachTarget each;
  while (each.next()) {
    ChainProblem p = make_chain(100, 150, 10, 33, 0.2, 4, 0.2);
    ChainOptions options;
    options.plan = chain_centered_plan(0.2F);
    options.tolerance = 1e-3F;
    options.free_sweeps = options.nudged_sweeps = 100;
    ChainWorkspace space;
    ChainReport report;
    chain_settle(p.weights(), p.inputs(), options, 1, space, report);
    for (int s = 0; s < p.batch; ++s) {
      const ChainTrace& trace = report.trace(0, s);
      REQUIRE(trace.converged);
      REQUIRE(trace.sweeps < 100);
      REQUIRE(trace.change <= 1e-3F);
      oracle::ChainState state = oracle::chain_rest(p.net, 0.5);
      for (int t = 1; t <= trace.sweeps; ++t) {
        const double change = oracle::chain_sweep(p.net, p.sample(s), nullptr, 0, state);
        if (t < trace.sweeps && t >= options.min_sweeps) REQUIRE(change > 0.99e-3);
      }
      for (std::size_t j = 0; j < p.net.n1; ++j) REQUIRE(static_cast<double>(space.hidden(0, s)[j]) == Approx(state.h[j]).margin(1e-5));
      REQUIRE(report.trace(1, s).converged);
      REQUIRE(report.trace(1, s).sweeps >= 2);
    }
    options.free_sweeps = 2;
    options.tolerance = 1e-9F;
    chain_settle(p.weights(), p.inputs(), options, 1, space, report);
    REQUIRE(report.trace(0, 0).sweeps == 2);
    REQUIRE_FALSE(report.trace(0, 0).converged);
  }
}

TEST_CASE("bits depend neither on threads nor on the neighbours in the batch", "[threads]") {
  const float tolerance = GENERATE(0.0F, 1e-3F);
  ChainProblem p = make_chain(300, 290, 10, 50, 0.19, 5);
  const std::vector<float> start = all_weights(p);
  ChainOptions options;
  options.plan = chain_centered_plan(0.2F);
  options.tolerance = tolerance;
  ChainWorkspace space;
  ChainReport report;
  chain_settle(p.weights(), p.inputs(), options, 1, space, report);
  const auto ld = static_cast<std::size_t>(p.ld);

  for (int s = 0; s < p.batch; s += 7) {
    ChainWorkspace alone;
    ChainReport alone_report;
    const ChainBatch one{p.xf.data() + static_cast<std::size_t>(s) * p.net.n0, p.yf.data() + static_cast<std::size_t>(s) * p.net.n2, 1};
    chain_settle(p.weights(), one, options, 1, alone, alone_report);
    for (int phase = 0; phase < 3; ++phase) {
      REQUIRE(std::equal(alone.hidden(phase, 0), alone.hidden(phase, 0) + ld, space.hidden(phase, s)));
      REQUIRE(std::equal(alone.output(phase, 0), alone.output(phase, 0) + 10, space.output(phase, s)));
      REQUIRE(alone_report.trace(phase, 0).sweeps == report.trace(phase, s).sweeps);
    }
  }

  chain_update(p.weights(), 0.3F, 0.1F, 1, space);
  const std::vector<float> serial = all_weights(p);
  REQUIRE(serial != start);
  for (const int threads : {2, 7}) {
    ChainProblem q = make_chain(300, 290, 10, 50, 0.19, 5);
    ChainWorkspace other;
    chain_settle(q.weights(), q.inputs(), options, threads, other, report);
    chain_update(q.weights(), 0.3F, 0.1F, threads, other);
    REQUIRE(all_weights(q) == serial);
  }
}

TEST_CASE("a workspace serves batches of changing size and shape") {
  ChainWorkspace space;
  ChainReport report;
  for (const Shape& shape : kShapes) {
    for (const int batch : {shape.batch, 3, 1}) {
      ChainProblem p = make_chain(shape.n0, shape.n1, shape.n2, batch, shape.density, 6);
      ChainOptions options;
      options.plan = chain_centered_plan(0.2F);
      options.free_sweeps = options.nudged_sweeps = 2;
      const oracle::ChainNet want = reference_change(p, options, 8.0, 4.0);
      chain_settle(p.weights(), p.inputs(), options, 1, space, report);
      REQUIRE(largest_gap(p, options, space) < 2e-5);
      chain_update(p.weights(), 8, 4, 1, space);
      REQUIRE(relative_error(want.w1, p.net.w1, p.w1.data(), p.net.n0, p.net.n1, static_cast<std::size_t>(p.ld)) < 1e-4);
    }
  }
}

TEST_CASE("without a plan only the free phase runs, and needs no targets") {
  ChainProblem p = make_chain(20, 30, 4, 5, 0.5, 7);
  ChainOptions options;
  ChainWorkspace space;
  ChainReport report;
  chain_settle(p.weights(), {p.xf.data(), nullptr, p.batch}, options, 1, space, report);
  REQUIRE(largest_gap(p, options, space) < 2e-5);
  REQUIRE(report.sweeps() == 15 * 5);
  REQUIRE_THROWS(chain_update(p.weights(), 1, 1, 1, space));
}

TEST_CASE("a weight that is no number shows in the report") {
  ChainProblem p = make_chain(20, 30, 4, 2, 1.0, 8);
  p.w2.data()[3] = std::numeric_limits<float>::quiet_NaN();
  ChainOptions options;
  ChainWorkspace space;
  ChainReport report;
  options.tolerance = 1e-3F;
  options.output = ChainOutput::linear;
  chain_settle(p.weights(), {p.xf.data(), nullptr, p.batch}, options, 1, space, report);
  REQUIRE_FALSE(report.trace(0, 0).converged);
  REQUIRE(report.trace(0, 0).change == std::numeric_limits<float>::infinity());
}

TEST_CASE("shapes out of range are refused") {
  ChainProblem p = make_chain(20, 30, 4, 2, 1.0, 8);
  ChainWorkspace space;
  ChainReport report;
  ChainWeights w = p.weights();
  w.n2 = 17;
  REQUIRE_THROWS(chain_settle(w, p.inputs(), {}, 1, space, report));
  w = p.weights();
  w.ld = 30;
  REQUIRE_THROWS(chain_settle(w, p.inputs(), {}, 1, space, report));
  ChainOptions options;
  options.plan = {{-1.0F, 1.0F}};
  REQUIRE_THROWS(chain_settle(p.weights(), p.inputs(), options, 1, space, report));
  REQUIRE(chain_leading_dimension(512) == 512);
  REQUIRE(chain_leading_dimension(1024) == 1040);
  REQUIRE(chain_leading_dimension(5) == 16);
}

TEST_CASE("nudged phases keep a tolerance of their own") {
  EachTarget each;
  while (each.next()) {
    ChainProblem p = make_chain(100, 150, 10, 17, 0.2, 4, 0.2);
    ChainOptions options;
    options.plan = chain_centered_plan(0.2F);
    options.tolerance = 1e-2F;
    options.free_sweeps = options.nudged_sweeps = 100;
    ChainWorkspace space;
    ChainReport coarse, fine;
    chain_settle(p.weights(), p.inputs(), options, 1, space, coarse);
    options.nudged_tolerance = 1e-5F;
    chain_settle(p.weights(), p.inputs(), options, 1, space, fine);
    for (int s = 0; s < p.batch; ++s) {
      REQUIRE(fine.trace(0, s).sweeps == coarse.trace(0, s).sweeps);
      for (int phase = 1; phase <= 2; ++phase) {
        REQUIRE(fine.trace(phase, s).converged);
        REQUIRE(fine.trace(phase, s).change <= 1e-5F);
        REQUIRE(fine.trace(phase, s).sweeps > coarse.trace(phase, s).sweeps);
      }
    }
  }
}
