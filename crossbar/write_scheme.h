#pragma once
// How a write pulse reaches its cell, and what the other cells of the tile see of it.
//   gated  1T1R with a gate per line: cells of other lines are cut off, those of the same line float: nothing
//   half   +V/2 on the line, -V/2 on the column: V/2 on the other cells of both
//   third  V and 0 there, V/3 and 2V/3 on all other lines and columns: V/3 on the other cells of both, -V/3 on all the rest
// A pulse of the share f of its voltage moves a device by the share r(f) of a full one, and a cell at f V passes the share i(f) of its current:
//   r(f) = sinh(k f) / sinh(k) i(f) / f,   k = 2 acosh(1 / (2 h)),     h  = r(1/2) of the device alone, DevicePreset::half_step
//   i(f) = sinh(q f) / sinh(q),            q = 2 acosh(NL / 2),        NL = i(1) / i(1/2), 2 for an ohmic cell (1R), more behind a selector (1S1R)
// A rate that grows as sinh(V/V0) is that of field-driven ions over a barrier. A law with an equation of motion is integrated over the weaker
// pulse instead, from the middle of its window. Current ratio NL of the write scheme: as in MLP_NeuroSim (github.com/neurosim).
// | symbol | unit | default            | range      |
// | h      | 1    | none, to be stated | 0 .. 0.5   |
// | NL     | 1    | 2                  | 2 .. 1e12  |
#include <array>
#include <vector>

#include "crossbar/device/device.h"

namespace eqprop {

enum class HalfSelect { gated, half, third };

/// How the cells of an array are selected for writing.
struct WriteScheme {
  HalfSelect half_select = HalfSelect::gated;
  double nonlinearity = 2;  ///< [1] NL, 2..1e12; of half and third
  double segment_ohm = 0;   ///< [ohm] of a line between neighbouring cells, as a pulse meets it; 0: ideal
  double driver_ohm = 0;    ///< [ohm] of all else in a pulse's path: drivers of line and column, the transistor of a gated cell

  /// Other cells than the selected one see something of a pulse.
  bool disturbs() const { return half_select != HalfSelect::gated; }
  /// The selected cell sees less than the whole pulse.
  bool drops() const { return segment_ohm > 0 || driver_ohm > 0; }
  /// Throws InputError that names field, value and allowed range, or what `device` would have to state.
  void validate(const DevicePreset& device) const;
};

/// sinh(k f) / sinh(k) with the k that makes it `half` at f = 1/2; 0 < half <= 0.5, where 0.5 is f itself.
double sinh_share(double f, double half);

/// What pulses of less than their voltage do, in shares of full ones. SET is polarity 1, RESET polarity 0.
class PulseStrength {
 public:
  PulseStrength() = default;
  /// Throws InputError(out_of_range) when a weaker pulse cannot be integrated.
  PulseStrength(const DevicePreset& device, const WriteScheme& scheme);

  /// r(share), share in 0 .. 1: from a table.
  float at(float share, bool set) const {
    const std::vector<float>& table = table_[set ? 1 : 0];
    const float place = share * static_cast<float>(table.size() - 1);
    const auto last = static_cast<int>(table.size()) - 2;
    const int i = static_cast<int>(place) < last ? static_cast<int>(place) : last;
    const float here = table[static_cast<std::size_t>(i)], next = table[static_cast<std::size_t>(i) + 1];
    return here + (place - static_cast<float>(i)) * (next - here);
  }

  /// What a half-selected cell takes of a pulse of each polarity.
  std::array<double, 2> direct{};     ///< [1] on the lines of the pulse: its move, of that of a full pulse of the same polarity
  std::array<double, 2> opposite{};   ///< [1] elsewhere (third): the move in *this* polarity by a pulse of the other one
  std::array<double, 2> heat{};       ///< [V^2 s] joules per siemens on the lines of the pulse
  std::array<double, 2> heat_rest{};  ///< [V^2 s] elsewhere

 private:
  std::array<std::vector<float>, 2> table_;
};

}  // namespace eqprop
