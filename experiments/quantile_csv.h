#pragma once
// Measured steps of a device as a file, for the law quantile_table:
//   polarity,siemens,0,0.25,0.5,0.75,1
//   set,2e-6,1e-7,2e-7,...
//   reset,2e-6,-1e-8,...
// The first line names u, from 0 to 1 at equal distances; a row is the step [S] at each u, at one conductance [S]. Rows of a polarity stand
// in order, at equal distances, and both polarities have the same conductances.
#include <filesystem>
#include <string>
#include <string_view>

#include "crossbar/device/quantile_table.h"

namespace eqprop {

struct QuantileFile {
  QuantileData data;
  double G_min = 0;  ///< [S] first and last conductance
  double G_max = 0;  ///< [S]
};

/// Parses a table; `file` is shown in errors. Throws InputError(file) with line and column of a cell that is not as described.
QuantileFile parse_quantile_csv(std::string_view text, const std::string& file);
/// Reads a file as parse_quantile_csv does.
QuantileFile read_quantile_csv(const std::filesystem::path& path);
/// The table as such a file; reads back to the same numbers.
std::string quantile_csv(const QuantileFile& file);

}  // namespace eqprop
