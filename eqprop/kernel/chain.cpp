#include "eqprop/kernel/chain.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "base/parallel.h"
#include "eqprop/kernel/chain_lanes.h"

namespace eqprop {
namespace {

constexpr std::size_t kOutputs = kChainMaxOutputs;

std::size_t blocks(std::size_t n, std::size_t size) { return (n + size - 1) / size; }

bool aligned(const float* p) { return reinterpret_cast<std::uintptr_t>(p) % 64 == 0; }

void check_shapes(const ChainWeights& w) {
  check(w.n0 >= 1 && w.n1 >= 1 && w.n2 >= 1 && w.n2 <= kChainMaxOutputs, "chain: n0, n1 >= 1 and 1 <= n2 <= 16");
  check(w.ld >= w.n1 && w.ld % 16 == 0, "chain: ld a multiple of 16, >= n1");
  check(aligned(w.w1) && aligned(w.b1) && aligned(w.w2), "chain: weights on 64-byte boundaries");
}

void check_options(const ChainOptions& options, const ChainBatch& batch) {
  check(batch.batch >= 1 && batch.x != nullptr, "chain: a batch");
  check(options.plan.empty() || batch.y != nullptr, "chain: targets for the nudged phases");
  check(options.free_sweeps >= 1 && options.nudged_sweeps >= 1 && options.min_sweeps >= 1, "chain: sweeps >= 1");
  check(options.tolerance >= 0, "chain: tolerance >= 0");
  for (const ChainPhase& phase : options.plan) check(std::abs(phase.beta) < 1, "chain: |beta| < 1");
}

}  // namespace

// the stages of a training step; each loop's items write apart from one another
struct ChainPass {
  const ChainWeights& weights;
  ChainWorkspace& space;
  int threads;
  std::size_t n0 = static_cast<std::size_t>(weights.n0);
  std::size_t n1 = static_cast<std::size_t>(weights.n1);
  std::size_t n2 = static_cast<std::size_t>(weights.n2);
  std::size_t ld = static_cast<std::size_t>(weights.ld);
  std::size_t batch = static_cast<std::size_t>(space.batch_);
  std::size_t list = n0 + lanes::kListSlack;
  std::size_t starts = blocks(n0, lanes::kRowBlock) + 1;

  float* hidden(std::size_t state, std::size_t sample) const { return space.hidden_.data() + (state * batch + sample) * ld; }
  float* output(std::size_t state, std::size_t sample) const { return space.output_.data() + (state * batch + sample) * kOutputs; }

  // W1 is worked on in blocks of columns, each wholly by one thread: the block's part of the state differences fits a first-level cache
  // (16 KB), and every thread has one. The width does not touch the bits.
  std::size_t block_columns = [this] {
    const std::size_t cached = 4096 / batch / lanes::kColumns * lanes::kColumns;
    const std::size_t shared = blocks(blocks(ld, static_cast<std::size_t>(threads)), lanes::kColumns) * lanes::kColumns;
    return std::max(lanes::kColumns, std::min(cached, shared));
  }();
  std::size_t columns(std::size_t first) const { return std::min(block_columns, ld - first); }

  void make_room() const {
    const auto states = static_cast<std::size_t>(*std::max_element(space.stored_.begin(), space.stored_.end())) + 1;
    space.packed_.grow(n2 * ld);
    space.rest_.grow(ld);
    space.drive_.grow(batch * ld);
    space.hidden_.grow(states * batch * ld);
    space.output_.grow(states * batch * kOutputs);
    space.index_.grow(batch * list);
    space.value_.grow(batch * list);
    space.start_.grow(batch * starts);
    if (space.plan_.empty()) return;
    space.apart_.resize(batch);
    space.moved_.reserve(batch);
    space.push_.grow(batch * space.plan_.size() * kOutputs);
    space.difference_.grow(batch * ld);
    space.count_.grow(n0);
    space.rows_.grow(starts * lanes::kRowBlock);
    space.used_.grow(starts);
    space.who_.grow(n0 * batch);
    space.what_.grow(n0 * batch);
  }

  void list_inputs(const float* x) const {
    parallel_for(shard_count(batch), threads, [&](std::size_t i) {
      const Range range = shard(batch, i);
      for (std::size_t s = range.begin; s < range.end; ++s) {
        lanes::list_nonzeros(x + s * n0, n0, space.index_.data() + s * list, space.value_.data() + s * list,
                             space.start_.data() + s * starts);
      }
    });
  }

  // by blocks of columns: a block of W1 stays in cache over the batch, and with the thread that updates it
  void drive_hidden() const {
    parallel_for(blocks(ld, block_columns), threads, [&](std::size_t b) {
      const std::size_t first = b * block_columns;
      for (std::size_t s = 0; s < batch; ++s) {
        const std::uint32_t count = space.start_.data()[(s + 1) * starts - 1];
        lanes::forward(weights.w1, ld, weights.b1, first, columns(first), space.index_.data() + s * list, space.value_.data() + s * list,
                       count, space.drive_.data() + s * ld);
      }
    });
  }

  lanes::Item item(std::size_t sample, std::size_t state, float beta, const float* y, const ChainOptions& options) const {
    lanes::Item out{};
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const bool linear = options.output == ChainOutput::linear;
    out.scale = 1 / (1 + beta);
    out.low = linear ? -kInfinity : 0;
    out.high = linear ? kInfinity : 1;
    out.drive = space.drive_.data() + sample * ld;
    out.before = state == 0 ? space.rest_.data() : hidden(0, sample);
    out.hidden = hidden(state, sample);
    for (std::size_t k = 0; k < n2; ++k) {
      out.output[k] = state == 0 ? options.rest : output(0, sample)[k];
      out.bias[k] = weights.b2[k] + (beta == 0 ? 0 : beta * y[sample * n2 + k]);
    }
    return out;
  }

  // keeps the outputs and tells how the phase ended
  ChainTrace finish(const lanes::Item& item, std::size_t sample, std::size_t state, float tolerance) const {
    ChainTrace trace{item.sweeps, tolerance > 0 && item.change <= tolerance, item.change};
    std::copy(std::begin(item.output), std::end(item.output), output(state, sample));
    for (std::size_t k = 0; k < n2; ++k) {
      if (!std::isfinite(item.output[k])) trace = {item.sweeps, false, std::numeric_limits<float>::infinity()};
    }
    return trace;
  }

  void settle_shard(Range range, const ChainBatch& in, const ChainOptions& options, ChainReport& report) const {
    std::array<lanes::Item, kShardSamples> items;
    std::array<std::size_t, kShardSamples> phase_of{}, sample_of{};
    std::size_t count = 0;
    const auto settle = [&](float tolerance, int budget) {
      lanes::settle(weights.n2, space.packed_.data(), ld, items.data(), count, {tolerance, options.min_sweeps, budget});
      for (std::size_t i = 0; i < count; ++i) {
        const auto state = static_cast<std::size_t>(space.stored_[phase_of[i]]);
        report.traces[phase_of[i] * batch + sample_of[i]] = finish(items[i], sample_of[i], state, tolerance);
      }
      count = 0;
    };
    const auto add = [&](std::size_t phase, std::size_t sample, float beta) {
      phase_of[count] = phase;
      sample_of[count] = sample;
      items[count++] = item(sample, static_cast<std::size_t>(space.stored_[phase]), beta, in.y, options);
    };
    for (std::size_t s = range.begin; s < range.end; ++s) add(0, s, 0);
    settle(options.tolerance, options.free_sweeps);
    const float nudged_tolerance = options.nudged_tolerance < 0 ? options.tolerance : options.nudged_tolerance;
    // the phases of one sample stand side by side: they share its drive in cache
    for (std::size_t s = range.begin; s < range.end; ++s) {
      for (std::size_t p = 1; p < space.stored_.size(); ++p) {
        if (space.stored_[p] == 0) {
          report.traces[p * batch + s] = report.traces[s];
          report.traces[p * batch + s].sweeps = 0;
          continue;
        }
        if (count == kShardSamples) settle(nudged_tolerance, options.nudged_sweeps);
        add(p, s, options.plan[p - 1].beta);
      }
    }
    settle(nudged_tolerance, options.nudged_sweeps);
    if (space.plan_.empty()) return;
    for (std::size_t s = range.begin; s < range.end; ++s) space.apart_[s] = ended_apart(s) ? 1 : 0;
  }

  bool ended_apart(std::size_t sample) const {
    const auto state = [&](std::size_t p) { return static_cast<std::size_t>(space.stored_[p + 1]); };
    for (std::size_t p = 1; p < space.plan_.size(); ++p) {
      if (std::memcmp(output(state(p), sample), output(state(0), sample), kOutputs * sizeof(float)) != 0) return true;
      if (std::memcmp(hidden(state(p), sample), hidden(state(0), sample), ld * sizeof(float)) != 0) return true;
    }
    return false;
  }

  void find_moved() const {
    space.moved_.clear();
    for (std::size_t s = 0; s < batch; ++s) {
      if (space.apart_[s] != 0) space.moved_.push_back(static_cast<std::uint32_t>(s));
    }
  }

  void push_outputs() const {
    const std::size_t phases = space.plan_.size();
    float* push = space.push_.data();
    for (const std::size_t s : space.moved_) {
      for (std::size_t p = 0; p < phases; ++p, push += kOutputs) {
        const float* o = output(static_cast<std::size_t>(space.stored_[p + 1]), s);
        for (std::size_t k = 0; k < kOutputs; ++k) push[k] = k < n2 ? space.plan_[p].weight * o[k] : 0;
      }
    }
  }

  void update_output_bias(float rate) const {
    std::array<float, kOutputs> sum{};
    const float* push = space.push_.data();
    for (std::size_t i = 0; i < space.moved_.size() * space.plan_.size(); ++i, push += kOutputs) {
      for (std::size_t k = 0; k < kOutputs; ++k) sum[k] += push[k];
    }
    for (std::size_t k = 0; k < n2; ++k) weights.b2[k] += rate * sum[k];
  }

  // per input the moved samples that use it, in their order; and the inputs in use
  lanes::Users turn_lists() const {
    const std::size_t n_moved = space.moved_.size();
    std::uint32_t* count = space.count_.data();
    std::uint32_t* rows = space.rows_.data();
    // a few lists are turned sooner than a second thread has come
    parallel_for(starts - 1, n_moved < kShardSamples ? 1 : threads, [&](std::size_t b) {
      const std::size_t first = b * lanes::kRowBlock;
      const std::size_t end_row = std::min(n0, first + lanes::kRowBlock);
      std::fill(count + first, count + end_row, 0U);
      std::uint32_t used = 0;
      for (std::size_t m = 0; m < n_moved; ++m) {
        const std::size_t s = space.moved_[m];
        const std::uint32_t* index = space.index_.data() + s * list;
        const float* value = space.value_.data() + s * list;
        const std::uint32_t end = space.start_.data()[s * starts + b + 1];
        for (std::uint32_t j = space.start_.data()[s * starts + b]; j < end; ++j) {
          const std::uint32_t i = index[j];
          const std::uint32_t seen = count[i]++;
          space.who_.data()[i * n_moved + seen] = static_cast<std::uint32_t>(m);
          space.what_.data()[i * n_moved + seen] = value[j];
        }
      }
      for (std::size_t i = first; i < end_row; ++i) {
        rows[first + used] = static_cast<std::uint32_t>(i);  // overwritten by the next unless in use
        used += count[i] != 0;
      }
      space.used_.data()[b] = used;
    });
    std::size_t n_rows = 0;
    for (std::size_t b = 0; b + 1 < starts; ++b) {
      std::copy_n(rows + b * lanes::kRowBlock, space.used_.data()[b], rows + n_rows);
      n_rows += space.used_.data()[b];
    }
    return {rows, n_rows, n_moved, count, space.who_.data(), space.what_.data()};
  }

  void update_columns(const lanes::Users& users, float rate1, float rate2) const {
    thread_local std::vector<lanes::PhaseRows> kept;
    std::vector<lanes::PhaseRows>& phases = kept;  // of this thread, for all
    phases.clear();
    for (std::size_t p = 0; p < space.plan_.size(); ++p) {
      phases.push_back({hidden(static_cast<std::size_t>(space.stored_[p + 1]), 0), space.plan_[p].weight});
    }
    const lanes::Moved moved{phases.data(), phases.size(), space.moved_.data(), space.moved_.size(), space.push_.data()};
    parallel_for(blocks(ld, block_columns), threads, [&](std::size_t b) {
      const std::size_t first = b * block_columns;
      float* difference = space.difference_.data() + first * moved.n_samples;
      lanes::contrast(weights.n2, moved, ld, first, columns(first), rate1, rate2, difference, weights.b1, weights.w2);
      lanes::update_rows(weights.w1, ld, first, columns(first), users, difference);
    });
  }
};

int chain_leading_dimension(int n1) {
  const int padded = (n1 + 15) / 16 * 16;
  return padded % 1024 == 0 ? padded + 16 : padded;
}

std::vector<ChainPhase> chain_centered_plan(float beta) { return {{beta, 1 / (2 * beta)}, {-beta, -1 / (2 * beta)}}; }

std::vector<ChainPhase> chain_one_sided_plan(float beta) { return {{beta, 1 / beta}, {0, -1 / beta}}; }

std::int64_t ChainReport::sweeps() const {
  std::int64_t sum = 0;
  for (const ChainTrace& t : traces) sum += t.sweeps;
  return sum;
}

const float* ChainWorkspace::hidden(int phase, int sample) const {
  const int state = stored_.at(static_cast<std::size_t>(phase));
  return hidden_.data() + (static_cast<std::size_t>(state) * static_cast<std::size_t>(batch_) + static_cast<std::size_t>(sample)) *
                              static_cast<std::size_t>(ld_);
}

const float* ChainWorkspace::output(int phase, int sample) const {
  const int state = stored_.at(static_cast<std::size_t>(phase));
  return output_.data() +
         (static_cast<std::size_t>(state) * static_cast<std::size_t>(batch_) + static_cast<std::size_t>(sample)) * kOutputs;
}

std::vector<float> ChainWorkspace::hidden_difference(int sample) const {
  std::vector<float> out(static_cast<std::size_t>(n1_));
  for (std::size_t p = 0; p < plan_.size(); ++p) {
    const float* h = hidden(static_cast<int>(p) + 1, sample);
    for (std::size_t j = 0; j < out.size(); ++j) out[j] += plan_[p].weight * h[j];
  }
  return out;
}

void chain_settle(const ChainWeights& weights, const ChainBatch& batch, const ChainOptions& options, int threads, ChainWorkspace& workspace,
                  ChainReport& report) {
  check_shapes(weights);
  check_options(options, batch);
  workspace.batch_ = batch.batch;
  workspace.n0_ = weights.n0;
  workspace.n1_ = weights.n1;
  workspace.n2_ = weights.n2;
  workspace.ld_ = weights.ld;
  workspace.plan_ = options.plan;
  workspace.stored_.assign(1, 0);
  int states = 1;
  for (const ChainPhase& phase : options.plan) workspace.stored_.push_back(phase.beta == 0 ? 0 : states++);
  report.batch = batch.batch;
  report.target = lanes::target_name();
  report.traces.resize(workspace.stored_.size() * static_cast<std::size_t>(batch.batch));

  const ChainPass pass{weights, workspace, threads};
  pass.make_room();
  std::fill(workspace.rest_.data(), workspace.rest_.data() + pass.n1, options.rest);
  std::fill(workspace.rest_.data() + pass.n1, workspace.rest_.data() + pass.ld, 0.0F);
  lanes::pack(weights.n2, weights.w2, pass.ld, workspace.packed_.data());
  pass.list_inputs(batch.x);
  pass.drive_hidden();
  parallel_for(shard_count(pass.batch), threads, [&](std::size_t i) { pass.settle_shard(shard(pass.batch, i), batch, options, report); });
}

void chain_update(const ChainWeights& weights, float rate1, float rate2, int threads, ChainWorkspace& workspace) {
  check_shapes(weights);
  check(weights.n0 == workspace.n0_ && weights.n1 == workspace.n1_ && weights.n2 == workspace.n2_ && weights.ld == workspace.ld_ &&
            !workspace.plan_.empty(),
        "chain_update: after chain_settle of the same network with a plan");
  const auto batch = static_cast<float>(workspace.batch_);
  const ChainPass pass{weights, workspace, threads};
  pass.find_moved();
  if (workspace.moved_.empty()) return;
  pass.push_outputs();
  pass.update_output_bias(rate2 / batch);
  pass.update_columns(pass.turn_lists(), rate1 / batch, rate2 / batch);
}

}  // namespace eqprop
