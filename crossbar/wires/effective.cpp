#include "crossbar/wires/effective.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"

namespace eqprop {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;  // as the voltages are stored

// solves of one array one after the other, and what the voltages say
class Solver {
 public:
  Solver(const Wires& wires, const WireTolerance& tolerance) : wires_(wires), tolerance_(tolerance) { worst_.converged = true; }

  /// Currents [A] into the sinks.
  const VectorXd& solve(Direction direction, const VectorXd& volt) {
    const bool forward = direction == Direction::forward;
    ampere_.resize(forward ? wires_.bit_lines() : wires_.word_lines());
    worst_.keep_worst(wires_.solve(direction, {volt.data(), static_cast<std::size_t>(volt.size())},
                                   {ampere_.data(), static_cast<std::size_t>(ampere_.size())}, tolerance_, state_));
    return ampere_;
  }
  auto over_cells() const { return state_.over_cells(wires_.word_lines(), wires_.bit_lines()); }
  Wires::EndCurrents end_currents(Direction direction, const VectorXd& volt) const { return wires_.end_currents(direction, volt, state_); }
  const WireState& state() const { return state_; }
  const WireReport& worst() const { return worst_; }

 private:
  const Wires& wires_;
  WireTolerance tolerance_;
  WireState state_;
  VectorXd ampere_;
  WireReport worst_;
};

// the forms of one direction, a driven line after the other
class Forms {
 public:
  Forms(const Wires& wires, Index driven, bool heat) : wires_(wires), heat_(heat) {
    out_.all.resize(driven, driven);
    if (!heat) return;
    const Index words = wires.word_lines(), bits = wires.bit_lines();
    root_siemens_.resize(words, bits);
    for (Index i = 0; i < words; ++i)
      for (Index j = 0; j < bits; ++j) root_siemens_(i, j) = std::sqrt(wires.siemens(i, j));
    in_cells_.resize(words * bits, driven);
    in_ends_.resize(2 * words + bits, driven);
  }

  // injected: into every driven line or output while the k-th drives
  template <class OverCells>
  void put(Index k, const VectorXd& injected, const Wires::EndCurrents& ends, const OverCells& over_cells) {
    out_.all.col(k) = injected;
    if (!heat_) return;
    const WireOptions& o = wires_.options();
    Eigen::Map<RowMajorFloat>(in_cells_.col(k).data(), root_siemens_.rows(), root_siemens_.cols()) =
        root_siemens_.cwiseProduct(over_cells).template cast<float>();
    in_ends_.col(k) << std::sqrt(o.driver_ohm) * ends.word, std::sqrt(o.driver_ohm) * ends.far_word, std::sqrt(o.sense_ohm) * ends.bit;
  }

  PowerForms take() {
    out_.all = (out_.all + out_.all.transpose()).eval() / 2;  // solved to a tolerance: equal halves
    if (!heat_) return std::move(out_);
    Eigen::MatrixXf cells = Eigen::MatrixXf::Zero(in_cells_.cols(), in_cells_.cols());
    cells.selfadjointView<Eigen::Lower>().rankUpdate(in_cells_.transpose());
    out_.cells = Eigen::MatrixXf(cells.selfadjointView<Eigen::Lower>()).cast<double>();
    out_.ends = in_ends_.transpose() * in_ends_;
    return std::move(out_);
  }

 private:
  using RowMajorFloat = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Wires& wires_;
  bool heat_;
  RowMajor root_siemens_;
  Eigen::MatrixXf in_cells_;  // cells x driven: sqrt of the power in each cell, of a volt
  MatrixXd in_ends_;          // drivers and sense inputs x driven
  PowerForms out_;
};

}  // namespace

MatrixXd single_ended(Index bit_lines) { return MatrixXd::Identity(bit_lines, bit_lines); }

MatrixXd pairs_of(Index outputs) {
  MatrixXd sense = MatrixXd::Zero(2 * outputs, outputs);
  for (Index o = 0; o < outputs; ++o) {
    sense(2 * o, o) = 1;
    sense(2 * o + 1, o) = -1;
  }
  return sense;
}

EffectiveArray effective_array(const Wires& wires, const MatrixXd& sense, const WireTolerance& tolerance, const EffectiveParts& parts) {
  const Index words = wires.word_lines(), bits = wires.bit_lines(), outputs = sense.cols();
  const MatrixXd* variance = parts.variance;
  check(sense.rows() == bits, "a row of weights for every bit line");
  check(variance == nullptr || (variance->rows() == words && variance->cols() == bits), "a variance for every cell");
  EffectiveArray out;
  Solver solver(wires, tolerance);
  // squares of what a cell's noise current is to the drive of its own line
  RowMajor from_words, from_senses;
  if (variance != nullptr) {
    solver.solve(Direction::forward, VectorXd::Ones(words));
    from_words = variance->cwiseProduct(solver.over_cells().cwiseAbs2());
    solver.solve(Direction::backward, sense.rowwise().sum());
    from_senses = variance->cwiseProduct(solver.over_cells().cwiseAbs2());
    out.forward_noise.resize(outputs, words);
    out.backward_noise.resize(outputs, words);
  }
  const MatrixXd sense_squares = sense.cwiseAbs2();

  out.transfer.resize(outputs, words);
  out.word_reach.resize(words, bits);
  Forms word_power(wires, words, parts.heat);
  for (Index i = 0; i < words; ++i) {
    const VectorXd volt = VectorXd::Unit(words, i);
    out.transfer.col(i).noalias() = sense.transpose() * solver.solve(Direction::forward, volt);
    const Wires::EndCurrents ends = solver.end_currents(Direction::forward, volt);
    word_power.put(i, Wires::injected(Direction::forward, ends), ends, solver.over_cells());
    out.word_reach.row(i) = solver.over_cells().row(i);
    if (variance == nullptr) continue;
    const Eigen::RowVectorXd squares = from_senses.cwiseProduct(solver.over_cells().cwiseAbs2()).colwise().sum();
    out.backward_noise.col(i).noalias() = sense_squares.transpose() * squares.transpose();
  }
  out.word_power = word_power.take();

  out.sense_reach = MatrixXd::Zero(words, bits);
  Forms sense_power(wires, outputs, parts.heat);
  for (Index o = 0; o < outputs; ++o) {
    const VectorXd volt = sense.col(o);
    solver.solve(Direction::backward, volt);
    const Wires::EndCurrents ends = solver.end_currents(Direction::backward, volt);
    sense_power.put(o, sense.transpose() * Wires::injected(Direction::backward, ends), ends, solver.over_cells());
    for (Index j = 0; j < bits; ++j)
      if (sense(j, o) != 0) out.sense_reach.col(j) = -solver.over_cells().col(j);
    if (variance == nullptr) continue;
    out.forward_noise.row(o) = from_words.cwiseProduct(solver.over_cells().cwiseAbs2()).rowwise().sum().transpose();
  }
  out.sense_power = sense_power.take();
  out.worst = solver.worst();
  return out;
}

WireSensitivity sensitivity(const Wires& wires, const VectorXd& volt, const VectorXd& weights, const WireTolerance& tolerance) {
  const Index words = wires.word_lines(), bits = wires.bit_lines();
  check(volt.size() == words && weights.size() == bits, "a voltage for every word line and a weight for every bit line");
  const WireOptions& o = wires.options();
  Solver driven(wires, tolerance), adjoint(wires, tolerance);
  WireSensitivity out;
  out.ampere = weights.dot(driven.solve(Direction::forward, volt));
  adjoint.solve(Direction::backward, weights);
  out.siemens = -driven.over_cells().cwiseProduct(adjoint.over_cells());
  out.word_ohm.resize(words, bits);
  out.bit_ohm.resize(words, bits);
  const WireState &v = driven.state(), &u = adjoint.state();
  const double segment = 1 / o.segment_ohm;
  // da / dR of a resistor is the product of its two currents, the second that of the adjoint circuit, seen in the signal's direction
  double far = 0;
  for (Index j = 0; j < bits; ++j) {
    for (Index i = 0; i < words; ++i) {
      if (j > 0) {
        out.word_ohm(i, j) = segment * segment * (v.word_volt(i, j - 1) - v.word_volt(i, j)) * (u.word_volt(i, j - 1) - u.word_volt(i, j));
      } else {
        const double end = 1 / (o.segment_ohm + o.driver_ohm);
        out.word_ohm(i, 0) = end * end * (volt[i] - v.word_volt(i, 0)) * (0 - u.word_volt(i, 0));
      }
      if (i + 1 < words) {
        out.bit_ohm(i, j) = segment * segment * (v.bit_volt(i, j) - v.bit_volt(i + 1, j)) * (u.bit_volt(i, j) - u.bit_volt(i + 1, j));
      } else {
        const double end = 1 / (o.segment_ohm + o.sense_ohm);
        out.bit_ohm(i, j) = end * end * v.bit_volt(i, j) * (u.bit_volt(i, j) - weights[j]);
      }
    }
  }
  if (o.double_sided) {
    const double end = 1 / (o.segment_ohm + o.driver_ohm);
    for (Index i = 0; i < words; ++i) far += end * end * (volt[i] - v.word_volt(i, bits - 1)) * (0 - u.word_volt(i, bits - 1));
  }
  out.segment_ohm = out.word_ohm.sum() + out.bit_ohm.sum() + far;
  out.worst = adjoint.worst();
  out.worst.keep_worst(driven.worst());
  return out;
}

double output_variance(const WireSensitivity& sensitivity, const MatrixXd& variance) {
  return sensitivity.siemens.cwiseAbs2().cwiseProduct(variance).sum();
}

}  // namespace eqprop
