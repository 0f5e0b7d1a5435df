#include "crossbar/array.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/check.h"
#include "base/parallel.h"
#include "crossbar/option_check.h"

namespace eqprop {
namespace {

constexpr int kLayersMax = 256;  // a tile's id is (layer, tile of the layer), 21 bits, since random keys have 24
constexpr int kTilesPerLayer = 1 << 13;

/// [S] per unit of weight.
double weight_scale(const ArrayOptions& o, const Eigen::Ref<const Eigen::MatrixXf>& weights) {
  const double largest = weights.size() ? double{weights.cwiseAbs().maxCoeff()} : 0.0;
  const double window = o.weight_max > 0 ? o.weight_max : o.weight_headroom * largest;
  if (!(window > 0 && window < 1e6))
    throw InputError(Code::weight_window, {}, "the weight window cannot be chosen from initial weights that are all zero or not finite",
                     "set weight_max");
  return o.device.window() / (o.mapping == Mapping::offset_column ? 2 * window : window);
}

}  // namespace

void ArrayOptions::validate() const {
  device.validate();
  check_option("max_rows", max_rows, 1, 65536);
  check_option("max_cols", max_cols, 1, 65536);
  check_option("read_volt [V]", read_volt, 1e-6, 10);
  check_option("read_second [s]", read_second, 1e-12, 1);
  dac.validate("dac");
  check_option("dac.range", dac.range, 1, 1e6);
  adc_forward.validate("adc_forward");
  adc_backward.validate("adc_backward");
  converters.validate(dac, adc_forward);
  converters.validate(dac, adc_backward);
  check_option("read_noise.white", read_noise.white, 0, 1);
  check_option("read_noise.proportional", read_noise.proportional, 0, 1);
  slow_noise.validate();
  faults.validate();
  if (wear_out && device.endurance_min > device.endurance_max && device.endurance_max > 0)
    throw InputError(Code::conflict, {}, "crossbar.wear_out: device.endurance_min is above device.endurance_max",
                     "lives lie between the two: swap them");
  if (wear_out && !(device.endurance_min > 0 && device.endurance_max >= device.endurance_min))
    throw InputError(Code::conflict, {}, "crossbar.wear_out: device " + device.name + " has no rated pulses",
                     "set device.endurance_min and device.endurance_max");
  plan.validate();
  scheme.validate(device);
  write.validate();
  check_option("weight_headroom", weight_headroom, 1, 1e6);
  check_option("weight_max", weight_max, 0, 1e6);
  if (mapping == Mapping::offset_column) {
    const auto refuse = [](const std::string& with, const std::string& remedy) {
      throw InputError(Code::conflict, {}, "crossbar.mapping = \"offset_column\" with " + with, remedy);
    };
    if (wires.model != WireModel::none)
      refuse("wires.model: circuits with resistive lines are those of pairs", "set wires.model = \"none\", or mapping = \"differential\"");
    if (slow_noise.any())
      refuse("crossbar.flicker or telegraph: slow noise is that of pairs", "set both to 0, or mapping = \"differential\"");
    if (plan.pair != PairRule::toward_middle)
      refuse("crossbar.pair = \"alternate\": a weight is one device, which gets all its pulses", "remove pair, or mapping");
    if (scheme.disturbs() || scheme.drops())
      refuse("crossbar.half_select or write resistances: pulses beside their cell are those of pairs", "remove them, or mapping");
  }
  if (wires.model == WireModel::none) return;
  wires.validate();
  if (slow_noise.any() && (wires.model == WireModel::exact || wires.model == WireModel::solve))
    throw InputError(Code::conflict, {},
                     "crossbar.flicker or telegraph with wires.model = \"" + std::string(wire_model_name(wires.model)) +
                         "\": noise from phase to phase passes resistive lines to first order alone",
                     "set wires.model = \"effective\", or both to 0");
}

Array::Array(const ArrayOptions& options, int layer, const In& weights, Run& run)
    : options_(options),
      layer_(layer),
      seed_(run.seed),
      inputs_(static_cast<int>(weights.cols()) - 1),
      outputs_(static_cast<int>(weights.rows())) {
  options_.validate();
  check(options_.copy >= 0 && options_.copy < 4 && layer >= 0 && layer < kLayersMax / (options_.copy > 1 ? 4 : options_.copy + 1),
        "an array's layer is 0..255, of a second array 0..127, of a third and fourth 0..63");
  check(inputs_ >= 1 && outputs_ >= 1, "an array has inputs, a bias column and outputs");
  scale_ = weight_scale(options_, weights);
  line_tiles_ = (inputs_ + options_.max_rows) / options_.max_rows;
  column_tiles_ = (outputs_ + options_.max_cols - 1) / options_.max_cols;
  if (std::int64_t{line_tiles_} * column_tiles_ > kTilesPerLayer)
    throw InputError(Code::conflict, {},
                     "crossbar.max_rows and max_columns: " + std::to_string(std::int64_t{line_tiles_} * column_tiles_) + " tiles of " +
                         std::to_string(options_.max_rows) + " lines and " + std::to_string(options_.max_cols) +
                         " outputs hold this matrix, " + std::to_string(kTilesPerLayer) + " are the most",
                     "raise either");
  make_tiles();
  draw_converters();
  for (std::size_t t = 0; t < tiles_.size(); ++t)
    for (Eigen::Index b = 0; b < tiles_[t].blocks(); ++b) items_.push_back({t, b, {}, {}, 0});
  for (std::size_t t = 0; t < tiles_.size() && options_.slow_noise.any(); ++t) {
    fluctuations_.emplace_back(options_.slow_noise, seed_, tiles_[t]);
    frames_.emplace_back(tiles_[t].outputs(), tiles_[t].lines());
  }
  if (options_.slow_noise.any() && options_.wires.model != WireModel::none)
    for (auto& frames : wired_frames_) frames.resize(tiles_.size());
  if (options_.scheme.disturbs() || options_.scheme.drops()) strength_ = PulseStrength(options_.device, options_.scheme);
  for (std::size_t t = 0; t < tiles_.size() && options_.scheme.disturbs(); ++t)
    tallies_.emplace_back(tiles_[t].outputs(), tiles_[t].lines());
  initial_write_ = write_verify(weights, options_.write, kPhaseInitialWrite, {}, run);
  faults_.missed = initial_write_.missed;
  for (std::size_t t = 0; t < tiles_.size() && options_.device.drift.any(); ++t) ages_.emplace_back(options_.device, seed_, tiles_[t]);
  if (options_.wires.model != WireModel::none) {
    const double window = options_.device.window();
    wires_.reserve(tiles_.size());
    for (std::size_t t = 0; t < tiles_.size(); ++t)
      wires_.emplace_back(options_.wires, CellNoise{options_.read_noise.white * window, options_.read_noise.proportional});
    refresh_wires(run.threads);
  }
}

void Array::make_tiles() {
  const bool squares = options_.read_noise.proportional > 0;
  const bool accumulator = options_.plan.mode == PulseMode::accumulate && options_.device.kind == DeviceKind::pulse;
  const FaultMap& map = options_.fault_map;
  if (map.size() > 0 && (map.rows() != inputs_ + 1 || map.cols() != device_columns()))
    throw InputError(Code::conflict, {},
                     "faults.maps: the map of coupling " + std::to_string(layer_) + " is " + std::to_string(map.rows()) + " x " +
                         std::to_string(map.cols()) + ", the array has " + std::to_string(inputs_ + 1) + " lines (bias last) x " +
                         std::to_string(device_columns()) + " device columns",
                     has_reference() ? "a row per line and a column per output, then one per tile along the outputs for the references"
                                     : "a row per line and two columns per output, G+ first");
  const auto map_of = [&](int r, int c) -> FaultMap {
    if (map.size() == 0) return {};
    if (has_reference()) {
      FaultMap own(line_cut(r + 1) - line_cut(r), column_cut(c + 1) - column_cut(c) + 1);
      own << map.block(line_cut(r), column_cut(c), own.rows(), own.cols() - 1), map.block(line_cut(r), outputs_ + c, own.rows(), 1);
      return own;
    }
    return map.block(line_cut(r), 2 * column_cut(c), line_cut(r + 1) - line_cut(r), 2 * (column_cut(c + 1) - column_cut(c)));
  };
  constexpr int kFirstLayers[] = {0, kLayersMax / 2, kLayersMax / 4, kLayersMax / 4 * 3};  // of the copies
  const int first = (layer_ + kFirstLayers[options_.copy]) * kTilesPerLayer;
  tiles_.reserve(static_cast<std::size_t>(line_tiles_ * column_tiles_));
  for (int r = 0; r < line_tiles_; ++r)
    for (int c = 0; c < column_tiles_; ++c)
      tiles_.push_back(make_tile(options_.device, seed_, static_cast<std::uint32_t>(first + r * column_tiles_ + c),
                                 column_cut(c + 1) - column_cut(c), line_cut(r + 1) - line_cut(r), squares, accumulator, options_.faults,
                                 map_of(r, c), faults_, options_.mapping));
}

Eigen::MatrixXf Array::weights() const {
  Eigen::MatrixXf w(outputs_, inputs_ + 1);
  for (std::size_t t = 0; t < tiles_.size(); ++t) part(w, t) = tiles_[t].difference / static_cast<float>(scale_);
  return w;
}

Eigen::MatrixXf Array::seen_weights(Direction direction) const {
  Eigen::MatrixXf w(outputs_, inputs_ + 1);
  for (std::size_t t = 0; t < tiles_.size(); ++t) part(w, t) = seen(t, direction) / static_cast<float>(scale_);
  return w;
}

void Array::refresh_wires(int threads) {
  parallel_for(wires_.size(), threads, [&](std::size_t t) { wires_[t].refresh(tiles_[t], reads_.sum()); });
}

void Array::expect_reads(std::int64_t vectors, int threads) {
  const std::int64_t reads = vectors * options_.converters.planes(options_.dac);
  parallel_for(wires_.size(), threads, [&](std::size_t t) { wires_[t].expect_reads(tiles_[t], reads); });
}

WireUse Array::wire_use() const {
  WireUse sum;
  for (const TileWires& wires : wires_) sum += wires.use();
  sum.reads = reads_.sum() * static_cast<std::int64_t>(wires_.size());
  return sum;
}

void Array::set_adc_range(Direction direction, double range) {
  check(range > 0, "an ADC range is positive");
  (direction == Direction::forward ? options_.adc_forward : options_.adc_backward).range = range;
}

std::int64_t Array::pulses() const {
  std::int64_t sum = 0;
  for (const auto& tile : tiles_)
    for (const auto* plane : {&tile.plus, &tile.minus}) sum += plane->pulses.cast<std::int64_t>().sum();
  return sum;
}

std::uint32_t Array::pulses_max() const {
  std::uint32_t most = 0;
  for (const auto& tile : tiles_) most = std::max({most, tile.plus.pulses.maxCoeff(), tile.minus.pulses.maxCoeff()});
  return most;
}

void Array::save(ByteWriter& out) const {
  out.put<std::uint32_t>(seed_);
  out.put<std::int32_t>(inputs_);
  out.put<std::int32_t>(outputs_);
  out.put<double>(scale_);
  out.put<double>(options_.adc_forward.range);
  out.put<double>(options_.adc_backward.range);
  const auto& u = update_totals_;
  for (const std::int64_t count : {u.wanted, u.written, u.pulses, u.capped, u.clipped}) out.put<std::int64_t>(count);
  for (const auto& tile : tiles_) tile.save(out);
  if (ages()) {
    out.put(trained_);
    out.put(waited_);
    out.put(aged_);
  }
  for (const auto& age : ages_) age.save(out);
  if (!wires_.empty()) out.put<std::int64_t>(reads_.sum());
  for (const auto& wires : wires_) wires.save(out);
}

void Array::restore(ByteReader& in) {
  const bool same = in.get<std::uint32_t>() == seed_ && in.get<std::int32_t>() == inputs_ && in.get<std::int32_t>() == outputs_;
  if (!same)
    throw InputError(Code::files_disagree, {}, "the stored array has another seed or shape than this one",
                     "resume with the config and seed of the run");
  const auto need = [](bool ok) {
    if (!ok)
      throw InputError(Code::damaged, {}, "the stored array has a scale, range or count out of range",
                       "the file is damaged: start from another checkpoint");
  };
  scale_ = in.get<double>();
  options_.adc_forward.range = in.get<double>();
  options_.adc_backward.range = in.get<double>();
  for (const double x : {scale_, options_.adc_forward.range, options_.adc_backward.range}) need(x > 0);
  auto& u = update_totals_;
  constexpr std::int64_t kMost = std::int64_t{1} << 53;  // leaves room for the sum over arrays
  for (std::int64_t* count : {&u.wanted, &u.written, &u.pulses, &u.capped, &u.clipped}) {
    *count = in.get<std::int64_t>();
    need(*count >= 0 && *count <= kMost);
  }
  for (auto& tile : tiles_) tile.restore(in);
  in_phase_ = false;
  retire_devices(1);
  if (ages()) {
    trained_ = in.get<double>();
    waited_ = in.get<double>();
    aged_ = in.get<double>();
    need(trained_ >= 0 && waited_ >= 0 && clock() < 1e15 && aged_ >= 0 && aged_ <= clock());
  }
  for (auto& age : ages_) age.restore(in);
  if (wires_.empty()) return;
  const auto reads = in.get<std::int64_t>();
  need(reads >= 0 && reads <= kMost);
  reads_ = {};
  reads_.add(reads);
  for (std::size_t t = 0; t < wires_.size(); ++t) wires_[t].restore(in, tiles_[t]);
}

}  // namespace eqprop
