#pragma once
// Drift and retention of a tile's devices on the clock of the training: laws in device/drift.h.
#include <Eigen/Core>
#include <cstdint>

#include "base/bytes.h"
#include "crossbar/device/device.h"
#include "crossbar/tile.h"

namespace eqprop {

class Aging {
 public:
  /// Devices count as written at time 0.
  Aging(const DevicePreset& device, std::uint32_t seed, const Tile& tile);

  /// Conductances (hidden ones too) of a block of lines go from what they are at `from` [s] to what they are at `to`: exactly for drift or
  /// retention alone, so one call over a year is one over a second and one over the rest; with both, for spans that are short beside one of
  /// them. Devices that were pulsed since the last call count as written in the middle of the span. Retention that takes less than a float can
  /// tell in a call is lost. Leaves the tile's sums to Tile::refresh. Blocks may be done by several threads at once.
  void pass(Tile& tile, Eigen::Index block, double from, double to);
  /// [s] between calls, so that when a pulse was given matters little: a twentieth of the shortest time constant.
  static double tick(const Drift& drift);

  void save(ByteWriter& out) const;
  void restore(ByteReader& in);

 private:
  struct Plane {
    Eigen::MatrixXf xi;        // of the exponent, each device's own
    Eigen::MatrixXf exponent;  // at the conductance that was written
    Eigen::MatrixXf written;   // [s]
    DevicePlane::Counts pulses;
  };
  void start(Plane& plane, const DevicePlane& devices) const;
  void pass(Plane& plane, DevicePlane& devices, Eigen::Index line, double from, double to) const;
  float exponent(float g, float xi) const;

  Drift drift_;
  float G_max_;
  Plane plus_, minus_;
};

}  // namespace eqprop
