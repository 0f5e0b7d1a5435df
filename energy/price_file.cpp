#include "energy/price_file.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "energy/nearest.h"
#include "energy/toml.h"

namespace eqprop {
namespace {

const std::vector<std::string_view> kPriceKeys = {"min", "typical", "max", "unit", "source", "node", "boundary"};
constexpr std::pair<char, double> kPrefixes[] = {{'f', 1e-15}, {'p', 1e-12}, {'n', 1e-9}, {'u', 1e-6}, {'m', 1e-3},
                                                 {'k', 1e3},   {'M', 1e6},   {'G', 1e9},  {'T', 1e12}};

/// One file being read: knows its name for the errors.
class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  [[noreturn]] void fail(const toml::source_region& at, const std::string& message, const std::string& remedy = {}) const {
    throw InputError(Code::bad_price, {file_, static_cast<int>(at.begin.line), static_cast<int>(at.begin.column)}, message, remedy);
  }

  toml::table parse(const std::string& text) const {
    try {
      return toml::parse(text, file_);
    } catch (const toml::parse_error& error) {
      fail(error.source(), "not valid TOML: " + std::string(error.description()));
    }
  }

  const toml::node& need(const toml::table& table, std::string_view key, const std::string& owner) const {
    const toml::node* node = table.get(key);
    if (!node) fail(table.source(), owner + " has no `" + std::string(key) + "`");
    return *node;
  }

  std::string text(const toml::table& table, std::string_view key, const std::string& owner) const {
    const toml::node& node = need(table, key, owner);
    const auto value = node.value_exact<std::string>();
    if (!value || value->empty()) fail(node.source(), owner + ": `" + std::string(key) + "` must be a text that is not empty");
    return *value;
  }

  // in SI units: what stands in the file times `unit`
  double number(const toml::table& table, std::string_view key, double unit, const std::string& owner) const {
    const toml::node& node = need(table, key, owner);
    const auto value = node.is_number() ? node.value<double>() : std::nullopt;
    if (!value || !std::isfinite(*value * unit) || *value < 0)
      fail(node.source(), owner + ": `" + std::string(key) + "` must be a finite number of at least 0");
    return *value * unit;
  }

  // "pJ per conversion" -> 1e-12, when the event's unit is "J per conversion"
  double scale(const toml::table& table, const std::string& written, const PriceSpec& spec, const std::string& owner) const {
    if (written == spec.unit) return 1;
    for (const auto& [prefix, factor] : kPrefixes)
      if (written.size() == spec.unit.size() + 1 && written[0] == prefix && written.substr(1) == spec.unit) return factor;
    fail(table.get("unit")->source(), owner + ": unit \"" + written + "\" does not fit",
         "expected \"" + std::string(spec.unit) + "\" with a prefix f p n u m k M G T or none");
  }

  Price price(const toml::table& table, const PriceSpec& spec) const {
    const std::string owner = "price `" + std::string(spec.key) + "`";
    for (const auto& [key, node] : table)
      if (std::find(kPriceKeys.begin(), kPriceKeys.end(), key.str()) == kPriceKeys.end())
        fail(key.source(), owner + ": unknown key `" + std::string(key.str()) + "`", name_hint(key.str(), kPriceKeys));

    Price price;
    price.unit = text(table, "unit", owner);
    price.source = text(table, "source", owner);
    price.node = text(table, "node", owner);
    price.boundary = spec.boundary;
    const double unit = scale(table, price.unit, spec, owner);
    price.min = number(table, "min", unit, owner);
    price.typical = number(table, "typical", unit, owner);
    price.max = number(table, "max", unit, owner);
    if (!(price.min <= price.typical && price.typical <= price.max))
      fail(table.get("min")->source(), owner + ": needs min <= typical <= max");
    const std::string rank = text(table, "boundary", owner);
    if (rank != spec.rank)
      fail(table.get("boundary")->source(), owner + ": boundary \"" + rank + "\", but it belongs to " + std::string(spec.rank));
    return price;
  }

 private:
  std::string file_;
};

}  // namespace

std::string read_text(const std::filesystem::path& file) {
  std::error_code error;
  std::ifstream in(file, std::ios::binary);
  if (!in || !std::filesystem::is_regular_file(file, error))
    throw InputError(Code::missing_file, {file.string()}, "no price file that can be read here",
                     "give the name of a list or the path of a .toml file");
  return {std::istreambuf_iterator<char>(in), {}};
}

PriceFile parse_price_file(const std::string& text, const std::string& file, const std::vector<PriceSpec>& specs) {
  const Reader reader(file);
  const toml::table root = reader.parse(text);
  PriceFile out;
  out.name = reader.text(root, "name", "the file");
  if (root.contains("status")) out.status = reader.text(root, "status", "the file");

  std::vector<std::string_view> accepted = {"name", "status"};
  for (const PriceSpec& spec : specs) accepted.push_back(spec.key);
  for (const auto& [key, node] : root)
    if (std::find(accepted.begin(), accepted.end(), key.str()) == accepted.end())
      reader.fail(key.source(), "unknown price `" + std::string(key.str()) + "`", name_hint(key.str(), accepted));

  for (const PriceSpec& spec : specs) {
    const toml::node* node = root.get(spec.key);
    const std::string key(spec.key);
    if (!node)
      throw InputError(Code::missing_price, {file}, "no price for `" + key + "`",
                       "add a table [" + key + "] with min, typical, max in \"" + std::string(spec.unit) + "\", source, node, boundary");
    if (!node->is_table()) reader.fail(node->source(), "price `" + key + "` must be a table [" + key + "]");
    out.prices.push_back(reader.price(*node->as_table(), spec));
  }
  return out;
}

}  // namespace eqprop
