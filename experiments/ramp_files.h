#pragma once
// Trains of programming pulses as tables: a column per ramp, or a long table of single pulses. Plain or gzip; lines that begin with '#' and
// empty lines are skipped.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "crossbar/fit/fit.h"

namespace eqprop {

/// What a file of ramps holds.
struct RampFormat {
  bool up = true;        ///< SET pulses
  bool weights = false;  ///< plain numbers of any sign instead of amperes
  double read_volt = 1;  ///< [V] siemens = amperes / this; not for weights
  int column = 0;        ///< the only column that is read, from 1; 0: all
};

/// Parses a column per ramp, a row per pulse, in amperes; the first row may be a header. A ramp may end early: its further cells are empty.
/// `file` is named in errors. Throws InputError(file) with line and column for a cell that is no number or below 0, a row of another width, a
/// value below an empty cell, and a ramp of fewer than ten pulses.
std::vector<Ramp> parse_ramps(std::string_view text, const std::string& file, const RampFormat& format);
/// Parses a long table: a header that names the columns device, cycle, pulse, polarity and siemens, in any order among others, then a row per
/// pulse. Rows of one device, cycle and polarity are a ramp and stand in the order of their pulses, whose numbers rise by 1 from any first
/// one; polarity is set or reset, up or down, 1 or -1. Throws as parse_ramps, and at the row behind a gap between pulses.
std::vector<Ramp> parse_ramp_table(std::string_view text, const std::string& file, bool weights = false);

/// Read files as the functions above do.
std::vector<Ramp> read_ramps(const std::filesystem::path& file, const RampFormat& format);
std::vector<Ramp> read_ramp_table(const std::filesystem::path& file, bool weights = false);

}  // namespace eqprop
