// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Several inner products of several rows in one pass, in double for either dtype: products of
// float32 are then exact.
#pragma once

#include "entries.hpp"
#include "simd.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// Which rows a product is of.
struct RowPair {
  int left, right;
};

// result[k] = <rows[pairs[k].left], rows[pairs[k].right]>.
template <int R, int K, class T>
ISOKERN_INLINE void inner_products(const T* const (&rows)[R], Index d, const RowPair (&pairs)[K],
                                   double (&result)[K]) noexcept {
  constexpr int lanes = kLanes<double>;
  // Two independent sums for each product hide the latency of the addition, where registers allow
  // it.
  constexpr int chains = 2 * K + R <= (kVectorBytes == 64 ? 30 : 14) ? 2 : 1;
  using V = Vector<double, lanes>;
  V sums[chains][K] = {};
  Index i = 0;
  for (; i + chains * lanes <= d; i += chains * lanes) {
#pragma GCC unroll 2
    for (int chain = 0; chain < chains; ++chain) {
      V values[R];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        values[r] = convert<double, lanes>(load<Vector<T, lanes>>(rows[r] + i + chain * lanes));
      }
#pragma GCC unroll 8
      for (int k = 0; k < K; ++k) sums[chain][k] += values[pairs[k].left] * values[pairs[k].right];
    }
  }
  for (int k = 0; k < K; ++k) {
    V total = sums[0][k];
    if constexpr (chains == 2) total += sums[1][k];
    result[k] = sum<double, lanes>(total);
  }
  for (; i < d; ++i) {
    for (int k = 0; k < K; ++k) {
      result[k] += static_cast<double>(rows[pairs[k].left][i]) *
                   static_cast<double>(rows[pairs[k].right][i]);
    }
  }
}

template <class T>
ISOKERN_INLINE void widen(const T* row, Index d, double* to) noexcept {
  for (Index i = 0; i < d; ++i) to[i] = static_cast<double>(row[i]);
}

template <class T>
ISOKERN_INLINE void narrow(const double* row, Index d, T* to) noexcept {
  for (Index i = 0; i < d; ++i) to[i] = static_cast<T>(row[i]);
}

template <class T>
ISOKERN_INLINE void fill_nan(T* row, Index d) noexcept {
  for (Index i = 0; i < d; ++i) row[i] = static_cast<T>(__builtin_nan(""));
}

// Whether the sum of squares, in T, is far from both ends of the range.
template <class T>
ISOKERN_INLINE bool ordinary(const T* row, Index d) noexcept {
  constexpr int lanes = kLanes<T>, chains = 4;
  constexpr T low = sizeof(T) == 4 ? T(1e-30) : T(1e-280), high = T(1) / low;
  using V = Vector<T, lanes>;
  V sums[chains] = {};
  Index i = 0;
  for (; i + chains * lanes <= d; i += chains * lanes) {
#pragma GCC unroll 4
    for (int chain = 0; chain < chains; ++chain) {
      const V value = load<V>(row + i + chain * lanes);
      sums[chain] += value * value;
    }
  }
  T square = sum<T, lanes>((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; i < d; ++i) square += row[i] * row[i];
  return square >= low && square <= high;
}

// a.x and b.x, for vectors that are widened already.
template <class T>
ISOKERN_INLINE void two_products(const double* a, const double* b, const T* x, Index d, double& ax,
                                 double& bx) noexcept {
  constexpr int lanes = kLanes<double>, chains = 4;
  using V = Vector<double, lanes>;
  V a_sums[chains] = {}, b_sums[chains] = {};
  Index i = 0;
  for (; i + chains * lanes <= d; i += chains * lanes) {
#pragma GCC unroll 4
    for (int chain = 0; chain < chains; ++chain) {
      const Index at = i + chain * lanes;
      const V value = convert<double, lanes>(load<Vector<T, lanes>>(x + at));
      a_sums[chain] += load<V>(a + at) * value;
      b_sums[chain] += load<V>(b + at) * value;
    }
  }
  ax = sum<double, lanes>((a_sums[0] + a_sums[1]) + (a_sums[2] + a_sums[3]));
  bx = sum<double, lanes>((b_sums[0] + b_sums[1]) + (b_sums[2] + b_sums[3]));
  for (; i < d; ++i) {
    ax += a[i] * static_cast<double>(x[i]);
    bx += b[i] * static_cast<double>(x[i]);
  }
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
