// All layers at once, from the states of the sweep before: the whole step (synchronous), or a part of it (euler, ds/dt = act(h) - s).
#include "eqprop/settle/sweeps.h"

namespace eqprop {

template <class T>
void start_all_at_once(Shard<T>& shard) {
  shard.buffers().other.reshape(shard.network().sizes(), shard.columns());
}

template <class T>
void sweep_all_at_once(Shard<T>& shard, int sweep) {
  shard.start_sweep();
  ShardBuffers<T>& b = shard.buffers();
  const bool whole = shard.options().method == Method::synchronous;
  const T step = whole ? T(1) : static_cast<T>(shard.options().step);
  const TermContext<T> c = shard.context(b.re.now, sweep);
  for (int l = 1; l <= shard.moving_layers(); ++l) {
    const auto s = b.re.now.layer(l, 0, c.columns);
    auto next = b.other.layer(l, 0, c.columns);
    next = minimiser(shard, c, l);
    if (whole) disturb<T>(shard, c, l, 0, next);
    note_update<T>(shard, c, l, s, next);  // the distance from act(h), whatever the step
    if (whole) continue;
    next = s + step * (next - s);
    disturb<T>(shard, c, l, 0, next);
  }
  for (int l = 1; l <= shard.moving_layers(); ++l) b.re.now.layer(l, 0, c.columns) = b.other.layer(l, 0, c.columns);
}

template void start_all_at_once<float>(Shard<float>&);
template void start_all_at_once<double>(Shard<double>&);
template void sweep_all_at_once<float>(Shard<float>&, int);
template void sweep_all_at_once<double>(Shard<double>&, int);

}  // namespace eqprop
