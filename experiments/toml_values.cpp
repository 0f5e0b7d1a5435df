#include "experiments/toml_values.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <tuple>

#include "energy/toml.h"

namespace eqprop {
namespace {

Where place(const std::string& file, const toml::source_region& at) {
  return {file, static_cast<int>(at.begin.line), static_cast<int>(at.begin.column)};
}

[[noreturn]] void fail(Code code, const Where& where, const std::string& message, const std::string& remedy = {}) {
  throw InputError(code, where, message, remedy);
}

TomlValue convert(const toml::node& node, const std::string& key, const Where& where) {
  if (const auto value = node.value_exact<bool>()) return {where, *value};
  if (const auto value = node.value_exact<std::int64_t>()) return {where, *value};
  if (const auto value = node.value_exact<double>()) return {where, *value};
  if (const auto value = node.value_exact<std::string>()) return {where, *value};
  if (const auto* array = node.as_array()) {
    std::vector<TomlValue> items;
    for (const auto& item : *array) items.push_back(convert(item, key, where.line > 0 ? place(where.file, item.source()) : where));
    return {where, std::move(items)};
  }
  if (node.is_table())
    fail(Code::wrong_type, where, "`" + key + "` is a table inside a section", "a config has sections with plain keys only");
  fail(Code::wrong_type, where, "`" + key + "` is a date or time", "a config holds numbers, texts, true, false and lists of them");
}

toml::table parse_toml(const std::string& text, const std::string& file) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    fail(Code::toml_syntax, place(file, error.source()), "not valid TOML: " + std::string(error.description()));
  }
}

bool is_word(std::string_view word) {
  return !word.empty() &&
         word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == std::string_view::npos;
}

// a name in quotes may hold a dot or nothing, and would pass for another key
std::string word(std::string_view name, const Where& where) {
  if (!is_word(name))
    fail(Code::unknown_key, where, "unknown key `" + std::string(name) + "`", "keys and sections are words of letters, digits, _ and -");
  return std::string(name);
}

bool is_key(std::string_view text) {
  const auto dot = text.find('.');
  return dot == std::string_view::npos ? is_word(text) : is_word(text.substr(0, dot)) && is_word(text.substr(dot + 1));
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

TomlValues::TomlValues(const std::string& text, std::string file) : file_(std::move(file)) {
  const toml::table root = parse_toml(text, file_);
  for (const auto& [name, node] : root) {
    const std::string section = word(name.str(), place(file_, name.source()));
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      values_.emplace(section, convert(node, section, place(file_, name.source())));
      continue;
    }
    for (const auto& [key, value] : *table) {
      const std::string path = section + "." + word(key.str(), place(file_, key.source()));
      values_.emplace(path, convert(value, path, place(file_, key.source())));
    }
    // an empty section has no values, but its name must be known all the same
    if (table->empty()) values_.emplace(section + ".", TomlValue{place(file_, name.source()), false});
  }
}

void TomlValues::set(const std::string& assignment) {
  const Where where{"--set " + assignment, 0, 0};
  const auto equals = assignment.find('=');
  const std::string key(trim(std::string_view(assignment).substr(0, equals)));
  if (equals == std::string::npos || !is_key(key))
    fail(Code::assignment, where, "expected section.key=value", "e.g. --set train.epochs=2 or --set network.coupling=ideal");
  const std::string text(trim(std::string_view(assignment).substr(equals + 1)));
  if (text.empty()) fail(Code::assignment, where, "no value after '='");

  try {
    const toml::table table = toml::parse("value = " + text);
    const toml::node* node = table.get("value");
    if (table.size() != 1 || node == nullptr) fail(Code::assignment, where, "more than one value");
    values_.insert_or_assign(key, convert(*node, key, where));
  } catch (const toml::parse_error& error) {
    // bare words are texts, so that shells need no second pair of quotes
    if (std::string_view("[\"'{").find(text.front()) != std::string_view::npos)
      fail(Code::assignment, where, "not a TOML value: " + std::string(error.description()));
    values_.insert_or_assign(key, TomlValue{where, text});
  }
}

const TomlValue* TomlValues::find(const std::string& key) const {
  const auto at = values_.find(key);
  return at == values_.end() ? nullptr : &at->second;
}

namespace {

// a table and the lists of tables inside it
void add_table(const toml::table& table, const std::string& name, const Where& where, std::vector<TomlTable>& out) {
  TomlTable plain{name, where, TomlValues(where.file)};
  for (const auto& [key, node] : table) {
    const Where at = place(where.file, key.source());
    const std::string inner = word(key.str(), at);
    const toml::array* list = node.as_array();
    if (list != nullptr && !list->empty() && list->is_homogeneous(toml::node_type::table)) {
      for (const auto& item : *list) add_table(*item.as_table(), inner, place(where.file, item.source()), out);
    } else if (name.empty() && node.is_table()) {
      add_table(*node.as_table(), inner, at, out);
    } else {
      const std::string path = name.empty() ? inner : name + "." + inner;
      plain.values.set(path, convert(node, path, at));
    }
  }
  out.push_back(std::move(plain));
}

}  // namespace

std::vector<TomlTable> read_toml_tables(const std::string& text, const std::string& file) {
  std::vector<TomlTable> tables;
  add_table(parse_toml(text, file), "", {file, 1, 1}, tables);
  // the parser sorts by name; people read a file from its top
  std::stable_sort(tables.begin(), tables.end(), [](const TomlTable& a, const TomlTable& b) {
    return std::tuple(!a.name.empty(), a.where.line, a.where.column) < std::tuple(!b.name.empty(), b.where.line, b.where.column);
  });
  return tables;
}

std::string read_config_text(const std::filesystem::path& file) {
  std::error_code error;
  std::ifstream in(file, std::ios::binary);
  if (std::filesystem::exists(file, error) && !std::filesystem::is_regular_file(file, error))
    throw InputError(Code::unreadable, {file.string()}, "this is a folder or a device, expected a config file", "name a .toml file");
  if (!in)
    throw InputError(Code::missing_file, {file.string()}, "no config file that can be read here",
                     "the program comes with config/digits.toml and others");
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace eqprop
