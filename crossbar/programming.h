#pragma once
// How a wanted change of weights becomes pulses, and what programming did.
#include <cstdint>

#include "base/random.h"
#include "crossbar/tile.h"

namespace eqprop {

/// How many pulses a wanted change dw gives; step = nominal step of the device in weight units.
enum class PulseMode {
  sign,         ///< one pulse wherever |dw| > sign_threshold
  count,        ///< round(|dw| / step) pulses
  accumulate,   ///< a digital accumulator adds dw; trunc(|sum| / step) pulses are written and taken off it, the remainder stays
  coincidence,  ///< trains of random pulses on lines and outputs: a device is pulsed where both fire, dw is never formed (trains.h)
  tiki_taka,  ///< coincidences on a fast array, whose lines are read by turns and accumulated for the slow one: of a coupling, not of an array
};

/// Which device of a pair moves. A weight on one device gets pulses of both polarities there.
enum class PairRule {
  toward_middle,  ///< SET pulses (up: G+, down: G-) while G+ + G- is below the middle of the window, else RESET pulses on the other device:
                  ///< always the device with more room left, so the common mode cannot creep to a bound
  alternate,      ///< SET and RESET by turns, by the parity of the pair's pulses so far
};

/// The rule of an array.
struct PulsePlan {
  PulseMode mode = PulseMode::accumulate;
  PairRule pair = PairRule::toward_middle;
  int max_pulses = 16;  ///< most pulses on one weight in one update, 1..4096; accumulate keeps what is left over
  int least_pulses =
      1;  ///< fewest, 1..max_pulses; accumulate waits until a weight needs as many: fewer writes, of devices with write noise
  double sign_threshold = 0;  ///< [weight] for sign
  int train_length = 31;      ///< most slots of a train, 1..32; coincidence

  /// Throws InputError(config) that names field, value and allowed range.
  void validate() const;
};

/// Write-verify: read, pulse towards the target, until within tolerance.
struct WriteVerify {
  double tolerance = 5e-6;  ///< [S] on each device
  int max_pulses = 2000;    ///< per device and pass
  int passes = 1;           ///< times that all devices are gone through, 1..100: later ones mend what half-selected cells suffered

  void validate() const;
};

/// What a call of write-verify did. Devices, not pairs.
struct WriteReport {
  std::int64_t devices = 0;
  std::int64_t pulses = 0;
  std::int64_t verify_reads = 0;
  std::int64_t missed = 0;          ///< devices left outside the tolerance
  std::int64_t stuck = 0;           ///< of these, devices that moved less than the preset's stuck threshold
  std::int64_t clipped = 0;         ///< weights wanted outside the weight window
  std::int64_t clipped_pulses = 0;  ///< of the pulses, those that ended at a bound of their device
  double read_siemens = 0;          ///< [S] sum over verify reads of the conductance read: their energy is v^2 t times this
  WriteReport& operator+=(const WriteReport& other);
};

/// What an update did, or many.
struct UpdateReport {
  std::int64_t wanted = 0;   ///< weights with a wanted change other than zero
  std::int64_t written = 0;  ///< weights that got pulses
  std::int64_t pulses = 0;
  std::int64_t capped = 0;   ///< weights whose pulses were cut to max_pulses
  std::int64_t clipped = 0;  ///< of the pulses, those that ended at a bound of their device: stuck, or no room left
  UpdateReport& operator+=(const UpdateReport& other);
};

/// What pulses lose on their way: [S], like the conductance of a cell under the whole voltage.
struct PulseLoss {
  double wire = 0;
  double driver = 0;
  PulseLoss& operator+=(const PulseLoss& other);
};

/// Pulses of one block of lines by polarity, with their energy.
struct PulseTotals {
  std::int64_t set = 0;
  std::int64_t reset = 0;
  std::int64_t clipped = 0;  ///< of both, those that ended at a bound of their device's own window (of a stuck device: all)
  double set_siemens = 0;    ///< [S] sum over pulses of the mean conductance before and after, times the squared share of the voltage there
  double reset_siemens = 0;  ///< [S]
  PulseLoss set_loss;
  PulseLoss reset_loss;
  PulseTotals& operator+=(const PulseTotals& other);
};

class PulseTally;
struct WriteDrop;
class Lives;
/// What pulses on a tile meet beside its devices' law, and who counts them; null: nothing, nobody.
struct TileWrite {
  PulseTally* tally = nullptr;
  const WriteDrop* drop = nullptr;
  const Lives* lives = nullptr;  ///< in write-verify, after each pulse; elsewhere the caller ends lives after a call
};

/// Pulses on one block of lines (see kLineBlock) of a tile towards `wanted` (outputs x lines of the whole tile, [weight]).
/// weight_step: weight change of a nominal pulse. Leaves the tile's sums to Tile::refresh.
UpdateReport update_block(Tile& tile, Eigen::Index block, const Eigen::Ref<const Eigen::MatrixXf>& wanted, const DevicePreset& device,
                          const PulsePlan& plan, double weight_step, std::uint32_t seed, const Place& place, PulseTotals& totals,
                          const TileWrite& write = {});

/// Noise of a verify read: sd(G) = sqrt(white^2 + (proportional G)^2).
struct VerifyNoise {
  float white = 0;         ///< [S]
  float proportional = 0;  ///< [1]
};

/// Write-verify of one block of lines of a tile to `target` weights times `scale` [S per weight], pairs centred in the window; a reference column
/// to its middle. A target of NaN leaves a weight as it is, unread; the reference of a line is then left as well.
WriteReport write_block(Tile& tile, Eigen::Index block, const Eigen::Ref<const Eigen::MatrixXf>& target, double scale,
                        const DevicePreset& device, const WriteVerify& how, const VerifyNoise& noise, std::uint32_t seed,
                        const Place& place, PulseTotals& totals, const TileWrite& write = {});

}  // namespace eqprop
