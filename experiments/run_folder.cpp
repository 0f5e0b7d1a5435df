#include "experiments/run_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "eqprop/data/checkpoint.h"
#include "experiments/device_file.h"
#include "experiments/experiment.h"
#include "experiments/fault_map.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// what a killed process may leave behind: "checkpoint.eqp.tmp123-4"
bool is_leftover(const fs::path& path) {
  const std::string name = path.filename().string();
  for (const char* file : {"config.toml", kDeviceFile, "version.txt", "metrics.csv", "ledger.json", "energy.json", "checkpoint.eqp"})
    if (name.starts_with(std::string(file) + ".tmp")) return true;
  return name.starts_with("faults-") && name.find(".csv.tmp") != std::string::npos;
}

}  // namespace

bool is_run_folder(const fs::path& folder) {
  std::ifstream in(folder / "version.txt");
  std::string first;
  return is_file(folder / "version.txt") && std::getline(in, first) && first.starts_with("eqprop ");
}

std::string version_text() { return fmt::format("eqprop {}\n", program_version()); }

void remove_leftovers(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (is_leftover(entry.path())) found.push_back(entry.path());
  for (const fs::path& path : found) fs::remove(path, ignored);
}

void make_folder(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed)
    throw InputError(Code::cannot_write, {folder.string()}, "cannot make this folder: " + failed.message(), "choose another --out");
}

// version.txt comes first: it marks the folder as a run's
void begin_folder(const Config& config, const fs::path& folder) {
  const std::string head = fmt::format("# resolved config of a run, written by eqprop {}\n\n", program_version());
  write_text_atomic(folder / "version.txt", version_text());
  // before the config that names it
  if (config.coupling == Substrate::crossbar && config.device == kDeviceFile)
    write_text_atomic(folder / kDeviceFile,
                      fmt::format("# device of a run, written by eqprop {}\n\n", program_version()) + device_text(config.device_preset));
  for (std::size_t k = 0; k < config.crossbar.fault_maps.size(); ++k)
    if (const FaultMap& map = config.crossbar.fault_maps[k]; map.size() > 0)
      write_text_atomic(folder / fault_map_file(k), fault_map_text(map));
  write_text_atomic(folder / "config.toml", head + config_text(config));
}

void check_folder(const fs::path& folder, bool resume) {
  std::error_code ignored;
  const auto fail = [&](const std::string& message, const std::string& remedy) {
    throw InputError(Code::folder_taken, {folder.string()}, message, remedy);
  };
  if (!fs::exists(folder, ignored)) return;
  if (!fs::is_directory(folder, ignored)) fail("this is a file, not a folder", "choose another --out");
  if (is_run_folder(folder)) {
    if (!resume) fail("a run is already there", "add --resume to go on with it, or choose another --out");
    if (!is_file(folder / "checkpoint.eqp") && is_file(folder / "metrics.csv"))
      throw InputError(Code::missing_file, {(folder / "checkpoint.eqp").string()},
                       "this run has results but no checkpoint: it cannot go on, and starting anew would overwrite them",
                       "bring the checkpoint back, or choose another --out");
    return;
  }
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (!is_leftover(entry.path())) fail("this folder is not empty and holds no run of `eqprop train`", "choose another --out");
}

FolderLock::FolderLock(const fs::path& folder) : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ < 0 || ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(descriptor_);
  throw InputError(Code::folder_taken, {folder.string()}, "another process is training in this folder",
                   "wait until it ends, or choose another --out");
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Config read_run_config(const fs::path& folder) {
  if (std::error_code none; fs::is_directory(folder / "seed-1", none) && !is_run_folder(folder))
    throw InputError(Code::no_run, {folder.string()}, "this folder holds the runs of several seeds", "name one of them, like seed-1");
  if (!is_run_folder(folder) || !is_file(folder / "config.toml"))
    throw InputError(Code::no_run, {folder.string()}, "no run folder of `eqprop train`",
                     "a run folder has config.toml, checkpoint.eqp and a version.txt that begins with eqprop");
  try {
    return read_config(folder / "config.toml");
  } catch (const InputError& error) {
    // a resolved config is the program's own file: when it is wrong it was damaged, or written by another version
    throw InputError(Code::damaged, error.where(), error.message(), error.remedy());
  }
}

}  // namespace eqprop
