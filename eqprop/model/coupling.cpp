#include "eqprop/model/coupling.h"

#include "base/check.h"
#include "crossbar/product.h"

namespace eqprop {

template <class T>
WantedChange<T>::WantedChange(std::span<const Factor<T>> factors, double rate, double momentum, Matrix<T>* velocity)
    : factors_(factors), rate_(static_cast<T>(rate)), momentum_(static_cast<T>(momentum)), velocity_(velocity) {
  check(!factors_.empty(), "a wanted change needs at least one factor");
}

template <class T>
void WantedChange<T>::rows(Range rows, Out<T> out) const {
  const auto first = static_cast<Index>(rows.begin);
  const auto count = static_cast<Index>(rows.size());
  const Index n = inputs();
  out.setZero();
  for (const auto& factor : factors_) {
    const auto post = factor.post.middleRows(first, count);
    add_product(factor.weight, post, factor.pre.transpose(), out.leftCols(n));
    if (factor.with_bias) out.col(n) += factor.weight * post.rowwise().sum();
  }
  if (velocity_ != nullptr) {
    auto velocity = velocity_->middleRows(first, count);
    velocity = momentum_ * velocity + out;
    out = velocity;
  }
  out *= rate_;
}

template <class T>
void Coupling<T>::forward_unbiased(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const {
  forward(pre, field, place, run);
  field.colwise() -= bias_values();
}

template <class T>
Vector<T> Coupling<T>::bias_values() const {
  return read().col(inputs());
}

template <class T>
void Coupling<T>::shrink(double) {
  check(false, "these weights cannot be scaled");
}

template <class T>
Vector<T> Coupling<T>::row_sums() const {
  const Matrix<T> weights = read();
  return weights.leftCols(inputs()).rowwise().sum();
}

template <class T>
Vector<T> Coupling<T>::col_sums() const {
  const Matrix<T> weights = read();
  return weights.leftCols(inputs()).colwise().sum().transpose();
}

template class WantedChange<float>;
template class WantedChange<double>;
template class Coupling<float>;
template class Coupling<double>;

}  // namespace eqprop
