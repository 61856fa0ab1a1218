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

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
