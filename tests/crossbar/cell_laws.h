#pragma once
// Laws of cells that between them show every branch: linear and not, with and without a partner, saturating within the voltages of a test.
#include <vector>

#include "crossbar/wires/cells.h"

namespace eqprop {

inline std::vector<CellOptions> cell_laws() {
  CellOptions plain, sinh, chord;
  sinh.sinh_volt = chord.sinh_volt = 0.05;
  chord.read_volt = 0.2;
  CellOptions on = plain, triode = sinh, saturating = plain, selected = plain, steep = sinh;
  on.kind = triode.kind = saturating.kind = CellKind::transistor;
  on.transistor_ohm = 4e3;
  triode.transistor_ohm = 2e4;
  triode.overdrive_volt = 0.5;
  saturating.transistor_ohm = 5e3;
  saturating.overdrive_volt = 0.03;
  selected.kind = steep.kind = CellKind::selector;
  selected.selector_ampere = 1e-7;
  selected.selector_volt = 0.03;
  steep.selector_ampere = 1e-12;
  steep.selector_volt = 0.006;
  return {plain, sinh, chord, on, triode, saturating, selected, steep};
}

}  // namespace eqprop
