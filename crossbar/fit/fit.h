#pragma once
// Your own device: laws fitted to conductances that were read after every programming pulse.
//   step(G) = mean(G) + (c2c + slope (G - middle)) xi;  read G = G + write_noise eta
// Maximum likelihood by a Kalman filter (likelihood.h); what a law is worth is the likelihood of ramps that it was not fitted to.
#include <functional>
#include <string>
#include <vector>

#include "crossbar/device/device.h"

namespace eqprop {

/// A train of pulses of one sort on one device.
struct Ramp {
  std::string device;
  bool up = true;               ///< SET pulses
  std::vector<double> siemens;  ///< after each pulse
};

/// Ramps of fewer pulses say nothing about a law.
inline constexpr std::size_t kLeastPulses = 10;

/// Laws that can be fitted.
std::vector<std::string> fitted_laws();

struct FitOptions {
  std::string law;      ///< one of fitted_laws(); empty: all, compared
  bool siemens = true;  ///< false: plain weights, which may be negative
  bool compare = true;  ///< false: no scores on ramps left out and no table, for a quick fit
};

/// A parameter with its interval.
struct Estimate {
  std::string name;
  bool siemens = false;  ///< [S], otherwise [1]
  double value = 0;
  double low = 0, high = 0;  ///< 90 %
  bool at_bound = false;     ///< the fit ended at the end of the accepted range: no interval
};

/// One pulse of the data beside the law.
struct FittedStep {
  double siemens = 0;   ///< before the pulse
  double step = 0;      ///< [S] measured
  double mean = 0;      ///< [S] of the law
  double residual = 0;  ///< [1] of the filter, in its standard deviations
};

/// How well one sort of pulses is described.
struct DirectionFit {
  std::size_t ramps = 0, pulses = 0;
  double mean_step = 0;             ///< [S] measured
  double R2 = 0;                    ///< share of the variance of steps
  double residual_sd = 0;           ///< [S] of a step
  double residual_of_step = 0;      ///< [1]
  double lag1 = 0;                  ///< [1] autocorrelation of successive steps' residuals; below 0 where there is write noise
  double chi2 = 0;                  ///< of the filter's residuals, mean by conductance
  int freedom = 0;                  ///< its degrees
  double chi2_p = 1;                ///< probability of that much or more
  double runs_z = 0;                ///< runs of equal sign, in standard deviations from what chance gives
  double structure = 0;             ///< [1] what the law leaves unsaid of the mean step: root mean square over conductance, in steps
  double held_out = 0;              ///< [nat per pulse] log likelihood of ramps that were left out
  std::vector<double> ramp_scores;  ///< [nat] held out, per ramp or stretch of one
  std::vector<FittedStep> steps;
  std::function<double(double)> mean;  ///< [S] -> [S], signed
  std::function<double(double)> c2c;   ///< [S] -> [S], standard deviation from pulse to pulse
};

/// One law with both sorts of pulses.
struct LawFit {
  std::string law;
  DeviceLaw device_law;
  double G_min = 0, G_max = 0;       ///< [S]
  std::vector<Estimate> parameters;  ///< of the law, its noise, and the two as a preset has them
  DirectionFit set, reset;
  double held_out = 0;      ///< [nat per pulse]
  double behind_table = 0;  ///< [nat per pulse] below a table of mean steps, on held-out ramps
  double behind_error = 0;  ///< standard error of it
  bool converged = true;
  /// A table of mean steps says more, beyond doubt, and the residuals have a structure.
  bool misses() const;
  const Estimate& estimate(std::string_view name) const;
};

/// What the fits say about a device.
struct DeviceFit {
  std::vector<LawFit> laws;  ///< the best on held-out ramps first
  LawFit table;
  std::vector<std::string> devices;
  std::vector<Estimate> spread;  ///< device to device: step_spread, asymmetry_spread, bound_spread; empty for one device
  /// The best law as a preset; volts and seconds are left open.
  DevicePreset preset(const std::string& name) const;
};

/// Fits. Throws InputError(file) without a place when one sort of pulses is missing, when SET does not raise or RESET not lower the
/// conductance on average, or when nothing moves; InputError(config) for an unknown law.
DeviceFit fit_device(const std::vector<Ramp>& ramps, const FitOptions& options = {});

}  // namespace eqprop
