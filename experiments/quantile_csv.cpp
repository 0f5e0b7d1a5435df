#include "experiments/quantile_csv.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "base/check.h"
#include "eqprop/data/csv_cells.h"
#include "eqprop/data/file.h"

namespace eqprop {
namespace {

constexpr std::size_t kMostNodes = 256;
constexpr std::size_t kMostBytes = std::size_t{1} << 24;

/// One polarity of the file.
struct Rows {
  std::vector<double> siemens, steps;
};

class Parser {
 public:
  Parser(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

  QuantileFile parse() {
    if (!next()) fail(1, "the table is empty", kHeader);
    read_header();
    while (next()) read_row();
    ++line_;
    return result();
  }

 private:
  static constexpr const char* kHeader = "the first line is polarity,siemens,0,...,1, u at equal distances";

  [[noreturn]] void fail(int column, const std::string& message, const std::string& remedy = "") const {
    throw InputError(Code::bad_cell, {file_, line_, column}, message, remedy);
  }

  /// The next line that is not empty.
  bool next() {
    while (at_ < text_.size()) {
      const std::size_t end = std::min(text_.find('\n', at_), text_.size());
      const std::string_view line = text_.substr(at_, end - at_);
      at_ = end + 1;
      ++line_;
      if (line.find_first_not_of(" \t\r") == std::string_view::npos || line.front() == '#') continue;
      csv::split_cells(line, cells_);
      return true;
    }
    return false;
  }

  double number(const csv::Cell& cell) const {
    const csv::Number x = csv::parse_number(cell.text);
    if (x.error != std::errc() || !std::isfinite(x.value)) fail(cell.column, fmt::format("`{}` is no finite number", cell.text));
    return x.value;
  }

  void read_header() {
    if (cells_.size() < 4 || cells_[0].text != "polarity" || cells_[1].text != "siemens") fail(cells_[0].column, "no header", kHeader);
    quantiles_ = cells_.size() - 2;
    if (quantiles_ > kMostNodes) fail(1, fmt::format("{} quantiles, allowed are {}", quantiles_, kMostNodes));
    for (std::size_t k = 0; k < quantiles_; ++k) {
      const double u = static_cast<double>(k) / static_cast<double>(quantiles_ - 1);
      if (std::abs(number(cells_[k + 2]) - u) > 1e-4)
        fail(cells_[k + 2].column, fmt::format("u = {} where {:g} belongs", cells_[k + 2].text, u), kHeader);
    }
  }

  void read_row() {
    const csv::Cell& polarity = cells_[0];
    if (polarity.text != "set" && polarity.text != "reset")
      fail(polarity.column, fmt::format("`{}` is no polarity", polarity.text), "write set or reset");
    if (cells_.size() != quantiles_ + 2) fail(1, fmt::format("{} cells in a table of {} columns", cells_.size(), quantiles_ + 2));
    Rows& rows = polarity.text == "set" ? set_ : reset_;
    rows.siemens.push_back(number(cells_[1]));
    if (rows.siemens.back() < 0) fail(cells_[1].column, "a conductance below zero");
    if (rows.siemens.size() > kMostNodes) fail(1, fmt::format("more than {} conductances of a polarity", kMostNodes));
    for (std::size_t k = 0; k < quantiles_; ++k) rows.steps.push_back(number(cells_[k + 2]));
  }

  QuantileFile result() {
    const std::size_t n = set_.siemens.size();
    if (n < 2 || reset_.siemens.size() != n)
      fail(1, fmt::format("{} conductances of set and {} of reset, expected as many of both, two at least", n, reset_.siemens.size()));
    const double low = set_.siemens.front(), high = set_.siemens.back();
    for (const Rows* rows : {&set_, &reset_})
      for (std::size_t i = 0; i < n; ++i) {
        const double belongs = low + (high - low) * static_cast<double>(i) / static_cast<double>(n - 1);
        if (!(std::abs(rows->siemens[i] - belongs) <= 1e-3 * (high - low) && high > low))
          fail(1,
               fmt::format("conductance {} of {} is {:g} S where {:g} S belongs", i + 1, rows == &set_ ? "set" : "reset", rows->siemens[i],
                           belongs),
               "conductances rise at equal distances, the same for both polarities");
      }
    return {{.conductances = static_cast<int>(n),
             .quantiles = static_cast<int>(quantiles_),
             .set = std::move(set_.steps),
             .reset = std::move(reset_.steps)},
            low,
            high};
  }

  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0;
  int line_ = 0;
  std::size_t quantiles_ = 0;
  std::vector<csv::Cell> cells_;
  Rows set_, reset_;
};

}  // namespace

QuantileFile parse_quantile_csv(std::string_view text, const std::string& file) {
  QuantileFile out = Parser(text, file).parse();
  try {
    QuantileTable{out.data};
  } catch (const InputError& error) {
    throw error.at({file});
  }
  return out;
}

QuantileFile read_quantile_csv(const std::filesystem::path& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, kMostBytes);
  return parse_quantile_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

std::string quantile_csv(const QuantileFile& file) {
  const auto place = [](int i, int n) { return static_cast<double>(i) / (n - 1); };
  const QuantileData& data = file.data;
  std::string text = "polarity,siemens";
  for (int k = 0; k < data.quantiles; ++k) text += fmt::format(",{}", place(k, data.quantiles));
  text += '\n';
  for (const bool set : {true, false})
    for (int i = 0; i < data.conductances; ++i) {
      // the ends as they are: a rounded sum would be another number
      const double siemens = i + 1 == data.conductances ? file.G_max : file.G_min + (file.G_max - file.G_min) * place(i, data.conductances);
      text += fmt::format("{},{}", set ? "set" : "reset", siemens);
      for (int k = 0; k < data.quantiles; ++k)
        text += fmt::format(",{}", (set ? data.set : data.reset)[static_cast<std::size_t>(i * data.quantiles + k)]);
      text += '\n';
    }
  return text;
}

}  // namespace eqprop
