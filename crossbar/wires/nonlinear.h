#pragma once
// Wires whose cells do not obey Ohm's law: Kirchhoff's current law F(V) = 0 at every node, by Newton's method around the exact linear solve.
// A step replaces every cell by its tangent at the present voltages, dI/dv and the current source that remains, solves the wires
// (crossbar/wires/wires.h, started from the last step's voltages) only as far as the step deserves, and goes the part of the way that lowers
// max |F| (inexact Newton with backtracking: R. S. Dembo, S. C. Eisenstat, T. Steihaug, doi 10.1137/0719025). A cell whose current no source
// could drive through the lines is replaced by its tangent where it carries what the last linear solve gave it: steep cells, which would
// else come down by v_0 a step, are there at once.
//
// Node voltages are doubles: a residual below some 1e-15 V / segment_ohm is rounding, of word and of bit lines by their own voltages, and no
// more than that is asked for (WireReport::rounding_floor).
#include <cstdint>
#include <optional>

#include "crossbar/wires/cells.h"
#include "crossbar/wires/wires.h"

namespace eqprop {

struct NewtonTolerance {
  double residual = 1e-8;  ///< as in WireTolerance, of the cells' true currents
  int steps = 100;         ///< of Newton, at most
  int iterations = 1000;   ///< of conjugate gradients in a step, at most
};

/// How a solve ended: `iterations` are those of all steps together; the rest is computed anew from the voltages and the cells' law.
struct NewtonReport : WireReport {
  int steps = 0;     ///< linear solves
  int halvings = 0;  ///< of steps that went too far
};

/// Buffers of one solver, and the voltages of its last solve: the start of the next when it is warm.
class NewtonState {
 public:
  /// [V] of a node of the last solve.
  double word_volt(Eigen::Index row, Eigen::Index column) const { return here_.word(row, column); }
  double bit_volt(Eigen::Index row, Eigen::Index column) const { return here_.bit(row, column); }

 private:
  friend class NonlinearWires;
  struct Point {
    Eigen::MatrixXd word, bit;        // [V]
    Eigen::MatrixXd ampere;           // of the cells there
    Eigen::MatrixXd siemens, offset;  // [S], [A] at 0 V: their tangents
    bool held = false;                // some tangents are those of less voltage
    double residual = 0;              // [A] largest of a node
    double over = 0;                  // [A] the same of nodes that have more left than rounding
    double floor = 0;                 // [A] of rounding, the larger of both kinds of lines
    double injected = 0;              // [A] largest of a source
  };
  Point here_, there_;
  std::optional<Wires> tangent_;
  WireState linear_;
};

/// An array of cells of one law behind its lines.
class NonlinearWires {
 public:
  using In = Wires::In;
  using Out = Wires::Out;

  /// siemens: of the devices (see CellLaw), word lines x bit lines, each finite and >= 0; 0 is an absent cell. Throws InputError(config).
  NonlinearWires(const In& siemens, const WireOptions& wires, const CellOptions& cells);

  /// Other devices behind the same lines. Throws as the constructor does, and changes nothing then.
  void set(const In& siemens);
  /// Which word lines' gates are on, one number each (0 is off); empty: all. Throws InputError(config) unless the cells have transistors.
  void set_gates(std::span<const std::uint8_t> on);

  Eigen::Index word_lines() const { return siemens_.rows(); }
  Eigen::Index bit_lines() const { return siemens_.cols(); }
  const WireOptions& options() const { return options_; }
  const CellLaw& law() const { return law_; }

  /// [A] into the virtual grounds for source voltages [V], as Wires::solve. warm: starts from the voltages that the state holds of a solve of
  /// the same shape.
  NewtonReport solve(Direction direction, std::span<const double> volt, std::span<double> ampere, const NewtonTolerance& tolerance,
                     NewtonState& state, bool warm = false) const;
  /// The same for a batch, a column each; bits do not depend on the threads. A report per column.
  std::vector<NewtonReport> solve(Direction direction, const In& volt, Out ampere, const NewtonTolerance& tolerance, int threads) const;

 private:
  struct Sources;
  using Point = NewtonState::Point;
  bool gate_on(Eigen::Index row) const { return gates_.empty() || gates_[static_cast<std::size_t>(row)] != 0; }
  void currents(const Sources& sources, const Point* from, Point& point, Eigen::Index column) const;
  void evaluate(const Sources& sources, const Point* from, Point& point) const;
  void balance(const Sources& sources, const Point& point, NewtonReport& report) const;
  void begin(const Sources& sources, NewtonState& state) const;
  bool advance(const Sources& sources, NewtonState& state, NewtonReport& report) const;

  WireOptions options_;
  CellLaw law_;
  Eigen::MatrixXd siemens_;
  std::vector<std::uint8_t> gates_;      // empty: all on
  double segment_, word_end_, bit_end_;  // [S]
};

}  // namespace eqprop
