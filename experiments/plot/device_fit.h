#pragma once
// Steps of a device over its conductance beside the law that was fitted, and what is left.
#include "crossbar/fit/fit.h"
#include "experiments/plot/figure.h"

namespace eqprop {

/// The best law of a fit; `siemens` false: plain weights.
Figure device_fit_figure(const DeviceFit& fit, const std::string& caption, bool siemens);

}  // namespace eqprop
