#pragma once
// A config file as flat values, "section.key" -> value with its place in the file. The TOML library stays inside the .cpp.
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/check.h"

namespace eqprop {

/// One value: bool, integer, number, text or a list of these.
struct TomlValue {
  Where where;
  std::variant<bool, std::int64_t, double, std::string, std::vector<TomlValue>> data;
};

/// The values of a file and of `--set` options.
class TomlValues {
 public:
  /// Parses a file's text; `file` is shown in errors. Throws InputError(config) with file:line:column for what is no TOML, for tables
  /// inside sections, dates and the like.
  TomlValues(const std::string& text, std::string file);
  /// No values yet.
  explicit TomlValues(std::string file) : file_(std::move(file)) {}

  /// Overrides one value: "section.key=value" or "key=value", the value as in TOML; what TOML does not know counts as text.
  /// Throws InputError(config) when there is no '=' or no key.
  void set(const std::string& assignment);
  /// Overrides a value; `option` is shown as its place.
  void set(const std::string& key, TomlValue value) { values_.insert_or_assign(key, std::move(value)); }

  const std::string& file() const { return file_; }
  /// The value of "section.key", or null.
  const TomlValue* find(const std::string& key) const;
  const std::map<std::string, TomlValue>& all() const { return values_; }

 private:
  std::string file_;
  std::map<std::string, TomlValue> values_;
};

/// One table of a file that is a list of tables, its values as "name.key": what a FieldReader with section `name` reads.
struct TomlTable {
  std::string name;  ///< "" for the keys at the top of the file
  Where where;
  TomlValues values;
};
/// The tables of a file in the order they stand: the keys at its top, every [name], every single one of [[name]]. A list of tables inside a
/// table, like figures = [{ .. }, { .. }] or [[stored.figures]], counts as tables named by its key. Throws as TomlValues.
std::vector<TomlTable> read_toml_tables(const std::string& text, const std::string& file);

/// The text of a config file. Throws InputError(file) when it cannot be read.
std::string read_config_text(const std::filesystem::path& file);

}  // namespace eqprop
