// Programming an array: pulses on all tiles in parallel, their joules, and what time does to the devices.
#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"
#include "base/parallel.h"
#include "crossbar/array.h"
#include "crossbar/write_drop.h"

namespace eqprop {

namespace {

/// How often each line or output fired in all trains.
Eigen::VectorXd fired(const Trains::Masks& masks) {
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(masks.rows());
  for (Eigen::Index s = 0; s < masks.cols(); ++s)
    for (Eigen::Index i = 0; i < masks.rows(); ++i) sum[i] += std::popcount(masks(i, s));
  return sum;
}

}  // namespace

template <class Body>
void Array::program(Body body, HalfOrder order, const Place& place, Run& run, const Trains* trains) {
  const WriteScheme& scheme = options_.scheme;
  const Lives lives(options_.device, seed_);
  for (auto& item : items_) item.totals = {};
  parallel_for(items_.size(), run.threads, [&](std::size_t i) {
    const std::size_t t = items_[i].tile;
    const WriteDrop drop{static_cast<float>(scheme.segment_ohm), static_cast<float>(scheme.driver_ohm), tiles_[t].lines(), &strength_};
    TileWrite write{.tally = scheme.disturbs() ? &tallies_[t] : nullptr,
                    .drop = scheme.drops() ? &drop : nullptr,
                    .lives = options_.wear_out ? &lives : nullptr};
    if (write.tally) write.tally->clear(items_[i].block);
    body(i, t, items_[i].block, write, items_[i].totals);
  });

  PulseTotals sum;
  for (const auto& item : items_) sum += item.totals;
  const double half_joule = scheme.disturbs() ? disturb(order, place, trains, run.threads) : 0;
  if (sum.set + sum.reset > 0 || half_joule > 0) {
    for (auto& tile : tiles_) tile.refresh();
    in_phase_ = false;
    retire_devices(run.threads);
    refresh_wires(run.threads);
  }
  if (!run.ledger) return;
  book_pulses(sum, place.phase, *run.ledger);
  const std::int64_t pulses = sum.set + sum.reset;
  if (trains) return book_trains(*trains, half_joule, *run.ledger);
  run.ledger->add(layer_, place.phase, Event::write_circuit, pulses);
  // a pulse selects one line and one column
  if (scheme.disturbs()) run.ledger->add_joule(layer_, place.phase, Event::half_select, 2 * pulses, half_joule);
}

double Array::disturb(HalfOrder order, const Place& place, const Trains* trains, int threads) {
  parallel_for(tallies_.size(), threads, [&](std::size_t t) { tallies_[t].sum(); });
  std::vector<Firings> firings(trains ? tiles_.size() : 0);
  if (trains) {
    const Eigen::VectorXd lines = fired(trains->lines), outputs = fired(trains->outputs);
    for (std::size_t t = 0; t < tiles_.size(); ++t) {
      const int r = static_cast<int>(t) / column_tiles_, c = static_cast<int>(t) % column_tiles_;
      firings[t].lines = lines.segment(line_cut(r), tiles_[t].lines()).array();
      firings[t].outputs = outputs.segment(column_cut(c), tiles_[t].outputs()).array();
      firings[t].slots = static_cast<double>(trains->slots);
    }
  }
  parallel_for(items_.size(), threads, [&](std::size_t i) {
    const std::size_t t = items_[i].tile;
    const bool still = !trains && tallies_[t].pulses(true) + tallies_[t].pulses(false) == 0;
    items_[i].half_joule = still ? 0
                                 : disturb_block(tiles_[t], items_[i].block, tallies_[t], order, trains ? &firings[t] : nullptr,
                                                 options_.device, strength_, seed_, place);
  });
  double joule = 0;
  for (const auto& item : items_) joule += item.half_joule;
  return joule;
}

void Array::book_pulses(const PulseTotals& sum, PhaseId phase, Ledger& ledger) const {
  const auto& d = options_.device;
  const double set = d.set_volt * d.set_volt * d.pulse_second, reset = d.reset_volt * d.reset_volt * d.pulse_second;  // [V^2 s]
  ledger.add_joule(layer_, phase, Event::pulse_set, sum.set, set * sum.set_siemens);
  ledger.add_joule(layer_, phase, Event::pulse_reset, sum.reset, reset * sum.reset_siemens);
  if (!options_.scheme.drops()) return;
  const std::int64_t pulses = sum.set + sum.reset;
  ledger.add_joule(layer_, phase, Event::wire_loss, pulses, set * sum.set_loss.wire + reset * sum.reset_loss.wire);
  ledger.add_joule(layer_, phase, Event::driver_loss, pulses, set * sum.set_loss.driver + reset * sum.reset_loss.driver);
}

Eigen::MatrixXf Array::sound_pairs() const {
  Eigen::MatrixXf sound(outputs_, inputs_ + 1);
  for (std::size_t t = 0; t < tiles_.size(); ++t)
    if (has_reference())
      part(sound, t) =
          (tiles_[t].plus.up.array() > 0 && tiles_[t].minus.up.array().replicate(tiles_[t].outputs(), 1) > 0).cast<float>().matrix();
    else
      part(sound, t) = (tiles_[t].plus.up.array() > 0 && tiles_[t].minus.up.array() > 0).cast<float>().matrix();
  return sound;
}

void Array::retire_devices(int threads) {
  if (!options_.wear_out) return;
  const Lives lives(options_.device, seed_);
  parallel_for(items_.size(), threads, [&](std::size_t i) { lives.end(tiles_[items_[i].tile], items_[i].block); });
  faults_.faulty = 0;
  for (const auto& tile : tiles_) faults_.faulty += count_faulty(tile);
}

void Array::check_trainable() const {
  if (options_.device.kind == DeviceKind::verify_only)
    throw InputError(Code::device, {},
                     "device " + options_.device.name + " has no pulse law (verify_only): it can be written and read, not trained",
                     "choose a device of kind pulse");
}

UpdateReport Array::book_update(Run& run) {
  UpdateReport sum;
  for (const auto& item : items_) sum += item.update;
  update_totals_ += sum;
  if (run.ledger && options_.plan.mode == PulseMode::accumulate) run.ledger->add(layer_, kPhaseUpdate, Event::accumulator, sum.wanted);
  return sum;
}

UpdateReport Array::update(const In& wanted, const Place& place, Run& run) {
  check_trainable();
  check(wanted.rows() == outputs_ && wanted.cols() == inputs_ + 1, "a wanted change is outputs x (inputs + 1)");
  Place where = place;
  where.phase = kPhaseUpdate;
  program(
      [&](std::size_t item, std::size_t t, Eigen::Index block, const TileWrite& write, PulseTotals& totals) {
        items_[item].update =
            update_block(tiles_[t], block, part(wanted, t), options_.device, options_.plan, weight_step(), seed_, where, totals, write);
      },
      HalfOrder::beside, where, run);
  return book_update(run);
}

UpdateReport Array::update_trains(std::span<const OuterProduct> products, const Place& place, Run& run) {
  check_trainable();
  for (const OuterProduct& product : products)
    check(product.outputs.rows() == outputs_ && product.lines.rows() == inputs_ + 1, "an outer product is outputs x (inputs + 1)");
  Place where = place;
  where.phase = kPhaseUpdate;
  const std::uint32_t first_tile = 2 * tiles_.front().id;
  const Trains trains = draw_trains(products, weight_step(), options_.plan.train_length, RandomKey(seed_, Purpose::pulse_train, first_tile),
                                    RandomKey(seed_, Purpose::pulse_train, first_tile + 1), where);
  program(
      [&](std::size_t item, std::size_t t, Eigen::Index block, const TileWrite& write, PulseTotals& totals) {
        const int r = static_cast<int>(t) / column_tiles_, c = static_cast<int>(t) % column_tiles_;
        items_[item].update =
            train_block(tiles_[t], block, trains, line_cut(r), column_cut(c), options_.device, options_.plan, seed_, where, totals, write);
      },
      HalfOrder::beside, where, run, &trains);
  UpdateReport sum = book_update(run);
  sum.wanted = trains.wanted;
  sum.capped = trains.cut;
  update_totals_.wanted += trains.wanted;
  update_totals_.capped += trains.cut;
  return sum;
}

// every firing of a line or a column of a tile has a driver of its own. Gated cells are charged as in the source of the trains, half the voltage
// on all cells of that line or column; other schemes by what the cells saw
void Array::book_trains(const Trains& trains, double half_joule, Ledger& ledger) const {
  const Eigen::VectorXd lines = fired(trains.lines), outputs = fired(trains.outputs);
  double siemens = 0;
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    const int r = static_cast<int>(t) / column_tiles_, c = static_cast<int>(t) % column_tiles_;
    siemens += lines.segment(line_cut(r), tiles_[t].lines()).dot(tiles_[t].line_sum) +
               outputs.segment(column_cut(c), tiles_[t].outputs()).dot(tiles_[t].column_sum);
  }
  const auto& d = options_.device;
  const double half_square = (d.set_volt * d.set_volt + d.reset_volt * d.reset_volt) / 8;  // [V^2] mean of both polarities' (V / 2)^2
  const auto circuits = static_cast<std::int64_t>(lines.sum() * column_tiles_ + outputs.sum() * line_tiles_);
  ledger.add_joule(layer_, kPhaseUpdate, Event::half_select, circuits,
                   options_.scheme.disturbs() ? half_joule : half_square * d.pulse_second * siemens);
  ledger.add(layer_, kPhaseUpdate, Event::write_circuit, circuits);
  ledger.add(layer_, kPhaseUpdate, Event::random_number, trains.slots * (inputs_ + 1 + outputs_));
}

WriteReport Array::write_verify(const In& target, const WriteVerify& how, PhaseId phase, const Place& place, Run& run) {
  how.validate();
  check(target.rows() == outputs_ && target.cols() == inputs_ + 1, "target weights are outputs x (inputs + 1)");
  Place where = place;
  where.phase = phase;
  const double window = options_.device.window();
  const VerifyNoise noise{static_cast<float>(options_.read_noise.white * window), static_cast<float>(options_.read_noise.proportional)};
  std::vector<WriteReport> reports(items_.size());
  WriteReport sum;
  for (int pass = 0; pass < how.passes; ++pass) {
    where.sample = place.sample + static_cast<std::uint32_t>(pass);
    program(
        [&](std::size_t item, std::size_t t, Eigen::Index block, const TileWrite& write, PulseTotals& totals) {
          reports[item] = write_block(tiles_[t], block, part(target, t), scale_, options_.device, how, noise, seed_, where, totals, write);
        },
        HalfOrder::after, where, run);
    WriteReport last;
    for (const auto& report : reports) last += report;
    if (pass > 0) last.stuck = std::min(last.stuck, sum.stuck);  // what the pass before moved may have no room left
    last.pulses += sum.pulses;
    last.verify_reads += sum.verify_reads;
    last.clipped_pulses += sum.clipped_pulses;
    last.read_siemens += sum.read_siemens;
    sum = last;
  }
  if (!run.ledger) return sum;
  // the cell's own energy is a cell_read, one device at a time; verify_read stands for the converters around it
  const double volt = options_.read_volt;
  run.ledger->add(layer_, phase, Event::verify_read, sum.verify_reads);
  run.ledger->add_power(layer_, phase, Event::cell_read, sum.verify_reads, volt * volt * sum.read_siemens, options_.read_second);
  return sum;
}

void Array::begin_phase(const Place& place, int threads) const {
  if (fluctuations_.empty()) return;
  constexpr double kMostSlots = 1e18;
  const std::int64_t slot = slot_of(place) + std::llround(std::min(waited_ / options_.slow_noise.slot_second(), kMostSlots));
  parallel_for(items_.size(), threads, [&](std::size_t i) {
    const std::size_t t = items_[i].tile;
    fluctuations_[t].at(tiles_[t], slot, items_[i].block, frames_[t]);
  });
  parallel_for(wires_.size(), threads, [&](std::size_t t) {
    const Eigen::MatrixXf change = frames_[t] - tiles_[t].difference;
    wires_[t].shifted(Direction::forward, change, wired_frames_[0][t]);
    wires_[t].shifted(Direction::backward, change, wired_frames_[1][t]);
  });
  in_phase_ = true;
}

void Array::age(double to, int threads) {
  if (!ages_.empty()) {
    parallel_for(items_.size(), threads,
                 [&](std::size_t i) { ages_[items_[i].tile].pass(tiles_[items_[i].tile], items_[i].block, aged_, to); });
    for (auto& tile : tiles_) tile.refresh();
    in_phase_ = false;
    refresh_wires(threads);
  }
  aged_ = to;
}

void Array::pass_time(double second, int threads) {
  trained_ = std::max(trained_, second);
  if (clock() > aged_ && clock() - aged_ >= Aging::tick(options_.device.drift)) age(clock(), threads);
}

void Array::wait(double second, int threads) {
  check(second >= 0, "time does not go back");
  if (clock() > aged_) age(clock(), threads);  // pulses of the last moments came before the wait
  waited_ += second;
  age(clock(), threads);
  in_phase_ = false;
}

}  // namespace eqprop
