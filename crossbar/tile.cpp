#include "crossbar/tile.h"

#include <algorithm>
#include <span>

#include "base/check.h"
#include "base/math.h"
#include "base/random.h"

namespace eqprop {
namespace {

using Eigen::Index;

void draw_plane(DevicePlane& plane, const DevicePreset& device, std::uint32_t seed, std::uint32_t key_tile, Index outputs, Index lines) {
  const auto n = static_cast<std::size_t>(outputs * lines);
  const RandomKey spread(seed, Purpose::device_spread, key_tile);
  const auto draws = [&](std::uint32_t what, bool normal) {
    Eigen::MatrixXf xi(outputs, lines);
    const Place place{.step = 0, .sample = what};
    normal ? spread.fill_normal(place, 0, xi.data(), n) : spread.fill_uniform(place, 0, xi.data(), n);
    return xi;
  };
  const auto g_min = static_cast<float>(device.G_min);
  const auto g_max = static_cast<float>(device.G_max);
  const auto bound = static_cast<float>(device.bound_spread);

  // beyond three sigma draws are cut, so that bounds stay positive and in order
  const auto clipped = [&](std::uint32_t what) { return draws(what, true).array().max(-3.0f).min(3.0f).eval(); };
  plane.low = g_min * (1.0f + bound * clipped(0)).matrix();
  plane.high = g_max * (1.0f + bound * clipped(1)).matrix();
  // bounds that scatter around the middle fold back at it, so that they never cross
  const float middle = 0.5f * (g_min + g_max), half = 0.5f * (g_max - g_min);
  const auto distance = [&](double sd, std::uint32_t what) {
    return (half * (1.0f + static_cast<float>(sd) * clipped(what)).abs().max(0.05f)).eval();
  };
  if (device.low_spread > 0) plane.low = (middle - distance(device.low_spread, 0)).max(0.0f).matrix();
  if (device.high_spread > 0) plane.high = (middle + distance(device.high_spread, 1)).matrix();
  Eigen::ArrayXXf factor = static_cast<float>(device.step_spread) * draws(2, true).array();
  if (device.step_lognormal)
    factor = factor.unaryExpr([](float x) { return exp_poly(x); }).eval();
  else
    factor = (1.0f + factor).max(0.1f).eval();
  const Eigen::ArrayXXf tilt = static_cast<float>(device.asymmetry_spread) * (2.0f * draws(3, false).array() - 1.0f);
  plane.up = (factor * (1.0f + tilt)).matrix();
  plane.down = (factor * (1.0f - tilt)).matrix();
  plane.g = plane.low;
  plane.pulses.setZero(outputs, lines);

  if (device.stuck_low + device.stuck_high > 0) {
    Eigen::MatrixXf u(outputs, lines);
    RandomKey(seed, Purpose::fault, key_tile).fill_uniform({}, 0, u.data(), n);
    for (std::size_t i = 0; i < n; ++i) {
      const float x = u.data()[i];
      if (x >= static_cast<float>(device.stuck_low + device.stuck_high)) continue;
      plane.up.data()[i] = plane.down.data()[i] = 0;
      plane.g.data()[i] = x < static_cast<float>(device.stuck_low) ? plane.low.data()[i] : plane.high.data()[i];
    }
  }
  if (device.write_noise > 0) plane.hidden = plane.g;
}

/// Sum of both devices of every pair in a fixed order, eight lanes wide: no chain of additions to wait for.
double sum_of_pairs(const float* plus, const float* minus, Index n) {
  double lane[8] = {};
  Index j = 0;
  for (; j + 8 <= n; j += 8)
    for (Index k = 0; k < 8; ++k) lane[k] += double{plus[j + k]} + double{minus[j + k]};
  for (Index k = 0; j < n; ++j, ++k) lane[k] += double{plus[j]} + double{minus[j]};
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

void put(ByteWriter& out, const Eigen::MatrixXf& m) { out.put_array(std::span<const float>(m.data(), static_cast<std::size_t>(m.size()))); }
void get(ByteReader& in, Eigen::MatrixXf& m) { in.get_array(std::span<float>(m.data(), static_cast<std::size_t>(m.size()))); }
// what no device has would turn into negative joules much later
void get_conductances(ByteReader& in, Eigen::MatrixXf& m) {
  get(in, m);
  constexpr float kMost = 1e6f;  // [S]
  if (m.size() > 0 && !(m.array() >= 0 && m.array() <= kMost).all())
    throw InputError(Code::damaged, {}, "a stored conductance is out of range", "the file is damaged: start from another checkpoint");
}

}  // namespace

Tile::Tile(const DevicePreset& device, std::uint32_t seed, std::uint32_t tile_id, Index outputs, Index lines, bool with_squares,
           bool with_accumulator, Mapping kind)
    : id(tile_id), mapping(kind) {
  draw_plane(plus, device, seed, 2 * id, outputs, lines);
  draw_plane(minus, device, seed, 2 * id + 1, has_reference() ? 1 : outputs, lines);
  difference.resize(outputs, lines);
  if (with_squares) squares.resize(outputs, lines);
  if (with_accumulator) accumulator.setZero(outputs, lines);
  line_sum.resize(lines);
  column_sum.resize(outputs);
  column_part.resize(outputs, blocks());
  for (Index line = 0; line < lines; ++line) refresh_line(line);
  for (Index block = 0; block < blocks(); ++block) refresh_block(block);
  refresh();
}

void Tile::refresh_line(Index line) {
  const auto p = plus.g.col(line).array();
  if (has_reference()) {
    const float reference = minus.g(0, line);
    difference.col(line) = (p - reference).matrix();
    if (squares.size()) squares.col(line) = p.square().matrix();
    line_sum[line] = p.cast<double>().sum() + double{reference};
    return;
  }
  const auto m = minus.g.col(line).array();
  difference.col(line) = (p - m).matrix();
  if (squares.size()) squares.col(line) = (p * p + m * m).matrix();
  line_sum[line] = sum_of_pairs(plus.g.col(line).data(), minus.g.col(line).data(), outputs());
}

void Tile::refresh_block(Index block) {
  const Index first = block * kLineBlock;
  auto part = column_part.col(block);
  part.setZero();
  for (Index line = first; line < std::min(first + kLineBlock, lines()); ++line) {
    if (has_reference())
      part += plus.g.col(line).cast<double>();
    else
      part += plus.g.col(line).cast<double>() + minus.g.col(line).cast<double>();
  }
}

void Tile::refresh() {
  column_sum.setZero();
  for (Index block = 0; block < blocks(); ++block) column_sum += column_part.col(block);
}

void Tile::save(ByteWriter& out) const {
  for (const DevicePlane* plane : {&plus, &minus}) {
    put(out, plane->g);
    put(out, plane->hidden);
    out.put_array(std::span<const std::uint32_t>(plane->pulses.data(), static_cast<std::size_t>(plane->pulses.size())));
  }
  put(out, accumulator);
}

void Tile::restore(ByteReader& in) {
  for (DevicePlane* plane : {&plus, &minus}) {
    get_conductances(in, plane->g);
    get_conductances(in, plane->hidden);
    in.get_array(std::span<std::uint32_t>(plane->pulses.data(), static_cast<std::size_t>(plane->pulses.size())));
  }
  get(in, accumulator);
  for (Index line = 0; line < lines(); ++line) refresh_line(line);
  for (Index block = 0; block < blocks(); ++block) refresh_block(block);
  refresh();
}

}  // namespace eqprop
