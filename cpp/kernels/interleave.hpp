// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Interleaved lanes taken apart, and put together.
#pragma once

#include "simd.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

// Takes 2N interleaved lanes apart, and puts them together.
template <class C, int N>
ISOKERN_INLINE void unzip(const Vector<C, N>& low, const Vector<C, N>& high, Vector<C, N>& even,
                          Vector<C, N>& odd) noexcept {
  if constexpr (N == 2) {
    even = __builtin_shufflevector(low, high, 0, 2);
    odd = __builtin_shufflevector(low, high, 1, 3);
  } else if constexpr (N == 4) {
    even = __builtin_shufflevector(low, high, 0, 2, 4, 6);
    odd = __builtin_shufflevector(low, high, 1, 3, 5, 7);
  } else if constexpr (N == 8) {
    even = __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14);
    odd = __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15);
  } else {
    even = __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28,
                                   30);
    odd = __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29,
                                  31);
  }
}

template <class C, int N>
ISOKERN_INLINE void zip(const Vector<C, N>& even, const Vector<C, N>& odd, Vector<C, N>& low,
                        Vector<C, N>& high) noexcept {
  if constexpr (N == 2) {
    low = __builtin_shufflevector(even, odd, 0, 2);
    high = __builtin_shufflevector(even, odd, 1, 3);
  } else if constexpr (N == 4) {
    low = __builtin_shufflevector(even, odd, 0, 4, 1, 5);
    high = __builtin_shufflevector(even, odd, 2, 6, 3, 7);
  } else if constexpr (N == 8) {
    low = __builtin_shufflevector(even, odd, 0, 8, 1, 9, 2, 10, 3, 11);
    high = __builtin_shufflevector(even, odd, 4, 12, 5, 13, 6, 14, 7, 15);
  } else {
    low =
        __builtin_shufflevector(even, odd, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    high = __builtin_shufflevector(even, odd, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30,
                                   15, 31);
  }
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
