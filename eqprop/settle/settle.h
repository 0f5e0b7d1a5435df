#pragma once
// Settling: sweeps to the minimum of the potential. In an exact-block sweep every layer takes its exact minimiser s = act(h, a) given the
// others, so on exact couplings the potential never rises; the other methods move all layers at once. Samples stop one by one.
//   euler         s += dt / tau (act(h, a) - s)
//   anderson      D. G. Anderson, J. ACM 12, 547 (1965), 10.1145/321296.321305; in the form of 10.1137/10078356X, sample by sample
//   event_driven  neighbours see what a unit last told; a sample stops after a plain sweep in which everybody saw everything
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
/// [unit output] what rounded states of an unbounded (linear) layer can hold: +-2.
inline constexpr double kLinearStateRange = 2;
inline constexpr int kMostStateBits = 24;  ///< more are finer than a float
inline constexpr int kLargestMemory = 20;  ///< sweeps that Anderson's extrapolation may look back to

/// The order of updates. Only `forward` to `event_driven` are exact blocks, one layer given the others: descent of the potential is theirs.
enum class Method : std::uint8_t {
  forward,       ///< every layer once, input to output
  backward,      ///< every layer once, output to input
  asynchronous,  ///< the even layers, then the odd ones
  event_driven,  ///< forward; a unit tells its neighbours only when it moved by more than the threshold since it last did
  synchronous,   ///< all layers at once from the states of the sweep before
  euler,         ///< all at once, a step towards the minimiser: ds/dt = act(h) - s, physical time
  anderson,      ///< forward, with Anderson's extrapolation over the last sweeps
  difference,    ///< on the difference from the free state: nudged phases of piecewise linear networks on exact couplings
};

std::string_view method_name(Method method);
Method method_from_name(std::string_view name);  ///< throws InputError(config) naming the accepted names

struct SettleOptions {
  double tolerance = 1e-3;    ///< largest change of any unit in one sweep, [unit output]; 0 runs the whole budget
  int budget = 60;            ///< most sweeps, >= 1
  int noise_window = 4;       ///< K: sweeps over which the change is compared with the noise, and then averaged; >= 1
  double noise_margin = 1.5;  ///< noise floor when mean-square change <= margin x predicted mean-square change
  Method method = Method::forward;
  double step = 0.5;          ///< euler: dt / tau, (0, 1]
  int memory = 5;             ///< anderson: sweeps that are looked back to, 1 .. 20
  double threshold = 2.5e-4;  ///< event_driven: least change of a unit that is told, [unit output]
  /// sd of Gaussian noise that is added to every state at every sweep, after the activation and not clipped to its bounds, [unit output].
  /// The change between sweeps is then noise: the settle ends at its noise floor (never with a noise_margin near 0) or by its budget.
  double activation_noise = 0;
  /// States are rounded to 2^bits levels between the bounds of their activation after every update (linear: +-kLinearStateRange),
  /// clamped outputs excepted; 1 .. 24, 0: not rounded.
  int state_bits = 0;
  /// Throws InputError(config) naming field, value and range.
  void validate() const;
};

/// One value per sample of the batch.
struct SettleReport {
  std::vector<StopReason> reason;
  std::vector<float> residual;        ///< largest change in the last sweep; euler: largest distance from act(h)
  std::vector<std::uint16_t> sweeps;  ///< averaging sweeps included
  std::vector<double> second;         ///< [s] simulated hardware time, 0 on ideal couplings
  std::vector<std::uint32_t> told;    ///< event_driven: how often a unit told its neighbours; 0 of other methods
  std::vector<float> pole;            ///< settle_complex: least distance of a pre-activation to a pole; empty otherwise
  void resize(std::size_t batch);
  std::size_t count(StopReason which) const;
  double sweeps_sum() const;
};

/// A state that settles, with what the noise floor remembers of it.
template <class T>
struct Tracked {
  State<T> now, past, sum;
};

/// Buffers of one shard; they only grow, so that settling allocates nothing once it has seen the largest batch.
template <class T>
struct ShardBuffers {
  Tracked<T> re, im;                  ///< im: the imaginary part of complex states only
  State<T> other;                     ///< event_driven: what was told; difference: the free state; all at once: the next state
  State<T> excess;                    ///< difference: how far the free field is beyond a unit's bound
  std::vector<State<T>> maps, steps;  ///< anderson: where the last sweeps ended, and how far they went
  std::vector<State<T>*> moving;      ///< all states whose columns move with the samples
  Buffer<T> input, drive, target, held, field, curvature, field_im;
  Buffer<double> products;  ///< anderson: of the steps, per column
  std::vector<T> change;
  std::vector<std::uint32_t> samples, told;
  std::vector<int> order, averaging, depth;
  std::vector<std::uint8_t> exact;
  std::vector<double> seconds, norm;
  std::vector<float> noise, pole;
  Ledger ledger;
};

/// Scratch of settle, one set of buffers per shard. Given by the caller; holds no result.
template <class T>
struct Workspace {
  std::vector<ShardBuffers<T>> shards;
  std::vector<double> floor;
  State<T> delta;
};

/// A phase of place.place begins: couplings above the first stand still as they are in it. Settles and feed-forward passes begin with it;
/// drive_input does it for the first coupling.
template <class T>
void begin_phase(const Network<T>& network, const ReadPlace& place, const Run& run);

/// Field of the first layer from the clamped input, read once per batch and shared by the phases: drive (units x batch). It is sweep
/// place.place.sweep; the sweeps of a settle are numbered from place.place.sweep + 1.
template <class T>
void drive_input(const Network<T>& network, const In<T>& input, Out<T> drive, const ReadPlace& place, Workspace<T>& workspace, Run& run);
/// The same with a workspace of its own.
template <class T>
void drive_input(const Network<T>& network, const In<T>& input, Out<T> drive, const ReadPlace& place, Run& run);

/// Settles every sample of the batch from the given state under the boundary. place.samples holds one id per column; place.place.phase
/// keys noise and ledger. Held outputs are set at the start and stay; they need a network without a read-out (std::logic_error). The method
/// `difference` takes `state` as the free equilibrium and leaves the nudged one, see difference.h. Shards of kShardSamples samples run in
/// parallel; results do not depend on run.threads. Allocates nothing when workspace and report have seen a batch as large, and the couplings
/// allocate nothing.
template <class T>
void settle(const Network<T>& network, const Boundary<T>& boundary, State<T>& state, const SettleOptions& options, const ReadPlace& place,
            Workspace<T>& workspace, SettleReport& report, Run& run);
/// The same with a new report.
template <class T>
SettleReport settle(const Network<T>& network, const Boundary<T>& boundary, State<T>& state, const SettleOptions& options,
                    const ReadPlace& place, Workspace<T>& workspace, Run& run);

}  // namespace eqprop
