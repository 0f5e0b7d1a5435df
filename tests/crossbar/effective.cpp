// The effective matrix, its forms, sensitivities and noise, against the solves that they stand for.
#include "crossbar/wires/effective.h"

#include "crossbar/read_heat.h"
#include "tests/catch.h"
#include "tests/crossbar/wire_problem.h"

using namespace eqprop;
using namespace eqprop::wire_problem;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr WireTolerance kTight{1e-12, 2000};
const WireOptions kHard{20, 300, 100, false};
const WireOptions kBoth{20, 300, 100, true};

}  // namespace

TEST_CASE("effective: one product gives the currents of the circuit, both ways, single-ended and of pairs", "[wires]") {
  for (const WireOptions& options : {kHard, kBoth})
    for (const MatrixXd& sense : {single_ended(14), pairs_of(7)}) {
      const Wires wires(uniform(11, 14, kLow, kHigh, 1), options);
      const EffectiveArray e = effective_array(wires, sense, kTight);
      REQUIRE(e.worst.converged);
      const VectorXd volt = volts(11, 2);
      CHECK(relative(e.transfer * volt, sense.transpose() * solve(wires, Direction::forward, volt).ampere) < 1e-9);
      const VectorXd back = volts(sense.cols(), 3);
      CHECK(relative(e.transfer.transpose() * back, solve(wires, Direction::backward, sense * back).ampere) < 1e-9);
    }
}

TEST_CASE("effective: the forms are the power of the sources, and all of it turns to heat, in cells, ends and segments", "[wires]") {
  for (const WireOptions& options : {kHard, kBoth}) {
    const MatrixXd g = uniform(9, 12, kLow, kHigh, 4), sense = pairs_of(6);
    const Wires wires(g, options);
    const EffectiveArray e = effective_array(wires, sense, kTight, {nullptr, true});
    const VectorXd volt = volts(9, 5), back = volts(6, 6);
    const auto heat = [&](const WireState& s, const VectorXd& word_ends, const VectorXd& bit_ends) {
      ReadHeat watt;
      const auto burn = [](double a, double b, double ohm) { return (a - b) * (a - b) / ohm; };
      const auto end = [&](double a, double b, double ohm) {  // the outermost segment, and what is behind it
        const double both = burn(a, b, options.segment_ohm + ohm);
        watt.drivers += both * ohm / (options.segment_ohm + ohm);
        watt.wires += both * options.segment_ohm / (options.segment_ohm + ohm);
      };
      for (Index i = 0; i < 9; ++i) {
        end(word_ends[i], s.word_volt(i, 0), options.driver_ohm);
        if (options.double_sided) end(word_ends[i], s.word_volt(i, 11), options.driver_ohm);
        for (Index j = 0; j < 12; ++j) {
          watt.cells += burn(s.word_volt(i, j), s.bit_volt(i, j), 1 / g(i, j));
          if (j > 0) watt.wires += burn(s.word_volt(i, j - 1), s.word_volt(i, j), options.segment_ohm);
          if (i > 0) watt.wires += burn(s.bit_volt(i - 1, j), s.bit_volt(i, j), options.segment_ohm);
        }
      }
      for (Index j = 0; j < 12; ++j) end(bit_ends[j], s.bit_volt(8, j), options.sense_ohm);
      return watt;
    };
    const auto agree = [](const PowerForms& forms, const VectorXd& v, const ReadHeat& want) {
      CHECK(v.dot(forms.all * v) == Approx(want.all()).epsilon(1e-9));
      CHECK(v.dot(forms.cells * v) == Approx(want.cells).epsilon(1e-6));
      CHECK(v.dot(forms.ends * v) == Approx(want.drivers).epsilon(1e-9));
    };
    agree(e.word_power, volt, heat(solve(wires, Direction::forward, volt).state, volt, VectorXd::Zero(12)));
    agree(e.sense_power, back, heat(solve(wires, Direction::backward, sense * back).state, VectorXd::Zero(9), sense * back));
    CHECK(effective_array(wires, sense, kTight).word_power.cells.size() == 0);  // not asked for
  }
}

TEST_CASE("sensitivities are the slopes of currents, by finite differences of the circuit", "[wires]") {
  for (const WireOptions& options : {kHard, kBoth}) {
    const MatrixXd g = uniform(6, 8, kLow, kHigh, 7);
    const VectorXd volt = volts(6, 8), weights = uniform(8, 1, -1, 1, 9);
    const auto ampere = [&](const MatrixXd& cells, const WireOptions& o) {
      return weights.dot(solve(Wires(cells, o), Direction::forward, volt, {1e-14, 2000}).ampere);
    };
    const WireSensitivity s = sensitivity(Wires(g, options), volt, weights, kTight);
    REQUIRE(s.worst.converged);
    CHECK(s.ampere == Approx(ampere(g, options)).epsilon(1e-9));
    for (const auto& [i, j] : {std::pair<Index, Index>{0, 0}, {5, 7}, {2, 4}}) {
      MatrixXd up = g, down = g;
      up(i, j) *= 1.001;
      down(i, j) *= 0.999;
      CHECK(s.siemens(i, j) == Approx((ampere(up, options) - ampere(down, options)) / (0.002 * g(i, j))).epsilon(1e-4));
    }
    WireOptions up = options, down = options;
    up.segment_ohm *= 1.001;
    down.segment_ohm *= 0.999;
    CHECK(s.segment_ohm == Approx((ampere(g, up) - ampere(g, down)) / (0.002 * options.segment_ohm)).epsilon(1e-4));
    // the ends' segments answer for the driver and the sense input behind them
    WireOptions sense_up = options, sense_down = options;
    sense_up.sense_ohm *= 1.001;
    sense_down.sense_ohm *= 0.999;
    CHECK(s.bit_ohm.row(5).sum() == Approx((ampere(g, sense_up) - ampere(g, sense_down)) / (0.002 * options.sense_ohm)).epsilon(1e-4));
  }
}

TEST_CASE("effective: reaches give what a changed cell does to its own output, and with a sensitivity's product to any", "[wires]") {
  const MatrixXd g = uniform(6, 8, kLow, kHigh, 10), sense = pairs_of(4);
  const Wires wires(g, kHard);
  const EffectiveArray e = effective_array(wires, sense, kTight);
  for (const auto& [i, j] : {std::pair<Index, Index>{0, 0}, {3, 5}, {5, 6}}) {
    const WireSensitivity s = sensitivity(wires, VectorXd::Unit(6, i), sense.col(j / 2), kTight);
    CHECK(e.word_reach(i, j) * e.sense_reach(i, j) == Approx(s.siemens(i, j)).epsilon(1e-8));
    MatrixXd changed = g;
    changed(i, j) += 1e-8;
    const EffectiveArray after = effective_array(Wires(changed, kHard), sense, kTight);
    CHECK((after.transfer(j / 2, i) - e.transfer(j / 2, i)) / 1e-8 == Approx(s.siemens(i, j)).epsilon(1e-3));
  }
}

TEST_CASE("effective: noise of cells reaches all outputs as the sensitivities say", "[wires]") {
  const MatrixXd g = uniform(10, 12, kLow, kHigh, 11), sense = pairs_of(6);
  const MatrixXd variance = (0.05 * g).cwiseAbs2();
  const Wires wires(g, kHard);
  const EffectiveArray e = effective_array(wires, sense, kTight, {&variance, false});
  const auto exact = [&](const VectorXd& volt, Index o) {
    return output_variance(sensitivity(wires, volt, sense.col(o), kTight), variance);
  };
  // alike on all lines it is exact to first order, and near it for any drive
  for (Index o = 0; o < 6; ++o) {
    CHECK(e.forward_noise.row(o).sum() * 0.04 == Approx(exact(VectorXd::Constant(10, 0.2), o)).epsilon(1e-7));
    const VectorXd volt = volts(10, 12);
    CHECK(e.forward_noise.row(o).dot(volt.cwiseAbs2()) == Approx(exact(volt, o)).epsilon(0.1));
  }
  // without resistance it is the plain sum over the output's own cells
  const EffectiveArray ideal = effective_array(Wires(g, {1e-7, 0, 0, false}), sense, kTight, {&variance, false});
  for (Index o = 0; o < 6; ++o)
    for (Index i = 0; i < 10; ++i) {
      const double own = variance(i, 2 * o) + variance(i, 2 * o + 1);
      CHECK(ideal.forward_noise(o, i) == Approx(own).epsilon(1e-6));
      CHECK(ideal.backward_noise(o, i) == Approx(own).epsilon(1e-6));
    }
}
