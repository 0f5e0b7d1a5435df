#pragma once
// What a cell of a crossing carries. The device alone obeys Ohm's law, or
//   I = G s sinh(v / v_0),   s = v_0 (G is dI/dv at 0) or s = v_r / sinh(v_r / v_0) (G is I / v at the read voltage v_r),
// the form of tunnelling through a gap (Z. Jiang, H.-S. P. Wong, doi 10.4231/D37H1DN48; for Pt/TiO2/Pt J. J. Yang et al.,
// doi 10.1038/nnano.2008.160). In series with it stands nothing (1R), a transistor (1T1R) with the long-channel law of H. Shichman,
// D. A. Hodges, doi 10.1109/JSSC.1968.1049902, for its own drop u >= 0,
//   I = (u - u^2 / (2 u_ov)) / R_on  up to u = u_ov, constant beyond,
// or a selector (1S1R), I = I_s sinh(u / v_s). All are odd in v and never fall, so that a circuit of them has one solution. The node between
// the two is eliminated. Left out: the body effect, channel-length modulation, the line's potential under the gate, hysteresis.
#include <span>

namespace eqprop {

enum class CellKind { resistor, transistor, selector };  ///< 1R, 1T1R, 1S1R

struct CellOptions {
  CellKind kind = CellKind::resistor;
  double sinh_volt = 0;           ///< v_0 [V] of the device; 0: Ohm's law
  double read_volt = 0;           ///< v_r [V] at which G is the chord of the device alone; 0: G is its slope at 0 V
  double transistor_ohm = 1e3;    ///< R_on [ohm] of a transistor at small drops, > 0
  double overdrive_volt = 0;      ///< u_ov [V], gate above threshold; 0: never saturates, a resistor
  double off_siemens = 0;         ///< [S] of a transistor whose gate is off; 0: the cell is absent
  double selector_ampere = 1e-9;  ///< I_s [A], > 0
  double selector_volt = 0.05;    ///< v_s [V], > 0
  /// Throws InputError(config) naming field, value and range.
  void validate() const;
};

/// Current and slope of a cell at a voltage.
struct CellPoint {
  double ampere = 0;
  double siemens = 0;  ///< dI/dv >= 0
};

/// I(v) of the cells of an array.
class CellLaw {
 public:
  /// Throws InputError(config) for bad options.
  explicit CellLaw(const CellOptions& options);
  const CellOptions& options() const { return options_; }
  /// The cells are resistors, and so is what they have in series.
  bool linear() const {
    return options_.sinh_volt == 0 && options_.kind != CellKind::selector &&
           (options_.kind == CellKind::resistor || options_.overdrive_volt == 0);
  }

  /// A cell whose device has `siemens` >= 0 (0: absent), at `volt` over the whole cell. Gates matter to transistors only. Currents overflow
  /// to infinity beyond some 700 v_0.
  CellPoint at(double siemens, double volt, bool gate_on = true) const;
  /// The same for many cells with their gates on, vectorised (crossbar/kernel/cell_lanes.h): equal to the last few bits.
  void at(std::span<const double> siemens, std::span<const double> volt, std::span<double> ampere, std::span<double> slope) const;
  /// [V] at which such a cell carries `ampere` >= 0; infinity if it never does.
  double volt_at(double siemens, double ampere, bool gate_on = true) const;

 private:
  CellPoint device(double siemens, double volt) const;
  struct Drop {
    double volt, ohm;
  };
  Drop drop(double siemens, double ampere) const;
  CellPoint behind_transistor(double siemens, double volt, double ohm, double overdrive) const;
  CellPoint behind_selector(double siemens, double volt) const;

  CellOptions options_;
  double scale_;  // s [V]
};

}  // namespace eqprop
