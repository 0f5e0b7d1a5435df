#pragma once
// The public data sets and their files: where they come from and the checksums they must have. Read from experiments/data/catalogue.toml, or
// from a user's own file of the same form (docs/data.md).
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace eqprop {

/// One file of a set.
struct DataFile {
  std::string name;        ///< plain, without folders
  std::int64_t bytes = 0;  ///< length, > 0
  std::string sha256;      ///< 64 lower-case hexadecimal digits
};

/// One set; its files lie in a folder of its name.
struct DataSet {
  std::string name;
  std::string title;
  std::int64_t train_samples = 0;
  std::int64_t test_samples = 0;
  int features = 0;
  int classes = 0;
  std::string licence;
  std::string homepage;
  std::vector<std::string> mirrors;  ///< base addresses, each ends in '/'; tried in this order
  std::vector<DataFile> files;

  std::int64_t bytes() const;
};

/// Reads a catalogue, sets in the order of the file. Throws InputError with file:line:column: missing_file, toml_syntax, missing_key,
/// wrong_type, unknown_key; out_of_range for a length below 1, a checksum that is none, a name that would leave its folder.
std::vector<DataSet> read_catalogue(const std::filesystem::path& file);

/// The set of this name. Throws InputError(unknown_name) with the nearest.
const DataSet& find_set(const std::vector<DataSet>& catalogue, const std::string& name);

/// How a file or a set stands on disk, told by names and lengths alone; `eqprop data verify` reads the bytes.
enum class FileState {
  missing,
  partial,  ///< a .part file waits for its rest
  other,    ///< there, but of another length than the catalogue says
  present,
};
FileState file_state(const std::filesystem::path& folder, const DataFile& file);
/// The name that people read: "missing", "in parts", "other size", "complete".
const char* state_name(FileState state);
/// The set's state is that of its worst file, "partial" when only some are there.
FileState set_state(const std::filesystem::path& folder, const DataSet& set);

}  // namespace eqprop
