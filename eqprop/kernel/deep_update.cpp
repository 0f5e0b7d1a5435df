// The weight changes: sum_k w_k post_k pre_k' = sum_{k<K} w_k (post_k - post_K) pre_k' + post_K (sum_k w_k (pre_k - pre_K))', K the last phase
// of the plan, since the weights sum to zero. Differences are formed before they are multiplied, and units that no phase moved drop out.
#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/parallel.h"
#include "eqprop/kernel/deep_pass.h"

namespace eqprop {
namespace {

constexpr std::size_t kPushFloats = 8192;  // a block's part of the other layer: half fits a first-level cache, the rest streams

}  // namespace

// one coupling's change is a sum over pairs of left right', a pair being a sample and a phase; a sample alone for the input's coupling,
// whose right side no phase changes
struct DeepUpdate {
  const DeepPass& pass;
  DeepWorkspace& space;
  const std::vector<ChainPhase>& plan;
  std::size_t c;
  float rate;  // over the batch
  const DeepCoupling& coupling = pass.weights.couplings[c];
  std::size_t phases = plan.size();
  std::size_t pairs = c == 0 ? pass.batch : pass.batch * phases;
  std::size_t lines = static_cast<std::size_t>(coupling.by_output ? coupling.outputs : coupling.inputs);
  std::size_t ld = pass.ld(coupling.by_output ? c : c + 1);

  const float* last(std::size_t layer, std::size_t sample) const { return pass.value(layer, pass.state(phases), sample); }

  // [count] of factor * sum_k w_k (s_k - s_K)
  void difference(std::size_t layer, std::size_t sample, std::size_t first, std::size_t count, float factor, float* out) const {
    const float* base = last(layer, sample) + first;
    std::fill_n(out, count, 0.0F);
    for (std::size_t k = 0; k + 1 < phases; ++k) {
      const float* s = pass.value(layer, pass.state(k + 1), sample) + first;
      const float weight = factor * plan[k].weight;
      for (std::size_t i = 0; i < count; ++i) out[i] += weight * (s[i] - base[i]);
    }
  }

  // the upper layer's part of a pair, with the rate
  void post(std::size_t pair, std::size_t first, std::size_t count, float* out) const {
    const std::size_t sample = pair / phases;
    const std::size_t k = pair % phases;
    const float* base = last(c + 1, sample) + first;
    if (k + 1 == phases) {
      for (std::size_t i = 0; i < count; ++i) out[i] = rate * base[i];
      return;
    }
    const float* s = pass.value(c + 1, pass.state(k + 1), sample) + first;
    const float weight = rate * plan[k].weight;
    for (std::size_t i = 0; i < count; ++i) out[i] = weight * (s[i] - base[i]);
  }

  // the lower layer's
  void pre(std::size_t pair, std::size_t first, std::size_t count, float* out) const {
    const std::size_t sample = pair / phases;
    const std::size_t k = pair % phases;
    if (k + 1 == phases)
      difference(c, sample, first, count, 1, out);
    else
      std::copy_n(pass.value(c, pass.state(k + 1), sample) + first, count, out);
  }

  void take(std::size_t line, std::size_t pair, float value) const {
    if (value == 0) return;
    const std::size_t at = line * pairs + space.count_.data()[line]++;
    space.who_.data()[at] = static_cast<std::uint32_t>(pair);
    space.what_.data()[at] = value;
  }

  // which pairs a line takes, in their order, and the lines in use
  lanes::Users users() const {
    space.count_.grow(lines);
    space.rows_.grow(lines);
    space.who_.grow(lines * pairs);
    space.what_.grow(lines * pairs);
    space.part_.grow(lines);
    std::fill_n(space.count_.data(), lines, 0U);
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      if (c == 0) {
        const std::uint32_t end = space.start_.data()[(pair + 1) * pass.starts - 1];
        for (std::size_t j = pair * pass.list; j < pair * pass.list + end; ++j) take(space.index_.data()[j], pair, space.value_.data()[j]);
        continue;
      }
      float* part = space.part_.data();
      if (coupling.by_output)
        post(pair, 0, lines, part);
      else
        pre(pair, 0, lines, part);
      for (std::size_t i = 0; i < lines; ++i) take(i, pair, part[i]);
    }
    std::size_t used = 0;
    for (std::size_t i = 0; i < lines; ++i) {
      if (space.count_.data()[i] == 0) continue;
      space.rows_.data()[used++] = static_cast<std::uint32_t>(i);
      space.update_multiply_adds_ += static_cast<double>(space.count_.data()[i] * ld);
    }
    return {space.rows_.data(), used, pairs, space.count_.data(), space.who_.data(), space.what_.data()};
  }

  void change_lines(int threads) const {
    const lanes::Users taken = users();
    const std::size_t width = std::max(lanes::kColumns, kPushFloats / pairs / 16 * 16);
    space.push_.grow(ld * pairs);
    parallel_for((ld + width - 1) / width, threads, [&](std::size_t b) {
      const std::size_t first = b * width;
      const std::size_t columns = std::min(width, ld - first);
      float* push = space.push_.data() + first * pairs;
      for (std::size_t pair = 0; pair < pairs; ++pair) {
        float* to = push + pair * columns;
        if (c == 0)
          difference(1, pair, first, columns, rate, to);
        else if (coupling.by_output)
          pre(pair, first, columns, to);
        else
          post(pair, first, columns, to);
      }
      lanes::update_rows(coupling.lines, ld, first, columns, taken, push);
    });
  }

  void change_bias() const {
    const auto outputs = static_cast<std::size_t>(coupling.outputs);
    space.part_.grow(outputs);
    for (std::size_t s = 0; s < pass.batch; ++s) {
      difference(c + 1, s, 0, outputs, rate, space.part_.data());
      for (std::size_t i = 0; i < outputs; ++i) coupling.bias[i] += space.part_.data()[i];
    }
  }
};

void deep_update(const DeepWeights& weights, const std::vector<float>& rates, int threads, DeepWorkspace& workspace) {
  check(rates.size() == weights.couplings.size() && workspace.layers_.size() == rates.size() + 1 && !workspace.plan_.empty(),
        "deep_update: after deep_settle of the same network with a plan, one rate per coupling");
  const DeepPass pass{weights, workspace, threads};
  workspace.update_multiply_adds_ = 0;
  for (std::size_t c = 0; c < pass.depth; ++c) {
    if (rates[c] == 0) continue;
    const DeepUpdate update{pass, workspace, workspace.plan_, c, rates[c] / static_cast<float>(pass.batch)};
    update.change_lines(threads);
    update.change_bias();
  }
}

}  // namespace eqprop
