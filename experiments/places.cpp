#include "experiments/places.h"

#include <algorithm>
#include <cstdlib>

#include "base/check.h"
#include "energy/nearest.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// the value of an environment variable, empty when it is not set
fs::path variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

fs::path data_folder() {
  if (const fs::path folder = variable("EQPROP_DATA_DIR"); !folder.empty()) return folder;
  // a relative XDG_CACHE_HOME does not count (XDG base directory specification)
  if (const fs::path cache = variable("XDG_CACHE_HOME"); cache.is_absolute()) return cache / "eqprop";
  if (const fs::path home = variable("HOME"); !home.empty()) return home / ".cache" / "eqprop";
  return {};
}

}  // namespace

Places find_places() {
  Places places;
  const fs::path source = EQPROP_SOURCE_TREE;
  places.data.digits = source / "experiments" / "data";
  places.prices = source / "energy" / "prices";
  places.configs = source / "experiments" / "config";
  places.studies = source / "experiments" / "study";

  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  const fs::path share = program.parent_path().parent_path() / "share" / "eqprop";
  if (!failed && is_folder(share / "prices")) {
    places.data.digits = share / "data";
    places.prices = share / "prices";
    places.configs = share / "config";
    places.studies = share / "study";
  }
  places.catalogue = places.data.digits / "catalogue.toml";
  places.data.data = data_folder();
  return places;
}

fs::path price_file(const Places& places, const std::string& name, const std::string& key) {
  if (name.find('/') != std::string::npos || name.ends_with(".toml")) return name;
  const fs::path file = places.prices / (name + ".toml");
  std::error_code ignored;
  if (fs::is_regular_file(file, ignored)) return file;
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(places.prices, ignored))
    if (entry.path().extension() == ".toml") found.push_back(entry.path().stem().string());
  std::sort(found.begin(), found.end());
  throw InputError(Code::unknown_name, {}, "`" + key + "` = \"" + name + "\" is not known",
                   name_hint(name, {found.begin(), found.end()}) + "; or the path of a .toml file");
}

TrainTest load_named_data(const Places& places, const std::string& name) {
  try {
    return load_data(name, places.data);
  } catch (const InputError& error) {
    if (name == "digits" || (error.code() != Code::missing_file && error.code() != Code::no_data)) throw;
    throw InputError(Code::no_data, error.where(), "data set \"" + name + "\" is not here: " + error.message(),
                     "`eqprop data fetch " + name + "` fetches it; or set EQPROP_DATA_DIR to the folder that holds " + name + "/");
  }
}

}  // namespace eqprop
