// Anderson's extrapolation of the forward sweep x -> g(x), sample by sample. With the residuals f = g - x of the last sweeps,
//   x_new = g_last - sum_j c_j (g_last - g_j),   c = argmin |f_last - sum_j c_j (f_last - f_j)|
// (D. G. Anderson, J. ACM 12, 547 (1965), 10.1145/321296.321305; H. F. Walker, P. Ni, SIAM J. Numer. Anal. 49, 1715 (2011), 10.1137/10078356X).
// A sweep that leaves a larger residual than the one before forgets the past: the next is a plain sweep. A sweep ends at g, a state that the
// units can have; x stands between two of them. The map of all layers at once has eigenvalues in pairs +-v where the forward sweep has v^2:
// extrapolating it takes about twice the sweeps (bench/settle_methods).
#include <Eigen/QR>
#include <cmath>

#include "eqprop/settle/sweeps.h"

namespace eqprop {
namespace {

constexpr int kMost = kLargestMemory;
using Small = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor, kMost, kMost>;
using Coefficients = Eigen::Matrix<double, Eigen::Dynamic, 1, Eigen::ColMajor, kMost, 1>;

// where the sweep `back` sweeps before sweep `sweep` is kept
std::size_t slot(int sweep, int back, int slots) { return static_cast<std::size_t>((sweep - back + slots) % slots); }

// the inner product of the residuals of two slots
template <class T>
double& product(ShardBuffers<T>& b, std::size_t i, std::size_t j, int slots, Index column) {
  return b.products.data()[(static_cast<std::size_t>(column) * static_cast<std::size_t>(slots) + i) * static_cast<std::size_t>(slots) + j];
}

// normal equations of the least squares of one column; `past` differences
template <class T>
Coefficients solve(Shard<T>& shard, int sweep, Index column, int past) {
  ShardBuffers<T>& b = shard.buffers();
  const int slots = shard.options().memory + 1;
  const auto ff = [&](int j, int k) { return product(b, slot(sweep, j, slots), slot(sweep, k, slots), slots, column); };
  double noise = 0;
  for (int l = 1; l <= shard.moving_layers(); ++l) noise += 4 * shard.floor_of(l) * static_cast<double>(shard.network().layer(l).size);
  Small gram(past, past);
  Coefficients right(past);
  for (int j = 0; j < past; ++j) {
    right[j] = ff(1, 1) - ff(1, j + 2);
    for (int k = 0; k < past; ++k) gram(j, k) = ff(1, 1) - ff(1, j + 2) - ff(1, k + 2) + ff(j + 2, k + 2);
    gram(j, j) += noise;  // differences that noise explains carry nothing: they are not followed
  }
  return Eigen::ColPivHouseholderQR<Small>(gram).solve(right);
}

// the column's state <- the extrapolation, within the bounds of its units
template <class T>
void extrapolate(Shard<T>& shard, int sweep, Index column) {
  ShardBuffers<T>& b = shard.buffers();
  const int slots = shard.options().memory + 1;
  const int past = b.depth[static_cast<std::size_t>(column)] - 1;
  const Coefficients c = solve(shard, sweep, column, past);
  if (!c.allFinite()) return;
  for (int l = 1; l <= shard.moving_layers(); ++l) {
    const Bounds bounds = activation_bounds(shard.network().layer(l));
    const auto g = b.maps[slot(sweep, 1, slots)].layer(l).col(column);
    auto x = b.re.now.layer(l).col(column);
    x = g;
    for (int j = 0; j < past; ++j) x -= static_cast<T>(c[j]) * (g - b.maps[slot(sweep, j + 2, slots)].layer(l).col(column));
    x = x.cwiseMax(T(bounds.low)).cwiseMin(T(bounds.high));
  }
}

// keeps the new residual's products with those before it, and how much of the past the next sweep may use
template <class T>
void remember(Shard<T>& shard, int sweep, Index column) {
  ShardBuffers<T>& b = shard.buffers();
  const int slots = shard.options().memory + 1;
  const auto k = static_cast<std::size_t>(column);
  const std::size_t now = slot(sweep, 0, slots);
  for (int back = 0; back <= std::min(b.depth[k], slots - 1); ++back) {
    const std::size_t then = slot(sweep, back, slots);
    double sum = 0;
    for (int l = 1; l <= shard.moving_layers(); ++l)
      sum += static_cast<double>(b.steps[now].layer(l).col(column).dot(b.steps[then].layer(l).col(column)));
    product(b, now, then, slots, column) = product(b, then, now, slots, column) = sum;
  }
  const double norm = product(b, now, now, slots, column);
  const bool falls = sweep == 1 || norm <= b.norm[k];
  b.depth[k] = falls ? std::min(b.depth[k] + 1, slots) : 1;
  b.norm[k] = norm;
}

}  // namespace

template <class T>
void start_anderson(Shard<T>& shard) {
  ShardBuffers<T>& b = shard.buffers();
  const auto slots = static_cast<std::size_t>(shard.options().memory) + 1;
  b.products.shape(static_cast<Index>(slots * slots), shard.columns());
  for (auto* kept : {&b.maps, &b.steps}) {
    if (kept->size() < slots) kept->resize(slots);
    for (std::size_t i = 0; i < slots; ++i) {
      (*kept)[i].reshape(shard.network().sizes(), shard.columns());
      shard.follow((*kept)[i]);
    }
  }
}

template <class T>
void sweep_anderson(Shard<T>& shard, int sweep) {
  shard.start_sweep();
  ShardBuffers<T>& b = shard.buffers();
  for (Index i = 0; i < shard.active(); ++i)
    if (b.depth[static_cast<std::size_t>(i)] >= 2) extrapolate(shard, sweep, i);
  const TermContext<T> c = shard.context(b.re.now, sweep);
  const std::size_t now = slot(sweep, 0, shard.options().memory + 1);
  for (int l = 1; l <= shard.moving_layers(); ++l) {
    auto x = b.re.now.layer(l, 0, c.columns);
    auto g = b.maps[now].layer(l, 0, c.columns);
    g = minimiser(shard, c, l);
    disturb<T>(shard, c, l, 0, g);
    note_update<T>(shard, c, l, x, g);
    b.steps[now].layer(l, 0, c.columns) = g - x;
    x = g;
  }
  for (Index i = 0; i < c.columns; ++i) remember(shard, sweep, i);
}

template void start_anderson<float>(Shard<float>&);
template void start_anderson<double>(Shard<double>&);
template void sweep_anderson<float>(Shard<float>&, int);
template void sweep_anderson<double>(Shard<double>&, int);

}  // namespace eqprop
