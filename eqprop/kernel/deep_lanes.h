#pragma once
// What the vectorised inner loops offer to deep.cpp; compiled for several instruction sets, chosen at run time by Highway.
#include <cstddef>
#include <cstdint>

namespace eqprop::deep {

/// How a layer of one sample moves.
struct Move {
  float low, high;     // clip
  float scale;         // 1 / (1 + beta) in the output layer, else 1
  const float* nudge;  // [ld] beta y, or null
  float omega;         // over-relaxation
  float threshold;     // least change that happens
  float share;         // and least share of the root mean square change
};

/// value <- clip(value + omega (scale (field + nudge) - value)) where that is a change of more than the threshold; lists index and amount of
/// the changes (each array holds ld + 16) and gives their number. A change that is no number is listed.
std::size_t move_layer(const float* field, float* value, std::size_t ld, const Move& move, std::uint32_t* index, float* amount);

/// Largest distance of a unit from its minimiser, |clip(scale (field + nudge)) - value|; infinity if one is no number.
float distance(const float* field, const float* value, std::size_t ld, const Move& move);

/// A list of changes on its way to the field of the neighbouring layer.
struct Mail {
  const std::uint32_t* index;  // ascending
  const float* amount;
  std::size_t count;
  float* field;
  std::size_t slot;  // the caller's
  std::size_t next;  // scratch
};

/// For every mail field[c] += sum_j amount[j] lines[index[j]][c] for the columns [first, first + columns), multiples of 16, in the order of j.
/// `rows`: number of lines.
void send(const float* lines, std::size_t ld, std::size_t rows, std::size_t first, std::size_t columns, Mail* mail, std::size_t count);

/// field <- value where a unit is inside its bounds, so that clip(field) = value: the start of a nudged phase.
void take_residual(const float* value, const float* field, std::size_t ld, float low, float high, float* out);

/// out [columns][out_ld] <- lines [rows][ld] turned, for the rows [first, first + count) of `lines`; out's padding up to out_ld is not touched.
void turn(const float* lines, std::size_t ld, std::size_t first, std::size_t count, std::size_t columns, float* out, std::size_t out_ld);

}  // namespace eqprop::deep
