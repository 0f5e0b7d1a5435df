#include "eqprop/learn/rule.h"

#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "base/check.h"

namespace eqprop {
namespace {

struct Named {
  Schedule schedule;
  std::string_view name;
};
constexpr std::array<Named, 4> kNames{
    {{Schedule::constant, "constant"}, {Schedule::linear, "linear"}, {Schedule::exponential, "exponential"}, {Schedule::cosine, "cosine"}}};

[[noreturn]] void fail(const std::string& message, Code code = Code::out_of_range) { throw InputError(code, {}, message); }

}  // namespace

Schedule schedule_from_name(std::string_view name) {
  std::string known;
  for (const auto& entry : kNames) {
    if (entry.name == name) return entry.schedule;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  fail("unknown schedule '" + std::string(name) + "': expected one of " + known, Code::unknown_name);
}

std::string_view schedule_name(Schedule schedule) {
  for (const auto& entry : kNames)
    if (entry.schedule == schedule) return entry.name;
  return "";
}

void RuleOptions::validate(int couplings) const {
  if (rates.size() != static_cast<std::size_t>(couplings))
    fail("train.rates has " + std::to_string(rates.size()) + " numbers: expected " + std::to_string(couplings) + ", one per coupling",
         Code::conflict);
  for (const double rate : rates)
    if (!(rate >= 0) || !std::isfinite(rate)) fail("train.rates = " + std::to_string(rate) + ": expected finite numbers >= 0");
  if (!(momentum >= 0 && momentum < 1)) fail("train.momentum = " + std::to_string(momentum) + ": expected a number in [0, 1)");
  if (!(weight_decay >= 0) || !std::isfinite(weight_decay))
    fail("train.weight_decay = " + std::to_string(weight_decay) + ": expected a finite number >= 0");
  for (const double rate : rates)
    if (rate * weight_decay * kDecaySteps >= 1)
      fail("train.weight_decay = " + std::to_string(weight_decay) + " with a rate of " + std::to_string(rate) + ": " +
               std::to_string(kDecaySteps) + " steps would take the whole weight, expected rate * weight_decay below " +
               std::to_string(1.0 / kDecaySteps),
           Code::conflict);
  if (!(final_fraction >= 0 && final_fraction <= 1))
    fail("train.final_fraction = " + std::to_string(final_fraction) + ": expected a number in [0, 1]");
  if (schedule == Schedule::exponential && final_fraction == 0)
    fail("train.final_fraction = 0: an exponential schedule never reaches 0, expected (0, 1]", Code::conflict);
}

double schedule_factor(const RuleOptions& options, double progress) {
  const double end = options.final_fraction;
  switch (options.schedule) {
    case Schedule::constant:
      return 1;
    case Schedule::linear:
      return 1 + (end - 1) * progress;
    case Schedule::exponential:
      return std::pow(end, progress);
    case Schedule::cosine:
      return end + (1 - end) * (1 + std::cos(std::numbers::pi * progress)) / 2;
  }
  return 1;
}

template <class T>
Rule<T>::Rule(RuleOptions options, const Network<T>& network) : options_(std::move(options)) {
  options_.validate(network.coupling_count());
  if (options_.momentum == 0) return;
  for (int c = 0; c < network.coupling_count(); ++c)
    velocity_.push_back(Matrix<T>::Zero(network.coupling(c).outputs(), network.coupling(c).inputs() + 1));
}

template <class T>
double Rule<T>::rate(int coupling, double progress, Index batch) const {
  return options_.rates[static_cast<std::size_t>(coupling)] * schedule_factor(options_, progress) / static_cast<double>(batch);
}

template <class T>
void Rule<T>::apply(Contrast<T>& contrast, const ConstBlock<T>& input, double progress, Network<T>& network, const Place& place, Run& run,
                    int first) {
  for (int c = first; c < network.coupling_count(); ++c) {
    const double step = rate(c, progress, input.cols());
    if (step == 0) continue;
    const WantedChange<T> change(contrast.factors(c, network, input), step, options_.momentum,
                                 velocity_.empty() ? nullptr : &velocity_[static_cast<std::size_t>(c)]);
    network.coupling(c).update(change, place, run);
  }
}

template <class T>
void Rule<T>::decay(std::uint32_t step, double progress, Network<T>& network) const {
  if (options_.weight_decay == 0 || (step + 1) % kDecaySteps != 0) return;
  for (int c = 0; c < network.coupling_count(); ++c)
    network.coupling(c).shrink(1 - rate(c, progress, 1) * options_.weight_decay * kDecaySteps);
}

template <class T>
void Rule<T>::save(ByteWriter& out) const {
  out.put<std::uint64_t>(velocity_.size());
  for (const auto& v : velocity_) out.put_array(std::span<const T>(v.data(), static_cast<std::size_t>(v.size())));
}

template <class T>
void Rule<T>::restore(ByteReader& in) {
  if (in.get<std::uint64_t>() != velocity_.size())
    throw InputError(Code::damaged, {}, "the checkpoint's rule has another momentum setting", "start from another checkpoint");
  for (auto& v : velocity_) in.get_array(std::span<T>(v.data(), static_cast<std::size_t>(v.size())));
}

template class Rule<float>;
template class Rule<double>;

}  // namespace eqprop
