#include "eqprop/model/slices.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "crossbar/option_check.h"

namespace eqprop {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

double base(const SliceOptions& options) { return std::ldexp(1.0, options.bits); }

/// Nearest multiples of a digit's step; of no step the weights themselves.
Eigen::MatrixXf rounded(const Eigen::MatrixXf& w, double step) {
  if (!(step > 0)) return w;
  const auto d = static_cast<float>(step);
  return (w.array() / d).round() * d;
}

double digit_step(const SliceOptions& options, const Eigen::MatrixXf& weights) {
  return 2 * double{weights.cwiseAbs().maxCoeff()} / base(options);
}

/// A write ends on the side that it came from: with the tolerance of a first write a part of every carry would stay, always of one sign.
WriteVerify write_back(const ArrayOptions& array) {
  const double near = array.device.nominal_step() * std::max(0.6, 2 * array.device.write_noise);
  return {.tolerance = std::min(array.write.tolerance, near), .max_pulses = array.write.max_pulses, .passes = array.write.passes};
}

ArrayOptions options_of_slice(const SliceOptions& slices, const PulsePlan& plan, const Array& first, int k) {
  ArrayOptions options = first.options();
  options.copy = k;
  options.weight_max = first.weight_max();
  options.fault_map = {};  // it is the map of the first slice
  if (k + 1 < slices.slices) return options;
  options.plan = plan;
  options.plan.sign_threshold *= std::pow(base(slices), slices.slices - 1);
  return options;
}

}  // namespace

void SliceOptions::validate() const {
  check_option("crossbar.slices", slices, 1, 4);
  check_option("crossbar.slice_bits", bits, 1, 8);
  check_option("crossbar.carry_every", carry_every, 1, 1e6);
  check_option("crossbar.carry_band", carry_band, 0.01, 1);
}

ArrayOptions Slices::first_options(const SliceOptions& options, ArrayOptions array, const Eigen::MatrixXf& weights) {
  if (!options.any()) return array;
  if (array.weight_max == 0) array.weight_max = array.weight_headroom * double{weights.cwiseAbs().maxCoeff()};
  // pulses of a carry are counted; what training writes goes to the last slice
  array.plan.mode = PulseMode::count;
  array.plan.max_pulses = 4096;
  array.plan.least_pulses = 1;
  return array;
}

Eigen::MatrixXf Slices::first_digits(const SliceOptions& options, const Eigen::MatrixXf& weights) {
  return options.any() ? rounded(weights, digit_step(options, weights)) : weights;
}

Slices::Slices(const SliceOptions& options, const PulsePlan& plan, const Array& first, const Eigen::MatrixXf& weights, Run& run)
    : options_(options) {
  options_.validate();
  const double step = digit_step(options_, weights);
  below_.reserve(static_cast<std::size_t>(options_.slices - 1));  // arrays are not moved
  Eigen::MatrixXf rest = weights, digits = first_digits(options_, weights);
  for (int k = 1; k < options_.slices; ++k) {
    const Array& above = k == 1 ? first : below_.back();
    if (options_.correct) digits = above.verify_read(Eigen::MatrixXf::Zero(weights.rows(), weights.cols()), kPhaseInitialWrite, {}, run);
    rest = static_cast<float>(base(options_)) * (rest - digits);
    digits = k + 1 < options_.slices ? rounded(rest, step) : rest;
    below_.emplace_back(options_of_slice(options_, plan, first, k), first.layer(), digits, run);
  }
}

double Slices::share(int k) const { return std::pow(base(options_), -k); }

Eigen::MatrixXf Slices::weights(const Array& first) const {
  Eigen::MatrixXf sum = first.weights();
  for (int k = 1; k < options_.slices; ++k) sum += static_cast<float>(share(k)) * below_[static_cast<std::size_t>(k - 1)].weights();
  return sum;
}

void Slices::update(const Eigen::MatrixXf& wanted, Array& first, const Place& place, Run& run) {
  scaled_ = static_cast<float>(1 / share(options_.slices - 1)) * wanted;
  below_.back().update(scaled_, place, run);
  end_update(first, place, run);
}

void Slices::update_trains(std::span<OuterProduct> products, Array& first, const Place& place, Run& run) {
  for (OuterProduct& product : products) product.rate /= share(options_.slices - 1);
  below_.back().update_trains(products, place, run);
  end_update(first, place, run);
}

void Slices::end_update(Array& first, const Place& place, Run& run) {
  if (++updates_ % options_.carry_every == 0) carry(first, place, run);
}

void Slices::carry(Array& first, const Place& place, Run& run) {
  ++carried_.carries;
  for (std::size_t k = below_.size(); k > 0; --k) carry_slice(k == 1 ? first : below_[k - 2], below_[k - 1], place, run);
}

void Slices::carry_slice(Array& above, Array& slice, const Place& place, Run& run) {
  const auto read = [&](const Array& array, const Eigen::MatrixXf& chosen, std::uint32_t number) {
    Place where = place;
    where.sweep = number;
    where.sample = place.sweep;  // the update of its step
    return array.verify_read(chosen, kPhaseUpdate, where, run);
  };
  const Eigen::Index outputs = slice.outputs(), lines = slice.inputs() + 1;
  const Eigen::MatrixXf held = read(slice, Eigen::MatrixXf::Zero(outputs, lines), 0);
  // the control knows which devices do not answer: what they hold stays
  const Eigen::MatrixXf sound = slice.sound_pairs().cwiseProduct(above.sound_pairs());
  const auto limit = static_cast<float>(options_.carry_band * slice.weight_max());
  const auto up = static_cast<float>(base(options_)), step = static_cast<float>(above.weight_step());
  Eigen::MatrixXf wanted = Eigen::MatrixXf::Zero(outputs, lines), chosen = Eigen::MatrixXf::Constant(outputs, lines, kNone);
  std::int64_t moved = 0;
  for (Eigen::Index i = 0; i < held.size(); ++i) {
    if (sound(i) == 0 || !(std::abs(held(i)) > limit)) continue;
    const float pulses = std::round(held(i) / (up * step));
    if (pulses == 0) continue;
    wanted(i) = pulses * step;
    chosen(i) = 0;
    ++moved;
  }
  if (moved == 0) return;
  carried_.moved += moved;
  const Eigen::MatrixXf before = options_.correct ? read(above, chosen, 1) : chosen;
  carried_.pulses += above.update(wanted, place, run).pulses;
  const Eigen::MatrixXf gone = options_.correct ? Eigen::MatrixXf(read(above, chosen, 2) - before) : wanted;
  Place back = place;
  back.sample = place.sweep << 8;  // and a pass of its own for each of the next
  // where nothing is chosen the target is NaN
  slice.write_verify(held - up * gone + chosen, write_back(slice.options()), kPhaseUpdate, back, run);
}

void Slices::save(ByteWriter& out) const {
  for (const Array& array : below_) array.save(out);
  out.put(updates_);
  for (const std::int64_t count : {carried_.carries, carried_.moved, carried_.pulses}) out.put(count);
}

void Slices::restore(ByteReader& in) {
  for (Array& array : below_) array.restore(in);
  updates_ = in.get<std::int64_t>();
  for (std::int64_t* count : {&carried_.carries, &carried_.moved, &carried_.pulses}) *count = in.get<std::int64_t>();
  if (std::min({updates_, carried_.carries, carried_.moved, carried_.pulses}) < 0)
    throw InputError(Code::damaged, {}, "the stored state of the slices is out of range",
                     "the file is damaged: start from another checkpoint");
}

}  // namespace eqprop
