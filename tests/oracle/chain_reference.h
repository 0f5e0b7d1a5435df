#pragma once
// The chain input -> hidden -> output in plain loops and double precision: the equations of eqprop/kernel/chain.h, one line each.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace eqprop::oracle {

struct ChainNet {
  std::size_t n0 = 0, n1 = 0, n2 = 0;
  bool linear = false;
  std::vector<double> w1;  // [n0][n1]
  std::vector<double> b1;  // [n1]
  std::vector<double> w2;  // [n2][n1]
  std::vector<double> b2;  // [n2]
};

struct ChainState {
  std::vector<double> h, o;
};

struct NudgedPhase {
  double beta, weight;
};

inline double hard(double v) { return std::clamp(v, 0.0, 1.0); }

inline ChainState chain_rest(const ChainNet& net, double rest) {
  return {std::vector<double>(net.n1, rest), std::vector<double>(net.n2, rest)};
}

/// One sweep, hidden then output; gives the largest change of a unit. `y` is unused at beta 0.
inline double chain_sweep(const ChainNet& net, const double* x, const double* y, double beta, ChainState& state) {
  double change = 0;
  for (std::size_t j = 0; j < net.n1; ++j) {
    double field = net.b1[j];
    for (std::size_t i = 0; i < net.n0; ++i) field += x[i] * net.w1[i * net.n1 + j];
    for (std::size_t k = 0; k < net.n2; ++k) field += net.w2[k * net.n1 + j] * state.o[k];
    change = std::max(change, std::abs(hard(field) - state.h[j]));
    state.h[j] = hard(field);
  }
  for (std::size_t k = 0; k < net.n2; ++k) {
    double field = net.b2[k];
    for (std::size_t j = 0; j < net.n1; ++j) field += net.w2[k * net.n1 + j] * state.h[j];
    field = (field + (beta == 0 ? 0 : beta * y[k])) / (1 + beta);
    const double next = net.linear ? field : hard(field);
    change = std::max(change, std::abs(next - state.o[k]));
    state.o[k] = next;
  }
  return change;
}

inline ChainState chain_settle(const ChainNet& net, const double* x, const double* y, double beta, ChainState state, int sweeps) {
  for (int t = 0; t < sweeps; ++t) chain_sweep(net, x, y, beta, state);
  return state;
}

/// Adds rate/batch times the contrast of one sample to `change` (same shapes as the net's weights).
inline void chain_contrast(const double* x, const ChainState& state, double weight, double rate1, double rate2, ChainNet& change) {
  for (std::size_t j = 0; j < change.n1; ++j) {
    change.b1[j] += rate1 * weight * state.h[j];
    for (std::size_t i = 0; i < change.n0; ++i) change.w1[i * change.n1 + j] += rate1 * weight * state.h[j] * x[i];
    for (std::size_t k = 0; k < change.n2; ++k) change.w2[k * change.n1 + j] += rate2 * weight * state.o[k] * state.h[j];
  }
  for (std::size_t k = 0; k < change.n2; ++k) change.b2[k] += rate2 * weight * state.o[k];
}

inline ChainNet chain_zero(const ChainNet& net) {
  ChainNet out = net;
  for (auto* v : {&out.w1, &out.b1, &out.w2, &out.b2}) std::fill(v->begin(), v->end(), 0.0);
  return out;
}

/// 1/2 |o - y|^2 at the free equilibrium.
inline double chain_loss(const ChainNet& net, const double* x, const double* y, double rest, int sweeps) {
  const ChainState state = chain_settle(net, x, y, 0, chain_rest(net, rest), sweeps);
  double loss = 0;
  for (std::size_t k = 0; k < net.n2; ++k) loss += 0.5 * (state.o[k] - y[k]) * (state.o[k] - y[k]);
  return loss;
}

}  // namespace eqprop::oracle
