#pragma once
// Elementary functions for float: branch-free polynomials, the same code in a vectorised body and in its tail, so that bits do not
// depend on where in an array a value stands. Error bounds are tested against double precision on dense grids (tests/base/math.cpp).
//   exp, log, sine and cosine: minimax polynomials of Cephes (S. L. Moshier, https://www.netlib.org/cephes, single precision)
//   tanh, logistic: from exp(x) - 1 and exp(x), one division
// Square roots: std::sqrt is correctly rounded everywhere and vectorises under -fno-math-errno.
// NaN in gives NaN out. Everything is always inlined: a program built for an older machine never shares a body with a tuned library.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace eqprop {

/// a*b + c, fused where the target has FMA, two roundings elsewhere. Used so that contraction is never the compiler's choice.
[[gnu::always_inline]] inline float mul_add(float a, float b, float c) {
#ifdef __FMA__
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

namespace math_detail {

inline constexpr float kRounder = 12582912.0f;   // 1.5 * 2^23: adding and subtracting it rounds |x| < 2^22 to the nearest integer
inline constexpr float kLn2High = 0.693359375f;  // ln 2 in two parts, the first with 9 bits: n * kLn2High is exact
inline constexpr float kLn2Low = -2.12194440e-4f;

/// x = n ln 2 + r with |r| <= ln(2)/2 as exp(r) - 1 and the power 2^n, for x in [-87.3, 88.37].
struct ExpParts {
  float minus_one;  ///< exp(r) - 1
  float power;      ///< 2^n
};

[[gnu::always_inline]] inline ExpParts exp_parts(float x) {
  const float shifted = mul_add(x, 1.44269504f, kRounder);
  const float n = shifted - kRounder;
  const float r = mul_add(n, -kLn2Low, mul_add(n, -kLn2High, x));
  float p = 1.9875691500e-4f;
  p = mul_add(p, r, 1.3981999507e-3f);
  p = mul_add(p, r, 8.3334519073e-3f);
  p = mul_add(p, r, 4.1665795894e-2f);
  p = mul_add(p, r, 1.6666665459e-1f);
  p = mul_add(p, r, 5.0000001201e-1f);
  // the low bits of `shifted` hold n; moved to the exponent they make 2^n (127 is the exponent's bias)
  const std::uint32_t n_bits = std::bit_cast<std::uint32_t>(shifted) << 23;
  return {mul_add(p, r * r, r), std::bit_cast<float>(n_bits + (127u << 23))};
}

/// Natural logarithm of a positive normal finite x.
[[gnu::always_inline]] inline float log_positive(float x) {
  // x = 2^e (1 + r) with 1 + r in [sqrt(1/2), sqrt(2)); 0x3f3504f3 are the bits of sqrt(1/2)
  const std::uint32_t offset = std::bit_cast<std::uint32_t>(x) - 0x3f3504f3u;
  const float e = static_cast<float>(static_cast<std::int32_t>(offset) >> 23);
  const float r = std::bit_cast<float>((offset & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  float p = 7.0376836292e-2f;
  p = mul_add(p, r, -1.1514610310e-1f);
  p = mul_add(p, r, 1.1676998740e-1f);
  p = mul_add(p, r, -1.2420140846e-1f);
  p = mul_add(p, r, 1.4249322787e-1f);
  p = mul_add(p, r, -1.6668057665e-1f);
  p = mul_add(p, r, 2.0000714765e-1f);
  p = mul_add(p, r, -2.4999993993e-1f);
  p = mul_add(p, r, 3.3333331174e-1f);
  const float r2 = r * r;
  const float tail = mul_add(-0.5f, r2, mul_add(e, kLn2Low, p * r * r2));
  return mul_add(e, kLn2High, r + tail);
}

}  // namespace math_detail

/// Sine and cosine of one angle.
struct SinCos {
  float sin;
  float cos;
};

/// Sine and cosine of a quarter turn times (quarter + r), |r| <= 1/2; absolute error <= 1.2e-7. Only the low two bits of `quarter` matter.
[[gnu::always_inline]] inline SinCos sincos_quarter(std::uint32_t quarter, float r) {
  const float x = r * 1.57079632679f;
  const float x2 = x * x;
  float s = mul_add(-1.9515295891e-4f, x2, 8.3321608736e-3f);
  s = mul_add(s, x2, -1.6666654611e-1f);
  s = mul_add(s * x2, x, x);
  float c = mul_add(2.443315711809948e-5f, x2, -1.388731625493765e-3f);
  c = mul_add(c, x2, 4.166664568298827e-2f);
  c = mul_add(c, x2 * x2, mul_add(-0.5f, x2, 1.0f));
  // odd quarters swap sine and cosine; sine is negative in quarters 2, 3 and cosine in quarters 1, 2
  const std::uint32_t swap = 0u - (quarter & 1u);
  const std::uint32_t s_bits = std::bit_cast<std::uint32_t>(s);
  const std::uint32_t c_bits = std::bit_cast<std::uint32_t>(c);
  const std::uint32_t exchange = (s_bits ^ c_bits) & swap;
  const std::uint32_t sin_sign = (quarter & 2u) << 30;
  const std::uint32_t cos_sign = ((quarter + 1u) & 2u) << 30;
  return {std::bit_cast<float>(s_bits ^ exchange ^ sin_sign), std::bit_cast<float>(c_bits ^ exchange ^ cos_sign)};
}

/// Sine and cosine of 2 pi t (t in turns), |t| < 2^20; absolute error <= 1.2e-7, exact at multiples of a quarter turn.
[[gnu::always_inline]] inline SinCos sincos_2pi(float t) {
  const float shifted = mul_add(t, 4.0f, math_detail::kRounder);
  return sincos_quarter(std::bit_cast<std::uint32_t>(shifted), mul_add(t, 4.0f, math_detail::kRounder - shifted));
}

/// exp(x); relative error <= 1e-7. Saturates, finite and positive: below -87.3 it stays at 1.2e-38, above 88.37 at 2.4e38.
[[gnu::always_inline]] inline float exp_poly(float x) {
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.37f ? 88.37f : x;
  const auto parts = math_detail::exp_parts(x);
  return mul_add(parts.minus_one, parts.power, parts.power);
}

/// Natural logarithm; relative error <= 1e-7. Numbers below the smallest normal float (zero and negatives too) count as that: -87.34.
/// Infinity gives infinity.
[[gnu::always_inline]] inline float log_poly(float x) {
  const float lowest = std::numeric_limits<float>::min();
  const float y = math_detail::log_positive(x < lowest ? lowest : x);
  return x <= std::numeric_limits<float>::max() ? y : x;
}

/// tanh(x); relative error <= 2e-7, odd, |tanh| <= 1, exactly 1 from |x| = 10 on.
[[gnu::always_inline]] inline float tanh_poly(float x) {
  const std::uint32_t sign = std::bit_cast<std::uint32_t>(x) & 0x80000000u;
  float a = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) ^ sign);
  a = a > 10.0f ? 10.0f : a;
  // tanh(a) = m / (m + 2) with m = exp(2a) - 1
  const auto parts = math_detail::exp_parts(2.0f * a);
  const float m = mul_add(parts.minus_one, parts.power, parts.power - 1.0f);
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(m / (m + 2.0f)) | sign);
}

/// 1 / (1 + exp(-x)); relative error <= 2e-7, in (0, 1]. Below -87.3 it stays at 1.2e-38.
[[gnu::always_inline]] inline float logistic_poly(float x) {
  x = x < -87.3f ? -87.3f : x;
  return 1.0f / (1.0f + exp_poly(-x));
}

}  // namespace eqprop
