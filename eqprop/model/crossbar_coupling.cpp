#include "eqprop/model/crossbar_coupling.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace eqprop {
namespace {

double range_of(const Layer& layer, double linear_range) {
  const Bounds bounds = activation_bounds(layer);
  return std::isfinite(bounds.high) ? std::max(std::abs(bounds.low), bounds.high) : linear_range;
}

ArrayOptions array_options(const CrossbarOptions& options, const std::vector<Layer>& layers, std::size_t index) {
  ArrayOptions array = options.array;
  // one DAC design serves both directions; the input's features lie in [0, 1], a read-out's error in [-1, 1]
  array.dac.range = 1;
  array.dac.unipolar = index + 1 < layers.size() && !options.bipolar;
  const auto serve = [&](const Layer& layer) {
    array.dac.range = std::max(array.dac.range, range_of(layer, options.linear_range));
    array.dac.unipolar &= activation_bounds(layer).low >= 0;
  };
  if (index > 0) serve(layers[index]);
  if (index + 1 < layers.size()) serve(layers[index + 1]);
  return array;
}

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

void CrossbarOptions::validate() const {
  const auto fail = [](const std::string& message) { throw InputError(Code::out_of_range, {}, message); };
  array.validate();
  if (!(adc_margin >= 1 && adc_margin <= 100))
    fail("crossbar.adc_margin = " + std::to_string(adc_margin) + ": expected a number in [1, 100]");
  for (const double range : {adc_range_forward, adc_range_backward})
    if (!(range >= 0 && range < 1e6))
      fail("crossbar.adc_range = " + std::to_string(range) + ": expected 0 (calibrated) or a positive number");
  if (!(analog_second > 0 && analog_second < 1)) fail("crossbar.analog_time must lie between 0 and 1 s");
  if (!(linear_range >= 1 && linear_range <= 1000))
    fail("crossbar.linear_range = " + std::to_string(linear_range) + ": expected a number in [1, 1000]");
}

template <class T>
CrossbarCoupling<T>::CrossbarCoupling(const CrossbarOptions& options, const std::vector<Layer>& layers, int index, const In<T>& weights,
                                      Run& run)
    : options_(options),
      post_layer_(static_cast<std::size_t>(index) + 1 < layers.size() ? layers[static_cast<std::size_t>(index) + 1]
                                                                      : Layer{weights.rows(), Activation::linear, 0}),
      array_(array_options(options, layers, static_cast<std::size_t>(index)), index, weights.template cast<float>(), run) {
  // until states are known: a sum of independent weights at full drive
  const auto guess = [&](Index lines) { return array_.weight_max() * std::sqrt(static_cast<double>(lines)) / 2; };
  array_.set_adc_range(Direction::forward, options.adc_range_forward > 0 ? options.adc_range_forward : guess(inputs() + 1));
  array_.set_adc_range(Direction::backward, options.adc_range_backward > 0 ? options.adc_range_backward : guess(outputs()));
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
  ledger.add(array_.layer(), place.phase, Event::buffer_bit, driven * array.dac.bits + read * adc_bits);
  ledger.add(array_.layer(), place.phase, Event::digital_add, read);
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
void CrossbarCoupling<T>::forward(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const {
  thread_local Buffer<float> kept;
  const Array::In in = in_float(pre, kept);
  add_read<T>(field, [&](Array::Out out) {
    if (options_.loop == Loop::analog)
      array_.forward_ideal(in, out);
    else
      array_.forward(in, out, place.samples, place.place, run);
  });
  if (options_.loop == Loop::digital) charge_digital(Direction::forward, pre.cols(), place.place, run);
}

template <class T>
void CrossbarCoupling<T>::backward(const In<T>& post, Out<T> field, const ReadPlace& place, Run& run) const {
  thread_local Buffer<float> kept;
  const Array::In in = in_float(post, kept);
  add_read<T>(field, [&](Array::Out out) {
    if (options_.loop == Loop::analog)
      array_.backward_ideal(in, out);
    else
      array_.backward(in, out, place.samples, place.place, run);
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
  array_.options().dac.convert(in);
  add_read<T>(field, [&](Array::Out out) { array_.forward_ideal(in, out); });
  if (run.ledger == nullptr) return;
  // every tile along the columns has lines of its own; the bias line stands at a fixed voltage: driven, not converted
  const auto& array = array_.options();
  const std::int64_t drives = (outputs() + array.max_cols - 1) / array.max_cols * pre.cols();
  if (array.dac.bits > 0) run.ledger->add(array_.layer(), place.place.phase, Event::dac_set, inputs() * drives);
  run.ledger->add(array_.layer(), place.place.phase, Event::line_drive, (inputs() + 1) * drives);
}

template <class T>
void CrossbarCoupling<T>::update(const WantedChange<T>& change, const Place& place, Run& run) {
  wanted_.resize(outputs(), inputs() + 1);
  const auto total = static_cast<std::size_t>(outputs());
  parallel_for((total + kUpdateRows - 1) / kUpdateRows, run.threads, [&](std::size_t i) {
    const Range rows{i * kUpdateRows, std::min(total, (i + 1) * kUpdateRows)};
    thread_local Buffer<T> kept;
    Block<T> block = kept.shape(static_cast<Index>(rows.size()), inputs() + 1);
    change.rows(rows, block);
    wanted_.middleRows(static_cast<Index>(rows.begin), block.rows()) = block.template cast<float>();
  });
  array_.update(wanted_, place, run);
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
  return array_.read_floor(direction, drive_rms_[direction == Direction::forward ? 0 : 1]);
}

template <class T>
double CrossbarCoupling<T>::read_second() const {
  return options_.loop == Loop::digital ? array_.options().read_second : 0;
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
      double watt = array_.cell_power(Direction::forward, driven(pre.col(s)));
      if (array_.layer() > 0) watt += array_.cell_power(Direction::backward, driven(post.col(s)));
      run.ledger->add_power(array_.layer(), phase, Event::cell_read, 1, watt, second);
      run.ledger->add(array_.layer(), phase, Event::neuron, outputs() * std::llround(second / options_.analog_second));
    }
    if (array_.options().adc_forward.bits > 0) run.ledger->add(array_.layer(), phase, Event::adc, post.size());
    run.ledger->add(array_.layer(), phase, Event::buffer_bit, post.size() * array_.options().adc_forward.bits);
  }
  Converter measure = array_.options().adc_forward;
  measure.range = range_of(post_layer_, options_.linear_range);
  measure.unipolar = activation_bounds(post_layer_).low >= 0 && !options_.bipolar;
  thread_local Buffer<float> measured;
  Block<float> states = measured.shape(post.rows(), post.cols());
  states = post.template cast<float>();
  measure.convert(states);
  post = states.template cast<T>();
}

template <class T>
void CrossbarCoupling<T>::calibrate(const In<T>& pre, const In<T>& post) {
  const auto set = [&](Direction direction, const In<T>& drive, double fixed) {
    const Eigen::MatrixXf in = drive.template cast<float>();
    drive_rms_[direction == Direction::forward ? 0 : 1] = std::sqrt(static_cast<double>(in.squaredNorm()) / static_cast<double>(in.size()));
    const double largest = array_.partial_sums(direction, in).max;
    if (fixed == 0 && largest > 0) array_.set_adc_range(direction, options_.adc_margin * largest);
  };
  set(Direction::forward, pre, options_.adc_range_forward);
  set(Direction::backward, post, options_.adc_range_backward);
}

template <class T>
Wear CrossbarCoupling<T>::wear() const {
  const UpdateReport& updates = array_.update_totals();
  return {array_.devices(), array_.pulses(), array_.pulses_max(), updates.clipped, updates.capped};
}

template <class T>
void CrossbarCoupling<T>::save(ByteWriter& out) const {
  array_.save(out);
  for (const double rms : drive_rms_) out.put(rms);
}

template <class T>
void CrossbarCoupling<T>::restore(ByteReader& in) {
  array_.restore(in);
  for (double& rms : drive_rms_) rms = in.get<double>();
}

template class CrossbarCoupling<float>;
template class CrossbarCoupling<double>;

}  // namespace eqprop
