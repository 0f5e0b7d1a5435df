#pragma once
// The inner loops of the exact wires: tridiagonal sweeps along word lines and along bit lines, and what conjugate gradients do between
// them. Compiled for several instruction sets, chosen at run time by Highway. All conductances are in units of a wire segment's.
//
// Word lines are rows, bit lines columns. A line has the matrix tridiag(-1, a, -1); its elimination needs one array,
//   inv_k = 1 / (a_k - inv_{k-1}),   y_k = inv_k f_k + inv_k y_{k-1},   x_k = y_k + inv_k x_{k+1}.
// Eight word lines are swept side by side: arrays marked "by eight" are [rows / 8][columns][8]; all others [rows][step]. Rows are filled up
// to a multiple of eight, columns to one of eight, with zeros.
#include <cstddef>
#include <cstdint>

namespace eqprop::wire_lanes {

inline constexpr std::size_t kGroup = 8;

struct Lines {
  std::size_t rows;     // word lines, filled up
  std::size_t columns;  // bit lines, filled up
  std::size_t step;     // from one row to the next
  const double* d8;     // cells, by eight
  const double* inv8;   // of the word lines, by eight
  const double* inv;    // of the bit lines
};

/// States of conjugate gradients on the bit lines' nodes, all [rows][step].
struct Gradients {
  double* x;  // voltages
  double* r;  // residual
  double* z;  // preconditioned: (Tb + D) z = r
  double* p;  // direction
  double* q;  // (Tb + D) p
  double* w;  // D (Tw + D)^-1 D p
};

/// to, by eight, from [rows][step], and back.
void to_eights(const double* from, std::size_t rows, std::size_t columns, std::size_t step, double* to);
void from_eights(const double* from, std::size_t rows, std::size_t columns, std::size_t step, double* to);
/// inv8 of word lines with diagonals a8.
void factor_words(const double* a8, std::size_t rows, std::size_t columns, double* inv8);
/// inv of bit lines with diagonals a.
void factor_bits(const double* a, std::size_t rows, std::size_t columns, std::size_t step, double* inv);

/// f8 <- (Tw + D)^-1 f8, by eight, in place.
void solve_words(const Lines& lines, double* f8);
/// z <- (Tb + D)^-1 r; returns r' z.
double precondition(const Lines& lines, const double* r, double* z);
/// p <- z + beta p, q <- r + beta q, w <- D (Tw + D)^-1 D p; returns p' (q - w), the curvature along p. first: p <- z, q <- r.
/// scratch: columns * 8 numbers.
double direct(const Lines& lines, bool first, double beta, const Gradients& g, double* scratch);

struct Advance {
  double rz;       // r' z
  double largest;  // |r| of any node
};
/// x += alpha p, r -= alpha (q - w), z <- (Tb + D)^-1 r.
Advance advance(const Lines& lines, double alpha, const Gradients& g);

/// Bit mask of the instruction sets compiled in that this CPU supports (Highway's numbering).
std::int64_t targets();
/// For tests: only these from now on; 0 lifts the restriction.
void restrict_targets(std::int64_t mask);

}  // namespace eqprop::wire_lanes
