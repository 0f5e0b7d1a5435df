#include "crossbar/programming.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "crossbar/option_check.h"

namespace eqprop {
namespace {

using Eigen::Index;

/// Random numbers of a tile are indexed by device; lines start at multiples of 4.
std::uint32_t line_index(const Tile& tile, Index line) { return static_cast<std::uint32_t>(line * ((tile.outputs() + 3) / 4 * 4)); }

/// What pulses do to a device, beside its law.
struct PulseNoise {
  float cycle_sd;  // [1]
  float write_sd;  // [S], 0: none
};

/// Pointers to one line of a plane.
struct Line {
  float* g;
  float* moved;  // same as g without write noise
  const float* up;
  const float* down;
  const float* low;
  const float* high;
  std::uint32_t* pulses;
  Index n;

  Line(DevicePlane& plane, Index line)
      : g(plane.g.col(line).data()),
        moved(plane.moved().col(line).data()),
        up(plane.up.col(line).data()),
        down(plane.down.col(line).data()),
        low(plane.low.col(line).data()),
        high(plane.high.col(line).data()),
        pulses(plane.pulses.col(line).data()),
        n(plane.g.rows()) {}
};

[[gnu::always_inline]] inline float clamped(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

/// Conductance of a device after one pulse: mean step of the law, its own factor, cycle noise xi, its own window.
template <class Law>
[[gnu::always_inline]] inline float pulsed(const Law& law, float g, bool set, float up, float down, float low, float high, float cycle_sd, float xi) {
  const float step = law.mean_step(g, set, low, high) * (set ? up : down);
  return clamped(g + mul_add(step * cycle_sd, xi, step), low, high);
}

/// Sum in a fixed order, eight lanes wide.
double sum(const float* x, Index n) {
  double lane[8] = {};
  Index j = 0;
  for (; j + 8 <= n; j += 8)
    for (Index k = 0; k < 8; ++k) lane[k] += double{x[j + k]};
  for (Index k = 0; j < n; ++j, ++k) lane[k] += double{x[j]};
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

/// Buffers of one line, made once per block.
struct Scratch {
  explicit Scratch(Index n) : direction(n), minus_direction(n), count(n), xi(Eigen::ArrayXf::Zero(n)), write_xi(n), set_sum(n), reset_sum(n) {}
  Eigen::ArrayXf direction;        // +1 SET, -1 RESET, 0 none
  Eigen::ArrayXf minus_direction;  // the same for the other plane
  Eigen::ArrayXi count;            // pulses due
  Eigen::ArrayXf xi;
  Eigen::ArrayXf write_xi;
  Eigen::ArrayXf set_sum;          // [S] conductance before plus after
  Eigen::ArrayXf reset_sum;
  std::vector<Index> list;
};

/// Moves every device whose direction is not 0 by one pulse; set_sum and reset_sum get conductance before plus after, by polarity. Pointers
/// are parameters, and the function is not inlined, so that the compiler believes that they do not overlap: then it makes vector code.
template <class Law>
[[gnu::noinline]] void move_devices(const Law law, const float cycle_sd, const Index n, const float* __restrict direction, const float* __restrict xi,
                                    const float* __restrict up, const float* __restrict down, const float* __restrict low,
                                    const float* __restrict high, float* __restrict moved, float* __restrict set_sum, float* __restrict reset_sum) {
  for (Index j = 0; j < n; ++j) {
    const float d = direction[j];
    const float before = moved[j];
    const float after = pulsed(law, before, d > 0, up[j], down[j], low[j], high[j], cycle_sd, xi[j]);
    const float both = before + after;
    set_sum[j] = d > 0 ? both : 0.0f;
    reset_sum[j] = d < 0 ? both : 0.0f;
    moved[j] = d != 0 ? after : before;
  }
}

/// One pulse on every device of a line whose direction is not 0.
template <class Law>
void pulse_line(const Law& law, const Line& line, const float* direction, const PulseNoise& noise, Scratch& s, PulseTotals& totals) {
  move_devices(law, noise.cycle_sd, line.n, direction, s.xi.data(), line.up, line.down, line.low, line.high, line.moved, s.set_sum.data(),
               s.reset_sum.data());
  std::int32_t sets = 0, resets = 0;
  for (Index j = 0, n = line.n; j < n; ++j) {
    sets += direction[j] > 0 ? 1 : 0;
    resets += direction[j] < 0 ? 1 : 0;
    line.pulses[j] += direction[j] != 0 ? 1u : 0u;
  }
  totals.set += sets;
  totals.reset += resets;
  totals.set_siemens += 0.5 * sum(s.set_sum.data(), line.n);
  totals.reset_siemens += 0.5 * sum(s.reset_sum.data(), line.n);
  if (noise.write_sd == 0) return;
  for (Index j = 0; j < line.n; ++j) {
    const float free = line.up[j] > 0 ? noise.write_sd : 0.0f;
    const float apparent = clamped(line.moved[j] + free * s.write_xi[j], line.low[j], line.high[j]);
    line.g[j] = direction[j] != 0 ? apparent : line.g[j];
  }
}

/// The same for one device.
template <class Law>
void pulse_one(const Law& law, const Line& line, Index j, bool set, const PulseNoise& noise, float xi, float write_xi, PulseTotals& totals) {
  const float before = line.moved[j];
  const float after = pulsed(law, before, set, line.up[j], line.down[j], line.low[j], line.high[j], noise.cycle_sd, xi);
  line.moved[j] = after;
  ++line.pulses[j];
  (set ? totals.set : totals.reset) += 1;
  (set ? totals.set_siemens : totals.reset_siemens) += 0.5 * double{before + after};
  if (noise.write_sd == 0) return;
  const float free = line.up[j] > 0 ? noise.write_sd : 0.0f;
  line.g[j] = clamped(after + free * write_xi, line.low[j], line.high[j]);
}

/// Counts over a line.
struct Planned {
  std::int32_t wanted, written, capped, pulses, most;
};

/// Pulses for the changes `all` (with what an accumulator held) of a line: their count, and the sign of the change in `direction`.
[[gnu::noinline]] Planned count_pulses(const PulsePlan& plan, const float weight_step, const Index n, const float* __restrict wanted,
                                       const float* __restrict all, float* __restrict direction, int* __restrict count) {
  const bool by_sign = plan.mode == PulseMode::sign;
  const auto threshold = static_cast<float>(plan.sign_threshold);
  const float round_up = plan.mode == PulseMode::count ? 0.5f : 0.0f;  // the cast to int truncates
  for (Index j = 0; j < n; ++j) {
    const float size = std::abs(all[j]);
    const float counted = size / weight_step + round_up;
    const float once = size > threshold ? 1.0f : 0.0f;
    float due = by_sign ? once : counted;
    due = due > 4097.0f ? 4097.0f : due;  // above any max_pulses
    due = due > 0 ? due : 0.0f;           // NaN gives no pulses
    count[j] = static_cast<int>(due);
    direction[j] = due >= 1 ? (all[j] > 0 ? 1.0f : -1.0f) : 0.0f;
  }
  Planned sum{};
  const int most = plan.max_pulses;
  for (Index j = 0; j < n; ++j) {
    sum.wanted += wanted[j] != 0 ? 1 : 0;
    sum.written += count[j] > 0 ? 1 : 0;
    sum.capped += count[j] > most ? 1 : 0;
    count[j] = std::min(count[j], most);
    sum.pulses += count[j];
    sum.most = std::max(sum.most, count[j]);
  }
  return sum;
}

/// Plans a line and takes what it will write off the accumulator, if there is one.
Planned plan_line(const PulsePlan& plan, const float* wanted, float* accumulator, float weight_step, Index n, Scratch& s, UpdateReport& report) {
  if (accumulator)
    for (Index j = 0; j < n; ++j) accumulator[j] += wanted[j];
  const Planned planned =
      count_pulses(plan, weight_step, n, wanted, accumulator ? accumulator : wanted, s.direction.data(), s.count.data());
  if (accumulator && planned.written > 0)
    for (Index j = 0; j < n; ++j) accumulator[j] -= s.direction[j] * (static_cast<float>(s.count[j]) * weight_step);
  report.wanted += planned.wanted;
  report.written += planned.written;
  report.capped += planned.capped;
  report.pulses += planned.pulses;
  return planned;
}

/// From the sign of the wanted change to SET or RESET of one device of each pair: `direction` for G+, `minus_direction` for G-.
void choose_devices(const PulsePlan& plan, const Line plus, const Line minus, const float window_sum, Scratch& s) {
  const bool alternate = plan.pair == PairRule::alternate;
  float* __restrict direction = s.direction.data();
  float* __restrict minus_direction = s.minus_direction.data();
  for (Index j = 0; j < plus.n; ++j) {
    const float by_turns = ((plus.pulses[j] + minus.pulses[j]) & 1u) != 0 ? -1.0f : 1.0f;
    const float by_room = plus.g[j] + minus.g[j] < window_sum ? 1.0f : -1.0f;
    const float set = alternate ? by_turns : by_room;  // +1 SET, -1 RESET
    // a SET raises G+ for an increase and G- for a decrease; a RESET lowers the other device
    const float on_plus = direction[j] * set;
    direction[j] = on_plus > 0 ? set : 0.0f;
    minus_direction[j] = on_plus < 0 ? set : 0.0f;
  }
}

template <class Law>
void pulse_weights(const Law& law, Tile& tile, Index line, const Planned& planned, const DevicePreset& device, const RandomKey& cycle,
                   const RandomKey& write, Place place, Scratch& s, PulseTotals& totals) {
  const Line plus(tile.plus, line);
  const Line minus(tile.minus, line);
  const PulseNoise noise{static_cast<float>(device.cycle_sd), static_cast<float>(device.write_noise * device.nominal_step())};
  const std::uint32_t first = line_index(tile, line);
  const auto n = static_cast<std::size_t>(plus.n);

  // few pulses are visited one by one, many as whole lines: the same numbers either way
  s.list.clear();
  const bool sparse = planned.written * 8 < plus.n;
  if (sparse)
    for (Index j = 0; j < plus.n; ++j)
      if (s.count[j] > 0) s.list.push_back(j);

  for (int p = 0; p < planned.most; ++p) {
    place.sweep = static_cast<std::uint32_t>(p);
    if (sparse) {
      for (const Index j : s.list) {
        if (s.count[j] <= p) continue;
        const auto index = first + static_cast<std::uint32_t>(j);
        const float xi = noise.cycle_sd > 0 ? cycle.normal(place, index) : 0.0f;
        const float write_xi = noise.write_sd > 0 ? write.normal(place, index) : 0.0f;
        const bool on_plus = s.direction[j] != 0;
        pulse_one(law, on_plus ? plus : minus, j, (on_plus ? s.direction[j] : s.minus_direction[j]) > 0, noise, xi, write_xi, totals);
      }
      continue;
    }
    if (noise.cycle_sd > 0) cycle.fill_normal(place, first, s.xi.data(), n);
    if (noise.write_sd > 0) write.fill_normal(place, first, s.write_xi.data(), n);
    if (p > 0) {
      s.direction = (s.count > p).select(s.direction, 0.0f);
      s.minus_direction = (s.count > p).select(s.minus_direction, 0.0f);
    }
    pulse_line(law, plus, s.direction.data(), noise, s, totals);
    pulse_line(law, minus, s.minus_direction.data(), noise, s, totals);
  }
}

/// Reads every device of a line whose direction is not 0 yet and gives it the direction of its next pulse, 0 if within tolerance.
struct Judged {
  std::int32_t read;
  std::int32_t active;
};
[[gnu::noinline]] Judged judge_line(const Line line, const float* __restrict goal, const VerifyNoise noise, const bool noisy, const float tolerance, Scratch& s) {
  const float* __restrict g = line.g;
  const float* __restrict xi = s.xi.data();
  float* __restrict direction = s.direction.data();
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
    read += was != 0 ? 1 : 0;
    active += now != 0 ? 1 : 0;
  }
  return {read, active};
}

/// Write-verify of one plane of a line; wanted conductances in `goal`.
template <class Law>
void verify_line(const Law& law, DevicePlane& plane, Index line_number, std::uint32_t first, const Eigen::ArrayXf& goal, const DevicePreset& device,
                 const WriteVerify& how, const VerifyNoise& noise, const RandomKey& pulse_key, const RandomKey& write_key, const RandomKey& read_key,
                 Place place, Scratch& s, WriteReport& report, PulseTotals& totals) {
  const Line line(plane, line_number);
  const auto n = static_cast<std::size_t>(line.n);
  const auto tolerance = static_cast<float>(how.tolerance);
  const PulseNoise pulse{static_cast<float>(device.cycle_sd), static_cast<float>(device.write_noise * device.nominal_step())};
  const bool noisy = noise.white > 0 || noise.proportional > 0;
  const Eigen::ArrayXf start = plane.g.col(line_number).array();
  s.direction.setConstant(1.0f);  // 0 once a device is within tolerance: it is not read again
  int p = 0;
  for (;; ++p) {
    place.sweep = static_cast<std::uint32_t>(p);
    if (noisy) read_key.fill_normal(place, first, s.xi.data(), n);
    const auto [read, active] = judge_line(line, goal.data(), noise, noisy, tolerance, s);
    report.verify_reads += read;
    if (active == 0 || p == how.max_pulses) break;
    if (pulse.cycle_sd > 0) pulse_key.fill_normal(place, first, s.xi.data(), n);
    if (pulse.write_sd > 0) write_key.fill_normal(place, first, s.write_xi.data(), n);
    pulse_line(law, line, s.direction.data(), pulse, s, totals);
    report.pulses += active;
  }
  report.devices += line.n;
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
  key.fill_normal(place, first, s.xi.data(), static_cast<std::size_t>(line.n));
  for (Index j = 0; j < line.n; ++j) {
    const float uS = 1e6f * goal[j];
    const auto& c = device.write_sigma;
    const float sd = 1e-6f * static_cast<float>(c[0] + double{uS} * (c[1] + double{uS} * (c[2] + double{uS} * c[3])));
    const float before = line.g[j];
    if (line.up[j] > 0) line.g[j] = line.moved[j] = clamped(goal[j] + sd * s.xi[j], line.low[j], line.high[j]);
    ++line.pulses[j];
    totals.set_siemens += 0.5 * double{before + line.g[j]};
  }
  totals.set += line.n;
  report.devices += line.n;
  report.pulses += line.n;
  report.verify_reads += line.n;
}

}  // namespace

void PulsePlan::validate() const {
  check_option("plan.max_pulses", max_pulses, 1, 4096);
  check_option("plan.sign_threshold", sign_threshold, 0, 1e6);
}

void WriteVerify::validate() const {
  check_option("write.tolerance [S]", tolerance, 1e-12, 1);
  check_option("write.max_pulses", max_pulses, 1, 1000000);
}

PulseTotals& PulseTotals::operator+=(const PulseTotals& other) {
  set += other.set;
  reset += other.reset;
  set_siemens += other.set_siemens;
  reset_siemens += other.reset_siemens;
  return *this;
}

WriteReport& WriteReport::operator+=(const WriteReport& other) {
  devices += other.devices;
  pulses += other.pulses;
  verify_reads += other.verify_reads;
  missed += other.missed;
  stuck += other.stuck;
  clipped += other.clipped;
  return *this;
}

UpdateReport& UpdateReport::operator+=(const UpdateReport& other) {
  wanted += other.wanted;
  written += other.written;
  pulses += other.pulses;
  capped += other.capped;
  return *this;
}

UpdateReport update_block(Tile& tile, Index block, const Eigen::Ref<const Eigen::MatrixXf>& wanted, const DevicePreset& device, const PulsePlan& plan,
                          double weight_step, std::uint32_t seed, const Place& place, PulseTotals& totals) {
  const RandomKey cycle(seed, Purpose::cycle_noise, tile.id);
  const RandomKey write(seed, Purpose::write_noise, tile.id);
  const auto window_sum = static_cast<float>(device.G_min + device.G_max);
  Scratch scratch(tile.outputs());
  UpdateReport report;
  bool touched = false;
  const Index end = std::min((block + 1) * kLineBlock, tile.lines());
  for (Index line = block * kLineBlock; line < end; ++line) {
    float* accumulator = tile.accumulator.size() ? tile.accumulator.col(line).data() : nullptr;
    const Planned planned =
        plan_line(plan, wanted.col(line).data(), accumulator, static_cast<float>(weight_step), tile.outputs(), scratch, report);
    if (planned.written == 0) continue;
    choose_devices(plan, Line(tile.plus, line), Line(tile.minus, line), window_sum, scratch);
    std::visit([&](const auto& law) { pulse_weights(law, tile, line, planned, device, cycle, write, place, scratch, totals); },
               device.law);
    tile.refresh_line(line);
    touched = true;
  }
  if (touched) tile.refresh_block(block);
  return report;
}

WriteReport write_block(Tile& tile, Index block, const Eigen::Ref<const Eigen::MatrixXf>& target, double scale, const DevicePreset& device,
                        const WriteVerify& how, const VerifyNoise& noise, std::uint32_t seed, const Place& place, PulseTotals& totals) {
  const double middle = (device.G_min + device.G_max) / 2;
  const auto weight_max = static_cast<float>(device.window() / scale);
  Scratch scratch(tile.outputs());
  WriteReport report;
  const Index end = std::min((block + 1) * kLineBlock, tile.lines());
  for (Index line = block * kLineBlock; line < end; ++line) {
    const Eigen::ArrayXf want = target.col(line).array();
    report.clipped += (want.abs() > weight_max * 1.000001f).count();
    const Eigen::ArrayXf half = static_cast<float>(scale / 2) * want.max(-weight_max).min(weight_max);
    for (std::uint32_t side = 0; side < 2; ++side) {
      DevicePlane& plane = side == 0 ? tile.plus : tile.minus;
      const Eigen::ArrayXf goal = static_cast<float>(middle) + (side == 0 ? half : -half);
      const auto key = [&](std::uint32_t what) { return RandomKey(seed, Purpose::write_verify, 8 * tile.id + 4 * side + what); };
      const std::uint32_t first = line_index(tile, line);
      if (device.kind == DeviceKind::verify_only)
        place_line(plane, line, first, goal, device, key(0), place, scratch, report, totals);
      else
        std::visit(
            [&](const auto& law) {
              verify_line(law, plane, line, first, goal, device, how, noise, key(0), key(1), key(2), place, scratch, report, totals);
            },
            device.law);
    }
    tile.refresh_line(line);
  }
  tile.refresh_block(block);
  return report;
}

}  // namespace eqprop
