#pragma once
// Kirchhoff's current law at every node of resistive lines, from the voltages alone, in double: what the exact wires are checked by. It
// shares nothing with what solves them (crossbar/kernel/wire_lanes.h) but the place where the residuals go. Conductances in units of a segment's.
#include <cstddef>

namespace eqprop::kirchhoff_lanes {

/// All fields are [rows][step] with word lines in rows; step is at least the columns filled up to a multiple of eight, plus one.
struct Circuit {
  std::size_t rows, columns, step;
  const double *cells, *word, *bit;
  const double* offset;      ///< currents beside the cells, from word to bit line; or nullptr
  const double* into_first;  ///< currents into the first node of each word line
  const double* into_last;   ///< into the last one
  const double* into_bits;   ///< into the last node of each bit line; filled up to a multiple of eight
};

struct Sums {
  double word_left = 0, bit_left = 0;  ///< largest |sum of currents into a node|, of word and of bit lines
  double word_volt = 0, bit_volt = 0;  ///< largest |voltage| of their nodes
  double cell_power = 0;               ///< of all cells, with the currents beside them; not a number if a voltage is none
  double wire_power = 0;               ///< of all segments between nodes
};

/// Residuals times `scale` to word_left and bit_left, in strips `strip` numbers apart (wire_lanes.h). T is float or double.
template <class T>
Sums residuals(const Circuit& circuit, double scale, std::size_t strip, T* word_left, T* bit_left);

}  // namespace eqprop::kirchhoff_lanes
