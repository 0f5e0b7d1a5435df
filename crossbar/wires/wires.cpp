#include "crossbar/wires/wires.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <type_traits>

#include "base/check.h"
#include "base/parallel.h"
#include "crossbar/option_check.h"

namespace eqprop {
namespace {

using Eigen::Index;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLeastSegment = 1e-9;  // [ohm], far below what any line has
// the sources of the first guess drive grounded lines and so inject too much: aim below what it asks for, less so where iterations are dear
template <class T>
constexpr double kAim = std::is_same_v<T, float> ? 0.25 : 0.8;
// a round that leaves more than this of the residual is the last of its kind
template <class T>
constexpr double kStall = std::is_same_v<T, float> ? 0.1 : 0.5;
// beyond it, starting anew after every round costs iterations that single precision's rounding does not give back
constexpr double kMostSpread = 100;
// less conductive cells than this lead single precision to numbers too small for it
constexpr double kLeastFloat = 1e-8;

// columns filled up for whole vectors, and one more
Index step_of(Index columns) { return (columns + 7) / 8 * 8 + 8; }

// estimate of the preconditioned matrix's condition, for equal cells, from the smoothest mode of both kinds of lines
double spread(double cell, const WireLines& lines) {
  const auto smooth = [](Index nodes, double end) {
    const auto n = static_cast<double>(nodes);
    return 1 / (std::pow(2 * n / std::numbers::pi, 2) + n / end);
  };
  const double bit = smooth(lines.rows, lines.bit_end), word = smooth(lines.columns, lines.word_end);
  return (cell + bit) / (bit + word * cell / (word + cell));
}

}  // namespace

// of currents, in volts over a segment
struct Wires::Sizes {
  double residual = 0, injected = 0;
};

void WireOptions::validate() const {
  constexpr double kMost = 1e12;
  check_option("wires.segment_ohm", segment_ohm, kLeastSegment, kMost);
  check_option("wires.driver_ohm", driver_ohm, 0, kMost);
  check_option("wires.sense_ohm", sense_ohm, 0, kMost);
}

namespace {

// scaled, in the order of rows
template <class Field>
void turn(const Wires::In& from, double scale, Field& to) {
  constexpr Index kSide = 8;  // columns of the one order that are in a near cache at once
  for (Index first = 0; first < from.cols(); first += kSide) {
    const Index columns = std::min(kSide, from.cols() - first);
    to.middleCols(first, columns) = scale * from.middleCols(first, columns);
  }
}

void refuse(const Wires::In& siemens) {
  for (Index j = 0; j < siemens.cols(); ++j) {
    for (Index i = 0; i < siemens.rows(); ++i) {
      const double g = siemens(i, j);
      if (!(g >= 0) || !std::isfinite(g))
        throw InputError(Code::out_of_range, {},
                         "the cell of word line " + std::to_string(i + 1) + " and bit line " + std::to_string(j + 1) + " is " +
                             std::to_string(g) + " siemens: expected a finite number >= 0");
    }
  }
}

}  // namespace

void WireReport::keep_worst(const WireReport& other) {
  iterations = std::max(iterations, other.iterations);
  converged &= other.converged;
  kcl_residual = std::max(kcl_residual, other.kcl_residual);
  rounding_floor = std::max(rounding_floor, other.rounding_floor);
  charge_balance_error = std::max(charge_balance_error, other.charge_balance_error);
  power_balance_error = std::max(power_balance_error, other.power_balance_error);
}

Wires::Wires(const In& siemens, const WireOptions& options) : options_(options), word_lines_(siemens.rows()), bit_lines_(siemens.cols()) {
  options.validate();
  if (siemens.size() == 0)
    throw InputError(Code::out_of_range, {}, "an array without cells: expected at least one word line and one bit line");
  word_end_ = options.segment_ohm / (options.segment_ohm + options.driver_ohm);
  bit_end_ = options.segment_ohm / (options.segment_ohm + options.sense_ohm);
  lines_ = {word_lines_, bit_lines_, word_end_, bit_end_, options.double_sided};
  cells_ = Field::Zero(word_lines_, step_of(bit_lines_));
  set(siemens);
}

void Wires::set(const In& siemens) {
  eqprop::check(siemens.rows() == word_lines_ && siemens.cols() == bit_lines_, "cells of the same array");
  const double mean = siemens.mean() * options_.segment_ohm;
  if (!std::isfinite(mean) || !(siemens.minCoeff() >= 0)) refuse(siemens);
  turn(siemens, options_.segment_ohm, cells_);
  fits_float_ = mean >= kLeastFloat && spread(mean, lines_) <= kMostSpread;
  if (fits_float_) return fast_.set(lines_, cells_.data(), cells_.cols());
  exact_.set(lines_, cells_.data(), cells_.cols());
  set_coarse(siemens);
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

// everything again from the voltages alone; in units of a segment's conductance until the ratios are taken. What is left goes to the
// correction, in `unit`s
template <class T>
WireReport Wires::check(const Terminals& ends, const WireState& state, const WireTolerance& tolerance, double unit,
                        WireCorrection<T>& correction, Sizes* sizes) const {
  const auto near = state.word_.col(0).array(), far = state.word_.col(bit_lines_ - 1).array();
  const Eigen::ArrayXd into_words = word_end_ * (ends.word.array() - near);
  const Eigen::ArrayXd into_far_words =
      options_.double_sided ? Eigen::ArrayXd(word_end_ * (ends.word.array() - far)) : Eigen::ArrayXd::Zero(word_lines_);
  Eigen::ArrayXd filled_up = Eigen::ArrayXd::Zero(cells_.cols());
  auto into_bits = filled_up.head(bit_lines_);
  into_bits = bit_end_ * (ends.bit.array() - state.bit_.row(word_lines_ - 1).head(bit_lines_).transpose().array());
  const kirchhoff_lanes::Circuit circuit{static_cast<std::size_t>(word_lines_),
                                         static_cast<std::size_t>(bit_lines_),
                                         static_cast<std::size_t>(cells_.cols()),
                                         cells_.data(),
                                         state.word_.data(),
                                         state.bit_.data(),
                                         ends.offset ? state.offset_.data() : nullptr,
                                         into_words.data(),
                                         into_far_words.data(),
                                         filled_up.data()};
  const kirchhoff_lanes::Sums sums = correction.put_residuals(lines_, circuit, 1 / unit);
  const bool forward = ends.direction == Direction::forward;
  const double from_words = into_words.sum() + into_far_words.sum();
  const double in = forward ? from_words : into_bits.sum();
  const double out = forward ? -into_bits.sum() : -from_words;
  const double supplied = (ends.word.array() * (into_words + into_far_words)).sum() + (ends.bit.array() * into_bits).sum();
  const double at_ends = (into_words.square().sum() + into_far_words.square().sum()) / word_end_ + into_bits.square().sum() / bit_end_;
  const double injected = injected_by(ends, state);
  const auto relative = [](double error, double size) { return size > 0 ? error / size : error; };
  WireReport report;
  *sizes = {std::max(sums.word_left, sums.bit_left), injected};
  report.kcl_residual = std::isfinite(sums.cell_power) ? relative(sizes->residual, injected) : sums.cell_power;
  // each kind of line by its own voltages: those of sensed lines may be far below the others, and so must what is left there
  const double rounding = wire_rounding(options_);
  const double in_words = rounding * std::max(sums.word_volt, ends.word.cwiseAbs().maxCoeff());
  const double in_bits = rounding * std::max(sums.bit_volt, ends.bit.cwiseAbs().maxCoeff());
  const double wanted = tolerance.residual * injected;
  report.rounding_floor = relative(std::max(in_words, in_bits), injected);
  report.converged =
      std::isfinite(sums.cell_power) && sums.word_left <= std::max(wanted, in_words) && sums.bit_left <= std::max(wanted, in_bits);
  // sources of both signs may cancel: measured against what they move
  const double moved = forward ? into_words.abs().sum() + into_far_words.abs().sum() : into_bits.abs().sum();
  report.charge_balance_error = relative(std::abs(in - out), moved);
  report.power_balance_error = relative(std::abs(supplied - sums.cell_power - sums.wire_power - at_ends), std::abs(supplied));
  return report;
}

Wires::Terminals Wires::held(Direction direction, std::span<const double> volt, std::span<double> ampere) const {
  const bool forward = direction == Direction::forward;
  const Index sources = forward ? word_lines_ : bit_lines_, sinks = forward ? bit_lines_ : word_lines_;
  eqprop::check(static_cast<Index>(volt.size()) == sources && static_cast<Index>(ampere.size()) == sinks,
                "a voltage for every driven line and a current for every sensed one");
  Terminals ends{direction, Eigen::VectorXd::Zero(word_lines_), Eigen::VectorXd::Zero(bit_lines_)};
  (forward ? ends.word : ends.bit) = Eigen::Map<const Eigen::VectorXd>(volt.data(), sources);
  return ends;
}

WireReport Wires::solve(Direction direction, std::span<const double> volt, std::span<double> ampere, const WireTolerance& tolerance,
                        WireState& state, bool warm) const {
  return solve(held(direction, volt, ampere), ampere, tolerance, state, warm);
}

WireReport Wires::solve(Direction direction, std::span<const double> volt, std::span<double> ampere, const WireTolerance& tolerance,
                        WireState& state, bool warm, const In& offset) const {
  eqprop::check(offset.rows() == word_lines_ && offset.cols() == bit_lines_, "a current for every cell");
  Terminals ends = held(direction, volt, ampere);
  ends.offset = true;
  if (state.offset_.rows() != cells_.rows() || state.offset_.cols() != cells_.cols())
    state.offset_ = Field::Zero(cells_.rows(), cells_.cols());
  turn(offset, options_.segment_ohm, state.offset_);
  return solve(ends, ampere, tolerance, state, warm);
}

// what the sources will inject, from the first guess
template <class T>
double Wires::first_injected(const Terminals& ends, double unit, const WireCorrection<T>& correction) const {
  double largest = 0;
  if (ends.direction == Direction::backward) {
    for (Index j = 0; j < bit_lines_; ++j)
      largest = std::max(largest, std::abs(ends.bit[j] - unit * static_cast<double>(correction.first_bit(lines_, word_lines_ - 1, j))));
    return bit_end_ * largest;
  }
  for (Index i = 0; i < word_lines_; ++i) {
    for (const Index j : {Index{0}, options_.double_sided ? bit_lines_ - 1 : 0})
      largest = std::max(largest, std::abs(ends.word[i] - unit * static_cast<double>(correction.first_word(lines_, i, j))));
  }
  return word_end_ * largest;
}

// rounds in T until the tolerance is met or a round brings little; rest: from 0 V everywhere
template <class T>
void Wires::refine(const Terminals& ends, const WireFactors<T>& factors, WireCorrection<T>& correction, const WireTolerance& tolerance,
                   bool rest, WireState& state, WireReport& report) const {
  const double volt = std::max(ends.word.cwiseAbs().maxCoeff(), ends.bit.cwiseAbs().maxCoeff());
  double unit = volt > 0 ? volt : 1;  // [V] of the correction's numbers
  Sizes sizes;
  const auto look = [&] {
    const int iterations = report.iterations;
    report = check(ends, state, tolerance, unit, correction, &sizes);
    report.iterations = iterations;
  };
  correction.make_room(lines_);
  if (!rest) {
    look();
    // 0 V everywhere leaves what the sources inject into grounded lines, and what stands beside the cells
    const double offset = ends.offset ? state.offset_.cwiseAbs().maxCoeff() : 0;
    const double grounded = std::max({word_end_ * ends.word.cwiseAbs().maxCoeff(), bit_end_ * ends.bit.cwiseAbs().maxCoeff(), offset});
    if (!(sizes.residual < grounded)) {
      state.word_.setZero();
      state.bit_.setZero();
      rest = true;
    }
  }
  if (rest && (volt == 0 || ends.offset)) look();
  if (rest && volt > 0 && !ends.offset) {
    const Eigen::VectorXd word = word_end_ / unit * ends.word, bit = bit_end_ / unit * ends.bit;
    correction.put_ends(lines_, word.data(), bit.data());
    report.kcl_residual = kInfinity;
    report.converged = false;
  }
  while (!report.converged && report.iterations < tolerance.iterations) {
    const double before = report.kcl_residual;
    correction.begin(lines_, factors);
    if (before == kInfinity) sizes.injected = first_injected(ends, unit, correction);
    const auto round =
        correction.iterate(lines_, factors, kAim<T> * tolerance.residual * sizes.injected / unit, tolerance.iterations - report.iterations);
    report.iterations += round.iterations;
    if (round.sound) {
      correction.add_to(lines_, factors, unit, state.word_.data(), state.bit_.data(), cells_.cols());
      unit *= std::clamp(round.claim, static_cast<double>(std::numeric_limits<T>::epsilon()), 1.0);
    }
    look();
    if (!(report.kcl_residual < kStall<T> * before)) return;
  }
}

WireReport Wires::solve(const Terminals& ends, std::span<double> ampere, const WireTolerance& tolerance, WireState& state,
                        bool warm) const {
  const bool forward = ends.direction == Direction::forward;
  const bool same = state.bit_.rows() == cells_.rows() && state.bit_.cols() == cells_.cols();
  const bool rest = !warm || !same;
  if (rest) state.bit_ = state.word_ = Field::Zero(cells_.rows(), cells_.cols());
  const bool coarse = rest && coarse_ != nullptr && !fits_float_ && !ends.offset;
  if (coarse) start_from_coarse(ends, state);
  WireReport report;
  if (fits_float_) {
    refine(ends, fast_, state.fast_, tolerance, rest, state, report);
    if (!report.converged && report.iterations < tolerance.iterations) {
      state.exact_factors_.set(lines_, cells_.data(), cells_.cols());
      refine(ends, state.exact_factors_, state.exact_, tolerance, false, state, report);
    }
  } else {
    refine(ends, exact_, state.exact_, tolerance, rest && !coarse, state, report);
  }
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

Wires::EndCurrents Wires::end_currents(Direction direction, const Eigen::VectorXd& volt, const WireState& state) const {
  const double siemens = 1 / options_.segment_ohm;
  EndCurrents out{-state.word_.col(0).head(word_lines_), Eigen::VectorXd::Zero(word_lines_),
                  -state.bit_.row(word_lines_ - 1).head(bit_lines_).transpose()};
  if (options_.double_sided) out.far_word = -state.word_.col(bit_lines_ - 1).head(word_lines_);
  if (direction == Direction::forward) {
    out.word += volt;
    if (options_.double_sided) out.far_word += volt;
  } else {
    out.bit += volt;
  }
  out.word *= siemens * word_end_;
  out.far_word *= siemens * word_end_;
  out.bit *= siemens * bit_end_;
  return out;
}

Eigen::VectorXd Wires::injected(Direction direction, const EndCurrents& ends) {
  return direction == Direction::forward ? Eigen::VectorXd(ends.word + ends.far_word) : ends.bit;
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
