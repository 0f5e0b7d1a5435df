// Event-driven sweeps, the meaning of the method on any coupling: a unit computes from what its neighbours last told and tells its own
// state when it is further than the threshold from what it last told. A sample that no longer moves tells everything and does plain sweeps
// until they move nothing either, mostly one: the residual is that of a plain sweep. The budget's last sweep is plain too.
#include <algorithm>
#include <cmath>

#include "eqprop/settle/sweeps.h"

namespace eqprop {
namespace {

// the units of one column that are further than `threshold` from what they told tell it; what is not a number is told as well
template <class T>
void tell(State<T>& told, const State<T>& now, int l, Index column, T threshold, std::uint32_t& count) {
  auto old = told.layer(l).col(column);
  const auto s = now.layer(l).col(column);
  for (Index r = 0; r < s.size(); ++r)
    if (!(std::abs(s[r] - old[r]) <= threshold)) {
      old[r] = s[r];
      ++count;
    }
}

// which columns do plain sweeps from now on: those that no longer move, and all at the end of the budget
template <class T>
void choose_plain(Shard<T>& shard, int sweep) {
  ShardBuffers<T>& b = shard.buffers();
  const SettleOptions& options = shard.options();
  for (Index i = 0; i < shard.active(); ++i) {
    const auto k = static_cast<std::size_t>(i);
    const bool rests = sweep > 1 && static_cast<double>(b.change[k]) <= options.tolerance && options.tolerance > 0;
    if (b.exact[k] != 0 || !(rests || sweep >= options.budget)) continue;
    b.exact[k] = 1;
    for (int l = 1; l <= shard.moving_layers(); ++l) tell(b.other, b.re.now, l, i, T(0), b.told[k]);
  }
}

}  // namespace

template <class T>
void start_events(Shard<T>& shard) {
  ShardBuffers<T>& b = shard.buffers();
  b.other = b.re.now;  // the start is known to everybody
  shard.follow(b.other);
  std::fill(b.exact.begin(), b.exact.end(), std::uint8_t{0});
}

template <class T>
void sweep_events(Shard<T>& shard, int sweep) {
  ShardBuffers<T>& b = shard.buffers();
  choose_plain(shard, sweep);
  shard.start_sweep();
  const TermContext<T> c = shard.context(b.other, sweep);
  for (int l = 1; l <= shard.moving_layers(); ++l) {
    Block<T> next = minimiser(shard, c, l);
    disturb<T>(shard, c, l, 0, next);
    auto s = b.re.now.layer(l, 0, c.columns);
    note_update<T>(shard, c, l, s, next);
    s = next;
    for (Index i = 0; i < c.columns; ++i) {
      const auto k = static_cast<std::size_t>(i);
      tell(b.other, b.re.now, l, i, b.exact[k] != 0 ? T(0) : static_cast<T>(shard.options().threshold), b.told[k]);
    }
  }
}

template void start_events<float>(Shard<float>&);
template void start_events<double>(Shard<double>&);
template void sweep_events<float>(Shard<float>&, int);
template void sweep_events<double>(Shard<double>&, int);

}  // namespace eqprop
