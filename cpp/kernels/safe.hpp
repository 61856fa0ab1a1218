// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Denominators, squared lengths and coefficients with which a map can be written in terms of the
// given vectors, at full accuracy: nothing cancels, and nothing over- or underflows in T.
#pragma once

#include "simd.hpp"

namespace isokern {
namespace ISOKERN_ISA {
namespace {

template <class T>
struct Safe;
template <>
struct Safe<float> {
  static constexpr double denominator_min = 0.5;
  static constexpr double square_min = 0x1p-80, square_max = 0x1p80;
  static constexpr double factor_min = 0x1p-100, factor_max = 0x1p84;
};
template <>
struct Safe<double> {
  static constexpr double denominator_min = 0.75;
  static constexpr double square_min = 0x1p-400, square_max = 0x1p400;
  static constexpr double factor_min = 0x1p-900, factor_max = 0x1p800;
};

template <class T>
ISOKERN_INLINE bool safe_square(double square) noexcept {
  return square >= Safe<T>::square_min && square <= Safe<T>::square_max;
}

template <class T>
ISOKERN_INLINE bool safe_factor(double factor) noexcept {
  const double magnitude = __builtin_fabs(factor);
  return magnitude == 0 || (magnitude >= Safe<T>::factor_min && magnitude <= Safe<T>::factor_max);
}

template <class T, int N>
ISOKERN_INLINE bool safe_factors(const double (&factors)[N]) noexcept {
  for (double factor : factors) {
    if (!safe_factor<T>(factor)) return false;
  }
  return true;
}

}  // namespace
}  // namespace ISOKERN_ISA
}  // namespace isokern
