#include "crossbar/array.h"

#include <algorithm>
#include <cmath>

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
  return o.device.window() / window;
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
  check_option("read_noise.white", read_noise.white, 0, 1);
  check_option("read_noise.proportional", read_noise.proportional, 0, 1);
  plan.validate();
  write.validate();
  check_option("weight_headroom", weight_headroom, 1, 1e6);
  check_option("weight_max", weight_max, 0, 1e6);
  if (wires.model == WireModel::none) return;
  wires.validate();
  if (wires.model == WireModel::solve && (read_noise.white > 0 || read_noise.proportional > 0))
    throw InputError(Code::conflict, {}, "wires.model = solve with read noise: a solve per read knows no noise, expected model = effective",
                     "without crossbar.read_noise, or with wires.model = \"effective\"");
}

Array::Array(const ArrayOptions& options, int layer, const In& weights, Run& run)
    : options_(options),
      layer_(layer),
      seed_(run.seed),
      inputs_(static_cast<int>(weights.cols()) - 1),
      outputs_(static_cast<int>(weights.rows())) {
  options_.validate();
  check(layer >= 0 && layer < kLayersMax, "an array's layer is 0..255");
  check(inputs_ >= 1 && outputs_ >= 1, "an array has inputs, a bias column and outputs");
  scale_ = weight_scale(options_, weights);
  line_tiles_ = (inputs_ + options_.max_rows) / options_.max_rows;
  column_tiles_ = (outputs_ + options_.max_cols - 1) / options_.max_cols;
  check(line_tiles_ * column_tiles_ <= kTilesPerLayer, "an array has at most 8192 tiles: raise max_rows or max_cols");
  tiles_.reserve(static_cast<std::size_t>(line_tiles_ * column_tiles_));
  for (int r = 0; r < line_tiles_; ++r)
    for (int c = 0; c < column_tiles_; ++c)
      tiles_.emplace_back(options_.device, seed_, static_cast<std::uint32_t>(layer * kTilesPerLayer + r * column_tiles_ + c),
                          column_cut(c + 1) - column_cut(c), line_cut(r + 1) - line_cut(r), options_.read_noise.proportional > 0,
                          options_.plan.mode == PulseMode::accumulate && options_.device.kind == DeviceKind::pulse);
  if (options_.wires.model != WireModel::none) {
    const double window = options_.device.window();
    wires_.reserve(tiles_.size());
    for (std::size_t t = 0; t < tiles_.size(); ++t)
      wires_.emplace_back(options_.wires, CellNoise{options_.read_noise.white * window, options_.read_noise.proportional});
  }
  for (std::size_t t = 0; t < tiles_.size(); ++t)
    for (Eigen::Index b = 0; b < tiles_[t].blocks(); ++b) items_.push_back({t, b, {}, {}});
  initial_write_ = write_verify(weights, options_.write, kPhaseInitialWrite, {}, run);
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

WireUse Array::wire_use() const {
  WireUse sum;
  for (const TileWires& wires : wires_) sum += wires.use();
  return sum;
}

void Array::set_adc_range(Direction direction, double range) {
  check(range > 0, "an ADC range is positive");
  (direction == Direction::forward ? options_.adc_forward : options_.adc_backward).range = range;
}

template <class Body>
void Array::program(Body body, PhaseId phase, Run& run) {
  for (auto& item : items_) item.totals = {};
  parallel_for(items_.size(), run.threads, [&](std::size_t i) { body(i, items_[i].tile, items_[i].block, items_[i].totals); });

  PulseTotals sum;
  for (const auto& item : items_) sum += item.totals;
  if (sum.set + sum.reset > 0)
    for (auto& tile : tiles_) tile.refresh();
  if (sum.set + sum.reset > 0 || update_totals_.wanted == 0)
    parallel_for(wires_.size(), run.threads, [&](std::size_t t) { wires_[t].refresh(tiles_[t]); });
  if (!run.ledger) return;
  const auto& d = options_.device;
  run.ledger->add_joule(layer_, phase, Event::pulse_set, sum.set, d.set_volt * d.set_volt * d.pulse_second * sum.set_siemens);
  run.ledger->add_joule(layer_, phase, Event::pulse_reset, sum.reset, d.reset_volt * d.reset_volt * d.pulse_second * sum.reset_siemens);
  run.ledger->add(layer_, phase, Event::write_circuit, sum.set + sum.reset);
}

UpdateReport Array::update(const In& wanted, const Place& place, Run& run) {
  if (options_.device.kind == DeviceKind::verify_only)
    throw InputError(Code::device, {},
                     "device " + options_.device.name + " has no pulse law (verify_only): it can be written and read, not trained",
                     "choose a device of kind pulse");
  check(wanted.rows() == outputs_ && wanted.cols() == inputs_ + 1, "a wanted change is outputs x (inputs + 1)");
  Place where = place;
  where.phase = kPhaseUpdate;
  program(
      [&](std::size_t item, std::size_t t, Eigen::Index block, PulseTotals& totals) {
        items_[item].update =
            update_block(tiles_[t], block, part(wanted, t), options_.device, options_.plan, weight_step(), seed_, where, totals);
      },
      kPhaseUpdate, run);
  UpdateReport sum;
  for (const auto& item : items_) sum += item.update;
  update_totals_ += sum;
  if (run.ledger && options_.plan.mode == PulseMode::accumulate) run.ledger->add(layer_, kPhaseUpdate, Event::accumulator, sum.wanted);
  return sum;
}

WriteReport Array::write_verify(const In& target, const WriteVerify& how, PhaseId phase, const Place& place, Run& run) {
  how.validate();
  check(target.rows() == outputs_ && target.cols() == inputs_ + 1, "target weights are outputs x (inputs + 1)");
  Place where = place;
  where.phase = phase;
  const double window = options_.device.window();
  const VerifyNoise noise{static_cast<float>(options_.read_noise.white * window), static_cast<float>(options_.read_noise.proportional)};
  std::vector<WriteReport> reports(items_.size());
  program(
      [&](std::size_t item, std::size_t t, Eigen::Index block, PulseTotals& totals) {
        reports[item] = write_block(tiles_[t], block, part(target, t), scale_, options_.device, how, noise, seed_, where, totals);
      },
      phase, run);
  WriteReport sum;
  for (const auto& report : reports) sum += report;
  if (!run.ledger) return sum;
  // the cell's own energy is a cell_read, one device at a time; verify_read stands for the converters around it
  const double volt = options_.read_volt;
  run.ledger->add(layer_, phase, Event::verify_read, sum.verify_reads);
  run.ledger->add_power(layer_, phase, Event::cell_read, sum.verify_reads, volt * volt * sum.read_siemens, options_.read_second);
  return sum;
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
  for (std::size_t t = 0; t < wires_.size(); ++t) wires_[t].restore(in, tiles_[t]);
}

}  // namespace eqprop
