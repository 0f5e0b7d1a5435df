#pragma once
// The samples on which a gradient is looked at.
#include <algorithm>

#include "eqprop/data/dataset.h"
#include "eqprop/learn/gradient.h"

namespace eqprop {

/// The first `count` samples of the training set in the seed's first order; all of them when fewer.
template <class T>
GradientBatch<T> gradient_batch(const Dataset& data, std::uint32_t seed, std::size_t count) {
  const auto order = shuffled(data.size(), seed, 0);
  Batch<T> batch;
  batch.fill(data, std::span(order).first(std::min(count, data.size())));
  return {batch.x, batch.y, batch.ids};
}

}  // namespace eqprop
