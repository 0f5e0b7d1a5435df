#include "crossbar/device/pulse_shape.h"

#include <cmath>
#include <string>

#include "base/check.h"
#include "crossbar/option_check.h"

namespace eqprop {

PulseShape::PulseShape(const std::vector<WavePoint>& points) {
  if (points.size() < 2)
    throw InputError(Code::out_of_range, {}, "a pulse has " + std::to_string(points.size()) + " points, expected two or more");
  for (std::size_t i = 0; i < points.size(); ++i) {
    const WavePoint& p = points[i];
    const std::string name = "point " + std::to_string(i + 1) + " of a pulse: ";
    check_option(name + "time [s]", p.second, 0, 1e9);
    check_option(name + "volts [V]", p.volt, -1000, 1000);
    if (i > 0) {
      const WavePoint& before = points[i - 1];
      if (p.second < before.second)
        throw InputError(Code::out_of_range, {}, name + "its time is before that of the last point", "order the points by time");
      if (before.volt * p.volt < 0 && p.second > before.second)
        points_.push_back({before.second + (p.second - before.second) * before.volt / (before.volt - p.volt), 0});
    }
    points_.push_back(p);
  }
}

PulseShape PulseShape::pulse(double volt, double second, double edge) {
  check_option("length of a pulse [s]", second, 1e-15, 1e6);
  check_option("edge of a pulse [s]", edge, 0, second);
  if (edge == 0) return PulseShape({{0, volt}, {second, volt}});
  return PulseShape({{0, 0}, {edge, volt}, {second, volt}, {second + edge, 0}});
}

double PulseShape::volt_at(double second) const {
  if (second < points_.front().second || second > points_.back().second) return 0;
  double volt = points_.back().volt;
  for (std::size_t i = 0; i + 1 < points_.size(); ++i) {
    const WavePoint &a = points_[i], &b = points_[i + 1];
    if (second >= a.second && second < b.second) volt = a.volt + (b.volt - a.volt) * (second - a.second) / (b.second - a.second);
  }
  return volt;
}

}  // namespace eqprop
