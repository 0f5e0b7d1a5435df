#include "experiments/plot/device_curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/plot/gnuplot.h"

namespace eqprop {
namespace {

/// A unit in which numbers of this size are short.
struct Scale {
  double unit;
  const char* name;
};
Scale scale_of(double siemens) {
  if (siemens >= 1e-3) return {1e-3, "mS"};
  if (siemens >= 1e-6) return {1e-6, "µS"};
  if (siemens >= 1e-9) return {1e-9, "nS"};
  return {1e-12, "pS"};
}

std::string rows(const std::vector<std::vector<double>>& table) {
  std::string text;
  for (const auto& row : table) {
    for (const double x : row) text += gnuplot_number(x) + ' ';
    text += '\n';
  }
  return text;
}

}  // namespace

std::vector<TrainPulse> pulse_trains(const DevicePreset& device) {
  if (device.kind == DeviceKind::verify_only) return {};
  const double pulses = device.pulses_per_window > 0 ? device.pulses_per_window : device.window() / device.nominal_step();
  const int each = static_cast<int>(std::clamp(std::ceil(pulses), 2.0, 20000.0));
  std::vector<TrainPulse> trains;
  double g = device.G_min;
  for (int i = 0; i < 2 * each; ++i) {
    const bool set = i < each;
    const double step = device.mean_step(g, set);
    const double after = std::clamp(g + step, device.G_min, device.G_max);
    trains.push_back({i + 1, set, g, step, device.step_sd(g, set), after});
    g = after;
  }
  return trains;
}

std::string pulse_trains_csv(const std::vector<TrainPulse>& trains) {
  std::string text = "pulse,polarity,siemens_before,mean_step_siemens,step_sd_siemens,siemens_after\n";
  for (const TrainPulse& p : trains)
    text += fmt::format("{},{},{},{},{},{}\n", p.number, p.set ? "set" : "reset", cell(p.siemens), cell(p.step), cell(p.step_sd),
                        cell(p.after));
  return text;
}

Figure device_figure(const DevicePreset& device) {
  const std::vector<TrainPulse> trains = pulse_trains(device);
  Figure figure;
  figure.name = "device";
  figure.csv = pulse_trains_csv(trains);
  if (trains.empty()) {
    figure.skipped = device.name + " has no pulse law";
    return figure;
  }
  const Scale conductance = scale_of(device.G_max), step = scale_of(std::abs(device.nominal_step()));

  std::vector<std::vector<double>> up, down;
  for (const TrainPulse& p : trains) {
    auto& train = p.set ? up : down;
    if (train.empty()) train.push_back({static_cast<double>(p.number - 1), p.siemens / conductance.unit});
    train.push_back({static_cast<double>(p.number), p.after / conductance.unit});
  }
  std::vector<std::vector<double>> steps[2];
  for (const bool set : {true, false})
    for (int i = 0; i <= 200; ++i) {
      const double g = device.G_min + device.window() * i / 200;
      const double mean = device.mean_step(g, set), sd = device.step_sd(g, set);
      steps[set ? 0 : 1].push_back({g / conductance.unit, mean / step.unit, (mean - sd) / step.unit, (mean + sd) / step.unit});
    }

  std::string s;
  s += "$up << EOD\n" + rows(up) + "EOD\n$down << EOD\n" + rows(down) + "EOD\n";
  s += "$set << EOD\n" + rows(steps[0]) + "EOD\n$reset << EOD\n" + rows(steps[1]) + "EOD\n";
  const std::string caption = fmt::format("law {}, nominal device, mean steps; band: one sd from cycle to cycle", law_name(device.law));
  s += begin_panels(device.name, caption, 1, 2, figure);
  s += "set key top left\nset xlabel 'pulse'\n";
  s += fmt::format("set ylabel 'conductance ({})'\n", conductance.name);
  s +=
      fmt::format("plot $up using 1:2 with lines lw 2 lc rgb '{}' title 'SET', $down using 1:2 with lines lw 2 lc rgb '{}' title 'RESET'\n",
                  colour::kBlue, colour::kVermilion);
  s += "set key top right\n";
  s += fmt::format("set xlabel 'conductance ({})'\nset ylabel 'step ({})'\n", conductance.name, step.name);
  s += fmt::format(
      "plot $set using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '{0}' notitle, $reset using 1:3:4 with "
      "filledcurves fs "
      "transparent solid 0.2 noborder lc rgb '{1}' notitle, $set using 1:2 with lines lw 2 lc rgb '{0}' title 'SET', $reset using 1:2 with "
      "lines lw 2 lc rgb '{1}' title 'RESET'\n",
      colour::kBlue, colour::kVermilion);
  s += end_panels();
  figure.script = s;
  return figure;
}

}  // namespace eqprop
