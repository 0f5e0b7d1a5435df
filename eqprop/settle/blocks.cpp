// Exact-block sweeps, and the pieces that all methods are made of.
#include <cmath>

#include "crossbar/kernel/random_lanes.h"
#include "eqprop/settle/sweeps.h"

namespace eqprop {
namespace {

// values <- the nearest of 2^bits levels between the layer's bounds; what is not a number stays
template <class T>
void round_states(const Layer& layer, int bits, Out<T> values) {
  Bounds bounds = activation_bounds(layer);
  if (layer.activation == Activation::linear) bounds = {-kLinearStateRange, kLinearStateRange};
  const T low = static_cast<T>(bounds.low);
  const T range = static_cast<T>(bounds.high - bounds.low);
  const T steps = static_cast<T>(std::ldexp(1.0, bits) - 1);
  for (Index c = 0; c < values.cols(); ++c)
    for (Index r = 0; r < values.rows(); ++r) {
      T level = std::round((values(r, c) - low) / range * steps);
      if (level < 0) level = 0;
      if (level > steps) level = steps;
      values(r, c) = low + level / steps * range;
    }
}

}  // namespace

template <class T>
Block<T> minimiser(Shard<T>& shard, const TermContext<T>& context, int l) {
  const Network<T>& network = context.network;
  const Index units = network.layer(l).size;
  Block<T> field = shard.buffers().field.shape(units, context.columns);
  Block<T> curvature = shard.buffers().curvature.shape(units, context.columns);
  field.setZero();
  curvature.setZero();
  bool curved = false;
  for (const auto& term : network.terms()) curved |= add_field<T>(term, context, l, field, curvature);
  if (curved)
    activate<T>(network.layer(l), field, curvature);
  else
    activate<T>(network.layer(l), field);
  return field;
}

template <class T>
void disturb(Shard<T>& shard, const TermContext<T>& context, int l, int part, Out<T> values) {
  const SettleOptions& options = shard.options();
  if (options.activation_noise > 0) {
    const RandomKey key(shard.run().seed, Purpose::activation_noise, static_cast<std::uint32_t>(2 * l + part));
    auto& noise = shard.buffers().noise;
    noise.resize(static_cast<std::size_t>(values.rows()));
    const Eigen::Map<const Eigen::VectorXf> drawn(noise.data(), values.rows());
    for (Index i = 0; i < values.cols(); ++i) {
      Place place = context.place.place;
      place.sample = context.place.samples[static_cast<std::size_t>(i)];
      random_lanes::fill_normal(key, place, 0, noise.data(), noise.size());
      values.col(i) += static_cast<T>(options.activation_noise) * drawn.template cast<T>();
    }
  }
  if (options.state_bits > 0) round_states<T>(context.network.layer(l), options.state_bits, values);
}

template <class T>
void note_update(Shard<T>& shard, const TermContext<T>& context, int l, const In<T>& before, const In<T>& after) {
  for (Index i = 0; i < context.columns; ++i)
    shard.note_change(i, (after.col(i) - before.col(i)).cwiseAbs().template maxCoeff<Eigen::PropagateNaN>());
  context.network.coupling(l - 1).count_update(after.rows(), context.columns, context.place.place, shard.run());
}

template <class T>
void sweep_blocks(Shard<T>& shard, int sweep) {
  shard.start_sweep();
  const TermContext<T> c = shard.context(shard.buffers().re.now, sweep);
  in_order(shard.options().method, shard.moving_layers(), [&](int l) {
    Block<T> next = minimiser(shard, c, l);
    disturb<T>(shard, c, l, 0, next);
    auto s = shard.buffers().re.now.layer(l, 0, c.columns);
    note_update<T>(shard, c, l, s, next);
    s = next;
  });
}

template Block<float> minimiser<float>(Shard<float>&, const TermContext<float>&, int);
template Block<double> minimiser<double>(Shard<double>&, const TermContext<double>&, int);
template void disturb<float>(Shard<float>&, const TermContext<float>&, int, int, Out<float>);
template void disturb<double>(Shard<double>&, const TermContext<double>&, int, int, Out<double>);
template void note_update<float>(Shard<float>&, const TermContext<float>&, int, const In<float>&, const In<float>&);
template void note_update<double>(Shard<double>&, const TermContext<double>&, int, const In<double>&, const In<double>&);
template void sweep_blocks<float>(Shard<float>&, int);
template void sweep_blocks<double>(Shard<double>&, int);

}  // namespace eqprop
