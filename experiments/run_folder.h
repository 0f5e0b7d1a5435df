#pragma once
// A run's folder: whether it may be filled, what marks it as a run's, and reading its config back.
#include <filesystem>
#include <string>

#include "experiments/config.h"

namespace eqprop {

/// True when the folder was filled by `eqprop train`: its version.txt says so.
bool is_run_folder(const std::filesystem::path& folder);
/// First line of version.txt.
std::string version_text();

/// Keeps other processes from training in the same folder; ends with the object, or with the process however that ends.
class FolderLock {
 public:
  /// Throws InputError(config) when another process holds it. A file system without locks is let be.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

/// Throws InputError(config) when the folder holds a run and `resume` is false, or something that is no run; InputError(file) when it
/// holds a run's results but no checkpoint, which going on would overwrite.
void check_folder(const std::filesystem::path& folder, bool resume);
/// Throws InputError(file) when it cannot be made.
void make_folder(const std::filesystem::path& folder);
/// Writes version.txt and the resolved config. Throws InputError(file) when it cannot.
void begin_folder(const Config& config, const std::filesystem::path& folder);
/// Removes what a killed process left behind.
void remove_leftovers(const std::filesystem::path& folder);

/// Reads a run folder's config. Throws InputError(file) when the folder is no run.
Config read_run_config(const std::filesystem::path& folder);

}  // namespace eqprop
