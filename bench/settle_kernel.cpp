// The chain kernel on inputs like handwritten digits: 19 % non-zero, about half of the hidden units inside their range.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bench/peak.h"
#include "eqprop/kernel/chain.h"
#include "eqprop/kernel/chain_lanes.h"
#include "tests/kernel/chain_problem.h"

namespace {

using namespace eqprop;

constexpr int kInputs = 784, kHidden = 512, kOutputs = 10;
constexpr int kBatches = 64;  // different batches, as in training: inputs do not stay in the near cache

struct Case {
  test::ChainProblem problem;  // all samples of all batches
  ChainOptions options;
  int batch;
  int samples() const { return problem.batch / batch; }
  ChainBatch at(int i) const {
    const auto first = static_cast<std::size_t>(i % samples()) * static_cast<std::size_t>(batch);
    return {problem.xf.data() + first * problem.net.n0, problem.yf.data() + first * problem.net.n2, batch};
  }
};

// 28 x 28 pixels, lit more often near the middle, as digits are; 19 % of them on average
void draw_digits(test::ChainProblem& problem) {
  test::Uniform draw(7);
  for (std::size_t i = 0; i < problem.x.size(); ++i) {
    const double row = static_cast<double>(i % kInputs / 28) - 13.5;
    const double column = static_cast<double>(i % 28) - 13.5;
    const bool lit = draw(0, 1) < 0.75 * std::exp(-(row * row + column * column) / 63.0);
    problem.xf[i] = lit ? static_cast<float>(draw(0.1, 1)) : 0;
    problem.x[i] = static_cast<double>(problem.xf[i]);
  }
}

Case make_case(int batch, float tolerance) {
  Case c{test::make_chain(kInputs, kHidden, kOutputs, batch * kBatches, 0.19, 1), {}, batch};
  draw_digits(c.problem);
  c.options.plan = chain_centered_plan(0.1F);
  c.options.tolerance = tolerance;
  return c;
}

// the states of the first batch against plain loops in double precision
bool settles_right(Case& c) {
  ChainWorkspace space;
  ChainReport report;
  chain_settle(c.problem.weights(), c.at(0), c.options, 1, space, report);
  for (int s = 0; s < std::min(c.batch, 4); ++s) {
    oracle::ChainState state = oracle::chain_rest(c.problem.net, 0.5);
    state = oracle::chain_settle(c.problem.net, c.problem.sample(s), nullptr, 0, state, report.trace(0, s).sweeps);
    state = oracle::chain_settle(c.problem.net, c.problem.sample(s), c.problem.target(s), static_cast<double>(c.options.plan[0].beta),
                                 state, report.trace(1, s).sweeps);
    int inside = 0;
    for (int j = 0; j < kHidden; ++j) {
      const double h = static_cast<double>(space.hidden(1, s)[j]);
      if (std::abs(h - state.h[static_cast<std::size_t>(j)]) > 2e-5) return false;
      inside += h > 0 && h < 1;
    }
    if (inside < kHidden / 4) return false;  // a saturated net would settle too easily
  }
  return true;
}

void settle_with_input(benchmark::State& state, int batch, float tolerance) {
  Case c = make_case(batch, tolerance);
  if (!settles_right(c)) return state.SkipWithError("differs from the reference");
  ChainWorkspace space;
  ChainReport report;
  int i = 0;
  double sweeps = 0;
  const double start = bench::seconds();
  for (auto _ : state) {
    chain_settle(c.problem.weights(), c.at(i++), c.options, 1, space, report);
    sweeps += static_cast<double>(report.sweeps());
  }
  const double elapsed = bench::seconds() - start;
  const double samples = static_cast<double>(state.iterations()) * batch;
  // a sweep: W2' o and W2 h, two FLOPs each; the input's product: non-zero inputs only
  const double flops = sweeps * 4.0 * kOutputs * kHidden + samples * 2.0 * 0.19 * kInputs * kHidden;
  using benchmark::Counter;
  state.counters["samples_per_second"] = Counter(samples, Counter::kIsRate);
  state.counters["sweeps_per_sample"] = sweeps / samples;
  state.counters["gflops"] = Counter(flops * 1e-9, Counter::kIsRate);
  state.counters["share_of_limit"] = flops / elapsed / bench::peak_flops();
  state.SetLabel(report.target);
}

// the settle kernel: the sweeps alone, no input product, no lists; three phases of 15 as one run of 45
void settle(benchmark::State& state, int batch, float tolerance) {
  Case c = make_case(batch, tolerance);
  if (!settles_right(c)) return state.SkipWithError("differs from the reference");
  const auto n = static_cast<std::size_t>(batch);
  AlignedArray<float> packed, drive, hidden;
  packed.grow(std::size_t{kOutputs} * kHidden);
  drive.grow(n * kHidden);
  hidden.grow(n * kHidden);
  test::Uniform draw(3);
  std::generate(drive.data(), drive.data() + n * kHidden, [&] { return static_cast<float>(draw(-0.2, 1.2)); });
  std::fill(hidden.data(), hidden.data() + n * kHidden, 0.0F);
  lanes::pack(kOutputs, c.problem.w2.data(), kHidden, packed.data());
  std::vector<lanes::Item> items(n);
  const double start = bench::seconds();
  for (auto _ : state) {
    for (std::size_t s = 0; s < n; ++s) {
      items[s] = lanes::Item{};
      items[s].scale = items[s].high = 1;
      items[s].drive = drive.data() + s * kHidden;
      items[s].before = items[s].hidden = hidden.data() + s * kHidden;
    }
    lanes::settle(kOutputs, packed.data(), kHidden, items.data(), n, {0, 1, 45});
  }
  const double elapsed = bench::seconds() - start;
  const double flops = static_cast<double>(state.iterations()) * batch * 45 * 4.0 * kOutputs * kHidden;
  using benchmark::Counter;
  state.counters["samples_per_second"] = Counter(static_cast<double>(state.iterations()) * batch, Counter::kIsRate);
  state.counters["gflops"] = Counter(flops * 1e-9, Counter::kIsRate);
  state.counters["share_of_limit"] = flops / elapsed / bench::peak_flops();
  state.SetLabel(lanes::target_name());
}

void chain_step(benchmark::State& state, int batch, float tolerance) {
  Case c = make_case(batch, tolerance);
  if (!settles_right(c)) return state.SkipWithError("differs from the reference");
  ChainWorkspace space;
  ChainReport report;
  int i = 0;
  double sweeps = 0;
  const double start = bench::seconds();
  for (auto _ : state) {
    chain_settle(c.problem.weights(), c.at(i++), c.options, 1, space, report);
    // a small rate keeps the random net alive over thousands of steps
    chain_update(c.problem.weights(), 1e-4F, 1e-4F, 1, space);
    sweeps += static_cast<double>(report.sweeps());
  }
  const double elapsed = bench::seconds() - start;
  const double samples = static_cast<double>(state.iterations()) * batch;
  const double flops = sweeps * 4.0 * kOutputs * kHidden + samples * 4.0 * (0.19 * kInputs + kOutputs) * kHidden;
  using benchmark::Counter;
  state.counters["samples_per_second"] = Counter(samples, Counter::kIsRate);
  state.counters["sweeps_per_sample"] = sweeps / samples;
  state.counters["share_of_limit"] = flops / elapsed / bench::peak_flops();
  state.SetLabel(report.target);
}

const bool registered = [] {
  const auto add = [](const std::string& name, void (*body)(benchmark::State&, int, float), int batch, float tolerance) {
    const std::string sweeps = tolerance > 0 ? "/tolerance:1e-3" : "/sweeps:45";
    benchmark::RegisterBenchmark((name + "/784x512x10/batch:" + std::to_string(batch) + sweeps + "/threads:1").c_str(),
                                 [=](benchmark::State& state) { body(state, batch, tolerance); });
  };
  add("settle", settle, 32, 0);
  add("settle_with_input", settle_with_input, 32, 0);
  for (const int batch : {32, 4, 1}) add("chain_step", chain_step, batch, 0);
  for (const int batch : {32, 4, 1}) add("chain_step", chain_step, batch, 1e-3F);
  return true;
}();

}  // namespace
