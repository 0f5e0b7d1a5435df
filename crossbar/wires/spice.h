#pragma once
// The same circuit as a netlist for ngspice (ngspice.sourceforge.io): every resistor an element, every line's end a source that measures its
// current. Node w3_7 is word line 3 at its crossing with bit line 7, b3_7 the bit line there; rcell3_7 lies between them.
#include <Eigen/Core>
#include <string>
#include <string_view>

#include "crossbar/direction.h"
#include "crossbar/wires/wires.h"

namespace eqprop {

/// A netlist that `ngspice -b` runs as it is: one operating point per column of `volt`, then the current [A] into the virtual ground of every
/// sensed line, at tolerances near the rounding of a double. siemens: word lines x bit lines, 0 is an absent cell; volt [V]: driven lines x
/// vectors. `title` is the first line of the file, what is no printable ASCII in it becomes a space. Throws InputError(config) for bad
/// options, std::logic_error for shapes that do not fit.
std::string spice_netlist(const Wires::In& siemens, const WireOptions& options, Direction direction, const Wires::In& volt,
                          std::string_view title);

/// The currents [A] of what ngspice printed for such a netlist: sensed lines x vectors. Throws InputError(missing_program) when they are not
/// all there, with the line that says why where there is one.
Eigen::MatrixXd parse_spice_currents(std::string_view printed, Direction direction, Eigen::Index lines, Eigen::Index vectors);

}  // namespace eqprop
