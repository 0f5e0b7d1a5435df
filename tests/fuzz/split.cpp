// The positions of the test samples of the digits, against a second reading. Input: digits_split.csv, for a table of twelve samples.
#include <optional>
#include <set>

#include "eqprop/data/sources.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace eqprop;

constexpr std::size_t kSamples = 12;

// a header `test`, then rising numbers; lines that are empty or begin with # count for nothing
std::optional<std::set<std::uint32_t>> positions(std::string_view text) {
  std::set<std::uint32_t> out;
  bool header = false;
  std::string line;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != '\n') {
      line += text[i];
      continue;
    }
    const std::string one = line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
    line.clear();
    if (one.empty() || one[0] == '#') continue;
    if (!header) {
      if (one != "test") return std::nullopt;
      header = true;
      continue;
    }
    std::size_t value = 0;
    for (const char c : one) {
      if (c < '0' || c > '9') return std::nullopt;
      value = std::min<std::size_t>(value * 10 + static_cast<std::size_t>(c - '0'), 1000);
    }
    if (value >= kSamples || (!out.empty() && value <= *out.rbegin())) return std::nullopt;
    out.insert(static_cast<std::uint32_t>(value));
  }
  if (out.empty() || out.size() == kSamples) return std::nullopt;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  static const bool written = [] {
    std::string table;
    for (std::size_t i = 0; i < kSamples; ++i) table += std::to_string(i) + ",16," + std::to_string(i % 10) + "\n";
    folder.write("digits.csv.gz", {reinterpret_cast<const std::uint8_t*>(table.data()), table.size()});
    return true;
  }();
  fuzz::expect(written, "the table is written");
  folder.write("digits_split.csv", {data, size});
  const auto sets = fuzz::accepted([&] { return read_digits(folder.path()); });
  const auto wanted = positions(fuzz::text_of({data, size}));
  fuzz::expect(sets.has_value() == wanted.has_value(), "both accept the split, or none");
  if (!sets) return 0;
  fuzz::expect(sets->train.size() + sets->test.size() == kSamples, "every sample is in one part");
  std::set<std::uint32_t> ids;
  for (const std::uint32_t id : sets->test.ids) ids.insert(id - kTestIdOffset);
  fuzz::expect(ids == *wanted, "the test samples are those of the split");
  return 0;
}
