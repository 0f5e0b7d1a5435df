#include "experiments/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "energy/nearest.h"

namespace eqprop {
namespace {

[[noreturn]] void fail(Code code, const Where& where, const std::string& message, const std::string& remedy = {}) {
  throw InputError(code, where, message, remedy);
}

std::string show(const Interval& range) {
  if (range.high >= std::numeric_limits<double>::max()) return fmt::format("{} {}", range.low_open ? "above" : "at least", range.low);
  return fmt::format("in {}{}, {}{}", range.low_open ? '(' : '[', range.low, range.high, range.high_open ? ')' : ']');
}

// the value as one would write it, for messages
std::string show(const TomlValue& value) {
  struct Shower {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return fmt::format("{}", v); }
    std::string operator()(const std::string& v) const { return "\"" + v + "\""; }
    std::string operator()(const std::vector<TomlValue>& v) const { return fmt::format("a list of {}", v.size()); }
  };
  return std::visit(Shower{}, value.data);
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04X}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace

void FieldReader::section(const std::string& name) {
  section_ = name;
  known_[name];
}

const TomlValue* FieldReader::take(const char* key) {
  known_[section_].emplace_back(key);
  const TomlValue* value = values_.find(path(key));
  if (value == nullptr && !required_.empty()) {
    fail(Code::missing_key, {values_.file()},
         section_.empty() ? fmt::format("no key `{}`", key) : fmt::format("section [{}] has no key `{}`", section_, key),
         "add `" + required_ + "`");
  }
  required_.clear();
  return value;
}

void FieldReader::fail_type(const TomlValue& value, const std::string& key, const std::string& expected, Code code) const {
  fail(code, value.where, fmt::format("`{}` = {}: expected {}", key, show(value), expected));
}

std::int64_t FieldReader::whole(const TomlValue& value, const std::string& key, std::int64_t low, std::int64_t high) const {
  const auto* number = std::get_if<std::int64_t>(&value.data);
  if (number == nullptr || *number < low || *number > high)
    fail_type(value, key, fmt::format("a whole number {} .. {}", low, high), number == nullptr ? Code::wrong_type : Code::out_of_range);
  return *number;
}

double FieldReader::real(const TomlValue& value, const std::string& key, Interval accepted) const {
  const auto* integer = std::get_if<std::int64_t>(&value.data);
  const auto* number = std::get_if<double>(&value.data);
  const bool is_number = integer != nullptr || number != nullptr;
  const double x = integer != nullptr ? static_cast<double>(*integer) : number != nullptr ? *number : std::nan("");
  if (!std::isfinite(x) || !accepted.contains(x))
    fail_type(value, key, "a number " + show(accepted), is_number ? Code::out_of_range : Code::wrong_type);
  return x + 0.0;  // there is one zero: -0 would be written as a whole number and read back as +0
}

void FieldReader::integer(const char* key, int& field, std::int64_t low, std::int64_t high) {
  if (const TomlValue* value = take(key)) field = static_cast<int>(whole(*value, path(key), low, high));
}

void FieldReader::integer(const char* key, std::uint32_t& field) {
  constexpr std::int64_t kHigh = std::numeric_limits<std::uint32_t>::max();
  if (const TomlValue* value = take(key)) field = static_cast<std::uint32_t>(whole(*value, path(key), 0, kHigh));
}

void FieldReader::number(const char* key, double& field, Interval accepted) {
  if (const TomlValue* value = take(key)) field = real(*value, path(key), accepted);
}

void FieldReader::number(const char* key, std::optional<double>& field, Interval accepted) {
  if (const TomlValue* value = take(key)) field = real(*value, path(key), accepted);
}

void FieldReader::number_or_auto(const char* key, double& field, bool& automatic, Interval accepted) {
  const TomlValue* value = take(key);
  if (value == nullptr) return;
  const auto* text = std::get_if<std::string>(&value->data);
  if (text != nullptr && *text != "auto") fail_type(*value, path(key), "a number " + show(accepted) + ", or \"auto\"");
  automatic = text != nullptr;
  if (!automatic) field = real(*value, path(key), accepted);
}

void FieldReader::quantity(const char* key, double& field, Unit unit, Interval accepted) {
  const TomlValue* value = take(key);
  if (value == nullptr) return;
  const auto* text = std::get_if<std::string>(&value->data);
  if (text == nullptr)
    fail_type(*value, path(key),
              "a text with number and unit, e.g. \"" + format_quantity(field, unit) + "\"; units: " + accepted_units(unit), Code::unit);
  double x = 0;
  try {
    x = parse_quantity(*text, unit);
  } catch (const InputError& error) {
    fail(Code::unit, value->where, fmt::format("`{}`: {}", path(key), error.message()), error.remedy());
  }
  if (!accepted.contains(x))
    fail_type(*value, path(key), fmt::format("{} .. {}", format_quantity(accepted.low, unit), format_quantity(accepted.high, unit)),
              Code::out_of_range);
  field = x + 0.0;
}

void FieldReader::quantity(const char* key, std::optional<double>& field, Unit unit, Interval accepted) {
  double x = field.value_or(accepted.high);
  const bool given = values_.find(path(key)) != nullptr;
  quantity(key, x, unit, accepted);
  if (given) field = x;
}

void FieldReader::flag(const char* key, bool& field) {
  const TomlValue* value = take(key);
  if (value == nullptr) return;
  const auto* flag = std::get_if<bool>(&value->data);
  if (flag == nullptr) fail_type(*value, path(key), "true or false");
  field = *flag;
}

void FieldReader::text(const char* key, std::string& field) {
  const TomlValue* value = take(key);
  if (value == nullptr) return;
  const auto* text = std::get_if<std::string>(&value->data);
  if (text == nullptr || text->empty()) fail_type(*value, path(key), "a text in quotes");
  field = *text;
}

void FieldReader::file(const char* key, std::filesystem::path& field) {
  std::string name = field.string();
  text(key, name);
  field = name;
}

void FieldReader::integers(const char* key, std::vector<int>& field, std::int64_t low, std::int64_t high) {
  const TomlValue* value = take(key);
  if (value == nullptr) return;
  const auto* items = std::get_if<std::vector<TomlValue>>(&value->data);
  if (items == nullptr) fail_type(*value, path(key), fmt::format("a list of whole numbers {} .. {}", low, high));
  field.clear();
  for (const TomlValue& item : *items) field.push_back(static_cast<int>(whole(item, path(key), low, high)));
}

void FieldReader::numbers(const char* key, std::vector<double>& field, Interval accepted) {
  const TomlValue* value = take(key);
  if (value == nullptr) return;
  const auto* items = std::get_if<std::vector<TomlValue>>(&value->data);
  if (items == nullptr) fail_type(*value, path(key), "a list of numbers " + show(accepted));
  field.clear();
  for (const TomlValue& item : *items) field.push_back(real(item, path(key), accepted));
}

void FieldReader::texts(const char* key, std::vector<std::string>& field) {
  const TomlValue* value = take(key);
  if (value == nullptr) return;
  const auto* items = std::get_if<std::vector<TomlValue>>(&value->data);
  if (items == nullptr) fail_type(*value, path(key), "a list of texts in quotes");
  field.clear();
  for (const TomlValue& item : *items) {
    const auto* text = std::get_if<std::string>(&item.data);
    if (text == nullptr || text->empty()) fail_type(item, path(key), "a text in quotes");
    field.push_back(*text);
  }
}

void FieldReader::name_or_file(const char* key, std::string& field, const std::vector<std::string>& names) {
  const TomlValue* value = values_.find(path(key));
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(&value->data);
  if (text != nullptr && text->ends_with(".toml")) {
    take(key);
    field = *text;
    return;
  }
  const std::size_t i = choose(key, {names.begin(), names.end()});
  if (i < names.size()) field = names[i];
}

std::size_t FieldReader::choose(const char* key, const std::vector<std::string_view>& names) {
  const TomlValue* value = take(key);
  if (value == nullptr) return names.size();
  const auto* text = std::get_if<std::string>(&value->data);
  if (text == nullptr) fail_type(*value, path(key), "a text; " + name_hint("", names));
  const auto at = std::find(names.begin(), names.end(), *text);
  if (at == names.end())
    fail(Code::unknown_name, value->where, fmt::format("`{}` = \"{}\" is not known", path(key), *text), name_hint(*text, names));
  return static_cast<std::size_t>(at - names.begin());
}

void FieldReader::finish() const {
  for (const auto& [full, value] : values_.all()) {
    const auto dot = full.find('.');
    const std::string in = dot == std::string::npos ? "" : full.substr(0, dot);
    const std::string key = dot == std::string::npos ? full : full.substr(dot + 1);
    const auto section = known_.find(in);
    if (section == known_.end()) {
      std::vector<std::string_view> names;
      for (const auto& [name, keys] : known_)
        if (!name.empty()) names.push_back(name);
      fail(Code::unknown_key, value.where, "unknown section [" + in + "]", name_hint(in, names));
    }
    if (key.empty() || std::find(section->second.begin(), section->second.end(), key) != section->second.end()) continue;
    // the right key in the wrong section is a likelier mistake than a misspelt one
    for (const auto& [name, keys] : known_)
      if (std::find(keys.begin(), keys.end(), key) != keys.end())
        fail(Code::unknown_key, value.where, "unknown key `" + full + "`",
             name.empty() ? "it belongs to the top of the file" : "it belongs to section [" + name + "]");
    const std::vector<std::string_view> names(section->second.begin(), section->second.end());
    fail(Code::unknown_key, value.where, "unknown key `" + full + "`", name_hint(key, names));
  }
}

Where FieldReader::where(const std::string& key) const {
  const TomlValue* value = values_.find(key);
  return value != nullptr ? value->where : Where{values_.file(), 0, 0};
}

void FieldWriter::line(const char* key, const std::string& value) {
  if (!heading_.empty()) text_.append(text_.empty() ? "" : "\n").append(heading_);
  heading_.clear();
  text_.append(key).append(" = ").append(value).append("\n");
}

void FieldWriter::number(const char* key, const double& field, Interval) { line(key, fmt::format("{}", field)); }

void FieldWriter::quantity(const char* key, const double& field, Unit unit, Interval) {
  // as people write it where that is exact; the unit without a prefix keeps every bit of any number
  const std::string short_form = format_quantity(field, unit);
  if (parse_quantity(short_form, unit) == field) return line(key, "\"" + short_form + "\"");
  static constexpr std::array<std::string_view, 10> kSymbols = {"V", "A", "S", "Ohm", "s", "J", "W", "Hz", "F", "K"};
  line(key, fmt::format("\"{} {}\"", field, kSymbols.at(static_cast<std::size_t>(unit))));
}

void FieldWriter::text(const char* key, const std::string& field) { line(key, quote(field)); }

void FieldWriter::texts(const char* key, const std::vector<std::string>& field) {
  std::string list;
  for (const std::string& item : field) list += (list.empty() ? "" : ", ") + quote(item);
  line(key, "[" + list + "]");
}

void FieldWriter::integers(const char* key, const std::vector<int>& field, std::int64_t, std::int64_t) {
  line(key, fmt::format("[{}]", fmt::join(field, ", ")));
}

void FieldWriter::numbers(const char* key, const std::vector<double>& field, Interval) {
  line(key, fmt::format("[{}]", fmt::join(field, ", ")));
}

}  // namespace eqprop
