#pragma once
// Random arrays behind wires, and a solve of one.
#include "base/random.h"
#include "crossbar/wires/wires.h"

namespace eqprop::wire_problem {

inline constexpr double kLow = 5e-6, kHigh = 100e-6;  // [S]

inline Eigen::MatrixXd uniform(Eigen::Index rows, Eigen::Index columns, double low, double high, std::uint32_t seed) {
  const RandomKey key(seed, Purpose::test);
  Eigen::MatrixXd out(rows, columns);
  for (Eigen::Index i = 0; i < rows; ++i) {
    Place place;
    place.sample = static_cast<std::uint32_t>(i);
    for (Eigen::Index j = 0; j < columns; ++j)
      out(i, j) = low + (high - low) * static_cast<double>(key.uniform(place, static_cast<std::uint32_t>(j)));
  }
  return out;
}

inline Eigen::VectorXd volts(Eigen::Index n, std::uint32_t seed) { return uniform(n, 1, 0, 0.2, seed); }

struct Solved {
  Eigen::VectorXd ampere;
  WireReport report;
  WireState state;
};

inline Solved solve(const Wires& wires, Direction direction, const Eigen::VectorXd& volt, const WireTolerance& tolerance = {1e-12, 2000}) {
  Solved out{Eigen::VectorXd::Zero(direction == Direction::forward ? wires.bit_lines() : wires.word_lines()), {}, {}};
  out.report = wires.solve(direction, {volt.data(), static_cast<std::size_t>(volt.size())},
                           {out.ampere.data(), static_cast<std::size_t>(out.ampere.size())}, tolerance, out.state);
  return out;
}

inline double relative(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  return (a - b).cwiseAbs().maxCoeff() / b.cwiseAbs().maxCoeff();
}

}  // namespace eqprop::wire_problem
