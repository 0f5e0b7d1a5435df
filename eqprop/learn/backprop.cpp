#include "eqprop/learn/backprop.h"

namespace eqprop {

template <class T>
void feed_forward(const Network<T>& network, const In<T>& drive, State<T>& state, const ReadPlace& place, Run& run) {
  state.reshape(network.sizes(), drive.cols());
  for (int l = 1; l <= network.depth(); ++l) {
    Block<T> s = state.layer(l);
    if (l == 1)
      s = drive;
    else
      network.coupling(l - 1).forward(state.layer(l - 1), s, place, run);
    activate<T>(network.layer(l), s);
    network.coupling(l - 1).count_update(s.rows(), s.cols(), place.place, run);
  }
}

template <class T>
void backpropagate(const Network<T>& network, const State<T>& state, const AdjointSource<T>& source, const ReadPlace& place,
                   State<T>& adjoint, Run& run) {
  adjoint.reshape(network.sizes(), state.batch());
  Buffer<T> kept;
  for (int l = network.depth(); l >= 1; --l) {
    Block<T> field = kept.shape(state.size(l), state.batch());
    if (l == network.depth()) {
      field = source.push.block();
    } else {
      field.setZero();
      network.coupling(l).backward(adjoint.layer(l + 1), field, place, run);
    }
    adjoint.layer(l) = field.cwiseProduct(activation_slopes<T>(network.layer(l), state.layer(l)));
    network.coupling(l - 1).count_update(field.rows(), field.cols(), place.place, run);
  }
}

template void feed_forward<float>(const Network<float>&, const In<float>&, State<float>&, const ReadPlace&, Run&);
template void backpropagate<float>(const Network<float>&, const State<float>&, const AdjointSource<float>&, const ReadPlace&, State<float>&,
                                   Run&);
template void feed_forward<double>(const Network<double>&, const In<double>&, State<double>&, const ReadPlace&, Run&);
template void backpropagate<double>(const Network<double>&, const State<double>&, const AdjointSource<double>&, const ReadPlace&,
                                    State<double>&, Run&);

}  // namespace eqprop
