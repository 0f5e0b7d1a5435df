#include "crossbar/wires/correction.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "crossbar/kernel/wire_lanes.h"

namespace eqprop {
namespace {

using Eigen::Index;

// a round goes no further down: beyond it the recursion follows rounding errors
template <class T>
constexpr double kFloor = std::is_same_v<T, float> ? 1e-5 : 1e-11;

template <class T>
wire_lanes::Lines<T> layout(const WireLines& lines) {
  const auto rows = static_cast<std::size_t>(lines.rows), columns = static_cast<std::size_t>(lines.columns);
  return {rows, columns, wire_lanes::strip_of<T>(rows), static_cast<T>(lines.bit_end), nullptr, nullptr, nullptr};
}

template <class T>
wire_lanes::Lines<T> layout(const WireLines& lines, const WireFactors<T>& factors) {
  wire_lanes::Lines<T> out = layout<T>(lines);
  out.cells = factors.cells.data();
  out.word_inv = factors.word_inv.data();
  out.bit_inv = factors.bit_inv.data();
  return out;
}

template <class T>
Index at(const WireLines& lines, Index row, Index column) {
  constexpr auto kWidth = static_cast<Index>(wire_lanes::kWidth<T>);
  return column / kWidth * static_cast<Index>(layout<T>(lines).strip) + row * kWidth + column % kWidth;
}

}  // namespace

template <class T>
void WireFactors<T>::set(const WireLines& lines, const double* siemens, Index step) {
  const wire_lanes::Steps<T> run = wire_lanes::steps<T>();
  const wire_lanes::Lines<T> empty = layout<T>(lines);
  const auto size = static_cast<Index>(empty.strips() * empty.strip);
  const auto square = static_cast<Index>(empty.groups() * empty.strips() * wire_lanes::kWidth<T> * wire_lanes::kWidth<T>);
  if (cells.size() != size || word_inv.size() != square) {
    cells = bit_inv = Eigen::ArrayX<T>::Zero(size);
    word_inv = Eigen::ArrayX<T>::Zero(square);
  }
  for (Index i = 0; i < lines.rows; ++i) run.put(empty, static_cast<std::size_t>(i), siemens + i * step, 1, cells.data());
  run.factor(layout(lines, *this), static_cast<T>(lines.word_end), static_cast<T>(lines.double_sided ? lines.word_end : 0), word_inv.data(),
             bit_inv.data());
}

template <class T>
void WireCorrection<T>::make_room(const WireLines& lines) {
  if (rows_ == lines.rows && columns_ == lines.columns) return;
  const wire_lanes::Lines<T> empty = layout<T>(lines);
  const auto size = static_cast<Index>(empty.strips() * empty.strip);
  for (Eigen::ArrayX<T>* field : {&x_, &z_, &p_, &w_, &word_}) *field = Eigen::ArrayX<T>::Zero(size);
  turned_ = Eigen::ArrayX<T>::Zero(static_cast<Index>(empty.strips() * wire_lanes::kWidth<T> * wire_lanes::kWidth<T>));
  rows_ = lines.rows;
  columns_ = lines.columns;
}

template <class T>
kirchhoff_lanes::Sums WireCorrection<T>::put_residuals(const WireLines& lines, const kirchhoff_lanes::Circuit& circuit, double scale) {
  return kirchhoff_lanes::residuals(circuit, scale, layout<T>(lines).strip, word_.data(), w_.data());
}

template <class T>
void WireCorrection<T>::put_ends(const WireLines& lines, const double* word, const double* bit) {
  word_.setZero();
  w_.setZero();
  for (Index i = 0; i < lines.rows; ++i) {
    word_[at<T>(lines, i, 0)] += static_cast<T>(word[i]);
    if (lines.double_sided) word_[at<T>(lines, i, lines.columns - 1)] += static_cast<T>(word[i]);
  }
  for (Index j = 0; j < lines.columns; ++j) w_[at<T>(lines, lines.rows - 1, j)] = static_cast<T>(bit[j]);
}

template <class T>
T WireCorrection<T>::first_word(const WireLines& lines, Index row, Index column) const {
  return x_[at<T>(lines, row, column)];
}

template <class T>
T WireCorrection<T>::first_bit(const WireLines& lines, Index row, Index column) const {
  return z_[at<T>(lines, row, column)];
}

template <class T>
void WireCorrection<T>::begin(const WireLines& lines, const WireFactors<T>& factors) {
  const wire_lanes::Norms norms =
      wire_lanes::steps<T>().begin(layout(lines, factors), {x_.data(), z_.data(), p_.data(), w_.data(), word_.data(), turned_.data()});
  rz_ = norms.rz;
  largest_ = norms.largest;
}

template <class T>
typename WireCorrection<T>::Ended WireCorrection<T>::iterate(const WireLines& lines, const WireFactors<T>& factors, double goal,
                                                             int iterations) {
  const wire_lanes::Steps<T> run = wire_lanes::steps<T>();
  const wire_lanes::Lines<T> all = layout(lines, factors);
  const wire_lanes::Fields<T> f{x_.data(), z_.data(), p_.data(), w_.data(), word_.data(), turned_.data()};
  goal = std::max(goal, kFloor<T> * largest_);
  Ended out{0, std::isfinite(rz_), largest_};
  double beta = 0;
  while (out.sound && out.claim > goal && rz_ > 0 && out.iterations < iterations) {
    const double curvature = run.direct(all, out.iterations == 0, static_cast<T>(beta), f);
    if (!(curvature > 0)) break;
    const wire_lanes::Norms now = run.advance(all, out.iterations == 0, static_cast<T>(rz_ / curvature), f);
    ++out.iterations;
    beta = now.rz / rz_;
    rz_ = now.rz;
    out.claim = now.largest;
    out.sound = std::isfinite(rz_);
  }
  if (out.iterations == 0) x_.setZero();
  return out;
}

template <class T>
void WireCorrection<T>::add_to(const WireLines& lines, const WireFactors<T>& factors, double scale, double* word, double* bit, Index step) {
  const wire_lanes::Steps<T> run = wire_lanes::steps<T>();
  const wire_lanes::Lines<T> all = layout(lines, factors);
  run.finish(all, {x_.data(), z_.data(), p_.data(), w_.data(), word_.data(), turned_.data()});
  run.add(all, w_.data(), scale, word, static_cast<std::size_t>(step));
  run.add(all, x_.data(), scale, bit, static_cast<std::size_t>(step));
}

template struct WireFactors<float>;
template struct WireFactors<double>;
template class WireCorrection<float>;
template class WireCorrection<double>;

}  // namespace eqprop
