#pragma once
// A workspace seen as the arrays of one batch; shared by deep.cpp (settling) and deep_update.cpp.
#include "eqprop/kernel/chain_lanes.h"
#include "eqprop/kernel/deep.h"

namespace eqprop {

struct DeepPass {
  const DeepWeights& weights;
  DeepWorkspace& space;
  int threads;
  std::size_t depth = weights.couplings.size();  // the number of the output layer
  std::size_t batch = static_cast<std::size_t>(space.batch_);
  std::size_t n0 = static_cast<std::size_t>(weights.couplings[0].inputs);
  std::size_t list = n0 + lanes::kListSlack;
  std::size_t starts = (n0 + lanes::kRowBlock - 1) / lanes::kRowBlock + 1;

  std::size_t size(std::size_t layer) const { return space.layers_[layer].size; }
  std::size_t ld(std::size_t layer) const { return space.layers_[layer].ld; }
  float* value(std::size_t layer, std::size_t state, std::size_t sample) const {
    return space.layers_[layer].value.data() + (state * batch + sample) * ld(layer);
  }
  float* field(std::size_t layer, std::size_t state, std::size_t sample) const {
    return space.layers_[layer].field.data() + (state * batch + sample) * ld(layer);
  }
  std::size_t state(std::size_t phase) const { return static_cast<std::size_t>(space.stored_[phase]); }

  // a coupling's lines per unit of the lower layer, and per unit of the upper
  const float* up(std::size_t c) const {
    return weights.couplings[c].by_output ? space.turned_[c].lines.data() : weights.couplings[c].lines;
  }
  const float* down(std::size_t c) const {
    return weights.couplings[c].by_output ? weights.couplings[c].lines : space.turned_[c].lines.data();
  }
};

}  // namespace eqprop
