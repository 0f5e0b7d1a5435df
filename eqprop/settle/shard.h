#pragma once
// One shard of one settle: the first active() columns still move, stopped ones are swapped behind them. What all methods share: the copy of
// the boundary, per-sample stopping with compaction, the noise floor, hardware time and the report. Internal to eqprop/settle.
#include <optional>
#include <span>

#include "base/parallel.h"
#include "eqprop/settle/settle.h"

namespace eqprop {

/// Expected mean-square change between two sweeps of a unit if nothing but noise moved it.
struct NoiseFloor {
  std::span<const double> reads;  ///< per layer, of units inside their bounds
  double activation = 0;          ///< of every unit
  bool any() const;
};

template <class T>
class Shard {
 public:
  /// Copies the shard's part of the boundary. `parts` is 2 for complex states, else 1.
  Shard(const Network<T>& network, const Boundary<T>& boundary, const SettleOptions& options, const NoiseFloor& floor,
        const ReadPlace& place, Range range, int parts, ShardBuffers<T>& buffers, Run run);

  const Network<T>& network() const { return network_; }
  const SettleOptions& options() const { return options_; }
  ShardBuffers<T>& buffers() { return b_; }
  Run& run() { return run_; }
  Index active() const { return active_; }
  Index columns() const { return columns_; }
  double beta() const { return beta_; }
  bool noisy() const { return noisy_; }
  double floor_of(int l) const { return floor_.reads[static_cast<std::size_t>(l)]; }
  bool held() const { return b_.held.cols() > 0; }
  /// The layers that move: without the last one where it is held.
  int moving_layers() const { return network_.depth() - (held() ? 1 : 0); }
  /// Most sweeps: those of the budget and of the average after it.
  int last_sweep() const { return options_.budget + (noisy_ ? options_.noise_window : 0); }

  /// Takes the shard's columns of `from`; held outputs go over them. Its columns move with the samples from now on.
  void load(const State<T>& from, Tracked<T>& to);
  /// The columns of `state` move with the samples from now on.
  void follow(State<T>& state) { b_.moving.push_back(&state); }
  /// What terms may look at in this sweep, with `state` as the neighbours' states.
  TermContext<T> context(const State<T>& state, int sweep);
  ConstBlock<T> moving_part(const Buffer<T>& b) const;
  /// No column has moved yet in this sweep.
  void start_sweep();
  /// Notes that `column` has moved by `change`; what is not a number wins, and stays.
  void note_change(Index column, T change);
  /// Compares what noise predicts, stops what has settled, is averaged, diverged or at its budget.
  void end_sweep(int sweep, SettleReport& report);
  /// Charges the phase and passes measured states on.
  void finish();
  /// The shard's columns of `from` in their order.
  void store(const State<T>& from, State<T>& to) const;

 private:
  template <class Body>
  void each_tracked(Body body) {
    body(b_.re);
    if (parts_ == 2) body(b_.im);
  }
  double sweep_second() const;
  void watch_noise(int sweep);
  void retire(int sweep, SettleReport& report);
  void stop(Index i, StopReason reason, int sweep, SettleReport& report);
  void swap_columns(Index a, Index z);

  const Network<T>& network_;
  const SettleOptions& options_;
  NoiseFloor floor_;
  ReadPlace place_;
  Range range_;
  int parts_;
  ShardBuffers<T>& b_;
  Run run_;
  double beta_;
  bool noisy_;
  double noise_scale_;                   // what a sweep of the method passes on of the predicted change
  std::optional<Boundary<T>> boundary_;  // views cannot be assigned, only made anew
  Index columns_ = 0;
  Index active_ = 0;
};

/// The floor of every layer, kept in the workspace: read noise and converter steps of its couplings, and the activation noise.
template <class T>
NoiseFloor predict_floor(const Network<T>& network, const Boundary<T>& boundary, const SettleOptions& options, Workspace<T>& workspace);

/// Logic errors of whoever calls a settle: shapes, and held outputs of a network with a read-out.
template <class T>
void check_boundary(const Network<T>& network, const Boundary<T>& boundary, Index batch, const ReadPlace& place);

/// Runs body(shard index, its range, a Run with the shard's own ledger) over the batch and merges the ledgers in shard order.
template <class T, class Body>
void over_shards(std::size_t batch, Workspace<T>& workspace, Run& run, const Body& body) {
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

}  // namespace eqprop
