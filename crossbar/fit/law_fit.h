#pragma once
// One curve through one sort of pulses: the search for the largest likelihood, the covariance there, and the score on ramps left out.
#include <Eigen/Core>
#include <vector>

#include "crossbar/fit/curves.h"
#include "crossbar/fit/likelihood.h"

namespace eqprop::fit {

/// Pulses of one sort. `rho` is x per mean step.
struct Pulses {
  std::vector<Track> tracks;
  double rho = 1;
  std::size_t steps() const;
};

/// A straight line and its noise, without a search: a start for all curves. In mean steps.
struct Guess {
  double level = 1, slope = 0;  ///< mean step = level + slope x
  double c2c = 0, write = 0;
  double low = 0, high = 0;  ///< conductances reached, write noise averaged out [mean step]
};
Guess guess(const std::vector<Track>& tracks, double rho);

struct CurveFit {
  Eigen::VectorXd p;           ///< the curve's parameters, then c0, c1, w; c0 >= 0, w >= 0
  Eigen::MatrixXd covariance;  ///< 0 for a parameter at the end of its range
  std::vector<bool> at_bound;
  double cost = 0;  ///< minus the log likelihood
  bool converged = false;
  std::vector<double> scores;  ///< [nat] held-out log likelihood of every track or stretch
  std::size_t scored = 0;      ///< pulses that it counts
};

/// The largest likelihood, with its covariance; with `scores` also five times without a fifth of the ramps, or of stretches of them where
/// there are fewer than five.
template <class Curve>
CurveFit fit_curve(const Curve& curve, const Pulses& pulses, bool scores);

/// The factor of a device's steps beside the curve, and its standard error, by Newton.
struct Factor {
  double value = 1, error = 0;
};
template <class Curve>
Factor fit_factor(const Curve& curve, const Eigen::VectorXd& p, const std::vector<Track>& tracks, double rho);

}  // namespace eqprop::fit
