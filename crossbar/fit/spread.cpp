#include "crossbar/fit/spread.h"

#include <algorithm>
#include <cmath>

#include "crossbar/fit/intervals.h"

namespace eqprop::fit {
namespace {

// factors of one sort of pulses, against a table that all devices share; devices without such pulses have error 0 and factor 0
std::vector<Factor> factors(Pulses& pulses, const std::vector<Ramp>& ramps, const std::vector<std::string>& devices) {
  std::vector<Factor> out(devices.size());
  // the second table is no longer blurred by the devices' differences
  for (int pass = 0; pass < 2; ++pass) {
    const TableCurve table = table_over(pulses);
    const Eigen::VectorXd p = fit_curve(table, pulses, false).p;
    double mean = 0, count = 0;
    for (std::size_t d = 0; d < devices.size(); ++d) {
      std::vector<Track> own;
      for (const Track& track : pulses.tracks)
        if (ramps[track.ramp].device == devices[d]) own.push_back(track);
      out[d] = own.empty() ? Factor{0, 0} : fit_factor(table, p, own, pulses.rho);
      mean += out[d].value;
      count += own.empty() ? 0 : 1;
    }
    mean /= std::max(count, 1.0);
    for (Factor& factor : out) {
      factor.value /= mean;
      factor.error /= mean;
    }
    for (Track& track : pulses.tracks) {
      const auto at = std::find(devices.begin(), devices.end(), ramps[track.ramp].device) - devices.begin();
      track.factor = out[static_cast<std::size_t>(at)].value;
    }
  }
  return out;
}

Estimate bound_spread(const std::vector<Ramp>& ramps, const std::vector<std::string>& devices) {
  std::vector<double> lows, highs;
  for (const std::string& device : devices) {
    double low = INFINITY, high = -INFINITY;
    for (const Ramp& ramp : ramps) {
      if (ramp.device != device) continue;
      const auto [least, most] = std::minmax_element(ramp.siemens.begin(), ramp.siemens.end());
      low = std::min(low, *least);
      high = std::max(high, *most);
    }
    lows.push_back(low);
    highs.push_back(high);
  }
  const Estimate low = spread_estimate("bound_spread", lows, {}), high = spread_estimate("bound_spread", highs, {});
  const auto both = [](double a, double b) { return std::sqrt(0.5 * (a * a + b * b)); };
  return {"bound_spread", false, both(low.value, high.value), both(low.low, high.low), both(low.high, high.high), false};
}

}  // namespace

TableCurve table_over(const Pulses& pulses) {
  std::vector<double> x;
  for (const Track& track : pulses.tracks)
    for (std::size_t k = 0; k + 1 < track.g.size(); ++k) x.push_back(pulses.rho * track.g[k]);
  std::sort(x.begin(), x.end());
  TableCurve table;
  for (std::size_t i = 0; i < table.knots.size(); ++i) {
    const double at = x[(x.size() - 1) * i / (table.knots.size() - 1)];
    // equal conductances give no two knots
    table.knots[i] = i == 0 ? at : std::max(at, table.knots[i - 1] + 0.02);
  }
  return table;
}

std::vector<Estimate> part_devices(Trains& trains, const std::vector<Ramp>& ramps, const std::vector<std::string>& devices) {
  if (devices.size() < 2) return {};
  const std::vector<Factor> up = factors(trains.up, ramps, devices), down = factors(trains.down, ramps, devices);
  std::vector<double> common, common_error, tilt, tilt_error;
  for (std::size_t d = 0; d < devices.size(); ++d) {
    if (up[d].value == 0 || down[d].value == 0) continue;
    common.push_back(0.5 * (up[d].value + down[d].value));
    common_error.push_back(0.5 * std::hypot(up[d].error, down[d].error));
    // 1 is added so that the spread stays relative to a step
    tilt.push_back(1 + 0.5 * (up[d].value - down[d].value));
    tilt_error.push_back(common_error.back());
  }
  std::vector<Estimate> out;
  if (common.size() >= 2) {
    out.push_back(spread_estimate("step_spread", common, common_error));
    // a uniform number on +-a has the standard deviation a / sqrt(3)
    Estimate asymmetry = spread_estimate("asymmetry_spread", tilt, tilt_error);
    for (double* x : {&asymmetry.value, &asymmetry.low, &asymmetry.high}) *x *= std::sqrt(3.0);
    out.push_back(asymmetry);
  }
  out.push_back(bound_spread(ramps, devices));
  return out;
}

}  // namespace eqprop::fit
