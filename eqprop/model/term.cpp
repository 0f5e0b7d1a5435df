#include "eqprop/model/term.h"

#include <cmath>

#include "eqprop/model/network.h"

namespace eqprop {
namespace {

template <class T>
ConstBlock<T> columns_of(const ConstBlock<T>& block, Index columns) {
  return {block.data(), block.rows(), columns, Eigen::OuterStride<>(block.outerStride())};
}

template <class T>
ConstBlock<T> layer_of(const TermContext<T>& c, int l) {
  return l == 0 ? columns_of(c.boundary.input, c.columns) : c.state.layer(l, 0, c.columns);
}

template <class T>
bool dense_field(const DenseTerm& term, const TermContext<T>& c, int l, Out<T> h) {
  const auto& coupling = c.network.coupling(term.coupling);
  if (l == term.post) {
    if (term.pre == 0)
      h += columns_of(c.boundary.drive, c.columns);
    else
      coupling.forward(layer_of(c, term.pre), h, c.place, c.run);
  } else if (l == term.pre && l > 0) {
    coupling.backward(layer_of(c, term.post), h, c.place, c.run);
  }
  return false;
}

template <class T>
struct Field {
  const TermContext<T>& c;
  int l;
  Out<T> h;
  Out<T> a;

  bool operator()(const DenseTerm& term) { return dense_field(term, c, l, h); }
  bool operator()(const SquaredErrorTerm& term) {
    if (l != term.layer || c.boundary.beta == 0) return false;
    const T beta = static_cast<T>(c.boundary.beta);
    h += beta * columns_of(c.boundary.target, c.columns);
    a.array() += beta;
    return true;
  }
  bool operator()(const SoftmaxTerm& term) {
    if (l != term.layer || c.boundary.beta == 0) return false;
    const auto& readout = c.network.coupling(term.coupling);
    // softmax(V s + c) as the hardware reads it, then the force in its place
    thread_local Buffer<T> kept;
    Block<T> force = kept.shape(readout.outputs(), c.columns);
    force.setZero();
    readout.forward(layer_of(c, term.layer), force, c.place, c.run);
    softmax<T>(force);
    force = static_cast<T>(c.boundary.beta) * (columns_of(c.boundary.target, c.columns) - force);
    readout.backward(force, h, c.place, c.run);
    return false;
  }
  bool operator()(const UserTerm<T>& term) { return term.field(c, l, h, a); }
};

template <class T>
struct Potential {
  const TermContext<T>& c;

  Eigen::RowVectorXd operator()(const DenseTerm& term) const {
    const Eigen::MatrixXd weights = c.network.coupling(term.coupling).read().template cast<double>();
    const Eigen::MatrixXd pre = layer_of(c, term.pre).template cast<double>();
    const Eigen::MatrixXd post = layer_of(c, term.post).template cast<double>();
    Eigen::MatrixXd field = weights.leftCols(pre.rows()) * pre;
    field.colwise() += weights.col(pre.rows());
    return -(post.array() * field.array()).colwise().sum();
  }
  Eigen::RowVectorXd operator()(const SquaredErrorTerm& term) const {
    if (c.boundary.beta == 0) return Eigen::RowVectorXd::Zero(c.columns);
    const Matrix<T> s = layer_of(c, term.layer);
    const Matrix<T> y = columns_of(c.boundary.target, c.columns);
    return c.boundary.beta * cost_of<T>(Cost::squared_error, s, y);
  }
  Eigen::RowVectorXd operator()(const SoftmaxTerm& term) const {
    if (c.boundary.beta == 0) return Eigen::RowVectorXd::Zero(c.columns);
    const auto& readout = c.network.coupling(term.coupling);
    const Matrix<T> weights = readout.read();
    Matrix<T> p = weights.leftCols(readout.inputs()) * layer_of(c, term.layer);
    p.colwise() += weights.col(readout.inputs());
    softmax<T>(p);
    const Matrix<T> y = columns_of(c.boundary.target, c.columns);
    return c.boundary.beta * cost_of<T>(Cost::cross_entropy, p, y);
  }
  Eigen::RowVectorXd operator()(const UserTerm<T>& term) const { return term.potential(c); }
};

}  // namespace

template <class T>
bool add_field(const Term<T>& term, const TermContext<T>& context, int l, Out<T> h, Out<T> a) {
  return std::visit(Field<T>{context, l, h, a}, term);
}

template <class T>
Eigen::RowVectorXd potential(const Term<T>& term, const TermContext<T>& context) {
  return std::visit(Potential<T>{context}, term);
}

template <class T>
void softmax(Out<T> values) {
  for (Index c = 0; c < values.cols(); ++c) {
    const T top = values.col(c).maxCoeff();
    T sum = 0;
    for (Index r = 0; r < values.rows(); ++r) sum += values(r, c) = std::exp(values(r, c) - top);
    values.col(c) /= sum;
  }
}

template bool add_field<float>(const Term<float>&, const TermContext<float>&, int, Out<float>, Out<float>);
template bool add_field<double>(const Term<double>&, const TermContext<double>&, int, Out<double>, Out<double>);
template Eigen::RowVectorXd potential<float>(const Term<float>&, const TermContext<float>&);
template Eigen::RowVectorXd potential<double>(const Term<double>&, const TermContext<double>&);
template void softmax<float>(Out<float>);
template void softmax<double>(Out<double>);

}  // namespace eqprop
