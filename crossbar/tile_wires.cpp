#include "crossbar/tile_wires.h"

#include <cmath>

#include "base/check.h"
#include "crossbar/kernel/read_lanes.h"
#include "crossbar/option_check.h"

namespace eqprop {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::MatrixXf;

MatrixXd pairs_side_by_side(const MatrixXf& plus, const MatrixXf& minus) {
  MatrixXd siemens(plus.cols(), 2 * plus.rows());
  for (Index o = 0; o < plus.rows(); ++o) {
    siemens.col(2 * o) = plus.row(o).transpose().cast<double>();
    siemens.col(2 * o + 1) = minus.row(o).transpose().cast<double>();
  }
  return siemens;
}

// every second bit line of a matrix word lines x bit lines, as outputs x lines
MatrixXf every_second(const MatrixXd& cells, Index first) {
  MatrixXf out(cells.cols() / 2, cells.rows());
  for (Index o = 0; o < out.rows(); ++o) out.row(o) = cells.col(2 * o + first).transpose().cast<float>();
  return out;
}

// v' form v of a symmetric form by its lower triangle alone
MatrixXf folded(const MatrixXd& form) {
  MatrixXf out = (2 * form.cast<float>()).triangularView<Eigen::StrictlyLower>();
  out.diagonal() = form.diagonal().cast<float>();
  return out;
}

MatrixXd variance_of(const MatrixXd& siemens, const CellNoise& noise) {
  return (noise.white * noise.white + noise.proportional * noise.proportional * siemens.array().square()).matrix();
}

void need_solved(const WireReport& report, const WireStage& stage) {
  if (report.converged) return;
  throw InputError(Code::out_of_range, {},
                   "the wires of a tile could not be solved to wires.residual = " + short_number(stage.residual) + ": after " +
                       std::to_string(report.iterations) + " iterations " + short_number(report.kcl_residual) + " is left",
                   "a larger wires.residual, or smaller tiles");
}

// the parts, each no less than 0: what is left for the lines is a difference
ReadHeat heat_of(double all, double cells, double ends) { return {cells, std::max(0.0, all - cells - ends), ends}; }

ReadHeat heat_of_solve(const Wires& wires, Direction direction, const Eigen::VectorXd& volt, const WireState& state) {
  const Wires::EndCurrents ends = wires.end_currents(direction, volt, state);
  const auto over = state.over_cells(wires.word_lines(), wires.bit_lines());
  double cells = 0;
  for (Index i = 0; i < wires.word_lines(); ++i)
    for (Index j = 0; j < wires.bit_lines(); ++j) cells += wires.siemens(i, j) * std::pow(over(i, j), 2);
  const WireOptions& o = wires.options();
  return heat_of(volt.dot(Wires::injected(direction, ends)), cells,
                 o.driver_ohm * (ends.word.squaredNorm() + ends.far_word.squaredNorm()) + o.sense_ohm * ends.bit.squaredNorm());
}

}  // namespace

MatrixXd cells_of(const Tile& tile) { return pairs_side_by_side(tile.plus.g, tile.minus.g); }

std::string_view wire_model_name(WireModel model) {
  switch (model) {
    case WireModel::none:
      return "none";
    case WireModel::exact:
      return "exact";
    case WireModel::effective:
      return "effective";
    case WireModel::solve:
      return "solve";
    case WireModel::lumped:
      return "lumped";
  }
  return "";
}

void WireStage::validate() const {
  wires.validate();
  check_option("wires.residual", residual, 1e-12, 1e-3);
  check_option("wires.stale_error", stale_error, 0, 1);
}

WireOptions WireStage::ends(Direction direction) const {
  WireOptions out = wires;
  if (swap_ends && direction == Direction::backward) std::swap(out.driver_ohm, out.sense_ohm);
  return out;
}

TileWires::TileWires(const WireStage& stage, const CellNoise& noise)
    : stage_(stage), noise_(noise), solving_(stage.model == WireModel::solve) {}

bool TileWires::one_circuit() const { return !stage_.swap_ends || stage_.wires.driver_ohm == stage_.wires.sense_ohm; }

std::int64_t TileWires::rebuild_solves() const { return (one_circuit() ? 1 : 2) * (plus_.cols() + plus_.rows()); }

WireUse TileWires::use() const {
  WireUse out = use_;
  out.tiles = 1;
  out.solving = solving_ ? 1 : 0;
  if (stage_.model != WireModel::lumped) (solving_ ? out.solving_cost : out.cost) = cost();
  return out;
}

void TileWires::refresh(const Tile& tile, std::int64_t reads) {
  const bool first = plus_.size() == 0;
  use_.reads = reads;
  fresh_ = false;
  if (!first) ++use_.updates;
  if (first || stage_.model == WireModel::lumped) {
    rebuild_from(tile.plus.g, tile.minus.g);
  } else {
    correct(tile);
    ++since_rebuild_;
    reads_per_update_ = static_cast<double>(use_.reads - reads_before_) / static_cast<double>(since_rebuild_);
    // matrices that are not read may cost a tenth of the solves beside them
    const auto seldom = static_cast<std::int64_t>(10 * kRebuildSolve * static_cast<double>(rebuild_solves()) / cost().solves);
    if (since_rebuild_ >= (solving_ ? std::max(seldom, interval_) : interval_)) rebuild(tile);
  }
  if (solving_) set_circuits(tile);
}

void TileWires::expect_reads(const Tile& tile, std::int64_t vectors) {
  const double solves = kReadSolve * static_cast<double>(vectors);
  if (stage_.model != WireModel::exact || !solving() || solves < kRebuildSolve * static_cast<double>(rebuild_solves())) return;
  if (since_rebuild_ > 0) rebuild(tile);
  fresh_ = solving_;  // the rebuild may have chosen matrices
}

// and what it says of the matrices before
void TileWires::rebuild(const Tile& tile) {
  const auto distance = [](const MatrixXf& now, const MatrixXf& before) {
    const auto size = static_cast<double>(now.norm());
    return size > 0 ? static_cast<double>((now - before).norm()) / size : 0;
  };
  const TileTransfer forward = ways_[0].transfer, backward = ways_[1].transfer;
  rebuild_from(tile.plus.g, tile.minus.g);
  const TileTransfer &now = ways_[0].transfer, &back = ways_[1].transfer;
  use_.stale_power = std::max({use_.stale_power, distance(now.power.all, forward.power.all), distance(back.power.all, backward.power.all)});
  reads_before_ = use_.reads;
  adapt(std::max(distance(now.matrix, forward.matrix), distance(back.matrix, backward.matrix)));
  since_rebuild_ = 0;
}

// the interval by the error that a rebuild has found, and the choice by the interval
void TileWires::adapt(double error) {
  constexpr std::int64_t kLongest = 1 << 20;
  ++use_.rebuilds;
  use_.stale_error += (error - use_.stale_error) / static_cast<double>(use_.rebuilds);
  use_.stale_error_max = std::max(use_.stale_error_max, error);
  if (solving_) {  // an error that grows with the updates would have been half of what is aimed at after so many
    const double after = error > 0 ? static_cast<double>(since_rebuild_) * stage_.stale_error / (2 * error) : static_cast<double>(kLongest);
    interval_ = static_cast<std::int64_t>(std::clamp(after, 1.0, static_cast<double>(kLongest)));
  } else {
    if (error > stage_.stale_error) interval_ = std::max<std::int64_t>(1, interval_ / 2);
    if (error < stage_.stale_error / 3) interval_ = std::min(kLongest, interval_ * 2);
  }
  if (stage_.model == WireModel::exact && reads_per_update_ > 0) solving_ = cost().solves < cost().matrices;
}

void TileWires::set_circuits(const Tile& tile) {
  const MatrixXd siemens = cells_of(tile);
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    if (direction == Direction::backward && one_circuit()) continue;
    Way& way = ways_[direction == Direction::forward ? 0 : 1];
    if (way.circuit)
      way.circuit->set(siemens);
    else
      way.circuit.emplace(siemens, stage_.ends(direction));
  }
}

void TileWires::rebuild_from(const MatrixXf& plus, const MatrixXf& minus) {
  plus_ = plus;
  minus_ = minus;
  const MatrixXd siemens = pairs_side_by_side(plus, minus);
  if (stage_.model != WireModel::lumped) return build_effective(siemens);
  for (const Direction direction : {Direction::forward, Direction::backward})
    build_lumped(siemens, ways_[direction == Direction::forward ? 0 : 1], direction);
}

void TileWires::build_effective(const MatrixXd& siemens) {
  const Index outputs = siemens.cols() / 2;
  const MatrixXd sense = pairs_of(outputs);
  const MatrixXd variance = noise_.any() ? variance_of(siemens, noise_) : MatrixXd();
  EffectiveArray e;
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    Way& way = ways_[direction == Direction::forward ? 0 : 1];
    if (direction == Direction::forward || !one_circuit()) {
      e = effective_array(Wires(siemens, stage_.ends(direction)), sense, {stage_.residual, 1000},
                          {noise_.any() ? &variance : nullptr, true});
      use_.solves += siemens.rows() + outputs;
      need_solved(e.worst, stage_);
    }
    const bool forward = direction == Direction::forward;
    way.base = e.transfer.cast<float>();
    way.transfer.matrix = way.base;
    const PowerForms& power = forward ? e.word_power : e.sense_power;
    way.transfer.power = {folded(power.all), folded(power.cells), folded(power.ends)};
    if (noise_.any()) way.transfer.noise = (forward ? e.forward_noise : e.backward_noise).cast<float>();
    const MatrixXd slope = e.word_reach.cwiseProduct(e.sense_reach);
    way.plus_slope = every_second(slope, 0);
    way.minus_slope = every_second(slope, 1);
  }
}

// every cell behind its own stretch of both lines
void TileWires::build_lumped(const MatrixXd& siemens, Way& way, Direction direction) const {
  const WireOptions ends = stage_.ends(direction);
  const Index lines = siemens.rows(), bits = siemens.cols();
  MatrixXd share(lines, bits);     // of the voltage that is over the cell
  MatrixXd ends_ohm(lines, bits);  // what the squared current of a cell heats in its driver, or two, and its sense input
  for (Index j = 0; j < bits; ++j) {
    for (Index i = 0; i < lines; ++i) {
      const double near = ends.driver_ohm + ends.segment_ohm * static_cast<double>(j + 1);
      const double far = ends.driver_ohm + ends.segment_ohm * static_cast<double>(bits - j);
      const double word = ends.double_sided ? near * far / (near + far) : near;
      const double bit = ends.sense_ohm + ends.segment_ohm * static_cast<double>(lines - i);
      share(i, j) = 1 / (1 + siemens(i, j) * (word + bit));
      const double both = ends.double_sided ? (near * near + far * far) / ((near + far) * (near + far)) : 1;
      ends_ohm(i, j) = both * ends.driver_ohm + ends.sense_ohm;
    }
  }
  const MatrixXd seen = siemens.cwiseProduct(share);
  TileTransfer& out = way.transfer;
  out.matrix = every_second(seen, 0) - every_second(seen, 1);
  const MatrixXd slope = share.cwiseAbs2();
  way.plus_slope = every_second(slope, 0);
  way.minus_slope = -every_second(slope, 1);
  const auto form = [&](const MatrixXd& of_cells) {
    const Eigen::VectorXd sum = direction == Direction::forward
                                    ? Eigen::VectorXd(of_cells.rowwise().sum())
                                    : Eigen::VectorXd(pairs_of(bits / 2).cwiseAbs().transpose() * of_cells.colwise().sum().transpose());
    return MatrixXf(MatrixXd(sum.asDiagonal()).cast<float>());
  };
  out.power = {form(seen), form(seen.cwiseProduct(share)), form(seen.cwiseAbs2().cwiseProduct(ends_ohm))};
  if (!noise_.any()) return;
  const MatrixXd variance = variance_of(siemens, noise_).cwiseProduct(share.array().pow(4).matrix());
  out.noise = every_second(variance, 0) + every_second(variance, 1);
}

void TileWires::correct(const Tile& tile) {
  for (Way& way : ways_)
    way.transfer.matrix = way.base + way.plus_slope.cwiseProduct(tile.plus.g - plus_) + way.minus_slope.cwiseProduct(tile.minus.g - minus_);
}

void TileWires::shifted(Direction direction, const Eigen::Ref<const MatrixXf>& change, MatrixXf& out) const {
  const Way& way = this->way(direction);
  out = way.transfer.matrix + 0.5F * (way.plus_slope - way.minus_slope).cwiseProduct(change);
}

ReadHeat TileWires::power(Direction direction, const Eigen::Ref<const MatrixXf>& drive) const {
  constexpr Index kBlock = 32;  // columns: what is above the diagonal is left out block by block
  const TileTransfer::Power& power = toward(direction).power;
  const Index n = power.all.rows();
  // all forms share the sum over the batch of v v'
  const auto size = [](Index k) { return static_cast<std::size_t>(k); };
  const auto batch = drive.cols();
  thread_local Eigen::ArrayXf kept_squares, kept_turned;  // only grow
  if (kept_squares.size() < n * n) kept_squares.resize(n * n);
  if (kept_turned.size() < batch * n) kept_turned.resize(batch * n);
  Eigen::Map<MatrixXf> squares(kept_squares.data(), n, n), turned(kept_turned.data(), batch, n);
  read_lanes::transpose(drive.data(), size(drive.outerStride()), size(batch), size(n), turned.data(), size(batch), 0);
  for (Index first = 0; first < n; first += kBlock)
    read_lanes::multiply({.a = drive.data() + first,
                          .a2 = nullptr,
                          .a_step = size(drive.outerStride()),
                          .b = turned.col(first).data(),
                          .b2 = nullptr,
                          .b_step = size(batch),
                          .rows = size(n - first),
                          .columns = size(std::min(kBlock, n - first)),
                          .depth = size(batch),
                          .depth_block = 512,
                          .sum = &squares(first, first),
                          .sum2 = nullptr,
                          .sum_step = size(n)});
  const auto value = [&](const MatrixXf& form) {
    double sum = 0;
    for (Index k = 0; k < n; ++k) sum += static_cast<double>(form.col(k).tail(n - k).dot(squares.col(k).tail(n - k)));
    return sum;
  };
  const double cells = value(power.cells), ends = stage_.wires.driver_ohm + stage_.wires.sense_ohm > 0 ? value(power.ends) : 0;
  return heat_of(value(power.all), cells, ends);
}

ReadHeat TileWires::solve(Direction direction, const Eigen::Ref<const MatrixXf>& drive, std::span<const std::uint32_t> sample_ids,
                          const Place& place, bool with_heat, Eigen::Ref<MatrixXf> current) const {
  const bool forward = direction == Direction::forward;
  const Wires& wires = *way(one_circuit() ? Direction::forward : direction).circuit;
  WarmStarts& starts = way(direction).starts;
  thread_local WireState state;
  Eigen::VectorXd volt(forward ? wires.word_lines() : wires.bit_lines()), ampere(forward ? wires.bit_lines() : wires.word_lines());
  ReadHeat heat;
  for (Index k = 0; k < drive.cols(); ++k) {
    WireStart* start =
        drive.cols() > kWarmReads || sample_ids.empty() ? nullptr : starts.of(place, sample_ids[static_cast<std::size_t>(k)]);
    const bool warm = start != nullptr && start->set;
    if (warm) state.take(*start);
    if (forward) {
      volt = drive.col(k).cast<double>();
    } else {
      for (Index o = 0; o < drive.rows(); ++o) volt[2 * o + 1] = -(volt[2 * o] = static_cast<double>(drive(o, k)));
    }
    const WireReport report = wires.solve(direction, {volt.data(), static_cast<std::size_t>(volt.size())},
                                          {ampere.data(), static_cast<std::size_t>(ampere.size())}, {stage_.residual, 1000}, state, warm);
    need_solved(report, stage_);
    if (start != nullptr) state.keep(*start);
    for (Index r = 0; r < current.rows(); ++r) current(r, k) = static_cast<float>(forward ? ampere[2 * r] - ampere[2 * r + 1] : ampere[r]);
    if (with_heat) heat += heat_of_solve(wires, direction, volt, state);
  }
  return heat;
}

void TileWires::save(ByteWriter& out) const {
  for (const MatrixXf* cells : {&plus_, &minus_})
    out.put_array(std::span<const float>(cells->data(), static_cast<std::size_t>(cells->size())));
  for (const std::int64_t count : {use_.updates, use_.rebuilds, use_.solves, use_.reads, interval_, since_rebuild_, reads_before_})
    out.put(count);
  for (const bool flag : {solving_, fresh_}) out.put(static_cast<std::uint8_t>(flag ? 1 : 0));
  for (const double number : {use_.stale_error, use_.stale_error_max, use_.stale_power, reads_per_update_}) out.put(number);
}

void TileWires::restore(ByteReader& in, const Tile& tile) {
  const auto need = [](bool ok) {
    if (!ok)
      throw InputError(Code::damaged, {}, "the stored wires of a tile have a conductance, count or error out of range",
                       "the file is damaged: start from another checkpoint");
  };
  MatrixXf plus(tile.outputs(), tile.lines()), minus(tile.outputs(), tile.lines());
  for (MatrixXf* cells : {&plus, &minus}) {
    in.get_array(std::span<float>(cells->data(), static_cast<std::size_t>(cells->size())));
    need(cells->minCoeff() >= 0 && cells->allFinite());
  }
  WireUse use;
  constexpr std::int64_t kMost = std::int64_t{1} << 53;  // leaves room for the sum over tiles
  for (std::int64_t* count : {&use.updates, &use.rebuilds, &use.solves, &use.reads, &interval_, &since_rebuild_, &reads_before_}) {
    *count = in.get<std::int64_t>();
    need(*count >= 0 && *count <= kMost);
  }
  need(interval_ > 0);
  const auto solving = in.get<std::uint8_t>(), fresh = in.get<std::uint8_t>();
  need(solving <= 1 && fresh <= 1 && (stage_.model == WireModel::exact || (solving == 1) == (stage_.model == WireModel::solve)));
  solving_ = solving == 1;
  fresh_ = solving_ && fresh == 1;
  for (double* number : {&use.stale_error, &use.stale_error_max, &use.stale_power, &reads_per_update_}) {
    *number = in.get<double>();
    need(*number >= 0);
  }
  rebuild_from(plus, minus);
  use_ = use;
  if (stage_.model != WireModel::lumped) correct(tile);
  if (solving_) set_circuits(tile);
}

}  // namespace eqprop
