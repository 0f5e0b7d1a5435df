#pragma once
// One sweep of every method over the active columns of a shard, and the pieces they are made of. Internal to eqprop/settle.
#include "eqprop/settle/shard.h"

namespace eqprop {

/// Calls body(l) for the layers 1 .. layers in the order of an exact-block method.
template <class Body>
void in_order(Method method, int layers, const Body& body) {
  if (method == Method::backward) {
    for (int l = layers; l >= 1; --l) body(l);
  } else if (method == Method::asynchronous) {
    for (int l = 2; l <= layers; l += 2) body(l);
    for (int l = 1; l <= layers; l += 2) body(l);
  } else {
    for (int l = 1; l <= layers; ++l) body(l);
  }
}

/// act(h, a) of layer l given the neighbours in `context`, in the shard's buffer.
template <class T>
Block<T> minimiser(Shard<T>& shard, const TermContext<T>& context, int l);
/// What an update adds to new states: activation noise (part 0: real, 1: imaginary), then the rounding of states.
template <class T>
void disturb(Shard<T>& shard, const TermContext<T>& context, int l, int part, Out<T> values);
/// Notes the change of every active column, and charges the neurons of layer l.
template <class T>
void note_update(Shard<T>& shard, const TermContext<T>& context, int l, const In<T>& before, const In<T>& after);

/// forward, backward, asynchronous: one layer given the others.
template <class T>
void sweep_blocks(Shard<T>& shard, int sweep);

/// event_driven: call start before the first sweep, and sweep.
template <class T>
void start_events(Shard<T>& shard);
template <class T>
void sweep_events(Shard<T>& shard, int sweep);

/// synchronous, euler.
template <class T>
void start_all_at_once(Shard<T>& shard);
template <class T>
void sweep_all_at_once(Shard<T>& shard, int sweep);

/// anderson.
template <class T>
void start_anderson(Shard<T>& shard);
template <class T>
void sweep_anderson(Shard<T>& shard, int sweep);

}  // namespace eqprop
