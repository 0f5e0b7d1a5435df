// Write-verify: read, pulse towards the target, until within tolerance.
#include <algorithm>
#include <cmath>

#include "crossbar/disturb.h"
#include "crossbar/faults.h"
#include "crossbar/kernel/random_lanes.h"
#include "crossbar/option_check.h"
#include "crossbar/programming.h"
#include "crossbar/pulse_line.h"
#include "crossbar/write_drop.h"

namespace eqprop {
namespace {

using Eigen::Index;
using namespace programming_detail;

/// Buffers of one line, made once per block.
struct Scratch {
  explicit Scratch(Index n) : direction(n), xi(Eigen::ArrayXf::Zero(n)), write_xi(n), set_sum(n), reset_sum(n), read(n) {}
  Eigen::ArrayXf direction;  // +1 SET, -1 RESET, 0 none
  Eigen::ArrayXf xi;
  Eigen::ArrayXf write_xi;
  Eigen::ArrayXf set_sum;  // [S] conductance before plus after
  Eigen::ArrayXf reset_sum;
  Eigen::ArrayXf read;  // [S] conductances that were read, 0 where none was
};

/// One pulse on every device of a line whose direction is not 0.
template <class Law>
void pulse_line(const Law& law, const Line& line, const PulseNoise& noise, Scratch& s, const WeakLine* weak, PulseTotals& totals) {
  const Line reached = weak ? weak->weakened(line) : line;
  const LineCount count = with_noise(noise.cycle, [&](const auto& cycle) {
    return move_devices(law, cycle, line.n, s.direction.data(), s.xi.data(), reached.up, reached.down, line.low, line.high, line.moved,
                        line.pulses, s.set_sum.data(), s.reset_sum.data());
  });
  if (weak) {
    count_only(count, totals);
    for (Index j = 0; j < line.n; ++j)
      if (s.direction[j] != 0) weak->book(j, s.direction[j] > 0, s.set_sum[j] + s.reset_sum[j], totals);
  } else {
    book(count, s.set_sum.data(), s.reset_sum.data(), line.n, totals);
  }
  if (noise.write_sd > 0)
    write_apparent(line.n, noise.write_sd, s.direction.data(), s.write_xi.data(), line.up, line.low, line.high, line.moved, line.g);
}

/// Reads every device of a line whose direction is not 0 yet and gives it the direction of its next pulse, 0 if within tolerance.
struct Judged {
  std::int32_t read;
  std::int32_t active;
};
[[gnu::noinline]] Judged judge_line(const Line line, const float* __restrict goal, const VerifyNoise noise, const bool noisy,
                                    const float tolerance, Scratch& s) {
  const float* __restrict g = line.g;
  const float* __restrict xi = s.xi.data();
  float* __restrict direction = s.direction.data();
  float* __restrict conductance = s.read.data();
  const float white = noisy ? noise.white * noise.white : 0.0f;
  const float proportional = noisy ? noise.proportional * noise.proportional : 0.0f;
  std::int32_t read = 0, active = 0;
  for (Index j = 0; j < line.n; ++j) {
    const float seen = g[j] + __builtin_sqrtf(white + proportional * g[j] * g[j]) * xi[j];
    const float error = goal[j] - seen;
    const float was = direction[j];
    const float next = error > tolerance ? 1.0f : (error < -tolerance ? -1.0f : 0.0f);
    const float now = was != 0 ? next : 0.0f;
    direction[j] = now;
    conductance[j] = was != 0 ? g[j] : 0.0f;
    read += was != 0 ? 1 : 0;
    active += now != 0 ? 1 : 0;
  }
  return {read, active};
}

/// Write-verify of one plane (side: 0 G+, 1 G-) of a line; wanted conductances in `goal`, NaN: leave this device as it is.
template <class Law>
void verify_line(const Law& law, Tile& tile, int side, Index line_number, std::uint32_t first, const Eigen::ArrayXf& goal,
                 const DevicePreset& device, const WriteVerify& how, const VerifyNoise& noise, const RandomKey& pulse_key,
                 const RandomKey& write_key, const RandomKey& read_key, Place place, const TileWrite& beside, Scratch& s,
                 WriteReport& report, PulseTotals& totals) {
  DevicePlane& plane = side == 0 ? tile.plus : tile.minus;
  const Line line(plane, line_number);
  const auto n = static_cast<std::size_t>(line.n);
  const auto tolerance = static_cast<float>(how.tolerance);
  const PulseNoise pulse(device);
  const bool draws = pulse.draws(law);
  const bool noisy = noise.white > 0 || noise.proportional > 0;
  const Eigen::ArrayXf start = plane.g.col(line_number).array();
  WeakLine weak;
  // 0 once a device is within tolerance: it is not read again
  for (Index j = 0; j < line.n; ++j) s.direction[j] = goal[j] == goal[j] ? 1.0f : 0.0f;
  const auto chosen = static_cast<std::int64_t>(s.direction.head(line.n).sum());
  int p = 0;
  for (;; ++p) {
    place.sweep = static_cast<std::uint32_t>(p);
    if (noisy) random_lanes::fill_normal(read_key, place, first, s.xi.data(), n);
    const auto [read, active] = judge_line(line, goal.data(), noise, noisy, tolerance, s);
    report.verify_reads += read;
    report.read_siemens += sum(s.read.data(), line.n);
    if (active == 0 || p == how.max_pulses) break;
    if (draws) fill_draws(law, pulse_key, place, first, s.xi.data(), n);
    if (pulse.write_sd > 0) random_lanes::fill_normal(write_key, place, first, s.write_xi.data(), n);
    if (beside.drop) weak.set(*beside.drop, line_number, side, line);
    pulse_line(law, line, pulse, s, beside.drop ? &weak : nullptr, totals);
    for (Index j = 0; beside.tally && j < line.n; ++j)
      if (s.direction[j] != 0) beside.tally->add(side, s.direction[j] > 0, j, line_number, 1);
    report.pulses += active;
    if (beside.lives) beside.lives->end(plane, tile.id, static_cast<std::uint32_t>(side), tile.outputs(), line_number);
  }
  report.devices += chosen;
  for (Index j = 0; j < line.n; ++j) {
    if (s.direction[j] == 0) continue;
    ++report.missed;
    report.stuck += std::abs(line.g[j] - start[j]) < static_cast<float>(device.stuck_threshold) ? 1 : 0;
  }
}

/// A device known only by the error of a written value: one SET train, one read.
void place_line(DevicePlane& plane, Index line_number, std::uint32_t first, const Eigen::ArrayXf& goal, const DevicePreset& device,
                const RandomKey& key, const Place& place, Scratch& s, WriteReport& report, PulseTotals& totals) {
  const Line line(plane, line_number);
  random_lanes::fill_normal(key, place, first, s.xi.data(), static_cast<std::size_t>(line.n));
  std::int64_t chosen = 0;
  for (Index j = 0; j < line.n; ++j) {
    if (goal[j] != goal[j]) continue;
    ++chosen;
    const float uS = 1e6f * goal[j];
    const auto& c = device.write_sigma;
    const float sd = 1e-6f * static_cast<float>(c[0] + double{uS} * (c[1] + double{uS} * (c[2] + double{uS} * c[3])));
    const float before = line.g[j];
    if (line.up[j] > 0) line.g[j] = line.moved[j] = clamped(goal[j] + sd * s.xi[j], line.low[j], line.high[j]);
    ++line.pulses[j];
    totals.set_siemens += 0.5 * double{before + line.g[j]};
    totals.clipped += line.g[j] <= line.low[j] || line.g[j] >= line.high[j] ? 1 : 0;
    report.read_siemens += double{line.g[j]};
  }
  totals.set += chosen;
  report.devices += chosen;
  report.pulses += chosen;
  report.verify_reads += chosen;
}

}  // namespace

void WriteVerify::validate() const {
  check_option("write.tolerance [S]", tolerance, 1e-12, 1);
  check_option("write.max_pulses", max_pulses, 1, 1000000);
  check_option("write.passes", passes, 1, 100);
}

WriteReport& WriteReport::operator+=(const WriteReport& other) {
  devices += other.devices;
  pulses += other.pulses;
  verify_reads += other.verify_reads;
  missed += other.missed;
  stuck += other.stuck;
  clipped += other.clipped;
  clipped_pulses += other.clipped_pulses;
  read_siemens += other.read_siemens;
  return *this;
}

WriteReport write_block(Tile& tile, Index block, const Eigen::Ref<const Eigen::MatrixXf>& target, double scale, const DevicePreset& device,
                        const WriteVerify& how, const VerifyNoise& noise, std::uint32_t seed, const Place& place, PulseTotals& totals,
                        const TileWrite& beside) {
  const double middle = (device.G_min + device.G_max) / 2;
  // a pair shares the change, and has twice the window of one device beside a reference
  const double each = tile.has_reference() ? scale : scale / 2;
  const auto weight_max = static_cast<float>(device.window() / (2 * each));
  const std::int64_t clipped_before = totals.clipped;
  Scratch scratch(tile.outputs());
  WriteReport report;
  const Index end = std::min((block + 1) * kLineBlock, tile.lines());
  for (Index line = block * kLineBlock; line < end; ++line) {
    const Eigen::ArrayXf want = target.col(line).array();
    const bool all = !want.isNaN().any();
    if (!all && want.isNaN().all()) continue;
    report.clipped += (want.abs() > weight_max * 1.000001f).count();
    Eigen::ArrayXf half = static_cast<float>(each) * want.max(-weight_max).min(weight_max);
    if (!all) half = want.isNaN().select(want, half);
    const auto key_of = [&](std::uint32_t side, std::uint32_t what) {
      return RandomKey(seed, Purpose::write_verify, 8 * tile.id + 4 * side + what);
    };
    auto origin = static_cast<float>(middle);
    if (!all && tile.has_reference()) {
      // the reference stays where it is: weights are written beside what a read of it says
      const float g = tile.minus.g(0, line);
      origin = g + std::hypot(noise.white, noise.proportional * g) * key_of(1, 2).normal(place, line_index(tile, line));
      ++report.verify_reads;
      report.read_siemens += double{g};
    }
    for (std::uint32_t side = 0; side < 2; ++side) {
      DevicePlane& plane = side == 0 ? tile.plus : tile.minus;
      Eigen::ArrayXf goal = origin + (side == 0 ? half : -half);
      if (side == 1 && tile.has_reference()) {
        if (!all) continue;
        goal.setConstant(1, static_cast<float>(middle));
      }
      const auto key = [&](std::uint32_t what) { return key_of(side, what); };
      const std::uint32_t first = line_index(tile, line);
      if (device.kind == DeviceKind::verify_only)
        place_line(plane, line, first, goal, device, key(0), place, scratch, report, totals);
      else
        std::visit(
            [&](const auto& law) {
              verify_line(pulse_form(law), tile, static_cast<int>(side), line, first, goal, device, how, noise, key(0), key(1), key(2),
                          place, beside, scratch, report, totals);
            },
            device.law);
    }
    tile.refresh_line(line);
  }
  tile.refresh_block(block);
  report.clipped_pulses = totals.clipped - clipped_before;
  return report;
}

}  // namespace eqprop
