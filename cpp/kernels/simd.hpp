// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Vectors of the set's width, through the vector extension of GCC and clang: + - * and comparisons
// are operators, a product and a sum become one fused operation where the set has it. Loads and
// stores take any alignment.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.hpp"
#include "isokern/config.hpp"

#if defined(__AVX__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace isokern {
namespace ISOKERN_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <class T, int N>
struct VectorOf {
  typedef T type __attribute__((vector_size(sizeof(T) * N)));
};
template <class T>
struct VectorOf<T, 1> {
  using type = T;
};
template <class T, int N>
using Vector = typename VectorOf<T, N>::type;

// Lanes of a full vector of T.
template <class T>
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <class V>
ISOKERN_INLINE V load(const void* p) noexcept {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

template <class V>
ISOKERN_INLINE void store(void* p, const V& v) noexcept {
  __builtin_memcpy(p, &v, sizeof v);
}

// Element by element: Vector<From, N> to Vector<To, N>.
template <class To, int N, class V>
ISOKERN_INLINE Vector<To, N> convert(const V& v) noexcept {
  if constexpr (N == 1) {
    return static_cast<To>(v);
  } else {
    return __builtin_convertvector(v, Vector<To, N>);
  }
}

template <class T, int N>
ISOKERN_INLINE Vector<T, N> broadcast(T value) noexcept {
  return value - Vector<T, N>{};  // unlike a sum with zero this keeps -0, and so costs nothing
}

// The same bits as another type.
template <class To, class From>
ISOKERN_INLINE To bit_cast(const From& from) noexcept {
  static_assert(sizeof(To) == sizeof(From), "bit_cast keeps the size");
  To to;
  __builtin_memcpy(&to, &from, sizeof to);
  return to;
}

template <class T, int N>
ISOKERN_INLINE T sum(const Vector<T, N>& v) noexcept {
  T lanes[N];
  store(lanes, v);
  for (int width = N / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}

// A width as a type, for generic lambdas.
template <int N>
struct Width {
  static constexpr int value = N;
};

// piece(i, Width<N>) for i = 0, N, 2 N, ..., and piece(i, Width<1>) for the rest of [0, n).
template <int N, class Piece>
ISOKERN_INLINE void in_pieces(std::ptrdiff_t n, Piece&& piece) noexcept {
  std::ptrdiff_t i = 0;
  for (; i + N <= n; i += N) piece(i, Width<N>{});
  for (; i < n; ++i) piece(i, Width<1>{});
}

// Non-temporal stores write whole lines past the caches and spare the read of what they replace.
// Ordinary code sees them after `fence`. They need an address that is a multiple of 16
// (kStreamAlignment); elsewhere use store.
#if defined(__SSE2__)
constexpr bool kCanStream = true;
#else
constexpr bool kCanStream = false;
#endif
constexpr std::uintptr_t kStreamAlignment = 16;

template <class V>
ISOKERN_INLINE void stream(void* p, const V& v) noexcept {
#if defined(__SSE2__)
  constexpr std::size_t size = sizeof(V);
  static_assert(size % 16 == 0, "whole 16-byte pieces");
#if defined(__AVX512F__)
  if (size == 64 && reinterpret_cast<std::uintptr_t>(p) % 64 == 0) {
    if constexpr (size == 64) _mm512_stream_si512(static_cast<__m512i*>(p), bit_cast<__m512i>(v));
    return;
  }
#endif
#if defined(__AVX__)
  if constexpr (size == 32) {
    if (reinterpret_cast<std::uintptr_t>(p) % 32 == 0) {
      _mm256_stream_si256(static_cast<__m256i*>(p), bit_cast<__m256i>(v));
      return;
    }
  }
#endif
  __m128i pieces[size / 16];
  store(pieces, v);
  for (std::size_t i = 0; i < size / 16; ++i)
    _mm_stream_si128(static_cast<__m128i*>(p) + i, pieces[i]);
#else
  store(p, v);
#endif
}

// The same where p is known to be a multiple of the vector's size.
template <class V>
ISOKERN_INLINE void stream_aligned(void* p, const V& v) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) {
    _mm512_stream_si512(static_cast<__m512i*>(p), bit_cast<__m512i>(v));
    return;
  }
#endif
#if defined(__AVX__)
  if constexpr (sizeof(V) == 32) {
    _mm256_stream_si256(static_cast<__m256i*>(p), bit_cast<__m256i>(v));
    return;
  }
#endif
  stream(p, v);
}

ISOKERN_INLINE void fence() noexcept {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

ISOKERN_INLINE bool can_stream(const void* p, std::ptrdiff_t row_bytes) noexcept {
  return kCanStream &&
         (reinterpret_cast<std::uintptr_t>(p) | static_cast<std::uintptr_t>(row_bytes)) %
                 kStreamAlignment ==
             0;
}

// Fetches the line that lies so many bytes behind p, which may be beyond the array.
ISOKERN_INLINE void prefetch(const void* p, std::uintptr_t bytes) noexcept {
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(p) + bytes;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): no pointer that is followed
  __builtin_prefetch(reinterpret_cast<const void*>(address), 0, 3);
}

// The same into the second cache: what lies a power of two apart would push one another out of the
// first.
ISOKERN_INLINE void prefetch_second(const void* p, std::uintptr_t bytes = 0) noexcept {
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(p) + bytes;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): no pointer that is followed
  __builtin_prefetch(reinterpret_cast<const void*>(address), 0, 2);
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
