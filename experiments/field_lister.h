#pragma once
// A third visitor of the config's fields (fields.h): lists every key with its kind, range and default.
#include <fmt/format.h>

#include <limits>
#include <string>
#include <vector>

#include "experiments/fields.h"

namespace eqprop {

struct ConfigKey {
  std::string section;  ///< "" is the top of the file
  std::string key;
  std::string kind;      ///< "number", "text with a unit (V)", "one of ...", ...
  std::string accepted;  ///< range or names; may be empty
  std::string standard;  ///< the default; empty when there is none
  bool required = false;
  std::string path() const { return section.empty() ? key : section + "." + key; }
};

class FieldLister {
 public:
  static constexpr bool kReads = true;

  void section(const std::string& name) { section_ = name; }
  void require(const std::string&) { required_ = true; }
  void integer(const char* key, int& field, std::int64_t low, std::int64_t high) {
    put(key, "whole number", fmt::format("{} .. {}", low, high), std::to_string(field));
  }
  void integer(const char* key, std::uint32_t& field) { put(key, "whole number", "0 .. 4294967295", std::to_string(field)); }
  void number(const char* key, double& field, Interval accepted) { put(key, "number", range(accepted), fmt::format("{}", field)); }
  void number(const char* key, std::optional<double>&, Interval accepted) { put(key, "number", range(accepted), ""); }
  void number_or_auto(const char* key, double& field, bool&, Interval accepted) {
    put(key, "number, or \"auto\"", range(accepted), fmt::format("{}", field));
  }
  void quantity(const char* key, double& field, Unit unit, Interval accepted) {
    put(key, "text with a unit", range(accepted, unit), format_quantity(field, unit));
  }
  void quantity(const char* key, std::optional<double>&, Unit unit, Interval accepted) {
    put(key, "text with a unit", range(accepted, unit), "");
  }
  void flag(const char* key, bool& field) { put(key, "true or false", "", field ? "true" : "false"); }
  void text(const char* key, std::string& field) { put(key, "text", "", field); }
  void texts(const char* key, std::vector<std::string>&) { put(key, "list of texts", "", ""); }
  void file(const char* key, std::filesystem::path&) { put(key, "path, from the config's folder", "", ""); }
  void integers(const char* key, std::vector<int>&, std::int64_t low, std::int64_t high) {
    put(key, "list of whole numbers", fmt::format("{} .. {} each", low, high), "");
  }
  void numbers(const char* key, std::vector<double>&, Interval accepted) { put(key, "list of numbers", range(accepted) + " each", ""); }
  void name_or_file(const char* key, std::string& field, const std::vector<std::string>& names) {
    put(key, "one of", fmt::format("{}; or a .toml file, from the config's folder", fmt::join(names, ", ")), field);
  }
  template <class E>
  void choice(const char* key, E& field, const std::vector<std::pair<std::string_view, E>>& accepted) {
    std::string names, standard;
    for (const auto& [name, value] : accepted) {
      names += (names.empty() ? "" : ", ") + std::string(name);
      if (value == field) standard = name;
    }
    put(key, "one of", names, standard);
  }
  const std::vector<ConfigKey>& keys() const { return keys_; }

 private:
  static std::string range(Interval i) {
    const std::string low = fmt::format("{}{:g}", i.low_open ? "above " : "", i.low);
    if (i.high >= std::numeric_limits<double>::max()) return low;
    return fmt::format("{} .. {}{:g}", low, i.high_open ? "below " : "", i.high);
  }
  static std::string range(Interval i, Unit unit) { return format_quantity(i.low, unit) + " .. " + format_quantity(i.high, unit); }
  void put(const char* key, std::string kind, std::string accepted, std::string standard) {
    keys_.push_back({section_, key, std::move(kind), std::move(accepted), required_ ? "" : std::move(standard), required_});
    required_ = false;
  }

  std::string section_;
  bool required_ = false;
  std::vector<ConfigKey> keys_;
};

}  // namespace eqprop
