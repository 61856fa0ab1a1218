// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// f16 and bf16 in memory, float32 in registers. Vectors of N lanes, N = 1 included.
#pragma once

#include "isokern/dtype.hpp"
#include "simd.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// bf16 is the upper half of a float32.
template <int N>
ISOKERN_INLINE Vector<float, N> widen_bf16(const Vector<std::uint16_t, N>& bits) noexcept {
  return bit_cast<Vector<float, N>>(convert<std::uint32_t, N>(bits) << 16);
}

// Adding just under half of the last place, and its parity, carries exactly when the value must
// round up.
template <int N>
ISOKERN_INLINE Vector<std::uint16_t, N> narrow_bf16(const Vector<float, N>& x) noexcept {
  using Bits = Vector<std::uint32_t, N>;
  const Bits bits = bit_cast<Bits>(x);
  const Bits rounded = bits + 0x7FFFu + ((bits >> 16) & 1u);
  return convert<std::uint16_t, N>((x != x ? bits | 0x400000u : rounded) >> 16);
}

// Without hardware: the exponent is moved by a product with 2^112, which is exact and makes
// subnormals normal.
template <int N>
ISOKERN_INLINE Vector<float, N> widen_f16(const Vector<std::uint16_t, N>& half) noexcept {
  using Bits = Vector<std::uint32_t, N>;
  using Floats = Vector<float, N>;
#if defined(__AVX512F__)
  if constexpr (N == 16)
    return bit_cast<Floats>(_mm512_maskz_cvtph_ps(0xFFFF, bit_cast<__m256i>(half)));
#endif
#if defined(__F16C__)
  if constexpr (N == 8) return bit_cast<Floats>(_mm256_cvtph_ps(bit_cast<__m128i>(half)));
#endif
  const Bits wide = convert<std::uint32_t, N>(half);
  const Bits magnitude = (wide & 0x7FFFu) << 13;
  const Bits scaled = bit_cast<Bits>(bit_cast<Floats>(magnitude) * 0x1p112f);
  // Infinity and NaN: all exponent bits; a NaN becomes quiet, as the hardware makes it.
  const Bits special = magnitude | 0x7F800000u;
  const Bits quiet = special | 0x00400000u;
  const Bits finite_or_not =
      magnitude < 0x0F800000u ? scaled : (magnitude > 0x0F800000u ? quiet : special);
  return bit_cast<Floats>(finite_or_not | ((wide & 0x8000u) << 16));
}

template <int N>
ISOKERN_INLINE Vector<std::uint16_t, N> narrow_f16(const Vector<float, N>& x) noexcept {
  using Bits = Vector<std::uint32_t, N>;
  using Floats = Vector<float, N>;
#if defined(__AVX512F__)
  if constexpr (N == 16)
    return bit_cast<Vector<std::uint16_t, N>>(
        _mm512_maskz_cvtps_ph(0xFFFF, bit_cast<__m512>(x), _MM_FROUND_TO_NEAREST_INT));
#endif
#if defined(__F16C__)
  if constexpr (N == 8)
    return bit_cast<Vector<std::uint16_t, N>>(
        _mm256_cvtps_ph(bit_cast<__m256>(x), _MM_FROUND_TO_NEAREST_INT));
#endif
  const Bits bits = bit_cast<Bits>(x);
  const Bits magnitude = bits & 0x7FFFFFFFu;
  const Bits sign = (bits >> 16) & 0x8000u;
  // Normal: rebias by -112 and round at bit 13 as above; too large values carry into infinity, and
  // stop there.
  const Bits rebased = (magnitude - 0x38000000u + 0x0FFFu + ((magnitude >> 13) & 1u)) >> 13;
  const Bits normal = magnitude >= 0x47800000u ? Bits{} + 0x7C00u : rebased;
  // Subnormal: adding 1/2 leaves the rounded count of 2^-24 in the low bits of the sum.
  const Bits subnormal = bit_cast<Bits>(bit_cast<Floats>(magnitude) + 0.5f) - 0x3F000000u;
  const Bits nan = 0x7E00u | ((magnitude >> 13) & 0x3FFu);
  const Bits finite = magnitude < 0x38800000u ? subnormal : normal;
  return convert<std::uint16_t, N>(sign | (magnitude > 0x7F800000u ? nan : finite));
}

// Elements of storage type T as vectors of what is computed with, and back.
template <class T>
struct Element {
  template <int N>
  static ISOKERN_INLINE Vector<T, N> get(const T* p) noexcept {
    return load<Vector<T, N>>(p);
  }
  template <int N>
  static ISOKERN_INLINE Vector<T, N> pack(const Vector<T, N>& v) noexcept {
    return v;
  }
};
template <>
struct Element<float16> {
  template <int N>
  static ISOKERN_INLINE Vector<float, N> get(const float16* p) noexcept {
    return widen_f16<N>(load<Vector<std::uint16_t, N>>(p));
  }
  template <int N>
  static ISOKERN_INLINE Vector<std::uint16_t, N> pack(const Vector<float, N>& v) noexcept {
    return narrow_f16<N>(v);
  }
};
template <>
struct Element<bfloat16> {
  template <int N>
  static ISOKERN_INLINE Vector<float, N> get(const bfloat16* p) noexcept {
    return widen_bf16<N>(load<Vector<std::uint16_t, N>>(p));
  }
  template <int N>
  static ISOKERN_INLINE Vector<std::uint16_t, N> pack(const Vector<float, N>& v) noexcept {
    return narrow_bf16<N>(v);
  }
};

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
