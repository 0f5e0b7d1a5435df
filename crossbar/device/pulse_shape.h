#pragma once
// The volts over a device while it is pulsed: straight lines between points in time.
#include <vector>

namespace eqprop {

struct WavePoint {
  double second = 0;  ///< [s]
  double volt = 0;    ///< [V]
};

/// Points in time order; two at the same time are a jump. Before the first and after the last the device sees 0 V.
class PulseShape {
 public:
  /// Throws InputError(out_of_range) for fewer than two points, numbers that are not finite, more than 1 kV, or times that decrease.
  explicit PulseShape(const std::vector<WavePoint>& points);

  /// A pulse of `volt` that is `second` long at half its height and takes `edge` to rise and again to fall, 0 <= edge <= second; 0: jumps.
  static PulseShape pulse(double volt, double second, double edge = 0);

  /// The points as given, and one wherever a line crosses 0 V: so each line pushes in one direction.
  const std::vector<WavePoint>& points() const { return points_; }
  /// [V] at a time [s]; at a jump the volts after it.
  double volt_at(double second) const;

 private:
  std::vector<WavePoint> points_;
};

}  // namespace eqprop
