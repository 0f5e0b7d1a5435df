#include "eqprop/settle/settle.h"

#include <algorithm>

#include "base/check.h"
#include "eqprop/settle/difference.h"
#include "eqprop/settle/sweeps.h"

namespace eqprop {
namespace {

template <class T>
void start(Shard<T>& shard) {
  switch (shard.options().method) {
    case Method::event_driven:
      return start_events(shard);
    case Method::synchronous:
    case Method::euler:
      return start_all_at_once(shard);
    case Method::anderson:
      return start_anderson(shard);
    default:
      return;
  }
}

template <class T>
void sweep_once(Shard<T>& shard, int sweep) {
  switch (shard.options().method) {
    case Method::event_driven:
      return sweep_events(shard, sweep);
    case Method::synchronous:
    case Method::euler:
      return sweep_all_at_once(shard, sweep);
    case Method::anderson:
      return sweep_anderson(shard, sweep);
    default:
      return sweep_blocks(shard, sweep);
  }
}

// the given state is the free one; it gets the difference added
template <class T>
void settle_by_difference(const Network<T>& network, const Boundary<T>& boundary, State<T>& state, const SettleOptions& options,
                          const ReadPlace& place, Workspace<T>& workspace, SettleReport& report, Run& run) {
  settle_difference(network, boundary, state, workspace.delta, options, place, workspace, report, run);
  for (int l = 1; l <= network.depth(); ++l) state.layer(l) += workspace.delta.layer(l);
}

}  // namespace

template <class T>
void begin_phase(const Network<T>& network, const ReadPlace& place, const Run& run) {
  for (int c = 1; c < network.coupling_count(); ++c) network.coupling(c).begin_phase(place.place, run.threads);
}

template <class T>
void drive_input(const Network<T>& network, const In<T>& input, Out<T> drive, const ReadPlace& place, Run& run) {
  Workspace<T> workspace;
  drive_input<T>(network, input, drive, place, workspace, run);
}

template <class T>
void drive_input(const Network<T>& network, const In<T>& input, Out<T> drive, const ReadPlace& place, Workspace<T>& workspace, Run& run) {
  network.coupling(0).begin_phase(place.place, run.threads);
  over_shards<T>(static_cast<std::size_t>(input.cols()), workspace, run, [&](std::size_t, Range range, Run& own) {
    const auto first = static_cast<Index>(range.begin);
    const auto count = static_cast<Index>(range.size());
    ReadPlace part = place;
    part.samples = place.samples.subspan(range.begin, range.size());
    auto out = drive.middleCols(first, count);
    out.setZero();
    network.coupling(0).drive(input.middleCols(first, count), out, part, own);
  });
}

template <class T>
void settle(const Network<T>& network, const Boundary<T>& boundary, State<T>& state, const SettleOptions& options, const ReadPlace& place,
            Workspace<T>& workspace, SettleReport& report, Run& run) {
  if (options.method == Method::difference) return settle_by_difference(network, boundary, state, options, place, workspace, report, run);
  const auto batch = static_cast<std::size_t>(state.batch());
  check_boundary(network, boundary, state.batch(), place);
  report.resize(batch);
  begin_phase(network, place, run);
  const NoiseFloor floor = predict_floor(network, boundary, options, workspace);
  over_shards<T>(batch, workspace, run, [&](std::size_t i, Range range, Run& own) {
    Shard<T> shard(network, boundary, options, floor, place, range, 1, workspace.shards[i], own);
    shard.load(state, shard.buffers().re);
    start(shard);
    for (int sweep = 1; sweep <= shard.last_sweep() && shard.active() > 0; ++sweep) {
      sweep_once(shard, sweep);
      shard.end_sweep(sweep, report);
    }
    shard.finish();
    shard.store(shard.buffers().re.now, state);
  });
  run.clock += report.second.empty() ? 0 : *std::max_element(report.second.begin(), report.second.end());
}

template <class T>
SettleReport settle(const Network<T>& network, const Boundary<T>& boundary, State<T>& state, const SettleOptions& options,
                    const ReadPlace& place, Workspace<T>& workspace, Run& run) {
  SettleReport report;
  settle(network, boundary, state, options, place, workspace, report, run);
  return report;
}

template void begin_phase<float>(const Network<float>&, const ReadPlace&, const Run&);
template void begin_phase<double>(const Network<double>&, const ReadPlace&, const Run&);
template void drive_input<float>(const Network<float>&, const In<float>&, Out<float>, const ReadPlace&, Run&);
template void drive_input<double>(const Network<double>&, const In<double>&, Out<double>, const ReadPlace&, Run&);
template void drive_input<float>(const Network<float>&, const In<float>&, Out<float>, const ReadPlace&, Workspace<float>&, Run&);
template void drive_input<double>(const Network<double>&, const In<double>&, Out<double>, const ReadPlace&, Workspace<double>&, Run&);
template void settle<float>(const Network<float>&, const Boundary<float>&, State<float>&, const SettleOptions&, const ReadPlace&,
                            Workspace<float>&, SettleReport&, Run&);
template void settle<double>(const Network<double>&, const Boundary<double>&, State<double>&, const SettleOptions&, const ReadPlace&,
                             Workspace<double>&, SettleReport&, Run&);
template SettleReport settle<float>(const Network<float>&, const Boundary<float>&, State<float>&, const SettleOptions&, const ReadPlace&,
                                    Workspace<float>&, Run&);
template SettleReport settle<double>(const Network<double>&, const Boundary<double>&, State<double>&, const SettleOptions&,
                                     const ReadPlace&, Workspace<double>&, Run&);

}  // namespace eqprop
