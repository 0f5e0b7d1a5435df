#pragma once
// A config's keys are listed once (config.cpp) by a function that is run twice: with a FieldReader, which checks a file's values against
// types and ranges, and with a FieldWriter, which prints the resolved config. So what is written can always be read again.
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/units.h"
#include "experiments/toml_values.h"

namespace eqprop {

/// Accepted numbers: from low to high, ends included unless open.
struct Interval {
  double low = 0;
  double high = 0;
  bool low_open = false;
  bool high_open = false;
  bool contains(double x) const { return (low_open ? x > low : x >= low) && (high_open ? x < high : x <= high); }
};

/// Reads fields. An absent key leaves the field as it is, unless the key was announced by require(). Throws InputError(config) with the
/// place of the value, what was expected and the key.
class FieldReader {
 public:
  static constexpr bool kReads = true;
  explicit FieldReader(const TomlValues& values) : values_(values) {}

  /// Keys that follow are in this section; "" is the top of the file.
  void section(const std::string& name);
  /// The next key may not be absent; `example` shows how it is written.
  void require(const std::string& example) { required_ = example; }

  void integer(const char* key, int& field, std::int64_t low, std::int64_t high);
  void integer(const char* key, std::uint32_t& field);
  void number(const char* key, double& field, Interval accepted);
  void number(const char* key, std::optional<double>& field, Interval accepted);
  /// A number, or the text "auto": the field is then left as it is.
  void number_or_auto(const char* key, double& field, bool& automatic, Interval accepted);
  /// A text with a unit, e.g. "200 mV".
  void quantity(const char* key, double& field, Unit unit, Interval accepted);
  void quantity(const char* key, std::optional<double>& field, Unit unit, Interval accepted);
  void flag(const char* key, bool& field);
  void text(const char* key, std::string& field);
  void file(const char* key, std::filesystem::path& field);
  void integers(const char* key, std::vector<int>& field, std::int64_t low, std::int64_t high);
  void numbers(const char* key, std::vector<double>& field, Interval accepted);
  void texts(const char* key, std::vector<std::string>& field);
  /// One of `names`, or the name of a .toml file.
  void name_or_file(const char* key, std::string& field, const std::vector<std::string>& names);
  template <class E>
  void choice(const char* key, E& field, const std::vector<std::pair<std::string_view, E>>& accepted) {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : accepted) names.push_back(name);
    const std::size_t i = choose(key, names);
    if (i < accepted.size()) field = accepted[i].second;
  }

  /// Throws for a key or section that no field asked for, with the nearest that exists.
  void finish() const;
  /// True when "section.key" stands in the file or a --set.
  bool given(const std::string& key) const { return values_.find(key) != nullptr; }
  /// The file that is read, as errors show it.
  const std::string& file() const { return values_.file(); }
  /// Where "section.key" stands, or only the file.
  Where where(const std::string& key) const;

 private:
  std::string path(const char* key) const { return section_.empty() ? key : section_ + "." + key; }
  const TomlValue* take(const char* key);
  [[noreturn]] void fail_type(const TomlValue& value, const std::string& key, const std::string& expected,
                              Code code = Code::wrong_type) const;
  std::int64_t whole(const TomlValue& value, const std::string& key, std::int64_t low, std::int64_t high) const;
  double real(const TomlValue& value, const std::string& key, Interval accepted) const;
  std::size_t choose(const char* key, const std::vector<std::string_view>& names);

  const TomlValues& values_;
  std::string section_;
  std::string required_;
  std::map<std::string, std::vector<std::string>> known_;  // section -> keys
};

/// Prints fields as TOML that FieldReader reads to the same values, bit for bit.
class FieldWriter {
 public:
  static constexpr bool kReads = false;

  void section(const std::string& name) { heading_ = name.empty() ? "" : "[" + name + "]\n"; }
  void require(const std::string&) {}
  void integer(const char* key, const int& field, std::int64_t, std::int64_t) { line(key, std::to_string(field)); }
  void integer(const char* key, const std::uint32_t& field) { line(key, std::to_string(field)); }
  void number(const char* key, const double& field, Interval);
  void number(const char* key, const std::optional<double>& field, Interval accepted) {
    if (field) number(key, *field, accepted);
  }
  void number_or_auto(const char* key, const double& field, const bool& automatic, Interval accepted) {
    if (automatic) return text(key, "auto");
    number(key, field, accepted);
  }
  void quantity(const char* key, const double& field, Unit unit, Interval);
  void quantity(const char* key, const std::optional<double>& field, Unit unit, Interval accepted) {
    if (field) quantity(key, *field, unit, accepted);
  }
  void flag(const char* key, const bool& field) { line(key, field ? "true" : "false"); }
  void text(const char* key, const std::string& field);
  void file(const char* key, const std::filesystem::path& field) { text(key, field.string()); }
  void integers(const char* key, const std::vector<int>& field, std::int64_t, std::int64_t);
  void numbers(const char* key, const std::vector<double>& field, Interval);
  void texts(const char* key, const std::vector<std::string>& field);
  void name_or_file(const char* key, const std::string& field, const std::vector<std::string>&) { text(key, field); }
  template <class E>
  void choice(const char* key, const E& field, const std::vector<std::pair<std::string_view, E>>& accepted) {
    for (const auto& [name, value] : accepted)
      if (value == field) return text(key, std::string(name));
    check(false, "a choice that has no name");
  }
  const std::string& result() const { return text_; }

 private:
  void line(const char* key, const std::string& value);
  std::string heading_;  // of a section that has no line yet
  std::string text_;
};

}  // namespace eqprop
