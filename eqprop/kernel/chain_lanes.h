#pragma once
// What the vectorised inner loops offer to chain.cpp; compiled for several instruction sets, chosen at run time by Highway.
#include <cstddef>
#include <cstdint>

namespace eqprop::lanes {

/// Least columns of W1 that one pass works on: 512 bytes of a row, 400 KB of 784 rows, which stay in a second-level cache over the batch.
inline constexpr std::size_t kColumns = 128;
/// Inputs per block of a sample's list of non-zeros.
inline constexpr std::size_t kRowBlock = 64;
/// Room after a list's end, for whole vectors.
inline constexpr std::size_t kListSlack = 16;

/// One state being settled.
struct alignas(64) Item {
  float output[16];     // start, then result
  float bias[16];       // b2 + beta y, zero from n2 on
  float scale;          // 1 / (1 + beta)
  float low, high;      // clip of the output
  const float* drive;   // [ld] W1 x + b1
  const float* before;  // [ld] hidden units before the first sweep
  float* hidden;        // [ld] result
  int sweeps;           // done
  float change;         // of the last sweep
};

/// When an item stops.
struct Stop {
  float tolerance;  // 0: after `budget` sweeps
  int min_sweeps;
  int budget;
};

/// Copies W2 [n2][ld] into the order in which the sweeps read it; `packed` holds n2 * ld floats.
void pack(int n2, const float* w2, std::size_t ld, float* packed);
/// Settles the items, two at a time; each item's bits are its own.
void settle(int n2, const float* packed, std::size_t ld, Item* items, std::size_t count, const Stop& stop);

/// Lists the non-zeros of x [n0]: index and value hold n0 + kListSlack, start one entry per block of kRowBlock inputs and the end.
void list_nonzeros(const float* x, std::size_t n0, std::uint32_t* index, float* value, std::uint32_t* start);
/// drive[c] = b1[c] + sum_j value[j] w1[index[j]][c] for the columns [first, first + columns).
void forward(const float* w1, std::size_t ld, const float* b1, std::size_t first, std::size_t columns, const std::uint32_t* index,
             const float* value, std::size_t count, float* drive);

/// A phase's states in the contrast.
struct PhaseRows {
  const float* hidden;  // [batch][ld]
  float weight;
};
/// The samples in the contrast, and their phases.
struct Moved {
  const PhaseRows* phases;
  std::size_t n_phases;
  const std::uint32_t* samples;  // [n_samples] rows of PhaseRows::hidden
  std::size_t n_samples;
  const float* push;  // [n_samples][n_phases][16] weight_p * o_p
};
/// One block of columns of the contrast: stores difference [n_samples][columns] = rate1 * sum_p weight_p h_p, adds its sum to b1 and
/// rate2 * sum push h' to W2.
void contrast(int n2, const Moved& moved, std::size_t ld, std::size_t first, std::size_t columns, float rate1, float rate2,
              float* difference, float* b1, float* w2);
/// Which samples use an input: for the inputs rows[0..n_rows) the count[i] samples who[i][..] and the input's values what[i][..].
struct Users {
  const std::uint32_t* rows;
  std::size_t n_rows;
  std::size_t n_samples;
  const std::uint32_t* count;  // [n0]
  const std::uint32_t* who;    // [n0][n_samples] rows of the difference
  const float* what;           // [n0][n_samples]
};
/// w1[i][first + c] += sum_j what[i][j] * difference[who[i][j]][c] for every input i in use, in the order of the samples.
void update_rows(float* w1, std::size_t ld, std::size_t first, std::size_t columns, const Users& users, const float* difference);

/// Bit mask of the instruction sets compiled in that this CPU supports (Highway's numbering).
std::int64_t targets();
/// For tests: only these from now on; 0 lifts the restriction.
void restrict_targets(std::int64_t mask);
/// Name of the instruction set in use.
const char* target_name();

}  // namespace eqprop::lanes
