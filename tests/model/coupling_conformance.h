#pragma once
// What every coupling promises. A new substrate adds one CouplingCase and gets all of these checks.
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "base/check.h"
#include "eqprop/model/coupling.h"
#include "tests/catch.h"

namespace eqprop::conformance {

/// How exact a coupling is: 0 where bits count is not asked anywhere, see each member.
struct CouplingTolerance {
  double field;   ///< rms error of a read, relative to the rms of the exact field
  double update;  ///< largest error of one update, relative to the largest wanted change
};

template <class T>
struct CouplingCase {
  std::string name;
  Index inputs;
  Index outputs;
  std::function<std::unique_ptr<Coupling<T>>(const Matrix<T>& weights)> make;  ///< weights: outputs x (inputs + 1)
  CouplingTolerance tolerance;
};

inline constexpr Index kSamples = 21;

// uniform on +-1, named by what it is for
template <class T>
Matrix<T> numbers(Index rows, Index cols, std::uint32_t name) {
  const RandomKey key(1, Purpose::test, name);
  Matrix<T> out(rows, cols);
  for (Index c = 0; c < cols; ++c)
    for (Index r = 0; r < rows; ++r) {
      Place place;
      place.sample = static_cast<std::uint32_t>(c);
      out(r, c) = static_cast<T>(2.0 * static_cast<double>(key.uniform(place, static_cast<std::uint32_t>(r))) - 1.0);
    }
  return out;
}

template <class T>
Matrix<T> weights_for(const CouplingCase<T>& c) {
  return numbers<T>(c.outputs, c.inputs + 1, 1) / static_cast<T>(std::sqrt(static_cast<double>(c.inputs)));
}

inline std::vector<std::uint32_t> ids(Index samples) {
  std::vector<std::uint32_t> all(static_cast<std::size_t>(samples));
  std::iota(all.begin(), all.end(), 100U);
  return all;
}

template <class T>
Matrix<T> forward_of(const Coupling<T>& coupling, const Matrix<T>& pre, Run& run) {
  const auto samples = ids(pre.cols());
  Matrix<T> field = Matrix<T>::Zero(coupling.outputs(), pre.cols());
  coupling.forward(pre, field, {{}, samples}, run);
  return field;
}

template <class T>
Matrix<T> backward_of(const Coupling<T>& coupling, const Matrix<T>& post, Run& run) {
  const auto samples = ids(post.cols());
  Matrix<T> field = Matrix<T>::Zero(coupling.inputs(), post.cols());
  coupling.backward(post, field, {{}, samples}, run);
  return field;
}

template <class T>
double relative_rms(const Matrix<T>& value, const Matrix<T>& exact) {
  return static_cast<double>((value - exact).norm()) / std::max(static_cast<double>(exact.norm()), 1e-300);
}

// reads are W x + b and W' y of the weights that read() states, and adjoint to each other
template <class T>
void check_reads(const CouplingCase<T>& c) {
  Run run{7};
  const auto coupling = c.make(weights_for(c));
  REQUIRE(coupling->inputs() == c.inputs);
  REQUIRE(coupling->outputs() == c.outputs);
  REQUIRE(!coupling->kind().empty());
  const Matrix<T> w = coupling->read();
  REQUIRE(w.rows() == c.outputs);
  REQUIRE(w.cols() == c.inputs + 1);

  const Matrix<T> x = numbers<T>(c.inputs, kSamples, 2);
  const Matrix<T> y = numbers<T>(c.outputs, kSamples, 3);
  Matrix<T> wx = w.leftCols(c.inputs) * x;
  const Matrix<T> exact_forward = wx.colwise() + w.col(c.inputs);
  const Matrix<T> exact_backward = w.leftCols(c.inputs).transpose() * y;
  const Matrix<T> forward = forward_of(*coupling, x, run);
  const Matrix<T> backward = backward_of(*coupling, y, run);
  CHECK(relative_rms(forward, exact_forward) <= c.tolerance.field);
  CHECK(relative_rms(backward, exact_backward) <= c.tolerance.field);

  // <y, W x> = <W' y, x>
  const Matrix<T> bias = forward_of(*coupling, Matrix<T>(Matrix<T>::Zero(c.inputs, kSamples)), run);
  const double left = static_cast<double>((y.array() * (forward - bias).array()).sum());
  const double right = static_cast<double>((backward.array() * x.array()).sum());
  CHECK(std::abs(left - right) <= 3 * c.tolerance.field * static_cast<double>(y.norm()) * static_cast<double>(exact_forward.norm()));
  // the bias alone, and one input at a time: the columns of read()
  CHECK(relative_rms(bias, Matrix<T>(w.col(c.inputs).replicate(1, kSamples))) <= 4 * c.tolerance.field);
  const Index probes = std::min<Index>(c.inputs, 16);
  Matrix<T> unit = Matrix<T>::Zero(c.inputs, probes);
  unit.topRows(probes).setIdentity();
  const Matrix<T> columns = forward_of(*coupling, unit, run);
  CHECK(relative_rms(columns, Matrix<T>(w.leftCols(probes).colwise() + w.col(c.inputs))) <= 4 * c.tolerance.field);

  CHECK(relative_rms<T>(coupling->row_sums(), w.leftCols(c.inputs).rowwise().sum()) <= 4 * c.tolerance.field);
  CHECK(relative_rms<T>(coupling->col_sums(), w.leftCols(c.inputs).colwise().sum().transpose()) <= 4 * c.tolerance.field);
}

// reads add to what is there, leave neighbouring memory alone, give the same bits again, and drive() is a forward read
template <class T>
void check_accumulation(const CouplingCase<T>& c) {
  Run run{7};
  const auto coupling = c.make(weights_for(c));
  const Matrix<T> x = numbers<T>(c.inputs, kSamples, 2);
  const Matrix<T> y = numbers<T>(c.outputs, kSamples, 3);
  const auto samples = ids(kSamples);
  const Matrix<T> once = forward_of(*coupling, x, run);
  const Matrix<T> transposed = backward_of(*coupling, y, run);
  CHECK(forward_of(*coupling, x, run) == once);
  CHECK(backward_of(*coupling, y, run) == transposed);

  const double tolerance = 8 * static_cast<double>(std::numeric_limits<T>::epsilon()) * static_cast<double>(c.inputs + c.outputs);
  const auto check_into = [&](const auto& read, const Matrix<T>& alone) {
    Matrix<T> big = Matrix<T>::Constant(alone.rows() + 3, kSamples + 2, T(2));
    read(big.block(1, 1, alone.rows(), kSamples));
    CHECK(relative_rms<T>(big.block(1, 1, alone.rows(), kSamples).array() - T(2), alone) <= tolerance);
    big.block(1, 1, alone.rows(), kSamples).setConstant(T(2));
    CHECK((big.array() == T(2)).all());
  };
  check_into([&](Out<T> out) { coupling->forward(x, out, {{}, samples}, run); }, once);
  check_into([&](Out<T> out) { coupling->backward(y, out, {{}, samples}, run); }, transposed);
  Matrix<T> driven = Matrix<T>::Zero(c.outputs, kSamples);
  coupling->drive(x, driven, {{}, samples}, run);
  CHECK(relative_rms(driven, once) <= 3 * c.tolerance.field);
}

template <class T>
struct UpdateFactors {
  Matrix<T> pre_a, post_a, pre_b, post_b;
  explicit UpdateFactors(const CouplingCase<T>& c)
      : pre_a(numbers<T>(c.inputs, kSamples, 4)),
        post_a(numbers<T>(c.outputs, kSamples, 5)),
        pre_b(numbers<T>(c.inputs, kSamples, 6)),
        post_b(numbers<T>(c.outputs, kSamples, 7)) {}
  std::vector<Factor<T>> factors() const { return {{view(pre_a), view(post_a), T(0.75)}, {view(pre_b), view(post_b), T(-0.5)}}; }
  Matrix<T> gradient() const {
    Matrix<T> sum(post_a.rows(), pre_a.rows() + 1);
    sum.leftCols(pre_a.rows()) = T(0.75) * post_a * pre_a.transpose() - T(0.5) * post_b * pre_b.transpose();
    sum.col(pre_a.rows()) = T(0.75) * post_a.rowwise().sum() - T(0.5) * post_b.rowwise().sum();
    return sum;
  }
};

// update moves read() by rate * (momentum * velocity + sum of factors)
template <class T>
void check_update(const CouplingCase<T>& c) {
  constexpr double rate = 1e-3;
  Run run{7};
  const auto coupling = c.make(weights_for(c));
  const UpdateFactors<T> f(c);
  const Matrix<T> wanted = static_cast<T>(rate) * f.gradient();
  const Matrix<T> before = coupling->read();
  coupling->update(WantedChange<T>(f.factors(), rate), {}, run);
  const Matrix<T> after = coupling->read();
  const double largest = static_cast<double>(wanted.cwiseAbs().maxCoeff());
  REQUIRE(largest > 0);
  CHECK(static_cast<double>((after - before - wanted).cwiseAbs().maxCoeff()) <= c.tolerance.update * largest);

  // a second step with momentum 1/2: velocity = 3/2 gradient
  Matrix<T> velocity = f.gradient();
  Place second;
  second.step = 1;
  coupling->update(WantedChange<T>(f.factors(), rate, 0.5, &velocity), second, run);
  CHECK(relative_rms<T>(velocity, T(1.5) * f.gradient()) <= 1e-5);
  CHECK(static_cast<double>((coupling->read() - after - T(1.5) * wanted).cwiseAbs().maxCoeff()) <= 2 * c.tolerance.update * largest);
}

// the same bits whatever the threads
template <class T>
void check_threads(const CouplingCase<T>& c) {
  const UpdateFactors<T> f(c);
  std::vector<Matrix<T>> results;
  for (const int threads : {1, 2, 7}) {
    Ledger ledger;
    Run run{7, threads, &ledger};
    const auto coupling = c.make(weights_for(c));
    Matrix<T> velocity = Matrix<T>::Zero(c.outputs, c.inputs + 1);
    for (std::uint32_t step = 0; step < 3; ++step) {
      Place place;
      place.step = step;
      coupling->update(WantedChange<T>(f.factors(), 0.01, 0.9, &velocity), place, run);
    }
    results.push_back(coupling->read());
  }
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

// a restored coupling reads and learns on with the same bits; damaged bytes are refused
template <class T>
void check_save(const CouplingCase<T>& c) {
  Run run{7};
  const UpdateFactors<T> f(c);
  const auto first = c.make(weights_for(c));
  first->update(WantedChange<T>(f.factors(), 0.01), {}, run);
  ByteWriter writer;
  first->save(writer);
  const auto second = c.make(Matrix<T>(weights_for(c) * T(0.5)));
  ByteReader reader(writer.bytes(), "checkpoint");
  second->restore(reader);
  CHECK(reader.done());
  CHECK(second->read() == first->read());
  const Matrix<T> x = numbers<T>(c.inputs, kSamples, 2);
  const Matrix<T> y = numbers<T>(c.outputs, kSamples, 3);
  CHECK(forward_of(*second, x, run) == forward_of(*first, x, run));
  CHECK(backward_of(*second, y, run) == backward_of(*first, y, run));
  Place place;
  place.step = 1;
  for (Coupling<T>* coupling : {first.get(), second.get()}) coupling->update(WantedChange<T>(f.factors(), 0.01), place, run);
  CHECK(second->read() == first->read());

  ByteReader truncated(std::span(writer.bytes()).first(writer.bytes().size() - 1), "checkpoint");
  CHECK_THROWS_AS(second->restore(truncated), InputError);
}

template <class T>
void check_coupling(const CouplingCase<T>& c) {
  INFO(c.name << " " << c.inputs << " -> " << c.outputs << (sizeof(T) == 4 ? " float" : " double"));
  check_reads(c);
  check_accumulation(c);
  check_update(c);
  check_threads(c);
  check_save(c);
}

}  // namespace eqprop::conformance
