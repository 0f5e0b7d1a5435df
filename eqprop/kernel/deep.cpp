#include "eqprop/kernel/deep.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "base/parallel.h"
#include "eqprop/kernel/deep_lanes.h"
#include "eqprop/kernel/deep_pass.h"

namespace eqprop {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::size_t kTurnRows = 128;  // lines turned by one item of work

bool aligned(const float* p) { return reinterpret_cast<std::uintptr_t>(p) % 64 == 0; }

void check_options(const DeepWeights& weights, const DeepOptions& options, const ChainBatch& batch) {
  check(weights.couplings.size() >= 3, "deep: at least three couplings");
  for (std::size_t c = 0; c < weights.couplings.size(); ++c) {
    const DeepCoupling& each = weights.couplings[c];
    check(each.inputs >= 1 && each.outputs >= 1 && aligned(each.lines) && aligned(each.bias), "deep: couplings on 64-byte boundaries");
    check(c == 0 ? !each.by_output : each.inputs == weights.couplings[c - 1].outputs, "deep: couplings that fit one another");
  }
  check(batch.batch >= 1 && batch.x != nullptr, "deep: a batch");
  check(options.plan.empty() || batch.y != nullptr, "deep: targets for the nudged phases");
  check(options.free_sweeps >= 1 && options.nudged_sweeps >= 1, "deep: sweeps >= 1");
  check(options.tolerance >= 0 && options.relaxation >= 1 && options.relaxation < 2, "deep: tolerance >= 0, relaxation in [1, 2)");
  float sum = 0, size = 0;
  for (const ChainPhase& phase : options.plan) {
    check(std::abs(phase.beta) < 1, "deep: |beta| < 1");
    sum += phase.weight;
    size += std::abs(phase.weight);
  }
  check(std::abs(sum) <= 1e-5F * size, "deep: the plan's weights sum to zero");
}

// one sample in one phase, while it settles
struct Item {
  std::size_t sample, phase, state;
  float beta;
  int sweeps;
  float distance;  // of the unit that is furthest from its minimiser
  bool done;
};

// the settling of some samples on one thread
struct Group {
  const DeepPass& pass;
  const DeepOptions& options;
  const float* nudge;      // [states][batch][ld]
  std::uint32_t* changed;  // [states][batch][line]
  float* change;           // [states][batch][line]
  std::size_t line;
  std::vector<Item>& items;
  std::vector<deep::Mail>& mail;
  double multiply_adds = 0;

  std::size_t slot(const Item& item) const { return item.state * pass.batch + item.sample; }

  float tolerance(const Item& item) const {
    return item.phase == 0 || options.nudged_tolerance < 0 ? options.tolerance : options.nudged_tolerance;
  }

  deep::Move move(const Item& item, std::size_t layer, float omega) const {
    const float threshold = options.threshold < 0 ? tolerance(item) / 4 : options.threshold;
    deep::Move out{0, 1, 1, nullptr, omega, threshold, tolerance(item) > 0 ? options.share : 0};
    if (layer < pass.depth) return out;
    if (options.output == ChainOutput::linear) {
      out.low = -kInfinity;
      out.high = kInfinity;
    }
    out.threshold = out.share = 0;  // cheap to send, and the nudge comes from here
    if (item.beta == 0) return out;
    out.scale = 1 / (1 + item.beta);
    out.nudge = nudge + slot(item) * pass.ld(layer);
    return out;
  }

  void send_all(const float* lines, std::size_t ld, std::size_t from, std::size_t to) {
    const std::size_t columns = (pass.size(to) + 15) / 16 * 16;
    for (deep::Mail& each : mail) {
      each.field = pass.field(to, 0, 0) + each.slot * ld;
      multiply_adds += static_cast<double>(each.count * columns);
    }
    deep::send(lines, ld, pass.size(from), 0, columns, mail.data(), mail.size());
  }

  void update_layer(std::size_t layer, float omega) {
    mail.clear();
    for (const Item& item : items) {
      if (item.done) continue;
      const std::size_t at = slot(item) * line;
      std::size_t count = deep::move_layer(pass.field(layer, item.state, item.sample), pass.value(layer, item.state, item.sample),
                                           pass.ld(layer), move(item, layer, omega), changed + at, change + at);
      while (count > 0 && changed[at + count - 1] >= pass.size(layer)) --count;  // 0 x NaN moves padding too, which has no line
      if (count > 0) mail.push_back({changed + at, change + at, count, nullptr, slot(item), 0});
    }
    if (layer < pass.depth) send_all(pass.up(layer), pass.ld(layer + 1), layer, layer + 1);
    if (layer > 1) send_all(pass.down(layer - 1), pass.ld(layer - 1), layer, layer - 1);
  }

  // fields belong to the states as they are: the distance is exact and costs no product
  void end_sweep(int budget) {
    for (Item& item : items) {
      if (item.done) continue;
      ++item.sweeps;
      item.done = item.sweeps >= budget;
      if (tolerance(item) == 0 && !item.done) continue;
      item.distance = 0;
      for (std::size_t layer = 1; layer <= pass.depth; ++layer) {
        item.distance =
            std::max(item.distance, deep::distance(pass.field(layer, item.state, item.sample), pass.value(layer, item.state, item.sample),
                                                   pass.ld(layer), move(item, layer, 1)));
      }
      item.done |= item.distance <= tolerance(item);
    }
  }

  // the first sweep follows the signal: up from the input, down from the nudge
  void settle(int budget, bool from_rest) {
    for (std::size_t i = 0; i < pass.depth; ++i) update_layer(from_rest ? i + 1 : pass.depth - i, 1);
    end_sweep(budget);
    while (std::any_of(items.begin(), items.end(), [](const Item& item) { return !item.done; })) {
      for (std::size_t layer = 1; layer <= pass.depth; layer += 2) update_layer(layer, options.relaxation);
      for (std::size_t layer = 2; layer <= pass.depth; layer += 2) update_layer(layer, options.relaxation);
      end_sweep(budget);
    }
  }

  void report(ChainReport& out) const {
    for (const Item& item : items) {
      ChainTrace trace{item.sweeps, tolerance(item) > 0 && item.distance <= tolerance(item), item.distance};
      const float* o = pass.value(pass.depth, item.state, item.sample);
      for (std::size_t k = 0; k < pass.size(pass.depth); ++k) {
        if (!std::isfinite(o[k])) trace = {item.sweeps, false, kInfinity};
      }
      out.traces[item.phase * pass.batch + item.sample] = trace;
    }
  }

  void start_free(Range range) {
    items.clear();
    for (std::size_t s = range.begin; s < range.end; ++s) {
      items.push_back({s, 0, 0, 0, 0, 0, false});
      for (std::size_t layer = 1; layer <= pass.depth; ++layer) {
        std::fill_n(pass.value(layer, 0, s), pass.ld(layer), 0.0F);
        if (layer > 1) std::copy_n(pass.weights.couplings[layer - 1].bias, pass.ld(layer), pass.field(layer, 0, s));
      }
    }
  }

  void start_nudged(Range range) {
    items.clear();
    const bool linear = options.output == ChainOutput::linear;
    for (std::size_t s = range.begin; s < range.end; ++s) {
      for (std::size_t p = 0; p < options.plan.size(); ++p) {
        const std::size_t state = pass.state(p + 1);
        if (state == 0) continue;
        items.push_back({s, p + 1, state, options.plan[p].beta, 0, 0, false});
        for (std::size_t layer = 1; layer <= pass.depth; ++layer) {
          const bool unbounded = layer == pass.depth && linear;
          std::copy_n(pass.value(layer, 0, s), pass.ld(layer), pass.value(layer, state, s));
          deep::take_residual(pass.value(layer, 0, s), pass.field(layer, 0, s), pass.ld(layer), unbounded ? -kInfinity : 0,
                              unbounded ? kInfinity : 1, pass.field(layer, state, s));
        }
      }
    }
  }
};

void list_inputs(const DeepPass& pass, const float* x, std::uint32_t* index, float* value, std::uint32_t* start) {
  parallel_for(shard_count(pass.batch), pass.threads, [&](std::size_t i) {
    const Range range = shard(pass.batch, i);
    for (std::size_t s = range.begin; s < range.end; ++s)
      lanes::list_nonzeros(x + s * pass.n0, pass.n0, index + s * pass.list, value + s * pass.list, start + s * pass.starts);
  });
}

// by blocks of columns: a block of the weights stays in cache over the batch
void drive_first(const DeepPass& pass, const std::uint32_t* index, const float* value, const std::uint32_t* start) {
  const DeepCoupling& coupling = pass.weights.couplings[0];
  const std::size_t ld = pass.ld(1);
  const std::size_t blocks = (ld + lanes::kColumns - 1) / lanes::kColumns;
  parallel_for(blocks, pass.threads, [&](std::size_t b) {
    const std::size_t first = b * lanes::kColumns;
    for (std::size_t s = 0; s < pass.batch; ++s)
      lanes::forward(coupling.lines, ld, coupling.bias, first, std::min(lanes::kColumns, ld - first), index + s * pass.list,
                     value + s * pass.list, start[(s + 1) * pass.starts - 1], pass.field(1, 0, s));
  });
}

// the other order of every coupling that settles
void turn_couplings(const DeepPass& pass, const std::vector<float*>& turned) {
  for (std::size_t c = 1; c < pass.depth; ++c) {
    const DeepCoupling& each = pass.weights.couplings[c];
    const std::size_t lines = static_cast<std::size_t>(each.by_output ? each.outputs : each.inputs);
    const std::size_t length = static_cast<std::size_t>(each.by_output ? each.inputs : each.outputs);
    const std::size_t ld = pass.ld(each.by_output ? c : c + 1);
    const std::size_t turned_ld = pass.ld(each.by_output ? c + 1 : c);
    parallel_for((lines + kTurnRows - 1) / kTurnRows, pass.threads, [&](std::size_t i) {
      const std::size_t first = i * kTurnRows;
      deep::turn(each.lines, ld, first, std::min(kTurnRows, lines - first), length, turned[c], turned_ld);
    });
    for (std::size_t r = 0; r < length; ++r) std::fill(turned[c] + r * turned_ld + lines, turned[c] + (r + 1) * turned_ld, 0.0F);
  }
}

}  // namespace

const float* DeepWorkspace::units(int phase, int layer, int sample) const {
  const Layer& each = layers_.at(static_cast<std::size_t>(layer));
  const auto state = static_cast<std::size_t>(stored_.at(static_cast<std::size_t>(phase)));
  return each.value.data() + (state * static_cast<std::size_t>(batch_) + static_cast<std::size_t>(sample)) * each.ld;
}

double DeepWorkspace::settle_multiply_adds() const { return std::accumulate(multiply_adds_.begin(), multiply_adds_.end(), 0.0); }

void deep_settle(const DeepWeights& weights, const ChainBatch& batch, const DeepOptions& options, int threads, DeepWorkspace& workspace,
                 ChainReport& report) {
  check_options(weights, options, batch);
  workspace.batch_ = batch.batch;
  workspace.plan_ = options.plan;
  workspace.stored_.assign(1, 0);
  std::size_t states = 1;
  for (const ChainPhase& phase : options.plan) workspace.stored_.push_back(phase.beta == 0 ? 0 : static_cast<int>(states++));
  report.batch = batch.batch;
  report.target = lanes::target_name();
  report.traces.resize(workspace.stored_.size() * static_cast<std::size_t>(batch.batch));

  const DeepPass pass{weights, workspace, threads};
  workspace.layers_.resize(pass.depth + 1);
  workspace.turned_.resize(pass.depth);
  std::size_t line = 0;
  for (std::size_t layer = 1; layer <= pass.depth; ++layer) {
    DeepWorkspace::Layer& each = workspace.layers_[layer];
    each.size = static_cast<std::size_t>(weights.couplings[layer - 1].outputs);
    each.ld = static_cast<std::size_t>(chain_leading_dimension(weights.couplings[layer - 1].outputs));
    each.value.grow(states * pass.batch * each.ld);
    each.field.grow(states * pass.batch * each.ld);
    line = std::max(line, each.ld + lanes::kListSlack);
  }
  std::vector<float*> turned(pass.depth, nullptr);
  const auto lines = [](int count, int length) {
    return static_cast<std::size_t>(count) * static_cast<std::size_t>(chain_leading_dimension(length));
  };
  for (std::size_t c = 1; c < pass.depth; ++c) {
    const DeepCoupling& each = weights.couplings[c];
    workspace.turned_[c].lines.grow(each.by_output ? lines(each.inputs, each.outputs) : lines(each.outputs, each.inputs));
    turned[c] = workspace.turned_[c].lines.data();
  }
  workspace.changed_.grow(states * pass.batch * line);
  workspace.change_.grow(states * pass.batch * line);
  workspace.index_.grow(pass.batch * pass.list);
  workspace.value_.grow(pass.batch * pass.list);
  workspace.start_.grow(pass.batch * pass.starts);

  const std::size_t out_ld = pass.ld(pass.depth);
  const auto outputs = static_cast<std::size_t>(weights.couplings.back().outputs);
  workspace.nudge_.grow(states * pass.batch * out_ld);
  for (std::size_t p = 0; p < options.plan.size(); ++p) {
    if (workspace.stored_[p + 1] == 0) continue;
    for (std::size_t s = 0; s < pass.batch; ++s) {
      float* to = workspace.nudge_.data() + (pass.state(p + 1) * pass.batch + s) * out_ld;
      std::fill_n(to, out_ld, 0.0F);
      for (std::size_t k = 0; k < outputs; ++k) to[k] = options.plan[p].beta * batch.y[s * outputs + k];
    }
  }

  turn_couplings(pass, turned);
  list_inputs(pass, batch.x, workspace.index_.data(), workspace.value_.data(), workspace.start_.data());
  drive_first(pass, workspace.index_.data(), workspace.value_.data(), workspace.start_.data());

  // the samples of a group share the weights in cache; groups do not touch the bits
  const auto crew = static_cast<std::size_t>(std::max(1, threads));
  const std::size_t size = std::min(kShardSamples, (pass.batch + crew - 1) / crew);
  const std::size_t groups = (pass.batch + size - 1) / size;
  workspace.multiply_adds_.assign(groups, 0);
  parallel_for(groups, threads, [&](std::size_t g) {
    thread_local std::vector<Item> items;
    thread_local std::vector<deep::Mail> mail;
    const Range range{g * size, std::min(pass.batch, (g + 1) * size)};
    Group group{pass, options, workspace.nudge_.data(), workspace.changed_.data(), workspace.change_.data(), line, items, mail};
    group.start_free(range);
    group.settle(options.free_sweeps, true);
    group.report(report);
    for (std::size_t s = range.begin; s < range.end; ++s) {
      for (std::size_t p = 1; p < workspace.stored_.size(); ++p) {
        if (workspace.stored_[p] != 0) continue;
        report.traces[p * pass.batch + s] = report.traces[s];
        report.traces[p * pass.batch + s].sweeps = 0;
      }
    }
    group.start_nudged(range);
    group.settle(options.nudged_sweeps, false);
    group.report(report);
    workspace.multiply_adds_[g] = group.multiply_adds;
  });
}

}  // namespace eqprop
