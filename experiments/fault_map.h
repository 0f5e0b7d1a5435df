#pragma once
// Fault maps of arrays as CSV: a row per line (the bias last), two cells per output (G+, then G-), or with reference columns one cell per output
// and then one per tile along the outputs. A cell is empty or `ok` for a device that
// works, `low` or `high` for one stuck at its own bound, `open` for one without contact, or the siemens at which it is stuck. Lines that
// begin with # are skipped.
#include <filesystem>
#include <string>
#include <string_view>

#include "crossbar/faults.h"

namespace eqprop {

/// Throws InputError(file) with the place of what is wrong: no row, rows of unequal length, a cell that is neither.
FaultMap parse_fault_map(std::string_view text, const std::string& file);
FaultMap read_fault_map(const std::filesystem::path& path);

/// The map as such a file; parse_fault_map gives it back.
std::string fault_map_text(const FaultMap& map);
/// Its size and its faults alone, one after the other: what tells it from another.
std::string fault_list(const FaultMap& map);
/// "faults-1.csv": name in the run folder of the map of coupling `index` (from 0).
std::string fault_map_file(std::size_t index);

}  // namespace eqprop
