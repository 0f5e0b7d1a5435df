#include "crossbar/fit/fit.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "crossbar/fit/goodness.h"
#include "crossbar/fit/intervals.h"
#include "crossbar/fit/spread.h"
#include "energy/nearest.h"

namespace eqprop {
namespace {

using namespace fit;
using Eigen::VectorXd;

constexpr double kFarthestBound = 3;  // of soft bounds, in halves of the range seen, from its middle

template <class Visit>
void for_all_curves(Visit visit) {
  std::apply([&](const auto&... curve) { (visit(curve), ...); }, AllCurves());
}

Pulses pulses_of(const std::vector<Ramp>& ramps, bool up, const Scale& scale) {
  Pulses out;
  out.rho = scale.step / scale.half;
  const double sign = up ? 1 : -1;
  for (std::size_t r = 0; r < ramps.size(); ++r) {
    if (ramps[r].up != up) continue;
    Track track;
    track.ramp = r;
    for (const double g : ramps[r].siemens) track.g.push_back(sign * (g - scale.middle) / scale.step);
    out.tracks.push_back(std::move(track));
  }
  return out;
}

void check_ramps(const std::vector<Ramp>& ramps) {
  for (const bool up : {true, false}) {
    double moved = 0;
    bool any = false;
    for (const Ramp& ramp : ramps) {
      check(ramp.siemens.size() >= kLeastPulses, "a ramp has at least ten pulses");
      if (ramp.up != up) continue;
      any = true;
      moved += (up ? 1 : -1) * (ramp.siemens.back() - ramp.siemens.front());
    }
    const std::string sort = up ? "SET" : "RESET";
    if (!any) throw InputError(Code::wrong_format, {}, "no " + sort + " pulses", "a device needs ramps of both sorts");
    if (!(moved > 0))
      throw InputError(Code::files_disagree, {},
                       "the " + sort + " pulses do not " + (up ? "raise" : "lower") + " the conductance on average",
                       "are SET and RESET swapped?");
  }
}

// the range that was reached, write noise averaged out, and the mean step
Trains trains_of(const std::vector<Ramp>& ramps) {
  double low = INFINITY, high = -INFINITY, moved = 0, steps = 0;
  for (const Ramp& ramp : ramps) {
    for (const double g : ramp.siemens) {
      low = std::min(low, g);
      high = std::max(high, g);
    }
    moved += (ramp.up ? 1 : -1) * (ramp.siemens.back() - ramp.siemens.front());
    steps += static_cast<double>(ramp.siemens.size() - 1);
  }
  Trains out;
  out.scale = {0.5 * (low + high), 0.5 * (high - low), moved / steps};
  const Scale rough = out.scale;
  low = INFINITY;
  high = -INFINITY;
  for (const bool up : {true, false}) {
    const Pulses pulses = pulses_of(ramps, up, rough);
    const Guess seen = guess(pulses.tracks, pulses.rho);
    const double sign = up ? 1 : -1;
    for (const double g : {seen.low, seen.high}) {
      low = std::min(low, rough.middle + sign * g * rough.step);
      high = std::max(high, rough.middle + sign * g * rough.step);
    }
  }
  out.scale = {0.5 * (low + high), 0.5 * (high - low), rough.step};
  out.up = pulses_of(ramps, true, out.scale);
  out.down = pulses_of(ramps, false, out.scale);
  return out;
}

template <class Curve>
DirectionFit direction(const Curve& curve, const CurveFit& fit, const Pulses& pulses, const Scale& scale, bool up) {
  DirectionFit out;
  std::vector<std::vector<Innovation>> all;
  for (const Track& track : pulses.tracks) track_cost(curve, fit.p.data(), track, pulses.rho, &all.emplace_back());
  describe(out, all, scale, up, Curve::kSize);
  out.ramp_scores = fit.scores;
  for (const double score : fit.scores) out.held_out += score / static_cast<double>(std::max<std::size_t>(fit.scored, 1));
  // scores are of steps in mean steps: a density in siemens has another unit
  out.mean = [curve, p = fit.p, scale, up](double siemens) {
    const double sign = up ? 1 : -1;
    return sign * scale.step * curve.step(p.data(), sign * (siemens - scale.middle) / scale.half);
  };
  out.c2c = [c0 = fit.p[Curve::kSize], c1 = fit.p[Curve::kSize + 1], scale, up](double siemens) {
    return scale.step * std::abs(c0 + c1 * (up ? 1 : -1) * (siemens - scale.middle) / scale.half);
  };
  return out;
}

// the noise in siemens and as a preset has it: c2c as a share of the step, write noise in nominal steps
template <class Curve>
void add_noise(std::vector<NamedValue>& out, const Curve& up, const Curve& down, const VectorXd& q, const Trains& trains,
               const LawValues& law) {
  const Scale& s = trains.scale;
  const double* noise_up = q.data() + Curve::kSize;
  const double* p_down = q.data() + Curve::kSize + kNoise;
  const double* noise_down = p_down + Curve::kSize;
  out.push_back({"set_c2c", true, std::abs(noise_up[0]) * s.step, true});
  out.push_back({"set_c2c_slope", false, noise_up[1] * s.step / s.half});
  out.push_back({"set_write_noise", true, std::abs(noise_up[2]) * s.step, true});
  out.push_back({"reset_c2c", true, std::abs(noise_down[0]) * s.step, true});
  out.push_back({"reset_c2c_slope", false, -noise_down[1] * s.step / s.half});
  out.push_back({"reset_write_noise", true, std::abs(noise_down[2]) * s.step, true});

  double spread = 0, steps = 0;
  const auto add = [&](const Curve& curve, const double* p, const double* noise, const Pulses& pulses) {
    constexpr std::size_t kPlaces = 400;
    const std::size_t stride = std::max<std::size_t>(pulses.steps() / kPlaces, 1);
    std::size_t k = 0;
    for (const Track& track : pulses.tracks)
      for (const double g : track.g) {
        if (k++ % stride != 0) continue;
        const double x = pulses.rho * g, sd = noise[0] + noise[1] * x, step = curve.step(p, x);
        spread += sd * sd;
        steps += step * step;
      }
  };
  add(up, q.data(), noise_up, trains.up);
  add(down, p_down, noise_down, trains.down);
  out.push_back({"cycle_sd", false, std::sqrt(spread / std::max(steps, 1e-300)), true});
  const double middle = (0.5 * (law.low + law.high) - s.middle) / s.half;
  const double nominal = 0.5 * (up.step(q.data(), middle) + down.step(p_down, -middle));
  out.push_back({"write_noise", false,
                 std::sqrt(0.5 * (noise_up[2] * noise_up[2] + noise_down[2] * noise_down[2])) / std::max(nominal, 1e-300), true});
}

template <class Curve>
LawFit fit_law(const Curve& up, const Curve& down, const Trains& trains, bool scores) {
  LawFit out;
  out.law = Curve::kLaw;
  const CurveFit fit_up = fit_curve(up, trains.up, scores), fit_down = fit_curve(down, trains.down, scores);
  out.converged = fit_up.converged && fit_down.converged;
  out.set = direction(up, fit_up, trains.up, trains.scale, true);
  out.reset = direction(down, fit_down, trains.down, trains.scale, false);
  double score = 0;
  for (const CurveFit* fit : {&fit_up, &fit_down})
    for (const double s : fit->scores) score += s;
  out.held_out = score / static_cast<double>(std::max<std::size_t>(fit_up.scored + fit_down.scored, 1));
  if constexpr (!std::is_same_v<Curve, TableCurve>) {
    constexpr Eigen::Index kOne = Curve::kSize + kNoise;
    out.parameters = estimates(
        [&](const VectorXd& q) {
          const LawValues law = Curve::values(q.data(), q.data() + kOne, trains.scale);
          std::vector<NamedValue> values = law.values;
          add_noise(values, up, down, q, trains, law);
          return values;
        },
        fit_up, fit_down, trains.scale.step);
    const LawValues law = Curve::values(fit_up.p.data(), fit_down.p.data(), trains.scale);
    out.device_law = Curve::law(law);
    out.G_min = law.low;
    out.G_max = law.high;
  }
  return out;
}

// how far a law lags behind the table on pulses that neither was fitted to, ramp by ramp
void compare(LawFit& law, const LawFit& table) {
  double sum = 0, pulses = 0;
  std::vector<double> difference;
  for (const auto& [ours, other] : {std::pair{&law.set, &table.set}, {&law.reset, &table.reset}}) {
    for (std::size_t i = 0; i < ours->ramp_scores.size(); ++i) {
      difference.push_back(other->ramp_scores[i] - ours->ramp_scores[i]);
      sum += difference.back();
    }
    pulses += static_cast<double>(ours->pulses);
  }
  const auto n = static_cast<double>(difference.size());
  double square = 0;
  for (const double d : difference) square += (d - sum / n) * (d - sum / n);
  law.behind_table = sum / pulses;
  law.behind_error = n > 1 ? std::sqrt(n * square / (n - 1)) / pulses : 0;
}

}  // namespace

std::vector<std::string> fitted_laws() {
  std::vector<std::string> names;
  for_all_curves([&](const auto& curve) { names.emplace_back(curve.kLaw); });
  return names;
}

bool LawFit::misses() const {
  constexpr double kLeastGain = 0.01;  // [nat per pulse]: what is beyond doubt may still be of no account
  constexpr double kLeastP = 1e-3;
  return behind_table > std::max(2 * behind_error, kLeastGain) && std::min(set.chi2_p, reset.chi2_p) < kLeastP;
}

const Estimate& LawFit::estimate(std::string_view name) const {
  const auto at = std::find_if(parameters.begin(), parameters.end(), [&](const Estimate& e) { return e.name == name; });
  check(at != parameters.end(), "an estimate of this law");
  return *at;
}

namespace {

// six digits are more than pulses tell, and a file stays readable
double rounded(double x) {
  char text[32];
  double out = x;
  std::from_chars(text, std::to_chars(text, text + sizeof text, x, std::chars_format::general, 6).ptr, out);
  return out;
}

// spread from pulse to pulse as a share of the step, or as a straight line over the conductance: whichever is nearer to what was fitted
void set_cycle_noise(DevicePreset& d, const LawFit& fit) {
  double n = 0, sx = 0, sxx = 0, sy = 0, sxy = 0;
  const auto each = [&](const auto& visit) {
    for (const DirectionFit* direction : {&fit.set, &fit.reset})
      for (const FittedStep& s : direction->steps) visit((s.siemens - d.G_min) / d.window(), direction->c2c(s.siemens), s.mean);
  };
  each([&](double x, double sd, double) {
    n += 1;
    sx += x;
    sxx += x * x;
    sy += sd;
    sxy += x * sd;
  });
  const double spread = n * sxx - sx * sx;
  double slope = spread > 0 ? std::max((n * sxy - sx * sy) / spread, 0.0) : 0;
  double floor = (sy - slope * sx) / n;
  if (floor < 0) {
    floor = 0;
    slope = sxx > 0 ? sxy / sxx : 0;
  }
  const double share = fit.estimate("cycle_sd").value;
  double by_share = 0, by_line = 0;
  each([&](double x, double sd, double step) {
    by_share += std::pow(share * std::abs(step) - sd, 2);
    by_line += std::pow(floor + slope * x - sd, 2);
  });
  if (by_share <= by_line) {
    d.cycle_sd = rounded(share);
  } else {
    d.cycle_floor = rounded(floor / d.window());
    d.cycle_slope = rounded(slope / d.window());
  }
}

}  // namespace

DevicePreset DeviceFit::preset(const std::string& name) const {
  const LawFit& best = laws.front();
  DevicePreset d;
  d.name = name;
  d.law = best.device_law;
  d.G_min = rounded(best.G_min);
  d.G_max = rounded(best.G_max);
  const double nominal = d.nominal_step();
  // laws of the room left count by the step at a bound
  const bool by_bound = std::holds_alternative<SoftBounds>(d.law) || std::holds_alternative<PowerStep>(d.law);
  d.pulses_per_window =
      rounded(d.window() / (by_bound ? 0.5 * (best.estimate("step_up").value + best.estimate("step_down").value) : nominal));
  set_cycle_noise(d, best);
  d.write_noise = rounded(best.estimate("write_noise").value);
  d.verify_tolerance = rounded(nominal * (1 + d.write_noise));
  for (const Estimate& e : spread) {
    if (e.name == "step_spread") d.step_spread = rounded(e.value);
    if (e.name == "asymmetry_spread") d.asymmetry_spread = rounded(std::min(e.value, 1.0));
    // no wider than keeps every device's bounds in order
    if (e.name == "bound_spread") d.bound_spread = rounded(std::min(e.value, 0.3 * d.window() / (d.G_min + d.G_max)));
  }
  return d;
}

DeviceFit fit_device(const std::vector<Ramp>& ramps, const FitOptions& options) {
  const std::vector<std::string> names = fitted_laws();
  if (!options.law.empty() && std::find(names.begin(), names.end(), options.law) == names.end())
    throw InputError(Code::unknown_name, {}, "no law `" + options.law + "` that can be fitted",
                     name_hint(options.law, std::vector<std::string_view>(names.begin(), names.end())));
  check_ramps(ramps);
  Trains trains = trains_of(ramps);
  DeviceFit out;
  for (const Ramp& ramp : ramps)
    if (std::find(out.devices.begin(), out.devices.end(), ramp.device) == out.devices.end()) out.devices.push_back(ramp.device);
  out.spread = part_devices(trains, ramps, out.devices);
  if (options.compare) out.table = fit_law(table_over(trains.up), table_over(trains.down), trains, true);
  for_all_curves([&](const auto& curve) {
    if (!options.law.empty() && options.law != curve.kLaw) return;
    auto up = curve, down = curve;
    if constexpr (requires { up.farthest; }) {
      // no siemens below 0
      up.farthest = kFarthestBound;
      down.farthest = options.siemens ? std::min(kFarthestBound, trains.scale.middle / trains.scale.half) : kFarthestBound;
    }
    LawFit law = fit_law(up, down, trains, options.compare);
    if (options.compare) compare(law, out.table);
    out.laws.push_back(std::move(law));
  });
  std::stable_sort(out.laws.begin(), out.laws.end(), [](const LawFit& a, const LawFit& b) { return a.held_out > b.held_out; });
  return out;
}

}  // namespace eqprop
