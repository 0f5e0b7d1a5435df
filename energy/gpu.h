#pragma once
// Energy of the same training step by backprop on a GPU, from a workload description: FLOPs, bytes, kernel launches.
//   G0 = FLOPs x e_flop ;  G1 = G0 + bytes x e_byte (path to device memory) ;  G2 = G1 + constant_power x time
//   time = max(FLOPs / rate, bytes / bandwidth, launches x t_launch)
// G0 <= G1 <= G2 by construction: every rank adds to the one before. The form of G2 (constant power plus dynamic energy per
// byte and FLOP) is the fit of Antepara et al., SC'25, doi:10.1145/3712285.3759815.
#include <filesystem>
#include <string>
#include <vector>

#include "energy/price_list.h"

namespace eqprop {

/// One training step of a batch: forward, backward and update of a dense chain.
struct Workload {
  double flops = 0;     ///< per step
  double bytes = 0;     ///< [byte] moved from or to device memory per step
  double launches = 0;  ///< kernels launched per step
  double batch = 1;     ///< samples per step
};

/// Backprop of a chain of dense layers, widths {n0, n1, ..., nL} with biases, plain SGD, float32 numbers of 4 byte, batch B.
/// With W = sum n_l n_(l-1) weights and U = n1 + ... + nL units (= biases), l = 1..L:
///   FLOPs    = 2 B (3 W - n0 n1)   forward, weight gradient, input gradient (not needed below the first layer)
///            + B (3 U + nL + 2 H)  bias, activation, bias gradient; cost gradient; activation derivative of the H = U - nL hidden units
///            + 2 (W + U)           update: rate times gradient, subtract
///   bytes    = 4 [ 5 (W + U) + (W - n0 n1)   read forward, gradient written, then read with weights read and written; read backward
///            + B (2 n0 + 7 U + 4 H + U - n1) ]
///              input read forward and for the weight gradient; per unit z written and read, a written and read, delta written and read
///              for weight and bias gradient; hidden units: derivative reads delta and a, writes delta, a read for the weight gradient
///              above; delta read for the input gradient of all layers but the first
///   launches = 6 L: per layer product, bias + activation, weight gradient, bias gradient; per hidden layer input gradient, activation
///              derivative; one cost gradient, one update of all parameters
/// Nothing is assumed to be fused beyond that, and every transfer is charged at the device-memory path. A step that fits in the L2 cache
/// costs less: G1 and G2 of small nets at large batch are then too high at the typical level, and `min` (the L2 alone) is the fairer one.
/// Throws std::logic_error for fewer than two widths, a width or batch < 1.
Workload backprop_workload(const std::vector<int>& widths, int batch);

/// Coefficients of one board, each with min / typical / max and its source, read from energy/prices/gpu_*.toml.
/// The file is a price file (price_list.h) with a `status` and the tables flop, byte, constant_power, launch_time, flop_rate, bandwidth;
/// the boundaries are "G0" (flop), "G1" (byte) and "G2" (the rest), kept as B0, B1, B2.
struct GpuModel {
  std::string name;
  std::string status;    ///< "measured", "estimate" or "bound"
  Price flop;            ///< [J] per FLOP
  Price byte;            ///< [J] per byte of the memory path
  Price constant_power;  ///< [W] with a context, also while waiting
  Price launch_time;     ///< [s] per launch
  Price flop_rate;       ///< [FLOP/s]
  Price bandwidth;       ///< [byte/s]
  /// Reads a TOML file. Throws InputError(file) as PriceList::read.
  static GpuModel read(const std::filesystem::path& file);
  /// The same from text; `name` is shown in errors.
  static GpuModel parse(const std::string& text, const std::string& name);
};

/// Joules per sample at three ranks that mirror B0, B1, B2.
struct GpuEnergy {
  double G0 = 0;  ///< [J]
  double G1 = 0;  ///< [J]
  double G2 = 0;  ///< [J]
  double batch = 1;
};

/// Energy per sample of one workload. `level` min is the least joules: lowest coefficients and highest rates; max the most.
GpuEnergy gpu_energy(const GpuModel& gpu, const Workload& workload, PriceLevel level = PriceLevel::typical);
/// Largest batch that is swept where the training set allows it.
inline constexpr int kLargestGpuBatch = 8192;
/// The batch with the least G2 per sample among 1, 2, 4 .. up to `largest`, and `largest` itself. A batch cannot be larger than the
/// training set: give min(kLargestGpuBatch, its samples). Throws std::logic_error for largest < 1.
GpuEnergy gpu_best_batch(const GpuModel& gpu, const std::vector<int>& widths, int largest = kLargestGpuBatch,
                         PriceLevel level = PriceLevel::typical);

/// Ranks of the GPU's energy; B0 pairs with G0, B1 with G1, B2 with G2.
enum class GpuRank { G0, G1, G2 };
/// analog / GPU. Throws InputError(config) when the ranks differ: the two sides would not count the same things.
/// Throws std::logic_error when gpu_joule is not positive.
double energy_ratio(EnergyBoundary analog_rank, double analog_joule, GpuRank gpu_rank, double gpu_joule);

}  // namespace eqprop
