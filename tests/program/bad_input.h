#pragma once
// What a user can get wrong, as rows: files, arguments, and what the program must say about them.
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error_code.h"

namespace eqprop::testing {

struct BadCase {
  std::string title;
  Code code;                      ///< its block decides the exit code
  std::vector<std::string> says;  ///< parts of standard error
  std::vector<std::string> arguments;
  /// Fills the folder in which the program runs, which holds good.toml and, in `run`, a finished run of it.
  std::function<void(const std::filesystem::path& folder)> prepare = [](const auto&) {};
  std::string data_folder = {};  ///< EQPROP_DATA_DIR, taken from the folder
};

/// Keys and values of a config.
std::vector<BadCase> bad_configs();
/// Commands and options.
std::vector<BadCase> bad_arguments();
/// Data sets, tables and prices.
std::vector<BadCase> bad_data();
/// Run folders, checkpoints and ledgers.
std::vector<BadCase> bad_runs();
/// Study files.
std::vector<BadCase> bad_studies();

/// `text` with the first `part` replaced; an empty part: `by` is put at the end. Throws when there is no such part.
std::string replaced(std::string text, const std::string& part, const std::string& by);

}  // namespace eqprop::testing
