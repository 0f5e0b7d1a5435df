#include "eqprop/model/asymmetric_coupling.h"

#include "crossbar/product.h"

namespace eqprop {

template <class T>
AsymmetricCoupling<T>::AsymmetricCoupling(std::unique_ptr<Coupling<T>> inner, double error, std::uint32_t seed, int layer)
    : inner_(std::move(inner)), gain_(inner_->outputs(), inner_->inputs()) {
  const RandomKey key(seed, Purpose::device_spread, static_cast<std::uint32_t>(layer));
  for (Index i = 0; i < gain_.cols(); ++i) {
    Place place;
    place.sample = static_cast<std::uint32_t>(i);
    for (Index o = 0; o < gain_.rows(); ++o) gain_(o, i) = static_cast<T>(1 + error * key.normal(place, static_cast<std::uint32_t>(o)));
  }
  refresh();
}

template <class T>
void AsymmetricCoupling<T>::refresh() {
  backward_ = inner_->read().leftCols(inputs()).cwiseProduct(gain_);
}

template <class T>
void AsymmetricCoupling<T>::backward(const In<T>& post, Out<T> field, const ReadPlace&, Run&) const {
  add_product(T(1), backward_.transpose(), post, field);
}

template <class T>
void AsymmetricCoupling<T>::update(const WantedChange<T>& change, const Place& place, Run& run) {
  inner_->update(change, place, run);
  refresh();
}

template <class T>
void AsymmetricCoupling<T>::restore(ByteReader& in) {
  inner_->restore(in);
  refresh();
}

template class AsymmetricCoupling<float>;
template class AsymmetricCoupling<double>;

}  // namespace eqprop
