#pragma once
// The inner loops of a read on plain arrays: products, their noise's variance, converters. Compiled for several instruction sets, chosen
// at run time by Highway. A number's bits depend on its own row and column, never on how many others are worked on beside it.
#include <cstddef>
#include <cstdint>

namespace eqprop::read_lanes {

/// So many numbers a row of a transposed drive has, filled up with zeros to whole vectors.
inline constexpr std::size_t padded(std::size_t n) { return n > 8 ? (n + 15) / 16 * 16 : n > 4 ? 8 : n > 1 ? 4 : 1; }

/// sum[c][r] = sum_k a[k][r] b[c][k], and the same of a2 and b2 in the same pass where a2 is given. One fused chain over k per number.
struct Product {
  const float* a;           // [depth][rows]
  const float* a2;          // null: no second product
  std::size_t a_step;       // from one k to the next
  const float* b;           // [columns][depth]
  const float* b2;          //
  std::size_t b_step;       // from one column to the next, of both
  std::size_t rows;         //
  std::size_t columns;      //
  std::size_t depth;        //
  std::size_t depth_block;  // so many k are worked on together: what of a fits a near cache. No influence on bits
  float* sum;               // [columns][rows]
  float* sum2;              //
  std::size_t sum_step;     // from one column to the next, of both
};
void multiply(const Product& product);

/// A converter as crossbar/converter.h defines it, in numbers.
struct Codes {
  bool on;             // false: y = gain x + offset
  bool truncate;       // else to the nearest
  float gain, offset;  //
  float low, high;     // lowest and largest code
  float step;          // size of a code
};

/// out[i] = converted in[i]; in place allowed.
void convert(const Codes& codes, const float* in, std::size_t n, float* out);

/// Errors of the converters of n lines as crossbar/converter_errors.h defines them.
struct Errors {
  const float* gain = nullptr;  ///< null: none has any
  const float* offset = nullptr;
  const float* bow = nullptr;
};

/// out[i] += adc(gain sum[i] + sqrt(white + variance_gain variance[i]) normal[i]). No normal: no noise. No variance: white noise alone.
struct Stage {
  float gain;
  float white;
  float variance_gain;
  Codes adc;
  Errors errors = {};
};
void finish(const Stage& stage, const float* sum, const float* variance, const float* normal, std::size_t n, float* out);

/// square[i] = x[i]^2
void square(const float* x, std::size_t n, float* square);
/// to[c][r] = from[r][c]; rows from `rows` to `filled` of `to`'s lines are set to zero.
void transpose(const float* from, std::size_t from_step, std::size_t rows, std::size_t columns, float* to, std::size_t to_step,
               std::size_t filled);

/// Bit mask of the instruction sets compiled in that this CPU supports (Highway's numbering).
std::int64_t targets();
/// For tests: only these from now on; 0 lifts the restriction.
void restrict_targets(std::int64_t mask);

}  // namespace eqprop::read_lanes
