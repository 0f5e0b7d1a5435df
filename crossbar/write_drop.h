#pragma once
// A write pulse behind its lines: one selected cell in series with its path, exact for a gated tile where no other cell conducts.
//   V_cell = f V,  f = 1 / (1 + G R),  R = driver + segment ((c + 1) + (n - i))
// for device column c (two per output, G+ first) on line i of n; sources and ends as in crossbar/wires/wires.h: lines are driven before column
// 0, columns end behind line n - 1. G is the conductance before the pulse; the step is r(f) of the law's (crossbar/write_scheme.h). The
// source's V I t is turned to heat in the cell, f^2 V^2 G t, and in the path, (f V G)^2 R t.
#include <Eigen/Core>

#include "crossbar/programming.h"
#include "crossbar/pulse_line.h"
#include "crossbar/write_scheme.h"

namespace eqprop {

/// The paths of one tile.
struct WriteDrop {
  float segment_ohm = 0;
  float driver_ohm = 0;
  Eigen::Index lines = 0;
  const PulseStrength* strength = nullptr;

  /// [ohm] of the lines to the device of this plane (0 G+, 1 G-).
  float wire_ohm(Eigen::Index line, Eigen::Index output, int plane) const {
    return segment_ohm * static_cast<float>(2 * output + plane + 1 + lines - line);
  }
  /// Share of the voltage that a device of g [S] sees.
  float share(float g, float wire) const { return 1.0f / (1.0f + g * (driver_ohm + wire)); }
  /// Adds a pulse on a device of `siemens` [S] in the mean.
  void book(bool set, double siemens, float share, float wire, PulseTotals& totals) const {
    const double cell = double{share} * double{share} * siemens;
    PulseLoss& loss = set ? totals.set_loss : totals.reset_loss;
    (set ? totals.set_siemens : totals.reset_siemens) += cell;
    loss.wire += cell * siemens * double{wire};
    loss.driver += cell * siemens * double{driver_ohm};
  }
};

/// A line whose devices take weaker steps: factors of its own, for one pulse.
class WeakLine {
 public:
  /// Of one plane of a line, as its devices are now.
  void set(const WriteDrop& drop, Eigen::Index line, int plane, const programming_detail::Line& strong) {
    const Eigen::Index n = strong.n;
    if (up_.size() < n) {
      up_.resize(n);
      down_.resize(n);
      share_.resize(n);
    }
    drop_ = &drop;
    line_ = line;
    plane_ = plane;
    for (Eigen::Index j = 0; j < n; ++j) {
      share_[j] = drop.share(strong.moved[j], drop.wire_ohm(line, j, plane));
      up_[j] = strong.up[j] * drop.strength->at(share_[j], true);
      down_[j] = strong.down[j] * drop.strength->at(share_[j], false);
    }
  }
  /// The line with these factors in place of its own.
  programming_detail::Line weakened(programming_detail::Line strong) const {
    strong.up = up_.data();
    strong.down = down_.data();
    return strong;
  }
  /// Adds the pulse that device j got; `both`: conductance before plus after.
  void book(Eigen::Index j, bool set, float both, PulseTotals& totals) const {
    drop_->book(set, 0.5 * double{both}, share_[j], drop_->wire_ohm(line_, j, plane_), totals);
  }

 private:
  Eigen::ArrayXf up_, down_, share_;
  const WriteDrop* drop_ = nullptr;
  Eigen::Index line_ = 0;
  int plane_ = 0;
};

}  // namespace eqprop
