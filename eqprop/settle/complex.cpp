#include "eqprop/settle/complex.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/check.h"
#include "base/math.h"
#include "eqprop/settle/sweeps.h"

namespace eqprop {
namespace {

using Complex = std::complex<double>;

// tanh(x + i y) from t = tanh x:  (t + i sin y cos y (1 - t^2)) / (cos^2 y + t^2 sin^2 y); nothing overflows
template <class T>
struct Pair {
  T re, im;
};
Pair<float> tanh_of(float x, float y) {
  constexpr float kTurn = 0.159154943091895f;  // 1 / (2 pi)
  const float t = tanh_poly(x);
  const SinCos a = sincos_2pi(y * kTurn);
  const float below = a.cos * a.cos + t * t * a.sin * a.sin;
  return {t / below, a.sin * a.cos * (1 - t * t) / below};
}
Pair<double> tanh_of(double x, double y) {
  const double t = std::tanh(x);
  const double s = std::sin(y);
  const double c = std::cos(y);
  const double below = c * c + t * t * s * s;
  return {t / below, s * c * (1 - t * t) / below};
}

// act(h) of one unit without curvature
template <class T>
Pair<T> plain(Activation activation, T x, T y) {
  if (activation == Activation::linear) return {x, y};
  if (activation == Activation::tanh) return tanh_of(x, y);
  const Pair<T> half = tanh_of(x / 2, y / 2);  // logistic(z) = (1 + tanh(z / 2)) / 2
  return {(1 + half.re) / 2, half.im / 2};
}

Complex act(Activation activation, Complex u) {
  const Pair<double> z = plain<double>(activation, u.real(), u.imag());
  return {z.re, z.im};
}
Complex slope(Activation activation, Complex z) { return activation == Activation::tanh ? 1.0 - z * z : z * (1.0 - z); }

// pre-activation u of u + beta act(u) = h, by Newton
Complex nudged(Activation activation, Complex h, Complex beta) {
  constexpr int kSteps = 30;
  if (activation == Activation::linear) return h / (1.0 + beta);
  Complex u = h;
  for (int i = 0; i < kSteps; ++i) {
    const Complex z = act(activation, u);
    const Complex step = (u + beta * z - h) / (1.0 + beta * slope(activation, z));
    u -= step;
    if (std::abs(step) <= 1e-16 * (1 + std::abs(u)) || !std::isfinite(std::abs(step))) break;
  }
  return u;
}

// squared distance to the first pole above or below the real axis
template <class T>
T pole_distance2(Activation activation, T x, T y) {
  const T pole = activation == Activation::tanh ? static_cast<T>(std::numbers::pi / 2) : static_cast<T>(std::numbers::pi);
  const T d = pole - std::abs(y);
  return x * x + d * d;
}

template <class T>
class ComplexSweep {
 public:
  ComplexSweep(Shard<T>& shard, Complex beta) : shard_(shard), b_(shard.buffers()), beta_(beta) {}

  void run(int sweep) {
    shard_.start_sweep();
    const TermContext<T> re = shard_.context(b_.re.now, 2 * sweep - 1);
    // the boundary of the context is the shard's: both look at the same
    TermContext<T> im{re.network, b_.im.now, re.boundary, re.columns, re.place, re.run};
    ++im.place.place.sweep;
    in_order(shard_.options().method, shard_.moving_layers(), [&](int l) { update(re, im, l); });
  }

 private:
  void update(const TermContext<T>& re, const TermContext<T>& im, int l) {
    const Network<T>& network = shard_.network();
    const Index units = network.layer(l).size;
    Block<T> x = b_.field.shape(units, re.columns);
    Block<T> y = b_.field_im.shape(units, re.columns);
    x.setZero();
    y.setZero();
    if (l == 1) {
      x = re.boundary.drive;
    } else {
      network.coupling(l - 1).forward(b_.re.now.layer(l - 1, 0, re.columns), x, re.place, shard_.run());
      network.coupling(l - 1).forward_unbiased(b_.im.now.layer(l - 1, 0, re.columns), y, im.place, shard_.run());
    }
    if (l < network.depth()) {
      network.coupling(l).backward(b_.re.now.layer(l + 1, 0, re.columns), x, re.place, shard_.run());
      network.coupling(l).backward(b_.im.now.layer(l + 1, 0, re.columns), y, im.place, shard_.run());
    }
    const bool nudged = l == network.depth() && beta_ != 0.0;
    if (nudged && network.has_readout()) push_readout(re, im, x, y);
    if (nudged && !network.has_readout())
      activate_nudged(network.layer(l).activation, re.boundary.target, x, y);
    else
      activate_plain(network.layer(l).activation, x, y);
    disturb<T>(shard_, re, l, 0, x);
    disturb<T>(shard_, im, l, 1, y);
    auto re_now = b_.re.now.layer(l, 0, re.columns);
    auto im_now = b_.im.now.layer(l, 0, re.columns);
    note_update<T>(shard_, re, l, re_now, x);
    note_update<T>(shard_, im, l, im_now, y);
    for (Index i = 0; i < re.columns; ++i)  // a state beyond any meaning has diverged, whatever it changed by
      if (!(x.col(i).cwiseAbs().maxCoeff() < T(kDivergedChange)) || !(y.col(i).cwiseAbs().maxCoeff() < T(kDivergedChange)))
        shard_.note_change(i, std::numeric_limits<T>::infinity());
    re_now = x;
    im_now = y;
  }

  // h += beta R' (y - softmax(R z + c))
  void push_readout(const TermContext<T>& re, const TermContext<T>& im, Block<T>& x, Block<T>& y) {
    const Network<T>& network = shard_.network();
    const int l = network.depth();
    thread_local Buffer<T> kept_re, kept_im;
    Block<T> u = kept_re.shape(network.outputs(), re.columns);
    Block<T> v = kept_im.shape(network.outputs(), re.columns);
    output_force_complex<T>(network, re.boundary.target, beta_, b_.re.now.layer(l, 0, re.columns), b_.im.now.layer(l, 0, re.columns), u, v,
                            re.place, shard_.run());
    network.coupling(l).backward(u, x, re.place, shard_.run());
    network.coupling(l).backward(v, y, im.place, shard_.run());
  }

  void activate_plain(Activation activation, Block<T>& x, Block<T>& y) {
    if (activation == Activation::linear) return;
    for (Index i = 0; i < x.cols(); ++i) {
      T nearest = std::numeric_limits<T>::infinity();
      for (Index r = 0; r < x.rows(); ++r) {
        const T d = pole_distance2(activation, x(r, i), y(r, i));
        nearest = d < nearest ? d : nearest;
        const Pair<T> z = plain<T>(activation, x(r, i), y(r, i));
        x(r, i) = z.re;
        y(r, i) = z.im;
      }
      note_pole(i, nearest);
    }
  }

  void activate_nudged(Activation activation, const ConstBlock<T>& target, Block<T>& x, Block<T>& y) {
    for (Index i = 0; i < x.cols(); ++i) {
      double nearest = std::numeric_limits<double>::infinity();
      for (Index r = 0; r < x.rows(); ++r) {
        const Complex h = Complex(static_cast<double>(x(r, i)), static_cast<double>(y(r, i))) + beta_ * static_cast<double>(target(r, i));
        const Complex u = nudged(activation, h, beta_);
        const Complex z = activation == Activation::linear ? u : act(activation, u);
        if (activation != Activation::linear) nearest = std::min(nearest, pole_distance2(activation, u.real(), u.imag()));
        x(r, i) = static_cast<T>(z.real());
        y(r, i) = static_cast<T>(z.imag());
      }
      note_pole(i, nearest);
    }
  }

  template <class D>
  void note_pole(Index column, D distance2) {
    float& pole = b_.pole[static_cast<std::size_t>(column)];
    pole = std::min(pole, static_cast<float>(std::sqrt(distance2)));
  }

  Shard<T>& shard_;
  ShardBuffers<T>& b_;
  Complex beta_;
};

}  // namespace

template <class T>
bool complex_applies(const Network<T>& network) {
  for (int l = 1; l <= network.depth(); ++l)
    if (!is_smooth(network.layer(l).activation)) return false;
  return std::none_of(network.terms().begin(), network.terms().end(),
                      [](const Term<T>& term) { return std::holds_alternative<UserTerm<T>>(term); });
}

template <class T>
void output_force_complex(const Network<T>& network, const In<T>& target, std::complex<double> factor, const In<T>& re, const In<T>& im,
                          Out<T> force_re, Out<T> force_im, const ReadPlace& place, Run& run) {
  const Coupling<T>& readout = network.coupling(network.depth());
  ReadPlace second = place;
  ++second.place.sweep;
  force_re.setZero();
  force_im.setZero();
  readout.forward(re, force_re, place, run);
  readout.forward_unbiased(im, force_im, second, run);
  const std::complex<T> strength(factor);
  for (Index i = 0; i < force_re.cols(); ++i) {
    const T largest = force_re.col(i).maxCoeff();
    std::complex<T> sum = 0;
    for (Index k = 0; k < force_re.rows(); ++k) {
      const std::complex<T> e = std::polar(std::exp(force_re(k, i) - largest), force_im(k, i));
      force_re(k, i) = e.real();
      force_im(k, i) = e.imag();
      sum += e;
    }
    for (Index k = 0; k < force_re.rows(); ++k) {
      const std::complex<T> force = strength * (target(k, i) - std::complex<T>(force_re(k, i), force_im(k, i)) / sum);
      force_re(k, i) = force.real();
      force_im(k, i) = force.imag();
    }
  }
}

template <class T>
void settle_complex(const Network<T>& network, const Boundary<T>& boundary, std::complex<double> beta, State<T>& re, State<T>& im,
                    const SettleOptions& options, const ReadPlace& place, Workspace<T>& workspace, SettleReport& report, Run& run) {
  check(complex_applies(network), "complex states need tanh, logistic or linear layers and no user's term");
  check(options.state_bits == 0, "complex states are not rounded");
  check(re.batch() == im.batch(), "both parts of complex states have one batch");
  check_boundary(network, boundary, re.batch(), place);
  const auto batch = static_cast<std::size_t>(re.batch());
  report.resize(batch);
  begin_phase(network, place, run);
  report.pole.assign(batch, 0.0F);
  // the nudge counts where it is given; euler's step has no meaning here
  SettleOptions blocks = options;
  if (options.method != Method::backward && options.method != Method::asynchronous) blocks.method = Method::forward;
  Boundary<T> nudged = boundary;
  nudged.beta = std::abs(beta);  // reads are charged, and their noise counted, for a nudge of any phase
  const NoiseFloor floor = predict_floor(network, nudged, blocks, workspace);
  over_shards<T>(batch, workspace, run, [&](std::size_t i, Range range, Run& own) {
    Shard<T> shard(network, nudged, blocks, floor, place, range, 2, workspace.shards[i], own);
    ShardBuffers<T>& b = shard.buffers();
    b.pole.assign(range.size(), std::numeric_limits<float>::infinity());
    shard.load(re, b.re);
    shard.load(im, b.im);
    if (shard.held()) b.im.now.layer(network.depth()).setZero();
    ComplexSweep<T> complex_sweep(shard, beta);
    for (int sweep = 1; sweep <= shard.last_sweep() && shard.active() > 0; ++sweep) {
      complex_sweep.run(sweep);
      shard.end_sweep(sweep, report);
    }
    shard.finish();
    shard.store(b.re.now, re);
    shard.store(b.im.now, im);
  });
  run.clock += report.second.empty() ? 0 : *std::max_element(report.second.begin(), report.second.end());
}

template bool complex_applies<float>(const Network<float>&);
template bool complex_applies<double>(const Network<double>&);
template void output_force_complex<float>(const Network<float>&, const In<float>&, Complex, const In<float>&, const In<float>&, Out<float>,
                                          Out<float>, const ReadPlace&, Run&);
template void output_force_complex<double>(const Network<double>&, const In<double>&, Complex, const In<double>&, const In<double>&,
                                           Out<double>, Out<double>, const ReadPlace&, Run&);
template void settle_complex<float>(const Network<float>&, const Boundary<float>&, std::complex<double>, State<float>&, State<float>&,
                                    const SettleOptions&, const ReadPlace&, Workspace<float>&, SettleReport&, Run&);
template void settle_complex<double>(const Network<double>&, const Boundary<double>&, std::complex<double>, State<double>&, State<double>&,
                                     const SettleOptions&, const ReadPlace&, Workspace<double>&, SettleReport&, Run&);

}  // namespace eqprop
