// Names and ranges of what a settle is asked for, and the report's sums.
#include <algorithm>
#include <numeric>
#include <string>

#include "base/check.h"
#include "eqprop/settle/settle.h"

namespace eqprop {
namespace {

constexpr Method kMethods[] = {Method::forward,     Method::backward, Method::asynchronous, Method::event_driven,
                               Method::synchronous, Method::euler,    Method::anderson,     Method::difference};

}  // namespace

std::string_view method_name(Method method) {
  switch (method) {
    case Method::forward:
      return "forward";
    case Method::backward:
      return "backward";
    case Method::asynchronous:
      return "asynchronous";
    case Method::event_driven:
      return "event_driven";
    case Method::synchronous:
      return "synchronous";
    case Method::euler:
      return "euler";
    case Method::anderson:
      return "anderson";
    case Method::difference:
      return "difference";
  }
  return "";
}

Method method_from_name(std::string_view name) {
  std::string accepted;
  for (const Method method : kMethods) {
    if (name == method_name(method)) return method;
    accepted += (accepted.empty() ? "" : ", ") + std::string(method_name(method));
  }
  throw InputError(Code::unknown_name, {}, "no settling method '" + std::string(name) + "': expected one of " + accepted);
}

void SettleOptions::validate() const {
  const auto need = [](bool ok, const std::string& field, const std::string& value, const std::string& expected) {
    if (!ok) throw InputError(Code::out_of_range, {}, "settle." + field + " = " + value + ": expected " + expected);
  };
  need(tolerance >= 0 && tolerance < 1, "tolerance", std::to_string(tolerance), "0 (whole budget) or a number below 1");
  need(budget >= 1 && budget <= 60000, "budget", std::to_string(budget), "1 .. 60000 sweeps");
  need(noise_window >= 1 && noise_window <= 1000, "noise_window", std::to_string(noise_window), "1 .. 1000 sweeps");
  need(noise_margin > 0 && noise_margin <= 100, "noise_margin", std::to_string(noise_margin), "a number in (0, 100]");
  need(step > 0 && step <= 1, "step", std::to_string(step), "a number in (0, 1]");
  need(memory >= 1 && memory <= kLargestMemory, "memory", std::to_string(memory), "1 .. " + std::to_string(kLargestMemory) + " sweeps");
  need(threshold >= 0 && threshold < 1, "threshold", std::to_string(threshold), "0 (every change is told) or a number below 1");
  need(activation_noise >= 0 && activation_noise <= 10, "activation_noise", std::to_string(activation_noise), "0 .. 10");
  need(state_bits >= 0 && state_bits <= kMostStateBits, "state_bits", std::to_string(state_bits),
       "0 (not rounded) .. " + std::to_string(kMostStateBits));
  if (method == Method::difference && (activation_noise > 0 || state_bits > 0))
    throw InputError(Code::conflict, {}, "settle.method = \"difference\" knows neither activation_noise nor state_bits",
                     "take another method, for example \"forward\"");
}

void SettleReport::resize(std::size_t batch) {
  reason.assign(batch, StopReason::budget);
  residual.assign(batch, 0.0F);
  sweeps.assign(batch, 0);
  second.assign(batch, 0.0);
  told.assign(batch, 0);
  pole.clear();
}

std::size_t SettleReport::count(StopReason which) const {
  return static_cast<std::size_t>(std::count(reason.begin(), reason.end(), which));
}

double SettleReport::sweeps_sum() const { return std::accumulate(sweeps.begin(), sweeps.end(), 0.0); }

}  // namespace eqprop
