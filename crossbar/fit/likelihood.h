#pragma once
// The likelihood of a train of pulses, read after each of them:
//   h' = h + f(h) + sd(x) xi,  sd(x) = c0 + c1 x       hidden conductance: mean step and cycle-to-cycle spread
//   y  = h + w eta                                      what is read: write noise, redrawn at every write
// by an (extended) Kalman filter, exact where f is a straight line: R. E. Kalman, J. Basic Eng. 82 (1960), 10.1115/1.3662552. White w makes
// successive steps anticorrelated, cov(d, d') = -w^2, and that is how it is told from the spread of the steps themselves.
// Conductances are counted in mean steps from the middle, in the direction of the pulses.
#include <cmath>
#include <vector>

namespace eqprop::fit {

/// Conductances after successive pulses, and the factor of this device's steps.
struct Track {
  std::vector<double> g;
  double factor = 1;
  std::size_t ramp = 0;  ///< where it comes from
  std::size_t steps() const { return g.size() - 1; }
};

/// Number of parameters of the noise: c0, c1, w.
inline constexpr int kNoise = 3;

/// One pulse as the filter saw it: it expected `error` less, give or take sqrt(variance).
struct Innovation {
  double x = 0;         ///< where the pulse began, as read
  double error = 0;     ///< [mean step]
  double variance = 0;  ///< [mean step^2]
  double step = 0;      ///< as read [mean step]
  double mean = 0;      ///< of the law there [mean step]
};

/// Minus the logarithm of the likelihood of a track, but for the constant; x per mean step is `rho`. p: the curve's parameters, then the
/// noise's.
template <class Curve, class T>
T track_cost(const Curve& curve, const T* p, const Track& track, double rho, std::vector<Innovation>* out = nullptr) {
  using std::log;
  constexpr double kLeast = 1e-6;  // variance that keeps data without noise finite
  constexpr double kDelta = 1e-4;  // of x, for the slope of f
  const T* noise = p + Curve::kSize;
  const T write = noise[2] * noise[2];
  T h = T(track.g[0]), spread = write, sum = T(0.0);
  for (std::size_t k = 1; k < track.g.size(); ++k) {
    const T x = h * rho;
    const T mean = track.factor * curve.step(p, x);
    const T slope = (curve.step(p, T(x + kDelta)) - curve.step(p, T(x - kDelta))) * (track.factor * rho / (2 * kDelta));
    const T sd = noise[0] + noise[1] * x;
    const T ahead = (1.0 + slope) * (1.0 + slope) * spread + sd * sd + kLeast;
    const T variance = ahead + write;
    const T error = track.g[k] - h - mean;
    sum += error * error / variance + log(variance);
    if constexpr (std::is_same_v<T, double>) {
      if (out != nullptr) {
        const double from = track.g[k - 1];
        out->push_back({from * rho, error, variance, track.g[k] - from, track.factor * curve.step(p, from * rho)});
      }
    }
    const T gain = ahead / variance;
    h = h + mean + gain * error;
    spread = write * gain;
  }
  return 0.5 * sum;
}

}  // namespace eqprop::fit
