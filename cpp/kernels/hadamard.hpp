// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Stages of Walsh-Hadamard transforms; see fwht.cpp.
#pragma once

#include "entries.hpp"
#include "panels.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

constexpr int kRadix = kVectorBytes == 64 ? 16 : 8;

template <int R, class V>
ISOKERN_INLINE void butterfly(V (&v)[R]) noexcept {
#pragma GCC unroll 4
  for (int h = 1; h < R; h *= 2) {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      if ((i & h) != 0) continue;
      const V a = v[i], b = v[i + h];
      v[i] = a + b;
      v[i + h] = a - b;
    }
  }
}

template <class T, int Bit, int... I>
ISOKERN_INLINE Vector<T, kLanes<T>> lane_stage(const Vector<T, kLanes<T>>& v,
                                               Lanes<I...>) noexcept {
  const Vector<T, kLanes<T>> other = __builtin_shufflevector(v, v, (I ^ Bit)...);
  const Vector<T, kLanes<T>> signs = {((I & Bit) != 0 ? T(-1) : T(1))...};
  return v * signs + other;
}

// Stages of the bits below `below`, at most all of a vector's.
template <class T, int Bit = 1>
ISOKERN_INLINE void lane_stages(Vector<T, kLanes<T>>& v, Index below) noexcept {
  if constexpr (Bit < kLanes<T>) {
    if (Bit >= below) return;
    v = lane_stage<T, Bit>(v, typename MakeLanes<kLanes<T>>::type{});
    lane_stages<T, 2 * Bit>(v, below);
  }
}

// Rows of a matrix, where they come from and where they go.
template <class T>
struct Rows {
  const T* from;
  Index from_stride;
  T* to;
  Index to_stride;
};

struct NothingBetween {
  ISOKERN_INLINE void operator()(int) const noexcept {}
};

// The stages of R rows, h rows apart, for all of the n rows; columns are whole vectors.
template <int R, bool last, class T, class Between>
ISOKERN_INLINE void pass(const Rows<T>& rows, Index n, Index h, Index columns, T factor,
                         Between& between) noexcept {
  constexpr int lanes = kLanes<T>;
  using V = Vector<T, lanes>;
  for (Index base = 0; base < n; base += R * h) {
    for (Index r = base; r < base + h; ++r) {
      const T* from = rows.from + r * rows.from_stride;
      T* to = rows.to + r * rows.to_stride;
      const Index from_step = h * rows.from_stride, to_step = h * rows.to_stride;
      for (Index c = 0; c < columns; c += lanes) {
        V v[R];
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i) v[i] = load<V>(from + i * from_step + c);
        butterfly<R>(v);
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i) {
          if constexpr (last) v[i] = v[i] * factor;
          store(to + i * to_step + c, v[i]);
        }
        between(R);
      }
    }
  }
}

template <bool last, class T, class Between>
void pass_of(Index radix, const Rows<T>& rows, Index n, Index h, Index columns, T factor,
             Between& between) noexcept {
  switch (radix) {
    case 1:
      return pass<1, last>(rows, n, h, columns, factor, between);
    case 2:
      return pass<2, last>(rows, n, h, columns, factor, between);
    case 4:
      return pass<4, last>(rows, n, h, columns, factor, between);
    case 8:
      return pass<8, last>(rows, n, h, columns, factor, between);
    default:
      return pass<kRadix, last>(rows, n, h, columns, factor, between);
  }
}

// All stages of n rows: the first pass reads `from`, the last writes `to`, the others stay in
// scratch. between(R) follows every R vectors.
template <class T, class Between = NothingBetween>
ISOKERN_INLINE void all_passes(const Rows<T>& rows, Index n, Index columns, T factor, T* scratch,
                               Between&& between = {}) noexcept {
  const T* from = rows.from;
  Index from_stride = rows.from_stride, h = 1;
  while (true) {
    const Index radix = n / h < kRadix ? n / h : kRadix;
    if (h * radix < n) {
      pass_of<false, T>(radix, {from, from_stride, scratch, columns}, n, h, columns, factor,
                        between);
      from = scratch;
      from_stride = columns;
      h *= radix;
      continue;
    }
    pass_of<true, T>(radix, {from, from_stride, rows.to, rows.to_stride}, n, h, columns, factor,
                     between);
    return;
  }
}

// The stages within R vectors that follow one another, of n numbers.
template <int R, class T>
ISOKERN_INLINE void first_pass(const T* from, Index n, T factor, T* to) noexcept {
  constexpr int lanes = kLanes<T>;
  using V = Vector<T, lanes>;
  for (Index at = 0; at < n; at += R * lanes) {
    V v[R];
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      v[i] = load<V>(from + at + i * lanes);
      lane_stages<T>(v[i], lanes);
    }
    butterfly<R>(v);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) store(to + at + i * lanes, v[i] * factor);
  }
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
