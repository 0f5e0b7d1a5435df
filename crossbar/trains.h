#pragma once
// Stochastic coincidence trains: the update of an outer product without anybody forming it. In each of L slots line i fires with probability
// a |x_i| and output j with b |d_j|; where both fire, the device gets a pulse, of the sign of x_i d_j. With
//   L a b step = rate
// the mean is dw_ij = rate d_j x_i, for all devices of an array at once. a and b make the most active line and output fire alike, and L is the
// smallest that serves the largest product, at most the longest train: a probability that would be above 1 is cut, and less is written.
// Gokmen and Vlasov, Front. Neurosci. 2016, 10.3389/fnins.2016.00333; balancing and lengths: Rasch et al., IEEE Design and Test 2020.
#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "crossbar/programming.h"
#include "crossbar/tile.h"

namespace eqprop {

/// A wanted change of an array: sum over samples s of rate outputs(:, s) lines(:, s)'.
struct OuterProduct {
  Eigen::MatrixXf lines;    ///< (inputs + 1) x samples, bias last
  Eigen::MatrixXf outputs;  ///< outputs x samples
  double rate = 0;          ///< [weight], either sign
};

/// The trains of a batch, a column per sample that writes anything; bit t of a mask: fires in slot t.
struct Trains {
  using Masks = Eigen::Matrix<std::uint32_t, Eigen::Dynamic, Eigen::Dynamic>;
  Masks lines, outputs;         ///< (inputs + 1) x trains, outputs x trains
  Eigen::MatrixXf line_sign;    ///< +-1, the sign of the rate included
  Eigen::MatrixXf output_sign;  ///< +-1
  std::int64_t slots = 0;       ///< all trains' lengths together
  std::int64_t wanted = 0;      ///< weights with a wanted change other than zero, all trains together
  std::int64_t cut = 0;         ///< of these, those of trains that the longest train does not serve
};

/// Draws the trains of all samples of all products, one after the other. weight_step: change of a nominal pulse [weight].
Trains draw_trains(std::span<const OuterProduct> products, double weight_step, int train_length, const RandomKey& line_key,
                   const RandomKey& output_key, const Place& place);

/// Pulses of a block of lines of a tile whose first line and output have these numbers in the array: train after train. Ledger as
/// update_block.
UpdateReport train_block(Tile& tile, Eigen::Index block, const Trains& trains, Eigen::Index first_line, Eigen::Index first_output,
                         const DevicePreset& device, const PulsePlan& plan, std::uint32_t seed, const Place& place, PulseTotals& totals,
                         const TileWrite& write = {});

}  // namespace eqprop
