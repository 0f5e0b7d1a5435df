#include "eqprop/model/tiki_taka.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "crossbar/option_check.h"

namespace eqprop {
namespace {

ArrayOptions fast_options(const Array& slow) {
  ArrayOptions options = slow.options();
  options.plan.mode = PulseMode::coincidence;
  options.copy = 1;
  options.weight_max = slow.weight_max();
  options.fault_map = {};                 // it is the map of the array that settles
  options.wires.model = WireModel::none;  // lines are read one at a time
  options.adc_forward.range = slow.weight_max() / 8;
  return options;
}

}  // namespace

void TikiTakaOptions::validate() const {
  check_option("crossbar.fast_gain", fast_gain, 1e-9, 1e9);
  check_option("crossbar.transfer_rate", transfer_rate, 1e-9, 1e9);
  check_option("crossbar.transfer_lines", transfer_lines, 1, 1e6);
  check_option("crossbar.transfer_every", transfer_every, 1, 1e6);
}

TikiTaka::TikiTaka(const TikiTakaOptions& options, const Array& slow, Run& run)
    : options_(options), fast_(fast_options(slow), slow.layer(), Eigen::MatrixXf::Zero(slow.outputs(), slow.inputs() + 1), run) {
  options_.validate();
  sound_ = fast_.sound_pairs();
}

void TikiTaka::update(std::span<OuterProduct> products, Array& slow, const Place& place, Run& run) {
  for (OuterProduct& product : products) product.rate *= options_.fast_gain;
  fast_.update_trains(products, place, run);
  if (++updates_ % options_.transfer_every == 0) transfer(slow, place, run);
}

void TikiTaka::transfer(Array& slow, const Place& place, Run& run) {
  const int lines = slow.inputs() + 1;
  std::vector<int> due(static_cast<std::size_t>(std::min(options_.transfer_lines, lines)));
  for (int& line : due) {
    line = next_line_;
    next_line_ = (next_line_ + 1) % lines;
  }
  Place where = place;
  where.phase = kPhaseUpdate;
  fast_.begin_phase(where, run.threads);
  Eigen::MatrixXf held(slow.outputs(), static_cast<Eigen::Index>(due.size()));
  fast_.read_lines(due, held, where, run);
  wanted_.setZero(slow.outputs(), lines);
  for (std::size_t k = 0; k < due.size(); ++k)
    wanted_.col(due[k]) =
        static_cast<float>(options_.transfer_rate) * held.col(static_cast<Eigen::Index>(k)).cwiseProduct(sound_.col(due[k]));
  slow.update(wanted_, place, run);
}

void TikiTaka::calibrate(double margin) {
  sound_ = fast_.sound_pairs();
  const double largest = fast_.weights().cwiseProduct(sound_).cwiseAbs().maxCoeff();
  fast_.set_adc_range(Direction::forward, std::max(margin * largest, 8 * fast_.weight_step()));
}

void TikiTaka::save(ByteWriter& out) const {
  fast_.save(out);
  out.put(updates_);
  out.put<std::int32_t>(next_line_);
  for (Eigen::Index i = 0; i < sound_.size(); ++i) out.put<std::uint8_t>(sound_(i) > 0 ? 1 : 0);
}

void TikiTaka::restore(ByteReader& in) {
  fast_.restore(in);
  updates_ = in.get<std::int64_t>();
  next_line_ = in.get<std::int32_t>();
  sound_ = Eigen::MatrixXf(fast_.outputs(), fast_.inputs() + 1);
  for (Eigen::Index i = 0; i < sound_.size(); ++i) sound_(i) = in.get<std::uint8_t>() != 0 ? 1.0f : 0.0f;
  if (updates_ < 0 || next_line_ < 0 || next_line_ > fast_.inputs())
    throw InputError(Code::damaged, {}, "the stored state of Tiki-Taka is out of range",
                     "the file is damaged: start from another checkpoint");
}

}  // namespace eqprop
