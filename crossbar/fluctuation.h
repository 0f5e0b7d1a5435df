#pragma once
// The slow noise of a tile at any slot of the clock, in random-access form: a sum over components m of keyed draws that hold for 4^m slots,
//   F(t) = sum_m xi(pair, m, floor((t + o_m) / 4^m)) / sqrt(M)            1/f noise: the components' spectra, a factor of 4 apart, add up to it
//   B(t) = +-1/2 by one keyed bit per 4^m slots, m the trap's own         telegraph noise
// with an offset o_m of each line, so that lines do not change together. Nothing is stepped: a slot's value is the same whatever was asked
// before, and a checkpoint holds none of it. What is kept are sums of slow components, which few lines change from slot to slot.
// xi is uniform in 256 steps, of variance 1: the sum of a dozen is normal for all that a sum over devices can tell (kurtosis -1.2 / M).
// Devices of a pair have 1/f noise of like relative size, so one draw of sd sqrt(G+^2 + G-^2) is that of the pair.
// Sum of spectra with log-spaced time constants: Dutta and Horn, Rev. Mod. Phys. 1981, 10.1103/RevModPhys.53.497.
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "crossbar/slow_noise.h"
#include "crossbar/tile.h"

namespace eqprop {

class Fluctuation {
 public:
  Fluctuation(const SlowNoise& noise, std::uint32_t seed, const Tile& tile);

  /// seen (outputs x lines, [S]) = G+ - G- of a block of lines at this slot. Blocks may be done by several threads at once.
  void at(const Tile& tile, std::int64_t slot, Eigen::Index block, Eigen::MatrixXf& seen);
  /// The same of one pair by the definition alone: slow, for tests.
  double pair_at(const Tile& tile, std::int64_t slot, Eigen::Index output, Eigen::Index line) const;

 private:
  struct Trap {
    std::int32_t output;
    std::uint8_t component;
    bool plus;
  };
  /// Those of a line, by component.
  struct LineTraps {
    std::vector<Trap> traps;
    std::vector<std::size_t> begin;  // of each component, and the end
  };
  void draw_traps(const Tile& tile);
  std::int64_t window(std::int64_t slot, Eigen::Index line, int component) const;
  Place place(std::int64_t window, int component) const;
  void add_component(int component, Eigen::Index line, Eigen::Ref<Eigen::VectorXf> sum) const;
  void add_flicker(const Tile& tile, Eigen::Index line, std::uint32_t changed, Eigen::MatrixXf& seen);
  void add_telegraph(const Tile& tile, Eigen::Index line, std::uint32_t changed, Eigen::MatrixXf& seen);

  static constexpr int kGroups = 3;  // of components whose sums are kept

  SlowNoise noise_;
  int components_;
  Eigen::Index outputs_, lines_;
  RandomKey flicker_key_, trap_key_[2];                                 // of the draws in time
  Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic> offset_;  // [slots] components x lines
  Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic> window_;  // components x lines: those that the sums below hold
  std::array<Eigen::MatrixXf, kGroups> sums_;                           // outputs x lines
  std::vector<LineTraps> traps_;                                        // by line
  Eigen::MatrixXf plus_state_, minus_state_;                            // outputs x lines: +-1/2 where there is a trap, else 0
};

}  // namespace eqprop
