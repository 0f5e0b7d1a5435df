#pragma once
// Mean steps of the device laws, written out again in double from their equations, and one pulse of one device after the other.
#include <algorithm>
#include <cmath>
#include <variant>

#include "base/random.h"
#include "crossbar/tile.h"
#include "tests/oracle/pulse_reference.h"

namespace eqprop::oracle {

/// Steps of a quantile_table by its data: bilinear between neighbours in conductance and in u.
inline double table_step(const QuantileData& data, bool up, double x, double u) {
  const auto& table = up ? data.set : data.reset;
  const double row = x * (data.conductances - 1), column = u * (data.quantiles - 1);
  const int i = std::clamp(static_cast<int>(row), 0, data.conductances - 2),
            k = std::clamp(static_cast<int>(column), 0, data.quantiles - 2);
  const auto at = [&](int r, int c) { return table[static_cast<std::size_t>(r * data.quantiles + c)]; };
  const double fx = row - i, fy = column - k;
  return (1 - fx) * ((1 - fy) * at(i, k) + fy * at(i, k + 1)) + fx * ((1 - fy) * at(i + 1, k) + fy * at(i + 1, k + 1));
}

/// Mean over u by many small steps.
inline double table_mean(const QuantileData& data, bool up, double x) {
  constexpr int kPieces = 2000;
  double sum = 0;
  for (int p = 0; p < kPieces; ++p) sum += table_step(data, up, x, (p + 0.5) / kPieces);
  return sum / kPieces;
}

/// [S] mean step of a law at g in the window [low, high]; `data` is that of a quantile_table.
inline double mean_step(const DeviceLaw& law, const QuantileData& data, double g, bool up, double low, double high) {
  const double share = (g - low) / (high - low), x = 2 * share - 1;
  struct Steps {
    const QuantileData& data;
    double share, x;
    bool up;
    double operator()(const LinearStep& l) const {
      return up ? l.step_up * std::max(1 - l.gamma_up * x, 0.0) : -l.step_down * std::max(1 + l.gamma_down * x, 0.0);
    }
    double operator()(const SoftBounds& l) const { return up ? l.step_up * (1 - share) : -l.step_down * share; }
    double operator()(const ExponentialStep& l) const {
      const double z = l.a * x + l.b;
      return up ? l.step_up * std::max(1 - l.A_up * std::exp(l.gamma_up * z), 0.0)
                : -l.step_down * std::max(1 - l.A_down * std::exp(-l.gamma_down * z), 0.0);
    }
    double operator()(const PowerStep& l) const {
      return up ? l.step_up * std::pow(1 - share, l.gamma_up) : -l.step_down * std::pow(share, l.gamma_down);
    }
    double operator()(const NeuroSimStep& l) const {
      return up ? l.step_up * std::max(1 - l.shrink_up * share, 0.0) : -l.step_down * std::max(1 - l.shrink_down * (1 - share), 0.0);
    }
    double operator()(const QuantileTable&) const { return table_mean(data, up, share); }
    double operator()(const StrachanStep& l) const { return PulseSteps<Strachan>::of(l).step(share, up); }
    double operator()(const VteamStep& l) const { return PulseSteps<Vteam>::of(l).step(share, up); }
  };
  return std::visit(Steps{data, share, x, up}, law);
}

/// [S] where one pulse with the draw `random` leaves device i of a plane: of a normal, of a uniform number for a quantile_table.
inline double pulsed(const DevicePreset& d, const QuantileData& data, DevicePlane& plane, Eigen::Index i, bool set, double random) {
  const double g = plane.moved()(i), low = plane.low(i), high = plane.high(i), factor = set ? plane.up(i) : plane.down(i);
  double step = mean_step(d.law, data, g, set, low, high);
  if (std::holds_alternative<QuantileTable>(d.law)) {
    step += d.cycle_sd * (table_step(data, set, (g - low) / (high - low), random) - step);
  } else {
    const double sd = d.cycle_sd * std::abs(step) + d.cycle_floor * d.window() + d.cycle_slope * (g - d.G_min);
    step += (set ? sd : -sd) * random;
  }
  return std::clamp(g + factor * step, low, high);
}

}  // namespace eqprop::oracle
