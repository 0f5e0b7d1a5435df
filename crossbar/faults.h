#pragma once
// Devices that do not work: stuck where they are, or without contact. And spare columns that stand in for the worst.
#include <Eigen/Core>
#include <cstdint>

#include "crossbar/device/device.h"
#include "crossbar/tile.h"

namespace eqprop {

/// Known faults of an array: lines (inputs + 1, bias last) x device columns (two per output, G+ first; with reference columns one per output,
/// then one per tile along the outputs), [S]: the conductance at which a device is stuck, NaN for one that works, kStuckLow or kStuckHigh for its own bounds. Empty: none are known.
using FaultMap = Eigen::MatrixXf;
inline constexpr float kStuckLow = -1;
inline constexpr float kStuckHigh = -2;

/// Faults that are drawn, beside the preset's own stuck_low and stuck_high, and the map.
struct FaultOptions {
  double yield = 1;         ///< [1] share of devices that have contact; the others conduct nothing
  double dead_lines = 0;    ///< [1] share of lines that are broken: no device on them conducts
  double dead_columns = 0;  ///< [1] share of device columns that are, reference columns too
  int spare_columns = 0;    ///< output columns (pairs) of a tile beside those it needs; the worst columns are replaced by better spares
  bool any() const { return yield < 1 || dead_lines > 0 || dead_columns > 0 || spare_columns > 0; }
  /// Throws InputError(config) that names field, value and allowed range.
  void validate() const;
};

/// Faults of the columns in use.
struct FaultReport {
  std::int64_t devices = 0;
  std::int64_t faulty = 0;    ///< stuck or without contact
  std::int64_t repaired = 0;  ///< columns (pairs) in whose place a spare is used
  std::int64_t missed = 0;    ///< devices that the first write left outside its tolerance, faulty ones among them
  FaultReport& operator+=(const FaultReport& other);
};

/// A tile with its faults: those of the preset, drawn ones, and of the map (lines x device columns of the tile, or empty). A column is replaced if a
/// spare has fewer faulty devices, the worst first. Without faults the same bits as the Tile constructor's.
Tile make_tile(const DevicePreset& device, std::uint32_t seed, std::uint32_t id, Eigen::Index outputs, Eigen::Index lines, bool squares,
               bool accumulator, const FaultOptions& faults, const Eigen::Ref<const FaultMap>& map, FaultReport& report,
               Mapping mapping = Mapping::differential);

/// Devices that have had more pulses than they live for stay where they are. A device's life is log-uniform between the preset's endurance_min and
/// endurance_max, the same whenever it is asked.
class Lives {
 public:
  Lives(const DevicePreset& device, std::uint32_t seed) : least_(device.endurance_min), most_(device.endurance_max), seed_(seed) {}
  /// Of a plane (side: 0 G+, 1 G-) of tile `id` with so many outputs: the devices on one line.
  void end(DevicePlane& plane, std::uint32_t id, std::uint32_t side, Eigen::Index outputs, Eigen::Index line) const;
  /// Of a block of lines.
  void end(Tile& tile, Eigen::Index block) const;

 private:
  double least_, most_;  // pulses
  std::uint32_t seed_;
};

/// Faulty devices of a tile: those that no pulse moves.
std::int64_t count_faulty(const Tile& tile);

}  // namespace eqprop
