#pragma once
// What an array behind its lines is from the outside. For cells that do not change and lines held at both ends the currents are exactly
// linear in the sources' voltages: a matrix, found once by a solve per source and per output, stands for the circuit until the cells change.
//   output o = sum over bit lines of sense(bit, o) * current        (a differential pair senses with +1 and -1)
//   forward  ampere = transfer v        a transposed read drives bit line b at sum over o of sense(b, o) v_o:  ampere = transfer' v
//   power of the sources = v' all v, turned to heat in the cells (v' cells v), in the resistances of drivers and sense inputs (v' ends v)
//   and, what is left, in the lines' segments
// By reciprocity (B. D. H. Tellegen, Philips Res. Rep. 7, 1952) a change of a cell's conductance changes an output to first order by
//   d ampere_o / d siemens = (voltage over the cell when the sources drive) x (the same when output o drives)
#include "crossbar/wires/wires.h"

namespace eqprop {

/// [S] symmetric, driven x driven.
struct PowerForms {
  Eigen::MatrixXd all;          ///< of the sources
  Eigen::MatrixXd cells, ends;  ///< parts of it, as above; empty unless asked for
};

struct EffectiveArray {
  Eigen::MatrixXd transfer;    ///< [S] outputs x word lines
  PowerForms word_power;       ///< of word lines that drive
  PowerForms sense_power;      ///< of outputs that drive, in a transposed read
  Eigen::MatrixXd word_reach;  ///< [1] word lines x bit lines: voltage over a cell per volt of its own word line
  /// [1] word lines x bit lines: voltage over a cell, bit line minus word line, per volt of the output that senses its bit line.
  Eigen::MatrixXd sense_reach;
  /// [S^2] outputs x word lines: variance of an output per squared volt of a word line, and of a word line's current per squared volt of an
  /// output; empty unless asked for. Exact to first order in the noise when all lines are driven alike: voltages over cells are taken to be
  /// as far below their own source as in that drive.
  Eigen::MatrixXd forward_noise, backward_noise;
  WireReport worst;  ///< of all solves
};

/// One +1 for each output: bit lines are outputs.
Eigen::MatrixXd single_ended(Eigen::Index bit_lines);
/// Outputs are pairs of neighbouring bit lines, the first counted +1 and the second -1.
Eigen::MatrixXd pairs_of(Eigen::Index outputs);

/// What effective_array is to find beside the currents and the power of the sources.
struct EffectiveParts {
  const Eigen::MatrixXd* variance = nullptr;  ///< [S^2] word lines x bit lines, of each cell: noise; or null
  bool heat = false;  ///< where the power goes; takes 4 bytes for every cell and driven line, products in single precision
};

/// sense: bit lines x outputs, every bit line sensed by one output at most. A solve that does not converge shows in `worst`. Serial; bits
/// do not depend on anything else.
EffectiveArray effective_array(const Wires& wires, const Eigen::MatrixXd& sense, const WireTolerance& tolerance,
                               const EffectiveParts& parts = {});

/// Exact derivatives of one weighted sum of outputs, a = sum of weights x bit currents, at given sources.
struct WireSensitivity {
  double ampere = 0;         ///< [A] a
  Eigen::MatrixXd siemens;   ///< [V] word lines x bit lines: da / dG of each cell
  Eigen::MatrixXd word_ohm;  ///< [A/ohm] word lines x bit lines: da / dR of the segment that leads to the cell's node of the word line
  Eigen::MatrixXd bit_ohm;   ///< [A/ohm] word lines x bit lines: of the segment that leads away from the cell's node of the bit line
  double segment_ohm = 0;    ///< [A/ohm] of all segments at once, those of the lines' ends included
  WireReport worst;
};
/// volt: one per word line; weights: one per bit line.
WireSensitivity sensitivity(const Wires& wires, const Eigen::VectorXd& volt, const Eigen::VectorXd& weights,
                            const WireTolerance& tolerance);

/// [A^2] variance of the same sum to first order, from cells that vary independently: sum of variance x (da / dG)^2. The reference of the
/// noise matrices.
double output_variance(const WireSensitivity& sensitivity, const Eigen::MatrixXd& variance);

}  // namespace eqprop
