#pragma once
// A signed logical matrix on tiles of memristor pairs: w = (G+ - G-) / S, or of single devices beside a reference column of the tile:
// w = (G - G_ref) / S. Lines (rows) are inputs, the last one the bias, driven at 1; columns are outputs, two device columns each, or one. A matrix larger than a tile is split evenly; partial sums of line tiles pass their own ADC
// and are added digitally. A logical input x is the voltage x * read_volt / dac.range.
//   S = (G_max - G_min) / w_max, w_max = weight_max if given, else weight_headroom * max |initial weight| (bias included)
// A fresh device starts at its lower bound and is written by write-verify to the middle of the window +- S w / 2.
// With a reference column S = (G_max - G_min) / (2 w_max); devices are written to the middle + S w, the reference to the middle.
#include <Eigen/Core>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "crossbar/aging.h"
#include "crossbar/converter.h"
#include "crossbar/converter_design.h"
#include "crossbar/converter_errors.h"
#include "crossbar/device/device.h"
#include "crossbar/direction.h"
#include "crossbar/disturb.h"
#include "crossbar/faults.h"
#include "crossbar/fluctuation.h"
#include "crossbar/programming.h"
#include "crossbar/slow_noise.h"
#include "crossbar/tile.h"
#include "crossbar/tile_wires.h"
#include "crossbar/trains.h"
#include "crossbar/wire_use.h"
#include "crossbar/write_scheme.h"
#include "energy/run.h"

namespace eqprop {

/// Gaussian noise of a device's conductance, fresh for each read: sd^2 = (white (G_max - G_min))^2 + (proportional G)^2.
struct ReadNoise {
  double white = 0;         ///< [1] 0..1; "0.5 % read noise" is 0.005
  double proportional = 0;  ///< [1] 0..1
};

/// How an array is built, read and written.
struct ArrayOptions {
  DevicePreset device = preset("TaOx-180nm");
  Mapping mapping = Mapping::differential;
  int max_rows = 256;           ///< lines of a tile, bias line included, 1..65536
  int max_cols = 256;           ///< outputs (pairs of device columns) of a tile, 1..65536
  double read_volt = 0.2;       ///< [V] at an input of dac.range, and on the one device of a verify read
  double read_second = 100e-9;  ///< [s] cells are under voltage per read, a verify read too; assumed, the device's source states none
  Converter dac;                ///< range in units of the input, >= 1 since the bias is driven at 1; both directions
  Converter adc_forward;        ///< range in logical output units of one tile's partial sum
  Converter adc_backward;
  ConverterDesign converters;
  ReadNoise read_noise;
  SlowNoise slow_noise;
  FaultOptions faults;
  bool wear_out = false;  ///< devices end where they are after their rated pulses, preset.endurance_min to endurance_max
  FaultMap fault_map;     ///< (inputs + 1) x device columns, or empty
  int copy = 0;           ///< 0..3: arrays of one layer with other numbers have devices drawn apart; above 1 for layers below 64
  PulsePlan plan;
  WriteScheme scheme;
  WriteVerify write;           ///< of the initial weights
  double weight_headroom = 4;  ///< [1] >= 1
  double weight_max = 0;       ///< [weight] > 0 fixes the weight window instead
  WireStage wires;             ///< between the sources and the converters of every tile

  /// Throws InputError(config) that names field, value and allowed range.
  void validate() const;
};

/// Of the magnitudes of the partial sums that reach an ADC, noise left out.
struct PartialSums {
  double max = 0;
  double rms = 0;
  double percentile = 0;  ///< where one was asked for
};

/// Vectors that were read, counted by any number of threads.
class ReadCount {
 public:
  ReadCount() = default;
  ReadCount(const ReadCount& other) : sum_(other.sum()) {}
  ReadCount& operator=(const ReadCount& other) {
    sum_.store(other.sum(), std::memory_order_relaxed);
    return *this;
  }
  void add(std::int64_t vectors) { sum_.fetch_add(vectors, std::memory_order_relaxed); }
  std::int64_t sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> sum_ = 0;
};

class Array {
 public:
  using In = Eigen::Ref<const Eigen::MatrixXf>;
  using Out = Eigen::Ref<Eigen::MatrixXf>;

  /// Draws the devices, then writes `weights`, outputs x (inputs + 1), bias last. Events go to (layer, kPhaseInitialWrite).
  /// Throws InputError(config) for bad options. The seed of `run` names the devices.
  Array(const ArrayOptions& options, int layer, const In& weights, Run& run);

  int inputs() const { return inputs_; }  ///< without the bias
  int outputs() const { return outputs_; }
  int layer() const { return layer_; }
  const ArrayOptions& options() const { return options_; }
  /// [S] conductance difference per unit of weight.
  double siemens_per_weight() const { return scale_; }
  /// Largest |weight| of the window.
  double weight_max() const { return options_.device.window() / (has_reference() ? 2 * scale_ : scale_); }
  bool has_reference() const { return options_.mapping == Mapping::offset_column; }
  /// Weight change of one nominal pulse.
  double weight_step() const { return options_.device.nominal_step() / scale_; }
  /// What the DAC and cells make of the matrix: outputs x (inputs + 1), exact, no events.
  Eigen::MatrixXf weights() const;
  /// What reads of this direction see through the wires: outputs x (inputs + 1); weights() without a wires stage.
  Eigen::MatrixXf seen_weights(Direction direction) const;
  WireUse wire_use() const;
  /// The last column of seen_weights(forward): outputs.
  Eigen::VectorXf biases() const;

  /// out (outputs x b) += read of in (inputs x b) and the bias: dac, wires, Ohm's law, read noise, adc; events to place.phase.
  /// sample_ids (b of them) name the noise, with step, phase and sweep of `place`. Serial; safe from several threads with a Run each.
  /// Counts cell_read (one per sample, of the whole array, with the power of read_power() for cell_second(); behind wires wire_loss and
  /// driver_loss beside it), dac_set, line_drive, adc or adc_clock, and digital_add for sums between tiles; the addition to `out` is the
  /// caller's to count. Serial input: all of these for every bit, no dac_set, and a digital_add for every shifted addition.
  /// A reference column's current is taken off each output's before the ADC; its read noise is the same for all outputs of a tile.
  void forward(const In& in, Out out, std::span<const std::uint32_t> sample_ids, const Place& place, Run& run) const;
  /// out (inputs x b) += transposed read of in (outputs x b) on the same devices; the bias line is not converted.
  /// A reference column is driven with minus the mean of a tile's outputs in a step of its own, and its currents are taken outputs-fold; that
  /// counts a line_drive and, with DACs, a dac_set per tile, and outputs - 1 digital_add per line of tiles for the mean.
  void backward(const In& in, Out out, std::span<const std::uint32_t> sample_ids, const Place& place, Run& run) const;
  /// Vectors that training has read through the wires by other means than forward() and backward().
  void count_reads(std::int64_t vectors) const { reads_.add(vectors); }
  /// So many vectors will be read before the next update: behind wires a tile may be made ready for them.
  void expect_reads(std::int64_t vectors, int threads);
  /// out += exact product (forward: with the bias), no stages, no events.
  void forward_ideal(const In& in, Out out) const;
  void backward_ideal(const In& in, Out out) const;

  /// [W] power under this drive (forward: and the bias), summed over the batch: sum v^2 G of the cells at virtual ground, or with wires
  /// all that the sources deliver, by where it is turned to heat.
  ReadHeat read_power(Direction direction, const In& in) const;
  /// `reads` of such power, `second` [s] each, to a ledger.
  void add_heat(PhaseId phase, std::int64_t reads, const ReadHeat& heat, double second, Ledger& ledger) const;
  /// Devices of the array, two per weight and bias, or one and reference columns; all are under voltage in a read.
  std::int64_t devices() const { return std::int64_t{device_columns()} * (inputs_ + 1); }
  /// `input_rms`: of what the lines are driven with, see noise_rms().
  ReadFloor read_floor(Direction direction, double input_rms = 1) const;
  /// Partial sums for this drive, to calibrate an ADC range; no events. `percentile` (0 < p < 100) of their magnitudes is sorted for if given.
  PartialSums partial_sums(Direction direction, const In& in, double percentile = 100) const;
  /// rms over outputs and tiles of the partial sums that independent drives of mean zero and this rms would give.
  double partial_sum_sd(Direction direction, double drive_rms) const;
  /// Rms of what lines are driven with, in units of the input: of the batch as it is, or with serial input of the pulses of its bits.
  double drive_rms(const Eigen::MatrixXf& in) const;
  /// The same for read_floor(): bits of a serial input count as much as their noise does in the result, and in transposed reads a reference
  /// column as much as the sum that stands for it.
  double noise_rms(Direction direction, const Eigen::MatrixXf& in) const;
  /// [s] cells are under voltage in a read, and a read lasts, all bits of a serial input together.
  double cell_second(Direction direction) const;
  double read_second(Direction direction) const;
  /// In place: what the DACs of the inputs put out for this drive, inputs x b.
  void convert_drive(Out drive) const;
  /// In place: what the ADCs of the first line of tiles make of analog states, outputs x b, by the codes of `adc`.
  void measure(const Converter& adc, Out states) const;
  /// So many conversions to a ledger: events adc, or adc_clock with their time.
  void add_conversions(PhaseId phase, const Converter& adc, std::int64_t conversions, Ledger& ledger) const;
  /// ADC range in logical output units; throws std::logic_error unless > 0.
  void set_adc_range(Direction direction, double range);

  /// Pulses towards a wanted change, outputs x (inputs + 1); events to kPhaseUpdate, noise named by place.step and place.sweep
  /// (< 4096): one call for each.
  /// Threads by run.threads, bits and ledger independent of them. Throws InputError(config) for a verify_only device.
  UpdateReport update(const In& wanted, const Place& place, Run& run);
  /// The same by coincidence trains for the wanted change that the products add up to, which nobody forms. write_circuit counts slots in which
  /// a line or a column of a tile fires, random_number the draws, half_select what they heat in cells that are not pulsed.
  UpdateReport update_trains(std::span<const OuterProduct> products, const Place& place, Run& run);
  /// Reads lines one at a time, alone at 1: out (outputs x lines) = their weights with read noise and ADC; no wires but the cells' own.
  void read_lines(std::span<const int> lines, Out out, const Place& place, Run& run) const;

  /// Conductances stand still from here on as they are in this phase: what slow noise makes of them. One thread calls it, before a phase.
  void begin_phase(const Place& place, int threads) const;
  /// Training has lasted `second` [s] (never less than before) since the array was written: devices drift. Small times add up before anything
  /// is computed.
  void pass_time(double second, int threads);
  /// So much time passes beside training, for devices and slow noise.
  void wait(double second, int threads);
  /// [s] since the array was written.
  double clock() const { return trained_ + waited_; }
  /// Conductances depend on time.
  bool ages() const { return options_.device.drift.any() || options_.slow_noise.any(); }

  /// Sum of the reports of all updates since the array was made.
  const UpdateReport& update_totals() const { return update_totals_; }
  /// Write-verify of a whole matrix, outputs x (inputs + 1), clipped to the weight window; events to `phase`: pulses with their write
  /// circuits, and each verify read as one verify_read (its converters) and one cell_read (read_volt^2 G of its device for read_second).
  /// NaN: leave this weight as it is, unread.
  WriteReport write_verify(const In& target, const WriteVerify& how, PhaseId phase, const Place& place, Run& run);

  /// One verify read of every device of the weights whose `chosen` (outputs x (inputs + 1)) is not NaN, with its noise, by name of `place`:
  /// what they hold, NaN elsewhere. A line's reference is read once. Events as of write_verify.
  Eigen::MatrixXf verify_read(const In& chosen, PhaseId phase, const Place& place, Run& run) const;

  const FaultReport& faults() const { return faults_; }
  /// Pairs of which both devices move, 1 or 0: outputs x (inputs + 1).
  Eigen::MatrixXf sound_pairs() const;
  std::int64_t pulses() const;       ///< total on all devices since they were made
  std::uint32_t pulses_max() const;  ///< most on one device
  const WriteReport& initial_write() const { return initial_write_; }
  std::span<const Tile> tiles() const { return tiles_; }
  std::span<Tile> tiles() { return tiles_; }

  /// All state that changes: conductances, counters, accumulators, ADC ranges, update totals.
  /// restore() wants an array of the same options, shape, seed.
  void save(ByteWriter& out) const;
  void restore(ByteReader& in);

 private:
  Eigen::Index line_cut(int line_tile) const { return Eigen::Index{inputs_ + 1} * line_tile / line_tiles_; }
  int device_columns() const { return has_reference() ? outputs_ + column_tiles_ : 2 * outputs_; }
  Eigen::Index column_cut(int column_tile) const { return Eigen::Index{outputs_} * column_tile / column_tiles_; }
  /// The part of a matrix outputs x (inputs + 1) that a tile holds.
  template <class Matrix>
  auto part(Matrix& matrix, std::size_t tile) const {
    const auto& t = tiles_[tile];
    return matrix.block(column_cut(static_cast<int>(tile) % column_tiles_), line_cut(static_cast<int>(tile) / column_tiles_), t.outputs(),
                        t.lines());
  }
  void read(Direction direction, const In& in, Out out, std::span<const std::uint32_t> sample_ids, const Place& place, Run& run) const;
  /// One read of all tiles: `drive` is what the lines are set to, noise is numbered from (tile's outputs, to whole blocks) x `plane` on.
  ReadHeat read_tiles(Direction direction, const Eigen::Map<Eigen::MatrixXf>& drive, int plane, Out out,
                      std::span<const std::uint32_t> sample_ids, const Place& place, Run& run) const;
  /// Its events; `heat` is that of the whole batch.
  void count_read(Direction direction, std::int64_t batch, const ReadHeat& heat, PhaseId phase, Ledger& ledger) const;
  /// Conversions that one ADC makes one after another.
  int turns(Direction direction) const;
  /// The instances of ADCs and DACs, by name from the seed.
  void draw_converters();
  /// Runs body(item, tile, block of lines, what its pulses meet, totals) on every block in parallel, then moves what they half-selected; brings
  /// sums up to date and books the pulses in block order. `trains`: of coincidences, else null.
  template <class Body>
  void program(Body body, HalfOrder order, const Place& place, Run& run, const Trains* trains = nullptr);
  /// What the pulses of this call did to half-selected cells, in joules [J].
  double disturb(HalfOrder order, const Place& place, const Trains* trains, int threads);
  void book_pulses(const PulseTotals& sum, PhaseId phase, Ledger& ledger) const;
  void make_tiles();
  void retire_devices(int threads);
  void check_trainable() const;
  UpdateReport book_update(Run& run);
  void book_trains(const Trains& trains, double half_joule, Ledger& ledger) const;
  void age(double to, int threads);

  /// A block of lines that is programmed, and what the last call did to it.
  struct Item {
    std::size_t tile;
    Eigen::Index block;
    PulseTotals totals;
    UpdateReport update;
    double half_joule;  // [J] of half-selected cells
  };

  ArrayOptions options_;
  int layer_ = 0;
  std::uint32_t seed_ = 0;
  int inputs_ = 0;
  int outputs_ = 0;
  int line_tiles_ = 1;  // tiles along the lines, bias included
  int column_tiles_ = 1;
  double scale_ = 1;  // [S] per unit of weight
  /// [S] outputs x lines of a tile as reads of this direction meet it.
  const Eigen::MatrixXf& seen(std::size_t tile, Direction direction) const {
    if (!in_phase_) return wires_.empty() ? tiles_[tile].difference : wires_[tile].toward(direction).matrix;
    return wires_.empty() ? frames_[tile] : wired_frames_[direction == Direction::forward ? 0 : 1][tile];
  }
  /// [S] of a tile's reference column in transposed reads, as tile_power().
  double reference_power(std::size_t tile, const In& drive) const;
  /// Mean over the numbers of a transposed drive: half of their squares and of those of their tiles' sums.
  double summed_square(const Eigen::MatrixXf& drive) const;
  /// [S] power of a batch on one tile per squared volt-unit; squares: sum over the batch of each line's squared drive.
  ReadHeat tile_power(std::size_t tile, Direction direction, const In& drive, const Eigen::Ref<const Eigen::VectorXd>& squares) const;
  ReadFloor wired_floor(Direction direction, double input_rms) const;
  ReadFloor plain_floor(Direction direction, double input_rms) const;
  /// Reads of this tile are solves of its circuit.
  bool solved(std::size_t tile) const { return !wires_.empty() && wires_[tile].solving(); }
  /// After the cells have changed.
  void refresh_wires(int threads);

  std::vector<Tile> tiles_;                               // [line tile][column tile]
  std::vector<TileWires> wires_;                          // the same, or empty
  std::vector<ConverterErrors> adc_errors_[2];            // of forward and backward reads, by tile, or empty
  ConverterErrors dac_errors_[2];                         // of inputs and outputs, or empty
  mutable ReadCount reads_;                               // through the wires
  std::vector<Aging> ages_;                               // the same, or empty
  double trained_ = 0;                                    // [s]
  double waited_ = 0;                                     // [s] beside training
  double aged_ = 0;                                       // [s] devices are as they were then
  mutable std::vector<Fluctuation> fluctuations_;         // of the tiles, or empty
  mutable std::vector<Eigen::MatrixXf> frames_;           // [S] what reads see in this phase,
  mutable std::vector<Eigen::MatrixXf> wired_frames_[2];  // and behind wires, forward and transposed
  mutable bool in_phase_ = false;                         // frames are those of the present cells
  std::vector<Item> items_;                               // all blocks of all tiles, tile by tile
  std::vector<PulseTally> tallies_;                       // of the tiles, or empty
  PulseStrength strength_;                                // of pulses of less than their voltage
  FaultReport faults_;
  WriteReport initial_write_;
  UpdateReport update_totals_;
};

}  // namespace eqprop
