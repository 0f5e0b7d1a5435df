#include "crossbar/kernel/cell_lanes.h"

#include <algorithm>
#include <limits>

// scalable vectors cannot be kept in arrays; such CPUs run the fixed-size code (SSSE3 alone is not worth its code)
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "crossbar/kernel/cell_lanes.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// after foreach_target.h, which includes this file once for every instruction set
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace eqprop::cell_lanes {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<double, 8>;
using V = hn::Vec<D>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// a value and its derivative
struct Dual {
  V value, slope;
};

HWY_INLINE V number(double x) { return hn::Set(D(), x); }

// sinh and cosh of x >= 0; infinite beyond what exp holds
HWY_INLINE Dual hyperbolic(V x) {
  constexpr double kLargest = 700;
  const V one = number(1);
  const V m = hn::IfThenElse(hn::Gt(x, number(kLargest)), number(kInfinity), hn::Expm1(D(), hn::Min(x, number(kLargest))));
  const V e = hn::Add(m, one), inverse = hn::Div(one, e);
  return {hn::Mul(number(0.5), hn::Add(m, hn::IfThenElseZero(hn::Lt(m, number(kInfinity)), hn::Mul(m, inverse)))),
          hn::Mul(number(0.5), hn::Add(e, inverse))};
}

// scale sinh(volt / width)
HWY_INLINE Dual sinh_law(V volt, V scale, double width) {
  const Dual h = hyperbolic(hn::Div(volt, number(width)));
  return {hn::Mul(scale, h.value), hn::Div(hn::Mul(scale, h.slope), number(width))};
}

// the other way round: width asinh(ampere / scale); inverse: 1 / scale
HWY_INLINE Dual sinh_drop(V ampere, V inverse, double width) {
  const V x = hn::Mul(ampere, inverse);
  const V root = hn::Sqrt(hn::MulAdd(x, x, number(1)));
  return {hn::Mul(number(width), hn::Asinh(D(), x)), hn::Div(hn::Mul(number(width), inverse), root)};
}

// the devices of one vector
template <bool kSinh>
struct Devices {
  const Law& law;
  V size, inverse;  // G s and 1 / (G s), or G and 1 / G

  Devices(const Law& of, V siemens)
      : law(of), size(kSinh ? hn::Mul(siemens, number(of.scale)) : siemens), inverse(hn::Div(number(1), size)) {}
  HWY_INLINE Dual at(V volt) const {
    if constexpr (kSinh) return sinh_law(volt, size, law.sinh_volt);
    return {hn::Mul(size, volt), size};
  }
  HWY_INLINE Dual drop(V ampere) const {
    if constexpr (kSinh) return sinh_drop(ampere, inverse, law.sinh_volt);
    return {hn::Mul(ampere, inverse), inverse};
  }
};

// the root of f(x) = wanted for a rising, concave f, from an x not above it, up to `most`: a tangent lies above f, so Newton's steps never
// pass the root, and they end where rounding lets none rise
template <class F>
HWY_INLINE V climb(V x, V wanted, V most, const F& f) {
  const D d;
  constexpr int kMost = 100;
  constexpr double kNear = 1e-8;  // the next step would be of its square
  for (int k = 0; k < kMost; ++k) {
    const Dual at = f(x);
    const V step = hn::Div(hn::Sub(wanted, at.value), at.slope);
    const auto rises = hn::And(hn::Gt(step, hn::Zero(d)), hn::Lt(x, most));
    x = hn::IfThenElse(rises, hn::Min(hn::Add(x, step), most), x);
    if (hn::AllFalse(d, hn::And(rises, hn::Gt(step, hn::Mul(number(kNear), x))))) break;
  }
  return x;
}

template <bool kSinh>
HWY_INLINE Dual behind_transistor(const Law& law, const Devices<kSinh>& device, V volt) {
  const bool bends = law.overdrive_volt > 0;
  const V ohm = number(law.transistor_ohm), curve = number(bends ? 1 / law.overdrive_volt : 0);
  const V most = number(bends ? law.overdrive_volt : kInfinity);
  const auto carried = [&](V u) {
    const V falls = hn::Max(hn::Zero(D()), hn::NegMulAdd(curve, u, number(1)));
    return Dual{hn::Div(hn::Mul(hn::Mul(number(0.5), u), hn::Add(number(1), falls)), ohm), hn::Div(falls, ohm)};
  };
  const auto whole = [&](V u) {
    const Dual current = carried(u), over = device.drop(current.value);
    return Dual{hn::Add(u, over.value), hn::MulAdd(over.slope, current.slope, number(1))};
  };
  // half the voltage, or the drop at which the transistor carries what the device does at half the voltage: below the root
  const V half = hn::Mul(number(0.5), volt);
  V start = hn::Mul(device.at(half).value, ohm);
  if (bends) {
    const V root = hn::Sqrt(hn::Max(hn::Zero(D()), hn::NegMulAdd(hn::Mul(number(2), start), curve, number(1))));
    start = hn::Div(hn::Mul(number(2), start), hn::Add(number(1), root));
  }
  const V u = climb(hn::Min(hn::Min(start, half), most), volt, most, whole);
  const Dual current = carried(u);
  return {current.value, hn::Div(current.slope, hn::MulAdd(device.drop(current.value).slope, current.slope, number(1)))};
}

template <bool kSinh>
HWY_INLINE Dual behind_selector(const Law& law, const Devices<kSinh>& device, V volt) {
  const V unit = number(law.selector_ampere), inverse = number(1 / law.selector_ampere);
  const auto whole = [&](V ampere) {
    const Dual own = sinh_drop(ampere, inverse, law.selector_volt), over = device.drop(ampere);
    return Dual{hn::Add(own.value, over.value), hn::Add(own.slope, over.slope)};
  };
  const V half = hn::Mul(number(0.5), volt);
  const V start = hn::Min(sinh_law(half, unit, law.selector_volt).value, device.at(half).value);
  const V ampere = climb(start, volt, number(kInfinity), whole);
  return {ampere, hn::Div(number(1), whole(ampere).slope)};
}

template <bool kSinh, Partner kPartner>
HWY_INLINE void vector_of(const Law& law, const double* siemens, const double* volt, double* ampere, double* slope) {
  const D d;
  const V g = hn::LoadU(d, siemens), v = hn::LoadU(d, volt);
  const auto present = hn::Gt(g, hn::Zero(d));
  const Devices<kSinh> device(law, hn::IfThenElse(present, g, number(1)));
  const V size = hn::Abs(v);
  Dual out{};
  if constexpr (kPartner == Partner::none) out = device.at(size);
  if constexpr (kPartner == Partner::transistor) out = behind_transistor(law, device, size);
  if constexpr (kPartner == Partner::selector) out = behind_selector(law, device, size);
  hn::StoreU(hn::IfThenElseZero(present, hn::CopySign(out.value, v)), d, ampere);
  hn::StoreU(hn::IfThenElseZero(present, out.slope), d, slope);
}

template <bool kSinh, Partner kPartner>
void all(const Law& law, const double* siemens, const double* volt, std::size_t count, double* ampere, double* slope) {
  const std::size_t lanes = hn::Lanes(D());
  std::size_t k = 0;
  for (; k + lanes <= count; k += lanes) vector_of<kSinh, kPartner>(law, siemens + k, volt + k, ampere + k, slope + k);
  if (k == count) return;
  double in[2][8] = {}, out[2][8];
  std::copy(siemens + k, siemens + count, in[0]);
  std::copy(volt + k, volt + count, in[1]);
  vector_of<kSinh, kPartner>(law, in[0], in[1], out[0], out[1]);
  std::copy(out[0], out[0] + (count - k), ampere + k);
  std::copy(out[1], out[1] + (count - k), slope + k);
}

template <bool kSinh>
void any(const Law& law, const double* siemens, const double* volt, std::size_t count, double* ampere, double* slope) {
  switch (law.partner) {
    case Partner::none:
      return all<kSinh, Partner::none>(law, siemens, volt, count, ampere, slope);
    case Partner::transistor:
      return all<kSinh, Partner::transistor>(law, siemens, volt, count, ampere, slope);
    case Partner::selector:
      return all<kSinh, Partner::selector>(law, siemens, volt, count, ampere, slope);
  }
}

void evaluate_here(const Law& law, const double* siemens, const double* volt, std::size_t count, double* ampere, double* slope) {
  if (law.sinh_volt > 0) return any<true>(law, siemens, volt, count, ampere, slope);
  any<false>(law, siemens, volt, count, ampere, slope);
}

}  // namespace HWY_NAMESPACE
}  // namespace eqprop::cell_lanes
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eqprop::cell_lanes {
HWY_EXPORT(evaluate_here);

void evaluate(const Law& law, const double* siemens, const double* volt, std::size_t count, double* ampere, double* slope) {
  HWY_DYNAMIC_DISPATCH(evaluate_here)(law, siemens, volt, count, ampere, slope);
}

}  // namespace eqprop::cell_lanes
#endif
