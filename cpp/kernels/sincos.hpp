// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Sine and cosine of a product p q of two doubles, as if the product were exact: the angle of
// position p at frequency q.
//
// p q = h + l exactly (error-free product). n = rint(h 2/pi) and r = h - n pi/2 + l in two doubles,
// with pi/2 in two parts: n P1 is again an error-free product, h - n P1 is exact, the rest is below
// 2^-22 for |h| < 2^31 and carries its own rounding only. On |r| <= pi/4 the Taylor series up to
// r^17 and r^16 leave less than 1e-18. The result is within 0.6 ulp for |h| < 2^45; beyond, the
// caller asks the C library.
#pragma once

#include "simd.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr double kLargestAngle = 0x1p45;

template <class V>
struct Pair {
  V high, low;
};

// high + low = a b exactly.
template <int N>
ISOKERN_INLINE Pair<Vector<double, N>> exact_product(const Vector<double, N>& a,
                                                     const Vector<double, N>& b) noexcept {
  using V = Vector<double, N>;
  const V high = a * b;
#if defined(__FMA__)
  if constexpr (N == 8) {
#if defined(__AVX512F__)
    return {high, bit_cast<V>(_mm512_fmsub_pd(bit_cast<__m512d>(a), bit_cast<__m512d>(b),
                                              bit_cast<__m512d>(high)))};
#endif
  } else if constexpr (N == 4) {
    return {high, bit_cast<V>(_mm256_fmsub_pd(bit_cast<__m256d>(a), bit_cast<__m256d>(b),
                                              bit_cast<__m256d>(high)))};
  } else if constexpr (N == 1) {
    return {high, __builtin_fma(a, b, -high)};
  }
#elif defined(__ARM_NEON) && defined(__aarch64__)
  if constexpr (N == 2) {
    return {high, bit_cast<V>(vfmaq_f64(vnegq_f64(bit_cast<float64x2_t>(high)),
                                        bit_cast<float64x2_t>(a), bit_cast<float64x2_t>(b)))};
  } else if constexpr (N == 1) {
    return {high, __builtin_fma(a, b, -high)};
  }
#endif
  // Without fused operations: halves of 26 bits, whose products are exact (Dekker 1971).
  const V a_big = a * 134217729.0, b_big = b * 134217729.0;
  const V a1 = a_big - (a_big - a), b1 = b_big - (b_big - b);
  const V a2 = a - a1, b2 = b - b1;
  return {high, ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2};
}

template <int N>
ISOKERN_INLINE void sincos_product(const Vector<double, N>& p, const Vector<double, N>& q,
                                   Vector<double, N>& sine, Vector<double, N>& cosine) noexcept {
  using V = Vector<double, N>;
  using Bits = Vector<std::int64_t, N>;
  constexpr double half_pi_high = 0x1.921fb54442d18p+0, half_pi_low = 0x1.1a62633145c07p-54;
  constexpr double rounder = 0x1.8p52;  // the sum's low bits are the nearest integer

  const auto angle = exact_product<N>(p, q);
  const V shifted = angle.high * 0x1.45f306dc9c883p-1 + rounder;
  const Bits quadrant = bit_cast<Bits>(shifted);
  const V n = shifted - rounder;
  const auto turns = exact_product<N>(n, Vector<double, N>{} + half_pi_high);
  const V coarse = angle.high - turns.high;
  const V fine = (angle.low - turns.low) - n * half_pi_low;
  const V r = coarse + fine;
  const V back = r - coarse;
  const V rest = (coarse - (r - back)) + (fine - back);

  const V r2 = r * r;
  V s = r2 * (1.0 / 355687428096000.0) - 1.0 / 1307674368000.0;
  s = s * r2 + 1.0 / 6227020800.0;
  s = s * r2 - 1.0 / 39916800.0;
  s = s * r2 + 1.0 / 362880.0;
  s = s * r2 - 1.0 / 5040.0;
  s = s * r2 + 1.0 / 120.0;
  s = s * r2 - 1.0 / 6.0;
  const V sin_r = r + (r * r2 * s + rest * (1.0 - 0.5 * r2));

  V c = r2 * (1.0 / 20922789888000.0) - 1.0 / 87178291200.0;
  c = c * r2 + 1.0 / 479001600.0;
  c = c * r2 - 1.0 / 3628800.0;
  c = c * r2 + 1.0 / 40320.0;
  c = c * r2 - 1.0 / 720.0;
  c = c * r2 + 1.0 / 24.0;
  const V half = 0.5 * r2;
  const V leading = 1.0 - half;
  const V cos_r = leading + (((1.0 - leading) - half) + (r2 * r2 * c - r * rest));

  const Bits one = Bits{} + 1;
  const Bits swap = (quadrant & 1) == one;
  const V a = swap ? cos_r : sin_r;
  const V b = swap ? sin_r : cos_r;
  // The sign bit of the sine is bit 1 of the quadrant, that of the cosine bit 1 of quadrant + 1.
  using Unsigned = Vector<std::uint64_t, N>;
  const Unsigned turn = bit_cast<Unsigned>(quadrant);
  sine = bit_cast<V>(bit_cast<Unsigned>(a) ^ ((turn & 2u) << 62));
  cosine = bit_cast<V>(bit_cast<Unsigned>(b) ^ (((turn + 1u) & 2u) << 62));
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
