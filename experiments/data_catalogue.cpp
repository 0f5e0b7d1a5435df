#include "experiments/data_catalogue.h"

#include "energy/toml.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "energy/nearest.h"
#include "experiments/toml_values.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRemedy = "docs/data.md shows the form of a catalogue";

// reads the keys of one table and remembers which there are, so that a misspelt one is told
class Table {
 public:
  Table(const toml::table& table, std::string name, const std::string& file) : table_(table), name_(std::move(name)), file_(file) {}

  template <class T>
  T get(const char* key, const char* kind) {
    const toml::node& node = at(key);
    const auto value = node.value_exact<T>();
    if (!value) fail(Code::wrong_type, node, key, std::string("expected ") + kind);
    return *value;
  }
  std::string text(const char* key) { return get<std::string>(key, "a text in quotes"); }
  std::int64_t count(const char* key) {
    const auto value = get<std::int64_t>(key, "a whole number");
    if (value < 1) fail(Code::out_of_range, at(key), key, "expected 1 or more");
    return value;
  }
  const toml::array& list(const char* key) {
    const toml::node& node = at(key);
    const toml::array* array = node.as_array();
    if (array == nullptr || array->empty()) fail(Code::wrong_type, node, key, "expected a list with at least one entry");
    return *array;
  }
  /// After all keys were read.
  void check_rest() const {
    for (const auto& [key, node] : table_) {
      if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
      throw InputError(Code::unknown_key, where(node), "`" + name_ + "` has an unknown key `" + std::string(key.str()) + "`",
                       name_hint(key.str(), known_));
    }
  }
  [[noreturn]] void fail(Code code, const toml::node& node, const char* key, const std::string& expected) const {
    throw InputError(code, where(node), "`" + name_ + "`: `" + key + "`: " + expected, kRemedy);
  }

 private:
  const toml::node& at(const char* key) {
    known_.push_back(key);
    if (const toml::node* node = table_.get(key)) return *node;
    throw InputError(Code::missing_key, where(table_), "`" + name_ + "` has no `" + key + "`", kRemedy);
  }
  Where where(const toml::node& node) const {
    return {file_, static_cast<int>(node.source().begin.line), static_cast<int>(node.source().begin.column)};
  }

  const toml::table& table_;
  std::string name_;
  const std::string& file_;
  std::vector<std::string_view> known_;
};

// a name becomes a path: nothing in it may lead elsewhere
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.front() != '.' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == std::string_view::npos;
}

DataFile read_data_file(const toml::node& node, const std::string& set, const std::string& file, Table& outer) {
  const toml::table* entry = node.as_table();
  if (entry == nullptr)
    outer.fail(Code::wrong_type, node, "files", "expected entries like { name = \"...\", bytes = 1, sha256 = \"...\" }");
  Table table(*entry, set + ".files", file);
  DataFile result{table.text("name"), table.count("bytes"), table.text("sha256")};
  if (!is_plain_name(result.name) || result.name.ends_with(".part"))
    table.fail(Code::out_of_range, *entry, "name", "expected letters, digits, '.', '_' and '-', not ending in .part");
  if (result.sha256.size() != 64 || result.sha256.find_first_not_of("0123456789abcdef") != std::string::npos)
    table.fail(Code::out_of_range, *entry, "sha256", "expected 64 hexadecimal digits, lower case");
  table.check_rest();
  return result;
}

DataSet read_set(const std::string& name, const toml::table& section, const std::string& file) {
  Table table(section, name, file);
  if (!is_plain_name(name)) table.fail(Code::out_of_range, section, name.c_str(), "expected a name of letters, digits, '.', '_' and '-'");
  DataSet set;
  set.name = name;
  set.title = table.text("title");
  const toml::array& samples = table.list("samples");
  for (const auto& count : samples)
    if (samples.size() != 2 || count.value_exact<std::int64_t>().value_or(0) < 1)
      table.fail(Code::wrong_type, samples, "samples", "expected [training, test], whole numbers from 1");
  set.train_samples = *samples[0].value_exact<std::int64_t>();
  set.test_samples = *samples[1].value_exact<std::int64_t>();
  set.features = static_cast<int>(table.count("features"));
  set.classes = static_cast<int>(table.count("classes"));
  set.licence = table.text("licence");
  set.homepage = table.text("homepage");
  for (const auto& mirror : table.list("mirrors")) {
    const auto address = mirror.value_exact<std::string>();
    if (!address || address->empty()) table.fail(Code::wrong_type, mirror, "mirrors", "expected addresses in quotes");
    set.mirrors.push_back(address->ends_with('/') ? *address : *address + "/");
  }
  for (const auto& node : table.list("files")) set.files.push_back(read_data_file(node, name, file, table));
  table.check_rest();
  return set;
}

}  // namespace

std::int64_t DataSet::bytes() const {
  return std::accumulate(files.begin(), files.end(), std::int64_t{0}, [](auto sum, const DataFile& file) { return sum + file.bytes; });
}

std::vector<DataSet> read_catalogue(const fs::path& path) {
  const std::string file = path.string(), text = read_config_text(path);
  toml::table root;
  try {
    root = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    throw InputError(Code::toml_syntax, {file, static_cast<int>(at.line), static_cast<int>(at.column)},
                     "not valid TOML: " + std::string(error.description()), kRemedy);
  }
  std::vector<std::pair<toml::source_index, DataSet>> sets;
  for (const auto& [name, node] : root) {
    const auto at = node.source().begin;
    if (!node.is_table()) {
      throw InputError(Code::wrong_type, {file, static_cast<int>(at.line), static_cast<int>(at.column)},
                       "`" + std::string(name.str()) + "`: expected a section [" + std::string(name.str()) + "]", kRemedy);
    }
    sets.emplace_back(at.line, read_set(std::string(name.str()), *node.as_table(), file));
  }
  if (sets.empty()) throw InputError(Code::missing_key, {file}, "no data set in this catalogue", kRemedy);
  // the parser sorts by name; people read a file from its top
  std::stable_sort(sets.begin(), sets.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<DataSet> ordered;
  for (auto& [line, set] : sets) ordered.push_back(std::move(set));
  return ordered;
}

const DataSet& find_set(const std::vector<DataSet>& catalogue, const std::string& name) {
  const auto found = std::find_if(catalogue.begin(), catalogue.end(), [&](const DataSet& set) { return set.name == name; });
  if (found != catalogue.end()) return *found;
  std::vector<std::string_view> names;
  for (const DataSet& set : catalogue) names.push_back(set.name);
  throw InputError(Code::unknown_name, {}, "no data set `" + name + "` in the catalogue", name_hint(name, names));
}

FileState file_state(const fs::path& folder, const DataFile& file) {
  std::error_code failed, ignored;
  const auto size = fs::file_size(folder / file.name, failed);
  if (!failed) return static_cast<std::int64_t>(size) == file.bytes ? FileState::present : FileState::other;
  return fs::exists(folder / (file.name + ".part"), ignored) ? FileState::partial : FileState::missing;
}

const char* state_name(FileState state) {
  switch (state) {
    case FileState::missing:
      return "missing";
    case FileState::partial:
      return "in parts";
    case FileState::other:
      return "other size";
    case FileState::present:
      return "complete";
  }
  return "";
}

FileState set_state(const fs::path& folder, const DataSet& set) {
  std::size_t missing = 0;
  FileState worst = FileState::present;
  for (const DataFile& file : set.files) {
    const FileState state = file_state(folder, file);
    if (state == FileState::other) return state;
    missing += state == FileState::missing ? 1 : 0;
    if (state != FileState::present) worst = FileState::partial;
  }
  return missing == set.files.size() ? FileState::missing : worst;
}

}  // namespace eqprop
