#include "eqprop/model/ideal_coupling.h"

#include "base/check.h"
#include "crossbar/product.h"

namespace eqprop {

Index padded_length(Index n) {
  const Index padded = (n + 15) / 16 * 16;
  return padded % 1024 == 0 ? padded + 16 : padded;
}

template <class T>
IdealCoupling<T>::IdealCoupling(const In<T>& weights)
    : inputs_(weights.cols() - 1), outputs_(weights.rows()), by_output_(outputs_ <= 16 && outputs_ < inputs_) {
  check(inputs_ > 0 && outputs_ > 0, "a coupling needs inputs and outputs");
  if (by_output_) {
    store_ = Matrix<T>::Zero(padded_length(inputs_), outputs_);
    store_.topRows(inputs_) = weights.leftCols(inputs_).transpose();
  } else {
    store_ = Matrix<T>::Zero(padded_length(outputs_), inputs_);
    store_.topRows(outputs_) = weights.leftCols(inputs_);
  }
  bias_ = Vector<T>::Zero(padded_length(outputs_));
  bias_.head(outputs_) = weights.col(inputs_);
}

template <class T>
void IdealCoupling<T>::forward(const In<T>& pre, Out<T> field, const ReadPlace& place, Run& run) const {
  forward_unbiased(pre, field, place, run);
  field.colwise() += bias_.head(outputs_);
}

template <class T>
void IdealCoupling<T>::forward_unbiased(const In<T>& pre, Out<T> field, const ReadPlace&, Run&) const {
  if (by_output_)
    add_product(T(1), store_.topRows(inputs_).transpose(), pre, field);
  else
    add_product(T(1), store_.topRows(outputs_), pre, field);
}

template <class T>
void IdealCoupling<T>::backward(const In<T>& post, Out<T> field, const ReadPlace&, Run&) const {
  if (by_output_)
    add_product(T(1), store_.topRows(inputs_), post, field);
  else
    add_product(T(1), store_.topRows(outputs_).transpose(), post, field);
}

template <class T>
Matrix<T> IdealCoupling<T>::read() const {
  Matrix<T> weights(outputs_, inputs_ + 1);
  if (by_output_)
    weights.leftCols(inputs_) = store_.topRows(inputs_).transpose();
  else
    weights.leftCols(inputs_) = store_.topRows(outputs_);
  weights.col(inputs_) = bias_.head(outputs_);
  return weights;
}

template <class T>
void IdealCoupling<T>::update(const WantedChange<T>& change, const Place&, Run& run) {
  check(change.outputs() == outputs_ && change.inputs() == inputs_, "the wanted change has another shape than the coupling");
  const auto total = static_cast<std::size_t>(outputs_);
  const std::size_t blocks = (total + kUpdateRows - 1) / kUpdateRows;
  parallel_for(blocks, run.threads, [&](std::size_t i) {
    const Range rows{i * kUpdateRows, std::min(total, (i + 1) * kUpdateRows)};
    const auto first = static_cast<Index>(rows.begin);
    const auto count = static_cast<Index>(rows.size());
    thread_local Buffer<T> kept;
    Block<T> wanted = kept.shape(count, inputs_ + 1);
    change.rows(rows, wanted);
    if (by_output_)
      store_.block(0, first, inputs_, count) += wanted.leftCols(inputs_).transpose();
    else
      store_.block(first, 0, count, inputs_) += wanted.leftCols(inputs_);
    bias_.segment(first, count) += wanted.col(inputs_);
  });
}

template <class T>
void IdealCoupling<T>::save(ByteWriter& out) const {
  out.put_array(std::span<const T>(store_.data(), static_cast<std::size_t>(store_.size())));
  out.put_array(std::span<const T>(bias_.data(), static_cast<std::size_t>(bias_.size())));
}

template <class T>
void IdealCoupling<T>::restore(ByteReader& in) {
  in.get_array(std::span<T>(store_.data(), static_cast<std::size_t>(store_.size())));
  in.get_array(std::span<T>(bias_.data(), static_cast<std::size_t>(bias_.size())));
}

template class IdealCoupling<float>;
template class IdealCoupling<double>;

}  // namespace eqprop
