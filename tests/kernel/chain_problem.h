#pragma once
// A random chain network and batch, in the kernel's float layout and in the oracle's doubles (the same numbers).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "eqprop/kernel/chain.h"
#include "tests/oracle/chain_reference.h"

namespace eqprop::test {

/// Small generator, good enough for test data.
class Uniform {
 public:
  explicit Uniform(std::uint64_t seed) : state_(seed * 2654435761U + 88172645463325252U) {}
  double operator()(double low, double high) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return low + (high - low) * static_cast<double>(state_ >> 11) * 0x1p-53;
  }

 private:
  std::uint64_t state_;
};

struct ChainProblem {
  oracle::ChainNet net;
  std::vector<double> x, y;  // [batch][n0], [batch][n2]
  std::vector<float> xf, yf;
  int batch = 0, ld = 0;
  AlignedArray<float> w1, b1, w2;
  std::vector<float> b2;

  ChainWeights weights() {
    return {w1.data(), b1.data(), w2.data(), b2.data(), static_cast<int>(net.n0), static_cast<int>(net.n1), static_cast<int>(net.n2), ld};
  }
  ChainBatch inputs() const { return {xf.data(), yf.data(), batch}; }
  const double* sample(int s) const { return x.data() + static_cast<std::size_t>(s) * net.n0; }
  const double* target(int s) const { return y.data() + static_cast<std::size_t>(s) * net.n2; }
};

/// `density`: share of inputs that are not zero. Hidden fields have a spread of about `spread` around 0.5, so that many are inside (0, 1).
inline ChainProblem make_chain(int n0, int n1, int n2, int batch, double density, std::uint64_t seed, double spread = 0.4) {
  Uniform draw(seed);
  ChainProblem p;
  p.net.n0 = static_cast<std::size_t>(n0);
  p.net.n1 = static_cast<std::size_t>(n1);
  p.net.n2 = static_cast<std::size_t>(n2);
  p.batch = batch;
  p.ld = chain_leading_dimension(n1);
  const auto ld = static_cast<std::size_t>(p.ld);
  const auto fill = [&draw](auto& out, std::size_t size, double low, double high) {
    out.resize(size);
    for (auto& v : out) v = static_cast<float>(draw(low, high));
  };
  const double range1 = spread * 3 / std::sqrt(std::max(1.0, density * n0));
  const double range2 = std::min(1.0, 1.2 / std::sqrt(static_cast<double>(n1)));
  fill(p.net.w1, p.net.n0 * p.net.n1, -range1, range1);
  fill(p.net.b1, p.net.n1, 0.2, 0.8);
  fill(p.net.w2, p.net.n2 * p.net.n1, -range2, range2);
  fill(p.net.b2, p.net.n2, 0.1, 0.6);
  fill(p.x, p.net.n0 * static_cast<std::size_t>(batch), 0, 1);
  for (double& v : p.x) v = draw(0, 1) < density ? v : 0;
  p.y.assign(p.net.n2 * static_cast<std::size_t>(batch), 0);
  for (std::size_t s = 0; s < static_cast<std::size_t>(batch); ++s) p.y[s * p.net.n2 + s % p.net.n2] = 1;
  p.xf.assign(p.x.begin(), p.x.end());
  p.yf.assign(p.y.begin(), p.y.end());

  p.w1.grow(p.net.n0 * ld);
  p.b1.grow(ld);
  p.w2.grow(p.net.n2 * ld);
  const auto copy_rows = [&](const std::vector<double>& from, std::size_t rows, float* to) {
    std::fill(to, to + rows * ld, 0.0F);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t j = 0; j < p.net.n1; ++j) to[r * ld + j] = static_cast<float>(from[r * p.net.n1 + j]);
    }
  };
  copy_rows(p.net.w1, p.net.n0, p.w1.data());
  copy_rows(p.net.b1, 1, p.b1.data());
  copy_rows(p.net.w2, p.net.n2, p.w2.data());
  p.b2.assign(p.net.b2.begin(), p.net.b2.end());
  return p;
}

}  // namespace eqprop::test
