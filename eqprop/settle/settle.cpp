#include "eqprop/settle/settle.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/check.h"
#include "base/parallel.h"

namespace eqprop {
namespace {

// one shard of one settle: the first `active` columns still move, stopped ones are swapped behind them
template <class T>
class ShardSettle {
 public:
  ShardSettle(const Network<T>& network, const Boundary<T>& boundary, const SettleOptions& options, std::span<const double> noise_floor,
              const ReadPlace& place, Range range, ShardBuffers<T>& buffers, Run run)
      : network_(network),
        options_(options),
        floor_(noise_floor),
        place_(place),
        range_(range),
        b_(buffers),
        run_(run),
        beta_(boundary.beta),
        noisy_(std::any_of(floor_.begin(), floor_.end(), [](double v) { return v > 0; })) {
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
    b_.samples.assign(place.samples.begin() + first, place.samples.begin() + first + columns_);
    b_.order.resize(range.size());
    std::iota(b_.order.begin(), b_.order.end(), 0);
    b_.averaging.assign(range.size(), 0);
    b_.seconds.assign(range.size(), 0.0);
    b_.change.assign(range.size(), T(0));
  }

  void run(State<T>& state, SettleReport& report) {
    load(state);
    for (int sweep = 1; sweep <= options_.budget + (noisy_ ? options_.noise_window : 0) && active_ > 0; ++sweep) {
      one_sweep(sweep);
      if (noisy_) watch_noise(sweep);
      retire(sweep, report);
    }
    finish();
    store(state);
  }

 private:
  // [s] of one sweep: clocked reads one after the other, analog loops all at once
  double sweep_second() const {
    double reads = 0;
    double loop = 0;
    for (int c = 0; c < network_.coupling_count(); ++c) {
      const bool read_out = c >= network_.depth();
      if ((c > 0 && !read_out) || (read_out && beta_ != 0)) reads += 2 * network_.coupling(c).read_second();
      loop = std::max(loop, network_.coupling(c).settle_second());
    }
    // a sweep sets a layer to its minimiser; a neuron comes as near as the tolerance in this many time constants
    const double constants = std::log(1 / (options_.tolerance > 0 ? options_.tolerance : 1e-3));
    return reads + loop * constants;
  }

  void load(const State<T>& state) {
    b_.state.reshape(network_.sizes(), columns_);
    for (int l = 1; l <= network_.depth(); ++l) b_.state.layer(l) = state.layer(l, static_cast<Index>(range_.begin), columns_);
    if (noisy_) {
      b_.past = b_.state;
      b_.sum.reshape(network_.sizes(), columns_);
    }
  }

  TermContext<T> context(int sweep) {
    const auto moving = [&](const Buffer<T>& b) {
      const ConstBlock<T> m = b.block();
      return ConstBlock<T>(m.data(), m.rows(), m.cols() ? active_ : 0, Eigen::OuterStride<>(m.rows()));
    };
    boundary_.emplace(Boundary<T>{moving(b_.input), moving(b_.drive), moving(b_.target), beta_});
    ReadPlace place = place_;
    place.samples = std::span(b_.samples).first(static_cast<std::size_t>(active_));
    place.place.sweep += static_cast<std::uint32_t>(sweep);
    return {network_, b_.state, *boundary_, active_, place, run_};
  }

  void one_sweep(int sweep) {
    const TermContext<T> c = context(sweep);
    std::fill_n(b_.change.begin(), active_, T(0));
    for (int l = 1; l <= network_.depth(); ++l) {
      const Index units = b_.state.size(l);
      Block<T> field = b_.field.shape(units, active_);
      Block<T> curvature = b_.curvature.shape(units, active_);
      field.setZero();
      curvature.setZero();
      bool curved = false;
      for (const auto& term : network_.terms()) curved |= add_field<T>(term, c, l, field, curvature);
      if (curved)
        activate<T>(network_.layer(l), field, curvature);
      else
        activate<T>(network_.layer(l), field);
      auto s = b_.state.layer(l, 0, active_);
      for (Index i = 0; i < active_; ++i) {
        const T change = (field.col(i) - s.col(i)).cwiseAbs().template maxCoeff<Eigen::PropagateNaN>();
        // written so that a change that is not a number wins, and stays
        T& largest = b_.change[static_cast<std::size_t>(i)];
        if (!(change <= largest) && !std::isnan(largest)) largest = change;
      }
      s = field;
      network_.coupling(l - 1).count_update(units, active_, c.place.place, run_);
    }
  }

  // compares the change over K sweeps with what noise alone predicts, starts and feeds the average
  void watch_noise(int sweep) {
    for (Index i = 0; i < active_; ++i)
      if (b_.averaging[static_cast<std::size_t>(i)] > 0)
        for (int l = 1; l <= network_.depth(); ++l) b_.sum.layer(l).col(i) += b_.state.layer(l).col(i);
    if (sweep % options_.noise_window != 0) return;
    for (Index i = 0; i < active_; ++i) {
      double moved = 0;
      double expected = 0;
      for (int l = 1; l <= network_.depth(); ++l) {
        const Bounds bounds = activation_bounds(network_.layer(l));
        const auto now = b_.state.layer(l).col(i).array();
        const auto then = b_.past.layer(l).col(i).array();
        const auto free = (now > T(bounds.low) && now < T(bounds.high)) || (then > T(bounds.low) && then < T(bounds.high));
        moved += static_cast<double>((now - then).square().sum());
        expected += floor_[static_cast<std::size_t>(l)] * static_cast<double>(free.count());
        b_.past.layer(l).col(i) = now;
      }
      auto& averaging = b_.averaging[static_cast<std::size_t>(i)];
      if (averaging == 0 && sweep > options_.noise_window && moved <= options_.noise_margin * expected)
        averaging = options_.noise_window + 1;
    }
  }

  void retire(int sweep, SettleReport& report) {
    for (Index i = active_; i-- > 0;) {
      const auto k = static_cast<std::size_t>(i);
      auto& averaging = b_.averaging[k];
      const double change = static_cast<double>(b_.change[k]);
      if (!(change < kDivergedChange)) {
        stop(i, StopReason::diverged, sweep, report);
      } else if (change <= options_.tolerance && options_.tolerance > 0) {
        stop(i, StopReason::tolerance, sweep, report);
      } else if (averaging > 0) {
        if (--averaging == 0) {
          for (int l = 1; l <= network_.depth(); ++l) b_.state.layer(l).col(i) = b_.sum.layer(l).col(i) / T(options_.noise_window);
          stop(i, StopReason::noise_floor, sweep, report);
        }
      } else if (sweep >= options_.budget) {
        stop(i, StopReason::budget, sweep, report);
      }
    }
  }

  void stop(Index i, StopReason reason, int sweep, SettleReport& report) {
    const auto k = static_cast<std::size_t>(i);
    const std::size_t sample = range_.begin + static_cast<std::size_t>(b_.order[k]);
    report.reason[sample] = reason;
    report.residual[sample] = static_cast<float>(b_.change[k]);
    report.sweeps[sample] = static_cast<std::uint16_t>(sweep);
    b_.seconds[k] = sweep_second() * sweep;
    report.second[sample] = b_.seconds[k];
    swap_columns(i, --active_);
  }

  void swap_columns(Index a, Index z) {
    if (a == z) return;
    const auto i = static_cast<std::size_t>(a);
    const auto j = static_cast<std::size_t>(z);
    b_.state.swap_columns(a, z);
    if (noisy_) {
      b_.past.swap_columns(a, z);
      b_.sum.swap_columns(a, z);
    }
    for (Buffer<T>* m : {&b_.input, &b_.drive, &b_.target})
      if (m->cols() > 0) m->block().col(a).swap(m->block().col(z));
    std::swap(b_.change[i], b_.change[j]);
    std::swap(b_.samples[i], b_.samples[j]);
    std::swap(b_.order[i], b_.order[j]);
    std::swap(b_.averaging[i], b_.averaging[j]);
    std::swap(b_.seconds[i], b_.seconds[j]);
  }

  void finish() {
    ReadPlace place = place_;
    place.samples = b_.samples;
    for (int c = 0; c < network_.depth(); ++c) {
      const In<T> pre = c == 0 ? In<T>(b_.input.block()) : In<T>(b_.state.layer(c));
      network_.coupling(c).finish(pre, b_.state.layer(c + 1), b_.seconds, place, run_);
    }
  }

  void store(State<T>& state) {
    for (int l = 1; l <= network_.depth(); ++l) {
      auto out = state.layer(l, static_cast<Index>(range_.begin), columns_);
      for (Index i = 0; i < columns_; ++i) out.col(b_.order[static_cast<std::size_t>(i)]) = b_.state.layer(l).col(i);
    }
  }

  const Network<T>& network_;
  const SettleOptions& options_;
  std::span<const double> floor_;
  ReadPlace place_;
  Range range_;
  ShardBuffers<T>& b_;
  Run run_;
  double beta_;
  bool noisy_;
  std::optional<Boundary<T>> boundary_;  // views cannot be assigned, only made anew
  Index columns_ = 0;
  Index active_ = 0;
};

// expected mean-square change between two sweeps of an unsaturated unit, per layer, if nothing but noise moved it
template <class T>
void predict_floor(const Network<T>& network, double beta, std::vector<double>& floor) {
  floor.assign(static_cast<std::size_t>(network.depth()) + 1, 0.0);
  const auto add = [&](int l, const ReadFloor& f) { floor[static_cast<std::size_t>(l)] += 2 * f.total_sd() * f.total_sd(); };
  for (int c = 1; c < network.depth(); ++c) {  // coupling 0 is read once per batch: its noise is common to all sweeps
    add(c + 1, network.coupling(c).floor(Direction::forward));
    add(c, network.coupling(c).floor(Direction::backward));
  }
  // the read-out pushes the last layer while it is nudged; the noise of its forward read is damped by beta and softmax and left out
  if (network.has_readout() && beta != 0) add(network.depth(), network.coupling(network.depth()).floor(Direction::backward));
}

// runs body(shard index, its range, a Run with the shard's own ledger) over the batch and merges the ledgers in shard order
template <class T, class Body>
void over_shards(std::size_t batch, Workspace<T>& workspace, Run& run, Body body) {
  const std::size_t shards = shard_count(batch);
  if (workspace.shards.size() < shards) workspace.shards.resize(shards);
  parallel_for(shards, run.threads, [&](std::size_t i) {
    Run own = run;
    own.threads = 1;
    if (run.ledger != nullptr) {
      workspace.shards[i].ledger.clear();
      own.ledger = &workspace.shards[i].ledger;
    }
    body(i, shard(batch, i), own);
  });
  if (run.ledger != nullptr)
    for (std::size_t i = 0; i < shards; ++i) *run.ledger += workspace.shards[i].ledger;
}

}  // namespace

void SettleOptions::validate() const {
  const auto fail = [](const std::string& message) { throw InputError(Code::out_of_range, {}, message); };
  if (!(tolerance >= 0 && tolerance < 1))
    fail("settle.tolerance = " + std::to_string(tolerance) + ": expected 0 (whole budget) or a number below 1");
  if (budget < 1 || budget > 60000) fail("settle.budget = " + std::to_string(budget) + ": expected 1 .. 60000 sweeps");
  if (noise_window < 1 || noise_window > 1000)
    fail("settle.noise_window = " + std::to_string(noise_window) + ": expected 1 .. 1000 sweeps");
  if (!(noise_margin > 0 && noise_margin <= 100))
    fail("settle.noise_margin = " + std::to_string(noise_margin) + ": expected a number in (0, 100]");
}

void SettleReport::resize(std::size_t batch) {
  reason.assign(batch, StopReason::budget);
  residual.assign(batch, 0.0F);
  sweeps.assign(batch, 0);
  second.assign(batch, 0.0);
}

std::size_t SettleReport::count(StopReason which) const {
  return static_cast<std::size_t>(std::count(reason.begin(), reason.end(), which));
}

double SettleReport::sweeps_sum() const { return std::accumulate(sweeps.begin(), sweeps.end(), 0.0); }

template <class T>
void drive_input(const Network<T>& network, const In<T>& input, Out<T> drive, const ReadPlace& place, Run& run) {
  Workspace<T> workspace;
  drive_input<T>(network, input, drive, place, workspace, run);
}

template <class T>
void drive_input(const Network<T>& network, const In<T>& input, Out<T> drive, const ReadPlace& place, Workspace<T>& workspace, Run& run) {
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
  const auto batch = static_cast<std::size_t>(state.batch());
  check(place.samples.size() == batch && boundary.drive.cols() == state.batch(), "settle needs one id and one drive column per sample");
  report.resize(batch);
  predict_floor(network, boundary.beta, workspace.floor);
  over_shards<T>(batch, workspace, run, [&](std::size_t i, Range range, Run& own) {
    ShardSettle<T>(network, boundary, options, workspace.floor, place, range, workspace.shards[i], own).run(state, report);
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
