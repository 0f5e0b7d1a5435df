#include "crossbar/faults.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "crossbar/option_check.h"

namespace eqprop {
namespace {

using Eigen::Index;

// what a draw is for, as Place::sample of Purpose::fault; 0 are the preset's own
enum Draw : std::uint32_t { kContact = 1, kLine = 2, kColumn = 3, kLife = 4 };

void stick(DevicePlane& plane, Index output, Index line, float siemens) {
  plane.up(output, line) = plane.down(output, line) = 0;
  plane.g(output, line) = siemens;
  // the window stays one, for laws that divide by it
  plane.low(output, line) = std::min(plane.low(output, line), siemens);
  plane.high(output, line) = std::max(plane.high(output, line), siemens);
  if (plane.hidden.size()) plane.hidden(output, line) = siemens;
}

void draw_faults(Tile& tile, const FaultOptions& faults, std::uint32_t seed) {
  for (std::uint32_t side = 0; side < 2; ++side) {
    DevicePlane& plane = side == 0 ? tile.plus : tile.minus;
    const RandomKey key(seed, Purpose::fault, 2 * tile.id + side);
    const auto u = [&](Draw what, Index i) { return double{key.uniform({.step = 0, .sample = what}, static_cast<std::uint32_t>(i))}; };
    const RandomKey pair(seed, Purpose::fault, 2 * tile.id);  // both devices of a pair are on the same line
    for (Index line = 0; line < tile.lines(); ++line) {
      const bool broken =
          faults.dead_lines > 0 && double{pair.uniform({.step = 0, .sample = kLine}, static_cast<std::uint32_t>(line))} < faults.dead_lines;
      for (Index j = 0; j < plane.g.rows(); ++j)
        if (broken || (faults.dead_columns > 0 && u(kColumn, j) < faults.dead_columns) ||
            (faults.yield < 1 && u(kContact, line * tile.outputs() + j) >= faults.yield))
          stick(plane, j, line, 0);
    }
  }
}

void apply_map(Tile& tile, const Eigen::Ref<const FaultMap>& map) {
  for (Index line = 0; line < map.rows(); ++line)
    for (Index column = 0; column < map.cols(); ++column) {
      const float fault = map(line, column);
      if (std::isnan(fault)) continue;
      const bool plus = tile.has_reference() ? column + 1 < map.cols() : column % 2 == 0;
      DevicePlane& plane = plus ? tile.plus : tile.minus;
      const Index j = !tile.has_reference() ? column / 2 : plus ? column : 0;
      stick(plane, j, line, fault == kStuckLow ? plane.low(j, line) : fault == kStuckHigh ? plane.high(j, line) : fault);
    }
}

std::vector<std::int64_t> faulty_by_column(const Tile& tile) {
  std::vector<std::int64_t> count;
  for (Index j = 0; j < tile.outputs(); ++j)
    count.push_back((tile.plus.up.row(j).array() == 0).count() + (tile.has_reference() ? 0 : (tile.minus.up.row(j).array() == 0).count()));
  return count;
}

/// Row `from` of every matrix of a plane into row `to` of another.
void copy_column(const DevicePlane& source, Index from, DevicePlane& target, Index to) {
  target.g.row(to) = source.g.row(from);
  if (source.hidden.size()) target.hidden.row(to) = source.hidden.row(from);
  target.up.row(to) = source.up.row(from);
  target.down.row(to) = source.down.row(from);
  target.low.row(to) = source.low.row(from);
  target.high.row(to) = source.high.row(from);
  target.pulses.row(to) = source.pulses.row(from);
}

/// For every output the column that serves it: its own, or a spare with fewer faults.
std::vector<Index> serving_columns(const std::vector<std::int64_t>& faulty, Index outputs) {
  std::vector<Index> serving(static_cast<std::size_t>(outputs)), spares;
  std::iota(serving.begin(), serving.end(), Index{0});
  for (Index c = outputs; c < static_cast<Index>(faulty.size()); ++c) spares.push_back(c);
  const auto by = [&](Index a, Index b) { return faulty[static_cast<std::size_t>(a)] < faulty[static_cast<std::size_t>(b)]; };
  std::stable_sort(spares.begin(), spares.end(), by);
  std::vector<Index> worst = serving;
  std::stable_sort(worst.begin(), worst.end(), [&](Index a, Index b) { return by(b, a); });
  for (std::size_t k = 0; k < std::min(spares.size(), worst.size()) && by(spares[k], worst[k]); ++k)
    serving[static_cast<std::size_t>(worst[k])] = spares[k];
  return serving;
}

}  // namespace

void FaultOptions::validate() const {
  check_option("faults.yield", yield, 0, 1);
  check_option("faults.dead_lines", dead_lines, 0, 1);
  check_option("faults.dead_columns", dead_columns, 0, 1);
  check_option("faults.spare_columns", spare_columns, 0, 65536);
}

FaultReport& FaultReport::operator+=(const FaultReport& other) {
  devices += other.devices;
  faulty += other.faulty;
  repaired += other.repaired;
  missed += other.missed;
  return *this;
}

std::int64_t count_faulty(const Tile& tile) { return (tile.plus.up.array() == 0).count() + (tile.minus.up.array() == 0).count(); }

void Lives::end(DevicePlane& plane, std::uint32_t id, std::uint32_t side, Index outputs, Index line) const {
  const RandomKey key(seed_, Purpose::fault, 2 * id + side);
  const double decades = std::log(most_ / least_);
  for (Index j = 0; j < plane.g.rows(); ++j) {
    const double pulses = plane.pulses(j, line);
    if (pulses <= least_) continue;
    const auto index = static_cast<std::uint32_t>(line * outputs + j);
    const double life = least_ * std::exp(decades * double{key.uniform({.step = 0, .sample = kLife}, index)});
    if (pulses > life) plane.up(j, line) = plane.down(j, line) = 0;
  }
}

void Lives::end(Tile& tile, Index block) const {
  for (Index line = block * kLineBlock; line < std::min((block + 1) * kLineBlock, tile.lines()); ++line) {
    end(tile.plus, tile.id, 0, tile.outputs(), line);
    end(tile.minus, tile.id, 1, tile.outputs(), line);
  }
}

Tile make_tile(const DevicePreset& device, std::uint32_t seed, std::uint32_t id, Index outputs, Index lines, bool squares, bool accumulator,
               const FaultOptions& faults, const Eigen::Ref<const FaultMap>& map, FaultReport& report, Mapping mapping) {
  const Index columns = mapping == Mapping::offset_column ? outputs + 1 : 2 * outputs;
  check(map.size() == 0 || (map.rows() == lines && map.cols() == columns), "a tile's fault map is lines x device columns");
  Tile tile(device, seed, id, outputs + faults.spare_columns, lines, squares, accumulator, mapping);
  if (faults.any()) draw_faults(tile, faults, seed);
  if (map.size()) apply_map(tile, map);
  report.devices += columns * lines;
  if (faults.spare_columns > 0) {
    Tile used(device, seed, id, outputs, lines, squares, accumulator, mapping);
    const std::vector<Index> serving = serving_columns(faulty_by_column(tile), outputs);
    for (Index j = 0; j < outputs; ++j) {
      const Index from = serving[static_cast<std::size_t>(j)];
      report.repaired += from != j ? 1 : 0;
      copy_column(tile.plus, from, used.plus, j);
      if (!tile.has_reference()) copy_column(tile.minus, from, used.minus, j);
    }
    if (tile.has_reference()) used.minus = tile.minus;
    tile = used;
  }
  for (Index line = 0; line < lines; ++line) tile.refresh_line(line);
  for (Index block = 0; block < tile.blocks(); ++block) tile.refresh_block(block);
  tile.refresh();
  report.faulty += count_faulty(tile);
  return tile;
}

}  // namespace eqprop
