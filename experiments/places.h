#pragma once
// Where the program finds what it brings along: in share/eqprop beside an installed program, else in the source tree it was built from.
#include <filesystem>
#include <string>
#include <vector>

#include "eqprop/data/sources.h"

namespace eqprop {

struct Places {
  DataFolders data;                 ///< sets lie in EQPROP_DATA_DIR, else in eqprop/ of the user's cache folder; empty without any
  std::filesystem::path prices;     ///< folder of the price lists
  std::filesystem::path configs;    ///< folder of the configs that it brings along
  std::filesystem::path studies;    ///< folder of the studies that `eqprop reproduce` knows by name
  std::filesystem::path catalogue;  ///< the public data sets (data_catalogue.h)
};

Places find_places();

/// The file of a price list or GPU model: a name as in energy/prices, or a path when it has a '/' or ends in .toml.
/// Throws InputError(config) for an unknown name, with the nearest; `key` is shown in the message.
std::filesystem::path price_file(const Places& places, const std::string& name, const std::string& key);

/// Loads a named data set. Throws InputError(no_data) with the command that fetches it when it is missing.
TrainTest load_named_data(const Places& places, const std::string& name);

}  // namespace eqprop
