#include "crossbar/wires/nonlinear.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/parallel.h"

namespace eqprop {
namespace {

using Eigen::ArrayXd;
using Eigen::Index;
using Eigen::VectorXd;

// a linear solve lowers the residual at least so far: what is left of it is what the next step starts from, and steps cost more than iterations
constexpr double kForcing = 0.01;
constexpr double kFirst = 1e-2;   // of the first, from which no residual is known
constexpr double kAim = 0.5;      // the last linear solve aims so far below the tolerance
constexpr double kEnough = 1e-4;  // part of the predicted decrease that a step must bring
constexpr int kPatience = 15;     // steps with held tangents
constexpr int kHalvings = 40;

double relative(double error, double size) { return size > 0 ? error / size : error; }

double larger(double a, double b) { return b > a || std::isnan(b) ? b : a; }

// part of the way to the voltages of the linear solve, whose order is the other one: a square at once
template <class Point>
void go(const Point& here, const WireState& to, double part, Point& there) {
  const Index rows = here.word.rows(), columns = here.word.cols();
  constexpr Index kSide = 8;
  there.word.resize(rows, columns);
  there.bit.resize(rows, columns);
  for (Index left = 0; left < columns; left += kSide) {
    for (Index top = 0; top < rows; top += kSide) {
      for (Index j = left; j < std::min(left + kSide, columns); ++j) {
        for (Index i = top; i < std::min(top + kSide, rows); ++i) {
          there.word(i, j) = to.word_volt(i, j);
          there.bit(i, j) = to.bit_volt(i, j);
        }
      }
    }
  }
  if (part == 1) return;
  there.word = here.word + part * (there.word - here.word);
  there.bit = here.bit + part * (there.bit - here.bit);
}

}  // namespace

struct NonlinearWires::Sources {
  Direction direction;
  std::span<const double> volt;
  VectorXd word, bit;  // [V] at the ends of the lines
  double spread;       // [V] between the highest and the lowest of them
  NewtonTolerance tolerance;
  bool warm;
  bool may_hold = true;  // tangents of less voltage, where cells would carry too much
};

NonlinearWires::NonlinearWires(const In& siemens, const WireOptions& wires, const CellOptions& cells) : options_(wires), law_(cells) {
  const Wires checked(siemens, wires);
  segment_ = 1 / wires.segment_ohm;
  word_end_ = 1 / (wires.segment_ohm + wires.driver_ohm);
  bit_end_ = 1 / (wires.segment_ohm + wires.sense_ohm);
  siemens_ = siemens;
}

void NonlinearWires::set(const In& siemens) {
  check(siemens.rows() == word_lines() && siemens.cols() == bit_lines(), "cells of the same array");
  const Wires checked(siemens, options_);
  siemens_ = siemens;
}

void NonlinearWires::set_gates(std::span<const std::uint8_t> on) {
  if (!on.empty() && law_.options().kind != CellKind::transistor)
    throw InputError(Code::conflict, {}, "gates of word lines are given, but the cells have no transistors", "cell.kind = transistor");
  check(on.empty() || static_cast<Index>(on.size()) == word_lines(), "a gate for every word line");
  gates_.assign(on.begin(), on.end());
}

// currents and tangents of the cells of a bit line; from: whose tangents led here, null at a start
void NonlinearWires::currents(const Sources& sources, const Point* from, Point& point, Index j) const {
  const Index rows = word_lines();
  const auto count = static_cast<std::size_t>(rows);
  const VectorXd volt = point.word.col(j) - point.bit.col(j);
  law_.at({siemens_.col(j).data(), count}, {volt.data(), count}, {point.ampere.col(j).data(), count}, {point.siemens.col(j).data(), count});
  for (Index i = 0; i < rows && !gates_.empty(); ++i) {
    if (gate_on(i)) continue;
    const CellPoint off = law_.at(siemens_(i, j), volt[i], false);
    point.ampere(i, j) = off.ampere;
    point.siemens(i, j) = off.siemens;
  }
  point.offset.col(j) = point.ampere.col(j) - point.siemens.col(j).cwiseProduct(volt);
  for (Index i = 0; i < rows && sources.may_hold; ++i) {
    const auto segments = static_cast<double>((options_.double_sided ? std::min(j, bit_lines() - 1 - j) : j) + rows - 1 - i);
    const double most = sources.spread / (1 / word_end_ + 1 / bit_end_ + segments / segment_);
    if (std::abs(point.ampere(i, j)) <= most) continue;
    const double carried = from != nullptr ? from->offset(i, j) + from->siemens(i, j) * volt[i] : std::copysign(most, volt[i]);
    if (std::abs(point.ampere(i, j) - carried) <= std::abs(carried)) continue;
    const double held = std::copysign(law_.volt_at(siemens_(i, j), std::abs(carried), gate_on(i)), carried);
    point.siemens(i, j) = law_.at(siemens_(i, j), held, gate_on(i)).siemens;
    point.offset(i, j) = carried - point.siemens(i, j) * held;
    point.held = true;
  }
}

// the cells, and Kirchhoff's law at every node
void NonlinearWires::evaluate(const Sources& sources, const Point* from, Point& point) const {
  const Index rows = word_lines(), columns = bit_lines();
  const auto word = point.word.array(), bit = point.bit.array();
  for (Eigen::MatrixXd* field : {&point.ampere, &point.siemens, &point.offset}) field->resize(rows, columns);
  point.held = false;
  double in_words = 0, in_bits = 0;
  ArrayXd sum(rows);
  for (Index j = 0; j < columns; ++j) {
    currents(sources, from, point, j);
    sum = -point.ampere.col(j).array();
    if (j > 0) sum += segment_ * (word.col(j - 1) - word.col(j));
    if (j + 1 < columns) sum += segment_ * (word.col(j + 1) - word.col(j));
    if (j == 0) sum += word_end_ * (sources.word.array() - word.col(j));
    if (j + 1 == columns && options_.double_sided) sum += word_end_ * (sources.word.array() - word.col(j));
    in_words = larger(in_words, sum.abs().maxCoeff<Eigen::PropagateNaN>());
    sum = point.ampere.col(j).array();
    if (rows > 1) {
      sum.tail(rows - 1) += segment_ * (bit.col(j).head(rows - 1) - bit.col(j).tail(rows - 1));
      sum.head(rows - 1) += segment_ * (bit.col(j).tail(rows - 1) - bit.col(j).head(rows - 1));
    }
    sum[rows - 1] += bit_end_ * (sources.bit[j] - point.bit(rows - 1, j));
    in_bits = larger(in_bits, sum.abs().maxCoeff<Eigen::PropagateNaN>());
  }
  point.residual = larger(in_words, in_bits);
  const auto rounding = [&](const Eigen::MatrixXd& field, const VectorXd& ends, double end) {
    return wire_rounding(options_) * std::max(segment_, end) * std::max(field.cwiseAbs().maxCoeff(), ends.cwiseAbs().maxCoeff());
  };
  const double word_floor = rounding(point.word, sources.word, word_end_), bit_floor = rounding(point.bit, sources.bit, bit_end_);
  point.floor = std::max(word_floor, bit_floor);
  point.over = larger(in_words <= word_floor ? 0 : in_words, in_bits <= bit_floor ? 0 : in_bits);
  if (sources.direction == Direction::backward) {
    point.injected = bit_end_ * (sources.bit - point.bit.row(rows - 1).transpose()).cwiseAbs().maxCoeff();
  } else {
    point.injected = word_end_ * (sources.word - point.word.col(0)).cwiseAbs().maxCoeff();
    if (options_.double_sided)
      point.injected = std::max(point.injected, word_end_ * (sources.word - point.word.col(columns - 1)).cwiseAbs().maxCoeff());
  }
}

// what goes in comes out, and what is supplied is turned to heat
void NonlinearWires::balance(const Sources& sources, const Point& point, NewtonReport& report) const {
  const Index rows = word_lines(), columns = bit_lines();
  const auto word = point.word.array(), bit = point.bit.array();
  const ArrayXd near = word_end_ * (sources.word.array() - word.col(0));
  const ArrayXd far = options_.double_sided ? ArrayXd(word_end_ * (sources.word.array() - word.col(columns - 1))) : ArrayXd::Zero(rows);
  const ArrayXd below = bit_end_ * (sources.bit.array() - bit.row(rows - 1).transpose());
  double heat = (near.square().sum() + far.square().sum()) / word_end_ + below.square().sum() / bit_end_;
  for (Index j = 0; j < columns; ++j) {
    heat += (point.ampere.col(j).array() * (word.col(j) - bit.col(j))).sum();
    if (j > 0) heat += segment_ * (word.col(j) - word.col(j - 1)).square().sum();
    heat += segment_ * (bit.col(j).tail(rows - 1) - bit.col(j).head(rows - 1)).square().sum();
  }
  const bool forward = sources.direction == Direction::forward;
  const double supplied = (sources.word.array() * (near + far)).sum() + (sources.bit.array() * below).sum();
  const double moved = forward ? near.abs().sum() + far.abs().sum() : below.abs().sum();
  report.kcl_residual = relative(point.residual, point.injected);
  report.rounding_floor = relative(point.floor, point.injected);
  report.charge_balance_error = relative(std::abs((near + far).sum() + below.sum()), moved);
  report.power_balance_error = relative(std::abs(supplied - heat), std::abs(supplied));
}

// where to start: given voltages, or those of lines without resistance
void NonlinearWires::begin(const Sources& sources, NewtonState& state) const {
  const Index rows = word_lines(), columns = bit_lines();
  if (!state.tangent_ || state.tangent_->word_lines() != rows || state.tangent_->bit_lines() != columns ||
      state.tangent_->options().segment_ohm != options_.segment_ohm || state.tangent_->options().driver_ohm != options_.driver_ohm ||
      state.tangent_->options().sense_ohm != options_.sense_ohm || state.tangent_->options().double_sided != options_.double_sided)
    state.tangent_.emplace(siemens_, options_);
  Point& here = state.here_;
  const bool given = sources.warm && here.word.rows() == rows && here.word.cols() == columns;
  if (!given) {
    here.word = sources.word.replicate(1, columns);
    here.bit = sources.bit.transpose().replicate(rows, 1);
  }
  evaluate(sources, nullptr, here);
  here.held = here.held || !given;  // that these voltages obey Kirchhoff's law badly says nothing about the tangents there
}

// one step; false if no part of it comes nearer
bool NonlinearWires::advance(const Sources& sources, NewtonState& state, NewtonReport& report) const {
  Point &here = state.here_, &there = state.there_;
  const NewtonTolerance& tolerance = sources.tolerance;
  const double known = relative(here.residual, here.injected);
  const double least = kAim * tolerance.residual;
  // what is left where tangents are held is no measure of how exact their solution must be
  const bool exactly = law_.linear() || (here.held && report.steps > 0);
  const double wanted = exactly ? least : std::max(least, std::min(kForcing * known, kFirst));
  state.tangent_->set(here.siemens);
  VectorXd out(sources.direction == Direction::forward ? bit_lines() : word_lines());
  const WireReport linear =
      state.tangent_->solve(sources.direction, sources.volt, {out.data(), std::size_t(out.size())}, {wanted, tolerance.iterations},
                            state.linear_, sources.warm || report.steps > 0, here.offset);
  ++report.steps;
  report.iterations += linear.iterations;
  double part = 1;
  for (int k = 0; k <= kHalvings; ++k, part /= 2) {
    go(here, state.linear_, part, there);
    evaluate(sources, &here, there);
    if (here.held || there.held || there.residual <= (1 - kEnough * part) * here.residual) {
      std::swap(here, there);
      return true;
    }
    ++report.halvings;
  }
  return false;
}

NewtonReport NonlinearWires::solve(Direction direction, std::span<const double> volt, std::span<double> ampere,
                                   const NewtonTolerance& tolerance, NewtonState& state, bool warm) const {
  const bool forward = direction == Direction::forward;
  const Index inputs = forward ? word_lines() : bit_lines(), outputs = forward ? bit_lines() : word_lines();
  check(static_cast<Index>(volt.size()) == inputs && static_cast<Index>(ampere.size()) == outputs,
        "a voltage for every driven line and a current for every sensed one");
  Sources sources{direction, volt, VectorXd::Zero(word_lines()), VectorXd::Zero(bit_lines()), 0, tolerance, warm};
  (forward ? sources.word : sources.bit) = Eigen::Map<const VectorXd>(volt.data(), inputs);

  NewtonReport report;
  sources.spread = std::max(sources.word.maxCoeff(), sources.bit.maxCoeff()) - std::min(sources.word.minCoeff(), sources.bit.minCoeff());
  begin(sources, state);
  const Point& here = state.here_;
  const auto solved = [&] { return here.over <= tolerance.residual * here.injected; };
  while (!solved() && report.steps < tolerance.steps && !(here.held && report.steps >= kPatience))
    if (!advance(sources, state, report)) break;
  if (!solved() && here.held && report.steps < tolerance.steps) {
    // held tangents may take turns, those of saturated transistors above all: plain steps from 0 V, each of which lowers what is left
    sources.may_hold = false;
    state.here_.word.setZero();
    state.here_.bit.setZero();
    evaluate(sources, nullptr, state.here_);
    while (!solved() && report.steps < tolerance.steps)
      if (!advance(sources, state, report)) break;
  }
  balance(sources, here, report);
  report.converged = solved();
  VectorXd out = forward ? VectorXd(bit_end_ * here.bit.row(word_lines() - 1).transpose()) : VectorXd(word_end_ * here.word.col(0));
  if (!forward && options_.double_sided) out += word_end_ * here.word.col(bit_lines() - 1);
  std::copy(out.begin(), out.end(), ampere.begin());
  return report;
}

std::vector<NewtonReport> NonlinearWires::solve(Direction direction, const In& volt, Out ampere, const NewtonTolerance& tolerance,
                                                int threads) const {
  check(volt.cols() == ampere.cols(), "a column of currents for every column of voltages");
  std::vector<NewtonReport> reports(static_cast<std::size_t>(volt.cols()));
  const auto crew = static_cast<std::size_t>(std::max(1, threads));
  parallel_for(std::min(crew, reports.size()), threads, [&](std::size_t worker) {
    NewtonState state;
    VectorXd in, out(ampere.rows());
    for (std::size_t k = worker; k < reports.size(); k += crew) {
      in = volt.col(static_cast<Index>(k));
      reports[k] = solve(direction, {in.data(), std::size_t(in.size())}, {out.data(), std::size_t(out.size())}, tolerance, state);
      ampere.col(static_cast<Index>(k)) = out;
    }
  });
  return reports;
}

}  // namespace eqprop
