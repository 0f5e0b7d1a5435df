#pragma once
// The file format shared by price lists and GPU models: a name and one table per price.
// Plain data in and out; the TOML library stays inside the .cpp.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "energy/price_list.h"

namespace eqprop {

/// What a file must hold under one key.
struct PriceSpec {
  std::string_view key;   ///< table name, e.g. "adc"
  std::string_view unit;  ///< unit without its prefix, e.g. "J per conversion"
  std::string_view rank;  ///< the one accepted `boundary`, e.g. "B1" or "G2"
  EnergyBoundary boundary;  ///< what that rank is kept as
};

/// A file's prices in the order of the specs, in SI units.
struct PriceFile {
  std::string name;
  std::string status;  ///< empty when the file has none
  std::vector<Price> prices;
};

/// The whole text of a file. Throws InputError(file) when it cannot be read.
std::string read_text(const std::filesystem::path& file);

/// Parses a price file; every spec must be met and nothing else be there. `file` is shown in errors. Throws InputError(file).
PriceFile parse_price_file(const std::string& text, const std::string& file, const std::vector<PriceSpec>& specs);

}  // namespace eqprop
