#include "eqprop/settle/shard.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace eqprop {
namespace {

// An Euler step passes on `step` of a read's noise and (1 - step) of the state: the stationary change over K sweeps, relative to a full step.
double noise_scale(const SettleOptions& options) {
  if (options.method != Method::euler) return 1;
  return options.step / (2 - options.step) * (1 - std::pow(1 - options.step, options.noise_window));
}

}  // namespace

bool NoiseFloor::any() const {
  return activation > 0 || std::any_of(reads.begin(), reads.end(), [](double v) { return v > 0; });
}

template <class T>
Shard<T>::Shard(const Network<T>& network, const Boundary<T>& boundary, const SettleOptions& options, const NoiseFloor& floor,
                const ReadPlace& place, Range range, int parts, ShardBuffers<T>& buffers, Run run)
    : network_(network),
      options_(options),
      floor_(floor),
      place_(place),
      range_(range),
      parts_(parts),
      b_(buffers),
      run_(run),
      beta_(boundary.beta),
      noisy_(floor.any()),
      noise_scale_(noise_scale(options)) {
  columns_ = active_ = static_cast<Index>(range.size());
  const auto first = static_cast<Index>(range.begin);
  const auto copy = [&](const ConstBlock<T>& from, Buffer<T>& to) {
    if (from.cols() > 0)
      to.shape(from.rows(), columns_) = from.middleCols(first, columns_);
    else
      to.shape(0, 0);
  };
  copy(boundary.input, b_.input);
  copy(boundary.drive, b_.drive);
  copy(boundary.target, b_.target);
  copy(boundary.held, b_.held);
  b_.moving.clear();
  b_.products.shape(0, 0);
  b_.samples.assign(place.samples.begin() + first, place.samples.begin() + first + columns_);
  b_.order.resize(range.size());
  std::iota(b_.order.begin(), b_.order.end(), 0);
  b_.averaging.assign(range.size(), 0);
  b_.depth.assign(range.size(), 0);
  b_.norm.assign(range.size(), 0.0);
  b_.told.assign(range.size(), 0);
  b_.exact.assign(range.size(), 1);
  b_.seconds.assign(range.size(), 0.0);
  b_.change.assign(range.size(), T(0));
}

template <class T>
void Shard<T>::load(const State<T>& from, Tracked<T>& to) {
  to.now.reshape(network_.sizes(), columns_);
  for (int l = 1; l <= network_.depth(); ++l) to.now.layer(l) = from.layer(l, static_cast<Index>(range_.begin), columns_);
  if (held()) to.now.layer(network_.depth()) = b_.held.block();
  follow(to.now);
  if (!noisy_) return;
  to.past = to.now;
  to.sum.reshape(network_.sizes(), columns_);
  follow(to.past);
  follow(to.sum);
}

template <class T>
ConstBlock<T> Shard<T>::moving_part(const Buffer<T>& b) const {
  const ConstBlock<T> m = b.block();
  return {m.data(), m.rows(), m.cols() > 0 ? active_ : 0, Eigen::OuterStride<>(m.rows())};
}

template <class T>
TermContext<T> Shard<T>::context(const State<T>& state, int sweep) {
  boundary_.emplace(Boundary<T>{moving_part(b_.input), moving_part(b_.drive), moving_part(b_.target), beta_, moving_part(b_.held)});
  ReadPlace place = place_;
  place.samples = std::span(b_.samples).first(static_cast<std::size_t>(active_));
  place.place.sweep += static_cast<std::uint32_t>(sweep);
  return {network_, state, *boundary_, active_, place, run_};
}

template <class T>
void Shard<T>::start_sweep() {
  std::fill_n(b_.change.begin(), active_, T(0));
}

template <class T>
void Shard<T>::note_change(Index column, T change) {
  T& largest = b_.change[static_cast<std::size_t>(column)];
  if (!(change <= largest) && !std::isnan(largest)) largest = change;
}

template <class T>
void Shard<T>::end_sweep(int sweep, SettleReport& report) {
  if (noisy_) watch_noise(sweep);
  retire(sweep, report);
}

// [s] of one sweep: clocked reads one after the other, analog loops all at once
template <class T>
double Shard<T>::sweep_second() const {
  double reads = 0;
  double loop = 0;
  for (int c = 0; c < network_.coupling_count(); ++c) {
    const bool read_out = c >= network_.depth();
    if ((c > 0 && !read_out) || (read_out && beta_ != 0)) reads += 2 * network_.coupling(c).read_second();
    loop = std::max(loop, network_.coupling(c).settle_second());
  }
  // a sweep sets a layer to its minimiser; a neuron comes as near as the tolerance in this many time constants
  const double constants = std::log(1 / (options_.tolerance > 0 ? options_.tolerance : 1e-3));
  return reads + loop * (options_.method == Method::euler ? options_.step : constants);
}

// compares the change over K sweeps with what noise alone predicts, starts and feeds the average
template <class T>
void Shard<T>::watch_noise(int sweep) {
  each_tracked([&](Tracked<T>& t) {
    for (Index i = 0; i < active_; ++i)
      if (b_.averaging[static_cast<std::size_t>(i)] > 0)
        for (int l = 1; l <= network_.depth(); ++l) t.sum.layer(l).col(i) += t.now.layer(l).col(i);
  });
  if (sweep % options_.noise_window != 0) return;
  for (Index i = 0; i < active_; ++i) {
    double moved = 0;
    double expected = 0;
    each_tracked([&](Tracked<T>& t) {
      for (int l = 1; l <= moving_layers(); ++l) {
        const Bounds bounds = activation_bounds(network_.layer(l));
        const auto now = t.now.layer(l).col(i).array();
        const auto then = t.past.layer(l).col(i).array();
        const auto free = (now > T(bounds.low) && now < T(bounds.high)) || (then > T(bounds.low) && then < T(bounds.high));
        moved += static_cast<double>((now - then).square().sum());
        expected += floor_of(l) * noise_scale_ * static_cast<double>(free.count()) + floor_.activation * static_cast<double>(now.size());
      }
      for (int l = 1; l <= network_.depth(); ++l) t.past.layer(l).col(i) = t.now.layer(l).col(i);
    });
    auto& averaging = b_.averaging[static_cast<std::size_t>(i)];
    if (averaging == 0 && sweep > options_.noise_window && moved <= options_.noise_margin * expected) averaging = options_.noise_window + 1;
  }
}

template <class T>
void Shard<T>::retire(int sweep, SettleReport& report) {
  for (Index i = active_; i-- > 0;) {
    const auto k = static_cast<std::size_t>(i);
    auto& averaging = b_.averaging[k];
    const double change = static_cast<double>(b_.change[k]);
    if (!(change < kDivergedChange)) {
      stop(i, StopReason::diverged, sweep, report);
    } else if (b_.exact[k] != 0 && change <= options_.tolerance && options_.tolerance > 0) {
      stop(i, StopReason::tolerance, sweep, report);
    } else if (averaging > 0) {
      if (--averaging == 0) {
        each_tracked([&](Tracked<T>& t) {
          for (int l = 1; l <= moving_layers(); ++l) t.now.layer(l).col(i) = t.sum.layer(l).col(i) / T(options_.noise_window);
        });
        stop(i, StopReason::noise_floor, sweep, report);
      }
    } else if (sweep >= options_.budget) {
      stop(i, StopReason::budget, sweep, report);
    }
  }
}

template <class T>
void Shard<T>::stop(Index i, StopReason reason, int sweep, SettleReport& report) {
  const auto k = static_cast<std::size_t>(i);
  const std::size_t sample = range_.begin + static_cast<std::size_t>(b_.order[k]);
  report.reason[sample] = reason;
  report.residual[sample] = static_cast<float>(b_.change[k]);
  report.sweeps[sample] = static_cast<std::uint16_t>(sweep);
  report.told[sample] = b_.told[k];
  if (parts_ == 2) report.pole[sample] = b_.pole[k];
  b_.seconds[k] = sweep_second() * sweep;
  report.second[sample] = parts_ * b_.seconds[k];
  swap_columns(i, --active_);
}

template <class T>
void Shard<T>::swap_columns(Index a, Index z) {
  if (a == z) return;
  const auto i = static_cast<std::size_t>(a);
  const auto j = static_cast<std::size_t>(z);
  for (State<T>* state : b_.moving) state->swap_columns(a, z);
  for (Buffer<T>* m : {&b_.input, &b_.drive, &b_.target, &b_.held})
    if (m->cols() > 0) m->block().col(a).swap(m->block().col(z));
  if (b_.products.cols() > 0) b_.products.block().col(a).swap(b_.products.block().col(z));
  std::swap(b_.change[i], b_.change[j]);
  std::swap(b_.samples[i], b_.samples[j]);
  std::swap(b_.told[i], b_.told[j]);
  std::swap(b_.order[i], b_.order[j]);
  std::swap(b_.averaging[i], b_.averaging[j]);
  std::swap(b_.depth[i], b_.depth[j]);
  std::swap(b_.norm[i], b_.norm[j]);
  std::swap(b_.exact[i], b_.exact[j]);
  std::swap(b_.seconds[i], b_.seconds[j]);
  if (parts_ == 2) std::swap(b_.pole[i], b_.pole[j]);
}

template <class T>
void Shard<T>::finish() {
  ReadPlace place = place_;
  place.samples = b_.samples;
  each_tracked([&](Tracked<T>& t) {
    for (int c = 0; c < network_.depth(); ++c) {
      const In<T> pre = c == 0 ? In<T>(b_.input.block()) : In<T>(t.now.layer(c));
      network_.coupling(c).finish(pre, t.now.layer(c + 1), b_.seconds, place, run_);
    }
  });
}

template <class T>
void Shard<T>::store(const State<T>& from, State<T>& to) const {
  for (int l = 1; l <= network_.depth(); ++l) {
    auto out = to.layer(l, static_cast<Index>(range_.begin), columns_);
    for (Index i = 0; i < columns_; ++i) out.col(b_.order[static_cast<std::size_t>(i)]) = from.layer(l).col(i);
  }
}

template <class T>
NoiseFloor predict_floor(const Network<T>& network, const Boundary<T>& boundary, const SettleOptions& options, Workspace<T>& workspace) {
  auto& floor = workspace.floor;
  floor.assign(static_cast<std::size_t>(network.depth()) + 1, 0.0);
  const auto add = [&](int l, const ReadFloor& f) { floor[static_cast<std::size_t>(l)] += 2 * f.total_sd() * f.total_sd(); };
  for (int c = 1; c < network.depth(); ++c) {  // coupling 0 is read once per batch: its noise is common to all sweeps
    add(c + 1, network.coupling(c).floor(Direction::forward));
    add(c, network.coupling(c).floor(Direction::backward));
  }
  // the read-out pushes the last layer while it is nudged; the noise of its forward read is damped by beta and softmax and left out
  if (network.has_readout() && boundary.beta != 0) add(network.depth(), network.coupling(network.depth()).floor(Direction::backward));
  double activation = 2 * options.activation_noise * options.activation_noise;
  // noise that every euler step adds stays for 1 / step of them
  if (options.method == Method::euler)
    activation *= (1 - std::pow(1 - options.step, options.noise_window)) / (options.step * (2 - options.step));
  return {floor, activation};
}

template <class T>
void check_boundary(const Network<T>& network, const Boundary<T>& boundary, Index batch, const ReadPlace& place) {
  check(place.samples.size() == static_cast<std::size_t>(batch) && boundary.drive.cols() == batch,
        "settle needs one id and one drive column per sample");
  if (boundary.held.cols() == 0) return;
  check(!network.has_readout(), "held outputs need a network without a read-out");
  check(boundary.held.cols() == batch && boundary.held.rows() == network.outputs(), "held outputs have another shape than the outputs");
}

template class Shard<float>;
template class Shard<double>;
template NoiseFloor predict_floor<float>(const Network<float>&, const Boundary<float>&, const SettleOptions&, Workspace<float>&);
template NoiseFloor predict_floor<double>(const Network<double>&, const Boundary<double>&, const SettleOptions&, Workspace<double>&);
template void check_boundary<float>(const Network<float>&, const Boundary<float>&, Index, const ReadPlace&);
template void check_boundary<double>(const Network<double>&, const Boundary<double>&, Index, const ReadPlace&);

}  // namespace eqprop
