// The weight changes: sum_k w_k post_k pre_k' = sum_{k<K} w_k (post_k - post_K) pre_k' + post_K (sum_k w_k (pre_k - pre_K))', K the last phase
// of the plan, since the weights sum to zero. Differences are formed before they are multiplied, and units that no phase moved drop out.
#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/parallel.h"
#include "eqprop/kernel/deep_pass.h"

namespace eqprop {
namespace {

// a coupling's change is sum over pairs of left * right', a pair being a sample and a phase; K pairs per sample
struct Update {
  const DeepPass& pass;
  const std::vector<ChainPhase>& plan;

  std::size_t phases() const { return plan.size(); }
  std::size_t pairs() const { return pass.batch * phases(); }

  // [count] of rate * sum_k w_k (s_k - s_K)
  void difference(std::size_t layer, std::size_t sample, std::size_t first, std::size_t count, float rate, float* out) const {
    const float* last = pass.value(layer, pass.state(phases()), sample) + first;
    std::fill_n(out, count, 0.0F);
    for (std::size_t k = 0; k + 1 < phases(); ++k) {
      const float* s = pass.value(layer, pass.state(k + 1), sample) + first;
      const float factor = rate * plan[k].weight;
      for (std::size_t c = 0; c < count; ++c) out[c] += factor * (s[c] - last[c]);
    }
  }

  // the upper layer's part of a pair, with the rate
  void post(std::size_t layer, std::size_t pair, std::size_t first, std::size_t count, float rate, float* out) const {
    const std::size_t sample = pair / phases();
    const std::size_t k = pair % phases();
    const float* last = pass.value(layer, pass.state(phases()), sample) + first;
    if (k + 1 == phases()) {
      for (std::size_t c = 0; c < count; ++c) out[c] = rate * last[c];
      return;
    }
    const float* s = pass.value(layer, pass.state(k + 1), sample) + first;
    const float factor = rate * plan[k].weight;
    for (std::size_t c = 0; c < count; ++c) out[c] = factor * (s[c] - last[c]);
  }

  // the lower layer's
  void pre(std::size_t layer, std::size_t pair, std::size_t first, std::size_t count, float* out) const {
    const std::size_t sample = pair / phases();
    const std::size_t k = pair % phases();
    if (k + 1 == phases())
      difference(layer, sample, first, count, 1, out);
    else
      std::copy_n(pass.value(layer, pass.state(k + 1), sample) + first, count, out);
  }
};

}  // namespace

void deep_update(const DeepWeights& weights, const std::vector<float>& rates, int threads, DeepWorkspace& workspace) {
  check(rates.size() == weights.couplings.size() && workspace.layers_.size() == rates.size() + 1 && !workspace.plan_.empty(),
        "deep_update: after deep_settle of the same network with a plan, one rate per coupling");
  const DeepPass pass{weights, workspace, threads};
  const Update update{pass, workspace.plan_};
  const auto batch = static_cast<float>(pass.batch);
  const std::size_t phases = update.phases();
  double multiply_adds = 0;

  for (std::size_t c = 0; c < pass.depth; ++c) {
    const DeepCoupling& coupling = weights.couplings[c];
    const float rate = rates[c] / batch;
    if (rate == 0) continue;
    const bool first_layer = c == 0;
    const std::size_t n_pairs = first_layer ? pass.batch : update.pairs();
    const auto lines = static_cast<std::size_t>(coupling.by_output ? coupling.outputs : coupling.inputs);
    const std::size_t ld = pass.ld(coupling.by_output ? c : c + 1);

    // which pairs a line takes, in their order
    workspace.count_.grow(lines);
    workspace.rows_.grow(lines);
    workspace.who_.grow(lines * n_pairs);
    workspace.what_.grow(lines * n_pairs);
    std::uint32_t* count = workspace.count_.data();
    std::uint32_t* who = workspace.who_.data();
    float* what = workspace.what_.data();
    std::fill_n(count, lines, 0U);
    const auto take = [&](std::size_t i, std::size_t pair, float v) {
      const std::size_t at = i * n_pairs + count[i];
      who[at] = static_cast<std::uint32_t>(pair);
      what[at] = v;
      count[i] += v != 0;
    };
    if (first_layer) {
      for (std::size_t s = 0; s < pass.batch; ++s) {
        const std::uint32_t end = workspace.start_.data()[(s + 1) * pass.starts - 1];
        for (std::uint32_t j = 0; j < end; ++j)
          take(workspace.index_.data()[s * pass.list + j], s, workspace.value_.data()[s * pass.list + j]);
      }
    } else {
      workspace.bias_.grow(pass.ld(c) + pass.ld(c + 1));
      float* line = workspace.bias_.data();
      for (std::size_t pair = 0; pair < n_pairs; ++pair) {
        if (coupling.by_output)
          update.post(c + 1, pair, 0, lines, rate, line);
        else
          update.pre(c, pair, 0, lines, line);
        for (std::size_t i = 0; i < lines; ++i) {
          if (count[i] < n_pairs) take(i, pair, line[i]);
        }
      }
    }
    std::size_t n_rows = 0;
    for (std::size_t i = 0; i < lines; ++i) {
      if (count[i] == 0) continue;
      workspace.rows_.data()[n_rows++] = static_cast<std::uint32_t>(i);
      multiply_adds += static_cast<double>(count[i] * ld);
    }
    const lanes::Users users{workspace.rows_.data(), n_rows, n_pairs, count, who, what};

    // a block's part of the other layer fits a first-level cache
    const std::size_t cached = std::max(lanes::kColumns, 8192 / n_pairs / 16 * 16);
    const std::size_t blocks = (ld + cached - 1) / cached;
    workspace.push_.grow(ld * n_pairs);
    parallel_for(blocks, threads, [&](std::size_t b) {
      const std::size_t first = b * cached;
      const std::size_t columns = std::min(cached, ld - first);
      float* push = workspace.push_.data() + first * n_pairs;
      for (std::size_t pair = 0; pair < n_pairs; ++pair) {
        float* to = push + pair * columns;
        if (first_layer)
          update.difference(1, pair, first, columns, rate, to);
        else if (coupling.by_output)
          update.pre(c, pair, first, columns, to);
        else
          update.post(c + 1, pair, first, columns, rate, to);
      }
      lanes::update_rows(coupling.lines, ld, first, columns, users, push);
    });

    const std::size_t n_bias = static_cast<std::size_t>(coupling.outputs);
    workspace.bias_.grow(pass.ld(c + 1));
    float* change = workspace.bias_.data();
    for (std::size_t s = 0; s < pass.batch; ++s) {
      update.difference(c + 1, s, 0, n_bias, rate, change);
      for (std::size_t i = 0; i < n_bias; ++i) coupling.bias[i] += change[i];
    }
  }
  (void)phases;
  workspace.update_multiply_adds_ = multiply_adds;
}

}  // namespace eqprop
