#include "crossbar/tile_wires.h"

#include <cmath>

#include "base/check.h"
#include "crossbar/option_check.h"
#include "crossbar/product.h"

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

}  // namespace

MatrixXd cells_of(const Tile& tile) { return pairs_side_by_side(tile.plus.g, tile.minus.g); }

std::string_view wire_model_name(WireModel model) {
  switch (model) {
    case WireModel::none:
      return "none";
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

TileWires::TileWires(const WireStage& stage, const CellNoise& noise) : stage_(stage), noise_(noise) {}

bool TileWires::one_circuit() const { return !stage_.swap_ends || stage_.wires.driver_ohm == stage_.wires.sense_ohm; }

void TileWires::refresh(const Tile& tile) {
  constexpr std::int64_t kLongest = 1 << 20;
  const bool first = plus_.size() == 0;
  if (!first && stage_.model == WireModel::effective) correct(tile);
  if (!first) ++use_.updates;
  if (!first && ++since_rebuild_ < interval_) return;
  const MatrixXf before = ways_[0].transfer.matrix;
  rebuild_from(tile.plus.g, tile.minus.g);
  since_rebuild_ = 0;
  if (first || stage_.model != WireModel::effective) return;
  const auto size = static_cast<double>(ways_[0].transfer.matrix.norm());
  const double error = size > 0 ? static_cast<double>((ways_[0].transfer.matrix - before).norm()) / size : 0;
  ++use_.rebuilds;
  use_.stale_error += (error - use_.stale_error) / static_cast<double>(use_.rebuilds);
  use_.stale_error_max = std::max(use_.stale_error_max, error);
  if (error > stage_.stale_error) interval_ = std::max<std::int64_t>(1, interval_ / 2);
  if (error < stage_.stale_error / 3) interval_ = std::min(kLongest, interval_ * 2);
}

void TileWires::rebuild_from(const MatrixXf& plus, const MatrixXf& minus) {
  plus_ = plus;
  minus_ = minus;
  const MatrixXd siemens = pairs_side_by_side(plus, minus);
  if (stage_.model != WireModel::lumped) build_effective(siemens);
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    Way& way = ways_[direction == Direction::forward ? 0 : 1];
    if (stage_.model == WireModel::lumped) build_lumped(siemens, way, direction);
    if (stage_.model == WireModel::solve) way.circuit = std::make_shared<const Wires>(siemens, stage_.ends(direction));
  }
}

void TileWires::build_effective(const MatrixXd& siemens) {
  const Index outputs = siemens.cols() / 2;
  const MatrixXd sense = pairs_of(outputs);
  const MatrixXd variance = noise_.any() ? variance_of(siemens, noise_) : MatrixXd();
  EffectiveArray e;
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    Way& way = ways_[direction == Direction::forward ? 0 : 1];
    if (direction == Direction::forward || !one_circuit()) {
      e = effective_array(Wires(siemens, stage_.ends(direction)), sense, {stage_.residual, 1000}, noise_.any() ? &variance : nullptr);
      use_.solves += siemens.rows() + outputs;
      if (!e.worst.converged)
        throw InputError(Code::out_of_range, {},
                         "the wires of a tile could not be solved to wires.residual = " + short_number(stage_.residual) + ": after " +
                             std::to_string(e.worst.iterations) + " iterations " + short_number(e.worst.kcl_residual) + " is left",
                         "a larger wires.residual, a smaller wires.segment_resistance, or smaller tiles");
    }
    const bool forward = direction == Direction::forward;
    way.base = e.transfer.cast<float>();
    way.transfer.matrix = way.base;
    way.transfer.form = folded(forward ? e.word_form : e.sense_form);
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
  MatrixXd share(lines, bits);  // of the voltage that is over the cell
  for (Index j = 0; j < bits; ++j) {
    for (Index i = 0; i < lines; ++i) {
      const double near = ends.driver_ohm + ends.segment_ohm * static_cast<double>(j + 1);
      const double far = ends.driver_ohm + ends.segment_ohm * static_cast<double>(bits - j);
      const double word = ends.double_sided ? near * far / (near + far) : near;
      const double bit = ends.sense_ohm + ends.segment_ohm * static_cast<double>(lines - i);
      share(i, j) = 1 / (1 + siemens(i, j) * (word + bit));
    }
  }
  const MatrixXd seen = siemens.cwiseProduct(share);
  TileTransfer& out = way.transfer;
  out.matrix = every_second(seen, 0) - every_second(seen, 1);
  const Eigen::VectorXd power = direction == Direction::forward
                                    ? Eigen::VectorXd(seen.rowwise().sum())
                                    : Eigen::VectorXd(pairs_of(bits / 2).cwiseAbs().transpose() * seen.colwise().sum().transpose());
  out.form = MatrixXd(power.asDiagonal()).cast<float>();
  if (!noise_.any()) return;
  const MatrixXd variance = variance_of(siemens, noise_).cwiseProduct(share.array().pow(4).matrix());
  out.noise = every_second(variance, 0) + every_second(variance, 1);
}

void TileWires::correct(const Tile& tile) {
  for (Way& way : ways_)
    way.transfer.matrix = way.base + way.plus_slope.cwiseProduct(tile.plus.g - plus_) + way.minus_slope.cwiseProduct(tile.minus.g - minus_);
}

double TileWires::power(Direction direction, const Eigen::Ref<const MatrixXf>& drive) const {
  constexpr Index kBlock = 32;  // columns: what is above the diagonal is left out block by block
  const MatrixXf& form = toward(direction).form;
  thread_local MatrixXf product;
  product.setZero(form.rows(), drive.cols());
  for (Index first = 0; first < form.cols(); first += kBlock) {
    const Index columns = std::min(kBlock, form.cols() - first), rows = form.rows() - first;
    add_product(1.0F, form.block(first, first, rows, columns), drive.middleRows(first, columns), product.bottomRows(rows));
  }
  return static_cast<double>(product.cwiseProduct(drive).sum());
}

double TileWires::solve(Direction direction, const Eigen::Ref<const MatrixXf>& drive, Eigen::Ref<MatrixXf> current) const {
  const bool forward = direction == Direction::forward;
  const Wires& wires = *way(direction).circuit;
  const MatrixXd sense = pairs_of(wires.bit_lines() / 2);
  thread_local WireState state;
  double power = 0;
  for (Index k = 0; k < drive.cols(); ++k) {
    const Eigen::VectorXd own = drive.col(k).cast<double>();
    const Eigen::VectorXd volt = forward ? own : Eigen::VectorXd(sense * own);
    Eigen::VectorXd ampere(forward ? wires.bit_lines() : wires.word_lines());
    const WireReport report = wires.solve(direction, {volt.data(), static_cast<std::size_t>(volt.size())},
                                          {ampere.data(), static_cast<std::size_t>(ampere.size())}, {stage_.residual, 1000}, state);
    check(report.converged, "the wires of a tile could be solved");
    current.col(k) = (forward ? Eigen::VectorXd(sense.transpose() * ampere) : ampere).head(current.rows()).cast<float>();
    power += volt.dot(wires.injected(direction, volt, state));
  }
  return power;
}

void TileWires::save(ByteWriter& out) const {
  for (const MatrixXf* cells : {&plus_, &minus_})
    out.put_array(std::span<const float>(cells->data(), static_cast<std::size_t>(cells->size())));
  for (const std::int64_t count : {use_.updates, use_.rebuilds, use_.solves, interval_, since_rebuild_}) out.put(count);
  out.put(use_.stale_error);
  out.put(use_.stale_error_max);
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
  for (std::int64_t* count : {&use.updates, &use.rebuilds, &use.solves, &interval_, &since_rebuild_}) {
    *count = in.get<std::int64_t>();
    need(*count >= 0 && *count <= kMost);
  }
  need(interval_ > 0);
  for (double* error : {&use.stale_error, &use.stale_error_max}) {
    *error = in.get<double>();
    need(*error >= 0);
  }
  rebuild_from(plus, minus);
  use_ = use;
  if (stage_.model == WireModel::effective) correct(tile);
}

}  // namespace eqprop
