#pragma once
// Settling: asynchronous block sweeps to the minimum of the potential. A sweep updates every layer once, bottom to top, each with its exact
// minimiser s = act(h, a) given the others, so on exact couplings the potential never rises. Samples stop one by one.
#include <cstdint>
#include <string_view>
#include <vector>

#include "eqprop/model/network.h"

namespace eqprop {

/// Why a sample stopped.
enum class StopReason : std::uint8_t {
  tolerance,    ///< no unit changed by more than the tolerance in the last sweep
  noise_floor,  ///< the change over the last sweeps is what read noise and converter steps alone predict; states were averaged
  budget,       ///< the sweeps ran out
  diverged,     ///< a unit is not finite or beyond any meaning
};

/// [unit output] a change of a unit in one sweep that no sane network comes near: the sample has diverged.
inline constexpr double kDivergedChange = 1e6;

/// The order of updates. Only `forward` to `event_driven` are exact blocks, one layer given the others: descent of the potential is theirs.
enum class Method : std::uint8_t {
  forward,       ///< every layer once, input to output
  backward,      ///< every layer once, output to input
  asynchronous,  ///< the even layers, then the odd ones
  event_driven,  ///< forward; a unit tells its neighbours only when it moved by more than the threshold since it last did
  synchronous,   ///< all layers at once from the states of the sweep before
  euler,         ///< all at once, a step towards the minimiser: ds/dt = act(h) - s, physical time
  anderson,      ///< synchronous with Anderson's extrapolation over the last sweeps
  difference,    ///< forward, on the difference from the free state: nudged phases of piecewise linear networks on exact couplings
};
std::string_view method_name(Method method);
Method method_from_name(std::string_view name);  ///< throws InputError(config) naming the accepted names

struct SettleOptions {
  double tolerance = 1e-3;    ///< largest change of any unit in one sweep, [unit output]; 0 runs the whole budget
  int budget = 60;            ///< most sweeps, >= 1
  int noise_window = 4;       ///< K: sweeps over which the change is compared with the noise, and then averaged; >= 1
  double noise_margin = 1.5;  ///< noise floor when mean-square change <= margin x predicted mean-square change
  Method method = Method::forward;
  double step = 0.5;             ///< euler: dt / tau, (0, 1]
  int memory = 5;                ///< anderson: sweeps that are looked back to, 1 .. 20
  double threshold = 2.5e-4;     ///< event_driven: least change of a unit that is told, [unit output]
  double activation_noise = 0;   ///< sd of Gaussian noise on every state at every sweep, [unit output]
  int state_bits = 0;            ///< states rounded to this many bits of their range after every update; 0: not rounded
  /// Throws InputError(config) naming field, value and range.
  void validate() const;
};

/// One value per sample of the batch.
struct SettleReport {
  std::vector<StopReason> reason;
  std::vector<float> residual;        ///< largest change in the last sweep
  std::vector<std::uint16_t> sweeps;  ///< averaging sweeps included
  std::vector<double> second;         ///< [s] simulated hardware time, 0 on ideal couplings
  void resize(std::size_t batch);
  std::size_t count(StopReason which) const;
  double sweeps_sum() const;
};

/// Buffers of one shard; they only grow, so that settling allocates nothing once it has seen the largest batch.
template <class T>
struct ShardBuffers {
  State<T> state, past, sum;
  Buffer<T> input, drive, target, field, curvature;
  std::vector<T> change;
  std::vector<std::uint32_t> samples;
  std::vector<int> order, averaging;
  std::vector<double> seconds;
  Ledger ledger;
};

/// Scratch of settle, one set of buffers per shard. Given by the caller; holds no result.
template <class T>
struct Workspace {
  std::vector<ShardBuffers<T>> shards;
  std::vector<double> floor;
};

/// Field of the first layer from the clamped input, read once per batch and shared by the phases: drive (units x batch). It is sweep
/// place.place.sweep; the sweeps of a settle are numbered from place.place.sweep + 1.
template <class T>
void drive_input(const Network<T>& network, const In<T>& input, Out<T> drive, const ReadPlace& place, Workspace<T>& workspace, Run& run);
/// The same with a workspace of its own.
template <class T>
void drive_input(const Network<T>& network, const In<T>& input, Out<T> drive, const ReadPlace& place, Run& run);

/// Settles every sample of the batch from the given state under the boundary. place.samples holds one id per column; place.place.phase
/// keys noise and ledger. Shards of kShardSamples samples run in parallel; results do not depend on run.threads. Allocates nothing when
/// workspace and report have seen a batch as large, and the couplings allocate nothing.
template <class T>
void settle(const Network<T>& network, const Boundary<T>& boundary, State<T>& state, const SettleOptions& options, const ReadPlace& place,
            Workspace<T>& workspace, SettleReport& report, Run& run);
/// The same with a new report.
template <class T>
SettleReport settle(const Network<T>& network, const Boundary<T>& boundary, State<T>& state, const SettleOptions& options,
                    const ReadPlace& place, Workspace<T>& workspace, Run& run);

}  // namespace eqprop
