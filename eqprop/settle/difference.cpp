#include "eqprop/settle/difference.h"

#include <algorithm>

#include "base/check.h"
#include "eqprop/settle/sweeps.h"

namespace eqprop {
namespace {

// e: how far the free field is beyond a unit's bound, 0 inside
template <class T>
void find_excess(Shard<T>& shard) {
  ShardBuffers<T>& b = shard.buffers();
  const Network<T>& network = shard.network();
  const TermContext<T> c = shard.context(b.other, 0);
  b.excess.reshape(network.sizes(), shard.columns());
  for (int l = 1; l <= network.depth(); ++l) {
    const Bounds bounds = activation_bounds(network.layer(l));
    const auto s = b.other.layer(l).array();
    Block<T> field = b.field.shape(network.layer(l).size, shard.columns());
    Block<T> unused = b.curvature.shape(field.rows(), field.cols());
    field.setZero();
    for (const auto& term : network.terms())
      if (std::holds_alternative<DenseTerm>(term)) add_field<T>(term, c, l, field, unused);
    const auto beyond = (s <= T(bounds.low) && field.array() < s) || (s >= T(bounds.high) && field.array() > s);
    b.excess.layer(l).array() = beyond.select(field.array() - s, T(0));
  }
}

template <class T>
void update_layer(Shard<T>& shard, const TermContext<T>& c, int l) {
  ShardBuffers<T>& b = shard.buffers();
  const Network<T>& network = shard.network();
  const auto free = b.other.layer(l, 0, c.columns);
  auto delta = b.re.now.layer(l, 0, c.columns);
  Block<T> next = b.field.shape(delta.rows(), c.columns);
  next = b.excess.layer(l, 0, c.columns);
  if (l > 1) network.coupling(l - 1).forward_unbiased(b.re.now.layer(l - 1, 0, c.columns), next, c.place, shard.run());
  if (l < network.depth()) network.coupling(l).backward(b.re.now.layer(l + 1, 0, c.columns), next, c.place, shard.run());
  if (l == network.depth() && shard.beta() != 0) {
    const T beta = static_cast<T>(shard.beta());
    next = (next + beta * (c.boundary.target - free)) / (T(1) + beta);
  }
  const Bounds bounds = activation_bounds(network.layer(l));
  // compared so that what is not a number stays
  for (Index i = 0; i < c.columns; ++i)
    for (Index r = 0; r < next.rows(); ++r) {
      T& v = next(r, i);
      const T low = T(bounds.low) - free(r, i);
      const T high = T(bounds.high) - free(r, i);
      v = v < low ? low : v;
      v = v > high ? high : v;
    }
  note_update<T>(shard, c, l, delta, next);
  delta = next;
}

template <class T>
void settle_shard(Shard<T>& shard, const State<T>& free, Range range, State<T>& delta, SettleReport& report) {
  ShardBuffers<T>& b = shard.buffers();
  const Network<T>& network = shard.network();
  const auto first = static_cast<Index>(range.begin);
  b.other.reshape(network.sizes(), shard.columns());
  for (int l = 1; l <= network.depth(); ++l) b.other.layer(l) = free.layer(l, first, shard.columns());
  find_excess(shard);
  b.re.now.reshape(network.sizes(), shard.columns());
  if (shard.held()) b.re.now.layer(network.depth()) = b.held.block() - b.other.layer(network.depth());
  for (State<T>* state : {&b.re.now, &b.other, &b.excess}) shard.follow(*state);
  const Method method = shard.options().method;
  const Method order = method == Method::forward || method == Method::asynchronous ? method : Method::backward;
  for (int sweep = 1; sweep <= shard.last_sweep() && shard.active() > 0; ++sweep) {
    shard.start_sweep();
    const TermContext<T> c = shard.context(b.re.now, sweep);
    in_order(order, shard.moving_layers(), [&](int l) { update_layer(shard, c, l); });
    shard.end_sweep(sweep, report);
  }
  shard.finish();
  shard.store(b.re.now, delta);
}

}  // namespace

template <class T>
bool difference_applies(const Network<T>& network) {
  if (network.cost() != Cost::squared_error) return false;
  for (int l = 1; l <= network.depth(); ++l) {
    const Activation a = network.layer(l).activation;
    if (a != Activation::hard_sigmoid && a != Activation::clipped_relu && a != Activation::linear) return false;
  }
  for (int c = 0; c < network.coupling_count(); ++c)
    if (!network.coupling(c).is_ideal()) return false;
  return std::none_of(network.terms().begin(), network.terms().end(),
                      [](const Term<T>& term) { return std::holds_alternative<UserTerm<T>>(term); });
}

template <class T>
void settle_difference(const Network<T>& network, const Boundary<T>& boundary, const State<T>& free, State<T>& delta,
                       const SettleOptions& options, const ReadPlace& place, Workspace<T>& workspace, SettleReport& report, Run& run) {
  check(difference_applies(network), "differences settle in piecewise linear networks with squared error and ideal couplings only");
  check(options.activation_noise == 0 && options.state_bits == 0, "differences know neither noise nor rounding of states");
  check_boundary(network, boundary, free.batch(), place);
  const auto batch = static_cast<std::size_t>(free.batch());
  report.resize(batch);
  begin_phase(network, place, run);
  delta.reshape(network.sizes(), free.batch());
  const NoiseFloor floor = predict_floor(network, boundary, options, workspace);
  over_shards<T>(batch, workspace, run, [&](std::size_t i, Range range, Run& own) {
    Shard<T> shard(network, boundary, options, floor, place, range, 1, workspace.shards[i], own);
    settle_shard(shard, free, range, delta, report);
  });
}

template bool difference_applies<float>(const Network<float>&);
template bool difference_applies<double>(const Network<double>&);
template void settle_difference<float>(const Network<float>&, const Boundary<float>&, const State<float>&, State<float>&,
                                       const SettleOptions&, const ReadPlace&, Workspace<float>&, SettleReport&, Run&);
template void settle_difference<double>(const Network<double>&, const Boundary<double>&, const State<double>&, State<double>&,
                                        const SettleOptions&, const ReadPlace&, Workspace<double>&, SettleReport&, Run&);

}  // namespace eqprop
