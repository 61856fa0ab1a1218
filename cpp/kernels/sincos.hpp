// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Sine and cosine of an angle in two doubles, h + l: a product p q of position and frequency is
// exactly such a sum (error-free product), sums of products are one to 106 bits.
//
// n = rint(h 2/pi) and r = h - n pi/2 + l in two doubles, with pi/2 in parts P1 + P2 + P3: n P1 is
// again an error-free product and h - n P1 is exact. For |h| < 2^30 the rest is below 2^-22 and P1,
// P2 are enough; beyond, one lane at a time is reduced with all three. On |r| <= pi/4 the Taylor
// series up to r^17 and r^16 leave less than 1e-18. The result is within one ulp.
#pragma once

#include "simd.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr double kLargestAngle = 0x1p30;  // of the vector code

// pi/2 in three doubles.
constexpr double kHalfPi1 = 0x1.921fb54442d18p+0, kHalfPi2 = 0x1.1a62633145c07p-54;
constexpr double kHalfPi3 = -0x1.f1976b7ed8fbcp-110;
constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;

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

// The angle r + rest + quadrant pi/2, |r| <= pi/4.
template <int N>
struct Reduced {
  Vector<double, N> r, rest;
  Vector<std::int64_t, N> quadrant;
};

// high + low = a + b exactly (Knuth).
template <class V>
ISOKERN_INLINE Pair<V> exact_sum(const V& a, const V& b) noexcept {
  const V high = a + b;
  const V back = high - a;
  return {high, (a - (high - back)) + (b - back)};
}

template <int N>
ISOKERN_INLINE Reduced<N> reduce(const Pair<Vector<double, N>>& angle) noexcept {
  using V = Vector<double, N>;
  constexpr double rounder = 0x1.8p52;  // the low bits of the sum are the nearest integer
  const V shifted = angle.high * kTwoOverPi + rounder;
  const V n = shifted - rounder;
  const auto turns = exact_product<N>(n, V{} + kHalfPi1);
  const V coarse = angle.high - turns.high;
  const auto sum = exact_sum<V>(coarse, (angle.low - turns.low) - n * kHalfPi2);
  return {sum.high, sum.low, bit_cast<Vector<std::int64_t, N>>(shifted)};
}

// Any finite angle: as its number of quarter turns does not fit a double exactly,
// quarter turns are taken off until none is left.
inline Reduced<1> reduce_large(Pair<double> rest) noexcept {
  std::int64_t quadrant = 0;
  for (int step = 0; step < 64; ++step) {
    const double n = __builtin_rint(rest.high * kTwoOverPi);
    if (n == 0) break;
    const auto first = exact_product<1>(n, kHalfPi1), second = exact_product<1>(n, kHalfPi2);
    const auto coarse = exact_sum(rest.high, -first.high);
    const auto fine = exact_sum(rest.low, -first.low);
    const auto finer = exact_sum(fine.high, -second.high);
    const auto sum = exact_sum(coarse.high, finer.high);
    const double tail =
        ((coarse.low + fine.low) + (finer.low + sum.low)) - second.low - n * kHalfPi3;
    rest = exact_sum(sum.high, tail);
    quadrant += static_cast<std::int64_t>(__builtin_fmod(n, 4.0));
  }
  return {rest.high, rest.low, quadrant};
}

template <int N>
ISOKERN_INLINE void sincos(const Reduced<N>& reduced, Vector<double, N>& sine,
                           Vector<double, N>& cosine) noexcept {
  using V = Vector<double, N>;
  using Bits = Vector<std::uint64_t, N>;
  const V r = reduced.r, rest = reduced.rest;
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

  const Bits quadrant = bit_cast<Bits>(reduced.quadrant);
  const auto odd = (quadrant & 1u) != 0u;
  const V a = odd ? cos_r : sin_r;
  const V b = odd ? sin_r : cos_r;
  // The sign bit of the sine is bit 1 of the quadrant, that of the cosine bit 1 of quadrant + 1.
  sine = bit_cast<V>(bit_cast<Bits>(a) ^ ((quadrant & 2u) << 62));
  cosine = bit_cast<V>(bit_cast<Bits>(b) ^ (((quadrant + 1u) & 2u) << 62));
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
