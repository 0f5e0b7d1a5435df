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

/// Throws InputError(config) when the folder holds a run and `resume` is false, or something that is no run.
void check_folder(const std::filesystem::path& folder, bool resume);
/// Makes the folder and writes version.txt and the resolved config. Throws InputError(file) when it cannot.
void begin_folder(const Config& config, const std::filesystem::path& folder);
/// Removes what a killed process left behind.
void remove_leftovers(const std::filesystem::path& folder);

/// Reads a run folder's config. Throws InputError(file) when the folder is no run.
Config read_run_config(const std::filesystem::path& folder);

}  // namespace eqprop
