#include "crossbar/device/quantile_table.h"

#include <cmath>
#include <string>

#include "base/check.h"
#include "crossbar/option_check.h"

namespace eqprop {
namespace {

constexpr int kMostNodes = 256;  // either way
constexpr double kLargest = 32767;
constexpr double kLeastStep = 1e-18;  // [S]

/// Means and deviations from them, of one polarity, over the size of the mean step at the middle.
struct Steps {
  std::vector<double> mean, deviation;
  double middle = 0;  // [S] size
};

Steps steps_of(const std::vector<double>& table, int rows, int columns, bool set) {
  const std::string name = set ? "quantile table of SET" : "quantile table of RESET";
  const auto at = [&](int i, int k) { return table[static_cast<std::size_t>(i * columns + k)]; };
  Steps steps;
  for (int i = 0; i < rows; ++i) {
    double sum = 0;
    for (int k = 0; k < columns; ++k) {
      if (!(std::abs(at(i, k)) <= 1)) throw InputError(Code::out_of_range, {}, name + ": a step is no number, or larger than 1 S");
      if (k > 0 && at(i, k) < at(i, k - 1))
        throw InputError(Code::out_of_range, {}, name + ": row " + std::to_string(i + 1) + " decreases, quantiles never do",
                         "order the steps of a row from the smallest to the largest");
      if (k > 0) sum += 0.5 * (at(i, k) + at(i, k - 1));
    }
    const double mean = sum / (columns - 1);
    if (set ? mean < 0 : mean > 0)
      throw InputError(Code::out_of_range, {},
                       name + ": the mean step of row " + std::to_string(i + 1) + " is " + short_number(mean) + " S, of the wrong sign",
                       set ? "SET raises a conductance in the mean" : "RESET lowers a conductance in the mean: its steps are negative");
    steps.mean.push_back(mean);
    for (int k = 0; k < columns; ++k) steps.deviation.push_back(at(i, k) - mean);
  }
  const auto low = static_cast<std::size_t>((rows - 1) / 2), high = static_cast<std::size_t>(rows / 2);
  steps.middle = std::abs(0.5 * (steps.mean[low] + steps.mean[high]));
  if (!(steps.middle >= kLeastStep)) throw InputError(Code::out_of_range, {}, name + ": the mean step at the middle of the window is zero");
  for (double& x : steps.mean) x /= steps.middle;
  for (double& x : steps.deviation) x /= steps.middle;
  return steps;
}

/// What one 16-bit unit stands for.
double unit_of(const std::vector<double>& numbers) {
  double most = 0;
  for (const double x : numbers) most = std::max(most, std::abs(x));
  return most > 0 ? most / kLargest : 1;
}

std::uint32_t pack(double first, double second, double unit) {
  const auto bits = [&](double x) { return static_cast<std::uint32_t>(static_cast<std::int32_t>(std::lround(x / unit))) & 0xffffU; };
  return bits(first) | bits(second) << 16;
}

void pack_rows(const Steps& steps, int rows, int columns, double mean_unit, double spread_unit, std::vector<std::uint32_t>& words) {
  for (int i = 0; i < rows; ++i) {
    const auto row = static_cast<std::size_t>(i);
    words.push_back(pack(steps.mean[row], steps.mean[std::min(row + 1, steps.mean.size() - 1)], mean_unit));
    const double* d = steps.deviation.data() + row * static_cast<std::size_t>(columns);
    for (int k = 0; k + 1 < columns; ++k) words.push_back(pack(d[k], d[k + 1], spread_unit));
  }
}

}  // namespace

QuantileTable::QuantileTable(const QuantileData& data) {
  const int rows = data.conductances, columns = data.quantiles;
  check_option("quantile table: conductances", rows, 2, kMostNodes);
  check_option("quantile table: quantiles", columns, 2, kMostNodes);
  const auto size = static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  if (data.set.size() != size || data.reset.size() != size)
    throw InputError(Code::out_of_range, {},
                     "quantile table: SET has " + std::to_string(data.set.size()) + " and RESET " + std::to_string(data.reset.size()) +
                         " steps, expected conductances x quantiles = " + std::to_string(size) + " of each");
  const Steps up = steps_of(data.set, rows, columns, true), down = steps_of(data.reset, rows, columns, false);
  auto cells = std::make_shared<Cells>();
  cells->conductances = rows;
  cells->quantiles = columns;
  const double mean_up = unit_of(up.mean), mean_down = unit_of(down.mean);
  const double spread_up = unit_of(up.deviation), spread_down = unit_of(down.deviation);
  pack_rows(up, rows, columns, mean_up, spread_up, cells->words);
  pack_rows(down, rows, columns, mean_down, spread_down, cells->words);
  cells->mean_unit_up = static_cast<float>(mean_up);
  cells->mean_unit_down = static_cast<float>(mean_down);
  cells->spread_unit_up = static_cast<float>(spread_up);
  cells->spread_unit_down = static_cast<float>(spread_down);
  step_up = static_cast<float>(up.middle);
  step_down = static_cast<float>(down.middle);
  cells->data = data;
  cells->step_up = step_up;
  cells->step_down = step_down;
  cells_ = std::move(cells);
}

QuantileData QuantileTable::data() const {
  check(cells_ != nullptr, "a quantile table has data");
  QuantileData out = cells_->data;
  if (step_up != cells_->step_up)
    for (double& step : out.set) step *= double{step_up} / double{cells_->step_up};
  if (step_down != cells_->step_down)
    for (double& step : out.reset) step *= double{step_down} / double{cells_->step_down};
  return out;
}

QuantileView QuantileTable::view() const& {
  check(cells_ != nullptr, "a quantile table has data");
  return {.words = cells_->words.data(),
          .conductances = cells_->conductances,
          .quantiles = cells_->quantiles,
          .mean_unit_up = cells_->mean_unit_up,
          .mean_unit_down = cells_->mean_unit_down,
          .spread_unit_up = cells_->spread_unit_up,
          .spread_unit_down = cells_->spread_unit_down,
          .step_up = step_up,
          .step_down = step_down};
}

}  // namespace eqprop
