#include "crossbar/wires/wires.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/check.h"
#include "base/parallel.h"
#include "crossbar/kernel/wire_lanes.h"
#include "crossbar/option_check.h"

namespace eqprop {
namespace {

using Eigen::Index;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Index kLanes = 8;
constexpr Index kPadding = 8;  // doubles between rows: strides of a power of two share their places in a cache
// the sources of the first guess drive grounded lines and so inject too much: aim below what it asks for
constexpr double kAim = 0.25;

Index filled(Index n) { return (n + kLanes - 1) / kLanes * kLanes; }

}  // namespace

// what holds the ends of the lines: sources where the signal comes from, virtual grounds where it goes
struct Wires::Terminals {
  Direction direction;
  Eigen::VectorXd word, bit;  // [V]
};

void WireOptions::validate() const {
  constexpr double kMost = 1e12;
  if (!(segment_ohm > 0))
    throw InputError(Code::out_of_range, {}, "wires.segment_ohm must be above 0", "an ideal wire is a very small resistance");
  check_option("wires.segment_ohm", segment_ohm, 0, kMost);
  check_option("wires.driver_ohm", driver_ohm, 0, kMost);
  check_option("wires.sense_ohm", sense_ohm, 0, kMost);
}

Wires::Wires(const In& siemens, const WireOptions& options) : options_(options), word_lines_(siemens.rows()), bit_lines_(siemens.cols()) {
  options.validate();
  if (siemens.size() == 0)
    throw InputError(Code::out_of_range, {}, "an array without cells: expected at least one word line and one bit line");
  word_end_ = options.segment_ohm / (options.segment_ohm + options.driver_ohm);
  bit_end_ = options.segment_ohm / (options.segment_ohm + options.sense_ohm);
  const Index rows = filled(word_lines_), columns = filled(bit_lines_);
  cells_ = Field::Zero(rows, columns + kPadding);
  inv_ = Field::Zero(rows, columns + kPadding);
  cells8_ = inv8_ = Eigen::VectorXd::Zero(rows * columns);
  set(siemens);
}

void Wires::set(const In& siemens) {
  eqprop::check(siemens.rows() == word_lines_ && siemens.cols() == bit_lines_, "cells of the same array");
  for (Index j = 0; j < bit_lines_; ++j) {
    for (Index i = 0; i < word_lines_; ++i) {
      const double g = siemens(i, j);
      if (!(g >= 0) || !std::isfinite(g))
        throw InputError(Code::out_of_range, {},
                         "the cell of word line " + std::to_string(i + 1) + " and bit line " + std::to_string(j + 1) + " is " +
                             std::to_string(g) + " siemens: expected a finite number >= 0");
    }
  }
  auto cells = cells_.topLeftCorner(word_lines_, bit_lines_);
  cells = siemens * options_.segment_ohm;
  const auto rows = static_cast<std::size_t>(cells_.rows()), step = static_cast<std::size_t>(cells_.cols()), columns = step - kPadding;

  // diagonals of the word lines, then of the bit lines, where the factors will be; a node that only fills up is infinitely well grounded
  inv_.setConstant(kInfinity);
  auto diagonal = inv_.topLeftCorner(word_lines_, bit_lines_);
  diagonal = cells.array() + 2;
  diagonal.col(0).array() += word_end_ - 1;
  diagonal.col(bit_lines_ - 1).array() += options_.double_sided ? word_end_ - 1 : -1;
  wire_lanes::to_eights(inv_.data(), rows, columns, step, inv8_.data());
  wire_lanes::factor_words(inv8_.data(), rows, columns, inv8_.data());
  wire_lanes::to_eights(cells_.data(), rows, columns, step, cells8_.data());
  diagonal = cells.array() + 2;
  diagonal.row(0).array() -= 1;
  diagonal.row(word_lines_ - 1).array() += bit_end_ - 1;
  wire_lanes::factor_bits(inv_.data(), rows, columns, step, inv_.data());
}

void Wires::make_room(WireState& state) const {
  for (Field* field : {&state.bit_, &state.word_, &state.r_, &state.z_, &state.p_, &state.q_}) {
    if (field->rows() == cells_.rows() && field->cols() == cells_.cols()) continue;
    *field = Field::Zero(cells_.rows(), cells_.cols());
  }
  if (state.eights_.size() != cells8_.size()) state.eights_ = Eigen::VectorXd::Zero(cells8_.size());
}

// word voltages for the bit voltages: (Tw + D) word = ends + D bit
void Wires::eliminate_words(const Terminals& ends, WireState& state) const {
  const auto rows = static_cast<std::size_t>(cells_.rows()), step = static_cast<std::size_t>(cells_.cols());
  const std::size_t columns = step - kPadding;
  wire_lanes::to_eights(state.bit_.data(), rows, columns, step, state.eights_.data());
  state.eights_.array() *= cells8_.array();
  const Index line = static_cast<Index>(columns) * kLanes;
  for (Index i = 0; i < word_lines_; ++i) {
    const Index first = i / kLanes * line + i % kLanes;
    state.eights_[first] += word_end_ * ends.word[i];
    if (options_.double_sided) state.eights_[first + (bit_lines_ - 1) * kLanes] += word_end_ * ends.word[i];
  }
  wire_lanes::solve_words({rows, columns, step, cells8_.data(), inv8_.data(), inv_.data()}, state.eights_.data());
  wire_lanes::from_eights(state.eights_.data(), rows, columns, step, state.word_.data());
}

// the residual of the bit lines' nodes at the voltages of the state
void Wires::start(const Terminals& ends, WireState& state) const {
  eliminate_words(ends, state);
  state.r_ = cells_.cwiseProduct(state.word_ - state.bit_);
  auto r = state.r_.topRows(word_lines_);
  const auto x = state.bit_.topRows(word_lines_);
  if (word_lines_ > 1) {
    const Index n = word_lines_ - 1;
    r.topRows(n) += x.bottomRows(n) - x.topRows(n);
    r.bottomRows(n) += x.topRows(n) - x.bottomRows(n);
  }
  r.row(word_lines_ - 1).head(bit_lines_) += bit_end_ * (ends.bit.transpose() - x.row(word_lines_ - 1).head(bit_lines_));
}

// the largest current of a source, in segments
double Wires::injected_by(const Terminals& ends, const WireState& state) const {
  if (ends.direction == Direction::backward)
    return bit_end_ * (ends.bit - state.bit_.row(word_lines_ - 1).head(bit_lines_).transpose()).cwiseAbs().maxCoeff();
  double largest = (ends.word - state.word_.col(0).head(word_lines_)).cwiseAbs().maxCoeff();
  if (options_.double_sided)
    largest = std::max(largest, (ends.word - state.word_.col(bit_lines_ - 1).head(word_lines_)).cwiseAbs().maxCoeff());
  return word_end_ * largest;
}

// everything again from the voltages alone; in units of a segment's conductance until the ratios are taken
WireReport Wires::check(const Terminals& ends, const WireState& state, double* injected) const {
  const auto word = state.word_.topLeftCorner(word_lines_, bit_lines_).array();
  const auto bit = state.bit_.topLeftCorner(word_lines_, bit_lines_).array();
  const auto cells = cells_.topLeftCorner(word_lines_, bit_lines_).array();
  const Index rows = word_lines_, columns = bit_lines_;
  const Eigen::ArrayXd into_words = word_end_ * (ends.word.array() - word.col(0));
  const Eigen::ArrayXd into_far_words =
      options_.double_sided ? Eigen::ArrayXd(word_end_ * (ends.word.array() - word.col(columns - 1))) : Eigen::ArrayXd::Zero(rows);
  const Eigen::ArrayXd into_bits = bit_end_ * (ends.bit.array() - bit.row(rows - 1).transpose());

  double residual = 0, cell_power = 0, wire_power = 0;
  Eigen::Array<double, 1, Eigen::Dynamic> current(columns), sum(columns), along(columns);
  for (Index i = 0; i < rows; ++i) {
    current = cells.row(i) * (word.row(i) - bit.row(i));
    cell_power += (current * (word.row(i) - bit.row(i))).sum();
    sum = -current;
    if (columns > 1) {
      along.head(columns - 1) = word.row(i).head(columns - 1) - word.row(i).tail(columns - 1);
      wire_power += along.head(columns - 1).square().sum();
      sum.head(columns - 1) -= along.head(columns - 1);
      sum.tail(columns - 1) += along.head(columns - 1);
    }
    sum[0] += into_words[i];
    sum[columns - 1] += into_far_words[i];
    residual = std::max(residual, sum.abs().maxCoeff<Eigen::PropagateNaN>());
    sum = current;
    if (i > 0) sum += bit.row(i - 1) - bit.row(i);
    if (i + 1 < rows) {
      along = bit.row(i) - bit.row(i + 1);
      wire_power += along.square().sum();
      sum -= along;
    } else {
      sum += into_bits.transpose();
    }
    const double largest = sum.abs().maxCoeff<Eigen::PropagateNaN>();
    residual = largest > residual || std::isnan(largest) ? largest : residual;
  }
  const bool forward = ends.direction == Direction::forward;
  const double from_words = into_words.sum() + into_far_words.sum();
  const double in = forward ? from_words : into_bits.sum();
  const double out = forward ? -into_bits.sum() : -from_words;
  const double supplied = (ends.word.array() * (into_words + into_far_words)).sum() + (ends.bit.array() * into_bits).sum();
  const double at_ends = (into_words.square().sum() + into_far_words.square().sum()) / word_end_ + into_bits.square().sum() / bit_end_;
  *injected = injected_by(ends, state);
  const auto relative = [](double error, double size) { return size > 0 ? error / size : error; };
  WireReport report;
  report.kcl_residual = relative(residual, *injected);
  // sources of both signs may cancel: measured against what they move
  const double moved = forward ? into_words.abs().sum() + into_far_words.abs().sum() : into_bits.abs().sum();
  report.charge_balance_error = relative(std::abs(in - out), moved);
  report.power_balance_error = relative(std::abs(supplied - cell_power - wire_power - at_ends), std::abs(supplied));
  return report;
}

WireReport Wires::solve(Direction direction, std::span<const double> volt, std::span<double> ampere, const WireTolerance& tolerance,
                        WireState& state, bool warm) const {
  const bool forward = direction == Direction::forward;
  const Index sources = forward ? word_lines_ : bit_lines_, sinks = forward ? bit_lines_ : word_lines_;
  eqprop::check(static_cast<Index>(volt.size()) == sources && static_cast<Index>(ampere.size()) == sinks,
                "a voltage for every driven line and a current for every sensed one");
  make_room(state);
  if (!warm) state.bit_.setZero();
  Terminals ends{direction, Eigen::VectorXd::Zero(word_lines_), Eigen::VectorXd::Zero(bit_lines_)};
  (forward ? ends.word : ends.bit) = Eigen::Map<const Eigen::VectorXd>(volt.data(), sources);

  const auto step = static_cast<std::size_t>(cells_.cols());
  const wire_lanes::Lines lines{static_cast<std::size_t>(cells_.rows()), step - kPadding, step, cells8_.data(), inv8_.data(), inv_.data()};
  // what the words' elimination leaves is kept where the word voltages are: they are found again at the end
  const wire_lanes::Gradients g{state.bit_.data(), state.r_.data(), state.z_.data(), state.p_.data(), state.q_.data(), state.word_.data()};
  WireReport report;
  int iterations = 0;
  bool first = true;  // the sources see more current at first than they will: what is injected is known when the words are solved
  double injected = 0;
  for (;;) {
    start(ends, state);
    if (first) injected = injected_by(ends, state);
    const int before = iterations;
    double rz = wire_lanes::precondition(lines, g.r, g.z);
    double beta = 0;
    bool fresh = true;
    while (iterations < tolerance.iterations && injected > 0) {
      const double curvature = wire_lanes::direct(lines, fresh, beta, g, state.eights_.data());
      fresh = false;
      if (!(curvature > 0)) break;
      ++iterations;
      const wire_lanes::Advance now = wire_lanes::advance(lines, rz / curvature, g);
      beta = now.rz / rz;
      rz = now.rz;
      if (!(now.largest > kAim * tolerance.residual * injected) || !(rz > 0)) break;
    }
    eliminate_words(ends, state);
    report = check(ends, state, &injected);
    report.converged = report.kcl_residual <= tolerance.residual;
    first = false;
    if (report.converged || iterations >= tolerance.iterations || iterations == before || !std::isfinite(report.kcl_residual)) break;
  }
  report.iterations = iterations;
  const double siemens = 1 / options_.segment_ohm;
  if (forward) {
    for (Index j = 0; j < bit_lines_; ++j) ampere[static_cast<std::size_t>(j)] = siemens * bit_end_ * state.bit_(word_lines_ - 1, j);
  } else {
    for (Index i = 0; i < word_lines_; ++i) {
      const double both = state.word_(i, 0) + (options_.double_sided ? state.word_(i, bit_lines_ - 1) : 0);
      ampere[static_cast<std::size_t>(i)] = siemens * word_end_ * both;
    }
  }
  return report;
}

std::vector<WireReport> Wires::solve(Direction direction, const In& volt, Out ampere, const WireTolerance& tolerance, int threads) const {
  eqprop::check(volt.cols() == ampere.cols(), "a column of currents for every column of voltages");
  std::vector<WireReport> reports(static_cast<std::size_t>(volt.cols()));
  const auto crew = static_cast<std::size_t>(std::max(1, threads));
  parallel_for(std::min(crew, reports.size()), threads, [&](std::size_t worker) {
    WireState state;
    Eigen::VectorXd in, out(ampere.rows());
    for (std::size_t k = worker; k < reports.size(); k += crew) {
      in = volt.col(static_cast<Index>(k));
      reports[k] = solve(direction, {in.data(), static_cast<std::size_t>(in.size())}, {out.data(), static_cast<std::size_t>(out.size())},
                         tolerance, state);
      ampere.col(static_cast<Index>(k)) = out;
    }
  });
  return reports;
}

}  // namespace eqprop
