#pragma once
// A law whose step follows from an equation of motion: dx/dt = f(x, V(t)) integrated over the pulse, tabulated over the window.
//   up, down: dG = step_up q_up(y), step_down q_down(y);  y = (G - G_lo)/(G_hi - G_lo), the place in the device's own window
//   q(y)    = (G(x + dx) - G(x)) over its size at y = 1/2;  G(x) = G_min + y (G_max - G_min), dx from crossbar/device/integrate.h
// All devices of an array see the same pulse, so what it does is a function of the state alone: integrated once at kPlaces places at equal
// distances, looked up between neighbours along a straight line. A device of another window takes the steps of the nominal device at the
// same place; its own factor and its own ends as with every law.
//   SET: set_volt, RESET: reset_volt; pulse_second long at half height, edge_second to rise and to fall
// | symbol             | unit | default | range                                                       |
// | step_up, step_down | S    | none    | > 0; size of the step at the middle, made by integrate()     |
// | edge_second        | s    | 0       | 0 .. pulse_second                                            |
// Where a state meets its end inside the window the table is off by up to a quarter of its cell, the window over 4 kPlaces.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "crossbar/device/strachan.h"
#include "crossbar/device/vteam.h"

namespace eqprop {

/// What steps are integrated for.
struct PulseConditions {
  double G_min = 0, G_max = 0;  ///< [S]
  double read_volt = 0;         ///< [V] at which conductance is meant
  double set_volt = 0;          ///< [V] above 0
  double reset_volt = 0;        ///< [V] below 0
  double pulse_second = 0;      ///< [s]

  bool operator==(const PulseConditions&) const = default;
};

/// Steps as pulses look them up. A plain value.
struct StepView {
  const float* __restrict steps = nullptr;  // of SET, then of RESET, over step_up and step_down. restrict: gathers
  std::int32_t places = 0;
  float step_up = 0, step_down = 0;  // [S]

  /// Mean change [S] of a nominal device at conductance g [S] with its own window [low, high] [S].
  [[gnu::always_inline]] float mean_step(float g, bool up, float low, float high) const {
    const auto cells = static_cast<float>(places - 1);
    const std::int32_t last = places - 2, reset = places;
    const float y = std::min(std::max((g - low) / (high - low) * cells, 0.0f), cells);
    const std::int32_t i = std::min(static_cast<std::int32_t>(y), last);
    const float f = y - static_cast<float>(i);
    const std::int32_t at = i + (up ? 0 : reset);
    const float here = steps[at], next = steps[at + 1];
    return (here + f * (next - here)) * (up ? step_up : step_down);
  }
};

/// Parameters of the law and its mean step.
template <class Model>
class IntegratedStep {
 public:
  static constexpr int kPlaces = 1024;

  Model model;
  double edge_second = 0;  ///< [s]
  float step_up = 0;       ///< [S]
  float step_down = 0;     ///< [S]

  /// Makes the table. Throws InputError(out_of_range) when the window is not within what the model's state reaches, the pulse is no pulse,
  /// or moves nothing at the middle of the window.
  void integrate(const PulseConditions& conditions);
  /// Whether the table there is belongs to these conditions, this model and these edges.
  bool integrated_for(const PulseConditions& conditions) const;
  /// What the table is for.
  const PulseConditions& conditions() const;

  /// Mean change [S] of a nominal device at conductance g [S] with its own window [low, high] [S].
  float mean_step(float g, bool up, float low, float high) const { return view().mean_step(g, up, low, high); }
  /// What pulses look up; valid as long as a copy of the law is there.
  StepView view() const&;
  StepView view() && = delete;

 private:
  struct Table {
    PulseConditions conditions;
    Model model;
    double edge_second = 0;
    std::vector<float> steps;
  };
  std::shared_ptr<const Table> table_;  // shared by all copies, never changed
};

using StrachanStep = IntegratedStep<Strachan>;
using VteamStep = IntegratedStep<Vteam>;
extern template class IntegratedStep<Strachan>;
extern template class IntegratedStep<Vteam>;

/// A law that has to be told window, volts and seconds.
template <class Law>
concept NeedsIntegration = requires(Law& law, const PulseConditions& conditions) {
  law.integrate(conditions);
};

}  // namespace eqprop
