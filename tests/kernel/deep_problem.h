#pragma once
// A random deep chain and batch in the kernel's float layout and in doubles (the same numbers), and the plain loops that settle it.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "eqprop/kernel/deep.h"
#include "tests/kernel/chain_problem.h"

namespace eqprop::test {

/// Weights [outputs][inputs] and biases of every coupling, in double.
struct DeepNet {
  std::vector<std::size_t> sizes;
  std::vector<std::vector<double>> w, b;
  bool linear = false;
};

using DeepState = std::vector<std::vector<double>>;  // [layer], the input first

/// h_l of layer l given its neighbours.
inline double deep_field(const DeepNet& net, const DeepState& s, std::size_t l, std::size_t i) {
  double h = net.b[l - 1][i];
  for (std::size_t j = 0; j < net.sizes[l - 1]; ++j) h += net.w[l - 1][i * net.sizes[l - 1] + j] * s[l - 1][j];
  if (l + 1 < net.sizes.size())
    for (std::size_t k = 0; k < net.sizes[l + 1]; ++k) h += net.w[l][k * net.sizes[l] + i] * s[l + 1][k];
  return h;
}

/// The minimiser of a unit given the others; y may be null when beta is 0.
inline double deep_minimiser(const DeepNet& net, const DeepState& s, std::size_t l, std::size_t i, const double* y, double beta) {
  double h = deep_field(net, s, l, i);
  const bool output = l + 1 == net.sizes.size();
  if (output && beta != 0) h = (h + beta * y[i]) / (1 + beta);
  return output && net.linear ? h : std::clamp(h, 0.0, 1.0);
}

/// Largest |s - minimiser| over all units.
inline double deep_residual(const DeepNet& net, const DeepState& s, const double* y, double beta) {
  double worst = 0;
  for (std::size_t l = 1; l < net.sizes.size(); ++l)
    for (std::size_t i = 0; i < net.sizes[l]; ++i) worst = std::max(worst, std::abs(s[l][i] - deep_minimiser(net, s, l, i, y, beta)));
  return worst;
}

/// Unit by unit, layer by layer, until no unit moves by more than the tolerance (or 5000 sweeps).
inline void deep_relax(const DeepNet& net, DeepState& s, const double* y, double beta, double tolerance = 1e-12) {
  for (int sweep = 0; sweep < 5000; ++sweep) {
    double moved = 0;
    for (std::size_t l = 1; l < net.sizes.size(); ++l) {
      for (std::size_t i = 0; i < net.sizes[l]; ++i) {
        const double next = deep_minimiser(net, s, l, i, y, beta);
        moved = std::max(moved, std::abs(next - s[l][i]));
        s[l][i] = next;
      }
    }
    if (moved <= tolerance) return;
  }
}

struct DeepProblem {
  DeepNet net;
  std::vector<double> x, y;  // [batch][inputs], [batch][outputs]
  std::vector<float> xf, yf;
  int batch = 0;
  std::vector<AlignedArray<float>> lines, bias;
  DeepWeights weights;

  std::size_t depth() const { return net.w.size(); }
  ChainBatch inputs() const { return {xf.data(), yf.data(), batch}; }
  const double* target(int s) const { return y.data() + static_cast<std::size_t>(s) * net.sizes.back(); }
  std::size_t line_floats(std::size_t c) const {
    const DeepCoupling& k = weights.couplings[c];
    return static_cast<std::size_t>((k.by_output ? k.outputs : k.inputs) * chain_leading_dimension(k.by_output ? k.inputs : k.outputs));
  }
  /// The float weight of the kernel's layout.
  float& weight(std::size_t c, std::size_t out, std::size_t in) {
    const DeepCoupling& k = weights.couplings[c];
    const auto ld = static_cast<std::size_t>(chain_leading_dimension(k.by_output ? k.inputs : k.outputs));
    return k.lines[k.by_output ? out * ld + in : in * ld + out];
  }
  DeepState rest(int s) const {
    DeepState out;
    for (const std::size_t n : net.sizes) out.emplace_back(n, 0.0);
    std::copy_n(x.begin() + s * static_cast<std::ptrdiff_t>(net.sizes[0]), net.sizes[0], out[0].begin());
    return out;
  }
  /// Everything that learning changes, padding included.
  std::vector<float> all_weights() const {
    std::vector<float> out;
    for (std::size_t c = 0; c < depth(); ++c) {
      out.insert(out.end(), weights.couplings[c].lines, weights.couplings[c].lines + line_floats(c));
      out.insert(out.end(), weights.couplings[c].bias, weights.couplings[c].bias + chain_leading_dimension(weights.couplings[c].outputs));
    }
    return out;
  }
};

/// `gain`: weights are uniform on +- gain sqrt(3) / (sqrt(inputs) + sqrt(outputs)), so that a coupling's norm is about gain; below 1/2 every
/// such network has one equilibrium. `density`: share of inputs that are not zero.
inline DeepProblem make_deep(const std::vector<int>& sizes, int batch, double density, std::uint64_t seed, double gain = 0.45) {
  Uniform draw(seed);
  DeepProblem p;
  p.batch = batch;
  for (const int n : sizes) p.net.sizes.push_back(static_cast<std::size_t>(n));
  for (std::size_t c = 0; c + 1 < sizes.size(); ++c) {
    const std::size_t in = p.net.sizes[c];
    const std::size_t out = p.net.sizes[c + 1];
    const double range = gain * std::sqrt(3.0) / (std::sqrt(static_cast<double>(in)) + std::sqrt(static_cast<double>(out)));
    p.net.w.emplace_back(in * out);
    for (double& v : p.net.w.back()) v = static_cast<float>(draw(-range, range));
    p.net.b.emplace_back(out);
    for (double& v : p.net.b.back()) v = static_cast<float>(draw(-0.2, 0.9));
  }
  p.x.assign(p.net.sizes[0] * static_cast<std::size_t>(batch), 0);
  for (double& v : p.x) {
    const bool on = draw(0, 1) < density;
    v = on ? static_cast<float>(draw(0, 1)) : 0;
  }
  p.y.assign(p.net.sizes.back() * static_cast<std::size_t>(batch), 0);
  for (std::size_t s = 0; s < static_cast<std::size_t>(batch); ++s) p.y[s * p.net.sizes.back() + s % p.net.sizes.back()] = 1;
  p.xf.assign(p.x.begin(), p.x.end());
  p.yf.assign(p.y.begin(), p.y.end());

  for (std::size_t c = 0; c + 1 < sizes.size(); ++c) {
    DeepCoupling k;
    k.inputs = sizes[c];
    k.outputs = sizes[c + 1];
    k.by_output = c > 0 && k.outputs <= 16 && k.outputs < k.inputs;
    p.weights.couplings.push_back(k);
    const std::size_t floats = p.line_floats(c);
    const auto padded = static_cast<std::size_t>(chain_leading_dimension(k.outputs));
    p.lines.emplace_back().grow(floats);
    p.bias.emplace_back().grow(padded);
    std::fill_n(p.lines.back().data(), floats, 0.0F);
    std::fill_n(p.bias.back().data(), padded, 0.0F);
    p.weights.couplings[c].lines = p.lines.back().data();
    p.weights.couplings[c].bias = p.bias.back().data();
    for (std::size_t o = 0; o < p.net.sizes[c + 1]; ++o) {
      p.bias.back().data()[o] = static_cast<float>(p.net.b[c][o]);
      for (std::size_t i = 0; i < p.net.sizes[c]; ++i) p.weight(c, o, i) = static_cast<float>(p.net.w[c][o * p.net.sizes[c] + i]);
    }
  }
  return p;
}

}  // namespace eqprop::test
