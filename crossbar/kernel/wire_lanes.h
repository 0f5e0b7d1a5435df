#pragma once
// The inner loops of the exact wires: tridiagonal sweeps along word lines and along bit lines, and what conjugate gradients do between
// them, in float or in double (T). Compiled for several instruction sets, chosen at run time by Highway. All conductances are in units of
// a wire segment's.
//
// Word lines are rows, bit lines columns. A node of a line has a shunt s (its cell, and the end of its line if it is the outermost) and
// segments to its neighbours; elimination from the first node on needs one array,
//   inv_k = 1 / (1 + s_k + c_{k-1}),  c_k = (s_k + c_{k-1}) inv_k,   the last without the 1,
//   y_k = inv_k (f_k + y_{k-1}),  x_k = y_k + inv_k x_{k+1}.
// Nothing is subtracted: every number is as exact as its type, however little the cells conduct (A. S. Alfa, J. Xue, Q. Ye,
// doi 10.1090/S0025-5718-01-01325-4).
//
// Fields lie in strips of kWidth columns, 64 bytes, one below the other: node (r, c) is at (c / kWidth) strip + r kWidth + c % kWidth. Sweeps of
// bit lines run down a strip; those of word lines take kWidth rows at once, turned in squares. Rows and columns are filled up with zeros.
#include <cstddef>
#include <cstdint>

namespace eqprop::wire_lanes {

template <class T>
inline constexpr std::size_t kWidth = 64 / sizeof(T);

/// Lines of an array and their elimination. Numbers of a field: strips(columns) * strip.
template <class T>
struct Lines {
  std::size_t rows, columns;  // word lines, bit lines
  std::size_t strip;          // from one strip to the next
  T bit_end;                  // conductance of a bit line's end
  const T* cells;
  const T* word_inv;  // [rows / kWidth][columns, filled up][kWidth]
  const T* bit_inv;

  std::size_t groups() const { return (rows + kWidth<T> - 1) / kWidth<T>; }
  std::size_t strips() const { return (columns + kWidth<T> - 1) / kWidth<T>; }
};

/// From one strip to the next: strips of one square lie on different lines of a cache.
template <class T>
std::size_t strip_of(std::size_t rows) {
  const std::size_t filled = (rows + kWidth<T> - 1) / kWidth<T> * kWidth<T>;
  return (filled + (80 - filled % 64) % 64) * kWidth<T>;
}

/// One solve's fields.
template <class T>
struct Fields {
  T* x;           // correction of the bit lines' voltages
  T* z;           // residual, preconditioned by Tb + D
  T* p;           // direction
  T* w;           // scratch of the bit lines, at first their residual
  const T* word;  // residual of the word lines
  T* turned;      // kWidth columns, filled up, of numbers
};

struct Norms {
  double rz;       // r' z
  double largest;  // |r| of any bit line's node
};

template <class T>
struct Steps {
  /// word_inv and bit_inv for lines whose word lines end in first and last (conductances).
  void (*factor)(const Lines<T>& lines, T first, T last, T* word_inv, T* bit_inv);
  /// x <- (Tw + D)^-1 word, w += D x, z <- (Tb + D)^-1 w.
  Norms (*begin)(const Lines<T>& lines, const Fields<T>& f);
  /// p <- z + beta p (first: z), w <- D (Tw + D)^-1 D p; returns p' (Tb + D) p - p' w, the curvature along p.
  double (*direct)(const Lines<T>& lines, bool first, T beta, const Fields<T>& f);
  /// x += alpha p (first: alpha p), z -= alpha (p - (Tb + D)^-1 w).
  Norms (*advance)(const Lines<T>& lines, bool first, T alpha, const Fields<T>& f);
  /// w <- (Tw + D)^-1 (word + D x), the correction of the word lines' voltages.
  void (*finish)(const Lines<T>& lines, const Fields<T>& f);
  /// a row of a field <- scale * row.
  void (*put)(const Lines<T>& lines, std::size_t row, const double* from, double scale, T* field);
  /// to [rows][step] += scale * field.
  void (*add)(const Lines<T>& lines, const T* field, double scale, double* to, std::size_t step);
};

/// T is float or double.
template <class T>
Steps<T> steps();

/// Bit mask of the instruction sets compiled in that this CPU supports (Highway's numbering).
std::int64_t targets();
/// For tests: only these from now on; 0 lifts the restriction.
void restrict_targets(std::int64_t mask);

}  // namespace eqprop::wire_lanes
