// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Normal numbers from the counter-based generator: block b of a stream gives numbers 2 b and 2 b +
// 1 (Box and Muller, "A note on the generation of random normal deviates", 1958). Its four words
// make two fractions of 52 bits, u and t: with U = 1 - u in (0, 1] and r = sqrt(-2 ln U) the
// numbers are r cos(2 pi t) and r sin(2 pi t).
//
// This file is compiled without fused operations: every step is then rounded the same way on every
// instruction set, and so are the numbers.
#include "entries.hpp"
#include "simd.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr int kWide = kLanes<double>;
using Real = Vector<double, kWide>;
using Bits = Vector<std::uint64_t, kWide>;

ISOKERN_INLINE Real real(double value) noexcept {
  return broadcast<double, kWide>(value);
}

ISOKERN_INLINE Real select(const Bits& mask, const Real& yes, const Real& no) noexcept {
  return bit_cast<Real>((bit_cast<Bits>(yes) & mask) | (bit_cast<Bits>(no) & ~mask));
}

ISOKERN_INLINE Bits all(std::uint64_t value) noexcept {
  return broadcast<std::uint64_t, kWide>(value);
}

// The number in [0, 1) of the upper 52 bits.
ISOKERN_INLINE Real fraction(const Bits& words) noexcept {
  return bit_cast<Real>((words >> 12) | all(0x3FF0000000000000u)) - 1.0;
}

// a[0] + z a[1] + z^2 a[2] + ...
template <int N>
ISOKERN_INLINE Real polynomial(const double (&a)[N], const Real& z) noexcept {
  Real value = real(a[N - 1]);
#pragma GCC unroll 16
  for (int n = N - 2; n >= 0; --n) value = value * z + a[n];
  return value;
}

// ln x for x in [2^-52, 1]: x = 2^k m, m in [sqrt(1/2), sqrt(2)), s = (m - 1) / (m + 1), ln m = 2 s
// (1
// + s^2/3 + s^4/5 + ...).
ISOKERN_INLINE Real logarithm(const Real& x) noexcept {
  constexpr double terms[] = {1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9,  1.0 / 11,
                              1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21};
  // ln 2 in two parts; the first ends in zeros, so that its product with k is exact.
  constexpr double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
  // Adding the distance of sqrt(1/2) from 1/2 carries into the exponent where m would be too large.
  constexpr std::uint64_t sqrt_half = 0x3FE6A09E667F3BCDu, one = 0x3FF0000000000000u;
  const Bits shifted = bit_cast<Bits>(x) + all(one - sqrt_half);
  // The exponent as a double: its bits in the low end of 2^52.
  const Real k = bit_cast<Real>((shifted >> 52) | all(0x4330000000000000u)) - (0x1p52 + 1023.0);
  const Real m = bit_cast<Real>((shifted & all(0x000FFFFFFFFFFFFFu)) + all(sqrt_half));
  const Real s = (m - 1.0) / (m + 1.0);
  const Real z = s * s, twice = s + s;
  return k * ln2_high + (twice + (twice * z * polynomial(terms, z) + k * ln2_low));
}

// cos(2 pi t) and sin(2 pi t) for t in [0, 1): the quarter nearest to t is taken off, exactly.
ISOKERN_INLINE void unit_circle(const Real& t, Real& cosine, Real& sine) noexcept {
  constexpr double cos_terms[] = {1.0,
                                  -1.0 / 2,
                                  1.0 / 24,
                                  -1.0 / 720,
                                  1.0 / 40320,
                                  -1.0 / 3628800,
                                  1.0 / 479001600,
                                  -1.0 / 87178291200,
                                  1.0 / 20922789888000};
  constexpr double sin_terms[] = {
      -1.0 / 6,        1.0 / 120,        -1.0 / 5040,          1.0 / 362880,
      -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000};
  const Real shifted = t * 4.0 + 0x1.8p52;  // rounds to the nearest integer
  const Bits quarter = bit_cast<Bits>(shifted);
  const Real angle = (t - (shifted - 0x1.8p52) * 0.25) * 6.283185307179586;
  const Real z = angle * angle;
  const Real c = polynomial(cos_terms, z), s = angle + angle * z * polynomial(sin_terms, z);
  const Bits odd = all(0) - (quarter & 1);
  const Bits sign = all(0x8000000000000000u);
  const Bits cosine_sign = ((quarter + 1) << 62) & sign, sine_sign = (quarter << 62) & sign;
  cosine = bit_cast<Real>(bit_cast<Bits>(select(odd, s, c)) ^ cosine_sign);
  sine = bit_cast<Real>(bit_cast<Bits>(select(odd, c, s)) ^ sine_sign);
}

}  // namespace

void normals(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, Index count,
             double* out) noexcept {
  constexpr int batch = 32;  // blocks
  std::uint64_t words[2 * batch];
  double radii[batch], cosines[batch], sines[batch];
  Index done = 0;
  while (done < count) {
    const std::uint64_t next = first + static_cast<std::uint64_t>(done);
    std::uint32_t raw[4 * batch];
    random_blocks(seed, stream, next / 2, batch, raw);
    for (int b = 0; b < batch; ++b) {
      words[b] = raw[4 * b] | static_cast<std::uint64_t>(raw[4 * b + 1]) << 32;
      words[batch + b] = raw[4 * b + 2] | static_cast<std::uint64_t>(raw[4 * b + 3]) << 32;
    }
    for (int b = 0; b < batch; b += kWide) {
      const Real u = 1.0 - fraction(load<Bits>(words + b));
      store(radii + b, -2.0 * logarithm(u));
      Real cosine, sine;
      unit_circle(fraction(load<Bits>(words + batch + b)), cosine, sine);
      store(cosines + b, cosine);
      store(sines + b, sine);
    }
    for (double& radius : radii) radius = __builtin_sqrt(radius);
    double numbers[2 * batch];
    for (int b = 0; b < batch; ++b) {
      numbers[2 * b] = radii[b] * cosines[b];
      numbers[2 * b + 1] = radii[b] * sines[b];
    }
    const Index skip = static_cast<Index>(next % 2);
    const Index made = 2 * batch - skip < count - done ? 2 * batch - skip : count - done;
    for (Index i = 0; i < made; ++i) out[done + i] = numbers[skip + i];
    done += made;
  }
}

}  // namespace ISOKERN_ISA
}  // namespace isokern
