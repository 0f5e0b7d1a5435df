#include "crossbar/programming.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "crossbar/disturb.h"
#include "crossbar/kernel/random_lanes.h"
#include "crossbar/option_check.h"
#include "crossbar/pulse_line.h"
#include "crossbar/trains.h"
#include "crossbar/write_drop.h"

namespace eqprop {
namespace {

using Eigen::Index;
using namespace programming_detail;

constexpr std::uint32_t kMostPulses = 4096;  // of one weight and update

/// Buffers of one line, in memory of the thread that only grows.
struct Scratch {
  explicit Scratch(Index n) : Scratch(n, memory(n)) {}
  Eigen::Map<Eigen::ArrayXf> direction;  // sign of the wanted change, then +1 SET, -1 RESET, 0 none
  Eigen::Map<Eigen::ArrayXf> on_plus;    // > 0: of G+, else of G-
  Eigen::Map<Eigen::ArrayXf> xi;
  Eigen::Map<Eigen::ArrayXf> write_xi;
  Eigen::Map<Eigen::ArrayXf> pulsed;   // direction of one plane
  Eigen::Map<Eigen::ArrayXf> set_sum;  // [S] conductance before plus after
  Eigen::Map<Eigen::ArrayXf> reset_sum;
  Eigen::Map<Eigen::ArrayXi> count;  // pulses due
  std::vector<Index>& list;

 private:
  struct Memory {
    Eigen::ArrayXf floats;
    Eigen::ArrayXi ints;
    std::vector<Index> list;
  };
  static Index step(Index n) { return (n + 15) / 16 * 16; }
  static Memory& memory(Index n) {
    thread_local Memory memory;
    if (memory.floats.size() < 7 * step(n)) memory.floats.resize(7 * step(n));
    if (memory.ints.size() < n) memory.ints.resize(n);
    memory.list.reserve(static_cast<std::size_t>(n));
    return memory;
  }
  Scratch(Index n, Memory& m)
      : direction(m.floats.data(), n),
        on_plus(m.floats.data() + step(n), n),
        xi(m.floats.data() + 2 * step(n), n),
        write_xi(m.floats.data() + 3 * step(n), n),
        pulsed(m.floats.data() + 4 * step(n), n),
        set_sum(m.floats.data() + 5 * step(n), n),
        reset_sum(m.floats.data() + 6 * step(n), n),
        count(m.ints.data(), n),
        list(m.list) {
    xi.setZero();
  }
};

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
  const float least = plan.mode == PulseMode::accumulate ? static_cast<float>(plan.least_pulses) : 1.0f;
  for (Index j = 0; j < n; ++j) {
    const float size = std::abs(all[j]);
    const float counted = size / weight_step + round_up;
    const float once = size > threshold ? 1.0f : 0.0f;
    float due = by_sign ? once : counted;
    due = due > 4097.0f ? 4097.0f : due;  // above any max_pulses
    due = due >= least ? due : 0.0f;      // NaN gives no pulses
    count[j] = static_cast<int>(due);
    direction[j] = due >= 1 ? (all[j] > 0 ? 1.0f : -1.0f) : 0.0f;
  }
  // a loop of its own, over numbers of one width: then both are vector code
  std::int32_t wishes = 0, written = 0, capped = 0, pulses = 0, largest = 0;
  const int most = plan.max_pulses;
  for (Index j = 0; j < n; ++j) {
    const int due = count[j];
    const int now = due > most ? most : due;
    wishes += wanted[j] != 0 ? 1 : 0;
    written += due > 0 ? 1 : 0;
    capped += due > most ? 1 : 0;
    pulses += now;
    largest = now > largest ? now : largest;
    count[j] = now;
  }
  return {wishes, written, capped, pulses, largest};
}

/// Plans a line and takes what it will write off the accumulator, if there is one.
Planned plan_line(const PulsePlan& plan, const float* wanted, float* accumulator, float weight_step, Index n, Scratch& s,
                  UpdateReport& report) {
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

/// From the sign of the wanted change to the pulse that one device of each pair gets.
void choose_devices(const PulsePlan& plan, Tile& tile, Index line, const float window_sum, Scratch& s) {
  if (tile.has_reference()) {  // a weight is one device: SET raises it, RESET lowers it
    s.on_plus.setConstant(1.0f);
    return;
  }
  const Line plus(tile.plus, line), minus(tile.minus, line);
  const bool alternate = plan.pair == PairRule::alternate;
  float* __restrict direction = s.direction.data();
  float* __restrict on_plus = s.on_plus.data();
  for (Index j = 0, n = plus.n; j < n; ++j) {
    const float by_turns = ((plus.pulses[j] + minus.pulses[j]) & 1u) != 0 ? -1.0f : 1.0f;
    const float by_room = plus.g[j] + minus.g[j] < window_sum ? 1.0f : -1.0f;
    const float set = alternate ? by_turns : by_room;  // +1 SET, -1 RESET
    const float change = direction[j];
    // a SET raises G+ for an increase and G- for a decrease; a RESET lowers the other device
    on_plus[j] = change * set;
    direction[j] = change != 0 ? set : 0.0f;
  }
}

/// Counts the pulses that a line will get.
void tally_line(PulseTally& tally, Index line, const Scratch& s) {
  for (Index j = 0; j < s.count.size(); ++j)
    if (s.count[j] > 0) tally.add(s.on_plus[j] > 0 ? 0 : 1, s.direction[j] > 0, j, line, s.count[j]);
}

/// One pulse on one device, whose own factor is `factor`; returns its mean conductance [S].
template <class Law>
double pulse_one(const Law& law, const Line& line, Index j, bool set, float factor, const PulseNoise& noise, float xi, float write_xi,
                 PulseTotals& totals) {
  const float before = line.moved[j];
  const float after = pulsed(law, before, set, factor, line.low[j], line.high[j], noise.cycle, xi);
  line.moved[j] = after;
  ++line.pulses[j];
  (set ? totals.set : totals.reset) += 1;
  totals.clipped += after <= line.low[j] || after >= line.high[j] ? 1 : 0;
  if (noise.write_sd > 0) {
    const float free = line.up[j] > 0 ? noise.write_sd : 0.0f;
    line.g[j] = clamped(after + free * write_xi, line.low[j], line.high[j]);
  }
  return 0.5 * double{before + after};
}

/// Both planes of a line behind its wires.
struct WeakPair {
  WeakLine plus, minus;
};

/// One pulse on every device of a line, each a weight of its own, whose direction is not 0.
template <class Law>
void pulse_singles(const Law& law, const Line& line, const PulseNoise& noise, Scratch& s, PulseTotals& totals) {
  const LineCount count = with_noise(noise.cycle, [&](const auto& cycle) {
    return move_devices(law, cycle, line.n, s.direction.data(), s.xi.data(), line.up, line.down, line.low, line.high, line.moved,
                        line.pulses, s.set_sum.data(), s.reset_sum.data());
  });
  book(count, s.set_sum.data(), s.reset_sum.data(), line.n, totals);
  if (noise.write_sd > 0)
    write_apparent(line.n, noise.write_sd, s.direction.data(), s.write_xi.data(), line.up, line.low, line.high, line.moved, line.g);
}

/// One pulse on every pair of a line whose direction is not 0.
template <class Law>
void pulse_pairs(const Law& law, const Line& plus, const Line& minus, const PulseNoise& noise, Scratch& s, const WeakPair* weak,
                 PulseTotals& totals) {
  const Line reached[2] = {weak ? weak->plus.weakened(plus) : plus, weak ? weak->minus.weakened(minus) : minus};
  const LineCount count = with_noise(noise.cycle, [&](const auto& cycle) {
    return move_pairs(law, cycle, plus.n, s.direction.data(), s.on_plus.data(), s.xi.data(), reached[0].up, reached[0].down, plus.low,
                      plus.high, reached[1].up, reached[1].down, minus.low, minus.high, plus.moved, minus.moved, plus.pulses, minus.pulses,
                      s.set_sum.data(), s.reset_sum.data());
  });
  if (weak) {
    count_only(count, totals);
    for (Index j = 0; j < plus.n; ++j)
      if (s.direction[j] != 0)
        (s.on_plus[j] > 0 ? weak->plus : weak->minus).book(j, s.direction[j] > 0, s.set_sum[j] + s.reset_sum[j], totals);
  } else {
    book(count, s.set_sum.data(), s.reset_sum.data(), plus.n, totals);
  }
  if (noise.write_sd == 0) return;
  s.pulsed = (s.on_plus > 0).select(s.direction, 0.0f);
  write_apparent(plus.n, noise.write_sd, s.pulsed.data(), s.write_xi.data(), plus.up, plus.low, plus.high, plus.moved, plus.g);
  s.pulsed = (s.on_plus > 0).select(0.0f, s.direction);
  write_apparent(minus.n, noise.write_sd, s.pulsed.data(), s.write_xi.data(), minus.up, minus.low, minus.high, minus.moved, minus.g);
}

template <class Law>
void pulse_weights(const Law& law, Tile& tile, Index line, const Planned& planned, const PulseNoise& noise, const RandomKey& cycle,
                   const RandomKey& write, Place place, const TileWrite& beside, Scratch& s, PulseTotals& totals) {
  if (beside.tally) tally_line(*beside.tally, line, s);
  const Line plus(tile.plus, line);
  const Line minus(tile.minus, line);
  const std::uint32_t first = line_index(tile, line);
  const auto n = static_cast<std::size_t>(plus.n);
  const bool draws = noise.draws(law);

  // few pulses are visited one by one, many as whole lines: the same numbers either way
  s.list.clear();
  const bool sparse = planned.written * 8 < plus.n;
  if (sparse)
    for (Index j = 0; j < plus.n; ++j)
      if (s.count[j] > 0) s.list.push_back(j);

  thread_local WeakPair weak;
  const std::uint32_t first_pulse = place.sweep * kMostPulses;
  for (int p = 0; p < planned.most; ++p) {
    place.sweep = first_pulse + static_cast<std::uint32_t>(p);
    if (sparse) {
      for (const Index j : s.list) {
        if (s.count[j] <= p) continue;
        const auto index = first + static_cast<std::uint32_t>(j);
        const float xi = draws ? one_draw(law, cycle, place, index) : 0.0f;
        const float write_xi = noise.write_sd > 0 ? write.normal(place, index) : 0.0f;
        const int plane = s.on_plus[j] > 0 ? 0 : 1;
        const bool set = s.direction[j] > 0;
        const Line& device = plane == 0 ? plus : minus;
        const float factor = set ? device.up[j] : device.down[j];
        if (!beside.drop) {
          const double siemens = pulse_one(law, device, j, set, factor, noise, xi, write_xi, totals);
          (set ? totals.set_siemens : totals.reset_siemens) += siemens;
          continue;
        }
        const float wire = beside.drop->wire_ohm(line, j, plane), share = beside.drop->share(device.moved[j], wire);
        const double siemens = pulse_one(law, device, j, set, factor * beside.drop->strength->at(share, set), noise, xi, write_xi, totals);
        beside.drop->book(set, siemens, share, wire, totals);
      }
      continue;
    }
    if (draws) fill_draws(law, cycle, place, first, s.xi.data(), n);
    if (noise.write_sd > 0) random_lanes::fill_normal(write, place, first, s.write_xi.data(), n);
    if (p > 0) s.direction = (s.count > p).select(s.direction, 0.0f);
    if (tile.has_reference()) {
      pulse_singles(law, plus, noise, s, totals);
      continue;
    }
    if (beside.drop) {
      weak.plus.set(*beside.drop, line, 0, plus);
      weak.minus.set(*beside.drop, line, 1, minus);
    }
    pulse_pairs(law, plus, minus, noise, s, beside.drop ? &weak : nullptr, totals);
  }
}

/// Coincidences of a line's train with the outputs' into `count`, with the sign of the change in `direction`.
[[gnu::noinline]] Planned count_coincidences(const std::uint32_t line, const float line_sign, const Index n,
                                             const std::uint32_t* __restrict outputs, const float* __restrict output_sign,
                                             float* __restrict direction, int* __restrict count) {
  std::int32_t written = 0, pulses = 0, most = 0;
  for (Index j = 0; j < n; ++j) {
    const int now = std::popcount(line & outputs[j]);
    count[j] = now;
    direction[j] = now > 0 ? line_sign * output_sign[j] : 0.0f;
    written += now > 0 ? 1 : 0;
    pulses += now;
    most = now > most ? now : most;
  }
  return {0, written, 0, pulses, most};
}

}  // namespace

void PulsePlan::validate() const {
  check_option("plan.max_pulses", max_pulses, 1, static_cast<double>(kMostPulses));
  check_option("plan.least_pulses", least_pulses, 1, max_pulses);
  check_option("plan.sign_threshold", sign_threshold, 0, 1e6);
  check_option("plan.train_length", train_length, 1, 32);
}

PulseLoss& PulseLoss::operator+=(const PulseLoss& other) {
  wire += other.wire;
  driver += other.driver;
  return *this;
}

PulseTotals& PulseTotals::operator+=(const PulseTotals& other) {
  set += other.set;
  reset += other.reset;
  clipped += other.clipped;
  set_siemens += other.set_siemens;
  reset_siemens += other.reset_siemens;
  set_loss += other.set_loss;
  reset_loss += other.reset_loss;
  return *this;
}

UpdateReport& UpdateReport::operator+=(const UpdateReport& other) {
  wanted += other.wanted;
  written += other.written;
  pulses += other.pulses;
  capped += other.capped;
  clipped += other.clipped;
  return *this;
}

UpdateReport update_block(Tile& tile, Index block, const Eigen::Ref<const Eigen::MatrixXf>& wanted, const DevicePreset& device,
                          const PulsePlan& plan, double weight_step, std::uint32_t seed, const Place& place, PulseTotals& totals,
                          const TileWrite& beside) {
  const RandomKey cycle(seed, Purpose::cycle_noise, tile.id);
  const RandomKey write(seed, Purpose::write_noise, tile.id);
  const PulseNoise noise(device);
  const std::int64_t clipped_before = totals.clipped;
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
    choose_devices(plan, tile, line, window_sum, scratch);
    std::visit(
        [&](const auto& law) { pulse_weights(pulse_form(law), tile, line, planned, noise, cycle, write, place, beside, scratch, totals); },
        device.law);
    tile.refresh_line(line);
    touched = true;
  }
  if (touched) tile.refresh_block(block);
  report.clipped = totals.clipped - clipped_before;
  return report;
}

UpdateReport train_block(Tile& tile, Index block, const Trains& trains, Index first_line, Index first_output, const DevicePreset& device,
                         const PulsePlan& plan, std::uint32_t seed, const Place& place, PulseTotals& totals, const TileWrite& beside) {
  const RandomKey cycle(seed, Purpose::cycle_noise, tile.id);
  const RandomKey write(seed, Purpose::write_noise, tile.id);
  const PulseNoise noise(device);
  const std::int64_t clipped_before = totals.clipped;
  const auto window_sum = static_cast<float>(device.G_min + device.G_max);
  Scratch scratch(tile.outputs());
  UpdateReport report;
  const Index end = std::min((block + 1) * kLineBlock, tile.lines());
  bool touched = false;
  for (Index line = block * kLineBlock; line < end; ++line) {
    bool moved = false;
    for (Index s = 0; s < trains.lines.cols(); ++s) {
      const std::uint32_t fires = trains.lines(first_line + line, s);
      if (fires == 0) continue;
      const Planned planned =
          count_coincidences(fires, trains.line_sign(first_line + line, s), tile.outputs(), &trains.outputs(first_output, s),
                             &trains.output_sign(first_output, s), scratch.direction.data(), scratch.count.data());
      if (planned.written == 0) continue;
      report.written += planned.written;
      report.pulses += planned.pulses;
      choose_devices(plan, tile, line, window_sum, scratch);
      Place own = place;
      own.sample = 1 + static_cast<std::uint32_t>(s);
      std::visit(
          [&](const auto& law) { pulse_weights(pulse_form(law), tile, line, planned, noise, cycle, write, own, beside, scratch, totals); },
          device.law);
      moved = true;
    }
    if (moved) tile.refresh_line(line);
    touched |= moved;
  }
  if (touched) tile.refresh_block(block);
  report.clipped = totals.clipped - clipped_before;
  return report;
}

}  // namespace eqprop
