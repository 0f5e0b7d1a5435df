#include "crossbar/fit/goodness.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace eqprop::fit {
namespace {

constexpr int kMostBins = 12;
constexpr std::size_t kLeastInBin = 10;

// quantile of the standard normal by bisection: needed a few times a fit
double normal_quantile(double p) {
  double low = -10, high = 10;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

// Wald and Wolfowitz, Ann. Math. Stat. 11 (1940), 10.1214/aoms/1177731909
double runs_z(const std::vector<std::vector<Innovation>>& tracks) {
  double runs = 0, expected = 0, variance = 0;
  for (const auto& track : tracks) {
    double n = 0, positive = 0;
    bool last = false;
    for (const Innovation& i : track) {
      const bool now = i.error > 0;
      if (n == 0 || now != last) ++runs;
      last = now;
      ++n;
      if (now) ++positive;
    }
    if (n < 2) {
      runs -= n;
      continue;
    }
    const double pairs = 2 * positive * (n - positive);
    expected += pairs / n + 1;
    variance += pairs * (pairs - n) / (n * n * (n - 1));
  }
  return variance > 0 ? (runs - expected) / std::sqrt(variance) : 0;
}

double lag_one(const std::vector<std::vector<Innovation>>& tracks) {
  double square = 0, product = 0;
  for (const auto& track : tracks)
    for (std::size_t k = 0; k < track.size(); ++k) {
      const double residual = track[k].step - track[k].mean;
      square += residual * residual;
      if (k > 0) product += residual * (track[k - 1].step - track[k - 1].mean);
    }
  return square > 0 ? product / square : 0;
}

// means by conductance of the filter's residuals, which write noise does not draw towards the mean as it does the plain ones
void add_structure(DirectionFit& fit, const std::vector<Innovation>& all, int parameters) {
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return all[a].x < all[b].x; });
  const int bins = std::clamp(static_cast<int>(all.size() / kLeastInBin), 1, kMostBins);
  double unsaid = 0, step = 0;
  for (int b = 0; b < bins; ++b) {
    const std::size_t first = all.size() * static_cast<std::size_t>(b) / static_cast<std::size_t>(bins);
    const std::size_t last = all.size() * static_cast<std::size_t>(b + 1) / static_cast<std::size_t>(bins);
    const auto n = static_cast<double>(last - first);
    double z = 0, sum = 0, square = 0;
    for (std::size_t k = first; k < last; ++k) {
      const Innovation& i = all[order[k]];
      z += i.error / std::sqrt(i.variance);
      sum += i.error;
      square += i.error * i.error;
      step += i.step;
    }
    fit.chi2 += z * z / n;
    // less what chance alone leaves of a mean
    unsaid += sum * sum / n - (n > 1 ? (square - sum * sum / n) / (n - 1) : 0);
  }
  fit.freedom = std::max(bins - parameters, 0);
  fit.chi2_p = fit.freedom > 0 ? chi2_probability(fit.chi2, fit.freedom) : 1;
  const auto count = static_cast<double>(all.size());
  fit.structure = std::sqrt(std::max(unsaid, 0.0) / count) / std::max(std::abs(step / count), 1e-300);
}

}  // namespace

double chi2_probability(double chi2, int freedom) {
  const double k = 2.0 / (9.0 * freedom);
  return 0.5 * std::erfc((std::cbrt(chi2 / freedom) - (1 - k)) / std::sqrt(2 * k));
}

double chi2_value(double p, int freedom) {
  const double k = 2.0 / (9.0 * freedom);
  return freedom * std::pow(std::max(1 - k + normal_quantile(1 - p) * std::sqrt(k), 0.0), 3);
}

void describe(DirectionFit& fit, const std::vector<std::vector<Innovation>>& tracks, const Scale& scale, bool up, int parameters) {
  std::vector<Innovation> all;
  for (const auto& track : tracks) all.insert(all.end(), track.begin(), track.end());
  const auto n = static_cast<double>(all.size());
  const double sign = up ? 1 : -1;
  double sum = 0;
  for (const Innovation& i : all) sum += i.step;
  double residual = 0, total = 0;
  for (const Innovation& i : all) {
    residual += (i.step - i.mean) * (i.step - i.mean);
    total += (i.step - sum / n) * (i.step - sum / n);
    fit.steps.push_back({scale.middle + sign * scale.half * i.x, sign * scale.step * i.step, sign * scale.step * i.mean,
                         sign * i.error / std::sqrt(i.variance)});
  }
  fit.ramps = tracks.size();
  fit.pulses = all.size();
  fit.mean_step = sign * scale.step * sum / n;
  fit.R2 = total > 0 ? 1 - residual / total : 0;
  fit.residual_sd = scale.step * std::sqrt(residual / n);
  fit.residual_of_step = fit.residual_sd / std::abs(fit.mean_step);
  fit.lag1 = lag_one(tracks);
  fit.runs_z = runs_z(tracks);
  add_structure(fit, all, parameters);
}

}  // namespace eqprop::fit
