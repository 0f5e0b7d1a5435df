#pragma once
// What the pulses of one call do to the cells that they half-select: all of it in one step per device, after the call.
//   e_s = sum over half pulses that push it towards s of r                       s: SET, RESET; pulses of full voltage that do as much
//   dG/du = e_set step_up(G) + e_reset step_down(G), u from 0 to 1               the law's mean steps, by the midpoint rule
//   sd^2 = sum over half pulses of (r sd_s(G))^2                                 sd_s: of a full pulse from cycle to cycle
// Cells that are stuck stay. A half pulse is not counted as a pulse of its device, nor does it redraw write noise.
// Who half-selects whom, with P_s pulses on a device, L_s on its line and C_s on its device column, N_s on the tile (pairs lie on one line in
// two device columns):
//   update        L_s + C_s - 2 P_s on its line and column, N_s - L_s - C_s + P_s elsewhere
//   write-verify  the same, of what is written after it: its own reads find what came before. Lines follow one another, in a line G+ before
//                 G-, there output after output
//   trains        slots in which its line or its output fires and it is not pulsed, elsewhere those in which neither does; half of them of
//                 either polarity
#include <Eigen/Core>
#include <cstdint>

#include "base/random.h"
#include "crossbar/tile.h"
#include "crossbar/write_scheme.h"

namespace eqprop {

/// Half pulses that the devices of one plane of a line got, by the polarity of the pulse (0 RESET, 1 SET): outputs each.
struct HalfPulses {
  Eigen::ArrayXd direct[2];  ///< on the line or the column of the pulse
  Eigen::ArrayXd rest[2];    ///< on neither
};

/// How often the lines and outputs of a tile fired in coincidence trains.
struct Firings {
  Eigen::ArrayXd lines;
  Eigen::ArrayXd outputs;
  double slots = 0;
};

enum class HalfOrder {
  beside,  ///< a device feels all pulses of the call on others
  after,   ///< those that come after its own
};

/// Pulses of one call on the devices of a tile, by plane (0 G+, 1 G-) and polarity (0 RESET, 1 SET).
class PulseTally {
 public:
  PulseTally(Eigen::Index outputs, Eigen::Index lines);
  /// Forgets a block of lines; blocks may be filled by several threads.
  void clear(Eigen::Index block);
  void add(int plane, bool set, Eigen::Index output, Eigen::Index line, int pulses) { count_[plane][set](output, line) += pulses; }
  /// To be called once all blocks are there.
  void sum();
  /// Pulses on all devices.
  double pulses(bool set) const { return line_after_[set](0) + line_[set](0); }
  /// Half pulses on a plane of a line; `firings`: of coincidence trains, else null.
  void half_pulses(Eigen::Index line, int plane, HalfOrder order, const Firings* firings, HalfPulses& out) const;

 private:
  void others(Eigen::Index line, int plane, HalfPulses& out) const;
  void later(Eigen::Index line, int plane, HalfPulses& out) const;
  void lone(Eigen::Index line, int plane, const Firings& firings, HalfPulses& out) const;

  using Counts = Eigen::Matrix<std::int32_t, Eigen::Dynamic, Eigen::Dynamic>;
  Counts count_[2][2];             // outputs x lines
  Eigen::ArrayXXd columns_[2][2];  // outputs x (blocks + 1): in this block and those after it
  Eigen::ArrayXd line_[2];         // of a line, both planes
  Eigen::ArrayXd line_after_[2];   // of the lines after it
};

/// Moves a block of lines of a tile by what `tally` holds; noise is named by `place`. Returns the joules [J] of all half-selected cells.
double disturb_block(Tile& tile, Eigen::Index block, const PulseTally& tally, HalfOrder order, const Firings* firings,
                     const DevicePreset& device, const PulseStrength& strength, std::uint32_t seed, const Place& place);

}  // namespace eqprop
