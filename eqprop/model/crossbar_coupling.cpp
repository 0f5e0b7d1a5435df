#include "eqprop/model/crossbar_coupling.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace eqprop {
namespace {

// numbers of the engine as the array takes them: themselves, or a copy in a buffer
Array::In in_float(const In<float>& m, Buffer<float>&) { return m; }
Array::In in_float(const In<double>& m, Buffer<float>& kept) { return kept.shape(m.rows(), m.cols()) = m.cast<float>(); }

// field += what read(out) adds to a block of zeros; buffers are the thread's
template <class T, class Read>
void add_read(Out<T> field, Read read) {
  thread_local Buffer<float> kept;
  Block<float> out = kept.shape(field.rows(), field.cols());
  out.setZero();
  read(out);
  field += out.template cast<T>();
}

}  // namespace

template <class T>
CrossbarCoupling<T>::CrossbarCoupling(const CrossbarOptions& options, const std::vector<Layer>& layers, int index, const In<T>& weights,
                                      Run& run)
    : options_(options),
      post_layer_(static_cast<std::size_t>(index) + 1 < layers.size() ? layers[static_cast<std::size_t>(index) + 1]
                                                                      : Layer{weights.rows(), Activation::linear, 0}),
      array_(array_options(options, layers, static_cast<std::size_t>(index), weights.template cast<float>()), index,
             Slices::first_digits(options.slices, weights.template cast<float>()), run) {
  if (options.slices.any() && index >= 64)
    throw InputError(Code::conflict, {},
                     "crossbar.slices with more than 64 couplings: slices of higher ones have no random numbers of their own",
                     "set slices = 1, or fewer layers");
  if (options.slices.any())
    slices_ = std::make_unique<Slices>(options.slices, options.array.plan, array_, weights.template cast<float>(), run);
  // until states are known: a sum of independent weights at full drive
  const auto guess = [&](Index lines) { return array_.weight_max() * std::sqrt(static_cast<double>(lines)) / 2; };
  const auto guess_ranges = [&](Array& array) {
    array.set_adc_range(Direction::forward, options.adc_range_forward > 0 ? options.adc_range_forward : guess(inputs() + 1));
    array.set_adc_range(Direction::backward, options.adc_range_backward > 0 ? options.adc_range_backward : guess(outputs()));
  };
  guess_ranges(array_);
  for (Array& array : below()) guess_ranges(array);
  if (options.array.plan.mode == PulseMode::tiki_taka) tiki_taka_ = std::make_unique<TikiTaka>(options.tiki_taka, array_, run);
}

// what the digital loop spends around a read: codes moved, the sum into the field
template <class T>
void CrossbarCoupling<T>::charge_digital(Direction direction, Index columns, const Place& place, Run& run) const {
  if (run.ledger == nullptr) return;
  const bool forward = direction == Direction::forward;
  const std::int64_t driven = (forward ? inputs() : outputs()) * columns;
  const std::int64_t read = (forward ? outputs() : inputs()) * columns;
  const auto& array = array_.options();
  const int adc_bits = forward ? array.adc_forward.bits : array.adc_backward.bits;
  Ledger& ledger = *run.ledger;
  // a sum of shifted conversions is so many bits longer
  const auto more = static_cast<int>(below().size());
  const int grown = adc_bits > 0 ? array.converters.planes(array.dac) - 1 + more * options_.slices.bits : 0;
  ledger.add(array_.layer(), place.phase, Event::buffer_bit, driven * array.dac.bits + read * (adc_bits + grown));
  ledger.add(array_.layer(), place.phase, Event::digital_add, read * (1 + more));
}

template <class T>
void CrossbarCoupling<T>::count_update(Index units, Index samples, const Place& place, Run& run) const {
  if (run.ledger == nullptr || options_.loop == Loop::analog) return;
  run.ledger->add(array_.layer(), place.phase, Event::neuron, units * samples);
  run.ledger->add(array_.layer(), place.phase, Event::control, samples);
  run.ledger->add(array_.layer(), place.phase, Event::digital_add, units * samples);  // the change, for the stopping test
  // the clamped input's field is stored once per batch and fetched again in every sweep
  if (array_.layer() == 0) run.ledger->add(0, place.phase, Event::buffer_bit, units * samples * array_.options().adc_forward.bits);
}

template <class T>
void CrossbarCoupling<T>::analog_read(Direction direction, const Array::In& in, Array::Out out, const Place& place) const {
  if (place.phase < kPhaseEvaluate) array_.count_reads(in.cols());
  direction == Direction::forward ? array_.forward_ideal(in, out) : array_.backward_ideal(in, out);
}

// every slice reads the same drive by its own converters; the sum is digital
template <class T>
void CrossbarCoupling<T>::read_arrays(Direction direction, const Array::In& in, Array::Out out, const ReadPlace& place, Run& run) const {
  const auto read = [&](const Array& array, Array::Out into) {
    direction == Direction::forward ? array.forward(in, into, place.samples, place.place, run)
                                    : array.backward(in, into, place.samples, place.place, run);
  };
  read(array_, out);
  thread_local Buffer<float> kept;
  int k = 0;
  for (const Array& array : below()) {
    Block<float> part = kept.shape(out.rows(), out.cols());
    part.setZero();
    read(array, part);
    out += static_cast<float>(slices_->share(++k)) * part;
  }
}

template <class T>
Eigen::MatrixXf CrossbarCoupling<T>::seen_weights(Direction direction) const {
  Eigen::MatrixXf sum = array_.seen_weights(direction);
  int k = 0;
  for (const Array& array : below()) sum += static_cast<float>(slices_->share(++k)) * array.seen_weights(direction);
  return sum;
}

template <class T>
Vector<T> CrossbarCoupling<T>::bias_values() const {
  Eigen::VectorXf sum = array_.biases();
  int k = 0;
  for (const Array& array : below()) sum += static_cast<float>(slices_->share(++k)) * array.biases();
  return sum.template cast<T>();
}

template <class T>
void CrossbarCoupling<T>::expect_reads(std::int64_t samples, int threads) {
  array_.expect_reads(samples, threads);
  for (Array& array : below()) array.expect_reads(samples, threads);
}

template <class T>
WireUse CrossbarCoupling<T>::wire_use() const {
  WireUse sum = array_.wire_use();
  for (const Array& array : below()) sum += array.wire_use();
  return sum;
}

template <class T>
void CrossbarCoupling<T>::begin_phase(const Place& place, int threads) const {
  array_.begin_phase(place, threads);
  for (const Array& array : below()) array.begin_phase(place, threads);
}

template <class T>
void CrossbarCoupling<T>::forward(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const {
  thread_local Buffer<float> kept;
  const Array::In in = in_float(pre, kept);
  add_read<T>(field, [&](Array::Out out) {
    if (options_.loop == Loop::analog)
      analog_read(Direction::forward, in, out, place.place);
    else
      read_arrays(Direction::forward, in, out, place, run);
  });
  if (options_.loop == Loop::digital) charge_digital(Direction::forward, pre.cols(), place.place, run);
}

template <class T>
void CrossbarCoupling<T>::backward(const In<T>& post, Out<T> field, const ReadPlace& place, Run& run) const {
  thread_local Buffer<float> kept;
  const Array::In in = in_float(post, kept);
  add_read<T>(field, [&](Array::Out out) {
    if (options_.loop == Loop::analog)
      analog_read(Direction::backward, in, out, place.place);
    else
      read_arrays(Direction::backward, in, out, place, run);
  });
  if (options_.loop == Loop::digital) charge_digital(Direction::backward, post.cols(), place.place, run);
}

template <class T>
void CrossbarCoupling<T>::drive(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const {
  if (options_.loop == Loop::digital) {
    forward(pre, field, place, run);
    return;
  }
  thread_local Buffer<float> kept;
  Block<float> in = kept.shape(pre.rows(), pre.cols());
  in = pre.template cast<float>();
  array_.convert_drive(in);
  add_read<T>(field, [&](Array::Out out) { analog_read(Direction::forward, in, out, place.place); });
  if (run.ledger == nullptr) return;
  // every tile along the columns has lines of its own; the bias line stands at a fixed voltage: driven, not converted
  const auto& array = array_.options();
  const std::int64_t drives = (outputs() + array.max_cols - 1) / array.max_cols * pre.cols();
  if (array.dac.bits > 0) run.ledger->add(array_.layer(), place.place.phase, Event::dac_set, inputs() * drives);
  run.ledger->add(array_.layer(), place.place.phase, Event::line_drive, (inputs() + 1) * drives);
}

// Two phases of opposite weights are told apart by their sum and difference, since pulses of the product itself would mostly undo each other:
//   p q' - r s' = ((p - r) (q + s)' + (p + r) (q - s)') / 2
template <class T>
void CrossbarCoupling<T>::update_by_trains(const WantedChange<T>& change, const Place& place, Run& run) {
  const auto factors = change.factors();
  const Index samples = factors.front().pre.cols();
  const auto lines_of = [&](const Factor<T>& f) {
    Eigen::MatrixXf lines(inputs() + 1, samples);
    lines.topRows(inputs()) = f.pre.template cast<float>();
    lines.row(inputs()).setConstant(f.with_bias ? 1.0f : 0.0f);
    return lines;
  };
  products_.clear();
  const double rate = change.rate();
  if (factors.size() == 2 && factors[0].weight == -factors[1].weight && factors[0].with_bias == factors[1].with_bias) {
    const Eigen::MatrixXf p = lines_of(factors[0]), r = lines_of(factors[1]);
    const Eigen::MatrixXf q = factors[0].post.template cast<float>(), s = factors[1].post.template cast<float>();
    const double half = rate * static_cast<double>(factors[0].weight) / 2;
    products_.push_back({p + r, q - s, half});
    products_.push_back({p - r, q + s, half});
  } else {
    for (const Factor<T>& f : factors)
      products_.push_back({lines_of(f), f.post.template cast<float>(), rate * static_cast<double>(f.weight)});
  }
  if (tiki_taka_)
    tiki_taka_->update(products_, array_, place, run);
  else if (slices_)
    slices_->update_trains(products_, array_, place, run);
  else
    array_.update_trains(products_, place, run);
}

template <class T>
void CrossbarCoupling<T>::update(const WantedChange<T>& change, const Place& place, Run& run) {
  if (options_.array.plan.mode == PulseMode::coincidence || tiki_taka_) {
    update_by_trains(change, place, run);
    return;
  }
  wanted_.resize(outputs(), inputs() + 1);
  const auto total = static_cast<std::size_t>(outputs());
  parallel_for((total + kUpdateRows - 1) / kUpdateRows, run.threads, [&](std::size_t i) {
    const Range rows{i * kUpdateRows, std::min(total, (i + 1) * kUpdateRows)};
    thread_local Buffer<T> kept;
    Block<T> block = kept.shape(static_cast<Index>(rows.size()), inputs() + 1);
    change.rows(rows, block);
    wanted_.middleRows(static_cast<Index>(rows.begin), block.rows()) = block.template cast<float>();
  });
  slices_ ? slices_->update(wanted_, array_, place, run) : static_cast<void>(array_.update(wanted_, place, run));
  if (run.ledger == nullptr) return;
  // every product that is not zero is one read-modify-write of a digital accumulator
  std::int64_t products = 0;
  for (const auto& factor : change.factors())
    for (Index s = 0; s < factor.pre.cols(); ++s)
      products += static_cast<std::int64_t>((factor.pre.col(s).array() != T(0)).count() + 1) * (factor.post.col(s).array() != T(0)).count();
  // a velocity is a digital memory of its own, read and written for every weight
  if (change.has_velocity()) products += outputs() * (inputs() + 1);
  run.ledger->add(array_.layer(), kPhaseUpdate, Event::accumulator, products);
}

template <class T>
ReadFloor CrossbarCoupling<T>::floor(Direction direction) const {
  if (options_.loop == Loop::analog) return {};
  const double rms = drive_rms_[direction == Direction::forward ? 0 : 1];
  ReadFloor floor = array_.read_floor(direction, rms);
  int k = 0;
  for (const Array& array : below()) {
    const ReadFloor part = array.read_floor(direction, rms);
    const double share = slices_->share(++k);
    floor.noise_sd = std::hypot(floor.noise_sd, share * part.noise_sd);
    floor.adc_step = std::hypot(floor.adc_step, share * part.adc_step);
  }
  return floor;
}

template <class T>
double CrossbarCoupling<T>::read_second() const {
  if (options_.loop == Loop::analog) return 0;
  return std::max(array_.read_second(Direction::forward), array_.read_second(Direction::backward));
}

template <class T>
double CrossbarCoupling<T>::settle_second() const {
  return options_.loop == Loop::analog ? options_.analog_second : 0;
}

template <class T>
void CrossbarCoupling<T>::finish(const In<T>& pre, Out<T> post, std::span<const double> seconds, const ReadPlace& place, Run& run) const {
  if (options_.loop == Loop::digital) return;
  if (run.ledger != nullptr) {
    const PhaseId phase = place.place.phase;
    const auto rail = static_cast<float>(array_.options().dac.range);  // a driver saturates, whatever a unit's state
    thread_local Buffer<float> kept;
    const auto driven = [&](const auto& column) {
      return kept.shape(column.rows(), 1) = column.template cast<float>().cwiseMax(-rail).cwiseMin(rail);
    };
    for (Index s = 0; s < post.cols(); ++s) {
      const double second = seconds[static_cast<std::size_t>(s)];
      ReadHeat heat = array_.read_power(Direction::forward, driven(pre.col(s)));
      if (array_.layer() > 0) heat += array_.read_power(Direction::backward, driven(post.col(s)));
      array_.add_heat(phase, 1, heat, second, *run.ledger);
      run.ledger->add(array_.layer(), phase, Event::neuron, outputs() * std::llround(second / options_.analog_second));
    }
    array_.add_conversions(phase, array_.options().adc_forward, post.size(), *run.ledger);
    run.ledger->add(array_.layer(), phase, Event::buffer_bit, post.size() * array_.options().adc_forward.bits);
  }
  Converter measure = array_.options().adc_forward;
  measure.range = converter_range(post_layer_, options_.linear_range);
  measure.unipolar = activation_bounds(post_layer_).low >= 0 && !options_.bipolar;
  thread_local Buffer<float> measured;
  Block<float> states = measured.shape(post.rows(), post.cols());
  states = post.template cast<float>();
  array_.measure(measure, states);
  post = states.template cast<T>();
}

// what the range is a multiple of
template <class T>
double CrossbarCoupling<T>::typical_sum(const Array& array, Direction direction, const Eigen::MatrixXf& in) const {
  if (options_.adc_calibration == RangeRule::max) return array.partial_sums(direction, in).max;
  if (options_.adc_calibration == RangeRule::analytic) return options_.adc_sigmas * array.partial_sum_sd(direction, array.drive_rms(in));
  // where most sums are zero, as errors of a read-out can be, the largest stands in
  const PartialSums sums = array.partial_sums(direction, in, options_.adc_percentile);
  return sums.percentile > 0 ? sums.percentile : sums.max;
}

template <class T>
void CrossbarCoupling<T>::calibrate_array(Array& array, Direction direction, const Eigen::MatrixXf& in, double fixed) const {
  if (fixed > 0) return;
  const double typical = typical_sum(array, direction, in);
  if (typical > 0) array.set_adc_range(direction, options_.adc_margin * typical);
}

template <class T>
void CrossbarCoupling<T>::calibrate(const In<T>& pre, const In<T>& post) {
  const auto set = [&](Direction direction, const In<T>& drive, double fixed) {
    const Eigen::MatrixXf in = drive.template cast<float>();
    drive_rms_[direction == Direction::forward ? 0 : 1] = array_.noise_rms(direction, in);
    calibrate_array(array_, direction, in, fixed);
    for (Array& array : below()) calibrate_array(array, direction, in, fixed);
  };
  set(Direction::forward, pre, options_.adc_range_forward);
  set(Direction::backward, post, options_.adc_range_backward);
  if (tiki_taka_) tiki_taka_->calibrate(options_.adc_margin);
}

template <class T>
void CrossbarCoupling<T>::end_step(std::uint32_t step, int threads) {
  const double trained = (step + 1.0) * array_.options().slow_noise.step_second;
  array_.pass_time(trained, threads);
  for (Array& array : below()) array.pass_time(trained, threads);
  if (tiki_taka_) tiki_taka_->fast().pass_time(trained, threads);
}

template <class T>
FaultReport CrossbarCoupling<T>::faults() const {
  FaultReport sum = array_.faults();
  for (const Array& array : below()) sum += array.faults();
  if (tiki_taka_) sum += tiki_taka_->fast().faults();
  return sum;
}

template <class T>
bool CrossbarCoupling<T>::wait(double second, int threads) {
  array_.wait(second, threads);
  for (Array& array : below()) array.wait(second, threads);
  if (tiki_taka_) tiki_taka_->fast().wait(second, threads);
  return array_.ages();
}

template <class T>
Wear CrossbarCoupling<T>::wear() const {
  const auto of = [](const Array& array) -> Wear {
    const UpdateReport& updates = array.update_totals();
    return {array.devices(), array.pulses(), array.pulses_max(), updates.clipped, updates.capped};
  };
  Wear wear = of(array_);
  const auto add = [&](const Wear& other) {
    wear.devices += other.devices;
    wear.pulses += other.pulses;
    wear.pulses_per_device = std::max(wear.pulses_per_device, other.pulses_per_device);
    wear.clipped += other.clipped;
    wear.capped += other.capped;
  };
  if (tiki_taka_) add(of(tiki_taka_->fast()));
  for (const Array& array : below()) add(of(array));
  return wear;
}

template <class T>
void CrossbarCoupling<T>::save(ByteWriter& out) const {
  array_.save(out);
  if (tiki_taka_) tiki_taka_->save(out);
  if (slices_) slices_->save(out);
  for (const double rms : drive_rms_) out.put(rms);
}

template <class T>
void CrossbarCoupling<T>::restore(ByteReader& in) {
  array_.restore(in);
  if (tiki_taka_) tiki_taka_->restore(in);
  if (slices_) slices_->restore(in);
  for (double& rms : drive_rms_) rms = in.get<double>();
}

template class CrossbarCoupling<float>;
template class CrossbarCoupling<double>;

}  // namespace eqprop
